"""Rows as they came, put in order: one row a day, sorted, none left out and none in the future."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.checks import check_basins
from dhbv.data.schema import TIME_VARIABLES, DataError

Days = NDArray[np.datetime64]


class Calendar(NamedTuple):
    """Rows in order, and what was out of order."""

    daily: xr.Dataset
    """Unbroken days up to today; NaN on days without a row."""
    present: NDArray[np.bool_]
    """[time], whether there was a row of the day."""
    unplaced: xr.Dataset
    """Rows as they came that have no place in `daily`: no date, in the future, or a copy that contradicts the first."""
    period: tuple[np.datetime64, np.datetime64]
    """First and last of the days that came, future days among them."""
    undated: int
    """Rows without a date."""
    future: Days
    misplaced: Days
    """Days of rows that move when the rows are sorted."""
    repeated: Days
    """Days with more than one row."""
    contradicted: dict[str, NDArray[np.float64]]
    """[basin, time] by variable: what a later row of the day says where it differs from the first; else NaN."""


def arrange(new: xr.Dataset, today: dt.date) -> Calendar:
    """The rows of `new` in order; of several rows of one day the first, its gaps filled from the later ones.

    Raises:
        DataError: for a Dataset without basins or calendar, without any daily variable, with other
            dimensions than (basin, time), or with a basin twice.
    """
    new = _formed(new)
    stamps = new["time"].values.astype("datetime64[D]")
    dated = np.flatnonzero(~np.isnat(stamps))
    limit = np.datetime64(today, "D")
    placed = dated[stamps[dated] <= limit]
    order = placed[np.argsort(stamps[placed], kind="stable")]
    days, first = np.unique(stamps[order], return_index=True)
    later = np.setdiff1d(np.arange(order.size), first)

    whole = np.arange(days[0], days[-1] + 1) if days.size else days
    daily = new.isel(time=order[first]).assign_coords(time=_stamped(days)).reindex(time=_stamped(whole))
    contradicted, differing = _merge(daily, new, order[later], np.searchsorted(whole, stamps[order[later]]))
    aside = np.setdiff1d(np.arange(stamps.size), np.concatenate([order[first], order[later][~differing]]))
    came = stamps[dated]
    return Calendar(
        daily=daily,
        present=np.isin(whole, days),
        unplaced=new.isel(time=aside),
        period=(came.min(), came.max()) if came.size else (limit, limit),
        undated=stamps.size - dated.size,
        future=np.unique(came[came > limit]),
        misplaced=np.unique(came[came != np.sort(came)]),
        repeated=np.unique(stamps[order[later]]),
        contradicted=contradicted,
    )


def _formed(new: xr.Dataset) -> xr.Dataset:
    if not {"basin", "time"} <= set(new.dims) or "basin" not in new.coords or "time" not in new.coords:
        raise DataError(
            "data to examine need dimensions and coordinates basin and time, these have "
            f"{', '.join(map(str, new.sizes)) or 'none'}: rename them"
        )
    if new["time"].dtype.kind != "M":
        raise DataError("data to examine: time is no calendar: give it units such as 'days since 1980-01-01'")
    check_basins(new, "data to examine")
    names = [name for name in TIME_VARIABLES if name in new]
    if not names:
        raise DataError(
            f"data to examine: no variable {', '.join(TIME_VARIABLES)}, there are "
            f"{', '.join(map(str, new.data_vars)) or 'none'}: rename them"
        )
    for name in names:
        if set(new[name].dims) != {"basin", "time"}:
            raise DataError(
                f"data to examine: {name} has dimensions {new[name].dims}: it needs basin and time"
            )
    return new.transpose("basin", "time", ...)


def _stamped(days: Days) -> Days:
    return days.astype("datetime64[ns]")


def _merge(
    daily: xr.Dataset, new: xr.Dataset, rows: NDArray[np.intp], at: NDArray[np.intp]
) -> tuple[dict[str, NDArray[np.float64]], NDArray[np.bool_]]:
    """Fill gaps of `daily` from the later `rows` of `new`, which belong to its days `at`.

    Returns:
        By variable what later rows say where they differ, and for each of `rows` whether it does.
    """
    contradicted: dict[str, NDArray[np.float64]] = {}
    differing = np.zeros(rows.size, dtype=bool)
    if rows.size == 0:
        return contradicted, differing
    for name in TIME_VARIABLES:
        if name not in daily:
            continue
        values = daily[name].values.copy()
        other = np.full(values.shape, np.nan)
        for n, (row, k) in enumerate(zip(rows, at, strict=True)):
            copy = new[name].values[:, row]
            values[:, k] = np.where(np.isnan(values[:, k]), copy, values[:, k])
            wrong = (copy != values[:, k]) & ~np.isnan(copy)
            other[wrong, k] = copy[wrong]
            differing[n] |= bool(wrong.any())
        daily[name] = daily[name].copy(data=values)
        if not np.isnan(other).all():
            contradicted[name] = other
    return contradicted, differing
