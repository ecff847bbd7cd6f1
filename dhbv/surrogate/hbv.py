"""Our own HBV (M = 1) as if nothing but its runs were known of it: what the surrogate is tried on first."""

from __future__ import annotations

import numpy as np

from dhbv.baselines.plain_hbv import FREE, simulate
from dhbv.surrogate.simulator import Description, Float, Free, Simulator

_ABOUT = Description(
    name="HBV",
    parameters=tuple(Free(name=p.name, unit=p.unit, lower=p.lower, upper=p.upper) for p in FREE),
    inputs=("prcp", "temperature", "pet"),
)


def _run(parameters: Float, weather: Float) -> Float:
    columns = {p.name: parameters[:, k] for k, p in enumerate(FREE)}
    days_first = np.ascontiguousarray(weather.transpose(1, 0, 2), np.float32)
    return simulate(columns, days_first)["runoff"].T


HBV = Simulator(_ABOUT, _run)
"""Routed runoff of plain HBV, from empty stores."""
