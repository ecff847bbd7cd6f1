"""What goes to stream temperature models: means by hand, the floor, units, geometry, files, the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray
from typer.testing import CliRunner

from dhbv.cli import app
from dhbv.errors import DhbvError
from dhbv.fluxes import save
from dhbv.stream_temperature.air import running_mean
from dhbv.stream_temperature.export import air_temperature, assemble, read_geometry
from dhbv.stream_temperature.sources import FLOOR, raised

BASINS = ["01", "02"]
FIRST = "2001-01-01"
DAYS = 10


def fluxes(**values: float) -> xr.Dataset:
    """Ten days in two basins of 10 and 86.4 km2."""
    usual = {"srflow": 1.0, "ssflow": 2.0, "gwflow": 3.0, "PET": 4.0, "AET": 0.5} | values
    ds = xr.Dataset(
        {name: (("basin", "time"), np.full((2, DAYS), v)) for name, v in usual.items()},
        {"basin": BASINS, "time": pd.date_range(FIRST, periods=DAYS)},
        {"weights_sha256": "abc", "source": "a run"},
    )
    return ds.assign_coords(area=("basin", [10.0, 86.4], {"units": "km2"}))


def air(before: int = 400, after: int = 0) -> xr.DataArray:
    """Daily numbers that count the days, and ten times as many."""
    days = pd.date_range(
        end=pd.Timestamp(FIRST) + pd.Timedelta(days=DAYS - 1 + after), periods=before + DAYS + after
    )
    count = np.arange(float(len(days)))
    return xr.DataArray(np.stack([count, 10.0 * count]), {"basin": BASINS, "time": days}, ("basin", "time"))


@pytest.mark.parametrize("days", [1, 3, 30])
def test_a_running_mean_is_that_of_the_last_days(days: int) -> None:
    values = np.random.default_rng(0).normal(5.0, 9.0, (2, 50))
    found = running_mean(values, days)
    assert np.isnan(found[:, : days - 1]).all()
    for t in range(days - 1, 50):
        np.testing.assert_allclose(found[:, t], values[:, t - days + 1 : t + 1].mean(1), rtol=0, atol=1e-12)


def test_a_missing_day_is_missing_in_every_mean_that_needs_it() -> None:
    values: NDArray[np.float64] = np.arange(12.0)
    values[4] = np.nan
    expected = [np.nan, np.nan, 1.0, 2.0, np.nan, np.nan, np.nan, 6.0, 7.0, 8.0, 9.0, 10.0]
    np.testing.assert_allclose(running_mean(values, 3), expected)
    assert np.isnan(running_mean(values[:2], 3)).all(), "a record shorter than the window"


def test_means_by_hand_on_the_days_of_the_fluxes() -> None:
    ds = assemble(fluxes(), air(before=400, after=3))
    last = 400 + DAYS - 1  # the count of the last day
    for k, times in enumerate((1.0, 10.0)):
        assert ds.T1.values[k, -1] == times * last
        assert ds.T30.values[k, -1] == pytest.approx(times * (last - 14.5))
        assert ds.T365.values[k, -1] == pytest.approx(times * (last - 182.0))
    assert "incomplete" not in ds.attrs
    assert [ds[n].attrs["units"] for n in ("T1", "T30", "T365")] == ["degC"] * 3


def test_no_mean_is_silently_short() -> None:
    # 360 days before: T365 is whole from the fifth day on.
    ds = assemble(fluxes(), air(before=360))
    assert np.isnan(ds.T365.values).sum(1).tolist() == [4, 4]
    assert np.isfinite(ds.T30.values).all()
    assert ds.attrs["incomplete"] == "NaN on days whose means lack a day of weather, of 20 basin-days: T365 8"
    # A day that the weather skips, rather than tells as NaN.
    gap = air().drop_sel(time=pd.Timestamp(FIRST) + pd.Timedelta(days=3))
    assert np.flatnonzero(np.isnan(assemble(fluxes(), gap).T1.values[0])).tolist() == [3]
    assert np.isnan(assemble(fluxes(), gap).T30.values[0]).sum() == 7
    # Weather that ends before the fluxes.
    assert np.isnan(assemble(fluxes(), air().isel(time=slice(None, -2))).T1.values[:, -2:]).all()


def test_days_that_the_fluxes_lack_are_counted() -> None:
    """An archive has gaps; where flow is NaN, so is what is made of it."""
    water = fluxes()
    water["srflow"][0, 2:5] = np.nan
    water["PET"][1, 9] = np.nan
    ds = assemble(water, air(before=360))
    assert ds.attrs["incomplete"] == (
        "NaN on days that the fluxes lack, of 20 basin-days: srflow 3, gwflow 3, PET 1; "
        "NaN on days whose means lack a day of weather, of 20 basin-days: T365 8"
    )
    assert np.flatnonzero(np.isnan(ds.gwflow.values[0])).tolist() == [2, 3, 4]
    assert (ds.ssflow == 2.0).all()


def test_air_temperature_is_the_middle_of_the_day() -> None:
    weather = xr.Dataset(
        {"tmin": (("basin", "time"), [[1.0, -4.0]]), "tmax": (("basin", "time"), [[5.0, 0.0]])}
    )
    assert air_temperature(weather).values.tolist() == [[3.0, -2.0]]


def test_the_floor_is_groundwater_and_told() -> None:
    ds = assemble(fluxes(srflow=0.0, ssflow=2e-4, gwflow=0.0), air())
    total = ds.srflow + ds.ssflow + ds.gwflow
    np.testing.assert_allclose(total, FLOOR, rtol=1e-12)
    np.testing.assert_allclose(ds.gwflow, FLOOR - 2e-4, rtol=1e-12)
    np.testing.assert_allclose(ds.added, FLOOR - 2e-4, rtol=1e-12)
    assert (ds.srflow == 0.0).all()
    assert f"{FLOOR:g} mm d-1" in ds.attrs["floor"]

    above = assemble(fluxes(), air())
    assert (above.added == 0.0).all()
    assert (above.gwflow == 3.0).all(), "no water is made where there is enough"

    assert (assemble(fluxes(srflow=0.0, ssflow=0.0, gwflow=0.0), air(), floor=0.5).gwflow == 0.5).all()
    lost, added = raised(np.array([np.nan]), np.array([0.0]), np.array([0.0]))
    assert np.isnan(lost).all(), "a day that is not known stays so"
    assert np.isnan(added).all()
    for floor in (0.0, -1.0, np.nan):
        with pytest.raises(DhbvError, match="give a flow above 0"):
            assemble(fluxes(), air(), floor=floor)


def test_discharge_by_area_and_depth_without() -> None:
    ds = assemble(fluxes(srflow=0.0, ssflow=0.0, gwflow=0.0), air(), units="m3 s-1")
    # 1e-3 mm d-1 of 86.4 km2 is a litre a second.
    np.testing.assert_allclose(ds.gwflow.values[1], 1e-3, rtol=1e-12)
    np.testing.assert_allclose(ds.added.values[1], 1e-3, rtol=1e-12)
    assert {ds[n].attrs["units"] for n in ("srflow", "ssflow", "gwflow", "added")} == {"m3 s-1"}
    assert {ds[n].attrs["units"] for n in ("PET", "AET")} == {"mm d-1"}
    with pytest.raises(DhbvError, match="area of basin 01"):
        assemble(fluxes().drop_vars("area"), air(), units="m3 s-1")


def test_geometry_passes_through(tmp_path: Path) -> None:
    path = tmp_path / "reaches.csv"
    path.write_text("basin,length [m],slope,kind\n02,1500,0.002,riffle\n01,800,0.01,pool\n09,1,1,dam\n")
    ds = assemble(fluxes(), air(), read_geometry(path))
    assert ds.length.values.tolist() == [800.0, 1500.0], "by basin, not by row"
    assert ds.length.attrs["units"] == "m"
    assert "units" not in ds.slope.attrs
    assert ds.kind.values.tolist() == ["pool", "riffle"]
    assert ds.area.values.tolist() == [10.0, 86.4]

    path.write_text("basin,area [km2]\n01,7\n02,8\n")
    assert assemble(fluxes(), air(), read_geometry(path)).area.values.tolist() == [7.0, 8.0]
    path.write_text("basin,length [m]\n02,1500\n01,800\n", encoding="utf-8-sig")
    assert read_geometry(path).index.tolist() == ["02", "01"], "as spreadsheets write it"
    pd.DataFrame({"length [m]": [1500.0, 800.0]}, ["02", "01"]).to_csv(path)
    assert read_geometry(path).index.tolist() == ["02", "01"], (
        "as pandas writes it, without a name for the ids"
    )
    path.write_text('"basin id, text","length [m]"\n"02",1500\n"01",800\n')
    assert read_geometry(path).index.tolist() == ["02", "01"], "a heading may hold a comma"
    for text, message in (
        ("", r"reaches\.csv: no table of reaches \(No columns"),
        ("basin;length\n01;1\n", "one column alone, 'basin;length': .*separated by commas"),
        ("basin,length\n01,1\n", r"the geometry lacks 1 of 2 basins: 02 \(nearest: 01\)"),
        (
            "basin,length\n1,1\n02,1\n",
            r"the geometry lacks 1 of 2 basins: 01 \(nearest: 1\): give it for all, or fewer basins .ids are text, with leading",
        ),
        ("basin,length\n01,1\n01,2\n", "01 is there more than once: give one reach"),
        ("basin,T30\n01,1\n02,2\n", "a column 'T30', which is a variable of this file: rename it"),
        ("basin,a [m],a [km]\n01,1,1\n02,2,2\n", "a column is there twice: a, a"),
    ):
        path.write_text(text)
        with pytest.raises(DhbvError, match=message):
            assemble(fluxes(), air(), read_geometry(path))


def test_weather_must_know_every_basin() -> None:
    with pytest.raises(DhbvError, match="the weather lacks 1 of 2 basins: 02"):
        assemble(fluxes(), air().isel(basin=[0]))


@pytest.mark.parametrize("suffix", [".nc", ".parquet", ".csv"])
def test_every_file_holds_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / "reaches.csv"
    path.write_text("basin,length [m]\n01,800\n02,900\n")
    ds = assemble(fluxes(), air(before=360), read_geometry(path))
    out = tmp_path / f"sntemp{suffix}"
    save(ds, out)
    if suffix == ".nc":
        with xr.open_dataset(out) as back:
            xr.testing.assert_allclose(back.load(), ds)
            assert back.attrs["floor"] == ds.attrs["floor"]
        return
    frame = pd.read_parquet(out) if suffix == ".parquet" else pd.read_csv(out, dtype={"basin": str})
    frame.columns = frame.columns.str.replace(r" \[.*", "", regex=True)
    row = frame[(frame.basin == "02")].iloc[-1]
    assert row["length"] == 900.0
    assert row["T1"] == 10.0 * 369
    assert row["srflow"] == 1.0
    assert frame["T365"].isna().sum() == 8


def test_the_help_shows_units_as_they_are_written() -> None:
    """In help brackets are markup, and what stands in them is gone."""
    told = (
        CliRunner().invoke(app, ["sntemp", "--help"], env={"COLUMNS": "300", "TERMINAL_WIDTH": "300"}).output
    )
    assert "`name [unit]`" in " ".join(told.split())


def test_the_command_from_a_run_and_from_an_archive(run_files: Path) -> None:
    written = {}
    for source in ("run.nc", "fluxes"):
        out = run_files / f"{source}.sntemp.nc"
        done = CliRunner().invoke(
            app,
            ["sntemp", "--fluxes", str(run_files / source), "--data", str(run_files / "region.nc"), "--out", str(out),
             "--start", "2000-09-20", "--units", "m3 s-1"],
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        assert "T365 27" in done.stderr, "nine days too few in three basins, and that is said"
        with xr.open_dataset(out) as ds:
            written[source] = ds.load()
    run, archive = written["run.nc"], written["fluxes"]
    for name in ("srflow", "ssflow", "gwflow", "PET", "AET", "T1", "T30", "T365", "area"):
        np.testing.assert_allclose(run[name].values, archive[name].values, rtol=1e-5, err_msg=name)
    with xr.open_dataset(run_files / "run.nc") as whole:
        parts = (run.srflow + run.ssflow + run.gwflow - run.added).values
        np.testing.assert_allclose(parts, whole.streamflow.sel(time=run.time).values, rtol=1e-5)
