"""Training learns, resumes exactly, repeats itself, and stops before a poisoned step."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from dhbv.configuration import Config
from dhbv.errors import DhbvError
from dhbv.normalisation import fit, normalise_attributes
from dhbv.training import checkpoint
from dhbv.training.sampler import TrainingData
from dhbv.training.trainer import Progress, Trainer, Validation
from tests.conftest import ATTRIBUTES, attribute_table, small_config, weather

BASINS = 6


class Killed(Exception):
    """Stands for a SIGKILL between two minibatches."""


def trainer_of(config: Config, path: Path | None = None, validation: bool = False) -> Trainer:
    forcing = weather(400, BASINS).astype(np.float32)
    statistics = fit(forcing, attribute_table(BASINS), ATTRIBUTES)
    attributes = normalise_attributes(attribute_table(BASINS), statistics).values.astype(np.float32)
    # A river that follows the rain, so that there is something to learn.
    flow = 0.3 * np.cumsum(forcing[..., 0] * 0.1, 0) / np.arange(1, 401)[:, None] + 0.2 * forcing[..., 0]
    names = tuple(f"b{k}" for k in range(BASINS))
    tensors = [
        torch.from_numpy(np.ascontiguousarray(a)) for a in (forcing, flow.astype(np.float32), attributes)
    ]
    extra = Validation(tensors[0][-200:], tensors[1][-100:]) if validation else None
    return Trainer(
        config, statistics, TrainingData(*tensors, names),
        validation=extra, checkpoint_path=path, identity="this training",
    )  # fmt: skip


def weights_of(trainer: Trainer) -> list[torch.Tensor]:
    return [w.clone() for w in trainer.model.state_dict().values()]


def equal(a: list[torch.Tensor], b: list[torch.Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("kind", ["lstm_mlp", "lstm"])
def test_training_lowers_the_loss(kind: str) -> None:
    trainer = trainer_of(small_config(kind, iterations=40, learning_rate=0.02))
    trainer.run()
    losses = [row[1] for row in trainer.history]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


@pytest.mark.parametrize("optimiser", ["adamw", "adadelta"])
@pytest.mark.parametrize("killed_at", [1, 4, 5, 6])
def test_a_killed_training_resumes_to_the_same_weights(
    tmp_path: Path, optimiser: str, killed_at: int
) -> None:
    config = small_config(iterations=8, validate_every=2, optimiser=optimiser)
    unbroken = trainer_of(config, validation=True)
    unbroken.run()

    def kill(progress: Progress) -> None:
        if progress.iteration == killed_at:
            raise Killed

    path = tmp_path / "checkpoint.pt"
    with pytest.raises(Killed):
        trainer_of(config, path, validation=True).run(kill)
    torch.rand(3)  # whatever happened in between
    resumed = trainer_of(config, path, validation=True)
    resumed.run()
    assert equal(weights_of(resumed), weights_of(unbroken))
    assert resumed.history == unbroken.history


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    runs = []
    for seed in (1, 1, 2):
        trainer = trainer_of(small_config(iterations=3, seed=seed))
        trainer.run()
        runs.append(weights_of(trainer))
    assert equal(runs[0], runs[1])
    assert not equal(runs[0], runs[2])


def test_a_checkpoint_loads_as_plain_data_and_belongs_to_its_training(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    trainer_of(small_config(iterations=2, validate_every=1), path).run()
    assert torch.load(path, weights_only=True)["iteration"] == 2
    with pytest.raises(DhbvError, match="belongs to another configuration or other data"):
        checkpoint.read(path, identity="another training")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DhbvError, match="is damaged"):
        checkpoint.read(path, identity="this training")


def test_a_poisoned_basin_is_named_before_the_step() -> None:
    trainer = trainer_of(small_config(batch_basins=BASINS, attribute_noise=0.0))
    batch = trainer.sampler.draw()
    # An infinite observation is taken as missing; an absurd one overflows the loss.
    batch.flow[-3, batch.basins.tolist().index(2)] = 1e30
    before = weights_of(trainer)
    with pytest.raises(DhbvError, match=r"the loss is not finite at iteration 1, caused by: b2\. No step"):
        trainer.step(batch)
    assert equal(weights_of(trainer), before)


def test_weather_that_is_not_finite_is_named_before_training() -> None:
    trainer = trainer_of(small_config())
    trainer.data.forcing[7, 3, 1] = float("nan")
    with pytest.raises(
        DhbvError, match=r"basin b3: T is nan on day 7 \(1 such values in all\): weather must be finite"
    ):
        Trainer(trainer.config, trainer.model.statistics, trainer.data)


def test_a_gradient_that_is_not_finite_stops_before_the_step() -> None:
    trainer = trainer_of(small_config(batch_basins=BASINS))
    bias = trainer.model.network.mlp[0].bias
    bias.register_hook(lambda g: g * float("inf"))
    before = weights_of(trainer)
    with pytest.raises(DhbvError, match="the gradient is not finite at iteration 1"):
        trainer.step(trainer.sampler.draw())
    assert equal(weights_of(trainer), before)


def test_early_stopping_keeps_the_best_validated_weights() -> None:
    config = small_config(iterations=60, validate_every=1, patience=3, learning_rate=0.5)
    trainer = trainer_of(config, validation=True)
    trainer.run()
    losses = [row[2] for row in trainer.history]
    assert trainer.iteration < 60
    assert losses.index(min(losses)) == len(losses) - 1 - config.training.patience
    assert trainer.validation is not None
    assert trainer._validate() == pytest.approx(min(losses))


def test_dropout_and_noise_are_off_after_training() -> None:
    model = trainer_of(small_config(iterations=1)).run()
    forcing = torch.from_numpy(weather(30, 2).astype(np.float32))
    attributes = torch.zeros(2, len(ATTRIBUTES))
    with torch.no_grad():
        assert torch.equal(model(forcing, attributes)["runoff"], model(forcing, attributes)["runoff"])


def test_gradient_is_clipped() -> None:
    config = small_config(learning_rate=1.0, optimiser="adadelta")
    config = msgspec.structs.replace(
        config, training=msgspec.structs.replace(config.training, gradient_clip=1e-3)
    )
    trainer = trainer_of(config)
    trainer.step(trainer.sampler.draw())
    total = torch.stack([p.grad.norm() for p in trainer.model.parameters() if p.grad is not None]).norm()
    assert total.item() <= 1e-3 * 1.001


def test_a_training_that_fails_leaves_subnormal_numbers_as_it_found_them() -> None:
    trainer = trainer_of(small_config())

    def interrupted(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.run(interrupted)
    smallest = torch.tensor(1e-310, dtype=torch.float64)
    assert (smallest * 0.5).item() > 0.0
