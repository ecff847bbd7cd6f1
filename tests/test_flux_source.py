"""Daily fluxes from a run's NetCDF as from an archive, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from dhbv import flux_source, fluxes, forecast
from dhbv.errors import DhbvError
from dhbv.fluxes import archive_run
from tests.fluxes.conftest import Run, make


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make(tmp_path_factory.mktemp("models"), 0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    path = tmp_path_factory.mktemp("run")
    forecast.write(run.fluxes, path / "run.nc")
    archive_run(path / "fluxes", run.fluxes, "run.nc")
    return path


def test_a_run_and_its_archive_are_one(folder: Path, run: Run) -> None:
    asked = {"basins": run.basins[1], "start": "2000-02-27", "end": "2000-03-02"}
    both = [flux_source.daily(folder / name, ("srflow", "swe"), **asked) for name in ("run.nc", "fluxes")]
    for ds in both:
        assert ds["basin"].values.tolist() == [run.basins[1]]
        assert ds.sizes["time"] == 5
        assert ds.srflow.attrs["units"] == "mm d-1"
        assert ds["area"].item() == pytest.approx(float(run.fluxes["area"][1]))
    for name in ("srflow", "swe"):
        np.testing.assert_array_equal(both[0][name].values, both[1][name].values)


def test_what_is_not_there_is_named(folder: Path, run: Run, tmp_path: Path) -> None:
    path = folder / "run.nc"
    with pytest.raises(DhbvError, match="1 unknown basin: nowhere"):
        flux_source.daily(path, ["runoff"], basins="nowhere")
    with pytest.raises(
        DhbvError, match=r"nothing of 1980-01-01..1980-02-01 in it: it holds 1999-11-20..2001-01-20"
    ):
        flux_source.daily(path, ["runoff"], start="1980-01-01", end="1980-02-01")
    with pytest.raises(DhbvError, match="versions are asked of an archive, leave 'champion' out"):
        flux_source.daily(path, ["runoff"], version="champion")
    run.fluxes[["runoff"]].to_netcdf(tmp_path / "few.nc")
    with pytest.raises(DhbvError, match="no surface_runoff, swe in it: write the run with all outputs"):
        flux_source.daily(tmp_path / "few.nc", ["srflow", "runoff", "SWE"])
    xr.concat([run.fluxes[["runoff"]]] * 2, "quantile").to_netcdf(tmp_path / "ahead.nc")
    with pytest.raises(DhbvError, match="holds an ensemble: give an archive, a run or a cycle's analysis"):
        flux_source.daily(tmp_path / "ahead.nc", ["runoff"])
    for name in ("nowhere", "nowhere.nc"):
        with pytest.raises(DhbvError, match=f"{name}: no such file or folder: give an archive of fluxes"):
            flux_source.daily(tmp_path / name, ["runoff"])
    (tmp_path / "table.nc").write_text("basin,time,runoff")
    with pytest.raises(DhbvError, match=r"table.nc: not readable as NetCDF: give an archive of fluxes"):
        flux_source.daily(tmp_path / "table.nc", ["runoff"])


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"units": {"srflow": "m3 s-1"}}, r"surface_runoff is in m3 s-1, not mm d-1: give the archive"),
        ({"aggregation": "monthly"}, r"surface_runoff is in mm, not mm d-1"),
        (
            {"aggregation": "monthly", "units": "mm d-1"},
            r"days are missing between 1999-11-01 and 1999-12-01",
        ),
        (
            {"aggregation": "annual", "units": "mm d-1"},
            r"surface_runoff has no dimension time: give the archive",
        ),
    ],
)
def test_other_units_and_months_are_no_days_in_mm(
    folder: Path, tmp_path: Path, asked: dict[str, object], message: str
) -> None:
    """What `dhbv fluxes get` writes has the names of a run, and once passed for one."""
    ds = fluxes.open(folder / "fluxes", variables=["surface_runoff"], **asked)  # type: ignore[arg-type]
    fluxes.save(ds, tmp_path / "made.nc")
    with pytest.raises(DhbvError, match=message):
        flux_source.daily(tmp_path / "made.nc", ["srflow"])


def test_days_of_an_archive_in_its_own_units_are_as_good_as_a_run(folder: Path, tmp_path: Path) -> None:
    fluxes.save(fluxes.open(folder / "fluxes", variables=["surface_runoff"]), tmp_path / "made.nc")
    made, run = (flux_source.daily(path, ["srflow"]) for path in (tmp_path / "made.nc", folder / "run.nc"))
    np.testing.assert_array_equal(made.srflow.sel(basin=run["basin"]).values, run.srflow.values)
