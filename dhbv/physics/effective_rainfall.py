"""NNr: a small network in place of the soil's runoff curve (Feng et al. 2022, doi:10.1029/2022WR032404, Table 1).

Peff = share · (rain + I), and share = σ(v · tanh(W u + b) + c) lies in 0 to 1 whatever the weights, so that no water
is made or lost. As in the paper the network sees u = (θFC, β, S, S / θFC, rain + I), and one network serves all
basins: what differs between them comes in through θFC and β, which gA learns and which may change from day to day.
Its size, and how it is bounded and begins, are ours: the paper does not tell them. Nothing makes it rise with wetness.
"""

from __future__ import annotations

from collections.abc import Sequence

from dhbv.physics.arrays import Array, namespace

HIDDEN = 4
"""Units: with four it can be (S / θFC)^β, for all β of the table at once, to 0.013 (root mean square). Their weights
lie in registers on a GPU, where there is no room for many."""

DEPTH, SHAPE, WATER = 500.0, 3.0, 20.0
"""What θFC and S (mm), β (1) and water (mm d-1) are compared with, which brings what the network sees near 1."""

_INPUTS = 5
_UNIT = _INPUTS + 2
"""Numbers of a unit: one for each input, its bias, and what it counts in the sum."""

WEIGHTS = tuple(f"nn_{k}" for k in range(HIDDEN * _UNIT + 1))
"""Names of the weights, unit after unit, the bias of the sum last."""

_SPREAD = 0.1
"""Of the weights that training begins with."""


def share(weights: Sequence[Array], fc: Array, beta: Array, soil_water: Array, water: Array) -> Array:
    """The share, 0 to 1, of `water` (rain + I, mm d-1) that a soil holding `soil_water` (mm) lets pass.

    `weights` in the order of `WEIGHTS`, each of the shape of the others or a number.
    """
    tanh = namespace(water).tanh
    # Of rain a bounded measure: a cloudburst must not drown all else that the units see.
    inputs = (fc / DEPTH, beta / SHAPE, soil_water / DEPTH, soil_water / fc, water / (water + WATER))
    total = weights[-1]
    for k in range(0, HIDDEN * _UNIT, _UNIT):
        *of_inputs, bias, counts = weights[k : k + _UNIT]
        unit = bias
        for weight, x in zip(of_inputs, inputs, strict=True):
            unit = unit + weight * x
        total = total + counts * tanh(unit)
    # σ by tanh, which cannot overflow.
    return 0.5 + 0.5 * tanh(0.5 * total)


def beginning(noise: Sequence[float]) -> list[float]:
    """Weights to train from, in the order of `WEIGHTS`: a curve that rises with S / θFC, near HBV's for β = 3, and a
    little of `noise`, a normal number for each, by which the units differ."""
    weights = [_SPREAD * x for x in noise]
    of_wetness, bias, counts, last = 3, _INPUTS, _INPUTS + 1, -1
    weights[of_wetness] += 2.2
    weights[bias] -= 1.7
    weights[counts] += 3.8
    weights[last] -= 0.1
    return weights
