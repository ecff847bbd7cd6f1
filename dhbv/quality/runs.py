"""Runs, sums and segments of series [basin, time], all basins at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Series = NDArray[np.float64]
"""[basin, time]."""

Mask = NDArray[np.bool_]
"""[basin, time]."""

Places = NDArray[np.intp]


def spans(mask: Mask) -> tuple[Places, Places, Places]:
    """Row, first and last position of each unbroken run of true cells, in order of rows."""
    edge = np.zeros((len(mask), 1), dtype=np.int8)
    steps = np.diff(mask.astype(np.int8), prepend=edge, append=edge, axis=1)
    rows, first = np.nonzero(steps == 1)
    return rows, first, np.nonzero(steps == -1)[1] - 1


def filled(mask_of: tuple[int, int], rows: Places, first: Places, last: Places) -> Mask:
    """A mask of the shape `mask_of` that is true in the spans given."""
    steps = np.zeros((mask_of[0], mask_of[1] + 1), dtype=np.int32)
    np.add.at(steps, (rows, first), 1)
    np.add.at(steps, (rows, last + 1), -1)
    return np.cumsum(steps, 1)[:, :-1] > 0


def running_total(series: Series) -> Series:
    """[basin, time + 1]: the sum of all days before each; NaN counts as nothing."""
    return np.concatenate([np.zeros((len(series), 1)), np.cumsum(np.nan_to_num(series), 1)], 1)


def last_sums(total: Series, days: int) -> Series:
    """[basin, time]: the sum of the last `days`, today included, of a `running_total`; at the start of those there are."""
    sums = total[:, 1:].copy()
    sums[:, days:] -= total[:, 1:-days]
    return sums


def best_segments(score: Series, drop: float) -> tuple[Places, Places, Series]:
    """First and last position and sum of the best segment of each row, each [basin]; sum 0 where none is above 0.

    The greatest sum of all segments (Kadane's scan) within which the running sum never falls by more than
    `drop`: two good stretches do not take a long bad one between them along.
    """
    n = len(score)
    total, peak, best = np.zeros(n), np.zeros(n), np.zeros(n)
    start, first, last = (np.zeros(n, dtype=np.intp) for _ in range(3))
    for day, gain in enumerate(np.ascontiguousarray(score.T)):
        total += gain
        lost = (total <= 0.0) | (total < peak - drop)
        total[lost] = peak[lost] = 0.0
        start[lost] = day + 1
        np.maximum(peak, total, out=peak)
        better = total > best
        best[better], first[better], last[better] = total[better], start[better], day
    return first, last, best
