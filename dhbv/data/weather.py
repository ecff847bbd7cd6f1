"""A generator of plausible daily weather for basins that do not exist."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LATITUDES, LONGITUDES = (30.0, 48.0), (-122.0, -70.0)
"""Degrees north and east: the conterminous United States."""

LAPSE_RATE = 5.0
"""degC km-1, by which mean temperature falls with elevation."""

_PERSISTENCE = 0.7
"""Correlation of one day's temperature anomaly with the next."""

_WET_PERSISTENCE = 0.3
"""Correlation of wet and dry days with the next."""

_AMOUNT_SHAPE = 0.75
"""Shape of the gamma distribution of daily amounts: below 1, many small and a few great ones."""


class Places(NamedTuple):
    """Where the basins are, each [basin]: degrees north, degrees east, and m."""

    lat: Array
    lon: Array
    elevation: Array


class Weather(NamedTuple):
    """Daily weather, each float32 [basin, time]: mm d-1, degC, degC."""

    prcp: NDArray[np.float32]
    tmin: NDArray[np.float32]
    tmax: NDArray[np.float32]


def smooth_field(rng: np.random.Generator, lat: Array, lon: Array, scale: float = 7.0) -> Array:
    """A random field that varies smoothly over `scale` degrees, [basin].

    A sum of cosine waves of random direction, near a Gaussian field with a Gaussian covariance; its
    mean over the whole area is 0 and its variance 1, wherever the basins lie.
    """
    waves = 48
    k_lat, k_lon = rng.normal(0.0, 1.0 / scale, (2, waves))
    phase = rng.uniform(0.0, 2.0 * np.pi, waves)

    def field(lat: Array, lon: Array) -> Array:
        return np.cos(np.outer(lat, k_lat) + np.outer(lon, k_lon) + phase).sum(1)

    area = field(
        *(axis.ravel() for axis in np.meshgrid(np.linspace(*LATITUDES, 10), np.linspace(*LONGITUDES, 30)))
    )
    return (field(lat, lon) - area.mean()) / area.std()


def generate(rng: np.random.Generator, places: Places, day_of_year: NDArray[np.integer]) -> Weather:
    """Weather of `places` on the days [time]; climate varies smoothly over space.

    Temperature is a seasonal wave that falls with latitude and elevation, plus AR(1) anomalies.
    Precipitation is a two-state Markov chain of wet and dry days with seasonal gamma amounts.
    The daily range of temperature is wider on dry days.
    """
    lat, lon, _ = places
    season = np.cos(2.0 * np.pi * (day_of_year - 200) / 365.25)[:, None]  # 1 in the middle of July
    temperature = _mean_temperature(rng, places, season)

    p_mean = 3.0 * np.exp(0.4 * smooth_field(rng, lat, lon))
    wet_share = np.clip(0.33 + 0.06 * smooth_field(rng, lat, lon), 0.15, 0.55)
    swing = 1.0 + 0.5 * np.clip(0.5 * smooth_field(rng, lat, lon), -0.9, 0.9) * season
    wet = _wet_days(rng, wet_share * swing)
    amounts = rng.gamma(_AMOUNT_SHAPE, p_mean / wet_share * swing / _AMOUNT_SHAPE)
    # Gauges tell hundredths of a millimetre.
    prcp = np.where(wet, np.round(amounts, 2), 0.0)

    dry_range = 12.0 + 2.0 * smooth_field(rng, lat, lon)
    spread = dry_range * np.where(wet, 0.65, 1.0) * np.exp(0.2 * rng.normal(size=wet.shape))
    half = 0.5 * np.maximum(spread, 1.0)
    return Weather(*(x.T.astype(np.float32) for x in (prcp, temperature - half, temperature + half)))


def _mean_temperature(rng: np.random.Generator, places: Places, season: Array) -> Array:
    """Mean temperature of each day, degC, [time, basin]; `season` is [time, 1]."""
    lat, lon, elevation = places
    mean = 41.5 - 0.72 * lat - LAPSE_RATE * elevation / 1000.0 + 0.8 * smooth_field(rng, lat, lon)
    amplitude = 2.5 + 0.2 * lat + smooth_field(rng, lat, lon)
    days, basins = len(season), len(lat)
    # Half of the anomaly is everywhere the same: air masses are larger than the region.
    noise = (rng.normal(size=(days, 1)) + rng.normal(size=(days, basins))) * np.sqrt(
        0.5 * (1.0 - _PERSISTENCE**2)
    )
    anomaly = np.empty((days, basins))
    today = noise[0]
    for day in range(days):
        today = _PERSISTENCE * today + noise[day]
        anomaly[day] = today
    return mean + amplitude * season + (3.5 - season) * anomaly


def _wet_days(rng: np.random.Generator, share: Array) -> NDArray[np.bool_]:
    """A Markov chain that is wet on `share` [time, basin] of the days."""
    chance = rng.uniform(size=share.shape)
    wet = np.empty(share.shape, dtype=bool)
    today = chance[0] < share[0]
    for day in range(len(share)):
        today = chance[day] < share[day] * (1.0 - _WET_PERSISTENCE) + _WET_PERSISTENCE * today
        wet[day] = today
    return wet
