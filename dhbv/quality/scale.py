"""Checks of units that were mistaken: rain 24 times too much, discharge taken for a depth.

Two questions, both asked of a stretch of days. Is it the likelier one: by how much is the stretch more probable
under the wrong unit than under the right one, day by day, and which stretch most so (Kadane's scan of log
likelihood ratios)? And is it incredible as it stands: more rain than the basin knows, more runoff than rain?
The first tells the days, the second decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dhbv.data.units import CUBIC_FOOT, streamflow_to_depth
from dhbv.quality.batch import Batch
from dhbv.quality.finding import Hit
from dhbv.quality.history import SPANS
from dhbv.quality.runs import Series, best_segments, last_sums, running_total

RAIN_FACTOR = 24.0
"""An amount an hour summed or scaled over the day twice."""

GAMMA_SHAPE = 0.5
"""Of daily rain on wet days; its coefficient of variation is 1.0 to 1.6 in CAMELS."""


class Scan(NamedTuple):
    """How a stretch is looked for, in log likelihood ratios."""

    cap: float
    """Most that one day may say for or against."""
    least: float
    """Of a stretch that is looked at."""
    drop: float
    """What days within a stretch may say against it before it is cut in two."""
    edge: float
    """A stretch reaches the edge of the data if what lies between says less against it."""


RAIN_SCAN = Scan(10.0, 8.0, 25.0, 10.0)
"""Drizzle speaks too firmly for the right unit, its gamma shape being a guess: hence the wide edge."""

FLOW_SCAN = Scan(4.0, 20.0, 40.0, 4.0)
"""Flows of neighbouring days are alike, so that ten speak as one: hence the deep drop."""

LEAST_WET = 3
"""Wet days of a stretch; fewer are a single value's fault, see `values.beyond_record`."""

MOST_STRETCHES = 5

LEAST_FACTOR = 3.0
"""Below it, in basins of 7 km2, discharge and depth are too near each other."""

LEAD = 180
"""d of rain before a stretch that may still run off, a winter's snow, and `STORED` mean days of rain beside."""

STORED = 10.0


MANY, MOST = 4, 0.25
"""Basins, and share of them, with the same fault: it is the feed's, and those in doubt have it too."""


class Incredible(NamedTuple):
    """Limits of runoff; the first, or the other two together, must be passed."""

    over_rain: float
    """Runoff over the rain it may come from."""
    over_rain_at_record: float
    over_record: float
    """Runoff over the greatest sum known of so many days."""


GRAVE = Incredible(2.5, 1.0, 10.0)
"""No stretch of CAMELS passes; the nearest runs off less than 2 times its rain (1.5 where there is a history)."""

TOLD = Incredible(1.25, 0.3, 3.0)
"""A few stretches of CAMELS pass, 7 in 19 years of 671 basins: snow, springs, and faults perhaps."""

UNITS = {"ft3 s-1": CUBIC_FOOT, "m3 s-1": 1.0}
"""What flow may be in instead of mm d-1, and the factor to m3 s-1."""

Judge = Callable[[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]], NDArray[np.int_]]
"""Rows, first and last days to: 0 credible, 1 to be told, 2 incredible."""


def rain(batch: Batch) -> Iterator[Hit]:
    """Precipitation that is 24 times what it should be."""
    if not batch.present("prcp"):
        return
    p, usual = np.nan_to_num(batch.values["prcp"]), batch.history.wet_day[:, batch.month]
    gain = -GAMMA_SHAPE * np.log(RAIN_FACTOR) + p / usual * (GAMMA_SHAPE * (1.0 - 1.0 / RAIN_FACTOR))
    score = np.where(p > 0.0, np.clip(gain, -RAIN_SCAN.cap, RAIN_SCAN.cap), 0.0)
    left = p.copy()

    def judge(rows: NDArray[np.intp], first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.int_]:
        within = _within(left.shape[1], first, last)
        wet = ((left[rows] > 0.0) & within).sum(1)
        grave = (_too_much(left[rows], batch.history.rain_limit[rows]) & within).any(1) & (wet >= LEAST_WET)
        # What is explained must not speak against its neighbours.
        left[rows] = np.where(within & grave[:, None], 0.0, left[rows])
        return np.where(grave, 2, 0)

    def evidence(row: int, at: NDArray[np.intp]) -> str:
        ratio = p[row, at].sum() / np.where(p[row, at] > 0.0, usual[row, at], 0.0).sum()
        return f"{p[row, at].sum():.0f} mm in {len(at)} days, {ratio:.1f} times the usual of wet days"

    rows = np.flatnonzero(_too_much(p, batch.history.rain_limit).any(1))
    found = _stretches(score, rows, RAIN_SCAN, judge, batch.lead)
    yield Hit("prcp", found == 2, "quarantine", evidence)


def discharge(batch: Batch) -> Iterator[Hit]:
    """Flow in ft3 s-1 or m3 s-1 where mm d-1 is due; needs the area."""
    if not batch.present("streamflow"):
        return
    history, q = batch.history, batch.values["streamflow"]
    flows = q > 0.0
    z = np.log(q, where=flows, out=np.zeros(q.shape))
    usual, spread = history.log_flow[:, batch.month], history.log_flow_spread[:, batch.month]
    mean_rain = np.repeat(history.p_mean[:, None], q.shape[1], 1)
    p = batch.values.get("prcp", mean_rain)
    fallen = running_total(np.where(np.isnan(p), mean_rain, p))
    left = np.nan_to_num(q)

    def judge(rows: NDArray[np.intp], first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.int_]:
        within = _within(left.shape[1], first, last)
        runoff = np.where(within, left[rows], 0.0).sum(1)
        start = np.maximum(first - LEAD, 0)
        rain = fallen[rows, last + 1] - fallen[rows, start]
        rain += (LEAD - (first - start) + STORED) * history.p_mean[rows]
        days = last - first + 1
        record = history.flow_record[rows, np.minimum(np.searchsorted(SPANS, days), len(SPANS) - 1)]
        # Records know no more than a year: longer stretches are held to it by their mean year.
        yearly = runoff * np.minimum(SPANS[-1] / days, 1.0)
        over_rain, over_record = runoff / rain, yearly / np.where(record > 0.0, record, np.inf)
        grave, told = (
            (over_rain > x.over_rain) | ((over_rain > x.over_rain_at_record) & (over_record > x.over_record))
            for x in (GRAVE, TOLD)
        )
        left[rows] = np.where(within & grave[:, None], 0.0, left[rows])
        return np.where(grave, 2, np.where(told, 1, 0))

    # mm d-1 in each unit; of the greater first, which would be a flood in the lesser.
    factors = {unit: 1.0 / streamflow_to_depth(m3, batch.area)[:, None] for unit, m3 in UNITS.items()}
    found = np.zeros(q.shape, dtype=np.int_)
    for factor in factors.values():
        shift = np.log(np.where(factor >= LEAST_FACTOR, factor, 1.0))
        gain = np.clip(shift * (z - usual - 0.5 * shift) / spread**2, -FLOW_SCAN.cap, FLOW_SCAN.cap)
        score = np.where(found > 0, -FLOW_SCAN.cap, np.where(flows, gain, 0.0))
        found = np.maximum(found, _stretches(score, np.arange(len(q)), FLOW_SCAN, judge, batch.lead))

    def evidence(row: int, at: NDArray[np.intp]) -> str:
        at = at[flows[row, at]]
        ratio = np.exp(np.median(z[row, at] - usual[row, at]))
        unit = min(factors, key=lambda name: abs(np.log(factors[name][row, 0] / ratio)))
        return f"{ratio:.3g} times the usual flow; {unit} taken for mm d-1 would be {factors[unit][row, 0]:.3g} times"

    yield Hit("streamflow", found == 2, "quarantine", evidence)
    yield Hit("streamflow", found == 1, "warn", evidence)


def _stretches(
    score: Series, rows: NDArray[np.intp], scan: Scan, judge: Judge, lead: int
) -> NDArray[np.int_]:
    """[basin, time], the verdict on each day: of the best stretch of each of `rows`, the next best, and so on.

    The new data begin after `lead` days, at an edge of their own: units change with a delivery, and a fault that
    is known speaks against no day that does not show it. Units are mistaken for a whole feed more often than for
    one basin, so many basins speak for the others.
    """
    verdicts = np.zeros(score.shape, dtype=np.int_)
    rest = score.copy()
    for _ in range(MOST_STRETCHES):
        first, last, total = best_segments(rest[rows], scan.drop)
        good = total >= scan.least
        rows, first, last = rows[good], first[good], last[good]
        if rows.size == 0:
            break
        verdict = judge(rows, first, last)
        for row, a, b, v in zip(rows, first, last, verdict, strict=True):
            if v:
                start = lead if a >= lead else 0
                end = score.shape[1] if b >= lead else lead
                a = start if _says_little(rest[row, start:a][::-1], scan.edge) else a
                b = end - 1 if _says_little(rest[row, b + 1 : end], scan.edge) else b
                verdicts[row, a : b + 1] = np.maximum(verdicts[row, a : b + 1], v)
            rest[row, a : b + 1] = -scan.cap
    grave = (verdicts[:, lead:] == 2).any(1)
    if grave.sum() >= MANY and grave.mean() >= MOST:
        verdicts[~grave & (score[:, lead:].sum(1) > 0.0), lead:] = 2
    return verdicts


def _says_little(outwards: NDArray[np.float64], edge: float) -> bool:
    """Whether days from the end of a stretch to the edge of the data never say more than `edge` against it."""
    return bool(np.cumsum(outwards).min(initial=0.0) > -edge)


def _too_much(p: Series, limit: NDArray[np.float64]) -> NDArray[np.bool_]:
    """[basin, time], whether the rain of one of the spans that end on the day is beyond its limit."""
    total = running_total(p)
    over = np.zeros(p.shape, dtype=bool)
    for k, days in enumerate(SPANS):
        over |= last_sums(total, days) > limit[:, k, None]
    return over


def _within(days: int, first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.bool_]:
    at = np.arange(days)
    return (at >= first[:, None]) & (at <= last[:, None])
