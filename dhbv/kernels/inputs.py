"""What a fast path is given, checked before it runs: inside a kernel a mistake would pass in silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dhbv.errors import DhbvError
from dhbv.kernels.forms import OUTPUTS
from dhbv.physics import hbv
from dhbv.physics.weather import NAMES


def check(stores: hbv.Stores, forcing: Any, parameters: Mapping[str, Any], outputs: Sequence[str]) -> None:
    """Raise DhbvError unless shapes and dtypes fit together; numpy arrays and torch tensors alike.

    Shapes are those of `hbv.simulate`, all arrays are of one dtype and at least one day is run.
    """
    if forcing.ndim != 3 or forcing.shape[-1] != len(NAMES) or forcing.shape[0] < 1:
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
