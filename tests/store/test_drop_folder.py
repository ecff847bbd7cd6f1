"""Files are taken once, whole, in any of the forms; a broken one is named and left, and holds up no other."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data.schema import DataError, assemble, basin_ids
from dhbv.data.units import CUBIC_FOOT
from dhbv.store import Store
from dhbv.store.drop_folder import SUFFIXES, passed_over, read_file, take_new
from tests.store.conftest import NAN, values

CSV = """basin, date, prcp [mm d-1], tmin [K]
01013500, 2001-01-02, 2.5, 273.15
01013500, 2001-01-01, 1.5,
02177000, 2001-01-01, 0, 280.15
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "drop"
    made.mkdir()
    return made


def taken(store: Store, folder: Path) -> dict[str, str]:
    """What became of each file: how many values were added, or the problem."""
    return {
        t.file.name: t.problem or t.note or str(t.receipt and t.receipt.added)
        for t in take_new(store, folder)
    }


def test_csv_in_rows(store: Store, folder: Path) -> None:
    (folder / "a.csv").write_text(CSV, encoding="utf-8")
    assert taken(store, folder) == {"a.csv": "5"}
    ds = store.window("2001-01-01", "2001-01-02")
    assert ds["basin"].values.tolist() == ["01013500", "02177000"]
    assert values(ds, "prcp") == [[1.5, 2.5], [0.0, None]]
    assert values(ds, "tmin") == [[None, 0.0], [7.0, None]]
    assert store.receipts()[0].source == "a.csv"
    assert (folder / "a.csv").read_text(encoding="utf-8") == CSV


def test_each_content_once_whatever_its_name(store: Store, folder: Path) -> None:
    (folder / "a.csv").write_text(CSV, encoding="utf-8")
    taken(store, folder)
    assert taken(store, folder) == {}
    (folder / "b.csv").write_text(CSV, encoding="utf-8")
    (folder / "c.csv").write_text(CSV.replace("2.5", "9.5"), encoding="utf-8")
    assert taken(store, folder) == {"c.csv": "0"}
    assert values(store.window("2001-01-01", "2001-01-02"), "prcp")[0] == [1.5, 9.5]
    assert taken(store, folder) == {}, "the first file does not come back to undo the correction"
    (folder / "d.csv").write_text(CSV, encoding="utf-8")
    noted = taken(store, folder)
    assert list(noted) == ["d.csv"], "it came after the correction"
    receipts = store.receipts()
    first, second = (f"{r.when:%Y-%m-%d}" for r in receipts)
    assert noted["d.csv"] == (
        f"taken already on {first} as a.csv, and not again after the correction of {second}: to let its values rule "
        "again, change its content, as by a blank line at the end; otherwise remove it"
    )
    assert store.receipts() == receipts
    (folder / "d.csv").write_text(CSV + "\n", encoding="utf-8")
    assert taken(store, folder) == {"d.csv": "0"}
    assert values(store.window("2001-01-01", "2001-01-02"), "prcp")[0] == [1.5, 2.5]


def test_all_forms_say_the_same(store: Store, folder: Path, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "basin": ["a", "b", "a"],
            "date": pd.to_datetime(["2001-01-01", "2001-01-01", "2001-01-03"]),
            "streamflow [ft3 s-1]": [1.0, 2.0, 3.0],
            "pet [mm d-1]": [NAN, 4.0, 5.0],
        }
    )
    areas = {"a": 10.0, "b": 20.0}
    frame.to_csv(folder / "x.csv", index=False)
    frame.assign(date=frame["date"].dt.date).to_parquet(folder / "x.parquet")
    ds = xr.Dataset(
        {
            "streamflow": (("time", "basin"), [[1.0, 2.0], [3.0, NAN]], {"units": "ft3/s"}),
            "pet": (("time", "basin"), [[NAN, 4.0], [5.0, NAN]], {"units": "mm/day"}),
        },
        {"basin": ["a", "b"], "time": pd.to_datetime(["2001-01-01", "2001-01-03"])},
    )
    ds.to_netcdf(folder / "x.nc")
    own = ds.assign(area_gages2=("basin", [10.0, 20.0]), rock=("basin", ["x", "y"]))
    own.to_netcdf(tmp_path / "own.nc")
    read = [read_file(folder / f"x.{kind}", areas) for kind in ("csv", "parquet", "nc")]
    read.append(read_file(tmp_path / "own.nc", {}))
    factor = CUBIC_FOOT * 86400.0 / 1000.0
    for given in read:
        assert isinstance(given, xr.Dataset)
        np.testing.assert_allclose(
            given["streamflow"], [[factor / 10, 3 * factor / 10], [2 * factor / 20, NAN]], rtol=1e-6
        )
        np.testing.assert_array_equal(given["pet"], [[NAN, 5.0], [4.0, NAN]])
        assert np.datetime_as_string(given["time"].values, "D").tolist() == ["2001-01-01", "2001-01-03"]
    assert read[3]["rock"].values.tolist() == ["x", "y"]
    with pytest.raises(DataError, match=r"x.csv: streamflow in ft3 s-1 needs the attribute area_gages2"):
        read_file(folder / "x.csv", {"a": 10.0})
    store.put_attributes(pd.DataFrame({"area_gages2": areas}), source="table")
    assert taken(store, folder) == {"x.csv": "5", "x.nc": "0", "x.parquet": "0"}, (
        "the areas are those of the store"
    )


def test_a_table_of_attributes(store: Store, folder: Path) -> None:
    (folder / "attributes.csv").write_text("gauge_id,area_gages2,rock\n0101,5.5, x\n", encoding="utf-8")
    taken(store, folder)
    assert store.areas() == {"0101": 5.5}
    assert taken(store, folder) == {}


def test_a_broken_file_holds_up_no_other(store: Store, folder: Path) -> None:
    (folder / "a.csv").write_text(CSV.replace("2.5", "much"), encoding="utf-8")
    (folder / "b.csv").write_text(CSV, encoding="utf-8")
    (folder / "c.parquet").write_bytes(b"PAR1")
    (folder / "d.nc").write_bytes(b"CDF")
    (folder / ".e.csv").write_text("writing", encoding="utf-8")
    (folder / "f.csv.part").write_text("writing", encoding="utf-8")
    (folder / "g.csv").write_bytes(b"\xff\xfe\x00")
    found = taken(store, folder)
    assert list(found) == ["a.csv", "b.csv", "c.parquet", "d.nc", "g.csv"]
    assert found.pop("b.csv") == "5"
    for name, problem in found.items():
        assert str(folder / name) in problem
    assert "row 1: prcp is 'much' where a number belongs" in found["a.csv"]
    assert "not readable as Parquet" in found["c.parquet"]
    assert "not readable as NetCDF ([Errno -51] NetCDF: Unknown file format" in found["d.nc"]
    again = taken(store, folder)
    assert again == found, "told again until it is mended"
    (folder / "a.csv").write_text(CSV.replace("2.5", "3.5"), encoding="utf-8")
    assert "a.csv" in taken(store, folder)
    assert values(store.window("2001-01-02", "2001-01-02"), "prcp")[0] == [3.5]


def test_advice_of_other_libraries_is_left_out(folder: Path) -> None:
    """xarray asks whoever gave it a text file to install further backends, in three lines with two addresses."""
    (folder / "a.nc").write_text("a page that says: not found\n", encoding="utf-8")
    with pytest.raises(DataError) as refused:
        read_file(folder / "a.nc", {})
    text = str(refused.value)
    assert text.startswith(
        f"{folder / 'a.nc'}: not readable as NetCDF (did not find a match in any of xarray's"
    )
    assert text.endswith("]): drop it again")
    assert "\n" not in text
    assert "http" not in text
    assert "Consider" not in text


def test_semicolons_between_columns_are_told_of(folder: Path) -> None:
    rows = "basin;date;prcp [mm d-1]\n01;2024-05-01;2,5\n"
    for name, text in (("a", rows), ("b", rows.replace("2,5", "2") + "01;2024-05-02;1,5;2,5\n")):
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=r"separate columns by commas, and give decimals a point$"):
            read_file(folder / f"{name}.csv", {})


def test_what_no_one_thought_of_holds_up_no_other(
    store: Store, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "a.csv").write_text(CSV.replace("2.5", "9.5"), encoding="utf-8")
    (folder / "b.csv").write_text(CSV, encoding="utf-8")

    def gate(ds: xr.Dataset) -> xr.Dataset:
        if float(ds["prcp"].max()) == 9.5:
            raise ZeroDivisionError("nobody knows")
        raise DataError("and this is known")

    assert [t.problem for t in take_new(store, folder, gate=gate)] == [  # type: ignore[arg-type]
        f"{folder / 'a.csv'}: ZeroDivisionError: nobody knows",
        "and this is known",
    ]
    assert "Traceback" in caplog.text
    assert "nobody knows" in caplog.text


def test_flipped_bytes_are_told(folder: Path) -> None:
    """Where a compressed block is damaged the library raises neither OSError nor ValueError."""
    ds = xr.Dataset(
        {"prcp": (("basin", "time"), np.random.default_rng(0).random((4, 50)), {"units": "mm d-1"})},
        {"basin": list("abcd"), "time": pd.date_range("2001-01-01", periods=50)},
    )
    ds.to_netcdf(folder / "a.nc", encoding={"prcp": {"zlib": True, "fletcher32": True}})
    raw = bytearray((folder / "a.nc").read_bytes())
    at = raw.find(b"\x78\x5e")
    assert at > 0, "the block is not where it was"
    raw[at + 20] ^= 0xFF
    (folder / "a.nc").write_bytes(raw)
    with pytest.raises(DataError, match=r"a\.nc: not readable as NetCDF"):
        read_file(folder / "a.nc", {})


@pytest.mark.parametrize(
    ("dates", "days"),
    [
        (("2024-05-01T00:00:00+02:00", "2024-05-02T00:00:00+02"), "2024-05-01 2024-05-02"),
        (("2024-05-01T00:00:00-05:00", "2024-05-02 23:00-0500"), "2024-05-01 2024-05-02"),
        (("2024-03-30T00:00:00+01:00", "2024-04-01T00:00:00+02:00"), "2024-03-30 2024-04-01"),
        (("2024-05-01T00:00:00Z", "2024-05-02"), "2024-05-01 2024-05-02"),
        (("20240501", "20240502"), "2024-05-01 2024-05-02"),
        (("1994-06-01", "2004-05-31"), "1994-06-01 2004-05-31"),
    ],
)
def test_a_date_is_the_day_that_is_written(folder: Path, dates: tuple[str, str], days: str) -> None:
    """Its own calendar day, whatever the offset, also where that changes with the season."""
    rows = "".join(f"a,{date},1\n" for date in dates)
    (folder / "a.csv").write_text("basin,date,prcp [mm d-1]\n" + rows, encoding="utf-8")
    read = read_file(folder / "a.csv", {})
    assert np.datetime_as_string(read["time"].values, "D").tolist() == days.split()
    assert read["prcp"].values.tolist() == [[1.0, 1.0]]


def test_days_of_parquet_keep_their_zone(folder: Path) -> None:
    when = pd.DatetimeIndex(["2024-05-01T00:00", "2024-05-02T00:00"], tz="Europe/Berlin")
    pd.DataFrame({"basin": "a", "date": when, "prcp [mm d-1]": 1.0}).to_parquet(folder / "a.parquet")
    days = read_file(folder / "a.parquet", {})["time"].values
    assert np.datetime_as_string(days, "D").tolist() == ["2024-05-01", "2024-05-02"]


@pytest.mark.parametrize(
    ("date", "message"),
    [
        ("9999-12-31", "row 2: date '9999-12-31' cannot be read: write basins as text and days as 1999-10-01"),
        ("0204-05-02", "row 2: date '0204-05-02' cannot be read"),
        ("1799-12-31", "row 2: date '1799-12-31' cannot be read"),
        (f"{dt.date.today() + dt.timedelta(400)}", "row 2: date .* cannot be read"),
        ("2024-05-02 and on", "row 2: date '2024-05-02 and on' cannot be read"),
        (
            "1903-10-06",
            "row 2: 1903-10-06 is more than ten years from the other days, there is none between 1903-10-06 and "
            "2024-05-01: correct it, or give the days before and after in files of their own",
        ),
    ],
)  # fmt: skip
def test_a_misprinted_year_is_refused_by_row(folder: Path, date: str, message: str) -> None:
    for n, name in enumerate("ab"):
        rows = f"{name},2024-05-01,1\n{name},{date},1\n{name},2024-05-03,1\n"
        (folder / f"{n}.csv").write_text("basin,date,prcp [mm d-1]\n" + rows, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_file(folder / "0.csv", {})


@pytest.mark.parametrize(
    ("year", "message"),
    [("1790", "time 1: 1790-01-02 cannot be read as a day: give days from 1800-01-01 to"),
     ("1903", "time 1: 1903-01-02 is more than ten years from the other days, there is none between 1903-01-02 and")],
)  # fmt: skip
def test_so_is_that_of_netcdf(folder: Path, year: str, message: str) -> None:
    days = np.array([f"{year}-01-02", "2003-01-03", "2003-01-04"], "datetime64[ns]")
    ds = xr.Dataset(
        {"prcp": (("basin", "time"), [[1.0, 2.0, 3.0]], {"units": "mm d-1"})}, {"basin": ["a"], "time": days}
    )
    ds.to_netcdf(folder / "a.nc")
    with pytest.raises(DataError, match=message):
        read_file(folder / "a.nc", {})


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("basin,Date,prcp [mm d-1]", "column 'Date' looks like days: rename it to date"),
        ("basin,date ,prcp [mm d-1]", "column 'date ' looks like days: rename it to date"),
        ("basin,day,slope", "column 'day' looks like days: rename it to date"),
        ("basin,time,slope", "column 'time' looks like days: rename it to date"),
        ("basin,when,prcp [mm d-1]", "'prcp .*' holds daily values, and no column tells their days, there are basin, when"),
    ],
)  # fmt: skip
def test_daily_values_without_date_are_no_attributes(
    store: Store, folder: Path, header: str, message: str
) -> None:
    (folder / "a.csv").write_text(f"{header}\n01,2024-05-01,1.5\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        raise DataError(taken(store, folder)["a.csv"])
    assert store.receipts() == []


def test_attributes_with_a_unit_are_numbers(store: Store, folder: Path) -> None:
    """As text the store would keep them for good, and no cycle could be run on them."""
    text = np.array(["44.5", "44 N", ""], object)
    ds = xr.Dataset(
        {
            "prcp": (("basin", "time"), np.ones((3, 1)), {"units": "mm d-1"}),
            "gauge_lat": ("basin", text),
            "rock": ("basin", ["x", "7", "8"]),
        },
        {"basin": ["01", "02", "03"], "time": pd.to_datetime(["2001-01-01"])},
    )
    ds.to_netcdf(folder / "a.nc")
    assert taken(store, folder)["a.nc"] == (
        "a.nc: basin 02, gauge_lat: '44 N' is no number (degrees_north): correct it, or leave it empty where it is missing"
    )
    text[1] = "-45"
    ds.assign(gauge_lat=("basin", text)).to_netcdf(folder / "a.nc", "w")
    assert taken(store, folder) == {"a.nc": "3"}
    window = store.window("2001-01-01", "2001-01-01")
    np.testing.assert_array_equal(window["gauge_lat"], [44.5, -45.0, NAN])
    assert window["rock"].values.tolist() == ["x", "7", "8"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("basin,", "gauge_id, basin,"), "has both columns gauge_id and basin: keep the one that holds the basin ids"),
        (("tmin [K]", "prcp [in d-1]"), r"more than one column is prcp, the last 'prcp \[in d-1\]': keep one"),
        (("prcp [mm d-1]", "prcp"), r"column 'prcp' tells no unit: write it in the header, as prcp \[mm d-1\]"),
        (("prcp [mm d-1]", "rain [mm d-1]"), r"column 'rain \[mm d-1\]' is no daily variable: there are prcp, tmin"),
        (("prcp [mm d-1]", "prcp [furlong]"), "variable prcp has unit 'furlong'"),
        (("basin,", "place,"), "no column basin, it has place, date"),
        (("2001-01-02", "2001-02-30"), "row 1: date '2001-02-30' cannot be read: .* as 1999-10-01"),
        (("2001-01-02", "2001-01-01"), "row 2: basin 01013500 has 2001-01-01 a second time: keep one row a day"),
        (("02177000, 2001-01-01, 0", "02177000, 2001-01-01, inf"), "basin 02177000, prcp is infinite on 2001-01-01"),
        (("01013500, 2001-01-02", ", 2001-01-02"), "row 1: basin nan cannot be read"),
    ],
)  # fmt: skip
def test_what_is_ambiguous_is_named(
    store: Store, folder: Path, change: tuple[str, str], message: str
) -> None:
    assert change[0] in CSV
    (folder / "a.csv").write_text(CSV.replace(*change, 1), encoding="utf-8")
    (outcome,) = take_new(store, folder)
    assert outcome.receipt is None
    with pytest.raises(DataError, match=message):
        raise DataError(outcome.problem)
    assert store.receipts() == []


def test_numbers_are_no_ids(store: Store, folder: Path) -> None:
    pd.DataFrame({"basin": [1013500], "date": ["2001-01-01"], "prcp [mm d-1]": [1.0]}).to_parquet(
        folder / "a.parquet"
    )
    ds = xr.Dataset(
        {"prcp": (("basin", "time"), [[1.0]], {"units": "mm d-1"})},
        {"basin": [7], "time": pd.to_datetime(["2001-01-01"])},
    )
    ds.to_netcdf(folder / "b.nc")
    found = taken(store, folder)
    assert "e.g. 01013500" in found["a.parquet"]
    assert "e.g. 00000007" in found["b.nc"]


def test_an_id_that_lost_its_zeros_makes_no_second_basin(store: Store, folder: Path) -> None:
    """Days and attributes are refused alike, before the gate reports on them; what is written right is taken."""
    (folder / "a.csv").write_text(CSV, encoding="utf-8")
    taken(store, folder)
    (folder / "b.csv").write_text(CSV.replace("01013500", "1013500"), encoding="utf-8")
    (folder / "c.csv").write_text("basin,slope\n002177000,1\n1013500,2\n", encoding="utf-8")
    (folder / "d.csv").write_text(CSV.replace("02177000", "12177000"), encoding="utf-8")
    seen = []

    class Sound:
        def __init__(self, ds: xr.Dataset) -> None:
            seen.append(basin_ids(ds))
            self.clean, self.quarantine = ds, xr.Dataset()

    for _ in range(2):
        found = {t.file.name: t.problem for t in take_new(store, folder, gate=Sound)}
        remedy = (
            "ids are text, with leading zeros: write them as the store has them, or begin a new store if it is there that "
            "they lost their zeros"
        )
        assert found.pop("b.csv") == f"b.csv: basin 1013500 (the store has 01013500): {remedy}"
        assert found.pop("c.csv") == (
            f"c.csv: basin 002177000 (the store has 02177000), 1013500 (the store has 01013500): {remedy}"
        )
        assert set(found.values()) <= {""}
    assert seen == [["01013500", "12177000"]]
    assert store.basins() == ("01013500", "02177000", "12177000")


def test_ids_that_are_no_numbers_lose_no_zeros(store: Store) -> None:
    """Nor are two new ones of one delivery taken for one another: which is right nobody knows."""
    for n, basins in enumerate((["01", "001"], ["0a"], ["a"], ["01"])):
        days = np.array(["2001-01-01"], "datetime64[D]") + n
        store.append(assemble(basins, days, {"prcp": np.ones((len(basins), 1))}), source="x")
    assert store.basins() == ("001", "01", "0a", "a")


def test_the_gate_is_asked(store: Store, folder: Path) -> None:
    (folder / "a.csv").write_text(CSV, encoding="utf-8")
    (folder / "attributes.csv").write_text("basin,slope\n01013500,1\n", encoding="utf-8")

    class Report:
        def __init__(self, ds: xr.Dataset) -> None:
            reasons = np.where(ds["prcp"].values > 2.0, "wet", "").astype(object)
            self.clean, self.quarantine = ds, ds[["prcp"]].copy(data={"prcp": reasons})

    outcome = take_new(store, folder, gate=Report)
    assert [t.receipt.set_aside for t in outcome if t.receipt] == [1, 0]
    assert values(store.window("2001-01-01", "2001-01-02"), "prcp")[0] == [1.5, None]

    def refuse(ds: xr.Dataset) -> Report:
        raise DataError("a basin is gone")

    (folder / "b.csv").write_text(CSV.replace("2.5", "1"), encoding="utf-8")
    assert [t.problem for t in take_new(store, folder, gate=refuse)] == ["a basin is gone"]


def test_files_of_other_kinds_are_named(folder: Path) -> None:
    """But for those that are being written, or hidden."""
    for name in ("a.csv", "b.NC", "c.parquet", ".d.xlsx", "e.csv.part", "f.tmp"):
        (folder / name).write_text("", encoding="utf-8")
    (folder / "g.txt").mkdir()
    assert passed_over(folder) == ""
    for name in ("k", "j.xlsx", "i.txt"):
        (folder / name).write_text("", encoding="utf-8")
    assert passed_over(folder) == (
        f"passed over: i.txt, j.xlsx, k; what is taken ends in {', '.join(SUFFIXES)}"
    )


def test_there_must_be_a_folder(store: Store, folder: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such folder: make it, or name the one"):
        take_new(store, folder / "nowhere")
    assert take_new(store, folder) == []
