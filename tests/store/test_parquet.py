"""Files are merged, few are read, and damage to any is named."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as pads
import pytest

from dhbv.data.schema import DataError, assemble
from dhbv.store import Store, parquet
from dhbv.store import manifest as manifests
from tests.store.conftest import flow, values

LETTERS = "abcdefgh"


def paths(store: Store, kind: str = "daily") -> list[Path]:
    return sorted(store.path.glob(f"{kind}/**/*.parquet"))


def test_small_files_are_merged_and_their_rows_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "FILES_PER_PARTITION", 4)
    days = np.datetime64("2001-01-01") + np.arange(60)
    rewritten = 0
    for n, day in enumerate(days):
        before = {f.name for f in manifests.read(store.path).files}
        store.append(flow([float(n)], [float(-n)], first=str(day)), source=f"{n}")
        new = [f for f in manifests.read(store.path).files if f.name not in before]
        rewritten += sum(f.rows for f in new)
    live = manifests.read(store.path).files
    assert len(live) <= 4 + 4, "they are few"
    assert sum(f.rows for f in live) == 120
    assert rewritten <= 120 * 5, "and each row was written only a few times"
    assert {f.name for f in live} <= {str(p.relative_to(store.path)) for p in paths(store)}
    ds = store.window(days[0], days[-1])
    assert values(ds)[0] == list(range(60))
    assert [store.history("a", "streamflow", d)[0].source for d in days[::13]] == [
        f"{n}" for n in range(60)[::13]
    ]


def test_others_can_read_the_files(store: Store) -> None:
    store.append(flow([1, 2], [3, 4]), source="test")
    frame = pads.dataset(store.path / "daily", partitioning="hive").to_table().to_pandas()
    assert frame[["basin", "year", "streamflow"]].to_numpy().tolist() == [
        ["a", 2000, 1.0], ["b", 2000, 3.0], ["a", 2001, 2.0], ["b", 2001, 4.0],
    ]  # fmt: skip
    assert frame["prcp"].isna().all()


def test_a_window_reads_only_what_it_needs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    days = np.datetime64("1999-01-01") + np.arange(3 * 365)
    monkeypatch.setattr(parquet, "ROW_GROUP", 365)
    series = np.arange(8 * len(days), dtype=np.float32).reshape(8, -1)
    store.append(assemble(list(LETTERS), days, {"prcp": series, "tmin": series}), source="test")
    asked: list[tuple[list[str], list[str], int]] = []
    read = parquet.read

    def watched(folder: Path, files: Any, kind: Any, columns: Any, where: Any, **more: Any) -> Any:
        schema = kind.schema
        groups = [
            len(fragment.subset(where, schema=schema).row_groups)
            for f in files
            for fragment in pads.dataset(str(folder / f.name), schema=schema).get_fragments()
        ]
        asked.append(([f.name.split("/")[1] for f in files], list(columns), sum(groups)))
        return read(folder, files, kind, columns, where, **more)

    monkeypatch.setattr("dhbv.store.series.read", watched)
    store.window("2000-02-01", "2000-02-03", variables=["tmin"])
    assert asked[-1][:2] == (["year=2000"], ["basin", "day", "batch", "tmin"])
    store.window("2000-02-01", "2000-02-03", basins=["c"])
    assert asked[-1][2] in (1, 2), "of eight basins, the row groups with one"


def test_damage_is_found_and_named(store: Store) -> None:
    """At any place: a flipped bit in the footer of a Parquet file can go unnoticed, or end the process that reads it."""
    days = np.datetime64("2001-01-01") + np.arange(300)
    given = assemble(["a"], days, {"prcp": np.random.default_rng(0).random((1, 300))})
    store.append(given, source="test")
    (file,) = paths(store)
    whole = file.read_bytes()
    damages = [whole[:100], b"", whole + b"\0"]
    for place in range(0, len(whole), len(whole) // 20):
        damages.append(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    for content in damages:
        file.write_bytes(content)
        for ask in (
            lambda: store.window("2001-01-01", "2001-12-31"),
            lambda: store.append(given + np.float32(1), source="x"),
        ):
            with pytest.raises(DataError, match=rf"{file.name}: damaged, .* restore it from a backup"):
                ask()
    file.write_bytes(whole)
    assert store.window("2001-01-01", "2001-12-31")["prcp"].notnull().sum() == 300


def test_a_lost_file_is_named(store: Store) -> None:
    store.append(flow([1, 2], [3, 4]), source="test")
    paths(store)[0].unlink()
    with pytest.raises(
        DataError, match=r"daily/year=2000/00000001.parquet is gone: restore it from a backup"
    ):
        store.window("2000-12-31", "2001-01-01")
    with pytest.raises(DataError, match=r"daily/year=2000/00000001.parquet is gone"):
        store.append(flow([5, 2], [3, 4]), source="test")


def test_a_reader_whose_files_are_merged_away_begins_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "FILES_PER_PARTITION", 1)
    store.append(flow([1], [3]), source="test")
    read, times = parquet.read, builtins.list("x")

    def slow(*given: Any, **more: Any) -> Any:
        if times:
            times.clear()
            for n in range(3):
                store.append(flow([float(n)], [3]), source="meanwhile")
        return read(*given, **more)

    monkeypatch.setattr("dhbv.store.series.read", slow)
    assert values(store.window("2000-12-31", "2000-12-31")) == [[2], [3]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("manifest.json", b"{", r"manifest.json: damaged \(.*\): restore the store's folder"),
        ("manifest.json", json.dumps({"format": 2}).encode(), "a store of format 2, this delta-hbv reads format 1"),
        ("journal.jsonl", b"", "journal.jsonl: holds 0 of 1 appends"),
        ("journal.jsonl", b"{}\n", r"journal.jsonl: damaged \(.*batch"),
    ],
)  # fmt: skip
def test_a_damaged_record_is_named(store: Store, name: str, content: bytes, message: str) -> None:
    store.append(flow([1], [3]), source="test")
    (store.path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        store.window("2000-12-31", "2000-12-31", as_of=store.receipts()[0].when)
    if name == "journal.jsonl":
        with pytest.raises(DataError, match=r"journal.jsonl: cut off"):
            store.append(flow([2], [3]), source="test")
