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

CAP = 10.0, 4.0
"""Most that one day may say for or against, of rain and of flow."""

LEAST_WET = 3
"""Wet days of a stretch; fewer are a single value's fault, see `values.beyond_record`."""

LEAST_SCORE = 8.0, 20.0
"""Of rain and of flow: the least log likelihood ratio of a stretch that is looked at."""

EDGE = 4.0
"""A stretch reaches the edge of the data if what lies between says less against it than this."""

MOST_STRETCHES = 5

LEAST_FACTOR = 3.0
"""Below it, in basins of 7 km2, discharge and depth are too near each other."""

LEAD = 180
"""d of rain before a stretch that may still run off, a winter's snow, and `STORED` mean days of rain beside."""

STORED = 10.0


MANY, MOST = 8, 0.25
"""Basins, and share of them, with the same fault: it is the feed's, and those in doubt have it too."""


class Incredible(NamedTuple):
    """Limits of runoff; the first, or the other two together, must be passed."""

    over_rain: float
    """Runoff over the rain it may come from."""
    over_rain_at_record: float
    over_record: float
    """Runoff over the greatest sum known of so many days."""


GRAVE = Incredible(2.5, 1.0, 5.0)
"""No stretch of CAMELS passes; the nearest runs off 2.33 times its rain."""

TOLD = Incredible(1.25, 0.3, 3.0)
"""Some stretches of CAMELS pass, 16 in 20 years of 671 basins and 30 of 577: snow, springs, and faults perhaps."""

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
    score = np.where(p > 0.0, np.clip(gain, -CAP[0], CAP[0]), 0.0)
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
    found = _stretches(score, rows, LEAST_SCORE[0], CAP[0], judge)
    yield Hit("prcp", found == 2, "quarantine", evidence)


def discharge(batch: Batch) -> Iterator[Hit]:
    """Flow in ft3 s-1 or m3 s-1 where mm d-1 is due; needs the area."""
    if not batch.present("streamflow"):
        return
    history, q = batch.history, batch.values["streamflow"]
    flows = q > 0.0
    z = np.log(q, where=flows, out=np.zeros(q.shape))
    usual, spread = history.log_flow[:, batch.month], history.log_flow_spread[:, batch.month]
    # A depth of 1 mm d-1 in each unit, as [basin].
    factors = {unit: 1.0 / streamflow_to_depth(m3, batch.area) for unit, m3 in UNITS.items()}
    scores = []
    for factor in factors.values():
        able = flows & (factor >= LEAST_FACTOR)[:, None]
        shift = np.log(np.where(factor >= LEAST_FACTOR, factor, 1.0))[:, None]
        gain = shift * (z - usual - 0.5 * shift) / spread**2
        scores.append(np.where(able, np.clip(gain, -CAP[1], CAP[1]), 0.0))
    likeliest = np.argmax([best_segments(score)[2] for score in scores], axis=0)
    score = np.where(likeliest[:, None] == 0, *scores)
    runoff = running_total(q)
    fallen = running_total(
        np.where(np.isnan(batch.values["prcp"]), history.p_mean[:, None], batch.values["prcp"])
        if batch.present("prcp")
        else np.repeat(history.p_mean[:, None], q.shape[1], 1)
    )

    def judge(rows: NDArray[np.intp], first: NDArray[np.intp], last: NDArray[np.intp]) -> NDArray[np.int_]:
        start = np.maximum(first - LEAD, 0)
        rain = fallen[rows, last + 1] - fallen[rows, start]
        rain += (LEAD - (first - start) + STORED) * history.p_mean[rows]
        sums = runoff[rows, last + 1] - runoff[rows, first]
        span = np.minimum(np.searchsorted(SPANS, last - first + 1), len(SPANS) - 1)
        record = history.flow_record[rows, span]
        # Records know no more than a year: longer stretches are held to it by their mean year.
        yearly = np.minimum(SPANS[-1] / (last - first + 1), 1.0)
        over_rain, over_record = sums / rain, sums * yearly / np.where(record > 0.0, record, np.inf)
        grave, told = (
            (over_rain > x.over_rain) | ((over_rain > x.over_rain_at_record) & (over_record > x.over_record))
            for x in (GRAVE, TOLD)
        )
        return np.where(grave, 2, np.where(told, 1, 0))

    def evidence(row: int, at: NDArray[np.intp]) -> str:
        unit = list(UNITS)[likeliest[row]]
        at = at[flows[row, at]]
        ratio = np.exp(np.median(z[row, at] - usual[row, at]))
        factor = factors[unit][row]
        return f"{ratio:.3g} times the usual flow; {unit} taken for mm d-1 would be {factor:.3g} times"

    found = _stretches(score, np.arange(len(q)), LEAST_SCORE[1], CAP[1], judge)
    yield Hit("streamflow", found == 2, "quarantine", evidence)
    yield Hit("streamflow", found == 1, "warn", evidence)


def _stretches(
    score: Series, rows: NDArray[np.intp], least: float, cap: float, judge: Judge
) -> NDArray[np.int_]:
    """[basin, time], the verdict on each day: of the best stretch of each of `rows`, the next best, and so on.

    Units are mistaken for a whole feed more often than for one basin, so many basins speak for the others.
    """
    verdicts = np.zeros(score.shape, dtype=np.int_)
    rest = score.copy()
    for _ in range(MOST_STRETCHES):
        first, last, total = best_segments(rest[rows])
        good = total >= least
        rows, first, last = rows[good], first[good], last[good]
        if rows.size == 0:
            break
        verdict = judge(rows, first, last)
        for row, a, b, v in zip(rows, first, last, verdict, strict=True):
            if v:
                a = 0 if rest[row, :a].sum() > -EDGE else a
                b = score.shape[1] - 1 if rest[row, b + 1 :].sum() > -EDGE else b
                verdicts[row, a : b + 1] = np.maximum(verdicts[row, a : b + 1], v)
            rest[row, a : b + 1] = -cap
    grave = (verdicts == 2).any(1)
    if grave.sum() >= MANY and grave.mean() >= MOST:
        verdicts[~grave & (score.sum(1) > 0.0)] = 2
    return verdicts


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
