"""The gate as an operation calls it: faults of a feed of a day a file are found, with what the store knows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data.schema import assemble
from dhbv.data.units import CUBIC_FOOT, streamflow_to_m3s
from dhbv.operations import ingesting
from dhbv.operations.configuration import Operation
from dhbv.quality.batch import LEAD
from dhbv.store import Store
from tests.operations.conftest import make_operation

BASINS = tuple(f"0{k}" for k in range(6))
AREA = 500.0
KNOWN = 6 * 365
FIRST = np.datetime64("2017-04-15")
FED = 36
"""Days that come after the known ones, a file each."""
NAMES = ("prcp", "tmin", "tmax", "streamflow")


def date(n: int) -> dt.date:
    """The n-th day that comes."""
    return (FIRST + KNOWN + n).astype("datetime64[D]").item()


@pytest.fixture(scope="module")
def region() -> xr.Dataset:
    """Rain, and flow of one reservoir."""
    rng = np.random.default_rng(1)
    days = KNOWN + FED
    prcp = np.where(rng.random((6, days)) < 0.4, rng.gamma(0.7, 8.0, (6, days)), 0.0)
    t = 10 + 10 * np.sin(2 * np.pi * np.arange(days) / 365) + rng.normal(0, 2, (6, days))
    flow, stored = np.zeros((6, days)), np.full(6, 20.0)
    for k in range(days):
        stored = stored + 0.5 * prcp[:, k]
        flow[:, k] = 0.03 * stored
        stored = stored - flow[:, k]
    table = pd.DataFrame({"area_gages2": AREA, "gauge_lat": 44.0}, index=pd.Index(BASINS, name="basin"))
    series = {"prcp": prcp, "tmin": t - 5, "tmax": t + 5, "streamflow": flow}
    return assemble(BASINS, FIRST + np.arange(days), series, table)


@pytest.fixture
def operation(tmp_path: Path, region: xr.Dataset) -> Operation:
    made = make_operation(tmp_path / "site")
    Store(made.store).append(region.isel(time=slice(0, KNOWN)), source="history")
    (made.folder / "incoming").mkdir()
    return made


def drop(operation: Operation, come: xr.Dataset, name: str) -> None:
    rows = come[list(NAMES)].to_dataframe().reset_index().rename(columns={"time": "date"})
    units = {n: f"{n} [{come[n].attrs['units']}]" for n in NAMES}
    rows = rows[["basin", "date", *NAMES]].rename(columns=units)
    rows.to_csv(operation.folder / "incoming" / f"{name}.csv", index=False)


@pytest.mark.drill
def test_a_feed_of_a_day_a_file(operation: Operation, region: xr.Dataset) -> None:
    """One gauge sticks; rain of one basin and flow of another are in a wrong unit until day 20. All else is sound."""
    come = region.isel(time=slice(KNOWN, None)).copy(deep=True)
    come["streamflow"][0] = region["streamflow"][0].max()
    come["prcp"][1, :20] *= 24.0
    come["streamflow"][2, :20] *= float(streamflow_to_m3s(1.0, AREA)) / CUBIC_FOOT
    for n in range(FED):
        drop(operation, come.isel(time=[n]), f"{n:03}")
    done = ingesting.ingest(operation, date(FED))
    assert [a.problem for a in done.arrivals] == [""] * FED
    held = Store(operation.store).quarantined()
    cells = {
        key: [(day - pd.Timestamp(date(0))).days for day in group["day"]]
        for key, group in held.groupby(["basin", "variable"])
    }
    assert set(cells) == {("00", "streamflow"), ("01", "prcp"), ("02", "streamflow")}
    assert cells["00", "streamflow"] == list(range(30, FED)), "from the 31st day on, and without a break"
    wet = np.flatnonzero(come["prcp"].values[1, :20] > 0.0)
    assert set(cells["01", "prcp"]) <= set(range(20)), "once it is mended nothing is set aside"
    assert len(cells["01", "prcp"]) >= 0.5 * wet.size
    assert set(cells["02", "streamflow"]) <= set(range(20))
    assert len(cells["02", "streamflow"]) >= 15
    reasons = held.groupby("basin")["reason"].agg(set).to_dict()
    assert reasons["00"] == {"stuck gauge"}
    assert reasons["01"] <= {"precipitation x24", "beyond record"}
    assert reasons["02"] == {"discharge for depth"}
    for n, report in enumerate(done.reports):
        assert {(f.first, f.last, f.days) for f in report.findings} <= {(date(n), date(n), 1)}, (
            "of new days alone"
        )
    text = (operation.folder / "reports" / f"{date(FED)}.txt").read_text()
    assert f"on each of {FED} days, 1 known, with known days since {date(0)}" in text


def test_the_area_that_is_known_tells_the_unit(operation: Operation, region: xr.Dataset) -> None:
    come = region.isel(time=slice(KNOWN, None)).copy(deep=True)
    come["streamflow"][:] *= float(streamflow_to_m3s(1.0, AREA)) / CUBIC_FOOT
    drop(operation, come, "a")
    (report,) = ingesting.ingest(operation, date(FED)).reports
    assert report.notes == ()
    assert {f.fault for f in report.of("quarantine")} == {"discharge for depth"}
    assert (report.quarantine["streamflow"] > 0).all()


def test_mean_rain_that_is_known_bounds_the_rain(tmp_path: Path, region: xr.Dataset) -> None:
    """Without a history of five years limits follow from the attribute p_mean."""
    made = make_operation(tmp_path / "site")
    short = region.isel(time=slice(KNOWN - 400, KNOWN)).assign(p_mean=("basin", np.full(6, 0.1)))
    Store(made.store).append(short, source="history")
    (made.folder / "incoming").mkdir()
    drop(made, region.isel(time=slice(KNOWN, None)), "a")
    (report,) = ingesting.ingest(made, date(FED)).reports
    assert "prcp" in {f.variable for f in report.of("quarantine")}


def test_what_waits_in_quarantine_is_seen_as_far_as_the_gate_looks(
    operation: Operation, region: xr.Dataset
) -> None:
    store, come = Store(operation.store), region.isel(time=slice(KNOWN, None))
    assert ingesting._aside(store, come) is None
    days = region.isel(time=[KNOWN - LEAD - 1, KNOWN - LEAD, KNOWN - 1])
    why = xr.full_like(days[["prcp"]], "", object)
    why["prcp"][3, :] = "test"
    store.append(days[["prcp"]] + 1.0, source="odd", quarantine=why)
    aside = ingesting._aside(store, come)
    assert aside is not None
    assert dict(aside.sizes) == {"basin": 1, "time": 2}
    np.testing.assert_allclose(aside["prcp"].values[0], days["prcp"].values[3, 1:] + 1.0)
    assert ingesting._aside(store, come.isel(basin=[0])) is None
    waiting = store.quarantined()
    store.release(waiting, source="a true storm")
    assert ingesting._aside(store, come) is None
