"""Draws of parameter sets that fill their ranges evenly."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

_SPREAD = 0.7
"""At the middle of a range it reaches a third of it to either side in nineteen of twenty draws."""
_EDGE = 1e-3
"""A place at the very end of a range has no logit to add noise to."""


def draw(count: int, parameters: int, seed: int) -> NDArray[np.float32]:
    """`count` places [set, parameter] between 0 and 1: a scrambled Sobol sequence, in random order.

    Sobol (1967), doi:10.1016/0041-5553(67)90144-9; scrambled after Owen (1998). Shuffled, because neighbours in the
    sequence lie on a pattern that would follow the order of the basins.
    """
    points = torch.quasirandom.SobolEngine(parameters, scramble=True, seed=seed).draw(count).numpy()
    return np.random.default_rng(seed).permutation(points).astype(np.float32)


def near(centres: NDArray[np.floating], draws: int, seed: int) -> NDArray[np.float32]:
    """`draws` places around each of `centres` [set, parameter], as [draws · set, parameter], sets in turn.

    Noise of standard deviation `_SPREAD` on the logits, so that all stay between 0 and 1.
    """
    inner = np.clip(np.tile(np.asarray(centres, np.float64), (draws, 1)), _EDGE, 1.0 - _EDGE)
    logits = np.log(inner / (1.0 - inner))
    noise = np.random.default_rng(seed).normal(0.0, _SPREAD, logits.shape)
    return (1.0 / (1.0 + np.exp(-logits - noise))).astype(np.float32)
