"""The weather of a cycle: what is known up to T0, what is forecast after it, and what stands in for gaps."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from dhbv.data.schema import DataError, some
from dhbv.store import Store, digest_of

NAMES = ("prcp", "tmin", "tmax")
WINDOW = 7
"""Days to both sides of a date whose weather in all years makes its mean."""
MOST_YEARS = 30
"""Past years that stand in for a weather forecast, the newest first."""
_SEASON = 366


class Weather(NamedTuple):
    """Days of weather without a gap."""

    region: xr.Dataset
    """(basin, time) in the schema, with the attributes; (member, basin, time) of an ensemble."""
    filled: dict[str, int]
    """Basins that lacked days, and how many."""
    source: str
    """Where it comes from, in words."""
    sha256: str
    """Of exactly what came from there, before gaps were filled: days, basins, members and values."""


def known(store: Store, basins: Sequence[str], first: dt.date, last: dt.date, *, fill_days: int) -> Weather:
    """Weather and observed flow from the store, the mean of the same dates where a day of weather is missing.

    Potential evaporation always follows from temperature: a store that knows it of past days only would
    give another model before T0 than after.

    Raises:
        DataError: if a basin lacks more than `fill_days` days, or has no weather to take a mean of.
    """
    region = store.window(first, last, basins=basins, variables=(*NAMES, "streamflow"))
    sha256 = digest_of(region)
    missing = xr.concat([region[name].isnull() for name in NAMES], "name").any("name")
    counts = missing.sum("time")
    lacking = [str(b) for b in region["basin"].values[(counts > fill_days).values]]
    if lacking:
        worst = counts.sel(basin=lacking[0]).item()
        raise DataError(
            f"the store lacks the weather of {worst} of the {missing.sizes['time']} days {first}..{last} in basin "
            f"{some(lacking)}: at most {fill_days} are filled; ingest the missing days, raise forecast.fill_days, or "
            "leave these basins out of the training configuration"
        )
    filled = {str(b): int(n) for b, n in zip(region["basin"].values, counts.values, strict=True) if n}
    if filled:
        region = _filled(region, store, list(filled))
    return Weather(region, filled, "store", sha256)


class Corrected(NamedTuple):
    """Weather that is another than it was."""

    first: dt.date
    basins: list[str]


def corrected(
    store: Store, basins: Sequence[str], first: dt.date, last: dt.date, since: dt.datetime
) -> Corrected | None:
    """What of the days first … last came, or was corrected, after `since`; None if nothing was."""
    times = [receipt.when for receipt in store.receipts()]
    # A store that was made anew has no past to compare with.
    if max(times, default=since) <= since or min(times) > since:
        return None
    now, then = (
        store.window(first, last, basins=basins, variables=NAMES, as_of=at)[list(NAMES)]
        for at in (None, since)
    )
    other = ~((now == then) | (now.isnull() & then.isnull())).to_dataarray("name").all("name")
    if not bool(other.any()):
        return None
    days = now["time"].values[other.any("basin").values]
    where = now["basin"].values[other.any("time").values]
    return Corrected(days[0].astype("datetime64[D]").item(), [str(b) for b in where])


def forecast(store: Store, basins: Sequence[str], issue: dt.date, days: int, folder: Path | None) -> Weather:
    """Weather of the `days` from `issue` on: the forecast in `folder`, else past years of the store.

    Raises:
        DataError: if the forecast is there but lacks basins, days or values, or there is no past year either.
    """
    if folder is not None and (folder / f"{issue}.nc").is_file():
        return _from_file(folder / f"{issue}.nc", store, basins, issue, days)
    return _from_past_years(store, basins, issue, days)


def _from_file(path: Path, store: Store, basins: Sequence[str], issue: dt.date, days: int) -> Weather:
    with xr.open_dataset(path) as file:
        given = file.load()
    given["basin"] = given["basin"].astype(str)
    wanted = np.arange(np.datetime64(issue), np.datetime64(issue) + days)
    lacking = [b for b in basins if b not in given["basin"].values]
    absent = [name for name in NAMES if name not in given]
    if lacking or absent:
        raise DataError(
            f"the weather forecast {path} lacks {some(lacking or absent)}: write it anew, or remove it to run on past "
            "years' weather"
        )
    given = given[list(NAMES)].sel(basin=list(basins)).reindex(time=wanted.astype("datetime64[ns]"))
    holes = sum(int(given[name].isnull().sum()) for name in NAMES)
    if holes:
        raise DataError(
            f"the weather forecast {path} lacks {holes} values of the days {wanted[0]}..{wanted[-1]}: write it anew, "
            "shorten forecast.days, or remove it to run on past years' weather"
        )
    given = _with_attributes(given, store, basins, issue)
    return Weather(given, {}, f"weather forecast {path.name}", _digest(given))


def _from_past_years(store: Store, basins: Sequence[str], issue: dt.date, days: int) -> Weather:
    """Each past year whose weather of these dates is known in every basin is a member."""
    members, years = [], []
    wanted = np.arange(np.datetime64(issue), np.datetime64(issue) + days).astype("datetime64[ns]")
    span = store.span("prcp")
    oldest = issue.year if span is None else span[0].year
    for year in range(issue.year - 1, max(oldest, issue.year - MOST_YEARS) - 1, -1):
        first = _same_date(issue, year)
        past = store.window(first, first + dt.timedelta(days=days - 1), basins=basins)
        if all(name in past and bool(past[name].notnull().all()) for name in NAMES):
            members.append(past[list(NAMES)].assign_coords(time=wanted))
            years.append(year)
    if not members:
        raise DataError(
            f"there is no weather forecast for {issue} and no past year of the store has the weather of these {days} "
            "dates in every basin: give forecast.weather, or ingest a year of history"
        )
    ensemble = xr.concat(members, xr.DataArray(years, dims="member", name="member"))
    source = f"weather of the same dates in {len(years)} past years ({years[-1]}..{years[0]})"
    ensemble = _with_attributes(ensemble, store, basins, issue)
    return Weather(ensemble, {}, source, _digest(ensemble))


def _filled(region: xr.Dataset, store: Store, lacking: Sequence[str]) -> xr.Dataset:
    """`region` with the mean weather of a date in all years of the store where a day is missing."""
    span = store.span("prcp")
    assert span is not None
    history = store.window(*span, basins=lacking, variables=NAMES)
    region = region.copy()
    date = history["time"].dt.dayofyear
    for name in NAMES:
        mean = history[name].groupby(date).mean()
        around = _smoothed(mean.reindex(dayofyear=np.arange(1, _SEASON + 1)))
        for basin in lacking:
            row = region[name].sel(basin=basin)
            usual = around.sel(basin=basin, dayofyear=row["time"].dt.dayofyear).drop_vars("dayofyear")
            region[name].loc[{"basin": basin}] = row.fillna(usual).values
        if bool(region[name].isnull().any()):
            raise DataError(
                f"the store has no {name} of any year to fill missing days of basin {some(list(lacking))} with: "
                "ingest a history first"
            )
    return region


def _smoothed(by_date: xr.DataArray) -> xr.DataArray:
    """The mean over WINDOW days to both sides, through the turn of the year."""
    axis = by_date.get_axis_num("dayofyear")
    width = [(WINDOW, WINDOW) if k == axis else (0, 0) for k in range(by_date.ndim)]
    wrapped = np.pad(by_date.values, width, mode="wrap")
    windows = np.lib.stride_tricks.sliding_window_view(wrapped, 2 * WINDOW + 1, axis)
    seen = np.isfinite(windows).sum(-1)
    total = np.where(np.isfinite(windows), windows, 0.0).sum(-1)
    return by_date.copy(data=np.where(seen > 0, total / np.maximum(seen, 1), np.nan))


def _with_attributes(weather: xr.Dataset, store: Store, basins: Sequence[str], day: dt.date) -> xr.Dataset:
    static = store.window(day, day, basins=basins)
    return weather.assign({n: v for n, v in static.data_vars.items() if v.dims == ("basin",)})


def _digest(region: xr.Dataset) -> str:
    """sha256 of the members of a weather forecast, each as the store would tell it."""
    if "member" not in region.dims:
        return digest_of(region)
    sha = hashlib.sha256()
    for member in region["member"].values:
        sha.update(f"{member} {digest_of(region.sel(member=member, drop=True))}\n".encode())
    return sha.hexdigest()


def _same_date(day: dt.date, year: int) -> dt.date:
    try:
        return day.replace(year=year)
    except ValueError:  # 29 February
        return day.replace(year=year, day=28)
