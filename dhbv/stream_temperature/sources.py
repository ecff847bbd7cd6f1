"""The three sources of a stream's water, and the least there is of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]

SOURCES = {"srflow": "T1", "ssflow": "T30", "gwflow": "T365"}
"""Each source and the mean of air temperature that it follows."""

FLOOR = 1e-3
"""Least srflow + ssflow + gwflow, mm d-1: a litre a second from 86 km2, below what most gauges tell from nothing.

What is downstream divides by the flow; one so small takes on the air's temperature in any case.
"""


def raised(srflow: Float, ssflow: Float, gwflow: Float, floor: float = FLOOR) -> tuple[Float, Float]:
    """Groundwater raised until the three flows together are `floor`, and what that adds; same units throughout.

    The last water in a stream is groundwater, so nothing is added to the other two. NaN stays NaN.
    """
    added = np.maximum(floor - (srflow + ssflow + gwflow), 0.0)
    return gwflow + added, added
