"""What is usual in each basin: learnt from its own earlier data, or guessed from its mean rain.

All limits are measured on CAMELS-US: the 671 basins of the Maurer set 1989-2008 and the 577 of
Daymet 1980-2010, one half of the years against the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.quality.runs import Series, last_sums, running_total, spans

SPANS = (1, 3, 10, 30, 90, 365)
"""d; rain and flow are compared with the greatest sums known over so many days."""

RAIN_MARGIN = np.array([5.0, 4.0, 4.0, 3.0, 2.5, 2.5])
"""Times the greatest sum known of each span that rain may reach; at most 3.4, 2.8, 3.0, 2.3, 2.0, 1.8 were seen."""

GUESSED_RAIN = 1.2 * np.array([110.0, 255.0, 345.0, 560.0, 900.0, 1140.0])
"""Greatest sum of each span in days of mean rain, over all basins, and a fifth."""

GUESSED_MEAN = 3.0
"""mm d-1, mean rain where nothing at all is known."""

_MEAN_RANGE = (1.0, 5.0)
"""mm d-1; the mean rain of the batch itself is believed within these."""

LOOSE = 2.0
"""Times wider limits where mean rain comes from the other basins or from nowhere."""

ENOUGH = 5 * 365
"""d, of values that make a basin's own history."""

MEAN_WET = 2.0
"""Mean rain of a wet day over mean rain, guessed."""

_LOW_MEDIAN, GUESSED_SPREAD, LEAST_SPREAD = 0.2, 1.5, 0.5
"""Guessed: median flow over mean rain, and the standard deviation of log flow; its least where learnt."""


class History(NamedTuple):
    """One row a basin; months are columns 0 to 11."""

    rain_known: NDArray[np.bool_]
    """[basin], whether its rain comes from its own history; likewise flow and temperature below."""
    flow_known: NDArray[np.bool_]
    p_mean: NDArray[np.float64]
    """[basin], mm d-1."""
    wet_day: NDArray[np.float64]
    """[basin, 12], mean rain of days that have any, mm d-1."""
    rain_limit: NDArray[np.float64]
    """[basin, span], mm, beyond which a sum of rain is not believed."""
    log_flow: NDArray[np.float64]
    """[basin, 12], mean of the log of flow above 0."""
    log_flow_spread: NDArray[np.float64]
    flow_record: NDArray[np.float64]
    """[basin, span], mm, greatest sum known; infinite where none is."""
    longest_constant: NDArray[np.float64]
    """[basin], d, of one and the same flow above 0; NaN where unknown."""
    temperature: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
    """tmin and tmax: least and greatest known, each [basin, 12]; infinite where none is."""


def learn(known: xr.Dataset | None, new: xr.Dataset) -> History:
    """The history of the basins of `new`."""
    p_mean, width = _mean_rain(new)
    n = p_mean.size
    endless = np.full((n, 12), np.inf)
    guess = History(
        rain_known=np.zeros(n, dtype=bool),
        flow_known=np.zeros(n, dtype=bool),
        p_mean=p_mean,
        wet_day=np.repeat(MEAN_WET * p_mean[:, None], 12, 1),
        rain_limit=p_mean[:, None] * width[:, None] * GUESSED_RAIN,
        log_flow=np.repeat(np.log(_LOW_MEDIAN * p_mean[:, None]), 12, 1),
        log_flow_spread=np.full((n, 12), GUESSED_SPREAD),
        flow_record=np.full((n, len(SPANS)), np.inf),
        longest_constant=np.full(n, np.nan),
        temperature={name: (-endless, endless.copy()) for name in ("tmin", "tmax")},
    )
    if known is None or known.sizes["time"] == 0:
        return guess
    at = {str(b): i for i, b in enumerate(known["basin"].values)}
    here = np.array([i for i, b in enumerate(new["basin"].values) if str(b) in at], dtype=np.intp)
    there = np.array([at[str(new["basin"].values[i])] for i in here], dtype=np.intp)
    if here.size == 0:
        return guess
    month = known["time"].dt.month.values - 1
    history = _learn_rain(guess, here, _series(known, "prcp", there), month)
    history = _learn_flow(history, here, _series(known, "streamflow", there), month)
    for name, (low, high) in history.temperature.items():
        values = _series(known, name, there)
        enough = np.isfinite(values).sum(1) >= ENOUGH
        for k in range(12):
            of_month = values[enough][:, month == k]
            low[here[enough], k] = np.fmin.reduce(of_month, 1, initial=np.inf)
            high[here[enough], k] = np.fmax.reduce(of_month, 1, initial=-np.inf)
    return history


def constant(flow: Series) -> NDArray[np.bool_]:
    """[basin, time], whether a flow above 0 is that of the day before to the last digit."""
    same = np.zeros(flow.shape, dtype=bool)
    same[:, 1:] = (flow[:, 1:] == flow[:, :-1]) & (flow[:, 1:] > 0.0)
    return same


def _series(known: xr.Dataset, name: str, rows: NDArray[np.intp]) -> Series:
    if name not in known:
        return np.full((rows.size, known.sizes["time"]), np.nan)
    return known[name].transpose("basin", "time").values[rows].astype(np.float64)


def _mean_rain(new: xr.Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean rain of each basin without a history, mm d-1, and how much wider limits must be for it."""
    n = new.sizes["basin"]
    mean = GUESSED_MEAN
    if "prcp" in new and n >= 5 and new.sizes["time"] >= 30:
        rain = new["prcp"].values.astype(np.float64)
        # The median over basins bears a basin that is 24 times too wet.
        mean = float(np.clip(np.median(np.where(rain >= 0.0, rain, 0.0).mean(1)), *_MEAN_RANGE))
    p_mean, width = np.full(n, mean), np.full(n, LOOSE)
    if "p_mean" in new:
        given = new["p_mean"].values.astype(np.float64)
        told = given > 0.0
        p_mean[told], width[told] = given[told], 1.0
    return p_mean, width


def _learn_rain(h: History, here: NDArray[np.intp], rain: Series, month: NDArray[np.integer]) -> History:
    enough = np.isfinite(rain).sum(1) >= ENOUGH
    here, rain = here[enough], rain[enough]
    if here.size == 0:
        return h
    h.rain_known[here] = True
    h.p_mean[here] = np.maximum(np.nanmean(rain, 1), 0.01)
    wet = np.where(rain > 0.0, rain, 0.0)
    days = (rain > 0.0).astype(np.float64)
    overall = wet.sum(1) / np.maximum(days.sum(1), 1.0)
    for k in range(12):
        now = month == k
        # Ten usual wet days are added, so that a month of three showers has a mean too.
        mean = (wet[:, now].sum(1) + 10.0 * overall) / (days[:, now].sum(1) + 10.0)
        h.wet_day[here, k] = np.maximum(mean, 0.3 * overall)
    h.rain_limit[here] = RAIN_MARGIN * _records(rain)
    return h


def _learn_flow(h: History, here: NDArray[np.intp], flow: Series, month: NDArray[np.integer]) -> History:
    enough = np.isfinite(flow).sum(1) >= ENOUGH
    here, flow = here[enough], flow[enough]
    if here.size == 0:
        return h
    h.flow_known[here] = True
    h.flow_record[here] = _records(flow)
    rows, first, last = spans(constant(flow))
    longest = np.ones(here.size)
    np.maximum.at(longest, rows, last - first + 2.0)
    h.longest_constant[here] = longest
    flows = flow > 0.0
    z = np.log(flow, where=flows, out=np.zeros(flow.shape))
    for k in range(12):
        now = month == k
        n = flows[:, now].sum(1)
        mean = z[:, now].sum(1) / np.maximum(n, 1)
        square = (np.where(flows[:, now], z[:, now] - mean[:, None], 0.0) ** 2).sum(1)
        told = n >= 30
        h.log_flow[here[told], k] = mean[told]
        spread = np.sqrt(square[told] / n[told])
        h.log_flow_spread[here[told], k] = np.maximum(spread, LEAST_SPREAD)
    return h


def _records(series: Series) -> NDArray[np.float64]:
    """[basin, span], the greatest sums."""
    total = running_total(series)
    return np.stack([last_sums(total, days).max(1) for days in SPANS], 1)
