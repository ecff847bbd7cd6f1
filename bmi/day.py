"""Hours become a day: what the daily core sees of 24 hourly inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dhbv.physics.hargreaves import evaporation_under, mean_temperature

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
        """Some hours of weather, each [N]: depths p and ep in mm, temperatures in degC."""
        # Not `+=` and `out=`: for a single catchment, read and written at once, numpy takes twice as long.
        self.hours += hours
        self.p[:] = self.p + p
        if ep is not None:
            self.ep[:] = self.ep + ep
        self.tmin[:] = np.minimum(self.tmin, tmin)
        self.tmax[:] = np.maximum(self.tmax, tmax)

    def forcing(self, radiation: Float | None) -> Float:
        """Weather [N, 3] for the daily core: P mm d-1, T degC, Ep mm d-1.

        Args:
            radiation: Ra of the day [N], MJ m-2 d-1, for Hargreaves; None takes Ep as it was given.
        """
        ep = self.ep if radiation is None else evaporation_under(radiation, self.tmin, self.tmax)
        return np.array([self.p, mean_temperature(self.tmin, self.tmax), ep]).T
