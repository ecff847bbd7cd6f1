"""GR4J as somebody would bring a model of his own: numpy, no gradient.

Perrin, Michel & Andréassian (2003), Improvement of a parsimonious model for streamflow simulation, Journal of
Hydrology 279, doi:10.1016/S0022-1694(03)00225-7, with its symbols. It has no snow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dhbv.surrogate.simulator import Description, Float, Free, Simulator

Array = NDArray[np.float64]

PARAMETERS = (
    Free(name="X1", unit="mm", lower=30.0, upper=2500.0, logarithmic=True, typical=350.0),
    Free(name="X2", unit="mm d-1", lower=-6.0, upper=4.0, typical=0.0),
    Free(name="X3", unit="mm", lower=10.0, upper=600.0, logarithmic=True, typical=90.0),
    Free(name="X4", unit="d", lower=0.6, upper=5.0, logarithmic=True, typical=1.7),
)
"""Production store, exchange, routing store, time base. `typical` is the paper's median over 429 catchments; the
ranges hold its 80 % intervals (100–1200, −5–3, 20–300, 1.1–2.9) and some more."""

SHARE = 0.9
"""Of the effective rainfall, to the routing store; the rest runs off past it."""
LAGS = 10
"""Days that the longer unit hydrograph of the largest X4 lasts."""


def effective_rainfall(x1: Array, p: Array, e: Array) -> tuple[Array, Array, Array]:
    """Effective rainfall Pr and evaporation [day, basin] of P and E, mm, and what the store holds in the end.

    The store begins at 0.3 X1.
    """
    pn, en = np.maximum(p - e, 0.0), np.maximum(e - p, 0.0)
    # As the authors' code has it: beyond 13 the hyperbolic tangent is 1.
    wet, dry = (np.tanh(np.minimum(net / x1, 13.0)) for net in (pn, en))
    pr, evaporation = np.empty_like(p), np.minimum(p, e)
    s = 0.3 * x1
    for day in range(len(p)):
        full = s / x1
        ps = x1 * (1.0 - full**2) * wet[day] / (1.0 + full * wet[day])
        es = s * (2.0 - full) * dry[day] / (1.0 + (1.0 - full) * dry[day])
        s = s + ps - es
        perc = s * (1.0 - (1.0 + (4.0 / 9.0 * s / x1) ** 4) ** -0.25)
        s = s - perc
        pr[day] = perc + pn[day] - ps
        evaporation[day] += es
    return pr, evaporation, s


def unit_hydrographs(x4: Array) -> tuple[Array, Array]:
    """UH1 and UH2 [lag, basin], each of sum 1."""
    t = np.arange(LAGS + 1.0)[:, None] / x4
    sh1 = np.minimum(t, 1.0) ** 2.5
    sh2 = np.where(t <= 1.0, 0.5 * np.minimum(t, 1.0) ** 2.5, 1.0 - 0.5 * np.clip(2.0 - t, 0.0, 1.0) ** 2.5)
    return np.diff(sh1, axis=0), np.diff(sh2, axis=0)


def spread(water: Array, u: Array) -> Array:
    """Water [day, basin] delayed by a unit hydrograph [lag, basin]."""
    late = np.zeros_like(water)
    for lag in range(len(u)):
        late[lag:] += u[lag] * water[: len(water) - lag]
    return late


def routed(x2: Array, x3: Array, q9: Array, q1: Array) -> tuple[Array, Array, Array]:
    """Streamflow Q and the exchange with neighbours that took place [day, basin], mm, and what the store holds in the
    end. It begins at 0.5 X3."""
    q, exchange = np.empty_like(q9), np.empty_like(q9)
    r = 0.5 * x3
    for day in range(len(q9)):
        f = x2 * (r / x3) ** 3.5
        filled = np.maximum(r + q9[day] + f, 0.0)
        qd = np.maximum(q1[day] + f, 0.0)
        exchange[day] = filled - r - q9[day] + qd - q1[day]
        qr = filled * (1.0 - (1.0 + (filled / x3) ** 4) ** -0.25)
        r = filled - qr
        q[day] = qr + qd
    return q, exchange, r


def gr4j(parameters: Float, weather: Float) -> Float:
    """Streamflow [basin, day], mm d-1, of X1 to X4 [basin, 4] under P and E [basin, day, 2]."""
    x1, x2, x3, x4 = np.asarray(parameters, np.float64).T
    p, e = np.moveaxis(np.asarray(weather, np.float64), (2, 1), (0, 1))
    pr, _, _ = effective_rainfall(x1, p, np.maximum(e, 0.0))
    u1, u2 = unit_hydrographs(x4)
    q, _, _ = routed(x2, x3, spread(SHARE * pr, u1), spread((1.0 - SHARE) * pr, u2))
    return q.T


GR4J = Simulator(Description(name="GR4J", parameters=PARAMETERS, inputs=("prcp", "pet")), gr4j)
