"""The water balance as NextGen's mass-balance protocol reads it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
PREFIX = "ngen::mass_"


class Ledger:
    """Cumulative depths of N catchments, mm, each [N] and fixed in memory: in − out = stored + leaked.

    `stored` is relative to what there was at the start: the stores, the water in the unit hydrograph,
    the hours gathered and the day's depth not yet given out. Nothing leaks.
    """

    def __init__(self, size: int) -> None:
        self.books = np.zeros((5, size))
        """[5, N]: into the model, out of it, stored since the start, leaked, and what was there at the start."""
        self.into, self.out, self.stored, self.leaked, self._initial = self.books
        names = ("in", "out", "stored", "leaked")
        self.arrays = {PREFIX + name: row for name, row in zip(names, self.books[:4], strict=True)}

    def open(self, storage: Float) -> None:
        """Begin with `storage` [N] mm of water."""
        self._initial[:] = storage

    def close(self, storage: Float) -> None:
        """A step ends with `storage` [N] mm of water."""
        np.subtract(storage, self._initial, out=self.stored)

    def book(self, change: Float) -> None:
        """Water added (positive) or removed from outside the model's own fluxes, mm [N]."""
        self.into += np.maximum(change, 0.0)
        self.out -= np.minimum(change, 0.0)
