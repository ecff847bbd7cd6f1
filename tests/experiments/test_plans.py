"""Plans: folds and regions hold every basin out once, subsets nest, members differ in what they should."""

from __future__ import annotations

import msgspec
import pytest

from dhbv.configuration import Config
from dhbv.errors import ConfigurationError, DhbvError
from dhbv.experiments import plans
from dhbv.experiments.plans import Plan
from dhbv.experiments.regions import REGIONS, basins_by_region
from tests.conftest import small_config

BASINS = [f"{n:08d}" for n in range(1, 24)]


def config_of(basins: list[str] | None = None, held_out: tuple[str, ...] = ()) -> Config:
    config = small_config()
    data = msgspec.structs.replace(
        config.data, basins=None if basins is None else tuple(basins), held_out=held_out
    )
    return msgspec.structs.replace(config, data=data)


def held_out(plan: Plan) -> list[str]:
    return [b for t in plan.trainings for b in t.config.data.held_out]


def check_apart(plan: Plan, basins: list[str]) -> None:
    """No training sees what it is tested on, and all basins have a part in each."""
    for t in plan.trainings:
        train = t.config.data.basins
        assert train
        assert not set(train) & set(t.config.data.held_out), t.label
        assert sorted({*train, *t.config.data.held_out}) == sorted(basins), t.label


def test_what_knows_gauged_basins_alone_holds_none_out() -> None:
    config = config_of()
    gz = msgspec.structs.replace(config.model, attributes=("p_mean", "history_q_mean"))
    with pytest.raises(ConfigurationError, match=r"this experiment holds basins out: .*stand for ungauged"):
        plans.pub(msgspec.structs.replace(config, model=gz), BASINS, folds=5)


def test_folds_hold_each_basin_out_once() -> None:
    plan = plans.pub(config_of(), BASINS, folds=5)
    assert sorted(held_out(plan)) == BASINS
    assert [len(t.config.data.held_out) for t in plan.trainings] == [5, 5, 5, 4, 4]
    check_apart(plan, BASINS)
    assert plan.held_out_only
    assert plan.choices == {"folds": 5, "seed": 0}


def test_folds_hang_on_the_seed_and_not_on_the_order_of_a_file() -> None:
    plan = plans.pub(config_of(), BASINS, folds=5)
    assert plans.pub(config_of(), BASINS[::-1], folds=5) == plan
    assert held_out(plans.pub(config_of(), BASINS, folds=5, seed=1)) != held_out(plan)
    assert held_out(plan) != BASINS, "drawn, not cut"


def test_basins_that_a_configuration_holds_out_join_the_folds() -> None:
    plan = plans.pub(config_of(BASINS[:8], tuple(BASINS[8:10])), BASINS, folds=3)
    check_apart(plan, BASINS[:10])
    assert sorted(held_out(plan)) == BASINS[:10]


@pytest.mark.parametrize("folds", [1, 24])
def test_impossible_folds_are_refused(folds: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"{folds} folds of 23 basins: choose 2 to 23 \(--folds\)"):
        plans.pub(config_of(), BASINS, folds=folds)


def test_regions_know_every_unit_once() -> None:
    assert sorted(unit for units in REGIONS.values() for unit in units) == list(range(1, 19))


@pytest.mark.parametrize(
    "written", [lambda n: n, lambda n: f"{n:02d}", float], ids=["number", "text", "float"]
)
def test_regions_hold_each_basin_out_once(written: object) -> None:
    units = {b: written(1 + n % 18) for n, b in enumerate(BASINS)}  # type: ignore[operator]
    plan = plans.pur(config_of(), BASINS, units)
    assert [t.label for t in plan.trainings] == list(REGIONS)
    assert sorted(held_out(plan)) == BASINS
    check_apart(plan, BASINS)
    for t in plan.trainings:
        assert {int(units[b]) for b in t.config.data.held_out} <= set(REGIONS[t.label])


def test_regions_without_basins_are_no_training() -> None:
    plan = plans.pur(config_of(), BASINS[:2], {BASINS[0]: 17, BASINS[1]: "01"})
    assert [t.label for t in plan.trainings] == ["north_east", "north_west"]
    with pytest.raises(ConfigurationError, match=r"all 2 basins lie in one region \(north_west\)"):
        plans.pur(config_of(), BASINS[:2], dict.fromkeys(BASINS[:2], 17))


@pytest.mark.parametrize("unit", [19, "", "PNW", float("nan")])
def test_unknown_units_are_named(unit: object) -> None:
    with pytest.raises(DhbvError, match=r"basin b: huc_02 is .*, the regions know 01 to 18"):
        basins_by_region({"a": 1, "b": unit})


def test_subsets_nest_and_are_tested_on_the_same_basins() -> None:
    plan = plans.scaling(config_of(), BASINS, fractions=(1.0, 0.25, 0.5), held_out=0.3)
    assert [t.label for t in plan.trainings] == ["4_basins", "8_basins", "16_basins"]
    sets = [set(t.config.data.basins or ()) for t in plan.trainings]
    assert sets[0] < sets[1] < sets[2]
    assert len({t.config.data.held_out for t in plan.trainings}) == 1
    unseen = set(plan.trainings[0].config.data.held_out)
    assert len(unseen) == 7
    assert unseen | sets[2] == set(BASINS)
    assert not unseen & sets[2]
    assert plan == plans.scaling(config_of(), BASINS[::-1], fractions=(0.25, 0.5, 1.0), held_out=0.3)


def test_scaling_keeps_the_basins_that_a_configuration_holds_out() -> None:
    plan = plans.scaling(config_of(None, tuple(BASINS[:3])), BASINS, fractions=(0.5, 1.0))
    assert {t.config.data.held_out for t in plan.trainings} == {tuple(BASINS[:3])}
    assert plan.trainings[-1].config.data.basins == tuple(BASINS[3:])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"fractions": (0.0, 1.0)}, r"each must be above 0 and at most 1 \(--fractions\)"),
        ({"fractions": (0.5, 1.5)}, "each must be above 0 and at most 1"),
        ({"fractions": ()}, "each must be above 0"),
        ({"fractions": (0.01, 0.02)}, r"are \[1, 1\] basins: choose fractions that differ"),
        ({"held_out": 0.0}, r"0 of 23 basins are 0 held out: at least one must be"),
        ({"held_out": 1.0}, r"1 of 23 basins are 23 held out"),
    ],
)
def test_impossible_shares_are_refused(choice: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        plans.scaling(config_of(), BASINS, **choice)  # type: ignore[arg-type]


def test_members_differ_in_seed_and_source_alone() -> None:
    plan = plans.ensemble(config_of(), BASINS, seeds=(3, 5), sources=("maurer", "daymet"))
    assert [(t.label, t.source, t.config.training.seed) for t in plan.trainings] == [
        ("maurer_seed_3", 0, 3), ("maurer_seed_5", 0, 5), ("daymet_seed_3", 1, 3), ("daymet_seed_5", 1, 5)
    ]  # fmt: skip
    first, *others = (msgspec.structs.replace(t.config.training, seed=0) for t in plan.trainings)
    assert all(other == first for other in others)
    assert [t.label for t in plans.ensemble(config_of(), BASINS, seeds=(0, 1)).trainings] == [
        "seed_0",
        "seed_1",
    ]


@pytest.mark.parametrize(("seeds", "sources"), [((0,), ("a",)), ((0, 0), ("a",)), ((0, 1), ("a", "a"))])
def test_members_alike_are_refused(seeds: tuple[int, ...], sources: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="an ensemble needs two members that differ"):
        plans.ensemble(config_of(), BASINS, seeds=seeds, sources=sources)


def test_one_training_for_other_years() -> None:
    (training,) = plans.temporal(config_of(None, (BASINS[-1],)), BASINS).trainings
    assert training.config.data.basins == tuple(BASINS[:-1])
    assert training.config.data.held_out == (BASINS[-1],)


def test_some_trainings_may_be_chosen() -> None:
    plan = plans.pub(config_of(), BASINS, folds=4)
    assert [t.label for t in plans.chosen(plan, ["fold_3", "fold_1"])] == ["fold_1", "fold_3"]
    assert plans.chosen(plan, None) == plan.trainings
    with pytest.raises(
        ConfigurationError, match="no training fold_4 in this experiment; it has fold_0, fold_1"
    ):
        plans.chosen(plan, ["fold_4"])


def test_absent_basins_are_named() -> None:
    with pytest.raises(ConfigurationError, match="the data lack 1 basins of the configuration: nowhere"):
        plans.temporal(config_of([*BASINS, "nowhere"]), BASINS)
