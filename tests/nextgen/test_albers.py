"""The inverse projection is held against Snyder's worked example, PROJ's figures and its own forward formula."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dhbv.nextgen.albers import CONUS, Albers


def test_snyders_worked_example() -> None:
    """Snyder (1987), p. 292: Clarke 1866, 35° N 75° W at x = 1885472.7 m, y = 1535925.0 m."""
    clarke = Albers(6378206.4, 0.00676866, 29.5, 45.5, 23.0, -96.0)
    lat, lon = clarke.inverse(1885472.7, 1535925.0)
    assert lat == pytest.approx(35.0, abs=5e-7), "the example gives tenths of a metre"
    assert lon == pytest.approx(-75.0, abs=5e-7)


POINTS = [
    # x, y, degrees north, degrees east: pyproj 3, EPSG:5070 to EPSG:4269
    (32544.64296734708, 1791059.99985, 39.14351071467265, -95.61994939481728),
    (-1276919.999775, 2216415.00015, 42.00456745631876, -111.59267938862689),
    (1967000.0, 2447000.0, 42.73199831717915, -71.56864128389849),
    (-2200000.0, 3100000.0, 47.78435203727878, -125.61801894906125),
    (1600000.0, 400000.0, 25.442732636627845, -80.19048840959887),
    (2258000.0, 3100000.0, 47.621328241090794, -65.65255452263412),
]


@pytest.mark.parametrize(("x", "y", "north", "east"), POINTS)
def test_points_are_those_of_proj(x: float, y: float, north: float, east: float) -> None:
    lat, lon = CONUS.inverse(x, y)
    assert lat == pytest.approx(north, abs=1e-11)
    assert lon == pytest.approx(east, abs=1e-11)


def test_the_origin_is_the_origin() -> None:
    assert np.allclose(CONUS.inverse(0.0, 0.0), (23.0, -96.0), rtol=0, atol=1e-12)


def test_it_undoes_the_forward_projection() -> None:
    """Snyder's closed forward formula (14-1 to 14-4) over the whole country."""
    rng = np.random.default_rng(4)
    lat, lon = rng.uniform(24.0, 50.0, 500), rng.uniform(-125.0, -66.0, 500)
    a, e = CONUS.semi_major, math.sqrt(CONUS.eccentricity_squared)

    def q(φ: np.ndarray) -> np.ndarray:
        s = np.sin(φ)
        return (1 - e**2) * (s / (1 - (e * s) ** 2) - np.log((1 - e * s) / (1 + e * s)) / (2 * e))

    def m(φ: np.ndarray) -> np.ndarray:
        return np.cos(φ) / np.sqrt(1 - (e * np.sin(φ)) ** 2)

    φ0, φ1, φ2 = np.radians([23.0, 29.5, 45.5])
    n = (m(φ1) ** 2 - m(φ2) ** 2) / (q(φ2) - q(φ1))
    c = m(φ1) ** 2 + n * q(φ1)
    ρ = a * np.sqrt(c - n * q(np.radians(lat))) / n
    θ = n * np.radians(lon + 96.0)
    found = CONUS.inverse(ρ * np.sin(θ), a * np.sqrt(c - n * q(φ0)) / n - ρ * np.cos(θ))
    np.testing.assert_allclose(found, (lat, lon), rtol=0, atol=1e-11)
