"""Whether a model directory runs as it will be run: a few days hour by hour in the BMI component."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr
import yaml

from bmi import DeltaHbv
from bmi.inputs import P, T
from bmi.variables import RUNOFF_DEPTH
from dhbv.data.schema import assemble
from dhbv.errors import DhbvError

HOURS = 72
SPIN_UP_DAYS = 30
"""A model that reads its static parameters from weather needs some; filled stores, for which years would be needed,
do not matter here."""
_RAIN, _MEAN, _SWING = 0.3, 6.0, 5.0
"""mm h-1 on every third hour, degC, degC: wet, mild days."""
_START, _CATCHMENT = np.datetime64("2000-06-01"), "smoke"


def smoke_test(model: Path, attributes: Mapping[str, float | str | None]) -> None:
    """Run `model` over one catchment with `attributes` for three days, after a short spin-up.

    Raises:
        DhbvError: if it cannot start, gives a depth that is negative or no number, or loses water.
    """
    with tempfile.TemporaryDirectory() as folder, _without_warnings():
        config, history = Path(folder) / "config.yaml", Path(folder) / "history.nc"
        content = {
            "model": str(model.resolve()), "catchments": [_CATCHMENT], "attributes": dict(attributes),
            "start_time": f"{_START} 00:00:00", "spin_up": history.name,
        }  # fmt: skip
        _history().to_netcdf(history)
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


def _history() -> xr.Dataset:
    """The same weather day by day, up to the start."""
    days = _START - np.arange(SPIN_UP_DAYS, 0, -1)
    means = {"prcp": 8 * _RAIN, "tmin": _MEAN - _SWING, "tmax": _MEAN + _SWING}
    return assemble(
        (_CATCHMENT,), days, {name: np.full((1, len(days)), mean) for name, mean in means.items()}
    )


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Of a short spin-up: three days need no filled stores."""
    log = logging.getLogger("bmi")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)
