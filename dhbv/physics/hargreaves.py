"""Potential evaporation from temperature alone: Hargreaves (1994), doi:10.1061/(ASCE)0733-9437(1994)120:6(1132)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

SOLAR_CONSTANT = 0.0820
"""MJ m-2 min-1 (FAO-56)."""

MM_PER_MJ = 0.408
"""mm of water evaporated by 1 MJ m-2 (FAO-56)."""


def extraterrestrial_radiation(latitude: ArrayLike, day_of_year: ArrayLike) -> NDArray[np.float64]:
    """Radiation at the top of the atmosphere Ra, MJ m-2 d-1 (FAO-56, eq. 21); 0 in polar night.

    Args:
        latitude: degrees north, broadcast against `day_of_year`.
        day_of_year: 1 to 366.
    """
    φ, δ, sunset = _sun(latitude, day_of_year)
    inverse_distance = 1.0 + 0.033 * np.cos(2.0 * np.pi * np.asarray(day_of_year, dtype=np.float64) / 365.0)
    ra = sunset * np.sin(φ) * np.sin(δ) + np.cos(φ) * np.cos(δ) * np.sin(sunset)
    return np.maximum(24.0 * 60.0 / np.pi * SOLAR_CONSTANT * inverse_distance * ra, 0.0)


def day_length(latitude: ArrayLike, day_of_year: ArrayLike) -> NDArray[np.float64]:
    """Hours between sunrise and sunset (FAO-56, eq. 34); arguments as of `extraterrestrial_radiation`."""
    return 24.0 / np.pi * _sun(latitude, day_of_year)[2]


def _sun(
    latitude: ArrayLike, day_of_year: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Latitude φ, solar declination δ and sunset hour angle, rad (FAO-56, eq. 22, 24 and 25)."""
    φ = np.deg2rad(np.asarray(latitude, dtype=np.float64))
    δ = 0.409 * np.sin(2.0 * np.pi * np.asarray(day_of_year, dtype=np.float64) / 365.0 - 1.39)
    # Beyond the polar circles the sun may not set (or rise): the argument leaves [-1, 1].
    return φ, δ, np.arccos(np.clip(-np.tan(φ) * np.tan(δ), -1.0, 1.0))


def mean_temperature(tmin: ArrayLike, tmax: ArrayLike) -> NDArray[np.float64]:
    """T = (tmin + tmax) / 2, degC, everywhere in this project."""
    return 0.5 * (np.asarray(tmin, dtype=np.float64) + np.asarray(tmax, dtype=np.float64))


def potential_evaporation(
    tmin: ArrayLike, tmax: ArrayLike, latitude: ArrayLike, day_of_year: ArrayLike
) -> NDArray[np.float64]:
    """Potential evaporation Ep, mm d-1, never negative; zero range where tmax < tmin.

    Args:
        tmin: lowest temperature of the day, degC.
        tmax: highest temperature of the day, degC.
        latitude: degrees north.
        day_of_year: 1 to 366. All four are broadcast together, e.g. [time, basin], [basin], [time, 1].
    """
    return evaporation_under(extraterrestrial_radiation(latitude, day_of_year), tmin, tmax)


def evaporation_under(ra: ArrayLike, tmin: ArrayLike, tmax: ArrayLike) -> NDArray[np.float64]:
    """`potential_evaporation` where Ra (see `extraterrestrial_radiation`), which needs no weather, is known already."""
    low, high = np.asarray(tmin, dtype=np.float64), np.asarray(tmax, dtype=np.float64)
    root = np.sqrt(np.maximum(high - low, 0.0))
    return np.maximum(0.0023 * MM_PER_MJ * np.asarray(ra) * (mean_temperature(low, high) + 17.8) * root, 0.0)
