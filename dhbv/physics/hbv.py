"""One day of HBV in plain array operations, for numpy arrays and torch tensors alike.

Equations: Feng et al. (2022), doi:10.1029/2022WR032404, Table 1 (whose last term of Q is
misprinted: Q = Q0 + Q1 + Q2); capillary rise: Song et al. (2024). Each outflow is bounded by
the store it leaves, so no store turns negative and no water is made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import NamedTuple

from dhbv.physics import effective_rainfall
from dhbv.physics.arrays import Array, namespace
from dhbv.physics.variables import RUNOFF

STORAGE_GUARD = 1e-5
"""mm; keeps powers of a dry store, and their gradients, finite. Guards the power, not the store."""

INITIAL_STORAGE = 1e-3
"""mm in every store at a cold start, as in the authors' released configuration."""

_FIRST_WEIGHT = effective_rainfall.WEIGHTS[0]


class Stores(NamedTuple):
    """Water held by each component, mm, each of shape [basin, component]."""

    snowpack: Array
    snow_liquid: Array
    soil_water: Array
    upper_zone: Array
    lower_zone: Array


class Forcing(NamedTuple):
    """Weather of one day, each of shape [basin, 1]: P in mm d-1, T in degC, Ep in mm d-1."""

    p: Array
    t: Array
    ep: Array


class Parameters(NamedTuple):
    """Parameters of one day, each of shape [basin, component]; units in the parameter table."""

    beta: Array
    fc: Array
    k0: Array
    k1: Array
    k2: Array
    lp: Array
    perc: Array
    uzl: Array
    tt: Array
    cfmax: Array
    cfr: Array
    cwh: Array
    gamma: Array | None = None
    """None: the evaporation curve is a straight line, as in plain HBV."""
    c: Array | None = None
    """None: no capillary rise."""
    nn: tuple[Array, ...] | None = None
    """Weights of NNr; None: the soil's runoff curve is the power law."""

    @classmethod
    def of(cls, named: Mapping[str, Array]) -> Parameters:
        """From all that a step takes by name, weights of NNr by theirs (`dhbv.physics.effective_rainfall.WEIGHTS`)."""
        if _FIRST_WEIGHT not in named:
            return cls(**named)
        weights = tuple(named[name] for name in effective_rainfall.WEIGHTS)
        return cls(**{name: value for name, value in named.items() if name in cls._fields}, nn=weights)


class Fluxes(NamedTuple):
    """Water moved in one day, mm d-1, each of shape [basin, component]; rows of the variable table."""

    rain: Array
    snow: Array
    melt: Array
    refreeze: Array
    infiltration: Array
    peff: Array
    excess: Array
    recharge: Array
    et: Array
    capillary_rise: Array
    percolation: Array
    q0: Array
    q1: Array
    q2: Array


def step(stores: Stores, forcing: Forcing, parameters: Parameters) -> tuple[Stores, Fluxes]:
    """One day: the stores at its end and the fluxes during it.

    Arrays are all numpy or all torch and of one dtype; see the classes for shapes and units.
    """
    xp = namespace(stores.soil_water)
    sp, sliq, ss, suz, slz = stores
    p, t, ep = forcing
    θ = parameters

    # Snow
    rain = xp.where(t >= θ.tt, p, 0.0)
    snow = p - rain
    sp = sp + snow
    melt = xp.minimum(xp.clip(θ.cfmax * (t - θ.tt), 0.0, None), sp)
    sp, sliq = sp - melt, sliq + melt
    refreeze = xp.minimum(xp.clip(θ.cfr * θ.cfmax * (θ.tt - t), 0.0, None), sliq)
    sp, sliq = sp + refreeze, sliq - refreeze
    infiltration = xp.clip(sliq - θ.cwh * sp, 0.0, None)
    sliq = sliq - infiltration

    # Soil
    water = rain + infiltration
    if θ.nn is None:
        wetness = xp.clip((xp.clip(ss, STORAGE_GUARD, None) / θ.fc) ** θ.beta, None, 1.0)
    else:
        wetness = effective_rainfall.share(θ.nn, θ.fc, θ.beta, ss, water)
    peff = wetness * water
    ss = ss + (water - peff)
    excess = xp.clip(ss - θ.fc, 0.0, None)
    ss = ss - excess
    efficiency = xp.clip(ss, STORAGE_GUARD, None) / (θ.lp * θ.fc)
    if θ.gamma is not None:
        efficiency = efficiency**θ.gamma
    et = xp.minimum(xp.clip(efficiency, None, 1.0) * ep, ss)
    ss = ss - et
    if θ.c is None:
        rise = xp.zeros_like(ss)
    else:
        rise = θ.c * slz * (1.0 - xp.clip(ss / θ.fc, None, 1.0))
        ss, slz = ss + rise, slz - rise

    # Upper zone
    recharge = peff + excess
    suz = suz + recharge
    percolation = xp.minimum(θ.perc, suz)
    suz = suz - percolation
    q0 = θ.k0 * xp.clip(suz - θ.uzl, 0.0, None)
    suz = suz - q0
    q1 = θ.k1 * suz
    suz = suz - q1

    # Lower zone
    slz = slz + percolation
    q2 = θ.k2 * slz
    slz = slz - q2

    return Stores(sp, sliq, ss, suz, slz), Fluxes(
        rain, snow, melt, refreeze, infiltration, peff, excess, recharge, et, rise, percolation, q0, q1, q2
    )  # fmt: skip


def initial_stores(like: Array) -> Stores:
    """Stores of a cold start, of the shape [basin, component], kind and dtype of `like`."""
    xp = namespace(like)
    return Stores(*(xp.full_like(like, INITIAL_STORAGE) for _ in Stores._fields))


def depth(name: str, stores: Stores) -> Array:
    """The depth `name` of the variable table, per component: a store, or `swe`."""
    return stores.snowpack + stores.snow_liquid if name == "swe" else getattr(stores, name)


def output(name: str, stores: Stores, fluxes: Fluxes) -> Array:
    """The variable `name` of the table's stage "step", per component, from the day's end and fluxes."""
    return getattr(fluxes, name) if name in Fluxes._fields else depth(name, stores)


def simulate(
    stores: Stores,
    forcing: Array,
    parameters: Mapping[str, Array],
    outputs: Sequence[str] = RUNOFF,
) -> tuple[Stores, dict[str, Array]]:
    """A sequence of days, plainly: the reference for every faster path.

    Args:
        stores: at the start, each [basin, component].
        forcing: [time, basin, 3], P, T and Ep.
        parameters: by name, weights of NNr too; static [basin, component] or dynamic [time, basin, component].
        outputs: names from the variable table's stage "step".

    Returns:
        The stores at the end, and each output as the mean over components, [time, basin].
    """
    xp = namespace(forcing)
    days: list[Array] = []
    # Iterating unbinds each sequence once; slicing it every day would cost its gradient a copy of the whole.
    rows: dict[str, Iterator[Array]] = {
        name: iter(value) if value.ndim == 3 else repeat(value) for name, value in parameters.items()
    }
    for weather in forcing[..., None]:
        day = Parameters.of({name: next(row) for name, row in rows.items()})
        stores, fluxes = step(stores, Forcing(weather[:, 0], weather[:, 1], weather[:, 2]), day)
        days += [output(name, stores, fluxes) for name in outputs]
    if not days:
        return stores, dict.fromkeys(outputs, forcing[..., 0])
    # One array and one mean for all: a stream's single day is short, and each call costs it microseconds.
    means = xp.concatenate(days).reshape(len(days), *days[0].shape).mean(-1)
    return stores, {name: means[k :: len(outputs)] for k, name in enumerate(outputs)}
