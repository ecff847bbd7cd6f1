"""gA through the frozen surrogate: it finds what was planted, changes nothing else and sees training days alone."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import numpy as np
import pytest
import xarray as xr
from safetensors.numpy import load_file, save_file

pytest.importorskip("torch")

import torch

from dhbv.configuration import Period
from dhbv.errors import ConfigurationError, DhbvError, ModelDirectoryError
from dhbv.surrogate import directory, learning, training
from dhbv.surrogate import runs as running
from dhbv.surrogate.learning import Learned
from dhbv.surrogate.network import Surrogate
from dhbv.surrogate.simulator import Description
from tests.surrogate.reservoir import EFFORT, RESERVOIR, config, rate, region

ABOUT = RESERVOIR.description
EVERYONE = [f"b{k}" for k in range(8)]


@pytest.fixture(scope="module")
def there() -> xr.Dataset:
    return region()


@pytest.fixture(scope="module")
def surrogate(there: xr.Dataset) -> training.Trained:
    part = there.isel(basin=slice(6), time=slice(400))
    made = running.make(RESERVOIR, part, 20, seed=0)
    return training.train(made, running.weather_of(made, part), EFFORT)


@pytest.fixture(scope="module")
def learned(there: xr.Dataset, surrogate: training.Trained) -> Learned:
    return learning.learn(config(), there, surrogate.network, ABOUT)


def test_the_planted_parameter_is_found(
    there: xr.Dataset, surrogate: training.Trained, learned: Learned
) -> None:
    places = learning.fractions(learned.network, learned.statistics, there, EVERYONE)
    truth = ABOUT.fractions(rate(there["a"].values)[:, None])
    error = np.abs(places - truth)[:6].mean()
    spread = np.abs(truth - truth.mean())[:6].mean()
    assert error < 0.35 * spread, f"{error} against {spread} of the mean parameter"
    assert np.corrcoef(places[:, 0], truth[:, 0])[0, 1] > 0.97, "in basins never learned from too"
    honest = learning.by_simulator(RESERVOIR)
    typical = np.tile(ABOUT.typical, (8, 1))
    found, middle = (
        learning.score(config(), there, EVERYONE, p, ABOUT, honest)["nse"] for p in (places, typical)
    )
    assert found.median() > 0.97
    assert found.median() > middle.median() + 0.02
    mimicked = learning.score(
        config(), there, EVERYONE, places, ABOUT, learning.by_surrogate(surrogate.network)
    )
    assert mimicked["nse"].median() > 0.9


def test_the_truth_scores_1(there: xr.Dataset) -> None:
    """But for what the spin-up of 60 days has not washed out."""
    truth = ABOUT.fractions(rate(there["a"].values)[:, None])
    table = learning.score(config(), there, EVERYONE, truth, ABOUT, learning.by_simulator(RESERVOIR))
    assert list(table.index) == EVERYONE
    assert (table["days"] == 250).all()
    assert table["nse"].min() > 0.995


def test_the_surrogate_stays_as_it_is(there: xr.Dataset, surrogate: training.Trained) -> None:
    before = {name: w.clone() for name, w in surrogate.network.state_dict().items()}
    short = config(iterations=3)
    learning.learn(short, there, surrogate.network, ABOUT)
    for name, weight in surrogate.network.state_dict().items():
        assert torch.equal(weight, before[name]), name
        assert not weight.requires_grad


def test_only_training_basins_and_days_are_seen(there: xr.Dataset, surrogate: training.Trained) -> None:
    """Poison all else, weather, flow and attributes: the weights are the same to the bit."""
    poisoned = there.copy(deep=True)
    late = poisoned["time"].values > np.datetime64("2001-11-04")
    for name in ("prcp", "tmin", "tmax", "pet", "streamflow"):
        poisoned[name][6:] = 77.0
        poisoned[name][:, late] = 77.0
    poisoned["a"][6:] = 1e6
    short = config(iterations=5)
    clean, other = (learning.learn(short, r, surrogate.network, ABOUT) for r in (there, poisoned))
    assert clean.data_digest == other.data_digest
    assert clean.statistics == other.statistics
    for name, weight in clean.network.state_dict().items():
        assert torch.equal(weight, other.network.state_dict()[name]), name
    poisoned["streamflow"][0, 50] = 77.0
    seen = learning.learn(short, poisoned, surrogate.network, ABOUT)
    assert any(
        not torch.equal(w, seen.network.state_dict()[n]) for n, w in clean.network.state_dict().items()
    )


def test_another_output_can_be_learned_from(there: xr.Dataset) -> None:
    """Where flow is seen nowhere but on one day, a target with weight decides."""
    two = Description(name="two", parameters=ABOUT.parameters, inputs=("prcp",), outputs=("et", "runoff"))
    made = running.make(RESERVOIR, there.isel(basin=slice(6), time=slice(400)), 4, seed=0)
    outputs = np.concatenate([2.0 * made.outputs, made.outputs], -1)
    both = made._replace(about=two, outputs=outputs)
    weather = running.weather_of(both, there)
    short = msgspec.structs.replace(EFFORT, iterations=30)
    network = training.train(both, weather, short).network
    observed = there.assign(observed_et=2.0 * there["streamflow"])
    plain = learning.learn(config(iterations=4), observed, network, two)
    weighted = learning.learn(config(iterations=4, targets={"et": 1.0}), observed, network, two)
    assert weighted.history[0][1] > 1.5 * plain.history[0][1], "its error counts too"
    with pytest.raises(ConfigurationError, match="reservoir has no output swe: it has runoff"):
        learning.learn(config(targets={"swe": 1.0}), there, network, ABOUT)


def test_other_networks_and_optimisers_are_refused(there: xr.Dataset, surrogate: training.Trained) -> None:
    asked = config()
    lstm = msgspec.structs.replace(
        asked, model=msgspec.structs.replace(asked.model, network=msgspec.structs.replace(asked.model.network, kind="lstm"))
    )  # fmt: skip
    with pytest.raises(
        ConfigurationError, match=r"model.network.kind is 'lstm': .* are static; set it to mlp"
    ):
        learning.learn(lstm, there, surrogate.network, ABOUT)
    with pytest.raises(ConfigurationError, match=r"training.optimiser: .* by adamw"):
        learning.learn(config(optimiser="adadelta"), there, surrogate.network, ABOUT)
    days = Period(start=dt.date(1970, 1, 1), end=dt.date(1970, 12, 31))
    early = msgspec.structs.replace(asked, data=msgspec.structs.replace(asked.data, validation=days))
    with pytest.raises(ConfigurationError, match=r"data.validation: .* stops at no validation: leave it out"):
        learning.learn(early, there, surrogate.network, ABOUT)


def _card(made: training.Trained) -> directory.SurrogateCard:
    return directory.SurrogateCard(
        about=ABOUT, effort=EFFORT, scaling=made.scaling, basins=("b0",), days=("2000-10-01", "2001-11-04"),
        runs=120, runs_digest="d", seconds=1.0,
    )  # fmt: skip


def test_a_surrogate_comes_back_from_its_folder(surrogate: training.Trained, tmp_path: Path) -> None:
    card = directory.save(tmp_path / "s", _card(surrogate), surrogate.network, {"history.csv": b"x"})
    kept = directory.load_surrogate(tmp_path / "s")
    assert kept.card == card
    weather, fractions = torch.rand(30, 2, 1), torch.rand(2, 1)
    assert torch.equal(kept.network(weather, fractions), surrogate.network(weather, fractions))
    assert not any(w.requires_grad for w in kept.network.parameters())
    with pytest.raises(ModelDirectoryError, match="already holds something"):
        directory.save(tmp_path / "s", card, surrogate.network, {})
    other = msgspec.structs.replace(ABOUT, inputs=("pet",), name="pond")
    directory.refuse_other(kept, ABOUT, tmp_path, "x")
    with pytest.raises(
        DhbvError, match=r"is of reservoir, and x is another simulator \(different name, inputs\)"
    ):
        directory.refuse_other(kept, other, tmp_path, "x")


def test_what_was_learned_comes_back(there: xr.Dataset, learned: Learned, tmp_path: Path) -> None:
    card = directory.LearnedCard(
        about=ABOUT, config=config(), statistics=learned.statistics, surrogate_sha256="s",
        data_digest=learned.data_digest, seconds=1.0,
    )  # fmt: skip
    card = directory.save(tmp_path / "m", card, learned.network, {})
    kept = directory.load_map(tmp_path / "m")
    assert kept.card == card
    np.testing.assert_array_equal(
        learning.fractions(kept.network, kept.card.statistics, there, EVERYONE),
        learning.fractions(learned.network, learned.statistics, there, EVERYONE),
    )
    with pytest.raises(ModelDirectoryError, match="cannot be read as a folder of kind 'surrogate'"):
        directory.load_surrogate(tmp_path / "m")


def test_damage_is_told(surrogate: training.Trained, tmp_path: Path) -> None:
    place = tmp_path / "s"
    directory.save(place, _card(surrogate), surrogate.network, {})
    weights = place / directory.WEIGHTS
    arrays = load_file(weights)
    arrays["head.bias"] = arrays["head.bias"] + 1.0
    save_file(arrays, weights)
    with pytest.raises(ModelDirectoryError, match=r"weights.safetensors is damaged: its sha256"):
        directory.load_surrogate(place)
    weights.unlink()
    with pytest.raises(ModelDirectoryError, match="cannot be read as a folder of kind 'surrogate'"):
        directory.load_surrogate(place)


def test_weights_of_another_card_are_told(surrogate: training.Trained, tmp_path: Path) -> None:
    effort = msgspec.structs.replace(EFFORT, shape=msgspec.structs.replace(EFFORT.shape, hidden=5))
    small = Surrogate(1, effort.shape, surrogate.scaling)
    directory.save(tmp_path / "s", _card(surrogate), small, {})
    with pytest.raises(ModelDirectoryError, match=r"weights.safetensors and card.json do not fit"):
        directory.load_surrogate(tmp_path / "s")
