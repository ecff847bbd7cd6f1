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
        self.hours = 0
        self.sums = np.zeros((4, size))
        """[4, N] P and Ep so far, mm; lowest and highest temperature so far, degC."""
        self.p, self.ep, self.tmin, self.tmax = self.sums
        self.empty()

    def empty(self) -> None:
        """Begin the next day."""
        self.hours = 0
        self.sums[:2] = 0.0
        self.tmin[:], self.tmax[:] = np.inf, -np.inf

    def add(self, hours: int, p: Float, tmin: Float, tmax: Float, ep: Float | None) -> None:
        """Some hours of weather, each [N]: rates p and ep in mm h-1, temperatures in degC."""
        self.hours += hours
        self.p += hours * p
        if ep is not None:
            self.ep += hours * ep
        np.minimum(self.tmin, tmin, out=self.tmin)
        np.maximum(self.tmax, tmax, out=self.tmax)

    @property
    def temperature(self) -> Float:
        """T of the day [N], degC."""
        return mean_temperature(self.tmin, self.tmax)

    def forcing(self, latitude: Float | None, day_of_year: int) -> Float:
        """Weather [N, 3] for the daily core: P mm d-1, T degC, Ep mm d-1.

        Args:
            latitude: degrees north [N] for Hargreaves; None takes Ep as it was given.
            day_of_year: 1 to 366.
        """
        ep = self.ep
        if latitude is not None:
            ep = potential_evaporation(self.tmin, self.tmax, latitude, day_of_year)
        return np.stack([self.p, self.temperature, ep], -1)
