"""How sure a median over basins is: basins drawn anew, with replacement (Efron 1979, doi:10.1214/aos/1176344552)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

_AT_ONCE = 2_000_000
"""Draws held in memory at once, so that a region of 100,000 catchments needs no more than one of 500."""


class Interval(NamedTuple):
    """A median and what its resamples say of it."""

    median: float
    lower: float
    upper: float
    probability: float
    """Share of resamples whose median is above 0, half of those where it is 0."""


def median_interval(values: ArrayLike, *, samples: int, seed: int, confidence: float) -> Interval:
    """Percentile interval of the median of `values` [n]; for paired differences, the paired bootstrap.

    The ends are resampled medians themselves, the next one outwards where the percentile falls
    between two, so that infinite values are ranks like any other. The draws hang on `seed` and n alone:
    two scores of the same basins are resampled alike.

    Args:
        values: one a basin; −inf stands for a basin that is lost. Empty gives NaN throughout.
        samples: resamples.
        seed: of the draws.
        confidence: probability that the interval shall hold the median, two-sided.

    Raises:
        ValueError: a value is NaN, which has no rank.
    """
    known = np.asarray(values, float)
    if np.isnan(known).any():
        raise ValueError(f"{int(np.isnan(known).sum())} of {known.size} values are NaN: leave them out first")
    if not known.size:
        return Interval(math.nan, math.nan, math.nan, math.nan)
    medians = resampled_medians(known, samples, seed)
    beyond = (1.0 - confidence) / 2.0
    lower = np.quantile(medians, beyond, method="lower")
    upper = np.quantile(medians, 1.0 - beyond, method="higher")
    better = np.mean(medians > 0.0) + 0.5 * np.mean(medians == 0.0)
    return Interval(float(np.median(known)), float(lower), float(upper), float(better))


def resampled_medians(values: NDArray[np.float64], samples: int, seed: int) -> NDArray[np.float64]:
    """Medians [samples] of `values` [n] drawn anew n at a time, with replacement."""
    rng = np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // len(values))
    return np.concatenate(
        [
            np.median(values[rng.integers(0, len(values), (min(rows, samples - done), len(values)))], axis=1)
            for done in range(0, samples, rows)
        ]
    )
