"""Minibatches of random basins and windows, drawn by indexing tensors that stay on their device.

Every process draws the same basins and windows, and takes those of the basins it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
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
    targets: Mapping[str, Tensor] = MappingProxyType({})
    """Other observed fluxes and stores by name, [time, held], NaN where not observed."""

    @property
    def held(self) -> slice:
        """Positions, among all training basins, of those whose series are here."""
        return slice(self.first, self.first + self.forcing.shape[1])

    def to(self, device: torch.device) -> TrainingData:
        return self._replace(
            forcing=self.forcing.to(device), flow=self.flow.to(device), attributes=self.attributes.to(device),
            targets={name: series.to(device) for name, series in self.targets.items()},
        )  # fmt: skip


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
    targets: Mapping[str, Tensor]
    """Other observed fluxes and stores by name, [window, n]."""
    idle: bool
    """No basin of it is held here: one that is stands in, with nothing observed, and counts for nothing."""

    def one(self, k: int) -> Minibatch:
        """The `k`-th window alone."""
        return self._replace(
            forcing=self.forcing[:, k : k + 1], flow=self.flow[:, k : k + 1], rows=self.rows[k : k + 1],
            basins=self.basins[k : k + 1],
            targets={name: series[:, k : k + 1] for name, series in self.targets.items()},
        )  # fmt: skip


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

        def seen(series: Tensor) -> Tensor:
            window = series[days[self.warmup :], basins]
            return torch.full_like(window, torch.nan) if idle else window

        return Minibatch(
            data.forcing[days, basins],
            seen(data.flow),
            data.attributes[drawn.to(device)],
            rows.to(device),
            basins,
            {name: seen(series) for name, series in data.targets.items()},
            idle,
        )
