"""The memory of the air: running means of its temperature."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

WINDOWS = {"T1": 1, "T30": 30, "T365": 365}
"""Days of each running mean, the day itself the last of them."""


def running_mean(daily: Float, days: int) -> Float:
    """Mean over each day and the `days` - 1 before it [..., time]; NaN where one of them is missing or before the record.

    Never over fewer days: a year's mean of six summer months would be groundwater far too warm.
    """
    known = np.isfinite(daily)
    total = _sums(np.where(known, daily, 0.0), days)
    return np.where(_sums(known, days) == days, total / days, np.nan)


def _sums(values: NDArray[np.generic], days: int) -> Float:
    """Over windows that end with each day; shorter ones at the beginning."""
    to_date = np.cumsum(values, -1, dtype=np.float64)
    before = np.zeros_like(to_date)
    before[..., days:] = to_date[..., :-days]
    return np.asarray(to_date - before)
