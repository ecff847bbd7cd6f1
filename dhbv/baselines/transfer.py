"""Calibrated parameters for ungauged basins, from gauged ones that are like them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhbv.errors import DhbvError
from dhbv.normalisation import Statistics, normalise_attributes


def nearest(donors: NDArray[np.floating], targets: NDArray[np.floating], count: int = 1) -> NDArray[np.intp]:
    """Positions [target, count] of the donors nearest to each target, the nearest first; of equals the first.

    Args:
        donors: [donor, attribute], normalised.
        targets: [target, attribute], normalised by the same statistics.
        count: of donors for each target.

    Raises:
        DhbvError: if there are fewer donors.
    """
    if len(donors) < count:
        raise DhbvError(
            f"{count} donors for each ungauged basin, but only {len(donors)} basins are gauged: choose fewer (--donors)"
        )
    squared = ((targets[:, None] - donors[None]) ** 2).sum(-1)
    return np.argsort(squared, axis=1, kind="stable")[:, :count]


def coordinates(columns: Mapping[str, Sequence[Any]], statistics: Statistics) -> NDArray[np.float64]:
    """Where basins lie in the space of normalised attributes, [basin, attribute].

    Each attribute counts alike. Categories are left out: their codes have no order that a distance could measure.
    """
    numbers = [not a.categories for a in statistics.attributes]
    return normalise_attributes(columns, statistics).values[:, numbers]
