"""The changes that fit the flow best and are themselves small, found along the model's gradients; torch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dhbv.assimilation import window as windows
from dhbv.assimilation.configuration import AssimilationConfig
from dhbv.assimilation.window import Observations, Window
from dhbv.kernels.autograd import Choice, Simulate, select

RATE = 0.2
"""Of Adam at the first step, in units of the spreads; falls to 0 along half a cosine."""


def objective(
    change: Tensor, window: Window, seen: Observations, settings: AssimilationConfig, simulate: Simulate
) -> Tensor:
    """The negative logarithm of the posterior density [B] at `change` [unknown, B], but for a constant."""
    ran = windows.run(windows.changed(window, change, settings), simulate)
    misfit: Tensor = windows.cost(ran.runoff, seen, settings)
    return misfit + 0.5 * (change**2).sum(0)


def minimise(
    window: Window, seen: Observations, settings: AssimilationConfig, *, kernel: Choice = "auto"
) -> NDArray[np.floating]:
    """The best changes [unknown, B] on the way of Adam from no change at all.

    Basins do not know of one another: Adam works number by number, and each keeps the best it has met.
    """
    window, seen = (windows.converted(given, torch.tensor) for given in (window, seen))
    simulate = select(kernel)
    basins = window.forcing.shape[1]
    change = torch.zeros(windows.unknowns(window, settings), basins, dtype=window.forcing.dtype)
    change.requires_grad_()
    best, lowest = change.detach().clone(), torch.full((basins,), torch.inf, dtype=change.dtype)
    adam = torch.optim.Adam([change], lr=RATE)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(adam, settings.steps)
    for step in range(settings.steps + 1):
        cost = objective(change, window, seen, settings, simulate)
        better = cost.detach() < lowest
        best = torch.where(better, change.detach(), best)
        lowest = torch.where(better, cost.detach(), lowest)
        if step < settings.steps:
            adam.zero_grad()
            cost.sum().backward()
            adam.step()
            slower.step()
    return best.numpy()
