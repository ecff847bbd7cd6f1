"""Running a plan: what is done is not done again, what is held out is not seen, an ensemble is the mean of flows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from rich.progress import Progress

pytest.importorskip("torch")

from dhbv import pipeline
from dhbv.configuration import Config, DataConfig, Period
from dhbv.data.synthetic import synthetic_region
from dhbv.errors import ConfigurationError, DhbvError
from dhbv.evaluation import scores
from dhbv.experiments import plans, results, simulation
from dhbv.experiments.plans import Plan
from dhbv.experiments.run import Job, run
from tests.conftest import small_config

DATA = DataConfig(
    train=Period(start=dt.date(1997, 10, 1), end=dt.date(1998, 9, 30)),
    test=Period(start=dt.date(1998, 10, 1), end=dt.date(1999, 3, 31)),
    spin_up_days=365,
)


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def region() -> xr.Dataset:
    made = synthetic_region(n_basins=6, years=4, start="1995-10-01").region
    return made.assign(
        huc_02=("basin", np.array([1, 2, 17, 17, 3, 3])), baseflow_index=("basin", np.linspace(0.2, 0.8, 6))
    )


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Config]:
    """Configurations that were trained, in order."""
    seen: list[Config] = []
    make = pipeline.make_model

    def counted(config: Config, *args: object, **options: object) -> pipeline.Made:
        seen.append(config)
        return make(config, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "make_model", counted)
    return seen


def config(**training: object) -> Config:
    small = small_config("mlp", "delta", iterations=3, batch_basins=3, validate_every=1, **training)
    return msgspec.structs.replace(small, data=DATA)


def ids(region: xr.Dataset) -> list[str]:
    return [str(b) for b in region["basin"].values]


def job(plan: Plan, region: xr.Dataset, folder: Path, **more: xr.Dataset) -> Job:
    return Job(
        "ours", config(), plan, {"one": region, **more}, folder / "work", folder / "out.parquet", "cpu"
    )


def go(job: Job, only: list[str] | None = None) -> results.Results:
    return run(job, Progress(disable=True), only)


def same(a: results.Results, b: results.Results) -> None:
    pd.testing.assert_frame_equal(a.table, b.table)
    weights = [[t.weights_sha256 for t in r.header.trainings] for r in (a, b)]
    assert weights[0] == weights[1]


def test_every_training_is_scored_on_the_basins_it_held_out(
    region: xr.Dataset, trained: list[Config], tmp_path: Path
) -> None:
    plan = plans.pub(config(), ids(region), folds=3)
    go(job(plan, region, tmp_path))
    found = results.read(tmp_path / "out.parquet")
    assert found.labels == ("fold_0", "fold_1", "fold_2")
    assert sorted(found.table["basin"]) == ids(region)
    for training, seen in zip(plan.trainings, trained, strict=True):
        rows = found.of(training.label)
        assert tuple(rows.index) == seen.data.held_out
        assert not set(rows.index) & set(seen.data.basins or ())
        assert rows["held_out"].all()
    assert [t.basins for t in found.header.trainings] == [4, 4, 4]
    assert [t.iterations for t in found.header.trainings] == [3, 3, 3]
    assert all(t.seconds > 0.0 for t in found.header.trainings)


def test_a_killed_experiment_goes_on_where_it_was(
    region: xr.Dataset, trained: list[Config], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plans.pub(config(), ids(region), folds=3)
    whole = go(job(plan, region, tmp_path / "whole"))
    trained.clear()
    counted = pipeline.make_model
    at = plan.trainings[1].config.data

    def killed(config: Config, *args: object, **options: object) -> pipeline.Made:
        def strike(progress: object) -> None:
            if config.data == at and progress.iteration == 2:  # type: ignore[attr-defined]
                raise Killed

        return counted(config, *args, **options | {"on_training": strike})  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "make_model", killed)
    with pytest.raises(Killed):
        go(job(plan, region, tmp_path))
    assert results.read(tmp_path / "out.parquet").labels == ("fold_0",), "what was done is on the disk"
    assert (tmp_path / "work" / "fold_1.partial" / "checkpoint.pt").exists()
    monkeypatch.setattr(pipeline, "make_model", counted)
    resumed = go(job(plan, region, tmp_path))
    assert [t.data.held_out for t in trained] == [
        plan.trainings[k].config.data.held_out for k in (0, 1, 1, 2)
    ]
    same(resumed, whole)
    go(job(plan, region, tmp_path))
    assert len(trained) == 4, "nothing is left to do"


def test_a_kill_between_training_and_testing_costs_the_test_alone(
    region: xr.Dataset, trained: list[Config], tmp_path: Path
) -> None:
    plan = plans.temporal(config(), ids(region))
    whole = go(job(plan, region, tmp_path))
    (tmp_path / "work" / "model.nc").unlink()
    same(go(job(plan, region, tmp_path)), whole)
    assert len(trained) == 1


def test_an_experiment_may_be_run_in_parts(region: xr.Dataset, trained: list[Config], tmp_path: Path) -> None:
    units = dict(zip(ids(region), region["huc_02"].values.tolist(), strict=True))
    plan = plans.pur(config(), ids(region), units)
    part = go(job(plan, region, tmp_path), ["north_west"])
    assert part.labels == ("north_west",)
    assert (len(part.header.trainings), part.header.planned) == (1, 3)
    both = go(job(plan, region, tmp_path), ["north_east"])
    assert both.labels == ("north_east", "north_west"), "in the order of the plan"
    assert len(trained) == 2
    assert set(both.of("north_west").index) == {"syn-003", "syn-004"}


def test_an_ensemble_is_the_mean_of_flows_and_not_of_scores(region: xr.Dataset, tmp_path: Path) -> None:
    wetter = region.assign(prcp=1.3 * region["prcp"])
    plan = plans.ensemble(config(), ids(region), seeds=(0, 1), sources=("one", "two"))
    found = go(job(plan, region, tmp_path, two=wetter))
    assert found.labels == ("one_seed_0", "one_seed_1", "two_seed_0", "two_seed_1", "mean")
    flows = [xr.open_dataset(tmp_path / "work" / f"{label}.nc")["runoff"] for label in found.labels[:-1]]
    mean = sum(flow.astype(float) for flow in flows) / 4.0
    assert isinstance(mean, xr.DataArray)
    expected = scores.score_basins(region["streamflow"].sel(time=mean["time"]), mean)
    np.testing.assert_allclose(found.of("mean")["nse"], expected["nse"], atol=1e-6)
    average = sum(found.of(label)["nse"] for label in found.labels[:-1]) / 4.0
    assert not np.allclose(found.of("mean")["nse"], average, atol=1e-4)
    rain = [found.of(label)["prcp"].mean() for label in ("one_seed_0", "two_seed_0")]
    assert rain[1] == pytest.approx(1.3 * rain[0], rel=1e-5)


def test_an_ensemble_that_is_not_whole_has_no_mean(region: xr.Dataset, tmp_path: Path) -> None:
    plan = plans.ensemble(config(), ids(region), seeds=(0, 1))
    assert go(job(plan, region, tmp_path), ["seed_0"]).labels == ("seed_0",)


def test_subsets_are_scored_on_their_own_basins_and_on_those_held_out(
    region: xr.Dataset, tmp_path: Path
) -> None:
    plan = plans.scaling(config(), ids(region), fractions=(0.5, 1.0), held_out=0.34)
    found = go(job(plan, region, tmp_path))
    assert [len(found.of(label, held_out=False)) for label in found.labels] == [2, 4]
    unseen = [set(found.of(label, held_out=True).index) for label in found.labels]
    assert unseen[0] == unseen[1]
    assert len(unseen[0]) == 2


def test_a_work_folder_of_another_training_is_refused(region: xr.Dataset, tmp_path: Path) -> None:
    go(job(plans.temporal(config(), ids(region)), region, tmp_path))
    (tmp_path / "out.parquet").unlink()
    with pytest.raises(DhbvError, match=r"model was trained with another configuration than .* \(--work\)"):
        go(job(plans.temporal(config(seed=1), ids(region)), region, tmp_path))
    other = region.assign(streamflow=1.1 * region["streamflow"])
    with pytest.raises(DhbvError, match=r"model was trained with another data than"):
        go(job(plans.temporal(config(), ids(region)), other, tmp_path))


def test_a_test_run_of_other_weather_is_made_anew(
    region: xr.Dataset, trained: list[Config], tmp_path: Path
) -> None:
    """The days trained on are the same, those tested on are not."""
    plan = plans.temporal(config(), ids(region))
    before = go(job(plan, region, tmp_path))
    drier = region.copy(deep=True)
    drier["prcp"].loc[{"time": slice("1998-12-01", None)}] *= 0.5
    (tmp_path / "out.parquet").unlink()
    after = go(job(plan, drier, tmp_path))
    assert len(trained) == 1
    assert (after.table["prcp"] < before.table["prcp"]).all()


def test_a_results_file_of_another_experiment_is_refused_before_training(
    region: xr.Dataset, trained: list[Config], tmp_path: Path
) -> None:
    go(job(plans.temporal(config(), ids(region)), region, tmp_path))
    with pytest.raises(DhbvError, match=r"holds another experiment \(different kind, choices\)"):
        go(job(plans.pub(config(), ids(region), folds=3), region, tmp_path))
    with pytest.raises(ConfigurationError, match="no training fold_9"):
        go(job(plans.pub(config(), ids(region), folds=3), region, tmp_path / "else"), ["fold_9"])
    assert len(trained) == 1


def test_scores_and_means_of_a_known_flow(region: xr.Dataset) -> None:
    """Simulated is a quarter more than observed: r 1, β 1.25, BFI 0.4 throughout."""
    part = region.isel(time=slice(-200, None))
    observed = part["streamflow"].astype(float)
    flows = xr.Dataset({"runoff": 1.25 * observed, "baseflow": 0.5 * observed})
    means = {name: ("basin", np.full(6, k + 1.0)) for k, name in enumerate(simulation.MEANS)}
    simulated = flows.assign(means).assign(held_out=("basin", np.arange(6) > 3))
    table = simulation.score(simulated, region)
    np.testing.assert_allclose(table["kge_r"], 1.0)
    np.testing.assert_allclose(table["kge_beta"], 1.25)
    np.testing.assert_allclose(table["bfi"], 0.4)
    np.testing.assert_allclose(table["et"], 2.0)
    np.testing.assert_allclose(table["observed_flow"], observed.mean("time"))
    np.testing.assert_allclose(table["observed_bfi"], np.linspace(0.2, 0.8, 6))
    assert table["held_out"].tolist() == [False] * 4 + [True] * 2
    np.testing.assert_array_equal(table["lat"], region["gauge_lat"])


def test_members_err_and_their_mean_need_not(region: xr.Dataset) -> None:
    observed = region["streamflow"].isel(time=slice(-200, None)).astype(float)
    extra = {name: ("basin", np.zeros(6)) for name in simulation.MEANS} | {
        "held_out": ("basin", np.zeros(6, bool))
    }
    member: Callable[[float], xr.Dataset] = lambda f: xr.Dataset(  # noqa: E731
        {"runoff": f * observed, "baseflow": 0.0 * observed}
    ).assign(extra)
    members = [member(0.5), member(1.5)]
    assert (simulation.score(members[0], region)["nse"] < 0.9).all()
    np.testing.assert_allclose(simulation.score(simulation.average(members), region)["nse"], 1.0)
