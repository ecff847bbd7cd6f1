from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import xarray as xr

from dhbv.data import DataError, open_region, open_source

from .conftest import Download


@pytest.fixture
def pack(region: xr.Dataset, tmp_path: Path) -> Path:
    path = tmp_path / "region.nc"
    region.to_netcdf(path)
    return path


def test_what_is_accepted_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere: no such file or folder: give the folder of a CAMELS"):
        open_region(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"no region in it: .*basin_mean_forcing.*NetCDF file"):
        open_region(tmp_path)


@pytest.mark.parametrize("source", ["download", "pack"])
@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (
            "1970-01-01",
            None,
            "the start 1970-01-01 asked for is not within the period of the forcing, {held}: choose --start within it",
        ),
        (
            None,
            "2030-01-01",
            "the end 2030-01-01 asked for is not within the period of the forcing, {held}: choose --end within it",
        ),
        ("2000-01-03", "2000-01-02", r"2000-01-03\.\.2000-01-02, is empty: choose one within {held}"),
        ("soon", None, r"start 'soon' is not a date: write it as 1999-10-01"),
    ],
)
def test_a_period_outside_the_data_names_both(
    request: pytest.FixtureRequest, source: str, start: str | None, end: str | None, message: str
) -> None:
    fixture = request.getfixturevalue(source)
    path = fixture.folder if isinstance(fixture, Download) else fixture
    held = {"download": r"1999-12-28\.\.2000-01-06", "pack": r"2000-02-26\.\.2000-03-02"}[source]
    with pytest.raises(DataError, match=message.replace("{held}", held)):
        open_region(path, start=start, end=end)


@pytest.mark.parametrize("source", ["download", "pack"])
def test_a_source_names_its_basins_and_reads_some(request: pytest.FixtureRequest, source: str) -> None:
    fixture = request.getfixturevalue(source)
    path = fixture.folder if isinstance(fixture, Download) else fixture
    found, whole = open_source(path), open_region(path)
    assert list(found.basins) == whole["basin"].values.tolist()
    xr.testing.assert_identical(found.read(found.basins[1:]), open_region(path, basins=found.basins[1:]))


def test_a_source_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no region in it"):
        open_source(tmp_path)
    with pytest.raises(DataError, match="no such file: check the path"):
        open_source(tmp_path / "nowhere.nc")


def test_unknown_basins_are_counted_and_the_first_five_named(pack: Path) -> None:
    asked = ["02177001", *(f"x{k}" for k in range(6))]
    with pytest.raises(DataError, match=r"7 unknown basins: 02177001 \(nearest: 02177000.*x3 .* and 2 more"):
        open_region(pack, basins=asked)
    with pytest.raises(DataError, match="basin 01013500 is asked for more than once"):
        open_region(pack, basins=["01013500", "01013500"])


def test_the_region_is_checked(region: xr.Dataset, tmp_path: Path) -> None:
    region["prcp"][1, 3] = -1.0
    path = tmp_path / "bad.nc"
    region.to_netcdf(path)
    with pytest.raises(DataError, match=r"bad\.nc: basin 02177000, prcp: negative precipitation"):
        open_region(path)
    assert open_region(path, end="2000-02-28").sizes["time"] == 3
    assert open_region(path, basins=["01013500"]).sizes["basin"] == 1


def test_a_forecast_of_ungauged_basins_needs_no_flow(download: Download, tmp_path: Path) -> None:
    shutil.rmtree(download.folder / "usgs_streamflow")
    with pytest.raises(DataError, match="usgs_streamflow"):
        open_region(download.folder)
    ungauged = open_region(download.folder, needs_flow=False)
    assert ungauged["streamflow"].isnull().all()
    path = tmp_path / "ungauged.nc"
    ungauged.drop_vars("streamflow").to_netcdf(path)
    with pytest.raises(DataError, match="no variable streamflow"):
        open_region(path)
    assert "streamflow" not in open_region(path, needs_flow=False)
