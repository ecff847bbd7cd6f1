"""From a region to a tested model directory; nothing but training basins and days is learned from."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
import xarray as xr

from dhbv import model_directory, pipeline
from dhbv.configuration import Config, DataConfig, Period
from dhbv.data import model_forcing
from dhbv.data.history import with_history
from dhbv.data.synthetic import synthetic_region
from dhbv.errors import ConfigurationError, DhbvError, ModelDirectoryError
from dhbv.runtime import Runtime
from tests.conftest import small_config

TRAIN = Period(start=dt.date(1998, 10, 1), end=dt.date(2000, 9, 30))
TEST = Period(start=dt.date(2000, 10, 1), end=dt.date(2001, 9, 30))


@pytest.fixture(scope="module")
def region() -> xr.Dataset:
    return synthetic_region(n_basins=6, years=6, start="1995-10-01").region


def config_of(region: xr.Dataset, **training: object) -> Config:
    config = small_config(**training)
    names = [str(b) for b in region["basin"].values]
    data = DataConfig(train=TRAIN, test=TEST, held_out=tuple(names[-2:]), spin_up_days=365)
    return msgspec.structs.replace(config, data=data)


def test_a_tested_model_directory_comes_out(region: xr.Dataset, tmp_path: Path) -> None:
    made = pipeline.make_model(config_of(region), region, tmp_path / "model")
    again = model_directory.load(tmp_path / "model")
    assert again.weights_sha256 == made.model.weights_sha256
    assert set(again.scores) == {pipeline.TEST, pipeline.HELD_OUT}
    assert again.scores[pipeline.TEST]["n_basins"] == 4
    assert set(again.scores[pipeline.HELD_OUT]["per_basin"]) == {"syn-005", "syn-006"}
    assert again.config.data.basins == ("syn-001", "syn-002", "syn-003", "syn-004")
    assert len((tmp_path / "model" / "history.csv").read_text().splitlines()) == 1 + 6
    assert not (tmp_path / "model.partial").exists()
    with pytest.raises(ModelDirectoryError, match="already holds something"):
        pipeline.make_model(config_of(region), region, tmp_path / "model")


def test_other_basins_and_days_may_be_poisoned_without_effect(region: xr.Dataset, tmp_path: Path) -> None:
    config = config_of(region)
    clean = pipeline.prepare(pipeline._with_basins(config, region), region)
    poisoned = region.copy(deep=True)
    outside = (poisoned["time"] < np.datetime64("1998-10-01")) | (
        poisoned["time"] > np.datetime64("2000-09-30")
    )
    for name in ("prcp", "tmin", "tmax", "streamflow"):
        poisoned[name] = xr.where(outside, 1e6, poisoned[name]).transpose("basin", "time")
        poisoned[name][-2:] = 1e6
    for name in config.model.attributes:
        if poisoned[name].dtype.kind == "f":
            poisoned[name][-2:] = 1e6
    spoilt = pipeline.prepare(pipeline._with_basins(config, poisoned), poisoned)
    assert spoilt[0] == clean[0]
    assert spoilt[2] == clean[2]
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(clean[1][:3], spoilt[1][:3], strict=True))


def test_the_digest_tells_other_training_data(region: xr.Dataset) -> None:
    config = pipeline._with_basins(config_of(region), region)
    changed = region.copy(deep=True)
    changed["streamflow"].loc[{"basin": "syn-001", "time": "1999-07-01"}] += 0.001
    assert pipeline.prepare(config, region)[2] != pipeline.prepare(config, changed)[2]


def test_absent_basins_and_days_are_named(region: xr.Dataset, tmp_path: Path) -> None:
    config = config_of(region)
    data = msgspec.structs.replace(config.data, basins=("syn-001", "nowhere"))
    with pytest.raises(ConfigurationError, match="lack 1 basins of the configuration: nowhere"):
        pipeline.make_model(msgspec.structs.replace(config, data=data), region, tmp_path / "m")
    with pytest.raises(
        ConfigurationError, match=r"hold 1999-10-01\.\.2001-09-30, not all of the period 1998-10-01"
    ):
        pipeline.make_model(config, region.sel(time=slice("1999-10-01", None)), tmp_path / "m")


def untrained(
    config: Config, region: xr.Dataset, out: Path, message: str, kind: type[DhbvError] = DhbvError
) -> None:
    """What is refused before the first minibatch."""

    def too_late(progress: object) -> None:
        pytest.fail("trained what cannot be tested")

    with pytest.raises(kind, match=message):
        pipeline.make_model(config, region, out, on_training=too_late)


@pytest.mark.parametrize("years", [-9, 1], ids=["before", "after"])
def test_what_cannot_be_tested_is_not_trained(region: xr.Dataset, tmp_path: Path, years: int) -> None:
    """A configuration with other test days is another training: hours could not be taken up again."""
    config = config_of(region)
    test = Period(start=TEST.start.replace(year=2000 + years), end=TEST.end.replace(year=2001 + years))
    other = msgspec.structs.replace(config, data=msgspec.structs.replace(config.data, test=test))
    untrained(other, region, tmp_path / "m", rf"not all of the period {test}: correct .*data\.test")


@pytest.mark.parametrize("basin", ["syn-001", "syn-006"], ids=["trained on", "held out"])
@pytest.mark.parametrize(
    ("day", "value", "message"),
    [
        ("2001-03-04", np.nan, "P is nan on 2001-03-04"),
        ("2000-09-30", -1.0, "P is -1.0 on 2000-09-30"),
    ],
    ids=["tested", "spin-up"],
)
def test_weather_no_test_can_run_on_is_found_before_training(
    region: xr.Dataset, tmp_path: Path, basin: str, day: str, value: float, message: str
) -> None:
    spoilt = region.copy(deep=True)
    spoilt["prcp"].loc[{"basin": basin, "time": day}] = value
    untrained(config_of(region), spoilt, tmp_path / "m", f"basin {basin}: {message}")


def test_days_with_a_gap_are_refused_before_training(region: xr.Dataset, tmp_path: Path) -> None:
    holed = region.isel(time=np.delete(np.arange(region.sizes["time"]), [100]))
    untrained(config_of(region), holed, tmp_path / "m", "days are missing between 1996-01-08 and 1996-01-10")


def test_a_region_that_is_all_held_out_is_said(region: xr.Dataset, tmp_path: Path) -> None:
    config = config_of(region)
    names = tuple(str(b) for b in region["basin"].values)
    all_of_them = msgspec.structs.replace(config.data, held_out=names)
    untrained(
        msgspec.structs.replace(config, data=all_of_them), region, tmp_path / "m",
        r"no basin is left to train on: all 6 of the data are held out; shorten data\.held_out",
    )  # fmt: skip


def test_a_gpu_that_is_not_there_is_said(region: xr.Dataset, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(ConfigurationError, match="torch finds no GPU"):
        pipeline.make_model(config_of(region), region, tmp_path / "m", device="cuda")


def test_training_may_start_from_another_models_weights(region: xr.Dataset, tmp_path: Path) -> None:
    """With a rate of next to nothing the weights stay those it started from, statistics too."""
    config = config_of(region)
    first = pipeline.make_model(config, region, tmp_path / "first").model
    still = msgspec.structs.replace(
        config.training, iterations=1, learning_rate=1e-12, weight_decay=0.0, seed=7
    )
    later = msgspec.structs.replace(
        config,
        training=still,
        data=msgspec.structs.replace(
            config.data, train=Period(start=TRAIN.start, end=TEST.start - dt.timedelta(days=90))
        ),
    )
    second = pipeline.make_model(later, region, tmp_path / "second", start_from=first).model
    assert second.statistics == first.statistics
    for name, weight in first.weights.items():
        assert np.allclose(second.weights[name], weight, rtol=0.0, atol=1e-8), name
    afresh = pipeline.make_model(later, region, tmp_path / "third").model
    assert not np.allclose(afresh.weights["head.weight"], first.weights["head.weight"], atol=1e-3)
    wider = msgspec.structs.replace(config.model, components=2)
    with pytest.raises(ConfigurationError, match=r"its model configuration is another; train from scratch"):
        pipeline.make_model(
            msgspec.structs.replace(later, model=wider), region, tmp_path / "m", start_from=first
        )


def test_a_second_source_must_be_in_the_data_and_counts_in_the_digest(region: xr.Dataset) -> None:
    plain = pipeline._with_basins(config_of(region), region)
    config = pipeline._with_basins(config_of(region, targets={"swe": 0.5}), region)
    with pytest.raises(DhbvError, match="no observations of swe: add the variable observed_swe"):
        pipeline.prepare(config, region)
    seen = region.assign(observed_swe=region["prcp"].where(region["prcp"] > 1.0))
    _, data, digest = pipeline.prepare(config, seen)
    assert data.targets["swe"].shape == data.flow.shape
    assert digest != pipeline.prepare(plain, seen)[2]
    other = seen.assign(observed_swe=2.0 * seen["observed_swe"])
    assert digest != pipeline.prepare(config, other)[2]
    unseen = seen.assign(observed_swe=seen["observed_swe"].where(seen["time"] > np.datetime64(TRAIN.end)))
    with pytest.raises(ConfigurationError, match=rf"no training basin has an observation of swe in {TRAIN}"):
        pipeline.prepare(config, unseen)


def test_validation_days_without_flow_are_refused(region: xr.Dataset, tmp_path: Path) -> None:
    config = config_of(region)
    validation = Period(start=dt.date(1997, 10, 1), end=dt.date(1998, 3, 31))
    config = msgspec.structs.replace(config, data=msgspec.structs.replace(config.data, validation=validation))
    silent = region.copy(deep=True)
    silent["streamflow"].loc[{"time": slice(str(validation.start), str(validation.end))}] = np.nan
    with pytest.raises(
        ConfigurationError, match=rf"data\.validation {validation}: no training basin has observed flow"
    ):
        pipeline.make_model(config, silent, tmp_path / "model")


def spoilt(
    region: xr.Dataset, names: tuple[str, ...], days: slice, basins: slice = slice(None)
) -> xr.Dataset:
    """`region` with nonsense in some variables, on some days of some basins."""
    poisoned = region.copy(deep=True)
    where = {"time": poisoned["time"].sel(time=days), "basin": poisoned["basin"][basins]}
    for name in names:
        poisoned[name].loc[where] = 3e3
    return poisoned


def test_what_is_kept_for_testing_may_be_poisoned_without_effect_on_the_weights(
    region: xr.Dataset, tmp_path: Path
) -> None:
    """Early stopping, other observed fluxes, memory and the snow that never melts included: a whole training."""
    seen = region.assign(observed_swe=region["prcp"].where(region["prcp"] > 1.0))
    config = config_of(
        region, iterations=4, validate_every=1, patience=2, window_days=365, warmup_days=60, batch_basins=2,
        targets={"swe": 0.5}, firn_weight=0.3, memory_weight=1.0, learning_rate=0.1,
    )  # fmt: skip
    validation = Period(start=dt.date(1997, 10, 1), end=dt.date(1998, 3, 31))
    config = msgspec.structs.replace(config, data=msgspec.structs.replace(config.data, validation=validation))

    def trained(data: xr.Dataset, name: str) -> tuple[dict[str, np.ndarray], str]:
        model = pipeline.make_model(config, data, tmp_path / name).model
        return model.weights, (model.path / "history.csv").read_text()

    weather, records = ("prcp", "tmin", "tmax"), ("streamflow", "observed_swe")
    everything, tested = slice(None), slice(str(TEST.start), None)
    poisoned = spoilt(seen, (*weather, *records), everything, slice(-2, None))
    poisoned = spoilt(poisoned, (*weather, *records), tested)
    poisoned = spoilt(poisoned, records, slice(None, "1997-09-30"))
    poisoned = spoilt(poisoned, records, slice("1998-04-01", "1998-09-30"))
    for name in config.model.attributes:
        poisoned[name][-2:] = 1e6 if poisoned[name].dtype.kind == "f" else "no class of rock"
    weights, history = trained(seen, "clean")
    again, same = trained(poisoned, "poisoned")
    assert same == history
    assert all(np.array_equal(again[name], weight) for name, weight in weights.items())
    _, other = trained(spoilt(seen, ("streamflow",), slice("1998-02-01", "1998-02-03")), "validation")
    assert other != history, "the days of validation are looked at"
    *_, losses = zip(*(line.split(",") for line in history.splitlines()[1:]), strict=True)
    *_, others = zip(*(line.split(",") for line in other.splitlines()[1:]), strict=True)
    assert losses[0] != others[0]
    assert history.splitlines()[1].rsplit(",", 1)[0] == other.splitlines()[1].rsplit(",", 1)[0], (
        "but not trained on"
    )


# gz: parameters from past flow too


def with_past_flow(config: Config, *names: str) -> Config:
    model = msgspec.structs.replace(config.model, attributes=(*config.model.attributes, *names))
    data = msgspec.structs.replace(config.data, held_out=())
    return msgspec.structs.replace(config, model=model, data=data)


def test_gz_learns_from_past_flow_and_serves_gauged_basins_alone(region: xr.Dataset, tmp_path: Path) -> None:
    config = with_past_flow(config_of(region), "history_q_mean", "history_flashiness")
    told = with_history(region, TRAIN)
    model = pipeline.make_model(config, told, tmp_path / "gz").model
    assert model.scores[pipeline.TEST]["n_basins"] == 6
    columns = {name: list(told[name].values) for name in model.config.model.attributes}
    basins = [str(b) for b in region["basin"].values]
    forcing = model_forcing(region)[:40]
    start = region["time"].values[0].astype("datetime64[D]")

    def flow(columns: dict[str, list[object]]) -> np.ndarray:
        runtime = Runtime(model, basins, columns)
        return runtime.run(runtime.cold_state(start), forcing, ("runoff",))[1]["runoff"]

    more = columns | {"history_q_mean": [5.0 * x for x in columns["history_q_mean"]]}
    assert not np.allclose(flow(more), flow(columns))
    ungauged = columns | {"history_flashiness": [*columns["history_flashiness"][:-1], None]}
    message = r"basin syn-006 has no history_flashiness \(1 basins without it\): this model learns .* from past flow too"
    with pytest.raises(DhbvError, match=message):
        Runtime(model, basins, ungauged)
    silent = told.copy(deep=True)
    silent["history_q_mean"][2] = np.nan
    with pytest.raises(DhbvError, match=r"basin syn-003 has no history_q_mean .* serves gauged basins alone"):
        pipeline.prepare(pipeline._with_basins(config, silent), silent)


def test_past_flow_of_days_that_are_tested_on_is_refused(region: xr.Dataset, tmp_path: Path) -> None:
    config = with_past_flow(config_of(region), "history_q_mean")
    whole = Period(start=TRAIN.start, end=TEST.end)
    with pytest.raises(
        DhbvError, match=r"history_q_mean was made from 1998-10-01\.\.2001-09-30, which is not within"
    ):
        pipeline.make_model(config, with_history(region, whole), tmp_path / "m")
    with pytest.raises(DhbvError, match="the attribute table lacks history_q_mean"):
        pipeline.make_model(config, region, tmp_path / "m")


def test_basins_held_out_as_ungauged_cannot_be_told_by_past_flow(region: xr.Dataset) -> None:
    config = with_past_flow(config_of(region), "history_q_mean")
    with pytest.raises(
        ValueError, match=r"basins held out \(syn-006 …\) stand for ungauged ones, .* has history_q_mean"
    ):
        msgspec.structs.replace(config, data=msgspec.structs.replace(config.data, held_out=("syn-006",)))
