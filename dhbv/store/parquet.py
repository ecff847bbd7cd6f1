"""The Parquet files of a store: their columns, and how they are written, read and merged.

Rows are sorted by their key, so that a few basins are read from a few row groups. A key occurs once in
each batch that gave it something; the later batch rules. No file is parsed before its sha256 is verified:
a flipped bit may go unnoticed by Parquet, and one in a footer can end or hang the whole process (pyarrow 26).
Of a kind that is read in part the footer alone is verified so, and each page by a checksum of its own.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
import pyarrow.dataset as pads  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from dhbv.data.schema import TIME_VARIABLES, DataError
from dhbv.files import sha256_of, written_whole
from dhbv.store.manifest import DataFile

ROW_GROUP = 32768
"""Rows: a year of 90 basins."""

FILES_PER_PARTITION = 16
"""With more, the small ones are merged."""


class Kind(NamedTuple):
    """One sort of rows: the folder they lie in, their columns, and those that make up the key."""

    name: str
    schema: pa.Schema
    key: tuple[str, ...]
    yearly: bool = False
    """Whether calendar years lie apart."""
    spans: tuple[str, ...] = ()
    """Columns of which the manifest tells the first and last day with a value."""
    tells_basins: bool = True
    """Whether a basin that occurs in a row is known from then on."""
    row_group: int = ROW_GROUP
    in_part: bool = False
    """Whether few of many basins are read: every part is verified by itself, and numbers are laid out by bytes."""


_CELL = [("basin", pa.string()), ("day", pa.date32()), ("batch", pa.int32())]

DAILY = Kind(
    "daily", pa.schema([*_CELL, *((name, pa.float32()) for name in TIME_VARIABLES)]), ("basin", "day"), True,
    tuple(TIME_VARIABLES),
)  # fmt: skip
"""A row holds what one batch gave for one basin and day; null where it gave nothing or nothing new."""

QUARANTINE = Kind(
    "quarantine",
    pa.schema([*_CELL, ("variable", pa.string()), ("value", pa.float32()), ("reason", pa.string())]),
    ("basin", "day", "variable"),
    tells_basins=False,
)

ATTRIBUTES = Kind(
    "attributes",
    pa.schema(
        [
            ("basin", pa.string()),
            ("name", pa.string()),
            ("batch", pa.int32()),
            ("number", pa.float64()),
            ("text", pa.string()),
        ]
    ),
    ("basin", "name"),
)
"""Either `number` or `text` is given."""

KINDS = (DAILY, QUARANTINE, ATTRIBUTES)


def add(
    folder: Path, present: Sequence[DataFile], kind: Kind, partition: int, table: pa.Table
) -> list[DataFile]:
    """The files of a partition once `table` is among them.

    Args:
        folder: of the store.
        present: the live files of the partition; they stay on the disk even where they are merged.
        table: rows of one batch, sorted by key.
    """
    gathered = []
    if len(present) >= FILES_PER_PARTITION:
        rows = table.num_rows
        for file in sorted(present, key=lambda f: f.first, reverse=True):
            # Sizes in geometric steps: each row is rewritten a logarithmic number of times.
            if file.rows > 2 * rows:
                break
            gathered.append(file)
            rows += file.rows
    if gathered:
        table = pa.concat_tables([read(folder, gathered, kind, kind.schema.names), table])
        table = table.sort_by([(name, "ascending") for name in (*kind.key, "batch")])
    return [*(f for f in present if f not in gathered), _write(folder, kind, partition, table)]


def _write(folder: Path, kind: Kind, partition: int, table: pa.Table) -> DataFile:
    batches = pc.min_max(table["batch"]).as_py()
    first, last = batches["min"], batches["max"]
    stem = f"{first:08d}" if first == last else f"{first:08d}-{last:08d}"
    name = "/".join([kind.name, *([f"year={partition}"] if kind.yearly else []), f"{stem}.parquet"])
    with written_whole(folder / name) as draft:
        pq.write_table(
            table.select(kind.schema.names).cast(kind.schema), draft, compression="zstd",
            row_group_size=kind.row_group, **_layout(kind),
        )  # fmt: skip
        sha256, footer = sha256_of(draft), _footer_sha256(draft) if kind.in_part else ""
    spans = {v: span for v in kind.spans if (span := _span(table, v))}
    return DataFile(kind.name, partition, name, first, last, table.num_rows, sha256, spans, footer)


def _layout(kind: Kind) -> dict[str, Any]:
    """How `pq.write_table` lays out a kind that is read in part."""
    if not kind.in_part:
        return {}
    numbers = [f.name for f in kind.schema if pa.types.is_floating(f.type)]
    others = [name for name in kind.schema.names if name not in numbers]
    return {
        "write_page_checksum": True,
        "use_byte_stream_split": numbers,
        "use_dictionary": others,
        # Of what rows are looked for by; others would make up most of the footer.
        "write_statistics": [*kind.key, "batch"],
    }


def _footer_sha256(path: Path) -> str:
    """sha256 of the end of a Parquet file: what lies where, then the length of that in 4 bytes, then PAR1."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 8))
        length = int.from_bytes(file.read(4), "little") + 8
        file.seek(max(0, size - length))
        return hashlib.sha256(file.read(length)).hexdigest()


def _span(table: pa.Table, variable: str) -> tuple[dt.date, dt.date] | None:
    days = pc.min_max(pc.filter(table["day"], pc.is_valid(table[variable]))).as_py()
    return None if days["min"] is None else (days["min"], days["max"])


def read(
    folder: Path,
    files: Sequence[DataFile],
    kind: Kind,
    columns: Sequence[str],
    where: pc.Expression | None = None,
    *,
    dictionary: Sequence[str] = (),
) -> pa.Table:
    """Rows of several files; in no promised order.

    Args:
        folder: of the store.
        columns: to read.
        where: only rows that fulfil it.
        dictionary: columns of text wanted as codes and a dictionary.

    Raises:
        FileNotFoundError: if a file is gone, as after a later append.
        DataError: if one is damaged.
    """
    schema = kind.schema
    for name in dictionary:
        encoded = pa.dictionary(pa.int32(), pa.string())
        schema = schema.set(schema.get_field_index(name), pa.field(name, encoded))
    if not files:
        return schema.empty_table().select(columns)
    for file in files:
        path = folder / file.name
        whole = _footer_sha256(path) == file.footer_sha256 if kind.in_part else sha256_of(path) == file.sha256
        if not whole:
            raise _damaged(path)
    form = pads.ParquetFileFormat(
        read_options=pads.ParquetReadOptions(dictionary_columns=set(dictionary)),
        default_fragment_scan_options=pads.ParquetFragmentScanOptions(
            page_checksum_verification=kind.in_part
        ),
    )
    dataset = pads.dataset([str(folder / f.name) for f in files], schema=schema, format=form)
    try:
        return dataset.to_table(columns=list(columns), filter=where)
    except FileNotFoundError:
        raise
    except OSError as error:
        damaged = next((f for f in files if sha256_of(folder / f.name) != f.sha256), None)
        if damaged is None:
            raise
        raise _damaged(folder / damaged.name) from error


def _damaged(path: Path) -> DataError:
    return DataError(
        f"{path}: damaged, its sha256 is not that of the manifest: restore it from a backup of the store, or append "
        "the data to a new one"
    )
