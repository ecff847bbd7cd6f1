"""The water balance as NextGen's mass-balance protocol reads it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating]
PREFIX = "ngen::mass_"


class Ledger:
    """Cumulative depths of N catchments, mm, each [N] and fixed in memory: in − out = stored + leaked.

    `stored` is relative to what there was at the start: the stores, the water in the unit hydrograph,
    the hours gathered and the day's depth not yet given out. Nothing leaks.
    """

    def __init__(self, size: int) -> None:
        self.books = np.zeros((11, size))
        """[11, N]: into the model, out of it, stored since the start, leaked, what was there at the start; and of the
        first two what came before today, what rounding has added to that, and what came today."""
        self.into, self.out, self.stored, self.leaked, self._initial = self.books[:5]
        self._totals, self._before, self._excess, self._today = (
            self.books[rows : rows + 2] for rows in (0, 5, 7, 9)
        )
        self._into_today, self._out_today = self._today
        names = ("in", "out", "stored", "leaked")
        self.arrays = {PREFIX + name: row for name, row in zip(names, self.books[:4], strict=True)}

    def open(self, storage: Float) -> None:
        """Begin with `storage` [N] mm of water."""
        self._initial[:] = storage

    def flow(self, into: Float | float, out: Float | float) -> None:
        """Water [N] came in and went out, mm."""
        # Not `+=`, see `Day.add`.
        self._into_today[:] = self._into_today + into
        self._out_today[:] = self._out_today + out
        np.add(self._before, self._today, out=self._totals)

    def end_day(self) -> None:
        """Add the day to the days before by Kahan's sum: plain sums are off by 1e-9 mm within a few years."""
        exact = self._today - self._excess
        total = self._before + exact
        np.subtract(total - self._before, exact, out=self._excess)
        self._before[:] = total
        self._today[:] = 0.0

    def close(self, storage: Float) -> None:
        """A step ends with `storage` [N] mm of water."""
        np.subtract(storage, self._initial, out=self.stored)

    def book(self, change: Float) -> None:
        """Water added (positive) or removed from outside the model's own fluxes, mm [N]."""
        self.flow(np.maximum(change, 0.0), np.maximum(-change, 0.0))
