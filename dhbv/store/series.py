"""Daily values as arrays [basin, time]: from and to the rows of Parquet files, and what is new in them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from numpy.typing import NDArray

from dhbv.data.schema import DataError
from dhbv.store.manifest import DataFile, Manifest
from dhbv.store.parquet import DAILY, Kind, read

Day = str | dt.date | np.datetime64
"""A calendar day; text is written as 1999-10-01."""

Values = Mapping[str, NDArray[np.float32]]
"""Arrays [basin, time] by variable, NaN where there is no value."""

_FEW = 0.25
"""Share of the store's basins up to which looking for them pays in reading."""


class Daily(NamedTuple):
    """Daily values of the schema in canonical units."""

    basins: tuple[str, ...]
    """Sorted."""
    days: NDArray[np.datetime64]
    """In increasing order, [time], as datetime64[D]."""
    values: Values


class News(NamedTuple):
    """How given values differ from known ones, each [basin, time]."""

    added: NDArray[np.bool_]
    corrected: NDArray[np.bool_]
    unchanged: NDArray[np.bool_]


def news(given: NDArray[np.float32], known: NDArray[np.float32]) -> News:
    """Compare `given` with `known`, both [basin, time] with NaN for no value."""
    there, before, same = ~np.isnan(given), ~np.isnan(known), given == known
    return News(there & ~before, there & before & ~same, there & same)


def years(days: NDArray[np.datetime64]) -> Iterator[tuple[int, slice]]:
    """The calendar years of sorted `days`, each with where its days lie."""
    calendar = days.astype("datetime64[Y]").astype(int) + 1970
    found, begin = np.unique(calendar, return_index=True)
    for year, (first, last) in zip(found.tolist(), pairwise([*begin.tolist(), len(days)]), strict=True):
        yield year, slice(first, last)


def days_between(start: Day, end: Day, source: str) -> NDArray[np.datetime64]:
    """All days from `start` to `end`.

    Raises:
        DataError: if they are no dates, or none lies between them; names `source`.
    """
    try:
        first, last = (
            np.datetime64(pd.Timestamp(str(d) if isinstance(d, str) else d).date(), "D") for d in (start, end)
        )
    except ValueError:
        raise DataError(f"{source}: {start}..{end} are no dates: write them as 1999-10-01") from None
    if last < first:
        raise DataError(
            f"{source}: the period asked for, {first}..{last}, is empty: let it end after it starts"
        )
    return np.arange(first, last + 1)


def known(
    folder: Path,
    manifest: Manifest,
    basins: Sequence[str],
    days: NDArray[np.datetime64],
    variables: Sequence[str],
    last: int | None = None,
) -> dict[str, NDArray[np.float32]]:
    """The values that rule, [basin, time] by variable, NaN where nothing is known.

    Args:
        folder: of the store.
        basins: in the order wanted.
        days: sorted, each once, as datetime64[D].
        last: the last batch that counts; by default all do.
    """
    out = {name: np.full((len(basins), len(days)), np.nan, np.float32) for name in variables}
    for year, span in years(days):
        part = {name: out[name][:, span] for name in variables}
        _fill(part, folder, manifest, year, basins, days[span], last)
    return out


def _fill(
    out: dict[str, NDArray[np.float32]],
    folder: Path,
    manifest: Manifest,
    year: int,
    basins: Sequence[str],
    days: NDArray[np.datetime64],
    last: int | None,
) -> None:
    """Put the values of one calendar year into `out`."""
    files = [f for f in manifest.of(DAILY.name, year) if last is None or f.first <= last]
    variables = [name for name in out if any(name in f.spans for f in files)]
    if not variables or not basins:
        return
    where = None
    if last is not None and any(f.last > last for f in files):
        where = pc.field("batch") <= last
    few = len(basins) <= _FEW * len(manifest.basins)
    found = located(folder, files, DAILY, variables, basins, days, few=few, where=where)
    for name in variables:
        values = found.column(name)
        there = ~np.isnan(values)
        out[name][found.row[there], found.time[there]] = values[there]


class Located(NamedTuple):
    """Rows of a year and where they belong in an array [basin, time]; where several belong, the last batch is last."""

    table: pa.Table
    wanted: NDArray[np.intp]
    row: NDArray[np.intp]
    time: NDArray[np.intp]

    def column(self, name: str) -> NDArray[Any]:
        """Values of a column, one for each of `row`, NaN for null."""
        values: NDArray[Any] = self.table[name].to_numpy()[self.wanted]
        return values


def located(
    folder: Path,
    files: Sequence[DataFile],
    kind: Kind,
    columns: Sequence[str],
    basins: Sequence[str],
    days: NDArray[np.datetime64],
    *,
    few: bool,
    where: pc.Expression | None = None,
) -> Located:
    """The rows of `basins` and `days` (sorted, datetime64[D], not empty) in `files`, with `columns` and `batch`.

    Args:
        few: whether these are few of the basins there are, so that looking for them pays.
        where: only rows that fulfil this too.
    """
    asked_for = (pc.field("day") >= days[0].item()) & (pc.field("day") <= days[-1].item())
    if few:
        asked_for &= (pc.field("basin") >= min(basins)) & (pc.field("basin") <= max(basins))
        asked_for &= pc.field("basin").isin(list(basins))
    if where is not None:
        asked_for &= where
    names = list(dict.fromkeys(["basin", "day", "batch", *columns]))
    # Row groups without these basins are passed over (by older pyarrow for the bounds alone), but only where
    # names are read as plain text.
    table = read(folder, files, kind, names, asked_for, dictionary=[] if few else ["basin"])
    codes = table["basin"].dictionary_encode().combine_chunks()
    position = {b: i for i, b in enumerate(basins)}
    at = np.array([position.get(b, -1) for b in codes.dictionary.to_pylist()], np.intp)
    row = at[codes.indices.to_numpy()] if len(at) else np.zeros(0, np.intp)
    asked = days.astype(np.int64)
    day = table["day"].cast(pa.int32()).to_numpy().astype(np.int64)
    column = np.minimum(np.searchsorted(asked, day), len(asked) - 1)
    wanted = np.flatnonzero((row >= 0) & (asked[column] == day))
    row, column = row[wanted], column[wanted]
    if np.bincount(row * len(days) + column, minlength=1).max() > 1:
        # Of several batches the last is put in last, and stays.
        order = np.argsort(table["batch"].to_numpy()[wanted], kind="stable")
        wanted, row, column = wanted[order], row[order], column[order]
    return Located(table, wanted, row, column)


def rows(daily: Daily, span: slice, values: Values, batch: int) -> pa.Table:
    """Rows of `values` [basin, time within `span`], one for each basin and day with anything that is not NaN."""
    there = np.logical_or.reduce([~np.isnan(v) for v in values.values()])
    basin, day = np.nonzero(there)
    names = pa.DictionaryArray.from_arrays(
        pa.array(basin.astype(np.int32)), pa.array(daily.basins, pa.string())
    )
    columns = {
        "basin": names.cast(pa.string()),
        "day": pa.array(daily.days[span][day], pa.date32()),
        "batch": pa.array(np.full(len(basin), batch, np.int32)),
    }
    for name in DAILY.schema.names[len(columns) :]:
        if name in values:
            columns[name] = pa.array(values[name][basin, day], pa.float32(), from_pandas=True)
        else:
            columns[name] = pa.nulls(len(basin), pa.float32())
    return pa.table(columns, schema=DAILY.schema)
