"""What is set aside is kept with its reason, seen in no window, and let out again."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data.schema import DataError
from dhbv.quality import examine
from dhbv.store import Store
from tests.store.conftest import NAN, at, flow, region, values

WINDOW = ("2000-12-31", "2001-01-01")


def because(ds: xr.Dataset, *rows: list[str], name: str = "streamflow") -> xr.Dataset:
    """Reasons for the cells of a variable, one row a basin."""
    return xr.Dataset({name: (("basin", "time"), np.array(rows, dtype=object))}, ds.coords)


def listed(store: Store) -> list[tuple[object, ...]]:
    table = store.quarantined()
    return [
        (r.basin, str(r.day)[:10], r.variable, r.value, r.reason, r.source, not pd.isna(r.released))
        for r in table.itertuples()
    ]


def test_cells_are_set_aside_and_released(store: Store) -> None:
    given = flow([1, 99], [3, NAN])
    receipt = store.append(
        given, source="gauge", quarantine=because(given, ["", "too high"], ["", "missing"]), at=at(1)
    )
    assert (receipt.added, receipt.set_aside) == (2, 1)
    assert values(store.window(*WINDOW)) == [[1, None], [3, None]]
    assert listed(store) == [("a", "2001-01-01", "streamflow", 99.0, "too high", "gauge", False)]
    assert store.history("a", "streamflow", "2001-01-01") == []
    assert store.basin_days_since(at(0)) == 2

    held = store.quarantined()
    assert held["when"].tolist() == [pd.Timestamp(at(1))]
    released = store.release(held, source="a flood indeed", at=at(2))
    assert released.added == 1
    assert values(store.window(*WINDOW)) == [[1, 99], [3, None]]
    assert values(store.window(*WINDOW, as_of=at(1)))[0] == [1, None]
    assert store.quarantined()["released"].tolist() == [pd.Timestamp(at(2))]
    assert store.history("a", "streamflow", "2001-01-01")[0].source == "a flood indeed"
    assert store.release(held, source="twice").batch is None


def test_a_correction_that_is_set_aside_leaves_the_known_value(store: Store) -> None:
    store.append(flow([1, 2], [3, 4]), source="first")
    given = flow([1, -5], [7, 4])
    receipt = store.append(given, source="second", quarantine=because(given, ["", "negative"], ["", "odd"]))
    assert (receipt.corrected, receipt.set_aside, receipt.unchanged) == (1, 1, 2)
    assert values(store.window(*WINDOW)) == [[1, 2], [7, 4]]
    assert [(row[3], row[4]) for row in listed(store)] == [(-5.0, "negative")]


def test_the_same_again_is_set_aside_once(store: Store) -> None:
    given = flow([1, 9], [3, 4])
    why = because(given, ["", "odd"], ["", ""])
    store.append(given, source="one", quarantine=why)
    again = store.append(given, source="two", quarantine=why)
    assert (again.batch, again.unchanged) == (None, 4)
    other = store.append(given, source="three", quarantine=because(given, ["", "stuck"], ["", ""]))
    assert other.set_aside == 1
    assert [row[4:6] for row in listed(store)] == [("odd", "one"), ("stuck", "three")]


def test_given_again_without_a_fault_it_is_let_out(store: Store) -> None:
    given = flow([1, 9], [3, 4])
    store.append(given, source="one", quarantine=because(given, ["", "odd"], ["", ""]))
    store.append(given, source="two")
    assert values(store.window(*WINDOW))[0] == [1, 9]
    assert listed(store)[0][-1] is True
    store.append(flow([8], basins="a", first="2001-01-01"), source="three")
    again = store.append(given, source="four", quarantine=because(given, ["", "odd"], ["", ""]))
    assert again.set_aside == 1, "it had been let out, and waits anew"
    assert [row[-2:] for row in listed(store)] == [("one", True), ("four", False)]


def test_infinite_values_may_be_set_aside(store: Store) -> None:
    given = flow([1, np.inf], [3, 4])
    store.append(given, source="one", quarantine=because(given, ["", "infinite"], ["", ""]))
    assert listed(store)[0][3] == np.inf
    assert values(store.window(*WINDOW)) == [[1, None], [3, 4]]
    with pytest.raises(DataError, match="me: basin a, streamflow is infinite on 2001-01-01"):
        store.release(store.quarantined(), source="me")


def test_nothing_may_wait(store: Store) -> None:
    assert store.quarantined().empty
    assert store.release(store.quarantined(), source="me").batch is None


def test_a_basin_of_which_all_is_set_aside_is_not_there(store: Store) -> None:
    given = flow([1], [3])
    store.append(given, source="one", quarantine=because(given, [""], ["odd"]))
    assert store.basins() == ("a",)


def test_reasons_may_cover_a_part_in_any_order(store: Store) -> None:
    given = region({"prcp": [[1, 2], [3, 4]], "streamflow": [[5, 6], [7, 8]]})
    why = because(given, ["", "x"], ["y", ""]).isel(basin=[1], time=[0]).transpose("time", "basin")
    store.append(given.isel(basin=[1, 0]), source="one", quarantine=why)
    assert values(store.window(*WINDOW)) == [[5, 6], [None, 8]]
    assert values(store.window(*WINDOW), "prcp") == [[1, 2], [3, 4]]


def test_codes_with_cf_flags_carry_their_reasons_and_values(store: Store) -> None:
    given = flow([1, NAN], [NAN, 4])
    flags = {"flag_values": np.array([0, 1, 2], np.uint8), "flag_meanings": "sound stuck_gauge not_finite"}
    why = xr.Dataset(
        {
            "streamflow": (("basin", "time"), np.array([[0, 1], [2, 0]], np.uint8), flags),
            "streamflow_value": (("basin", "time"), [[NAN, 7.0], [8.0, NAN]]),
        },
        given.coords,
    )
    store.append(given, source="one", quarantine=why)
    assert values(store.window(*WINDOW)) == [[1, None], [None, 4]]
    assert [row[3:5] for row in listed(store)] == [(7.0, "stuck gauge"), (8.0, "not finite")]


def test_a_report_of_the_gate_is_taken_as_it_is(store: Store) -> None:
    days = 40
    rng = np.random.default_rng(0)
    tmin = rng.normal(5, 2, (2, days))
    given = region(
        {
            "prcp": rng.gamma(1, 3, (2, days)),
            "tmin": tmin,
            "tmax": tmin + 5,
            "streamflow": rng.gamma(2, 1, (2, days)),
        }
    )
    given["streamflow"].values[0, 7] = -999.0
    report = examine(given, today=dt.date(2001, 3, 1))
    receipt = store.append(report.clean, source="gate", quarantine=report.quarantine)
    assert receipt.set_aside == 1
    row = store.quarantined().iloc[0]
    assert (row["basin"], str(row["day"])[:10], row["variable"], row["value"]) == (
        "a",
        "2001-01-07",
        "streamflow",
        -999.0,
    )
    assert row["reason"]
    ds = store.window("2000-12-31", "2001-02-08")
    assert np.isnan(ds["streamflow"].values).sum() == 1
    xr.testing.assert_equal(ds["prcp"], given["prcp"])


def test_a_quarantine_of_nothing_is_refused(store: Store) -> None:
    given = flow([1], [3])
    for why, message in (
        (because(given, ["x"], [""], name="prcp"), r"the quarantine has prcp \[basin, time\], which is not given"),
        (because(flow([1], [2], basins="ax"), ["x"], [""]), "the quarantine of streamflow has a basin that is not given"),
        (because(flow([1], [2], first="2000-01-01"), ["x"], [""]), "has a time that is not given"),
        (because(given, [""], [""]).map(lambda v: v == ""), "says which cells and not why"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=message):
            store.append(given, source="one", quarantine=why)
    assert store.receipts() == []
