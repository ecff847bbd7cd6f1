"""Rows that come out of order, twice, not at all or too early."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import xarray as xr

from dhbv.data.schema import DataError
from dhbv.quality import EVERY, examine
from dhbv.quality.finding import day
from tests.quality.conftest import TODAY, Clean
from tests.quality.planting import block_names, only


def test_reversed_rows_are_told_and_sorted(clean: Clean) -> None:
    new = clean.window(0, 30)
    report = examine(new.isel(time=slice(None, None, -1)), known=clean.known, today=TODAY)
    found = only(report, "out of order")
    assert (found.first, found.last) == (day(new["time"].values[0]), day(new["time"].values[-1]))
    assert (found.basin, found.variable, found.severity) == (EVERY, EVERY, "warn")
    xr.testing.assert_identical(report.clean, new)


def test_two_rows_that_changed_places_are_told(clean: Clean) -> None:
    new = clean.window(0, 30)
    order = [*range(10), 12, 11, 10, *range(13, 30)]
    report = examine(new.isel(time=order), known=clean.known, today=TODAY)
    found = only(report, "out of order")
    assert (found.first, found.last, found.days) == (
        day(new["time"].values[10]),
        day(new["time"].values[12]),
        2,
    )
    xr.testing.assert_identical(report.clean, new)


def test_equal_copies_of_a_day_are_told_and_one_is_kept(clean: Clean) -> None:
    new = clean.window(0, 30)
    order = [0, 1, 2, 3, 3, 3, 4, 4, *range(5, 30), 20]
    report = examine(new.isel(time=order), known=clean.known, today=TODAY)
    found = [f for f in report.findings if f.fault == "repeated day"]
    days = [day(t) for t in new["time"].values]
    assert [(f.basin, f.first, f.last, f.days, f.severity) for f in found] == [
        (EVERY, days[3], days[4], 2, "warn"),
        (EVERY, days[20], days[20], 1, "warn"),
    ]
    assert report.passed
    assert report.unplaced.sizes["time"] == 0
    xr.testing.assert_identical(report.clean, new)


def test_copies_that_contradict_are_put_aside_both(clean: Clean) -> None:
    new = clean.window(0, 30)
    order = [*range(30), 7]
    rows = new.isel(time=order)
    rows["prcp"][2, 30] = 77.0
    report = examine(rows, known=clean.known, today=TODAY)
    assert block_names(report, "quarantine") == {("repeated day", "syn-003", "prcp")}
    (found,) = report.of("quarantine")
    assert (found.first, found.days) == (day(new["time"].values[7]), 1)
    assert f"{float(new['prcp'][2, 7]):.5g} and 77 mm d-1" in found.evidence
    assert report.quarantine["prcp_value"][2, 7] == new["prcp"][2, 7]
    assert report.unplaced["prcp"].values[2].tolist() == [77.0]
    assert int((report.quarantine["prcp"] > 0).sum()) == 1


def test_a_copy_fills_what_the_first_row_lacks(clean: Clean) -> None:
    new = clean.window(0, 30)
    rows = new.isel(time=[*range(30), 7]).copy(deep=True)
    rows["tmax"][2, 7] = np.nan
    report = examine(rows, known=clean.known, today=TODAY)
    assert report.passed
    xr.testing.assert_identical(report.clean, new)


def test_missing_days_are_named_and_stay_empty(clean: Clean) -> None:
    new = clean.window(0, 30)
    keep = [k for k in range(30) if k not in (4, 5, 6, 20)]
    report = examine(new.isel(time=keep), known=clean.known, today=TODAY)
    found = [f for f in report.findings if f.fault == "missing days"]
    days = [day(t) for t in new["time"].values]
    assert [(f.basin, f.variable, f.first, f.last, f.days) for f in found] == [
        (EVERY, EVERY, days[4], days[6], 3),
        (EVERY, EVERY, days[20], days[20], 1),
    ]
    assert not report.passed
    assert report.clean.sizes["time"] == 30
    assert np.isnan(report.clean["prcp"].values[:, [4, 5, 6, 20]]).all()
    assert {f.fault for f in report.findings} == {"missing days"}


def test_a_gap_after_the_known_days_is_told(clean: Clean) -> None:
    report = examine(clean.window(5, 30), known=clean.known, today=TODAY)
    found = only(report, "missing days")
    last = day(clean.known["time"].values[-1])
    assert (found.first, found.last, found.days) == (last + dt.timedelta(1), last + dt.timedelta(5), 5)
    assert (found.severity, report.passed) == ("warn", True)
    assert examine(clean.window(0, 30), known=clean.known, today=TODAY).findings == ()


def test_future_days_are_named_and_kept_out(clean: Clean) -> None:
    new = clean.window(0, 30)
    today = day(new["time"].values[24])
    report = examine(new, known=clean.known, today=today)
    found = only(report, "future date")
    assert (found.first, found.last, found.days) == (today + dt.timedelta(1), today + dt.timedelta(5), 5)
    xr.testing.assert_identical(report.clean, new.isel(time=slice(0, 25)))
    xr.testing.assert_identical(report.unplaced, new.isel(time=slice(25, 30)))


def test_only_future_days_leave_nothing_clean(clean: Clean) -> None:
    report = examine(clean.window(0, 30), today=dt.date(2000, 1, 1))
    assert not report.passed
    assert report.clean.sizes["time"] == 0
    assert report.unplaced.sizes["time"] == 30
    assert "no day" in report.table()


def test_a_row_without_date_is_named_and_kept(clean: Clean) -> None:
    new = clean.window(0, 30)
    time = new["time"].values.copy()
    time[29] = np.datetime64("NaT")
    report = examine(new.assign_coords(time=time), known=clean.known, today=TODAY)
    assert only(report, "no date").days == 1
    assert report.unplaced.sizes["time"] == 1
    assert report.clean.sizes["time"] == 29


@pytest.mark.parametrize("seed", range(4))
def test_nothing_is_lost(clean: Clean, seed: int) -> None:
    """Whatever comes is found again on its day, in clean or put aside, or among the rows without a place."""
    rng = np.random.default_rng(seed)
    rows = clean.window(0, 60).isel(time=rng.integers(0, 60, 90)).copy(deep=True)
    rows["time"] = rows["time"] + np.timedelta64(12, "h")
    for name in ("prcp", "tmin", "tmax", "streamflow"):
        values = rows[name].values
        for value in (-999.0, np.nan, np.inf, 300.0, -1.0, 5000.0):
            values[rng.random(values.shape) < 0.03] = value
    today = day(clean.new["time"].values[50])
    report = examine(rows, known=clean.known, today=today)
    assert (np.diff(report.clean["time"].values) == np.timedelta64(1, "D")).all()
    clean_days, unplaced_days = (
        ds["time"].values.astype("datetime64[D]") for ds in (report.clean, report.unplaced)
    )
    for name in ("prcp", "tmin", "tmax", "streamflow"):
        kept = report.clean[name].values, report.quarantine[f"{name}_value"].values
        unplaced = report.unplaced[name].values
        for came, on in zip(rows[name].values.T, rows["time"].values.astype("datetime64[D]"), strict=True):
            places = [values[:, clean_days == on] for values in kept] + [unplaced[:, unplaced_days == on]]
            found = (np.concatenate(places, 1) == came[:, None]).any(1)
            assert (found | np.isnan(came)).all()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda ds: ds.rename(time="date"), "need dimensions and coordinates basin and time, these have .*date.*: rename"),
        (lambda ds: ds.assign_coords(time=np.arange(30)), "time is no calendar: give it units such as 'days since"),
        (lambda ds: ds[["prcp"]].rename(prcp="rain"), "no variable prcp, tmin, .*, there are rain: rename them"),
        (lambda ds: ds.isel(basin=[0, 1, 0]), "basin syn-001 appears more than once: keep each basin once"),
        (lambda ds: ds.assign(prcp=ds["prcp"].mean("basin")), r"prcp has dimensions \('time',\): it needs basin and time"),
    ],
)  # fmt: skip
def test_what_cannot_be_put_in_order_is_refused(clean: Clean, damage: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        examine(damage(clean.window(0, 30)), today=TODAY)  # type: ignore[operator]


def test_dimensions_may_come_in_any_order(clean: Clean) -> None:
    new = clean.window(0, 30)
    report = examine(new.transpose("time", "basin"), known=clean.known, today=TODAY)
    assert report.findings == ()
    assert report.clean["prcp"].dims == ("basin", "time")
