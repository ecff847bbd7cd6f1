"""Checks of a region: each says what is wrong, where it is first seen and how to mend it."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.configuration import Period
from dhbv.data.schema import FORCING, OBSERVATIONS, TIME_VARIABLES, DataError, required_variables, some

_DAY = np.timedelta64(1, "D")


def check(ds: xr.Dataset, source: str, *, needs_flow: bool = True, needed: Period | None = None) -> None:
    """Pass a Dataset that the model can be run on and compared with.

    Args:
        ds: of the schema, loaded.
        source: the file or folder it comes from, for messages.
        needs_flow: whether there must be observed flow; a forecast of ungauged basins needs none.
        needed: the days that will be looked at, on which forcing must be known; None for all.

    Raises:
        DataError: for a missing variable; dates that repeat, run backwards or leave gaps; forcing that
            is not finite on a day that is needed; negative precipitation, flow or other observation; tmin = tmax throughout a basin; no day with
            both forcing and flow.
    """
    required = required_variables(needs_flow)
    absent = [name for name in required if name not in ds]
    if absent:
        raise DataError(f"{source}: no variable {', '.join(absent)}: a region needs {', '.join(required)}")
    check_basins(ds, source)
    check_dates(ds["time"].values, source)
    looked_at = ds if needed is None else ds.isel(time=_days_of(needed, ds["time"].values))
    for name in FORCING:
        if name in ds:
            _refuse(
                looked_at, name, ~np.isfinite(looked_at[name].values), source, "missing or infinite forcing",
                "fill it, or leave out these basins (data.basins, --basins) or days (periods under data, --start, --end)",
            )  # fmt: skip
    _refuse(
        looked_at, "prcp", looked_at["prcp"].values < 0.0, source, "negative precipitation",
        "correct the value at its source (-999 or -9999 is a missing value, to be filled)",
    )  # fmt: skip
    _check_range(ds, source)
    for name in OBSERVATIONS:
        if name in ds:
            _refuse_observed(ds, name, source, "observation", "write NaN where there is none")
    if "streamflow" not in ds:
        return
    _refuse_observed(
        ds, "streamflow", source, "flow", "write NaN (in raw CAMELS files -999) where it is missing"
    )
    if needs_flow and ds["streamflow"].isnull().all():
        raise DataError(
            f"{source}: forcing and streamflow do not overlap: no basin has a flow observation within "
            f"{period(ds['time'].values)}: choose a period in which the gauges were running (--start, --end)"
        )


def check_basins(ds: xr.Dataset, source: str) -> None:
    """Raise a DataError if `ds` holds no basin, or one basin twice."""
    ids, counts = np.unique(ds["basin"].values.astype(str), return_counts=True)
    if ids.size == 0:
        raise DataError(f"{source}: no basin in it: check the path and the list of basins")
    if (counts > 1).any():
        raise DataError(
            f"{source}: basin {some(list(ids[counts > 1]))} appears more than once: keep each basin once"
        )


def check_dates(time: NDArray[np.datetime64], where: str, *, gaps: bool = False) -> None:
    """Raise a DataError unless `time` [time] is one day after another.

    Args:
        time: dates.
        where: the file (and basin) they come from.
        gaps: whether days may be left out, as in a record of flow.
    """
    if len(time) == 0:
        raise DataError(f"{where}: holds no day: choose a longer period or another file")
    days = time.astype("datetime64[D]")
    steps = np.diff(days)
    wrong = np.flatnonzero(steps <= np.timedelta64(0, "D"))
    # Unsorted days leave gaps as well; the disorder is what to mend.
    if wrong.size == 0 and not gaps:
        wrong = np.flatnonzero(steps != _DAY)
    if wrong.size == 0:
        return
    before, after = days[wrong[0]], days[wrong[0] + 1]
    if after == before:
        problem = f"the date {after} appears more than once: keep one line a day"
    elif after < before:
        problem = f"the date {after} comes after {before}: sort the days"
    else:
        problem = f"days are missing between {before} and {after}: fill the gap, or cut the record there"
    raise DataError(f"{where}: {problem}")


def period(time: NDArray[np.datetime64]) -> str:
    """First and last day of `time` as text."""
    return f"{np.datetime_as_string(time[0], 'D')}..{np.datetime_as_string(time[-1], 'D')}"


def _refuse(
    ds: xr.Dataset, name: str, bad: NDArray[np.bool_], source: str, problem: str, remedy: str
) -> None:
    """Raise a DataError that names the first basin and day of `bad` [basin, time], if there is one."""
    if not bad.any():
        return
    basin = int(np.flatnonzero(bad.any(1))[0])
    day = int(np.flatnonzero(bad[basin])[0])
    raise DataError(
        f"{source}: basin {ds['basin'].values[basin]}, {name}: {problem} "
        f"({ds[name].values[basin, day]:g} {(TIME_VARIABLES | OBSERVATIONS)[name].unit}) first on "
        f"{np.datetime_as_string(ds['time'].values[day], 'D')}, {int(bad.sum())} basin-days in "
        f"{int(bad.any(1).sum())} basins: {remedy}"
    )


def _days_of(span: Period, time: NDArray[np.datetime64]) -> slice:
    """Those of `time`, as far as it reaches."""
    first, last = np.datetime64(span.start, "D"), np.datetime64(span.end, "D")
    days = time.astype("datetime64[D]")
    return slice(int(np.searchsorted(days, first)), int(np.searchsorted(days, last, side="right")))


def _refuse_observed(ds: xr.Dataset, name: str, source: str, what: str, remedy: str) -> None:
    """Observations are depths of water, or missing."""
    seen = ds[name].values
    bad = ~np.isnan(seen) & ~((seen >= 0.0) & np.isfinite(seen))
    _refuse(ds, name, bad, source, f"negative or infinite {what}", remedy)


def _check_range(ds: xr.Dataset, source: str) -> None:
    """Without a daily range of temperature Hargreaves is zero every day, and silently so."""
    if "pet" in ds:
        return
    flat = (ds["tmin"].values == ds["tmax"].values).all(1)
    if flat.any():
        basins = [str(b) for b in ds["basin"].values[flat]]
        raise DataError(
            f"{source}: basin {some(basins)}: tmin equals tmax on every day from "
            f"{np.datetime_as_string(ds['time'].values[0], 'D')}, so Hargreaves evaporation would be zero; the "
            "original CAMELS sets maurer and nldas carry the mean in both: use maurer_extended, "
            "nldas_extended or daymet, or give a variable pet"
        )
