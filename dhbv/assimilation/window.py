"""The days before T0 as a function of what is changed in them: stores, weather and misfit; numpy and torch alike.

A change is a number c for each of a basin's unknowns, in units of its spread s: 0 changes nothing, and the factor
exp(b tanh(s c / b)) of a store or of precipitation never leaves 1/B … B, b = ln B.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dhbv.assimilation.configuration import AssimilationConfig
from dhbv.physics import hbv, unit_hydrograph
from dhbv.physics.arrays import Array, like, namespace
from dhbv.physics.variables import RUNOFF
from dhbv.runtime import Runtime
from dhbv.state import State

Float = NDArray[np.floating]
Simulate = Callable[..., tuple[hbv.Stores, dict[str, Array]]]
"""A function of the signature of `hbv.simulate`."""

GROUPS = {
    "snow": ("snowpack", "snow_liquid"),
    "soil_water": ("soil_water",),
    "upper_zone": ("upper_zone",),
    "lower_zone": ("lower_zone",),
}
"""Stores that share a factor, over all components. Water in the unit hydrograph has left long before T0."""

LOW_FLOW = 0.1
"""mm d-1, added to flow before its logarithm is taken: errors of flows far below it do not matter."""

HUBER = 2.0
"""Standard deviations beyond which an error counts linearly: what a mad gauge says pulls, but not ever harder."""


class Window(NamedTuple):
    """The undisturbed days of B basins, all arrays numpy or all torch."""

    stores: Array
    """[5, B, M] mm at the beginning."""
    history: Array
    """[14, 3, B] mm d-1: runoff of the days before."""
    forcing: Array
    """[time, B, 3]: P, T, Ep."""
    parameters: Mapping[str, Array]
    """By name, [B, M] or [time, B, M]: as gA gives them for the undisturbed weather, β and γ too."""
    ordinates: Array
    """[15, 1, B] of the unit hydrograph."""


class Observations(NamedTuple):
    """What the flow is fitted to, [time, B] each."""

    log_flow: Array
    """ln(Q + LOW_FLOW); 0 where there is none."""
    weight: Array
    """1 on the last day, less before, 0 where there is no observation that counts."""


class Ran(NamedTuple):
    """The days as they were run."""

    stores: hbv.Stores
    """[B, M] mm at the end."""
    history: Array
    """[14, 3, B] mm d-1."""
    runoff: Array
    """Routed, mm d-1 [time, B]."""
    water: dict[str, Array]
    """What else was asked for, [time, B]."""


def of_state(runtime: Runtime, state: State, forcing: Float) -> Window:
    """The days of `forcing` [time, B, 3] from `state` on."""
    forcing = forcing.astype(runtime.dtype)
    parameters = runtime.learned(state, forcing)[2]
    return Window(state.stores, state.runoff, forcing, parameters, runtime.ordinates[:, 0])


def unknowns(window: Window, settings: AssimilationConfig) -> int:
    """How many numbers a basin has to change."""
    return len(GROUPS) + _blocks(window, settings)


def _blocks(window: Window, settings: AssimilationConfig) -> int:
    return -(-len(window.forcing) // settings.block_days)


def factors(change: Array, settings: AssimilationConfig) -> Array:
    """By what each is multiplied, of the shape of `change` [unknown, B]: groups of stores, then blocks of days."""
    xp, spread = namespace(change), settings.spread
    blocks = len(change) - len(GROUPS)
    spreads = [*(getattr(spread, name) for name in GROUPS), *[spread.prcp] * blocks]
    bounds = [math.log(settings.store_bound)] * len(GROUPS) + [math.log(settings.prcp_bound)] * blocks
    s, b = (like(np.array(column)[:, None], change) for column in (spreads, bounds))
    return xp.exp(b * xp.tanh(s * change / b))


def changed(window: Window, change: Array, settings: AssimilationConfig) -> Window:
    """The window with its stores and precipitation multiplied."""
    xp, by = namespace(change), factors(change, settings)
    rows = {name: k for k, group in enumerate(GROUPS.values()) for name in group}
    stores = [window.stores[n] * by[rows[name], :, None] for n, name in enumerate(hbv.Stores._fields)]
    # The last block before T0 is whole; the first may be shorter.
    days, blocks = len(window.forcing), _blocks(window, settings)
    block = blocks - 1 - np.arange(days)[::-1] // settings.block_days
    p, t, ep = (window.forcing[..., k] for k in range(3))
    prcp = p * by[len(GROUPS) + block]
    return window._replace(stores=xp.stack(stores), forcing=xp.stack([prcp, t, ep], -1))


def run(window: Window, simulate: Simulate, outputs: tuple[str, ...] = ()) -> Ran:
    """Run the days, and route what runs off."""
    xp = namespace(window.forcing)
    stores, water = simulate(
        hbv.Stores(*window.stores), window.forcing, window.parameters, (*RUNOFF, *outputs)
    )
    parts = xp.stack([water[name] for name in RUNOFF], 1)
    routed, history = unit_hydrograph.route(parts, window.ordinates, window.history)
    return Ran(stores, history, routed.sum(1), water)


def observations(flow: Float, undisturbed: Float, settings: AssimilationConfig) -> Observations:
    """Observed flow [time, B] mm d-1, NaN where missing, without what cannot be beside the `undisturbed` flow."""
    there = np.isfinite(flow) & (flow >= 0.0)
    log_flow = np.log(np.where(there, flow, 0.0) + LOW_FLOW)
    away = np.abs(log_flow - np.log(undisturbed + LOW_FLOW))
    there &= away <= math.log(settings.largest_error)
    age = np.arange(len(flow))[::-1, None]
    weight = np.where(there, np.exp(-age / settings.memory_days), 0.0)
    return Observations(np.where(there, log_flow, 0.0), weight)


def cost(runoff: Array, seen: Observations, settings: AssimilationConfig) -> Array:
    """Half the weighted square of the error of flow [B], in units of its standard deviation, beyond HUBER linear."""
    xp = namespace(runoff)
    error = xp.abs(xp.log(runoff + LOW_FLOW) - seen.log_flow) / settings.flow_error
    robust = xp.where(error <= HUBER, 0.5 * error**2, HUBER * (error - 0.5 * HUBER))
    return (seen.weight * robust).sum(0)


def misfit(runoff: Float, seen: Observations, settings: AssimilationConfig) -> Float:
    """The weighted relative error of flow [B], 1: of errors below HUBER the root mean square; NaN without observation."""
    weight = seen.weight.sum(0)
    mean = np.divide(
        cost(runoff, seen, settings), weight, out=np.full(weight.shape, np.nan), where=weight > 0.0
    )
    found: Float = settings.flow_error * np.sqrt(2.0 * mean)
    return found


def converted(kind: Any, to: Callable[[Any], Any]) -> Any:
    """A Window or Observations with every array passed through `to`."""
    fields = {
        name: {k: to(v) for k, v in value.items()} if isinstance(value, Mapping) else to(value)
        for name, value in kind._asdict().items()
    }
    return type(kind)(**fields)
