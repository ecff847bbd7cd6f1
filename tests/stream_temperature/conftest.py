"""A run as NetCDF and in an archive, and its weather."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhbv import forecast
from dhbv.fluxes import archive_run
from tests.fluxes.conftest import make


@pytest.fixture(scope="session")
def run_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with run.nc, fluxes and region.nc: three basins, fourteen months."""
    folder = tmp_path_factory.mktemp("run")
    run = make(folder, 0)
    forecast.write(run.fluxes, folder / "run.nc")
    archive_run(folder / "fluxes", run.fluxes, "run.nc")
    run.region.to_netcdf(folder / "region.nc")
    return folder
