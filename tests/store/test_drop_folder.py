"""Files are taken once, whole, in any of the forms; a broken one is named and left, and holds up no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data.schema import DataError
from dhbv.data.units import CUBIC_FOOT
from dhbv.store import Store
from dhbv.store.drop_folder import read_file, take_new
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
    return {t.file.name: t.problem or str(t.receipt and t.receipt.added) for t in take_new(store, folder)}


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
    (folder / "e.csv").write_text(CSV, encoding="utf-8")
    assert taken(store, folder) == {}


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
    assert "not readable as NetCDF" in found["d.nc"]
    again = taken(store, folder)
    assert again == found, "told again until it is mended"
    (folder / "a.csv").write_text(CSV.replace("2.5", "3.5"), encoding="utf-8")
    assert "a.csv" in taken(store, folder)
    assert values(store.window("2001-01-02", "2001-01-02"), "prcp")[0] == [3.5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
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


def test_there_must_be_a_folder(store: Store, folder: Path) -> None:
    with pytest.raises(DataError, match="nowhere: no such folder: make it, or name the one"):
        take_new(store, folder / "nowhere")
    assert take_new(store, folder) == []
