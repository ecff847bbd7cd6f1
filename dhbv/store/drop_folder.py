"""A folder into which files are dropped: each is taken once, whole, and stays where it is.

CSV and Parquet hold a row for each basin and day: a column `basin` (text), a column `date`, and daily
variables of the schema with their unit in the name, as `prcp [mm d-1]`. A CSV without `date` is a table
of attributes. NetCDF has dimensions (basin, time), and units as attributes. A file is known by its content,
whatever its name; one that is still being written should bear another ending, as `.part`, until it is whole.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.attribute_table import KEYS, by_commas, read_attributes
from dhbv.data.region import NETCDF_SUFFIXES
from dhbv.data.schema import TIME_VARIABLES, DataError, assemble, attributes, some, with_attributes
from dhbv.data.units import to_canonical
from dhbv.errors import DhbvError, gist
from dhbv.files import sha256_of
from dhbv.store.admission import Gate, admit
from dhbv.store.incoming import check_ids
from dhbv.store.manifest import Receipt
from dhbv.store.store import AREA, Store

_log = logging.getLogger(__name__)

SUFFIXES = (".csv", ".parquet", *NETCDF_SUFFIXES)

UNFINISHED = (".part", ".partial", ".filepart", ".tmp")
"""Endings of files that are still being written."""

DATES = ("date", "day", "time")
"""Headers, but for capitals and blanks, that a column of days is likely to bear."""

EARLIEST = np.datetime64("1800-01-01")
LATEST_DAYS = 366
"""d from today; later days, and earlier ones than `EARLIEST`, are misprints."""

LONGEST_GAP = 3653
"""d between neighbouring days of a file; a day that lies further off is a misprint."""

_HEADER = r"\s*(\w+)\s*\[(.*)\]\s*"
"""Name and unit of a daily variable."""

_OFFSET = r"([T ]\d[\d:.,]*)\s*(?:Z|[+-]\d\d(?::?\d\d)?)$"
"""A time of day, and how far it is from UTC."""


class Taken(NamedTuple):
    """What became of a file."""

    file: Path
    receipt: Receipt | None
    problem: str
    """Why it was left; empty where it was taken."""
    note: str = ""
    """What is to be told of a file that was taken once and has come again after values were corrected."""


def take_new(store: Store, folder: Path | str, *, gate: Gate | None = None) -> list[Taken]:
    """Append every file of `folder` that the store has not taken yet, in the order of their names.

    A file that cannot be read or appended is left, and told of each time; the others are taken. What was taken once
    is passed over: a file that came again after a correction does not undo it, and is noted.

    Args:
        store: to append to; its attribute `area_gages2` turns discharge into mm d-1.
        folder: where files lie; what begins with a point or ends otherwise than `SUFFIXES` is passed over.
        gate: asked about each region before it is appended.

    Raises:
        DataError: if there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder: make it, or name the one that files are dropped into")
    files = [p for p in _files(folder) if p.suffix.lower() in SUFFIXES]
    receipts = store.receipts()
    taken = {receipt.content: receipt for receipt in receipts if receipt.content}
    outcome = []
    for file in files:
        content = ""
        try:
            content = sha256_of(file)
            if content in taken:
                if note := _overruled(file, taken[content], receipts):
                    outcome.append(Taken(file, taken[content], "", note))
                continue
            receipt = _take(store, file, content, gate)
            outcome.append(Taken(file, receipt, ""))
            taken[content] = receipt
        except (DhbvError, OSError) as error:
            outcome.append(Taken(file, None, str(error)))
        # The last net: whatever a file may hold, the others are taken.
        except Exception as error:
            _log.exception("%s", file)
            outcome.append(Taken(file, None, f"{file}: {type(error).__name__}: {error}"))
    return outcome


def passed_over(folder: Path | str) -> str:
    """What to tell of files that bear none of `SUFFIXES` and are not being written; empty where there are none."""
    names = [p.name for p in _files(Path(folder)) if p.suffix.lower() not in (*SUFFIXES, *UNFINISHED)]
    return f"passed over: {some(names)}; what is taken ends in {', '.join(SUFFIXES)}" if names else ""


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_file() and p.name[0] != ".")


def _overruled(file: Path, taken: Receipt, receipts: Sequence[Receipt]) -> str:
    """What to tell of a file that came into its folder after values were corrected since it was `taken`."""
    corrected = [r.when for r in receipts if r.corrected and r.when > taken.when]
    # The time of the folder's entry: a copy or a restored file may keep its older time of writing.
    come = dt.datetime.fromtimestamp(file.stat().st_ctime, dt.UTC)
    if not corrected or come <= max(corrected):
        return ""
    return (
        f"taken already on {taken.when:%Y-%m-%d} as {taken.source}, and not again after the correction of "
        f"{max(corrected):%Y-%m-%d}: to let its values rule again, change its content, as by a blank line at the end; "
        "otherwise remove it"
    )


def _take(store: Store, file: Path, content: str, gate: Gate | None) -> Receipt:
    given = read_file(file, store.areas())
    if isinstance(given, pd.DataFrame):
        return store.put_attributes(given, source=file.name, content=content)
    return admit(store, given, file.name, gate, content=content)


def read_file(file: Path, areas: Mapping[str, float]) -> xr.Dataset | pd.DataFrame:
    """A dropped file as a region of the schema with any of its daily variables, or as a table of attributes.

    Args:
        file: CSV, Parquet or NetCDF.
        areas: km2 of basins that the file itself does not tell.

    Raises:
        DataError: if it cannot be read; names the column, basin and date.
    """
    if file.suffix.lower() in NETCDF_SUFFIXES:
        return _read_netcdf(file, areas)
    frame = _read_csv(file) if file.suffix.lower() == ".csv" else _read_parquet(file)
    if "date" not in frame and file.suffix.lower() == ".csv":
        _refuse_days(frame, file)
        return read_attributes(file)
    return _from_rows(frame, areas, file)


def _refuse_days(frame: pd.DataFrame, file: Path) -> None:
    """Raise a DataError for a table of attributes that looks like daily values."""
    headers = [str(header) for header in frame.columns]
    named = [header for header in headers if header.strip().lower() in DATES]
    if named:
        raise DataError(f"{file}: column {named[0]!r} looks like days: rename it to date")
    for header in headers:
        match = re.fullmatch(_HEADER, header)
        if match and match[1] in TIME_VARIABLES:
            raise DataError(
                f"{file}: column {header!r} holds daily values, and no column tells their days, there are "
                f"{some(headers)}: rename it to date"
            )


def _read_csv(file: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(file, dtype=dict.fromkeys(KEYS, str), skipinitialspace=True)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(
            f"{file}: not readable as CSV ({error}): {by_commas(file) or 'drop it again'}"
        ) from None


def _read_parquet(file: Path) -> pd.DataFrame:
    try:
        return pq.ParquetFile(file).read().to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{file}: not readable as Parquet ({error}): drop it again") from None


def _from_rows(frame: pd.DataFrame, areas: Mapping[str, float], file: Path) -> xr.Dataset:
    if set(KEYS) <= set(frame.columns):
        raise DataError(
            f"{file}: has both columns {' and '.join(KEYS)}: keep the one that holds the basin ids"
        )
    frame = frame.rename(columns={KEYS[0]: "basin"})
    absent = [name for name in ("basin", "date") if name not in frame]
    if absent:
        raise DataError(
            f"{file}: no column {', '.join(absent)}, it has {some(list(map(str, frame.columns)))}: rename what it is"
        )
    days = _days(frame["date"])
    for faulty, name in ((frame["basin"].isna().to_numpy(), "basin"), (np.isnat(days), "date")):
        if faulty.any():
            at = int(np.flatnonzero(faulty)[0])
            raise DataError(
                f"{file}, row {at + 1}: {name} {frame[name].iloc[at]!r} cannot be read: write basins as text and days "
                "as 1999-10-01"
            )
    check_ids(frame["basin"].to_numpy(object), str(file))
    row, basins = pd.factorize(frame["basin"].astype(str).str.strip(), sort=True)
    _refuse_gap(days, file, "row")
    dates, column = np.unique(days, return_inverse=True)
    twice = pd.Series(list(zip(row, column, strict=True))).duplicated()
    if twice.any():
        at = int(np.flatnonzero(twice)[0])
        raise DataError(
            f"{file}, row {at + 1}: basin {basins[row[at]]} has {dates[column[at]]} a second time: keep one row a day"
        )
    area = np.array([areas.get(b, np.nan) for b in basins])
    series = {}
    for header in frame.columns.drop(["basin", "date"]):
        name, unit = _header(str(header), file)
        if name in series:
            raise DataError(f"{file}: more than one column is {name}, the last {header!r}: keep one")
        cells = pd.to_numeric(frame[header], errors="coerce")
        unread = cells.isna() & frame[header].notna()
        if unread.any():
            at = int(np.flatnonzero(unread)[0])
            raise DataError(
                f"{file}, row {at + 1}: {name} is {frame[header].iloc[at]!r} where a number belongs: correct it, or "
                "leave it empty where it is missing"
            )
        values = np.full((len(basins), len(dates)), np.nan)
        values[row, column] = cells
        series[name] = to_canonical(values, name, unit, source=str(file), area_km2=area)
    return assemble(list(basins), dates, series, source=str(file))


def _days(dates: pd.Series) -> NDArray[np.datetime64]:
    """Calendar days as they are written, whatever their offset from UTC; NaT where they cannot be read."""
    if isinstance(dates.dtype, pd.DatetimeTZDtype):
        dates = dates.dt.tz_localize(None)
    if dates.dtype.kind != "M":
        dates = dates.where(
            dates.isna(), dates.astype(str).str.strip().str.replace(_OFFSET, r"\1", regex=True)
        )
        dates = pd.to_datetime(dates, errors="coerce", format="ISO8601")
    days = dates.to_numpy().astype("datetime64[D]")
    return np.where((days >= EARLIEST) & (days <= _latest()), days, np.datetime64("NaT"))


def _latest() -> np.datetime64:
    return np.datetime64(dt.datetime.now(dt.UTC).date()) + LATEST_DAYS


def _refuse_gap(days: NDArray[np.datetime64], file: Path, row: str) -> None:
    """Raise a DataError that names the first row on the smaller side of a gap of more than `LONGEST_GAP`."""
    ordered = np.unique(days[~np.isnat(days)])
    wide = np.flatnonzero(np.diff(ordered).astype(int) > LONGEST_GAP)
    if wide.size == 0:
        return
    before, after = ordered[wide[0]], ordered[wide[0] + 1]
    early = days <= before
    at = int(np.flatnonzero(early if 2 * early.sum() <= days.size else ~early)[0])
    raise DataError(
        f"{file}, {row} {at + 1}: {days[at]} is more than ten years from the other days, there is none between {before} "
        f"and {after}: correct it, or give the days before and after in files of their own"
    )


def _header(header: str, file: Path) -> tuple[str, str]:
    """Name and unit of `prcp [mm d-1]`."""
    match = re.fullmatch(_HEADER, header)
    name = match[1] if match else header.strip()
    if name not in TIME_VARIABLES:
        raise DataError(
            f"{file}: column {header!r} is no daily variable: there are {', '.join(TIME_VARIABLES)}; rename or "
            "remove it"
        )
    if match is None:
        raise DataError(
            f"{file}: column {header!r} tells no unit: write it in the header, as {name} [{TIME_VARIABLES[name].unit}]"
        )
    return name, match[2]


def _read_netcdf(file: Path, areas: Mapping[str, float]) -> xr.Dataset:
    try:
        with xr.open_dataset(file, cache=False) as opened:
            ds = opened.load()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{file}: not readable as NetCDF ({gist(error)}): drop it again") from None
    if not {"basin", "time"} <= set(ds.dims) & set(ds.coords):
        raise DataError(
            f"{file}: dimensions and coordinates basin and time are needed, it has {', '.join(map(str, ds.sizes))}: "
            "rename them"
        )
    if ds["time"].dtype.kind != "M":
        raise DataError(f"{file}: time is no calendar: give it units such as 'days since 1980-01-01'")
    days = ds["time"].values.astype("datetime64[D]")
    strange = np.flatnonzero((days < EARLIEST) | (days > _latest()))
    if strange.size:
        raise DataError(
            f"{file}, time {strange[0] + 1}: {days[strange[0]]} cannot be read as a day: give days from {EARLIEST} to "
            f"{_latest()}"
        )
    _refuse_gap(days, file, "time")
    check_ids(ds["basin"].values, str(file))
    basins = [b.decode() if isinstance(b, bytes) else str(b) for b in ds["basin"].values]
    static = attributes(ds.assign_coords(basin=np.array(basins, dtype=object)))
    if AREA in static:
        areas = {**areas, **{str(b): float(a) for b, a in static[AREA].dropna().items()}}
    area = np.array([areas.get(b, np.nan) for b in basins])
    series = {}
    for key, variable in ds.data_vars.items():
        name = str(key)
        if name in TIME_VARIABLES and set(variable.dims) == {"basin", "time"}:
            unit = variable.attrs.get("units", "")
            values = variable.transpose("basin", "time").values
            series[name] = to_canonical(values, name, unit, source=str(file), area_km2=area)
        elif variable.dims != ("basin",) and "flag_masks" not in variable.attrs:
            raise DataError(
                f"{file}: {name} [{', '.join(map(str, variable.dims))}] is no daily variable: there are "
                f"{', '.join(TIME_VARIABLES)} [basin, time]; rename or drop it"
            )
    region = assemble(basins, ds["time"].values, series, source=str(file))
    return with_attributes(region, static) if len(static.columns) else region
