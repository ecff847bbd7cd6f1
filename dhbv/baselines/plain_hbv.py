"""Plain HBV, one component a column and static parameters, at speed: what SCE-UA calibrates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dhbv.kernels import native
from dhbv.physics import hbv
from dhbv.physics.parameters import PARAMETERS, ROUTING_PARAMETERS, Parameter, variant
from dhbv.physics.unit_hydrograph import route, unit_hydrograph
from dhbv.physics.variables import ROUTED, RUNOFF

Float = NDArray[np.float32]

_HBV = variant("hbv").parameters
FREE: tuple[Parameter, ...] = (*(PARAMETERS[name] for name in _HBV), *ROUTING_PARAMETERS)
"""The 14 parameters of a column, routing among them."""


def simulate(
    parameters: Mapping[str, Sequence[float] | NDArray[np.floating]],
    weather: Float,
    outputs: Sequence[str] = (),
    *,
    threads: int | None = None,
) -> dict[str, Float]:
    """Routed `runoff`, and `outputs`, each [time, column], from a cold start.

    Args:
        parameters: each of `FREE` by name [column], in the units of the parameter table.
        weather: [time, column, 3]: P mm d-1, T degC, Ep mm d-1.
        outputs: `baseflow`, or fluxes and stores of the day's step, by their names in the variable table.
        threads: as `dhbv.kernels.native.simulate`.

    Raises:
        DhbvError: if weather is not finite, or P or Ep negative.
    """
    θ = {p.name: np.asarray(parameters[p.name], np.float32) for p in FREE}
    columns = {name: θ[name][:, None] for name in _HBV}
    of_step = [name for name in outputs if name != "baseflow"]
    _, water = native.simulate(
        hbv.initial_stores(columns["fc"]), weather, columns, (*RUNOFF, *of_step), threads=threads
    )
    u = unit_hydrograph(*(θ[p.name] for p in ROUTING_PARAMETERS))
    # Routing is linear: the sum is routed at a third of the cost of its parts.
    water["runoff"], _ = route(water["q0"] + water["q1"] + water["q2"], u)
    if "baseflow" in outputs:
        water["baseflow"], _ = route(water[ROUTED["baseflow"]], u)
    return {name: water[name] for name in ("runoff", *outputs)}
