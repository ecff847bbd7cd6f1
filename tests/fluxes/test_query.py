"""What is asked is found, by any name and place, in any unit; what is not there is told with the nearest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv import fluxes as fx
from dhbv.data.schema import DataError
from dhbv.errors import DhbvError
from dhbv.fluxes import Archive
from dhbv.fluxes.aggregation import AGGREGATIONS
from dhbv.fluxes.names import KNOWN, resolve
from dhbv.physics.variables import VARIABLES
from dhbv.store import parquet
from tests.fluxes.conftest import Run


def single(run: Run, name: str) -> np.ndarray:
    return run.fluxes[name].values.astype(np.float32)


@pytest.mark.parametrize("row", list(KNOWN.values()), ids=lambda v: v.name)
def test_every_name_of_a_row_means_it(row: object) -> None:
    for name in {row.name, row.alias, row.standard_name} - {None}:  # type: ignore[attr-defined]
        assert resolve([name, name.upper()]) == {name: row, name.upper(): row}


def test_aliases_are_the_names_of_the_result_and_add_up(filled: Archive, run: Run) -> None:
    back = fx.open(filled.path, basins=run.basins, variables=["srflow", "ssflow", "gwflow", "PET", "swe"])
    assert list(back.data_vars) == ["srflow", "ssflow", "gwflow", "PET", "swe", "made_by"]
    np.testing.assert_array_equal(back["srflow"], single(run, "surface_runoff"))
    parts = back["srflow"] + back["ssflow"] + back["gwflow"]
    np.testing.assert_allclose(parts, single(run, "runoff"), rtol=1e-6)
    assert back["srflow"].attrs["units"] == "mm d-1"
    csdms = "land_surface_water__baseflow_volume_flux"
    assert back["gwflow"].attrs["csdms_standard_name"] == csdms
    np.testing.assert_array_equal(
        fx.open(filled.path, basins=run.basins, variables=csdms)[csdms], back["gwflow"]
    )


def test_unknown_names_answer_with_the_nearest(filled: Archive) -> None:
    with pytest.raises(DhbvError, match=r"1 unknown variables: 'srflo' \(nearest: srflow"):
        fx.open(filled.path, variables=["srflo", "swe"])
    with pytest.raises(DhbvError, match=r"'baseflo' \(nearest: baseflow"):
        fx.open(filled.path, variables="baseflo")
    basin = filled.basins()[0]
    with pytest.raises(DataError, match=rf"1 unknown basin: {basin}x \(nearest: {basin}"):
        fx.open(filled.path, basins=[f"{basin}x"])
    with pytest.raises(DhbvError, match=r"no aggregation 'monthy' \(nearest: monthly\)"):
        fx.open(filled.path, aggregation="monthy")
    with pytest.raises(DhbvError, match=r"a unit is given for swe, which is not asked for"):
        fx.open(filled.path, variables="runoff", units={"swe": "cm"})


def test_nothing_asked_for_is_a_mistake(filled: Archive) -> None:
    for how in AGGREGATIONS:
        with pytest.raises(DhbvError, match="no variable is named: name some, or leave the list out"):
            fx.open(filled.path, variables=[], aggregation=how)
    for ask in (fx.open, fx.balance):
        with pytest.raises(DhbvError, match="fluxes: no basin is named: name some, or leave the list out"):
            ask(filled.path, basins=[])


def test_one_row_by_two_names_may_have_two_units(filled: Archive) -> None:
    units = {"srflow": "m3 s-1", "Surface_Runoff": "mm d-1"}
    ds = fx.open(filled.path, variables=["srflow", "surface_runoff", "SRFLOW"], units=units)
    assert [ds[n].attrs["units"] for n in ("srflow", "surface_runoff", "SRFLOW")] == [
        "m3 s-1",
        "mm d-1",
        "m3 s-1",
    ]
    np.testing.assert_allclose(ds["srflow"], ds["surface_runoff"] * ds["area"] / 86.4)
    same = fx.open(filled.path, variables=["surface_runoff"], units={"srflow": "cm d-1"})
    assert same["surface_runoff"].attrs["units"] == "cm d-1", "any name of the row will do"


def test_basins_by_list_text_file_unit_and_box(filled: Archive, run: Run, tmp_path: Path) -> None:
    a, b, c = sorted(run.basins)

    def asked(**how: object) -> list[str]:
        return fx.open(filled.path, variables="runoff", **how)["basin"].values.tolist()  # type: ignore[arg-type]

    assert asked() == [a, b, c]
    assert asked(basins=[c, a]) == [c, a], "in the order asked for"
    assert asked(basins=b) == [b]
    assert asked(basins=f"{c}, {b}") == [c, b]
    listed = tmp_path / "ids.txt"
    listed.write_text(f"{b}\n{a}\n")
    assert asked(basins=listed) == asked(basins=str(listed)) == [b, a]
    units = dict(zip(run.basins, run.region["huc_02"].values, strict=True))
    assert asked(huc="17") == [x for x in (a, b, c) if units[x] == "17"]
    assert asked(huc="0109") == [x for x in (a, b, c) if units[x] == "01"], "within two digits known"
    lat, lon = (dict(zip(run.basins, run.region[n].values, strict=True)) for n in ("gauge_lat", "gauge_lon"))
    around = (lon[b] - 0.1, lat[b] - 0.1, lon[b] + 0.1, lat[b] + 0.1)
    assert asked(box=around) == [b]
    assert asked(basins=[a, b], box=(lon[b] + 0.1, -90.0, lon[b] - 0.1, 90.0)) == [a], "round the world"
    with pytest.raises(DhbvError, match="none of 3 basins is in hydrologic unit 05: there are 01, 17"):
        asked(huc="05")
    with pytest.raises(DhbvError, match="none of 3 basins is in box 0, 0, 1, 1: they span"):
        asked(box=(0.0, 0.0, 1.0, 1.0))


def test_hydrologic_units_that_came_as_numbers_are_text(archive: Archive, run: Run) -> None:
    numbered = run.fluxes.isel(time=slice(0, 1)).assign(huc_02=("basin", [1.0, np.nan, 17.0]))
    archive.append(numbered, "analysis", source="x", content="x")
    assert fx.open(archive.path, huc="01")["basin"].values.tolist() == run.basins[:1]
    assert fx.open(archive.path, basins=run.basins)["huc_02"].values.tolist() == ["01", "", "17"]


def test_a_period_and_days_that_are_not_there(filled: Archive, run: Run) -> None:
    back = fx.open(filled.path, basins=run.basins, variables="et", start="1999-11-18", end="1999-11-22")
    assert np.isnan(back["et"][:, :2]).all()
    np.testing.assert_array_equal(back["et"][:, 2:], single(run, "et")[:, :3])
    assert back["made_by"].values[:, :3].tolist() == [[0, 0, 1]] * 3
    with pytest.raises(
        DhbvError, match=r"nothing of 2005-01-01..2005-12-31 in it: it holds 1999-11-20..2001-01-20"
    ):
        fx.open(filled.path, start="2005-01-01", end="2005-12-31")


def test_only_the_years_and_columns_asked_for_are_read(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, list[str]]] = []
    read = parquet.read

    def watched(
        folder: Path, files: list, kind: object, columns: list[str], *rest: object, **more: object
    ) -> object:
        seen.extend((f.name, list(columns)) for f in files)
        return read(folder, files, kind, columns, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("dhbv.store.series.read", watched)
    fx.open(filled.path, variables="swe", start="2000-02-01", end="2000-02-03")
    assert seen == [("analysis/year=2000/00000001.parquet", ["basin", "day", "batch", "swe"])]


def test_months_tell_which_are_not_whole(filled: Archive, run: Run) -> None:
    back = fx.open(filled.path, basins=run.basins, variables=["runoff", "swe", "beta"], aggregation="monthly")
    month = run.fluxes["time"].dt.strftime("%Y-%m").values
    assert back["time"].dt.strftime("%Y-%m").values.tolist() == sorted(set(month))
    for k, name in enumerate(sorted(set(month))):
        inside = month == name
        np.testing.assert_allclose(back["runoff"][:, k], single(run, "runoff")[:, inside].sum(1), rtol=1e-5)
        np.testing.assert_allclose(back["swe"][:, k], single(run, "swe")[:, inside][:, -1], rtol=1e-7)
        np.testing.assert_allclose(back["beta"][:, k], single(run, "beta")[:, inside].mean(1), rtol=1e-5)
    assert back["days"].values[0, [0, 1, -1]].tolist() == [11, 31, 20]
    assert back["days_in_period"].values[[0, 1, -1]].tolist() == [30, 31, 31]
    assert back.attrs["incomplete"] == "6 of 45 periods are not whole: days < days_in_period"
    assert back["runoff"].attrs["units"] == "mm"
    assert "made_by" not in back


def test_discharge_of_months_is_their_mean(filled: Archive, run: Run) -> None:
    asked = {"basins": run.basins, "variables": ["runoff", "SWE"], "start": "2000-02-01", "end": "2000-02-29"}
    back = fx.open(filled.path, units={"runoff": "m3 s-1"}, aggregation="monthly", **asked)
    inside = run.fluxes.sel(time=slice("2000-02-01", "2000-02-29"))
    np.testing.assert_allclose(back["runoff"][:, 0], inside["streamflow"].mean("time"), rtol=1e-6)
    assert (back["runoff"].attrs["units"], back["SWE"].attrs["units"]) == ("m3 s-1", "mm")
    with pytest.raises(DhbvError, match=r"swe \[mm\] cannot be told in 'm3 s-1': .* give units by variable"):
        fx.open(filled.path, units="m3 s-1", **asked)


def test_years_water_years_and_climatologies_have_their_own_axes(filled: Archive) -> None:
    for how, axis, labels in (
        ("annual", "year", [1999, 2000, 2001]),
        ("water-year", "water_year", [2000, 2001]),
        ("climatology", "month", list(range(1, 13))),
        ("climatology-daily", "day_of_year", list(range(1, 367))),
    ):
        back = fx.open(filled.path, variables="runoff", aggregation=how)
        assert back["runoff"].dims == ("basin", axis)
        assert back[axis].values.tolist() == labels
    assert back["years"].values[0, [0, 59, 100]].tolist() == [2, 1, 1]


def test_what_was_booked_is_0_where_nothing_was(filled: Archive) -> None:
    back = fx.open(filled.path, variables="booked_soil_water", start="1999-11-19", end="1999-11-22")
    assert np.isnan(back["booked_soil_water"][:, 0]).all()
    assert (back["booked_soil_water"][:, 1:] == 0.0).all()


def test_files_hold_what_was_asked(filled: Archive, tmp_path: Path) -> None:
    ds = fx.open(filled.path, variables=["runoff", "SWE"], end="1999-11-25")
    rows = fx.table(ds)
    assert list(rows.columns) == ["basin", "time", "runoff", "SWE", "made_by"]
    assert len(rows) == ds["runoff"].size
    assert set(rows["made_by"]) == {ds.attrs["made_by"]}
    for name in ("a.nc", "a.parquet", "a.csv"):
        fx.save(ds, tmp_path / "new" / name)
    with xr.open_dataset(tmp_path / "new" / "a.nc") as file:
        np.testing.assert_array_equal(file["SWE"], ds["SWE"])
        assert file["SWE"].dtype == np.float32
        assert file.attrs["weights_sha256"] == ds.attrs["weights_sha256"]
        assert file["runoff"].attrs["units"] == "mm d-1"
    back = pd.read_parquet(tmp_path / "new" / "a.parquet")
    np.testing.assert_array_equal(back["runoff"], rows["runoff"])
    text = pd.read_csv(tmp_path / "new" / "a.csv", dtype={"basin": str})
    assert list(text.columns) == ["basin", "time", "runoff [mm d-1]", "SWE [mm]", "made_by"]
    np.testing.assert_array_equal(text["runoff [mm d-1]"].astype(np.float32), rows["runoff"])
    assert text["basin"].tolist() == rows["basin"].tolist()
    with pytest.raises(DhbvError, match=r"use one of .nc, .parquet, .csv"):
        fx.save(ds, tmp_path / "a.xlsx")


def ahead(run: Run, first: str, version: str) -> xr.Dataset:
    days = run.fluxes.sel(time=slice(first, None)).isel(time=slice(0, 4))
    return days.assign_attrs(version=version)


def test_forecasts_by_issue_and_lead_stay_apart_from_the_analysis(filled: Archive, run: Run) -> None:
    for issue in ("2000-12-30", "2000-12-31", "2001-01-01"):
        filled.append(ahead(run, issue, "a"), "forecast", source=f"f/{issue}", content=issue, served=True)
    back = fx.open_forecasts(filled.path, basins=run.basins, variables=["runoff", "SWE"])
    assert dict(back.sizes) == {"basin": 3, "issue": 3, "lead": 4}
    for k, issue in enumerate(back["issue"].values):
        np.testing.assert_array_equal(
            back["SWE"][:, k], ahead(run, str(issue)[:10], "")["swe"].astype(np.float32)
        )
    again = ahead(run, "2000-12-31", "b")
    again["runoff"] = 2.0 * again["runoff"]
    filled.append(again, "forecast", source="f/again", content="again", served=True)
    asked = {
        "basins": run.basins,
        "variables": "runoff",
        "start": "2000-12-31",
        "end": "2000-12-31",
        "leads": [1, 3],
    }
    best = fx.open_forecasts(filled.path, **asked)
    assert best["lead"].values.tolist() == [1, 3]
    np.testing.assert_array_equal(best["runoff"][:, 0], again["runoff"].astype(np.float32)[:, [0, 2]])
    first = fx.open_forecasts(filled.path, version="a", **asked)
    np.testing.assert_array_equal(first["runoff"], back["runoff"][:, 1:2, [0, 2]])
    assert fx.table(best)["made_by"].tolist() == ["b"] * 6
    shorter = ahead(run, "2000-12-31", "c").isel(time=slice(0, 2))
    filled.append(shorter, "forecast", source="f/shorter", content="shorter", served=True)
    whole = fx.open_forecasts(filled.path, basins=run.basins, variables="runoff")["runoff"]
    assert np.isnan(whole[:, 1, 2:]).all(), "nothing is left of the longer one before"
    np.testing.assert_array_equal(whole[:, 1, :2], shorter["runoff"].astype(np.float32))
    assert fx.open(filled.path)["runoff"].sizes["time"] == run.fluxes.sizes["time"]
    with pytest.raises(DhbvError, match="booked_soil_water is known of days that were analysed alone"):
        fx.open_forecasts(filled.path, variables="booked_soil_water")
    with pytest.raises(
        DhbvError, match=r"no forecast of these basins and leads was issued 2000-12-30..2001-01-01"
    ):
        fx.open_forecasts(filled.path, leads=[9])
    with pytest.raises(DhbvError, match="no forecast of these basins and leads"):
        fx.open_forecasts(filled.path, **asked | {"leads": [4]})


def test_quantiles_of_an_ensemble(archive: Archive, run: Run) -> None:
    one = ahead(run, "2000-12-30", "a")[list(VARIABLES)]
    spread = xr.concat([one * 0.5, one, one * 2.0], pd.Index([0.05, 0.5, 0.95], name="quantile"))
    archive.append(spread.assign_attrs(one.attrs), "forecast", source="f/1", content="1")
    back = fx.open_forecasts(archive.path, basins=run.basins, variables="runoff")
    assert back["runoff"].dims == ("basin", "issue", "lead", "quantile")
    np.testing.assert_allclose(back["quantile"], [0.05, 0.5, 0.95], rtol=1e-6)
    np.testing.assert_array_equal(back["runoff"][:, 0, :, 1], one["runoff"].astype(np.float32))
    np.testing.assert_array_equal(back["runoff"][:, 0, :, 2], (one["runoff"] * 2.0).astype(np.float32))
    with pytest.raises(DhbvError, match="no analysis in it yet: append one with `dhbv forecast"):
        fx.open(archive.path)
