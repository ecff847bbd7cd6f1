"""A cycle with an ensemble, as an operation makes it, with places, flags and its archive; and a run."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from dhbv.operations import cycle
from tests.fluxes.conftest import Run, make
from tests.operations.conftest import BASINS, DAYS, ISSUE, KNOWN, Site, day, make_operation, region


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three basins, fourteen months."""
    return make(tmp_path_factory.mktemp("models"), 0)


@pytest.fixture(scope="session")
def whole() -> xr.Dataset:
    """All weather and flow, with places."""
    ds = region()
    ds["gauge_lon"] = ("basin", np.linspace(-110.0, -80.0, len(BASINS)))
    assert ds.sizes["time"] == DAYS
    return ds


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, whole: xr.Dataset) -> Site:
    """Two cycles: the second, three days later, lacks weather of two basins."""
    folder = tmp_path_factory.mktemp("site")
    made = Site(make_operation(folder), whole, folder / "models")
    earlier = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    made.store.append(whole.isel(time=slice(0, KNOWN)), source="history", at=earlier)
    made.serve(0)
    cycle.run(made.operation, ISSUE)
    made.arrive(0, 20)
    made.arrive(21, 22, without=("02", "05"))
    cycle.run(made.operation, day(23))
    return made


@pytest.fixture(scope="session")
def made(site: Site) -> Path:
    """The folder of the second cycle."""
    return cycle.done(site.operation)[-1].path
