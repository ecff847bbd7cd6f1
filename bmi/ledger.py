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
        self.books = np.zeros((7, size))
        """[7, N]: into the model, out of it, stored since the start, leaked, what was there at the start, and
        what rounding has added to the first two."""
        self.into, self.out, self.stored, self.leaked, self._initial, self._excess_in, self._excess_out = (
            self.books
        )
        names = ("in", "out", "stored", "leaked")
        self.arrays = {PREFIX + name: row for name, row in zip(names, self.books[:4], strict=True)}

    def open(self, storage: Float) -> None:
        """Begin with `storage` [N] mm of water."""
        self._initial[:] = storage

    def enter(self, depth: Float) -> None:
        """Water [N] came in, mm."""
        _add(self.into, self._excess_in, depth)

    def leave(self, depth: Float) -> None:
        """Water [N] went out, mm."""
        _add(self.out, self._excess_out, depth)

    def close(self, storage: Float) -> None:
        """A step ends with `storage` [N] mm of water."""
        np.subtract(storage, self._initial, out=self.stored)

    def book(self, change: Float) -> None:
        """Water added (positive) or removed from outside the model's own fluxes, mm [N]."""
        self.enter(np.maximum(change, 0.0))
        self.leave(np.maximum(-change, 0.0))


def _add(total: Float, excess: Float, depth: Float) -> None:
    """Kahan's sum: plain sums of hourly depths are off by more than 1e-9 mm within a few years."""
    exact = depth - excess
    rounded = total + exact
    np.subtract(rounded - total, exact, out=excess)
    total[:] = rounded
