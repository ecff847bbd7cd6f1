"""Routing by a gamma unit hydrograph over 15 daily bins, for sequences and for streams.

u(t) ∝ t^(a−1) exp(−t/τ) at t = 0.5, 1.5, …, 14.5 d, normalised to sum 1; Q*(n) = Σ u_k Q(n−k)
(Feng et al. 2022, Table 1). Between days the last 14 days of runoff are carried: their water
that has not yet arrived is the routing store.
"""

from __future__ import annotations

import numpy as np

from dhbv.physics.arrays import Array, like, namespace

BINS = 15
MEMORY = BINS - 1
"""Days of past runoff that still matter."""

_TIMES = np.arange(BINS) + 0.5


def unit_hydrograph(a: Array, tau: Array) -> Array:
    """Ordinates [15, basin] (1) that sum to 1, from shape `a` (1) and time scale `tau` (d), each [basin]."""
    xp = namespace(a)
    t = like(_TIMES, a)[:, None]
    log_u = (a - 1.0) * like(np.log(_TIMES), a)[:, None] - t / tau
    # Subtracting a column's largest exponent (bounded, so a plain maximum will do) avoids underflow.
    peak = log_u.max(0) if xp is np else log_u.amax(0)
    u = xp.exp(log_u - peak)
    return u / u.sum(0)


def route(runoff: Array, u: Array, history: Array | None = None) -> Array:
    """Routed runoff [time, basin] of a sequence, in the unit of `runoff` [time, basin].

    Args:
        runoff: before routing.
        u: ordinates [15, basin].
        history: the 14 days before, [14, basin], oldest first; none means they were dry.
    """
    xp = namespace(runoff)
    days = runoff.shape[0]
    if history is None:
        history = xp.zeros_like(u[:MEMORY])
    padded = xp.concatenate([history, runoff])
    routed = u[0] * runoff
    for k in range(1, BINS):
        routed = routed + u[k] * padded[MEMORY - k : MEMORY - k + days]
    return routed


def route_day(runoff: Array, u: Array, history: Array) -> tuple[Array, Array]:
    """One day of a stream: routed runoff and the history for the next day.

    Args:
        runoff: of this day, [..., basin].
        u: ordinates [15, basin].
        history: [14, ..., basin], oldest day first.
    """
    xp = namespace(runoff)
    window = xp.concatenate([history, runoff[None]])
    weights = xp.flip(u, (0,)).reshape(BINS, *(1,) * (runoff.ndim - 1), u.shape[-1])
    return (weights * window).sum(0), window[1:]


def routing_store(u: Array, history: Array) -> Array:
    """Water on its way, [..., basin], mm, after the days in `history` [14, ..., basin], oldest first.

    Of the runoff of k days ago the ordinates beyond k are still to come.
    """
    xp = namespace(u)
    to_come = xp.cumsum(xp.flip(u, (0,)), 0)[:MEMORY]
    return (to_come.reshape(MEMORY, *(1,) * (history.ndim - 2), u.shape[-1]) * history).sum(0)
