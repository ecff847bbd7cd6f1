"""Hours become a day: what the daily core sees of 24 hourly inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dhbv.physics.hargreaves import mean_temperature, potential_evaporation

Float = NDArray[np.float64]


class Day:
    """Gathers the inputs of one day for N catchments.

    P and Ep add up; T is (min + max) / 2 of what was seen, as in training.
    """

    def __init__(self, size: int) -> None:
        self.hours = 0.0
        self._p, self._ep = np.zeros(size), np.zeros(size)
        self._tmin, self._tmax = np.full(size, np.inf), np.full(size, -np.inf)

    def add(self, hours: float, p: Float, tmin: Float, tmax: Float, ep: Float) -> None:
        """Some hours of weather, each [N]: rates p and ep in mm h-1, temperatures in degC."""
        self.hours += hours
        self._p += hours * p
        self._ep += hours * ep
        np.minimum(self._tmin, tmin, out=self._tmin)
        np.maximum(self._tmax, tmax, out=self._tmax)

    def forcing(self, latitude: Float | None, day_of_year: int) -> Float:
        """Weather [N, 3] for the daily core: P mm d-1, T degC, Ep mm d-1.

        Args:
            latitude: degrees north [N] for Hargreaves; None takes Ep as it was given.
            day_of_year: 1 to 366.
        """
        ep = self._ep
        if latitude is not None:
            ep = potential_evaporation(self._tmin, self._tmax, latitude, day_of_year)
        return np.stack([self._p, mean_temperature(self._tmin, self._tmax), ep], -1)
