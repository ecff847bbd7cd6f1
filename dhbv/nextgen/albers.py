"""From Albers' equal-area conic projection back to latitude and longitude.

Snyder (1987), Map Projections: A Working Manual, USGS Professional Paper 1395, pp. 101-102
(ellipsoid, inverse), doi:10.3133/pp1395.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Albers(NamedTuple):
    """A projection: its ellipsoid (m, 1) and its angles (degrees)."""

    semi_major: float
    eccentricity_squared: float
    parallel_1: float
    parallel_2: float
    origin: float
    meridian: float

    def inverse(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Degrees north and east of points (m); Snyder's eqs. 14-10, 14-11, 14-8, 14-9, 14-19 and 3-16."""
        a, e = self.semi_major, math.sqrt(self.eccentricity_squared)
        q0, q1, q2 = (_q(math.radians(φ), e) for φ in (self.origin, self.parallel_1, self.parallel_2))
        m1, m2 = (_m(math.radians(φ), e) for φ in (self.parallel_1, self.parallel_2))
        n = (m1**2 - m2**2) / (q2 - q1)
        c = m1**2 + n * q1
        south = a * math.sqrt(c - n * q0) / n - np.asarray(y, np.float64)
        east = np.asarray(x, np.float64)
        q = (c - (np.hypot(east, south) * n / a) ** 2) / n
        φ = np.arcsin(q / 2.0)
        for _ in range(8):  # four reach the last bit where the projection is used
            s = np.sin(φ)
            rest = (
                q / (1.0 - e**2)
                - s / (1.0 - (e * s) ** 2)
                + np.log((1.0 - e * s) / (1.0 + e * s)) / (2.0 * e)
            )
            φ = φ + (1.0 - (e * s) ** 2) ** 2 / (2.0 * np.cos(φ)) * rest
        return np.degrees(φ), self.meridian + np.degrees(np.arctan2(east, south) / n)


def _q(φ: float, e: float) -> float:
    """Snyder's eq. 3-12."""
    s = math.sin(φ)
    return (1.0 - e**2) * (s / (1.0 - (e * s) ** 2) - math.log((1.0 - e * s) / (1.0 + e * s)) / (2.0 * e))


def _m(φ: float, e: float) -> float:
    """Snyder's eq. 14-15."""
    return math.cos(φ) / math.sqrt(1.0 - (e * math.sin(φ)) ** 2)


_FLATTENING = 1.0 / 298.257222101

CONUS = Albers(6378137.0, _FLATTENING * (2.0 - _FLATTENING), 29.5, 45.5, 23.0, -96.0)
"""EPSG:5070, NAD83 / Conus Albers on GRS 80, in which the hydrofabric of the conterminous US lies."""
