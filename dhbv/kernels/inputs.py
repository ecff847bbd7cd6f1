"""What a fast path is given, checked before it runs: inside a kernel a mistake would pass in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhbv.errors import DhbvError
from dhbv.kernels.forms import OUTPUTS
from dhbv.physics import hbv

_NAMES = ("P", "T", "Ep")


def check_weather(forcing: NDArray[np.floating], basins: Sequence[str] | None = None) -> None:
    """Raise DhbvError unless weather [time, basin, 3] is finite, P and Ep not negative."""
    if np.isfinite(forcing).all() and not (forcing[..., 0::2] < 0.0).any():
        return
    bad = ~np.isfinite(forcing)
    bad[..., 0::2] |= forcing[..., 0::2] < 0.0
    day, basin, kind = np.argwhere(bad)[0]
    raise DhbvError(
        f"basin {basins[basin] if basins else basin}: {_NAMES[kind]} is {forcing[day, basin, kind]} on day {day} "
        f"of the run ({int(bad.sum())} such values in all): weather must be finite, P and Ep not negative; "
        "fill or correct it first"
    )


def check(stores: hbv.Stores, forcing: Any, parameters: Mapping[str, Any], outputs: Sequence[str]) -> None:
    """Raise DhbvError unless shapes and dtypes fit together; numpy arrays and torch tensors alike.

    Shapes are those of `hbv.simulate`, all arrays are of one dtype and at least one day is run.
    """
    if forcing.ndim != 3 or forcing.shape[-1] != len(_NAMES) or forcing.shape[0] < 1:
        raise DhbvError(
            f"weather must have the shape [time, basin, 3], at least one day, not {list(forcing.shape)}"
        )
    days, basins = forcing.shape[:2]
    columns = (basins, stores.soil_water.shape[-1])
    for name, store in stores._asdict().items():
        if tuple(store.shape) != columns:
            raise DhbvError(f"store {name} must have the shape {list(columns)}, not {list(store.shape)}")
    for name, value in parameters.items():
        if tuple(value.shape) not in (columns, (days, *columns)):
            raise DhbvError(
                f"parameter {name} must have the shape {list(columns)} (static) or {[days, *columns]} (dynamic), "
                f"not {list(value.shape)}"
            )
    for name, value in {**stores._asdict(), **parameters}.items():
        if value.dtype != forcing.dtype:
            raise DhbvError(f"{name} is {value.dtype}, the weather {forcing.dtype}: all must be of one dtype")
    for name in outputs:
        if name not in OUTPUTS:
            raise DhbvError(f"unknown output {name!r}: choose from {', '.join(OUTPUTS)}")
