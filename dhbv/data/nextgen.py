"""NextGen forcing made into days of the schema: local days, from midnight to midnight."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from dhbv.data.checks import check
from dhbv.data.nextgen_hours import DAY, Hours, is_nextgen, read_hours
from dhbv.data.schema import DataError, assemble, some
from dhbv.data.selection import forced_days, select_basins, select_period
from dhbv.data.units import to_canonical

_log = logging.getLogger(__name__)

POSSIBLE = (-100.0, 70.0)
"""degC between which air temperatures on Earth lie."""


def read_forcing(
    path: str | Path,
    catchments: Sequence[str] | None = None,
    *,
    utc_offset: int = 0,
    start: str | None = None,
    end: str | None = None,
) -> xr.Dataset:
    """Daily weather of the schema (`dhbv.data.schema`) from NextGen's hourly, or as it lies in a daily NetCDF.

    P is the sum of a day's hours, tmin and tmax their least and greatest temperature. A first and a last
    day that are not whole are left out, with a warning.

    Args:
        path: a NetCDF file of NextGen or of the schema, or a folder of NextGen CSV files.
        catchments: ids, in the order wanted; by default all.
        utc_offset: hours by which local time is ahead of UTC.
        start, end: first and last local day, as 2015-12-01; by default those of the forcing.

    Returns:
        `prcp` (mm d-1), `tmin` and `tmax` (degC), dimensions basin and time; `pet` (mm d-1) where a daily
        file has it.

    Raises:
        DataError: for anything that cannot be read, hours or values that are missing, temperatures no
            weather has or that never change within a day, or no whole day; names catchment, variable and hour.
    """
    path = Path(path)
    if not path.is_dir() and not is_nextgen(path):
        return _read_daily(path, catchments, start, end)
    first = None if start is None else _hour(start, "start") - utc_offset
    last = None if end is None else _hour(end, "end") - utc_offset + (DAY - 1)
    hours = read_hours(path, catchments, start=first, end=last)
    check_values(hours, str(path))
    return to_days(hours, utc_offset, str(path))


def _hour(day: str, name: str) -> np.datetime64:
    try:
        return np.datetime64(pd.Timestamp(day).date(), "h")
    except ValueError:
        raise DataError(f"{name} {day!r} is not a date: write it as 2015-12-01") from None


def check_values(hours: Hours, source: str) -> None:
    """Raise a DataError that names the first value that is missing or cannot be."""
    low, high = POSSIBLE
    faults = (
        ("prcp", ~np.isfinite(hours.prcp), "is missing", "fill it"),
        ("temperature", ~np.isfinite(hours.temperature), "is missing", "fill it"),
        ("prcp", hours.prcp < 0.0, "is negative", "correct it"),
        ("temperature", (hours.temperature < low) | (hours.temperature > high), "is no temperature of the air",
         "tell the unit it is in, by a units attribute or a header such as TMP_2maboveground [degC]"),
    )  # fmt: skip
    for variable, bad, problem, remedy in faults:
        if not bad.any():
            continue
        row, hour = (int(k) for k in np.argwhere(bad)[0])
        column, value = hours.columns[variable], getattr(hours, variable)[row, hour]
        raise DataError(
            f"{source}: catchment {hours.catchments[row]}, {column.name}, {hours.time[hour]}: {variable} {problem} "
            f"({value:g} {'degC' if variable == 'temperature' else 'mm h-1'}, read as {column.unit}); "
            f"{int(bad.sum())} such values in all: {remedy}"
        )


STILL = 3
"""Days in a row on which no catchment's temperature keeps still within each."""


def whole_days(hours: Hours, utc_offset: int) -> tuple[int, int]:
    """The hour with which the first whole local day begins, and how many such days there are."""
    first = -(int(hours.time[0].astype("datetime64[h]").astype(int)) + utc_offset) % DAY
    return first, max(len(hours.time) - first, 0) // DAY


def without_range(hours: Hours, utc_offset: int) -> list[str]:
    """Catchments whose temperature changes within none of the whole local days: Hargreaves evaporation is zero there."""
    first, count = whole_days(hours, utc_offset)
    t = hours.temperature[:, first : first + count * DAY].reshape(-1, count, DAY)
    flat = (t == t[..., :1]).all((1, 2)) & (count > 0)
    return [c for c, is_flat in zip(hours.catchments, flat, strict=True) if is_flat]


def to_days(hours: Hours, utc_offset: int, source: str) -> xr.Dataset:
    """Days as of `read_forcing`; a DataError where there is none, or a temperature that changes within none of many."""
    local = hours.time + np.timedelta64(utc_offset, "h")
    first, count = whole_days(hours, utc_offset)
    cut = len(local) - first - count * DAY
    if count == 0:
        raise DataError(
            f"{source}: holds no whole day of UTC{utc_offset:+d} h ({hours.time[0]}..{hours.time[-1]}): give longer forcing"
        )
    if first or cut:
        _log.warning(
            "%s: %d hours before %s and %d hours after %s are no whole days of UTC%+d h and are left out",
            source, first, local[first].astype("datetime64[D]"),
            cut, local[first + count * DAY - 1].astype("datetime64[D]"), utc_offset,
        )  # fmt: skip
    flat = without_range(hours, utc_offset)
    # On a day or two of sleet the temperature of a few catchments may well stand still.
    if flat and (count >= STILL or len(flat) == len(hours.catchments)):
        raise DataError(
            f"{source}: catchment {some(flat)} ({len(flat)} of {len(hours.catchments)}): tmin equals tmax on every day "
            f"from {local[first].astype('datetime64[D]')}, so Hargreaves evaporation would be zero: give hourly "
            "temperatures, or daily forcing with tmin and tmax or with pet"
        )
    shape = (len(hours.catchments), count, DAY)
    p, t = (x[:, first : first + count * DAY].reshape(shape) for x in (hours.prcp, hours.temperature))
    days = local[first].astype("datetime64[D]") + np.arange(count)
    series = {"prcp": p.sum(-1), "tmin": t.min(-1), "tmax": t.max(-1)}
    return assemble(hours.catchments, days, series, source=source)


def _read_daily(
    path: Path, catchments: Sequence[str] | None, start: str | None, end: str | None
) -> xr.Dataset:
    """A NetCDF of the schema; unlike `open_region` it asks for no attributes."""
    with xr.open_dataset(path, cache=False) as file:
        absent = [n for n in ("basin", "time", "prcp", "tmin", "tmax") if n not in file]
        if absent:
            raise DataError(
                f"{path}: no forcing: it is neither hourly with a dimension catchment-id nor daily with basin, time, "
                f"prcp, tmin and tmax (missing: {', '.join(absent)})"
            )
        ids = [i.decode() if isinstance(i, bytes) else str(i) for i in file["basin"].values]
        chosen = select_basins(catchments, ids, str(path))
        rows = [ids.index(c) for c in chosen]
        # Flow may go on beyond the forcing.
        file = file.isel(time=forced_days(file["prcp"].transpose("basin", "time").values[rows], str(path)))
        days = file["time"].values.astype("datetime64[D]").astype("datetime64[ns]")
        kept = select_period(days, start, end, str(path))
        series = {}
        for name in ("prcp", "tmin", "tmax", *(("pet",) if "pet" in file else ())):
            data = file[name].transpose("basin", "time").isel(time=kept).values[rows]
            series[name] = to_canonical(data, name, file[name].attrs.get("units", ""), source=str(path))
    ds = assemble(chosen, days[kept], series, source=str(path))
    check(ds, str(path), needs_flow=False)
    return ds
