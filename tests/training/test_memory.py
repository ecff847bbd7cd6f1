"""What is remembered too long, against memories whose length is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dhbv.configuration import FADED
from dhbv.training.memory import unforgotten
from dhbv.training.sampler import Minibatch
from dhbv.training.trainer import Trainer
from tests.conftest import small_config, weather
from tests.training.test_trainer import trainer_of

WARMUP, DAYS, BASINS = 20, 150, 5
NOTHING = 1e-5
"""What the guard of the root at 0 leaves."""


class Memory:
    """In place of a model: share = 0.5 + c Σ aᵏ P(t−k), and a tick that no weather makes."""

    def __init__(self, keep: float, tick: float = 0.0) -> None:
        self.keep, self.tick = keep, tick
        self.seen = torch.empty(0)
        self.rows: list[int] = []

    def dynamic_shares(self, forcing: Tensor, attributes: Tensor, *, rows: Tensor, warmup: int) -> Tensor:
        self.seen, self.rows = forcing, rows.tolist()
        kept, found = torch.zeros(forcing.shape[1]), []
        for t, rain in enumerate(forcing[..., 0]):
            kept = self.keep * kept + 1e-3 * rain
            found.append(0.5 + kept + self.tick * (-1) ** t)
        return torch.stack(found)[warmup:, :, None, None].expand(-1, -1, 2, 3)


def batch_of(rows: tuple[int, ...] = tuple(range(BASINS)), **other: Any) -> Minibatch:
    forcing = torch.from_numpy(weather(WARMUP + DAYS, BASINS))
    forcing[..., 1] += 20.0
    flow = torch.zeros(DAYS, len(rows))
    here = torch.tensor(rows)
    batch = Minibatch(forcing[:, here], flow, torch.zeros(BASINS, 2), here, here, {}, False)
    return batch._replace(**other)


def run(memory: Memory, batch: Minibatch, **how: Any) -> float:
    torch.manual_seed(0)
    return unforgotten(memory, batch, batch.attributes, warmup=WARMUP, **how).item()  # type: ignore[arg-type]


def test_a_month_later_what_is_left_is_what_a_linear_store_has_kept() -> None:
    memory = Memory(0.97)
    found = run(memory, batch_of())
    plain, wetter, steady = memory.seen.chunk(3, 1)
    added = (wetter - plain)[..., 0].numpy()
    assert ((added > 0).sum(0) == 1).all()
    day, depth = added.argmax(0), added.max(0)
    assert ((day >= WARMUP) & (day < WARMUP + DAYS - 2 * FADED)).all()
    assert ((depth >= 5.0) & (depth <= 200.0)).all()
    assert len(set(day)) > 1 < len(set(depth.round(3)))
    left = [
        np.sqrt(np.mean([(1e-3 * r * 0.97 ** (t - d)) ** 2 for t in range(d + FADED, WARMUP + DAYS)]))
        for d, r in zip(day, depth, strict=True)
    ]
    # Constant rain has filled the linear store, all but for 0.97¹¹⁰ at the beginning of the end.
    end = np.arange(WARMUP + DAYS - 2 * FADED, WARMUP + DAYS)
    still = np.std(1 - 0.97 ** (end + 1)) * steady[0, :, 0].numpy() * 1e-3 / 0.03
    assert found == pytest.approx(np.mean(left + still), rel=1e-3)


def test_what_forgets_within_the_month_costs_nothing_and_what_never_does_costs_all() -> None:
    assert run(Memory(0.5), batch_of()) == pytest.approx(2 * NOTHING, rel=1e-2)
    endless = Memory(1.0)
    run(endless, batch_of())
    plain, wetter, _ = endless.seen.chunk(3, 1)
    first = run(Memory(1.0), batch_of())
    assert first > (wetter - plain)[..., 0].sum(0).mean().item() * 1e-3


def test_a_tick_of_its_own_is_restless_and_no_memory() -> None:
    assert run(Memory(0.0, tick=0.1), batch_of()) == pytest.approx(0.1 + NOTHING, rel=1e-3)


def test_constant_weather_is_the_mean_and_brings_no_snow() -> None:
    memory, batch = Memory(0.5), batch_of()
    batch.forcing[:, 0, 1] = -3.0
    run(memory, batch)
    steady = memory.seen.chunk(3, 1)[2]
    assert (steady == steady[:1]).all()
    torch.testing.assert_close(steady[0, 1:], batch.forcing.mean(0)[1:])
    assert steady[0, 0].tolist() == [*batch.forcing.mean(0)[0, :1].tolist(), 5.0, batch.forcing.mean(0)[0, 2]]


def test_snow_may_be_remembered() -> None:
    memory, batch = Memory(1.0), batch_of()
    batch.forcing[:, :, 1] = 2.0
    run(memory, batch)
    plain, wetter, _ = memory.seen.chunk(3, 1)
    assert torch.equal(plain, wetter)


def test_processes_together_come_to_what_one_does() -> None:
    parts: list[Tensor] = []

    def keep(sums: Tensor) -> Tensor:
        parts.append(sums)
        return sums

    whole = run(Memory(0.97), batch_of())
    for rows in ((0, 3), (1, 2, 4)):
        memory = Memory(0.97)
        run(memory, batch_of(rows), total=keep)
        assert memory.rows == [*rows] * 3
    run(Memory(0.97), batch_of((2,), idle=True), total=keep)
    amount, count = torch.stack(parts).sum(0).tolist()
    assert count == BASINS
    assert amount / count == pytest.approx(whole)


def test_no_more_windows_than_a_dozen_are_tried() -> None:
    batch = batch_of()
    many = batch._replace(
        forcing=batch.forcing.repeat(1, 6, 1), attributes=torch.zeros(30, 2), rows=torch.arange(30)
    )
    memory = Memory(0.5)
    run(memory, many)
    assert memory.rows == [*range(12)] * 3
    assert run(memory, many._replace(rows=torch.arange(15, 45))) == 0.0, "none of those tried is here"


def elephant(trainer: Trainer) -> None:
    """Its LSTM keeps what it has seen, and its head listens to it."""
    hidden = trainer.model.network.lstm.hidden_size
    torch.nn.init.normal_(trainer.model.network.head.weight, std=0.5)
    with torch.no_grad():
        trainer.model.network.lstm.bias_ih_l0[hidden : 2 * hidden] = 4.0


def test_the_trainer_adds_it_with_its_weight_and_it_pulls_at_the_lstm() -> None:
    def lost(weight: float) -> tuple[Trainer, Minibatch, Tensor]:
        config = small_config(window_days=150, warmup_days=60, memory_weight=weight, attribute_noise=0.0)
        trainer = trainer_of(config)
        elephant(trainer)
        trainer.model.eval()
        batch = trainer.sampler.draw()
        torch.manual_seed(1)
        return trainer, batch, trainer._loss(batch)

    plain = lost(0.0)[2]
    trainer, batch, more = lost(4.0)
    torch.manual_seed(1)
    alone = unforgotten(trainer.model, batch, batch.attributes, warmup=60)
    assert alone > 1e-3
    torch.testing.assert_close(more - plain, 4.0 * alone)
    alone.backward()
    assert trainer.model.network.lstm.weight_hh_l0.grad.abs().max() > 0.0


def test_training_with_it_makes_the_network_forget() -> None:
    def left(weight: float) -> float:
        config = small_config(
            window_days=150, warmup_days=60, memory_weight=weight, iterations=30, learning_rate=0.03
        )
        trainer = trainer_of(config)
        elephant(trainer)
        model = trainer.run()
        batch = trainer.sampler.draw()
        torch.manual_seed(2)
        return unforgotten(model, batch, batch.attributes, warmup=60).item()

    assert left(10.0) < 0.5 * left(0.0)
