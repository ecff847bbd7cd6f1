"""Minibatches of random basins and windows, drawn by indexing tensors that stay on their device.

Every process draws the same basins and windows, and takes those of the basins it holds.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dhbv.configuration import TrainingConfig
from dhbv.errors import ConfigurationError


class TrainingData(NamedTuple):
    """What a training sees: training basins and days only, on one device; series of the basins held here."""

    forcing: Tensor
    """[time, held, 3]: P mm d-1, T degC, Ep mm d-1."""
    flow: Tensor
    """[time, held] mm d-1, NaN where not observed."""
    attributes: Tensor
    """[basin, attribute], normalised."""
    basins: tuple[str, ...]
    """All training basins; those held are neighbours among them."""
    first: int = 0
    """Position of the first one held."""

    @property
    def held(self) -> slice:
        """Positions, among all training basins, of those whose series are here."""
        return slice(self.first, self.first + self.forcing.shape[1])

    def to(self, device: torch.device) -> TrainingData:
        return self._replace(
            forcing=self.forcing.to(device), flow=self.flow.to(device), attributes=self.attributes.to(device)
        )


class Minibatch(NamedTuple):
    """m windows of warm-up and scored days, of which the n of basins held here."""

    forcing: Tensor
    """[warmup + window, n, 3]"""
    flow: Tensor
    """[window, n]"""
    attributes: Tensor
    """[m, attribute] of all, so that noise and dropout are drawn for all, wherever they are held."""
    rows: Tensor
    """[n] of them, those of the basins held here."""
    basins: Tensor
    """[n] positions among the basins held here."""


class Sampler:
    """Draws minibatches; its random state is the whole of its state.

    Raises:
        ConfigurationError: if the training period is shorter than one window.
    """

    def __init__(self, data: TrainingData, config: TrainingConfig) -> None:
        days = config.warmup_days + config.window_days
        self.starts = data.forcing.shape[0] - days + 1
        if self.starts < 1:
            raise ConfigurationError(
                f"the training period has {data.forcing.shape[0]} days, fewer than training.warmup_days + "
                f"training.window_days = {days}: lengthen data.train or shorten the window"
            )
        self.data, self.warmup = data, config.warmup_days
        self.size = min(config.batch_basins, len(data.basins))
        self.offsets = torch.arange(days, device=data.forcing.device)[:, None]
        self.generator = torch.Generator().manual_seed(config.seed)

    def draw(self) -> Minibatch:
        """The next minibatch; no basin twice, windows uniform over the period."""
        data, device = self.data, self.offsets.device
        drawn = torch.randperm(len(data.basins), generator=self.generator)[: self.size]
        starts = torch.randint(self.starts, (self.size,), generator=self.generator)
        local = drawn - data.first
        rows = ((local >= 0) & (local < data.forcing.shape[1])).nonzero().flatten()
        idle = len(rows) == 0
        if idle:
            # A process must keep step with the others: it runs a basin of its own that counts for nothing.
            rows, local, starts = torch.zeros(1, dtype=torch.long), rows.new_zeros(1), starts[:1]
        basins, days = local[rows].to(device), starts[rows].to(device) + self.offsets
        flow = data.flow[days[self.warmup :], basins]
        return Minibatch(
            data.forcing[days, basins],
            torch.full_like(flow, torch.nan) if idle else flow,
            data.attributes[drawn.to(device)],
            rows.to(device),
            basins,
        )
