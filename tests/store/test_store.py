"""What is appended is there, once, with its history; what is ambiguous is refused and changes nothing."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data.checks import check
from dhbv.data.schema import DataError, attributes
from dhbv.store import Store
from tests.data.conftest import small_region
from tests.store.conftest import NAN, at, flow, region, values


def files(store: Store) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in store.path.rglob("*") if p.is_file() and p.name != "lock"}


def test_a_window_is_a_region_of_the_schema(store: Store) -> None:
    given = small_region(6)
    store.append(given, source="test")
    ds = store.window("2000-02-26", dt.date(2000, 3, 2))
    check(ds, "window")
    for name in ("prcp", "tmin", "tmax", "streamflow", "gauge_lat", "geol_1st_class"):
        xr.testing.assert_equal(ds[name], given[name])
        assert ds[name].attrs == given[name].attrs
    assert "geol_2nd_class" not in ds, "an attribute that no basin has is none"
    assert ds["prcp"].dtype == np.float32
    assert ds["basin"].dtype == object


def test_a_window_may_reach_beyond_what_is_known(store: Store) -> None:
    store.append(flow([1, 2], [3, NAN]), source="test")
    ds = store.window("2000-12-30", np.datetime64("2001-01-02"), basins=["b", "a"])
    assert values(ds) == [[None, 3, None, None], [None, 1, 2, None]]
    assert values(ds, "prcp") == [[None] * 4] * 2, "what the schema requires is there, known or not"
    assert set(ds.data_vars) == {"prcp", "tmin", "tmax", "streamflow"}


def test_optional_variables_are_there_where_anything_of_them_is_known(store: Store) -> None:
    store.append(region({"pet": [[1, 2], [NAN, NAN]]}), source="test")
    store.append(flow([1, 2], [3, 4]), source="test")
    assert "pet" in store.window("2001-01-01", "2001-01-01")
    assert "pet" not in store.window("2001-01-01", "2001-01-01", basins=["b"])
    assert "pet" not in store.window("2001-01-02", "2001-01-03")
    only = store.window("2001-01-02", "2001-01-03", variables=["pet", "prcp"])
    assert list(only.data_vars) == ["prcp", "pet"]


def test_corrections_rule_and_the_past_is_kept(store: Store) -> None:
    store.append(flow([1, 2], [3, 4]), source="first", at=at(1))
    store.append(flow([NAN, 9], [3, NAN]), source="second", at=at(2))
    store.append(flow([1, 2], [3, 4]), source="third", at=at(3))
    window = ("2000-12-31", "2001-01-01")
    assert [values(store.window(*window, as_of=at(m)))[0][1] for m in (1, 1.5, 2, 3, 4)] == [2, 2, 9, 2, 2]
    assert [(k.value, k.when, k.source, k.batch) for k in store.history("a", "streamflow", "2001-01-01")] == [
        (2, at(1), "first", 1), (9, at(2), "second", 2), (2, at(3), "third", 3),
    ]  # fmt: skip
    assert len(store.history("b", "streamflow", "2001-01-01")) == 1
    assert store.history("b", "pet", "2001-01-01") == []
    counts = [(r.added, r.corrected, r.unchanged) for r in store.receipts()]
    assert counts == [(4, 0, 0), (0, 1, 1), (0, 1, 3)]
    assert [store.basin_days_since(at(m)) for m in (0, 1, 2, 3)] == [4, 1, 1, 0]


def test_duplicates_write_nothing(store: Store) -> None:
    table = pd.DataFrame({"slope": [0.0, 2.0], "rock": ["x", ""]}, index=["a", "b"])
    given = region({"prcp": [[0.0, 2], [3, NAN]]}, table=table)
    store.append(given, source="test")
    before = files(store)
    again = given.isel(basin=[1, 0])
    again["prcp"] = again["prcp"] * np.float32(-1) * np.float32(-1)
    again["prcp"].values[1, 0] = -0.0
    for ds in (given, again):
        receipt = store.append(ds, source="again")
        assert (receipt.batch, receipt.unchanged, receipt.added, receipt.attributes) == (None, 3, 0, 0)
    assert store.put_attributes(table * 1, source="again").batch is None
    assert files(store) == before


def test_zero_has_one_sign(store: Store) -> None:
    """Which of two equal zeros came first is no part of the data."""
    store.append(
        region({"prcp": [[-0.0]]}, "a", table=pd.DataFrame({"slope": [-0.0]}, index=["a"])), source="test"
    )
    ds = store.window("2000-12-31", "2000-12-31")
    assert (ds["prcp"].values[0, 0], ds["slope"].values[0]) == (0.0, 0.0)
    assert not np.signbit(ds["prcp"].values).any()
    assert not np.signbit(ds["slope"].values).any()


def test_a_day_after_another_equals_all_at_once(tmp_path: Path) -> None:
    given = small_region(6)
    once, daily, backwards = (Store(tmp_path / name) for name in ("once", "daily", "backwards"))
    once.append(given, source="all")
    for store, order in ((daily, range(6)), (backwards, reversed(range(6)))):
        for day in order:
            part = given.isel(time=[day])
            for name in ("prcp", "tmin", "tmax", "streamflow"):
                store.append(part[[name]], source=name)
        store.put_attributes(attributes(given), source="table")
    window = ("2000-02-26", "2000-03-02")
    for store in (daily, backwards):
        assert len(store.receipts()) == 25
        xr.testing.assert_equal(store.window(*window), once.window(*window))
        assert store.digest(*window) == once.digest(*window)


def test_attributes_are_corrected_and_remembered(store: Store) -> None:
    store.put_attributes(
        pd.DataFrame({"area_gages2": [5.0, NAN], "rock": ["x", None]}, index=["a", "b"]), source="1", at=at(1)
    )
    store.put_attributes(pd.DataFrame({"area_gages2": [6.0, 7.0]}, index=["a", "b"]), source="2", at=at(2))
    store.append(flow([1.0], basins="c"), source="3", at=at(3))
    day = ("2000-12-31", "2000-12-31")
    now, then = store.window(*day), store.window(*day, as_of=at(1))
    assert now["basin"].values.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(now["area_gages2"], [6.0, 7.0, NAN])
    assert now["rock"].values.tolist() == ["x", "", ""]
    assert now["area_gages2"].attrs["units"] == "km2"
    assert then["basin"].values.tolist() == ["a"], "b had nothing yet"
    np.testing.assert_array_equal(then["area_gages2"], [5.0])
    assert "rock" not in store.window(*day, basins=["b", "c"])
    assert store.areas() == {"a": 6.0, "b": 7.0}
    assert [r.attributes for r in store.receipts()] == [2, 2, 0]


def test_the_span_is_of_any_basin(store: Store) -> None:
    store.append(flow([1, NAN, 2, 3], [NAN] * 4), source="test")
    store.append(region({"prcp": [[1, 1]]}, "b"), source="test")
    assert store.span() == (dt.date(2000, 12, 31), dt.date(2001, 1, 1))
    assert store.span("streamflow") == (dt.date(2000, 12, 31), dt.date(2001, 1, 3))
    assert store.span("vp") is None


def test_a_file_is_taken_once(store: Store) -> None:
    first = store.append(flow([1.0], [2.0]), source="f", content="abc")
    store.append(flow([5.0], [2.0]), source="g", content="def")
    assert store.append(flow([1.0], [2.0]), source="f", content="abc") == first
    assert values(store.window("2000-12-31", "2000-12-31")) == [[5], [2]], (
        "an old file does not undo a correction"
    )
    empty = store.append(flow([5.0], [2.0]), source="h", content="123")
    assert empty.batch == 3, "a file with nothing new is remembered as well"
    assert [r.content for r in store.receipts()] == ["abc", "def", "123"]


def test_flags_stay_behind(store: Store) -> None:
    ds = flow([1.0], [2.0])
    ds["streamflow_flags"] = (
        ds["streamflow"].astype(np.uint8).assign_attrs(flag_masks=np.array([1], np.uint8))
    )
    store.append(ds, source="test")
    assert "streamflow_flags" not in store.window("2000-12-31", "2000-12-31")


def broken(change: str) -> xr.Dataset:
    ds = flow([1, 2], [3, 4])
    if change == "numbers":
        return ds.assign_coords(basin=[1013500, 2])
    if change == "twice":
        return ds.assign_coords(basin=["a", "a"])
    if change == "hours":
        return ds.assign_coords(time=np.array(["2001-01-01T00", "2001-01-01T01"], "datetime64[ns]"))
    if change == "backwards":
        return ds.isel(time=[1, 0])
    if change == "no calendar":
        return ds.assign_coords(time=[1, 2])
    if change == "name":
        return ds.rename(streamflow="flow")
    if change == "unit":
        return ds.assign(streamflow=ds["streamflow"].assign_attrs(units="ft3/s"))
    if change == "infinite":
        return flow([1, 2], [3, np.inf])
    if change == "infinite attribute":
        return ds.assign(slope=("basin", [1.0, np.inf]))
    return ds.drop_vars("basin")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("numbers", "test: basin ids are numbers, .* e.g. 01013500"),
        ("twice", "test: basin a appears more than once"),
        ("hours", "test: the date 2001-01-01 appears more than once"),
        ("backwards", "test: the date 2000-12-31 comes after 2001-01-01"),
        ("no calendar", "test: time is no calendar"),
        ("name", r"test: flow \[basin, time\] is no daily variable of the schema, .*streamflow.*: rename"),
        ("unit", "test: streamflow is in 'ft3/s': bring it to mm d-1"),
        ("infinite", "test: basin b, streamflow is infinite on 2001-01-01"),
        ("infinite attribute", "test: attribute slope of basin b is infinite"),
        ("no basin", "test: coordinates basin and time are needed, it has time"),
    ],
)  # fmt: skip
def test_what_is_ambiguous_is_refused(store: Store, change: str, message: str) -> None:
    store.append(flow([1, 2], [3, 4]), source="before")
    before = files(store)
    with pytest.raises(DataError, match=message):
        store.append(broken(change), source="test")
    assert files(store) == before


def test_attributes_that_are_ambiguous_are_refused(store: Store) -> None:
    store.put_attributes(pd.DataFrame({"rock": ["x"], "slope": [1.0]}, index=["a"]), source="test")
    for table, message in (
        (
            pd.DataFrame({"rock": [1.0]}, index=["a"]),
            "attribute rock is a number, the store knows it as text",
        ),
        (
            pd.DataFrame({"slope": ["x"]}, index=["b"]),
            "attribute slope is text, the store knows it as a number",
        ),
        (pd.DataFrame({"pet": [1.0]}, index=["a"]), "pet is a daily variable and no attribute"),
        (pd.DataFrame({"slope": [1.0, 2.0]}, index=["a", "a"]), "basin a has more than one row"),
        (pd.DataFrame({"slope": [1.0]}, index=[1013500]), "numbers, .* e.g. 01013500"),
    ):
        with pytest.raises(DataError, match=message):
            store.put_attributes(table, source="new")
    assert len(store.receipts()) == 1


def test_what_cannot_be_asked_is_told(store: Store) -> None:
    with pytest.raises(DataError, match="has no basin yet: append data first"):
        store.window("2000-01-01", "2000-01-02")
    store.append(flow([1, 2], [3, 4]), source="test", at=at(5))
    for ask, message in (
        (lambda: store.window("2001-01-02", "2001-01-01"), "2001-01-02..2001-01-01, is empty"),
        (lambda: store.window("spring", "2001-01-01"), "spring..2001-01-01 are no dates: write them as 1999-10-01"),
        (lambda: store.window("2001-01-01", "2001-01-01", basins=["x"]), "1 unknown basin: x"),
        (lambda: store.window("2001-01-01", "2001-01-01", variables=["rain"]), "no daily variable 'rain'"),
        (lambda: store.window("2001-01-01", "2001-01-01", as_of=at(4)), "no basin at that time"),
        (lambda: store.window("2001-01-01", "2001-01-01", as_of=dt.datetime(2026, 1, 1)), "no time zone"),
        (lambda: store.append(flow([1.0], basins="a"), source="x", at=dt.datetime(2026, 1, 1)), "no time zone"),
        (lambda: store.append(flow([8.0], basins="a"), source="x", at=at(4)), "in the order in which things became known"),
        (lambda: store.span("rain"), "no daily variable 'rain'"),
        (lambda: store.history("x", "prcp", "2001-01-01"), "1 unknown basin: x"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=message):
            ask()


def test_the_clock_of_the_store_never_goes_back(store: Store) -> None:
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
    store.append(flow([1.0], [2.0]), source="test", at=ahead)
    first, second = (store.append(flow([v], [2.0]), source="test").when for v in (3.0, 4.0))
    assert ahead < first < second < ahead + dt.timedelta(seconds=1), "each has a time of its own"
    assert [values(store.window("2000-12-31", "2000-12-31", as_of=t))[0][0] for t in (ahead, first, second)] == [
        1.0, 3.0, 4.0,
    ]  # fmt: skip
    same = store.append(flow([5.0], [2.0]), source="test", at=second)
    assert same.when == second, "where it is given it rules"


def test_basins_as_they_were_known(store: Store) -> None:
    store.append(flow([1.0], basins="b"), source="test", at=at(1))
    store.append(flow([1.0], [1.0], basins="ab"), source="test", at=at(2))
    assert store.basins() == store.basins(as_of=at(2)) == ("a", "b")
    assert store.basins(as_of=at(1.5)) == ("b",)
    assert store.basins(as_of=at(0)) == ()


def test_a_folder_of_something_else_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(DataError, match=r"no store but letter.txt: name a store, or a new or empty folder"):
        Store(tmp_path)
    with pytest.raises(DataError, match="no store but a file"):
        Store(tmp_path / "letter.txt")


def test_another_process_reads_the_same(store: Store) -> None:
    store.append(small_region(6), source="test")
    code = "import sys; from dhbv.store import Store; print(Store(sys.argv[1]).digest('2000-02-26', '2000-03-02'))"
    seen = subprocess.run(
        [sys.executable, "-c", code, str(store.path)], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONHASHSEED": "7"},
    )  # fmt: skip
    assert seen.stdout.strip() == store.digest("2000-02-26", "2000-03-02")
