"""Whether a model directory runs as it will be run: a few days hour by hour in the BMI component."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import yaml

from bmi import DeltaHbv
from bmi.inputs import P, T
from bmi.variables import RUNOFF_DEPTH
from dhbv.errors import DhbvError

HOURS = 72
_RAIN, _MEAN, _SWING = 0.3, 6.0, 5.0
"""mm h-1 on every third hour, degC, degC: wet, mild days."""


def smoke_test(model: Path, attributes: Mapping[str, float | str | None]) -> None:
    """Run `model` over one catchment with `attributes` for three days.

    Raises:
        DhbvError: if it cannot start, gives a depth that is negative or no number, or loses water.
    """
    with tempfile.TemporaryDirectory() as folder, _starting_cold():
        config = Path(folder) / "config.yaml"
        content = {
            "model": str(model.resolve()), "catchments": ["smoke"], "attributes": dict(attributes),
            "start_time": "2000-06-01 00:00:00",
        }  # fmt: skip
        config.write_text(yaml.safe_dump(content), encoding="utf-8")
        component = DeltaHbv()
        component.initialize(str(config))
        depth = component.get_value_ptr(RUNOFF_DEPTH)
        for hour in range(HOURS):
            component.set_value(P, np.array([_RAIN if hour % 3 == 0 else 0.0]))
            component.set_value(T, np.array([_MEAN + _SWING * np.sin(2.0 * np.pi * hour / 24.0)]))
            component.update()
            if not depth[0] >= 0.0:
                raise DhbvError(
                    f"{model}: in hour {hour} of the smoke test {depth[0]} m run off: do not serve it"
                )
        into, out, stored, leaked = (
            component.get_value_ptr(f"ngen::mass_{name}")[0] for name in ("in", "out", "stored", "leaked")
        )
        if abs(into - out - stored - leaked) > 1e-9:
            raise DhbvError(
                f"{model}: the smoke test lost {into - out - stored - leaked} mm of water: do not serve it"
            )
        component.finalize()


@contextmanager
def _starting_cold() -> Iterator[None]:
    """Three days need no filled stores, and nobody needs to be warned of it."""
    log = logging.getLogger("bmi")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
