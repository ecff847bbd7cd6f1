"""The weather of a cycle: what is known up to T0, what is forecast after it, and what stands in for gaps."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.attributes import LATITUDE
from dhbv.data.checks import check_basins
from dhbv.data.schema import TIME_VARIABLES, DataError, basin_ids, some
from dhbv.data.units import to_canonical
from dhbv.quality.values import BOUNDS, INVERTED_BY
from dhbv.store import Store, digest_of

NAMES = ("prcp", "tmin", "tmax")
WINDOW = 7
"""Days to both sides of a date whose weather in all years makes its mean."""
MOST_YEARS = 30
"""Past years that stand in for a weather forecast, the newest first."""
SWAPPED = 0.5
"""Share of a basin's values of a weather forecast with tmin above tmax, above which the two were taken for each other."""
_SEASON = 366
_REMEDY = "write it anew, or remove it to run on past years' weather"


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
    lacking: tuple[str, ...]
    """Of the basins that were asked for and are not in it: which, why, and how to mend it."""

    @property
    def basins(self) -> tuple[str, ...]:
        return tuple(basin_ids(self.region))


def known(
    store: Store,
    basins: Sequence[str],
    first: dt.date,
    last: dt.date,
    *,
    fill_days: int,
    key: str = "forecast.fill_days",
) -> Weather:
    """Weather and observed flow from the store, the mean of the same dates where a day of weather is missing.

    Left out are basins that lack more than `fill_days` days (the configuration's `key`), days of the same dates to take
    a mean of, or a latitude; none may be left. Potential evaporation always follows from temperature: a store that
    knows it of past days only would give another model before T0 than after.
    """
    here, lacking = _in(store, basins)
    region = store.window(first, last, basins=here, variables=(*NAMES, "streamflow"))
    nowhere = [b for b in here if b not in located(region)]
    if nowhere:
        lacking.append(
            f"the store has no latitude (gauge_lat) of basin {some(nowhere)}, from which potential evaporation follows: "
            "ingest a table of attributes that has it"
        )
    counts = _missing(region).sum("time")
    gaps = _where(counts > fill_days)
    if gaps:
        worst = counts.sel(basin=gaps).max().item()
        lacking.append(
            f"the store lacks the weather of {worst} of the {region.sizes['time']} days {first}..{last} in basin "
            f"{some(gaps)}: at most {fill_days} are filled; ingest the missing days, raise {key}, or leave these "
            "basins out of the training configuration"
        )
    region = _without(region, [*nowhere, *gaps])
    whole = _filled(region, store, _where(counts.sel(basin=region["basin"]) > 0))
    unknown = _where(_missing(whole).any("time"))
    if unknown:
        lacking.append(
            f"the store has no weather of any year to fill missing days of basin {some(unknown)} in {first}..{last} "
            "with: ingest these days"
        )
        region, whole = _without(region, unknown), _without(whole, unknown)
    filled = {str(b): int(n) for b, n in counts.sel(basin=whole["basin"]).to_series().items() if n}
    return Weather(whole, filled, "store", digest_of(region), tuple(lacking))


class Histories(NamedTuple):
    """From when on basins can be spun up."""

    by_first: dict[dt.date, list[str]]
    """Basins by the first day of their history."""
    lacking: tuple[str, ...]
    """Of those that have none: as of `Weather`."""


def histories(
    store: Store, basins: Sequence[str], first: dt.date, last: dt.date, *, fill_days: int
) -> Histories:
    """From which day on each basin has weather, `first` at the earliest; its days before count as missing up to `fill_days`.

    A history has two days at least: over one a spin-up, the other is run by itself.
    """
    span, issue = store.span(NAMES[0]), last + dt.timedelta(1)
    here, lacking = _in(store, basins)
    if span is not None:
        first = min(max(first, span[0]), last)
    missing = _missing(store.window(first, last, basins=here, variables=NAMES))
    begins: dict[dt.date, list[str]] = {}
    never = []
    for basin, row in zip(here, missing.transpose("basin", "time").values, strict=True):
        seen = np.flatnonzero(~row)
        if len(seen) < 2:
            never.append(basin)
        else:
            days = 0 if row.sum() <= fill_days else int(seen[0])
            begins.setdefault(first + dt.timedelta(days), []).append(basin)
    if never:
        lacking.append(
            f"basin {some(never)} has no state of these weights, and no two days of weather before {issue} to spin up "
            "over: ingest a history first"
        )
    return Histories(begins, tuple(lacking))


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
    here, _ = _in(store, basins)
    now = store.window(first, last, basins=here, variables=NAMES)[list(NAMES)]
    # A store that was restored from a backup may not have known then what the state knows: that has all come since.
    there = set(store.basins(as_of=since)).intersection(here)
    then = xr.full_like(now, np.nan)
    if there:
        known = [b for b in here if b in there]
        then = store.window(first, last, basins=known, variables=NAMES, as_of=since)[list(NAMES)]
        then = then.reindex(basin=now["basin"])
    other = ~((now == then) | (now.isnull() & then.isnull())).to_dataarray("name").all("name")
    if not bool(other.any()):
        return None
    days = now["time"].values[other.any("basin").values]
    where = now["basin"].values[other.any("time").values]
    return Corrected(days[0].astype("datetime64[D]").item(), [str(b) for b in where])


def forecast(store: Store, basins: Sequence[str], issue: dt.date, days: int, folder: Path | None) -> Weather:
    """Weather of the `days` from `issue` on: the forecast in `folder`, else past years of the store.

    Basins that it lacks are left out.

    Raises:
        DataError: if the forecast is there but cannot be read or has all days and sound values of no basin, or there
            is no past year either.
    """
    if folder is not None and (folder / f"{issue}.nc").is_file():
        return _from_file(folder / f"{issue}.nc", store, basins, issue, days)
    return _from_past_years(store, basins, issue, days)


def _from_file(path: Path, store: Store, basins: Sequence[str], issue: dt.date, days: int) -> Weather:
    given = _opened(path)
    wanted = np.arange(np.datetime64(issue), np.datetime64(issue) + days)
    lacking = []
    others = [b for b in basins if b not in given["basin"].values]
    if others:
        lacking.append(f"the weather forecast {path} lacks basin {some(others)}: write those to come with it")
    given = given.sel(basin=[b for b in basins if b not in others])
    given = given.reindex(time=wanted.astype("datetime64[ns]"))
    wrong = _impossible(given)
    broken = _where(_per_basin(wrong) > 0)
    if broken:
        values = given.sel(basin=broken[0]).where(wrong.sel(basin=broken[0]))
        name = next(name for name in NAMES if values[name].notnull().any())
        seen = values[name].values[values[name].notnull().values]
        lacking.append(
            f"the weather forecast {path}, basin {some(broken)}, has {_per_basin(wrong).sum().item()} values of the days "
            f"{wanted[0]}..{wanted[-1]} that cannot be or tmin above tmax (the first is {name} {seen[0]:g} "
            f"{TIME_VARIABLES[name].unit}): {_REMEDY}"
        )
        given = _without(given, broken)
    holes = _per_basin(given.isnull())
    broken = _where(holes > 0)
    if broken:
        lacking.append(
            f"the weather forecast {path}, basin {some(broken)}, lacks {holes.sum().item()} values of the days "
            f"{wanted[0]}..{wanted[-1]}: write it anew, shorten forecast.days, or remove it to run on past years' weather"
        )
        given = _without(given, broken)
    if not given.sizes["basin"]:
        raise DataError("; ".join(lacking))
    given = _with_attributes(given, store, issue)
    return Weather(given, {}, f"weather forecast {path.name}", _digest(given), tuple(lacking))


def _opened(path: Path) -> xr.Dataset:
    """The weather of a file in the units of the schema, whatever its values.

    Raises:
        DataError: if it cannot be read, or tells no basin, day, variable or unit that is wanted.
    """
    where = f"the weather forecast {path}"
    try:
        with xr.open_dataset(path) as file:
            given = file.load()
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{where} cannot be read ({error}): {_REMEDY}") from None
    absent = [name for name in (*NAMES, "basin", "time") if name not in given]
    if absent:
        raise DataError(f"{where} lacks {some(absent)}: {_REMEDY}")
    dims = {name: {*given[name].dims} - {"member"} for name in NAMES}
    strange = [name for name in NAMES if dims[name] != {"basin", "time"}]
    if strange or given["time"].dtype.kind != "M":
        what = f"{strange[0]} {given[strange[0]].dims}" if strange else "a time that is no calendar"
        raise DataError(f"{where} has {what}, where (basin, time) or (member, basin, time) belong: {_REMEDY}")
    given["basin"] = given["basin"].astype(str)
    check_basins(given, where)
    repeated = given["time"].values[given.indexes["time"].duplicated()]
    if repeated.size:
        raise DataError(f"{where} has {repeated[0]:.10} more than once: {_REMEDY}")
    for name in NAMES:
        given[name] = given[name].copy(
            data=to_canonical(given[name].values, name, given[name].attrs.get("units", ""), source=where)
        )
        given[name].attrs["units"] = TIME_VARIABLES[name].unit
    return given[list(NAMES)]


def _impossible(given: xr.Dataset) -> xr.Dataset:
    """Where values are of no weather on earth, and tmin and tmax where they are swapped or too far so."""
    wrong = xr.Dataset({n: (given[n] < BOUNDS[n][0]) | (given[n] > BOUNDS[n][1]) for n in NAMES})
    by = given["tmin"] - given["tmax"]
    # Real weather has days on which they cross a little, see `dhbv.quality.values`.
    swapped = (by > 0.0).mean([d for d in by.dims if d != "basin"]) > SWAPPED
    crossed = (by > INVERTED_BY) | ((by > 0.0) & swapped)
    return wrong.assign({n: wrong[n] | crossed for n in ("tmin", "tmax")})


def _per_basin(cells: xr.Dataset) -> xr.DataArray:
    """How many of `cells` are true [basin]."""
    counts = [cells[n].sum([d for d in cells[n].dims if d != "basin"]) for n in NAMES]
    return xr.concat(counts, "name").sum("name")


def _from_past_years(store: Store, basins: Sequence[str], issue: dt.date, days: int) -> Weather:
    """Each past year whose weather of these dates is known in every basin is a member; see `_comparable`."""
    wanted = np.arange(np.datetime64(issue), np.datetime64(issue) + days).astype("datetime64[ns]")
    span = store.span(NAMES[0])
    oldest = issue.year if span is None else span[0].year
    past = {}
    for year in range(issue.year - 1, max(oldest, issue.year - MOST_YEARS) - 1, -1):
        first = _same_date(issue, year)
        last = first + dt.timedelta(days=days - 1)
        past[year] = store.window(first, last, basins=basins, variables=NAMES)[list(NAMES)]
    whole = {year: ~_missing(weather).any("time").values for year, weather in past.items()}
    there = _comparable(np.array(list(whole.values()), bool).reshape(len(whole), len(basins)))
    if not there.any():
        raise DataError(
            f"there is no weather forecast for {issue} and no past year of the store has the weather of these {days} "
            "dates: give forecast.weather, or ingest a year of history"
        )
    years = [year for year, known in whole.items() if known[there].all()]
    members = [past[year].isel(basin=there).assign_coords(time=wanted) for year in years]
    ensemble = xr.concat(members, xr.DataArray(years, dims="member", name="member"))
    source = f"weather of the same dates in {len(years)} past years ({years[-1]}..{years[0]})"
    ensemble = _with_attributes(ensemble, store, issue)
    others = [b for b, kept in zip(basins, there, strict=True) if not kept]
    lacking = (
        f"there is no weather forecast for {issue}, and no past year that the others have has the weather of these "
        f"{days} dates in basin {some(others)}: give forecast.weather, or ingest a year of history",
    )
    return Weather(ensemble, {}, source, _digest(ensemble), lacking if others else ())


def _comparable(whole: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which basins [basin] have a year in common in `whole` [year, basin]; those with the fewest years are given up."""
    there: NDArray[np.bool_] = np.asarray(whole.any(0))
    while there.any() and not whole[:, there].all(1).any():
        there[np.flatnonzero(there)[whole[:, there].sum(0).argmin()]] = False
    return there


def _in(store: Store, basins: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those of the basins that the store knows, and what is to be told of the others."""
    there = set(store.basins())
    absent = [b for b in basins if b not in there]
    told = f"the store {store.path} knows nothing of basin {some(absent)}: ingest its attributes and weather, or correct "
    return [b for b in basins if b in there], [f"{told}the training configuration"] if absent else []


def located(region: xr.Dataset) -> set[str]:
    """The basins with a latitude; text that is no number is none."""
    if LATITUDE not in region:
        return set()
    degrees = pd.to_numeric(region[LATITUDE].to_series(), errors="coerce")
    return {str(b) for b in degrees.index[degrees.abs() <= 90.0]}


def _missing(region: xr.Dataset) -> xr.DataArray:
    """Days without weather [basin, time]."""
    return xr.concat([region[name].isnull() for name in NAMES], "name").any("name")


def _where(these: xr.DataArray) -> list[str]:
    """The basins where `these` [basin] is true."""
    return [str(b) for b in these["basin"].values[these.values]]


def _without(region: xr.Dataset, basins: Sequence[str]) -> xr.Dataset:
    return region.drop_sel(basin=list(basins)) if basins else region


def _filled(region: xr.Dataset, store: Store, lacking: Sequence[str]) -> xr.Dataset:
    """`region` with the mean weather of a date in all years of the store where a day is missing, if there is any."""
    span = store.span(NAMES[0])
    if span is None or not lacking:
        return region
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


def _with_attributes(weather: xr.Dataset, store: Store, day: dt.date) -> xr.Dataset:
    static = store.window(day, day, basins=basin_ids(weather))
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
