"""What is dropped reaches the store past the gate; what is broken is named and the rest is taken."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data import usgs
from dhbv.data.units import CUBIC_FOOT
from dhbv.operations import ingesting
from dhbv.store.sources import LATE
from tests.data.test_nextgen import IDS, write_netcdf
from tests.operations.conftest import BASINS, ISSUE, Site, day, make_operation

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


class Gauges:
    """USGS, with one value for each site on each of some days; of `twice` two series that differ."""

    def __init__(self, twice: str = "") -> None:
        self.twice = twice
        self.asked: list[dict[str, Any]] = []

    def get_daily(self, **request: Any) -> tuple[pd.DataFrame, None]:
        self.asked.append(request)
        rows = [
            (site, "2003-10-06", value, "ft^3/s", "Approved", None, series)
            for site in request["monitoring_location_id"]
            for series, value in (("s1", 10.0), ("s2", 20.0))
            if series == "s1" or site == f"USGS-{self.twice}"
        ]
        columns = (
            "monitoring_location_id",
            "time",
            "value",
            "unit_of_measure",
            "approval_status",
            "qualifier",
        )
        return pd.DataFrame(rows, columns=[*columns, "time_series_id"]), None


class TestGauges:
    SITES = ("01013500", "01022500", "01030500")

    @pytest.fixture
    def gauged(self, make_site: Callable[..., Site]) -> Callable[..., Site]:
        def make(*, flow: bool = True, **sources: Any) -> Site:
            site = make_site(sources={"drop": None, "usgs": True} | sources)
            like = site.region.isel(basin=slice(0, 3), time=slice(0, 1100))
            like = like.assign_coords(basin=np.array(self.SITES, dtype=object))
            shutil.rmtree(site.operation.store)
            site.store.append(like if flow else like.drop_vars("streamflow"), source="history")
            return site

        return make

    def test_a_site_in_doubt_stops_no_other(
        self, gauged: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(usgs, "_client", lambda: Gauges(twice=self.SITES[2]))
        site = gauged()
        new = site.region.isel(basin=[4], time=[0]).assign_coords(basin=np.array(["01031500"], dtype=object))
        site.store.append(new[["prcp", "tmin", "tmax"]], source="a new basin")
        (arrival,) = ingesting.ingest(site.operation, day(1)).arrivals
        assert arrival.receipt is not None
        assert arrival.receipt.added == 2
        area, series = arrival.problem.split("; ")
        assert area.startswith("USGS: no area for site 01031500,")
        assert series.startswith("USGS: site 01030500 has different values on 2003-10-06 from series s1, s2")
        assert series.endswith("(sources.usgs_series of an operation)")

    def test_the_configuration_says_which_series(
        self, gauged: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(usgs, "_client", lambda: Gauges(twice=self.SITES[2]))
        site = gauged(usgs_series={self.SITES[2]: "s2"})
        (arrival,) = ingesting.ingest(site.operation, day(1)).arrivals
        assert (arrival.problem, arrival.receipt and arrival.receipt.added) == ("", 3)
        area = site.store.areas()[self.SITES[2]]
        flow = site.store.window("2003-10-06", "2003-10-06", basins=self.SITES[2:])["streamflow"].item()
        assert flow == pytest.approx(20.0 * CUBIC_FOOT * 86.4 / area, rel=1e-5)

    def test_it_says_from_when_on_while_there_is_no_flow(
        self, gauged: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        client = Gauges()
        monkeypatch.setattr(usgs, "_client", lambda: client)
        operation = gauged(flow=False).operation
        (arrival,) = ingesting.ingest(operation, day(1)).arrivals
        assert (
            "say from which day on to ask for it (start; sources.usgs_start of an operation)"
            in arrival.problem
        )
        sources = {"drop": None, "usgs": True, "usgs_start": "2003-01-01"}
        for _ in range(2):
            operation = make_operation(operation.folder, sources=sources)
            (arrival,) = ingesting.ingest(operation, day(1)).arrivals
            assert arrival.problem == ""
        late = day(0) - dt.timedelta(LATE)
        assert [request["time"] for request in client.asked] == [f"2003-01-01/{day(1)}", f"{late}/{day(1)}"]


def test_what_no_one_thought_of_stops_no_source(
    make_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("time")

    monkeypatch.setattr(ingesting, "take_nextgen", broken)
    site = make_site(sources={"drop": "incoming", "nextgen": "forcing", "usgs": True})
    drop(site, "a.csv", 0, 0)
    arrivals = ingesting.ingest(site.operation, TODAY).arrivals
    assert [a.receipt is None for a in arrivals] == [False, True, True]
    assert arrivals[1].problem == f"{site.operation.folder / 'forcing'}: KeyError: 'time'"
    assert "Traceback" in caplog.text
    assert (site.operation.folder / "reports" / f"{TODAY}.txt").read_text().startswith("a.csv")


def test_a_file_that_came_again_after_a_correction_is_noted(site: Site) -> None:
    original = drop(site, "a.csv", 0, 0).read_bytes()
    ingesting.ingest(site.operation, TODAY)
    drop(site, "b.csv", 0, 0, prcp={("03", day(0)): 44.0})
    ingesting.ingest(site.operation, TODAY)
    assert ingesting.ingest(site.operation, TODAY).arrivals == []
    (site.operation.folder / "incoming" / "c.csv").write_bytes(original)
    (arrival,) = ingesting.ingest(site.operation, TODAY).arrivals
    assert (arrival.source, arrival.problem) == ("c.csv", "")
    assert "as a.csv, and not again after the correction of" in arrival.note
    text = (site.operation.folder / "reports" / f"{TODAY}.txt").read_text()
    assert f"c.csv\n\n{arrival.note}\n" in text


def test_files_of_other_kinds_are_told_of_once_a_day(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """And again when another one has come."""
    drop(site, "a.csv", 0, 0)
    folder = site.operation.folder / "incoming"
    (folder / "j.xlsx").write_text("", encoding="utf-8")
    lines = [ingesting.ingest(site.operation, TODAY).passed_over for _ in range(3)]
    assert lines[0].startswith("incoming: passed over: j.xlsx; what is taken ends in .csv, ")
    assert lines[1:] == ["", ""]
    report = site.operation.folder / "reports" / f"{TODAY}.txt"
    assert report.read_text(encoding="utf-8").count("passed over") == caplog.text.count("passed over") == 1
    assert f"\n{lines[0]}\n" in report.read_text(encoding="utf-8")
    (folder / "k.txt").write_text("", encoding="utf-8")
    assert "passed over: j.xlsx, k.txt;" in ingesting.ingest(site.operation, TODAY).passed_over
    assert "j.xlsx, k.txt;" in ingesting.ingest(site.operation, TODAY + dt.timedelta(1)).passed_over


def test_flow_whose_weather_comes_later_is_kept(site: Site) -> None:
    """A basin without weather is named as gone, its flow is sound."""
    folder = site.operation.folder / "incoming"
    folder.mkdir(exist_ok=True)
    head = "basin,date,prcp [mm d-1],tmin [degC],tmax [degC],streamflow [mm d-1]\n"
    rows = f"01,{day(0)},1,2,9,1.5\n02,{day(0)},,,,1.7\n"
    (folder / "a.csv").write_text(head + rows, encoding="utf-8")
    (report,) = ingesting.ingest(site.operation, TODAY).reports
    assert {(f.fault, f.basin) for f in report.of("quarantine") if f.basin == "02"} == {("basin gone", "02")}
    assert site.store.quarantined().empty
    flow = site.store.window(day(0), day(0), basins=["01", "02"])["streamflow"]
    np.testing.assert_allclose(flow.values[:, 0], [1.5, 1.7])


@pytest.mark.parametrize(("offset", "rained"), [(0, "2015-12-02"), (-5, "2015-12-01")])
def test_forcing_is_cut_at_local_midnight(make_site: Callable[..., Site], offset: int, rained: str) -> None:
    """Rain at 01:00 UTC falls in the evening of the day before, five hours west of Greenwich."""
    site = make_site(sources={"drop": None, "nextgen": "forcing.nc", "utc_offset": offset})
    dry = {("precip_rate", k, hour): 0.0 for k in range(2) for hour in range(96)}
    write_netcdf(site.operation.folder / "forcing.nc", 96, fill=dry | {("precip_rate", 0, 25): 18.0 / 3600.0})
    (arrival,) = ingesting.ingest(site.operation, dt.date(2015, 12, 6)).arrivals
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
