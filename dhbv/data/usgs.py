"""Daily mean discharge of USGS gauges, from the Water Data API through the client `dataretrieval`.

The API answers with a row a day: monitoring_location_id (`USGS-01073000`), time, value, unit_of_measure
(`ft^3/s`), approval_status (`Approved`, `Provisional` or none) and qualifier (a list such as
[`ESTIMATED`, `ICE`], or none). A day on which ice kept a gauge from measuring has no value and the
qualifier `ICE`. https://api.waterdata.usgs.gov/ogcapi/v0/collections/daily
"""

from __future__ import annotations

import importlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.schema import TIME_VARIABLES, DataError, assemble, some
from dhbv.data.units import streamflow_to_depth, to_canonical

_log = logging.getLogger(__name__)

DISCHARGE, DAILY_MEAN = "00060", "00003"
"""USGS codes of the parameter and the statistic."""

FLAGS = "streamflow_flags"
"""Name of the variable that tells what kind of value each day has."""

MISSING = -999999.0
"""What older USGS services write for no value."""


class Flag(NamedTuple):
    """A bit of the flags, and the words of the API that set it."""

    mask: int
    meaning: str
    words: tuple[str, ...]


FLAG_TABLE = (
    Flag(1, "provisional", ("PROVISIONAL",)),
    Flag(2, "estimated", ("ESTIMATED",)),
    Flag(4, "ice", ("ICE",)),
    Flag(8, "other", ()),
)
"""A qualifier that no flag names sets `other`."""

_COLUMNS = ("monitoring_location_id", "time", "value", "unit_of_measure", "approval_status", "qualifier")
_SERIES = "time_series_id"
_PLAIN_WORDS = ("APPROVED",)


class Observed(NamedTuple):
    """What came of the sites that were asked for."""

    region: xr.Dataset
    """`streamflow` and its flags, [basin, time]."""
    left_out: tuple[str, ...]
    """Of the sites that are not in it: which, why, and how to mend it."""


class Client(Protocol):
    """What is used of `dataretrieval.waterdata`."""

    def get_daily(self, **request: object) -> tuple[pd.DataFrame, object]:
        """Rows of daily values, and how they were asked for."""


def read_daily_values(
    sites: Sequence[str],
    start: str,
    end: str,
    *,
    areas: Mapping[str, float],
    series: Mapping[str, str] | None = None,
    client: Client | None = None,
) -> Observed:
    """Observed streamflow of gauges. Sites without area, or with several series that differ, are left out.

    Args:
        sites: USGS site numbers, as text with leading zeros.
        start, end: first and last day, as 2026-10-01.
        areas: km2 of each site (the attribute `area_gages2`).
        series: the `time_series_id` to take of sites that have several.
        client: by default `dataretrieval.waterdata`, which takes an API key from API_USGS_PAT.

    Returns:
        `streamflow` (mm d-1), NaN where there is no value, and `streamflow_flags`, both [basin, time], on
        all days asked for, and which sites are left out. The attributes of `streamflow` tell how many days there
        are of each flag.

    Raises:
        DataError: if no site is left, the client is not installed, the service cannot be reached or refuses, or
            its answer is not what it is known to be.
    """
    sites, left_out = [str(site) for site in sites], []
    without = [s for s in sites if not (s in areas and areas[s] > 0.0)]
    if without:
        left_out.append(
            f"USGS: no area for site {some(without)}, to turn ft3 s-1 into mm d-1: give area_gages2 (km2, above 0)"
        )
        sites = _others(sites, without, left_out)
    days = pd.date_range(start, end, freq="D", unit="ns")
    if len(days) == 0:
        raise DataError(f"USGS: the period {start}..{end} is empty: let it end after it starts")
    answer = _ask(client or _client(), sites, start, end)
    rows = _of_series(_checked(answer, sites), series or {})
    ambiguous = _differing(rows)
    if ambiguous:
        left_out.append(_told(rows, ambiguous))
        sites = _others(sites, ambiguous, left_out)
    rows = rows.drop_duplicates(["site", "day"])
    shape = (len(sites), len(days))
    flow, flags = np.full(shape, np.nan), np.zeros(shape, np.uint8)
    row = pd.Index(sites).get_indexer(pd.Index(rows["site"]))
    column = days.get_indexer(pd.DatetimeIndex(rows["day"]))
    there = (row >= 0) & (column >= 0)
    row, column, rows = row[there], column[there], rows[there]
    flow[row, column], flags[row, column] = rows["m3s"], rows["flags"]
    silent = [s for s, f in zip(sites, np.isnan(flow).all(1), strict=True) if f]
    if silent:
        _log.warning("USGS: no value for %d sites in %s..%s: %s", len(silent), start, end, some(silent))
    depth = streamflow_to_depth(flow, np.array([areas[s] for s in sites])[:, None])
    ds = assemble(sites, days.to_numpy(), {"streamflow": depth}, source="USGS daily values")
    return Observed(_with_flags(ds, flags), tuple(left_out))


def _others(sites: Sequence[str], without: Sequence[str], left_out: Sequence[str]) -> list[str]:
    """The sites that are left; raises a DataError that tells why if there are none."""
    others = [s for s in sites if s not in without]
    if not others:
        raise DataError("; ".join(left_out))
    return others


def _with_flags(ds: xr.Dataset, flags: NDArray[np.uint8]) -> xr.Dataset:
    attrs = {
        "long_name": f"kind of {TIME_VARIABLES['streamflow'].long_name}",
        "flag_masks": np.array([f.mask for f in FLAG_TABLE], np.uint8),
        "flag_meanings": " ".join(f.meaning for f in FLAG_TABLE),
    }
    ds[FLAGS] = (("basin", "time"), flags, attrs)
    for flag in FLAG_TABLE:
        ds["streamflow"].attrs[f"{flag.meaning}_days"] = int(((flags & flag.mask) != 0).sum())
    return ds


def _client() -> Client:
    try:
        return importlib.import_module("dataretrieval.waterdata")
    except ImportError:
        raise DataError(
            "USGS daily values are read through dataretrieval, which is not installed or too old: "
            "pip install 'delta-hbv[flows]'"
        ) from None


def _ask(client: Client, sites: Sequence[str], start: str, end: str) -> pd.DataFrame:
    try:
        answer, _ = client.get_daily(
            monitoring_location_id=[f"USGS-{s}" for s in sites],
            parameter_code=DISCHARGE,
            statistic_id=DAILY_MEAN,
            time=f"{start}/{end}",
            skip_geometry=True,
        )
    # The client's own errors cannot be named where it is not installed, and each version has had others.
    except Exception as error:
        raise DataError(
            f"USGS: daily values of {len(sites)} sites, {start}..{end}, could not be had ({type(error).__name__}: "
            f"{error}): try again later; if it refuses for the number of requests, set API_USGS_PAT to a key"
        ) from error
    return answer


def _checked(answer: pd.DataFrame, sites: Sequence[str]) -> pd.DataFrame:
    """Rows (site, day, m3s, flags, series) of the answer as it came."""
    absent = [name for name in _COLUMNS if name not in answer]
    if absent and not answer.empty:
        raise DataError(
            f"USGS: the answer has no column {', '.join(absent)} but {', '.join(map(str, answer.columns))}: this "
            "reader knows dataretrieval 1.x and the Water Data API; install another version of the client"
        )
    if answer.empty:
        answer = pd.DataFrame(columns=[*_COLUMNS, _SERIES])
    site = answer["monitoring_location_id"].astype(object).map(lambda name: str(name).rpartition("-")[2])
    strange = sorted(set(site) - set(sites))
    if strange:
        raise DataError(f"USGS: the answer has site {some(strange)}, which was not asked for: ask again")
    value = pd.to_numeric(answer["value"], errors="coerce").astype(np.float64)
    unread = value.isna() & answer["value"].notna()
    day = (
        pd.to_datetime(answer["time"], errors="coerce", utc=True, format="ISO8601")
        .dt.tz_localize(None)
        .dt.normalize()
    )
    for faulty, name in ((unread, "value"), (day.isna(), "time")):
        if faulty.any():
            at = int(np.flatnonzero(faulty)[0])
            raise DataError(
                f"USGS: site {site.iloc[at]}: {name} {answer[name].iloc[at]!r} ({answer['time'].iloc[at]}) cannot be "
                "read: ask again, or leave the site out"
            )
    value = value.mask(value == MISSING)
    m3s = np.full(len(answer), np.nan)
    # An answer has one unit, as a rule; a row without a value may have none.
    for unit in answer.loc[value.notna(), "unit_of_measure"].unique():
        here = (answer["unit_of_measure"] == unit).to_numpy() & value.notna().to_numpy()
        source = f"USGS, site {site[here].iloc[0]}"
        # Of 86.4 km2 a depth of 1 mm d-1 is a discharge of 1 m3 s-1.
        m3s[here] = to_canonical(value[here], "streamflow", str(unit), source=source, area_km2=86.4)
    flags = [_flags(*row) for row in zip(answer["approval_status"], answer["qualifier"], strict=True)]
    return pd.DataFrame(
        {
            "site": site.to_numpy(object),
            "day": day.to_numpy(),
            "m3s": m3s,
            "flags": np.array(flags, np.uint8),
            "series": answer[_SERIES].astype(object).to_numpy() if _SERIES in answer else "",
        }
    )


def _flags(approval: object, qualifier: object) -> int:
    words = {w for w in (*_words(approval), *_words(qualifier)) if w not in _PLAIN_WORDS}
    known = {w for flag in FLAG_TABLE for w in flag.words}
    named = sum(flag.mask for flag in FLAG_TABLE if words & set(flag.words))
    return named | (FLAG_TABLE[-1].mask if words - known else 0)


def _words(given: object) -> Iterable[str]:
    if isinstance(given, (list, tuple, np.ndarray)):
        return [str(word).upper() for word in given]
    return re.findall(r"\w+", given.upper()) if isinstance(given, str) else []


def _of_series(rows: pd.DataFrame, series: Mapping[str, str]) -> pd.DataFrame:
    """The rows of the series named, all of sites without one; of each site and day first those with a value."""
    wanted = rows["site"].map(series)
    rows = rows[wanted.isna() | (wanted == rows["series"])]
    return rows.sort_values(["site", "day", "m3s"], na_position="last", ignore_index=True)


def _differing(rows: pd.DataFrame) -> list[str]:
    """Sites with several values on a day."""
    values = rows.groupby(["site", "day"])["m3s"].nunique()
    return sorted({str(site) for site, _ in values.index[values > 1]})


def _told(rows: pd.DataFrame, sites: Sequence[str]) -> str:
    """What to say of sites whose series differ, the first of them as the example."""
    of_site = rows[rows["site"] == sites[0]]
    values = of_site.groupby("day")["m3s"].nunique()
    series = sorted({str(s) for s in of_site["series"]})
    return (
        f"USGS: site {sites[0]} has different values on {values.index[values > 1][0]:%Y-%m-%d} from series "
        f"{', '.join(series)} (sites concerned: {some(sites)}): say which to take, series={{{sites[0]!r}: {series[0]!r}}} "
        "(sources.usgs_series of an operation)"
    )
