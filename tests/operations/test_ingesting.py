"""What is dropped reaches the store past the gate; what is broken is named and the rest is taken."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

from dhbv.operations import ingesting
from tests.data.test_nextgen import IDS, write_netcdf
from tests.operations.conftest import BASINS, ISSUE, Site, day

TODAY = day(10)


def drop(site: Site, name: str, first: int, last: int, **changed: dict[tuple[str, dt.date], float]) -> Path:
    """Days first … last as a CSV in the drop folder; `changed` values by basin and day."""
    span = site.region[["prcp", "tmin", "tmax"]].sel(time=slice(str(day(first)), str(day(last))))
    rows = span.to_dataframe().reset_index().rename(columns={"time": "date"})
    for variable, cells in changed.items():
        for (basin, when), value in cells.items():
            rows.loc[(rows["basin"] == basin) & (rows["date"] == pd.Timestamp(when)), variable] = value
    units = {"prcp": "prcp [mm/day]", "tmin": "tmin [degC]", "tmax": "tmax [degC]"}
    folder = site.operation.folder / "incoming"
    folder.mkdir(exist_ok=True)
    rows[["basin", "date", *units]].rename(columns=units).to_csv(folder / name, index=False)
    return folder / name


def test_dropped_files_are_taken_once(site: Site) -> None:
    drop(site, "a.csv", 0, 2)
    done = ingesting.ingest(site.operation, TODAY)
    assert [(a.source, a.problem) for a in done.arrivals] == [("a.csv", "")]
    assert done.arrivals[0].receipt is not None
    assert done.arrivals[0].receipt.added == 3 * 5 * 3
    assert site.store.span("prcp") == (site.region["time"].values[0].astype("M8[D]").item(), day(2))
    assert ingesting.ingest(site.operation, TODAY).arrivals == []


def test_a_fault_is_set_aside_and_reported_by_file_basin_and_day(site: Site) -> None:
    drop(site, "b.csv", 0, 2, prcp={("03", day(1)): -4.0})
    done = ingesting.ingest(site.operation, TODAY)
    held = site.store.quarantined()
    assert held[["basin", "variable"]].values.tolist() == [["03", "prcp"]]
    assert held["value"].item() == -4.0
    assert site.store.window(day(1), day(1), basins=["03"])["prcp"].isnull().all()
    assert done.arrivals[0].problem == ""
    text = (site.operation.folder / "reports" / f"{TODAY}.txt").read_text()
    assert text.startswith("b.csv\n\nNOT passed")
    for word in ("prcp", "03", str(day(1)), "negative"):
        assert word in text


def test_a_broken_file_is_named_and_the_others_are_taken(site: Site) -> None:
    drop(site, "a.csv", 0, 0)
    (site.operation.folder / "incoming" / "b.csv").write_text("basin,date,rain\n01,2003-10-07,3\n")
    drop(site, "c.csv", 1, 1)
    arrivals = ingesting.ingest(site.operation, TODAY).arrivals
    assert [(a.source, a.receipt is not None) for a in arrivals] == [
        ("a.csv", True),
        ("b.csv", False),
        ("c.csv", True),
    ]
    assert "column 'rain' is no daily variable" in arrivals[1].problem
    span = site.store.span("prcp")
    assert span is not None
    assert span[1] == day(1)


def test_reports_of_one_day_are_kept_together(site: Site) -> None:
    drop(site, "a.csv", 0, 0)
    ingesting.ingest(site.operation, TODAY)
    drop(site, "b.csv", 1, 1)
    ingesting.ingest(site.operation, TODAY)
    ingesting.ingest(site.operation, TODAY)
    (path,) = (site.operation.folder / "reports").iterdir()
    lines = path.read_text().splitlines()
    assert [line for line in lines if line.endswith(".csv")] == ["a.csv", "b.csv"]


def test_a_source_that_fails_is_told_of(make_site: Callable[..., Site]) -> None:
    """Random basins have no USGS numbers, and there is no NextGen file."""
    site = make_site(sources={"drop": "incoming", "nextgen": "no.nc", "usgs": True})
    drop(site, "a.csv", 0, 0)
    arrivals = ingesting.ingest(site.operation, TODAY).arrivals
    assert [a.receipt is None for a in arrivals] == [False, True, True]
    assert "no.nc" in arrivals[1].problem
    assert "no basin has a USGS site number" in arrivals[2].problem


@pytest.mark.parametrize(("offset", "rained"), [(0, "2015-12-02"), (-5, "2015-12-01")])
def test_forcing_is_cut_at_local_midnight(make_site: Callable[..., Site], offset: int, rained: str) -> None:
    """Rain at 01:00 UTC falls in the evening of the day before, five hours west of Greenwich."""
    site = make_site(sources={"drop": None, "nextgen": "forcing.nc", "utc_offset": offset})
    dry = {("precip_rate", k, hour): 0.0 for k in range(2) for hour in range(96)}
    write_netcdf(site.operation.folder / "forcing.nc", 96, fill=dry | {("precip_rate", 0, 25): 18.0 / 3600.0})
    ((arrival,), _) = ingesting.ingest(site.operation, dt.date(2015, 12, 6))
    assert arrival.problem == ""
    prcp = site.store.window("2015-12-01", "2015-12-03", basins=IDS[:1])["prcp"].isel(basin=0).to_series()
    assert prcp[prcp > 0.0].to_dict() == {pd.Timestamp(rained): pytest.approx(18.0)}


def test_what_is_usual_is_learned_from_the_store(site: Site) -> None:
    """Weather of the same basins that is known; a new basin alone has no history."""
    new = xr.Dataset(coords={"basin": ["99"]})
    assert ingesting._known(site.store, new, TODAY) is None
    known = ingesting._known(site.store, site.region.isel(basin=[1, 3]), ISSUE)
    assert known is not None
    assert list(known["basin"].values) == [BASINS[1], BASINS[3]]
