"""The surrogate: near to a simulator known in closed form, its gradient true, nothing but training runs seen."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import xarray as xr

pytest.importorskip("torch")

import torch

from dhbv.errors import ConfigurationError, DhbvError
from dhbv.surrogate import fidelity, network, training
from dhbv.surrogate import runs as running
from dhbv.surrogate.network import Scaling, Shape, Surrogate
from dhbv.surrogate.simulator import Simulator
from dhbv.surrogate.training import Trained
from tests.surrogate.reservoir import EFFORT, RESERVOIR, config, region

SHORT = msgspec.structs.replace(EFFORT, iterations=4, validate_every=2)


@pytest.fixture(scope="module")
def there() -> xr.Dataset:
    return region()


@pytest.fixture(scope="module")
def trained(there: xr.Dataset) -> Trained:
    part = there.isel(basin=slice(6), time=slice(400))
    made = running.make(RESERVOIR, part, 20, seed=0)
    return training.train(made, running.weather_of(made, part), EFFORT)


def test_it_mimics_runs_it_never_saw(trained: Trained, there: xr.Dataset) -> None:
    for basins in (["b0", "b5"], ["b6", "b7"]):
        table = fidelity.examine(config(), there, basins, RESERVOIR, trained.network, 10, seed=99)
        told = fidelity.summary(table)["runoff"]
        assert told["runs"] == 20
        assert told["nse"]["50%"] > 0.9, f"{basins}: {told}"
        assert told["nse"]["5%"] > 0.6, f"{basins}: {told}"


def test_fidelity_is_nse_against_the_simulator_of_the_test_period(there: xr.Dataset) -> None:
    """By hand, for a surrogate that knows nothing and tells the mean of its training runs."""
    flat = Surrogate(1, Shape(hidden=2, embedding=2), _scale())
    for weight in flat.parameters():
        torch.nn.init.zeros_(weight)
    table = fidelity.examine(config(), there, ["b6", "b7"], RESERVOIR, flat, 3, seed=9)
    assert table["basin"].tolist() == ["b6", "b7"] * 3
    made = running.make(RESERVOIR, there.isel(basin=slice(6, 8), time=slice(340, 650)), 3, seed=9)
    truth = made.outputs[60:, :, 0].astype(np.float64)
    by_hand = 1.0 - ((truth - 4.0) ** 2).sum(0) / ((truth - truth.mean(0)) ** 2).sum(0)
    np.testing.assert_allclose(table["runoff"], by_hand, rtol=1e-4)


def test_the_gradient_of_parameters_is_that_of_finite_differences(trained: Trained) -> None:
    torch.manual_seed(0)
    weather = 10.0 * torch.rand(40, 3, 1)
    fractions = torch.tensor([[0.2], [0.5], [0.8]], requires_grad=True)
    weights = torch.linspace(0.0, 1.0, 40)[:, None, None]
    (trained.network(weather, fractions) * weights).sum().backward()
    assert fractions.grad is not None
    for k in range(3):
        ends = []
        for step in (1e-2, -1e-2):
            moved = fractions.detach().clone()
            moved[k] += step
            ends.append((trained.network(weather, moved).double() * weights).sum().item())
        by_differences = (ends[0] - ends[1]) / 2e-2
        assert fractions.grad[k].item() == pytest.approx(by_differences, rel=2e-2)
    assert all(not w.requires_grad and w.grad is None for w in trained.network.parameters())


def test_held_out_runs_teach_nothing_but_when_to_stop(there: xr.Dataset) -> None:
    """The weights after so many minibatches are the same whatever the held-out runs hold."""
    part = there.isel(time=slice(200))
    made = running.make(RESERVOIR, part, 3, seed=0)
    aside = training.held_out(24, EFFORT.held_out, EFFORT.seed)
    assert aside.sum() == 2
    spoiled = made.outputs.copy()
    spoiled[:, aside] = 1e4
    spoiled[:, aside] *= np.random.default_rng(0).random((200, 2, 1), np.float32)
    # Validated once, at the end: the best weights are the last.
    once = msgspec.structs.replace(SHORT, validate_every=4)
    weather = running.weather_of(made, part)
    clean = training.train(made, weather, once)
    other = training.train(made._replace(outputs=spoiled), weather, once)
    assert clean.scaling == other.scaling
    assert clean.history[-1].validation != other.history[-1].validation
    spread = made.outputs.std((0, 1)), spoiled.std((0, 1))
    assert spread[1] > 10 * spread[0], "the poison is strong"
    for name, weight in clean.network.state_dict().items():
        torch.testing.assert_close(weight, other.network.state_dict()[name], msg=name)


def test_the_best_weights_are_kept_and_patience_ends(there: xr.Dataset) -> None:
    part = there.isel(time=slice(200))
    made = running.make(RESERVOIR, part, 3, seed=0)
    # So fast that it gets worse, and no wiser.
    wild = msgspec.structs.replace(EFFORT, learning_rate=3.0, validate_every=1, patience=3, iterations=100)
    steps: list[int] = []
    got = training.train(made, running.weather_of(made, part), wild, lambda s: steps.append(s.iteration))
    best = min(got.history, key=lambda s: s.validation)
    assert steps[-1] == best.iteration + 3 < 100
    aside = training.held_out(24, wild.held_out, wild.seed)
    known, unseen = (torch.from_numpy(np.flatnonzero(part)) for part in (~aside, aside))
    windows = training._Windows(made, running.weather_of(made, part), known, wild)
    check = windows.draw(unseen, 4 * wild.batch_runs, torch.Generator().manual_seed(wild.seed + 1))
    value = training._loss(got.network, windows.warmup, *check).item()
    assert value == pytest.approx(best.validation, rel=1e-4), "the weights are those of the best validation"
    assert got.history[-1].validation > 1.01 * best.validation


def test_training_may_begin_with_another_surrogate(trained: Trained, there: xr.Dataset) -> None:
    part = there.isel(basin=slice(6), time=slice(400))
    made = running.make(RESERVOIR, part, 6, seed=5)
    weather = 0.9 * running.weather_of(made, part)
    before = {name: w.clone() for name, w in trained.network.state_dict().items()}
    begun = training.train(made, weather, SHORT, start_from=trained)
    fresh = training.train(made, weather, SHORT)
    assert begun.history[0].loss < 0.2 * fresh.history[0].loss
    assert begun.scaling == trained.scaling != fresh.scaling
    for name, weight in trained.network.state_dict().items():
        assert torch.equal(weight, before[name]), name


def test_fidelity_near_a_place_is_that_of_runs_near_it(trained: Trained, there: xr.Dataset) -> None:
    examined: list[np.ndarray] = []

    def note(p: np.ndarray, w: np.ndarray) -> np.ndarray:
        examined.append(RESERVOIR.description.fractions(p))
        return RESERVOIR.run(p, w)

    watched = Simulator(RESERVOIR.description, note)
    around = np.array([[0.001], [0.999]])
    fidelity.examine(config(), there, ["b6", "b7"], watched, trained.network, 5, 9, around)
    np.testing.assert_allclose(np.concatenate(examined)[:, 0], [0.0, 1.0] * 5, atol=0.02)


def test_too_little_is_told(there: xr.Dataset) -> None:
    part = there.isel(basin=slice(1), time=slice(80))
    made = running.make(RESERVOIR, part, 2, seed=0)
    weather = running.weather_of(made, part)
    with pytest.raises(
        ConfigurationError, match=r"the runs have 80 days, fewer than .* = 90 of the surrogate"
    ):
        training.train(made, weather, SHORT)
    with pytest.raises(DhbvError, match="2 runs are too few: some must be left to train on"):
        training.train(made, weather, msgspec.structs.replace(SHORT, held_out=0.9))


def test_outputs_that_may_be_negative_are_told_as_they_are() -> None:
    outputs = np.stack([np.full((4, 2), 4.0), np.linspace(-3.0, 3.0, 8).reshape(4, 2)], -1).astype(np.float32)
    scale = network.scaling(np.zeros((4, 2, 1), np.float32), outputs)
    assert scale.roots == (True, False)
    assert scale.output_mean == pytest.approx((2.0, 0.0), abs=1e-6)
    assert (scale.std, scale.output_std[0]) == ((1.0,), 1.0), "what never changes is divided by 1"
    made = Surrogate(1, Shape(hidden=2, embedding=2), scale)
    back = made.units(made.scores_of(torch.from_numpy(outputs)))
    torch.testing.assert_close(back, torch.from_numpy(outputs))
    assert (made.units(torch.full((1, 1, 2), -9.0))[..., 0] == 0.0).all(), "no flow below 0"


def test_the_warm_up_fills_the_memory(trained: Trained) -> None:
    weather = 10.0 * torch.rand(50, 2, 1)
    fractions = torch.tensor([[0.2], [0.7]])
    whole = trained.network(weather, fractions)
    torch.testing.assert_close(trained.network(weather, fractions, 20), whole[20:])


def _scale() -> Scaling:
    return Scaling(mean=(0.0,), std=(1.0,), roots=(True,), output_mean=(2.0,), output_std=(1.0,))
