"""NextGen forcing as it lies in files, read with the names, units and times that ngen reads.

Hourly NetCDF (dimensions catchment-id and time) or a folder of one CSV file a catchment. An hour
carries the time at which it begins, in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.schema import DataError, some
from dhbv.data.selection import select_basins
from dhbv.data.units import ACCEPTED, spelling
from dhbv.errors import gist

FILE_PATTERN = "{{id}}.csv"
"""ngen's file_pattern: a regular expression of a file's whole name, with the catchment's id put in."""

NETCDF_SUFFIXES = (".nc", ".nc4", ".netcdf")
"""Of the names of NetCDF files, whatever is in them."""

DAY = 24


class Column(NamedTuple):
    """A name under which forcing may carry a variable, and the unit it has where none is told."""

    name: str
    variable: str
    unit: str


COLUMNS = (
    Column("precip_rate", "prcp", "mm s-1"),
    Column("RAINRATE", "prcp", "mm s-1"),
    Column("atmosphere_water__liquid_equivalent_precipitation_rate", "prcp", "mm s-1"),
    Column("APCP_surface", "prcp", "kg m-2"),
    Column("atmosphere_water__rainfall_volume_flux", "prcp", "kg m-2"),
    Column("TMP_2maboveground", "temperature", "K"),
    Column("T2D", "temperature", "K"),
    Column("land_surface_air__temperature", "temperature", "K"),
)
"""Known names in the order of preference (NOAA-OWP/ngen, include/forcing/AorcForcing.hpp)."""

# An amount without a time is that of the hour. Factors and offsets to mm h-1 and degC.
_UNITS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "prcp": {unit: (factor / DAY, 0.0) for unit, (factor, _) in ACCEPTED["prcp"].items()}
    | {"kg m-2": (1.0, 0.0), "mm": (1.0, 0.0)},
    "temperature": ACCEPTED["tmin"],
}

_SECONDS = {
    **dict.fromkeys(("h", "hours"), 3600.0),
    **dict.fromkeys(("m", "minutes"), 60.0),
    **dict.fromkeys(("s", "seconds"), 1.0),
    **dict.fromkeys(("ms", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "microseconds"), 1e-6),
    **dict.fromkeys(("ns", "nanoseconds"), 1e-9),
}
"""Units of NetCDF `Time` that ngen knows; others count as seconds there, and are refused here."""

_OTHER_TIMES = "{}: Time differs between catchments: ngen reads the first one's for all"

_MISSING = -999.0
"""Fill values of forcing (-999, -9999) lie at or below it; no weather does in any unit."""


class Hours(NamedTuple):
    """Hourly weather of C catchments; NaN where the source has none."""

    catchments: tuple[str, ...]
    time: NDArray[np.datetime64]
    """The beginning of each hour, UTC, [hour]; unbroken."""
    prcp: NDArray[np.float64]
    """mm h-1, [C, hour]"""
    temperature: NDArray[np.float64]
    """degC, [C, hour]"""
    columns: Mapping[str, Column]
    """The column each variable was read from, with the unit it was taken to have."""


def read_hours(
    path: str | Path,
    catchments: Sequence[str] | None = None,
    *,
    pattern: str = FILE_PATTERN,
    start: np.datetime64 | None = None,
    end: np.datetime64 | None = None,
) -> Hours:
    """Hourly weather as it lies in the files, in one unit; missing values are NaN.

    Args:
        path: a NextGen NetCDF file or a folder of CSV files.
        catchments: ids, in the order wanted; by default all.
        pattern: of the CSV files' names; see `FILE_PATTERN`.
        start, end: first and last hour to read; by default all.

    Raises:
        DataError: for anything that cannot be read, unknown units, or hours that are missing, repeat
            or differ between catchments.
    """
    path = Path(path)
    read = _read_csv_files if path.is_dir() else _read_netcdf
    hours = read(path, catchments, pattern, slice(start, end))
    for bound, wanted in ((hours.time[0], start), (hours.time[-1], end)):
        if wanted is not None and bound != wanted:
            raise DataError(
                f"{path}: the forcing covers {hours.time[0]}..{hours.time[-1]} of {start}..{end}: choose a "
                "period within it, or give longer forcing"
            )
    return hours


def catchment_ids(path: str | Path) -> tuple[str, ...]:
    """The catchments that a NextGen NetCDF file or a folder of `<id>.csv` files holds, sorted.

    Raises:
        DataError: if there is no such file or folder, or nothing in it.
    """
    path = Path(path)
    if path.is_dir():
        ids = [file.stem for file in path.glob("*.csv")]
        if not ids:
            raise DataError(f"{path}: no CSV file in it: give the folder that holds <catchment id>.csv")
    else:
        with open_file(path) as file:
            ids = ids_of(file, path)
    return tuple(sorted(ids))


def is_nextgen(path: Path) -> bool:
    """Whether a NetCDF file is NextGen forcing."""
    with open_file(path) as file:
        return "catchment-id" in file.dims


# NetCDF


def open_file(path: Path) -> xr.Dataset:
    """The NetCDF at `path`, nothing read yet; a DataError says what else lies there."""
    if path.suffix.lower() not in NETCDF_SUFFIXES:
        problem = "neither a folder nor a NetCDF file" if path.exists() else "no such file or folder"
        raise DataError(
            f"{path}: {problem}: give NextGen forcing, a folder of <catchment id>.csv or a NetCDF file "
            f"({', '.join(NETCDF_SUFFIXES)})"
        )
    try:
        return xr.open_dataset(path, decode_times=False, cache=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file: check the path") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable as NetCDF ({gist(error)}): give another file") from None


def ids_of(file: xr.Dataset, path: Path) -> list[str]:
    """Catchment ids of a NetCDF in NextGen's layout, in its order; a DataError if it is none."""
    absent = [name for name in ("ids", "Time") if name not in file]
    if absent or not {"catchment-id", "time"} <= set(file.dims):
        raise DataError(
            f"{path}: no NextGen forcing: it needs dimensions catchment-id and time, and variables ids and Time "
            f"(missing: {', '.join(absent) or 'a dimension'})"
        )
    return [i.decode() if isinstance(i, bytes) else str(i) for i in file["ids"].values]


def _read_netcdf(path: Path, catchments: Sequence[str] | None, pattern: str, period: slice) -> Hours:
    with open_file(path) as file:
        ids = ids_of(file, path)
        chosen = select_basins(catchments, ids, str(path))
        rows = np.array([ids.index(c) for c in chosen])
        # No more than from the first to the last one wanted: each of ngen's instances reads its own history.
        first = int(rows.min())
        near = {"catchment-id": slice(first, int(rows.max()) + 1)}
        time = times_of(file["Time"].isel({"catchment-id": slice(0, 1)}, missing_dims="ignore"), path)
        if (times_of(file["Time"].isel(near, missing_dims="ignore"), path) != time).any():
            raise DataError(_OTHER_TIMES.format(path))
        kept = within(time, period)
        check_hours(time[kept], str(path))
        columns = columns_of({str(n): file[n].attrs.get("units", "") for n in file.data_vars}, path)
        values = {}
        for variable, column in columns.items():
            data = file[column.name].isel(near).transpose("catchment-id", "time")
            values[variable] = converted(data[:, kept].values[rows - first], column)
    return Hours(tuple(chosen), time[kept], values["prcp"], values["temperature"], columns)


def times_of(variable: xr.DataArray, path: Path) -> NDArray[np.datetime64]:
    """The hours of NetCDF `Time`, which must be those of every catchment; a DataError where they are not."""
    unit, _, since = str(variable.attrs.get("units", "s") or "s").partition(" since ")
    if unit not in _SECONDS:
        raise DataError(
            f"{path}: Time has unit {unit!r}, which ngen takes for seconds: set it to one of {', '.join(_SECONDS)}"
        )
    values = np.atleast_2d(variable.values)
    if (values != values[0]).any():
        raise DataError(_OTHER_TIMES.format(path))
    seconds = np.round(values[0].astype(np.float64) * _SECONDS[unit])
    # ngen reads seconds where no unit is told: nanoseconds then end in the year 4e10.
    if not np.isfinite(seconds).all() or seconds.max() > 1e10:
        raise DataError(
            f"{path}: Time is no time in {unit!r} since 1970: set its units attribute to what it holds, s or ns"
        )
    epoch = pd.Timestamp(since or variable.attrs.get("epoch_start", 0)).to_datetime64()
    time = epoch.astype("datetime64[s]") + seconds.astype("timedelta64[s]")
    return _whole_hours(time, str(path))


# CSV


def files_by_catchment(folder: Path, catchments: Sequence[str], pattern: str = FILE_PATTERN) -> list[Path]:
    """The file of each catchment, found as ngen finds it: the pattern must fit the whole name.

    Raises:
        DataError: naming the catchments that have none.
    """
    names = sorted(file.name for file in folder.iterdir() if file.is_file())
    known = set(names)
    found: list[Path] = []
    absent = []
    for catchment in catchments:
        name = pattern.replace("{{id}}", catchment)
        if name not in known:  # the usual case needs no search
            fits = re.compile(name)
            name = next((n for n in names if fits.fullmatch(n)), "")
        if name:
            found.append(folder / name)
        else:
            absent.append(catchment)
    if absent:
        raise DataError(
            f"{folder}: no forcing file {pattern} for catchment {some(absent)} ({len(absent)} of {len(catchments)}): "
            "add the files, or correct the pattern"
        )
    return found


def _read_csv_files(folder: Path, catchments: Sequence[str] | None, pattern: str, period: slice) -> Hours:
    chosen = catchment_ids(folder) if catchments is None else tuple(catchments)
    rows: dict[str, list[NDArray[np.float64]]] = {"prcp": [], "temperature": []}
    times: NDArray[np.datetime64] | None = None
    for file in files_by_catchment(folder, chosen, pattern):
        time, values, columns = _read_csv(file, period)
        if times is not None and (len(time) != len(times) or (time != times).any()):
            raise DataError(
                f"{file}: its hours {time[0]}..{time[-1]} are not those of the other catchments, "
                f"{times[0]}..{times[-1]}: give all the same hours"
            )
        times = time
        for variable, row in values.items():
            rows[variable].append(row)
    if times is None:
        raise DataError(f"{folder}: no catchment is asked for: name at least one")
    return Hours(chosen, times, np.stack(rows["prcp"]), np.stack(rows["temperature"]), columns)


def _read_csv(
    file: Path, period: slice
) -> tuple[NDArray[np.datetime64], dict[str, NDArray[np.float64]], dict[str, Column]]:
    try:
        # Only what ngen reads as NaN is one; an empty cell aborts ngen and shall be named.
        table = pd.read_csv(
            file, skipinitialspace=True, keep_default_na=False, na_values=["nan", "NaN", "NAN"]
        )
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{file}: not readable as CSV ({error}): write it anew") from None
    headers = {}
    for header in map(str, table.columns):
        match = re.fullmatch(r"(.*?)\s*(?:\[(.*)\]|\((.*)\))?", header.strip())
        assert match is not None
        headers[header] = (match[1], match[2] or match[3] or "")
    clock = next((h for h, (name, _) in headers.items() if name in ("time", "Time")), None)
    if clock is None:
        raise DataError(f"{file}: no column time: name the column of times so")
    try:
        time = pd.to_datetime(table[clock].astype(str).str.strip()).to_numpy(dtype="datetime64[s]")
    except ValueError as error:
        raise DataError(f"{file}: column {clock} is no time ({error}): write 2015-12-01 00:00:00") from None
    columns = columns_of(dict(headers.values()), file)
    where = {name: header for header, (name, _) in headers.items()}
    values = {}
    for variable, column in columns.items():
        cells = table[where[column.name]]
        numbers = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
        wrong = np.flatnonzero(np.isnan(numbers) & cells.notna().to_numpy())
        if wrong.size:
            raise DataError(
                f"{file}, line {wrong[0] + 2}: {column.name} is {str(cells.iloc[wrong[0]])!r} where a number "
                "belongs, which stops ngen: write the number, or NaN"
            )
        values[variable] = numbers
    hours = _whole_hours(time, str(file))
    kept = within(hours, period)
    check_hours(hours[kept], str(file))
    return hours[kept], {name: converted(row[kept], columns[name]) for name, row in values.items()}, columns


# Both


def columns_of(units: Mapping[str, str], path: Path) -> dict[str, Column]:
    """The column of each variable, with the unit that the file tells or else the usual one."""
    found: dict[str, Column] = {}
    for column in COLUMNS:
        if column.name in units and column.variable not in found:
            unit = spelling(units[column.name]) or column.unit
            if unit not in _UNITS[column.variable]:
                raise DataError(
                    f"{path}: {column.name} has unit {units[column.name]!r}: set it to one of "
                    f"{', '.join(_UNITS[column.variable])}"
                )
            found[column.variable] = column._replace(unit=unit)
    for variable in _UNITS:
        if variable not in found:
            names = [c.name for c in COLUMNS if c.variable == variable]
            raise DataError(
                f"{path}: no {variable}: it needs one of {', '.join(names)}; it has {some(sorted(units), 12)}"
            )
    return found


def converted(raw: NDArray[np.floating], column: Column) -> NDArray[np.float64]:
    """Values as in the file → mm h-1 or degC, NaN where missing."""
    factor, offset = _UNITS[column.variable][column.unit]
    raw = np.asarray(raw, dtype=np.float64)
    return np.where(raw <= _MISSING, np.nan, raw) * factor + offset


def _whole_hours(time: NDArray[np.datetime64], where: str) -> NDArray[np.datetime64]:
    hours = time.astype("datetime64[h]")
    odd = np.flatnonzero(hours != time)
    if odd.size:
        raise DataError(f"{where}: {time[odd[0]]} is no whole hour: NextGen forcing is hourly")
    return hours


def within(time: NDArray[np.datetime64], period: slice) -> NDArray[np.bool_]:
    """Which hours lie in a period, both ends included; None is no end."""
    kept = np.ones(len(time), dtype=bool)
    if period.start is not None:
        kept &= time >= period.start
    if period.stop is not None:
        kept &= time <= period.stop
    return kept


def check_hours(time: NDArray[np.datetime64], where: str) -> None:
    """Raise a DataError unless `time` [hour] is one hour after another."""
    if len(time) == 0:
        raise DataError(
            f"{where}: holds no hour of the period asked for: choose another, or give other forcing"
        )
    steps = np.diff(time).astype(int)
    wrong = np.flatnonzero(steps != 1)
    if wrong.size == 0:
        return
    before, after = time[wrong[0]], time[wrong[0] + 1]
    problem = (
        f"hours are missing between {before} and {after}" if steps[wrong[0]] > 1
        else f"the hour {after} comes after {before}"
    )  # fmt: skip
    raise DataError(
        f"{where}: {problem}: ngen takes rows for consecutive hours; fill the gap or sort the rows"
    )
