"""Minibatches are what the data hold at the days and basins drawn."""

from __future__ import annotations

import pytest
import torch

from dhbv.configuration import TrainingConfig
from dhbv.errors import ConfigurationError
from dhbv.training.sampler import Sampler, TrainingData

DAYS, BASINS = 50, 7
SETTINGS = TrainingConfig(batch_basins=4, warmup_days=6, window_days=5, seed=3)


def data() -> TrainingData:
    """Values that tell the day and basin they belong to."""
    stamp = torch.arange(DAYS)[:, None] * 100.0 + torch.arange(BASINS)
    forcing = torch.stack([stamp, stamp + 0.25, stamp + 0.5], -1)
    names = tuple(f"b{k}" for k in range(BASINS))
    return TrainingData(forcing, stamp, torch.arange(BASINS)[:, None] * 1.0, names)


def test_a_minibatch_holds_consecutive_days_of_its_basins() -> None:
    batch = Sampler(data(), SETTINGS).draw()
    assert batch.forcing.shape == (11, 4, 3)
    assert batch.flow.shape == (5, 4)
    day, basin = torch.div(batch.forcing[..., 0], 100, rounding_mode="floor"), batch.forcing[..., 0] % 100
    assert (day.diff(dim=0) == 1).all()
    assert (basin == batch.basins).all()
    assert (batch.attributes[:, 0] == batch.basins).all()
    assert torch.equal(batch.flow, batch.forcing[6:, :, 0])
    assert len(set(batch.basins.tolist())) == 4


def test_every_window_and_basin_is_drawn() -> None:
    sampler = Sampler(data(), SETTINGS)
    batches = [sampler.draw() for _ in range(300)]
    first_days = {int(v) // 100 for b in batches for v in b.forcing[0, :, 0]}
    assert first_days == set(range(DAYS - 11 + 1))
    assert {int(k) for b in batches for k in b.basins} == set(range(BASINS))


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    def first(seed: int) -> list[float]:
        settings = TrainingConfig(batch_basins=4, warmup_days=6, window_days=5, seed=seed)
        return Sampler(data(), settings).draw().flow.flatten().tolist()

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_fewer_basins_than_a_batch_are_all_drawn() -> None:
    batch = Sampler(data(), TrainingConfig(batch_basins=100, warmup_days=6, window_days=5)).draw()
    assert sorted(batch.basins.tolist()) == list(range(BASINS))


def test_a_period_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"has 50 days, fewer than .* = 51"):
        Sampler(data(), TrainingConfig(warmup_days=26, window_days=25))
