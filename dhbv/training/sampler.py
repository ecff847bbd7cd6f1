"""Minibatches of random basins and windows, drawn by indexing tensors that stay on their device."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dhbv.configuration import TrainingConfig
from dhbv.errors import ConfigurationError


class TrainingData(NamedTuple):
    """What a training sees: training basins and days only, on one device."""

    forcing: Tensor
    """[time, basin, 3]: P mm d-1, T degC, Ep mm d-1."""
    flow: Tensor
    """[time, basin] mm d-1, NaN where not observed."""
    attributes: Tensor
    """[basin, attribute], normalised."""
    basins: tuple[str, ...]

    def to(self, device: torch.device) -> TrainingData:
        return TrainingData(
            self.forcing.to(device), self.flow.to(device), self.attributes.to(device), self.basins
        )


class Minibatch(NamedTuple):
    """n windows of warm-up and scored days."""

    forcing: Tensor
    """[warmup + window, n, 3]"""
    flow: Tensor
    """[window, n]"""
    attributes: Tensor
    """[n, attribute]"""
    basins: Tensor
    """[n] positions in the training data."""


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
        data = self.data
        basins = torch.randperm(len(data.basins), generator=self.generator)[: self.size]
        starts = torch.randint(self.starts, (self.size,), generator=self.generator)
        basins, starts = basins.to(self.offsets.device), starts.to(self.offsets.device)
        days = starts + self.offsets
        return Minibatch(
            data.forcing[days, basins],
            data.flow[days[self.warmup :], basins],
            data.attributes[basins],
            basins,
        )
