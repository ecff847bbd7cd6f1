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
from dhbv.physics import hbv
from dhbv.physics.parameters import PARAMETERS, variant
from dhbv.training import checkpoint
from dhbv.training.losses import firn
from dhbv.training.sampler import Minibatch, TrainingData
from dhbv.training.trainer import Progress, Trainer, Validation
from tests.conftest import ATTRIBUTES, attribute_table, small_config, weather

BASINS = 6

MIDDLING = {name: np.full((BASINS, 1), p.scale(0.4), np.float32) for name, p in PARAMETERS.items()}


def true_snow(forcing: np.ndarray) -> np.ndarray:
    """SWE [time, basin] that the second source tells of: of a river with middling parameters."""
    parameters = {name: MIDDLING[name] for name in variant("delta").parameters}
    swe: np.ndarray = hbv.simulate(hbv.initial_stores(MIDDLING["fc"]), forcing, parameters, ("swe",))[1][
        "swe"
    ]
    return swe


class Killed(Exception):
    """Stands for a SIGKILL between two minibatches."""


def trainer_of(
    config: Config, path: Path | None = None, validation: bool = False, *, days: int = 400, cold: float = 0.0
) -> Trainer:
    forcing = weather(days, BASINS).astype(np.float32)
    forcing[..., 1] -= cold
    statistics = fit(forcing, attribute_table(BASINS), ATTRIBUTES)
    attributes = normalise_attributes(attribute_table(BASINS), statistics).values.astype(np.float32)
    # A river that follows the rain, so that there is something to learn.
    flow = 0.3 * np.cumsum(forcing[..., 0] * 0.1, 0) / np.arange(1, days + 1)[:, None] + 0.2 * forcing[..., 0]
    names = tuple(f"b{k}" for k in range(BASINS))
    tensors = [
        torch.from_numpy(np.ascontiguousarray(a)) for a in (forcing, flow.astype(np.float32), attributes)
    ]
    seen = np.where(np.arange(days)[:, None] % 3 == 0, true_snow(forcing), np.float32(np.nan))
    targets = dict.fromkeys(config.training.targets, torch.from_numpy(seen))
    extra = Validation(tensors[0][-200:], tensors[1][-100:]) if validation else None
    return Trainer(
        config, statistics, TrainingData(*tensors, names, targets=targets),
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
    torch.save({"weights": torch.zeros(2)}, path)
    with pytest.raises(DhbvError, match=r"is damaged .*identity"):
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


@pytest.mark.parametrize(("iterations", "validated"), [(8, [5, 8]), (10, [5, 10]), (3, [3])])
def test_the_last_minibatch_is_validated_too(iterations: int, validated: list[int]) -> None:
    trainer = trainer_of(small_config(iterations=iterations, validate_every=5), validation=True)
    trainer.run()
    assert [row[0] for row in trainer.history if row[2] is not None] == validated


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


def _gradients(config: Config, outputs: tuple[str, ...]) -> dict[str, float]:
    """How far each HBV parameter is moved by the loss on `outputs` alone, flow left out."""
    trainer = trainer_of(config)
    batch = trainer.sampler.draw()
    simulated = trainer.model(batch.forcing, batch.attributes, rows=batch.rows, warmup=60, outputs=outputs)
    trainer.targets(simulated, batch.targets, batch.basins).backward()
    return _moved(trainer)


def _moved(trainer: Trainer) -> dict[str, float]:
    """The size of each HBV parameter's gradient, through the bias of the last layer of an MLP with one hidden."""
    form = trainer.model.form
    bias = dict(trainer.model.network.named_parameters())["mlp.1.bias"].grad
    assert bias is not None
    per_parameter = bias[:-2].unflatten(0, (len(form.parameters), -1)).abs().sum(1)
    return dict(zip(form.parameters, per_parameter.tolist(), strict=True))


SNOW = {"tt", "cfmax", "cfr", "cwh"}


def test_a_second_source_moves_the_parameters_of_its_own_store() -> None:
    """Snow observed says something of snow alone; evaporation nothing of the zones below the soil."""
    snow = _gradients(small_config("mlp", "delta", targets={"swe": 1.0}), ("swe",))
    assert {name for name, moved in snow.items() if moved} <= SNOW
    assert snow["cfmax"] > 0.0
    et = _gradients(small_config("mlp", "delta", targets={"et": 1.0}), ("et",))
    assert {"fc", "lp", "gamma", "beta"} <= {name for name, moved in et.items() if moved}
    assert not {"k0", "k1", "k2", "perc", "uzl"} & {name for name, moved in et.items() if moved}


def test_a_second_source_brings_its_store_to_what_was_observed() -> None:
    """Flow knows nothing of this snow, and finds another; observed on every third day, it is found."""

    def trained(**training: object) -> torch.Tensor:
        trainer = trainer_of(small_config("mlp", "delta", iterations=60, learning_rate=0.05, **training))
        model = trainer.run()
        with torch.no_grad():
            return model(trainer.data.forcing, trainer.data.attributes, outputs=("swe",))["swe"]

    alone, together = trained(), trained(targets={"swe": 1.0})
    true = torch.from_numpy(true_snow(weather(400, BASINS).astype(np.float32)))
    assert (together - true).abs().mean() < 0.3 * (alone - true).abs().mean()


def test_snow_that_outlives_the_year_costs_its_weight_and_pulls_at_the_snow_alone() -> None:
    def lost(weight: float) -> tuple[Trainer, Minibatch, torch.Tensor]:
        config = small_config(
            "mlp", "delta", window_days=365, warmup_days=365, firn_weight=weight, attribute_noise=0.0
        )
        trainer = trainer_of(config, days=730, cold=17.0)
        trainer.model.eval()
        batch = trainer.sampler.draw()
        return trainer, batch, trainer._loss(batch)

    trainer, batch, plain = lost(0.0)
    swe = trainer.model(batch.forcing, batch.attributes, rows=batch.rows, warmup=365, outputs=("swe",))["swe"]
    more = lost(3.0)[2] - plain
    assert firn(swe) > 0.1
    torch.testing.assert_close(more, 3.0 * firn(swe))
    firn(swe).backward()
    moved = _moved(trainer)
    assert {name for name, pull in moved.items() if pull} <= SNOW
    assert moved["cfmax"] > 0.0
