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


def route(runoff: Array, u: Array, history: Array | None = None) -> tuple[Array, Array]:
    """Routed runoff [time, ..., basin], in the unit of `runoff`, and the history for what follows.

    One day or many: a stream is a sequence of length 1 that hands its history on.

    Args:
        runoff: before routing, [time, ..., basin].
        u: ordinates [15, ..., basin].
        history: the 14 days before, [14, ..., basin], oldest first; none means they were dry.
    """
    xp = namespace(runoff)
    days = runoff.shape[0]
    if history is None:
        history = like(np.zeros((MEMORY, *runoff.shape[1:])), runoff)
    window = xp.concatenate([history, runoff])
    if days == 1:  # One product for all bins, whose sum adds them in the same order.
        return (u * xp.flip(window, (0,))).sum(0)[None], window[1:]
    routed = u[0] * runoff
    for k in range(1, BINS):
        routed = routed + u[k] * window[MEMORY - k : MEMORY - k + days]
    return routed, window[days:]


def still_to_come(u: Array) -> Array:
    """The share of a day's runoff that has not arrived k days later, [15, ..., basin].

    Routing runoff by these ordinates instead of `u` gives the routing store, mm, after each day.
    """
    xp = namespace(u)
    return xp.flip(xp.cumsum(xp.flip(u, (0,)), 0), (0,)) - u


def routing_store(to_come: Array, history: Array) -> Array:
    """Water on its way, [..., basin], mm, after the days in `history` [14, ..., basin], oldest first.

    `to_come` [15, ..., basin] are the shares that `still_to_come` gives.
    """
    xp = namespace(to_come)
    return (xp.flip(to_come[:MEMORY], (0,)) * history).sum(0)
