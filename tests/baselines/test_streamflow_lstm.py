"""The plain LSTM: what it sees, that it learns, that it goes on after a kill."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import xarray as xr

pytest.importorskip("torch")

import torch

from dhbv.baselines import streamflow_lstm
from dhbv.baselines.streamflow_lstm import Learned, LstmConfig, Scaling, StreamflowConfig
from dhbv.configuration import DataConfig, Period, TrainingConfig
from dhbv.data.schema import DataError
from dhbv.errors import ConfigurationError, DhbvError
from dhbv.training.sampler import TrainingData
from tests.conftest import small_config

DATA = DataConfig(
    train=Period(start=dt.date(2001, 1, 1), end=dt.date(2001, 12, 31)),
    test=Period(start=dt.date(2002, 1, 1), end=dt.date(2002, 12, 31)),
)


class Killed(Exception):
    pass


def region(basins: int = 3, days: int = 20, start: str = "2001-06-11") -> xr.Dataset:
    rng = np.random.default_rng(0)
    time = np.datetime64(start, "ns") + np.arange(days) * np.timedelta64(1, "D")
    made = xr.Dataset(coords={"basin": np.array([f"b{k}" for k in range(basins)], object), "time": time})
    for name in ("prcp", "tmin", "tmax", "srad", "vp"):
        made[name] = (("basin", "time"), rng.normal(5.0, 2.0, (basins, days)).astype(np.float32))
    return made.assign(gauge_lat=("basin", np.linspace(0.0, 66.0, basins)))


def config(**training: Any) -> StreamflowConfig:
    settings: dict[str, Any] = {
        "iterations": 150, "batch_basins": 4, "warmup_days": 15, "window_days": 25, "learning_rate": 2e-2,
        "low_flow_weight": 0.0, "attribute_noise": 0.0, "weight_decay": 0.0, "validate_every": 2,
    }  # fmt: skip
    model = LstmConfig(attributes=("a",), inputs=("x", "y"), hidden=8, dropout=0.0)
    return StreamflowConfig(data=DATA, model=model, training=TrainingConfig(**(settings | training)))


def data(days: int = 300, basins: int = 6) -> TrainingData:
    """Flow that is yesterday's x, times what hangs on the attribute; some days unobserved."""
    torch.manual_seed(5)
    x, a = torch.randn(days, basins, 2), torch.linspace(-1.0, 1.0, basins)[:, None]
    flow = 3.0 + (1.0 + 0.5 * a[:, 0]) * x[:, :, 0].roll(1, 0)
    flow[::9] = torch.nan
    return TrainingData(x, flow, a, tuple(f"b{k}" for k in range(basins)))


def scale(of: TrainingData) -> Scaling:
    return streamflow_lstm.scaling(of.forcing.numpy(), of.flow.numpy())


def learn(folder: Path, config: StreamflowConfig, **more: Any) -> Learned:
    made = data()
    return streamflow_lstm.train(
        config, scale(made), made, checkpoint_path=folder / "c.pt", identity="i", **more
    )


def test_what_it_sees_of_a_day() -> None:
    there = region()
    names = streamflow_lstm.inputs_of(there)
    assert names == ("prcp", "tmin", "tmax", "srad", "vp", "day_length")
    seen = streamflow_lstm.inputs(there, names)
    assert seen.shape == (20, 3, 6)
    for k, name in enumerate(names[:-1]):
        np.testing.assert_array_equal(seen[..., k], there[name].values.T)
    longest = seen[10, :, 5]
    assert longest[0] == pytest.approx(12.0), "on the equator, whatever the season"
    # At 33 degrees at midsummer: cos ωs = −tan φ tan 23.45°, by hand 14.17 h.
    assert longest[1] == pytest.approx(14.17, abs=0.05)
    assert 20.0 < longest[2] <= 24.0
    assert streamflow_lstm.inputs_of(there.drop_vars(["srad", "vp"])) == (
        "prcp", "tmin", "tmax", "day_length"
    )  # fmt: skip


def test_beyond_the_polar_circle_the_sun_does_not_set() -> None:
    far = region().assign(gauge_lat=("basin", np.array([80.0, -80.0, 90.0])))
    np.testing.assert_allclose(
        streamflow_lstm.inputs(far, ("day_length",))[..., 0], [[24.0, 0.0, 24.0]] * 20, atol=1e-5
    )


def test_what_is_missing_is_told() -> None:
    there = region()
    with pytest.raises(DataError, match="no variable vp, which this LSTM sees"):
        streamflow_lstm.inputs(there.drop_vars("vp"), ("prcp", "vp"))
    with pytest.raises(DataError, match="no attribute gauge_lat, which the length of the day needs"):
        streamflow_lstm.inputs(there.drop_vars("gauge_lat"), ("day_length",))
    there["srad"][1, 3] = np.nan
    with pytest.raises(DataError, match="basin b1: srad is nan on 2001-06-14: fill the forcing"):
        streamflow_lstm.inputs(there, ("prcp", "srad"))


def test_scaling_is_that_of_the_days_given() -> None:
    seen = np.random.default_rng(1).normal(4.0, 3.0, (50, 4, 2)).astype(np.float32)
    seen[..., 1] = 7.0
    flow = np.full((50, 4), np.nan, np.float32)
    flow[:2, 0] = 1.0, 3.0
    made = streamflow_lstm.scaling(seen, flow)
    assert (made.flow_mean, made.flow_std) == (2.0, 1.0)
    z = streamflow_lstm.normalised(seen, made)
    np.testing.assert_allclose([z[..., 0].mean(), z[..., 0].std()], [0.0, 1.0], atol=1e-5)
    np.testing.assert_array_equal(z[..., 1], 0.0)


def test_it_learns_yesterdays_rain(tmp_path: Path) -> None:
    made = data()
    learned = learn(tmp_path, config())
    simulated = streamflow_lstm.simulate(learned.network, made.forcing.numpy(), made.attributes.numpy(), 4)
    observed, shown = made.flow.numpy()[20:], simulated[20:]
    seen = np.isfinite(observed)
    error = np.where(seen, shown - np.where(seen, observed, 0.0), 0.0)
    nse = 1.0 - (error**2).sum() / np.nanvar(observed) / seen.sum()
    assert nse > 0.9
    assert [iteration for iteration, _ in learned.history] == list(range(1, 151))


def test_flow_is_never_below_zero_and_basins_do_not_mix(tmp_path: Path) -> None:
    made = data()
    network = learn(tmp_path, config(iterations=2)).network
    with torch.no_grad():
        # Half the days would lie below 0.
        network.head.bias -= network(made.forcing, made.attributes).mean() / network.flow_std
    x, a = made.forcing.numpy(), made.attributes.numpy()
    whole = streamflow_lstm.simulate(network, x, a)
    assert whole.min() == 0.0
    assert whole.max() > 0.0
    for at_once in (1, 4):
        np.testing.assert_allclose(streamflow_lstm.simulate(network, x, a, at_once), whole, atol=1e-5)


def test_dropout_is_of_training_alone(tmp_path: Path) -> None:
    model = msgspec.structs.replace(config().model, dropout=0.5)
    network = learn(tmp_path, msgspec.structs.replace(config(iterations=1), model=model)).network
    x, a = data().forcing[:40], data().attributes
    with torch.no_grad():
        assert torch.equal(network(x, a), network(x, a))
        network.train()
        assert not torch.equal(network(x, a), network(x, a))


def test_a_killed_training_gives_the_same_weights(tmp_path: Path) -> None:
    settings = config(iterations=9, attribute_noise=0.1)
    settings = msgspec.structs.replace(settings, model=msgspec.structs.replace(settings.model, dropout=0.3))
    whole = learn(tmp_path / "whole", settings)

    def strike(progress: Any) -> None:
        if progress.iteration == 5:
            raise Killed

    with pytest.raises(Killed):
        learn(tmp_path, settings, on_progress=strike)
    torch.manual_seed(99)
    told: list[int] = []
    resumed = learn(tmp_path, settings, on_progress=lambda p: told.append(p.iteration))
    assert told == [5, 6, 7, 8, 9], "from the checkpoint after 4"
    assert resumed.history == whole.history
    for a, b in zip(resumed.network.state_dict().values(), whole.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    assert torch.tensor(1e-40).item() != 0.0, "subnormal numbers are back"


def test_a_diverging_training_is_stopped(tmp_path: Path) -> None:
    made = data()
    made.forcing[:, 2] = torch.inf
    with pytest.raises(DhbvError, match="is not finite at iteration 1; no step was taken: lower"):
        streamflow_lstm.train(
            config(batch_basins=6), scale(data()), made, checkpoint_path=tmp_path / "c.pt", identity="i"
        )


def test_the_configuration_is_that_of_the_model_beside_it() -> None:
    theirs = small_config(low_flow_weight=0.25, loss="rmse", targets={"swe": 0.2}, seed=7)
    ours = streamflow_lstm.configure(theirs, ("prcp",), 32, 0.1)
    assert (ours.training.loss, ours.training.low_flow_weight, ours.training.seed) == ("nse", 0.0, 7)
    assert ours.training.targets == {}
    assert (ours.data, ours.model.attributes) == (theirs.data, theirs.model.attributes)
    assert (ours.model.hidden, ours.model.dropout, ours.model.inputs) == (32, 0.1, ("prcp",))
    with pytest.raises(ConfigurationError, match="the plain LSTM is trained by adamw"):
        streamflow_lstm.configure(small_config(optimiser="adadelta"), ("prcp",), 32, 0.1)
    days = Period(start=dt.date(1970, 1, 1), end=dt.date(1970, 12, 31))
    early = msgspec.structs.replace(theirs, data=msgspec.structs.replace(theirs.data, validation=days))
    with pytest.raises(
        ConfigurationError, match="the plain LSTM is trained to the end and stops at no validation"
    ):
        streamflow_lstm.configure(early, ("prcp",), 32, 0.1)
