"""What weather must be before water is made of it, said in the same words on every path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dhbv.errors import DhbvError

NAMES = ("P", "T", "Ep")
"""The three numbers of a day, in the order of every forcing array: mm d-1, degC, mm d-1."""


def check_weather(
    forcing: NDArray[np.floating], basins: Sequence[str] | None = None, first: np.datetime64 | None = None
) -> None:
    """Pass weather [time, basin, 3] that is finite, with P and Ep not negative.

    Args:
        forcing: P (mm d-1), T (degC), Ep (mm d-1).
        basins: their names, for the message; else their positions.
        first: the day of the first row, for the message; else days are counted.

    Raises:
        DhbvError: naming the first basin, variable and day that are wrong, and how many values.
    """
    wet = forcing[..., 0::2]
    if np.isfinite(forcing).all() and not (wet < 0.0).any():
        return
    bad = ~np.isfinite(forcing)
    bad[..., 0::2] |= wet < 0.0
    day, basin, kind = (int(k) for k in np.argwhere(bad)[0])
    raise DhbvError(
        f"basin {basins[basin] if basins else basin}: {NAMES[kind]} is {forcing[day, basin, kind]} on "
        f"{f'day {day}' if first is None else first + day} ({int(bad.sum())} such values in all): weather must be "
        "finite, P and Ep not negative; fill or correct it first"
    )
