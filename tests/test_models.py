"""The models that ship are whole, say how good they are, and run."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from dhbv import model_directory
from dhbv.configuration import Period
from dhbv.data import open_region
from dhbv.data.synthetic import synthetic_region
from dhbv.evaluation.counterfactuals import COUNTERFACTUALS, Laboratory
from dhbv.runtime import Runtime
from tests.conftest import weather

SHIPPED = sorted(p.parent for p in (Path(__file__).parents[1] / "models").glob("*/manifest.json"))

SENSITIVE = ("14308990", "01435000", "03384450", "02469800", "11237500", "06221400", "08189500", "12048000")
"""Basins in which networks without `training.memory_weight` broke the rules, or that come near the limits."""


def test_there_are_models() -> None:
    assert SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_a_shipped_model_is_whole_small_and_runs(path: Path) -> None:
    model = model_directory.load(path)
    assert sum(f.stat().st_size for f in path.iterdir()) <= 5e6
    typical = {a.name: [a.categories[0] if a.categories else a.mean] for a in model.statistics.attributes}
    runtime = Runtime(model, ["somewhere"], typical)
    state = runtime.spin_up(weather(1200, 1), np.datetime64("2000-01-01"))
    before = runtime.storage(state)
    forcing = weather(365, 1, seed=1)
    after, water = runtime.run(state, forcing)
    residual = (
        forcing[..., 0].sum() - water["et"].sum() - water["runoff"].sum() - (runtime.storage(after) - before)
    )
    assert abs(residual.item()) <= 1e-9 * 365
    assert 0.0 < water["runoff"].sum() < forcing[..., 0].sum()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
def test_a_shipped_model_says_how_good_it_is(path: Path) -> None:
    model = model_directory.load(path)
    scores = model.scores["test period"]
    assert scores["n_basins"] == len(scores["per_basin"]) == len(model.config.data.basins or ())
    assert f"nse {scores['median']['nse']:.3f}" in (path / "README.md").read_text(encoding="utf-8")


NETWORK_RULES = ("more rain", "larger storm", "constant weather", "drought", "cause first")
"""Those that only the network behind the dynamic parameters can break."""


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.name)
@pytest.mark.parametrize("where", ["synthetic", "camels"])
def test_a_shipped_model_answers_as_a_river_would(
    path: Path, where: str, request: pytest.FixtureRequest
) -> None:
    if where == "camels":
        file = request.getfixturevalue("shared") / "camels_us" / "camels_us_maurer.nc"
        period = Period(start=dt.date(1990, 10, 1), end=dt.date(1998, 9, 30))
        region = open_region(file, basins=SENSITIVE, end=str(period.end))
    else:
        region = synthetic_region(n_basins=6, years=9, seed=3).region
        period = Period(start=dt.date(1995, 10, 1), end=dt.date(2003, 9, 30))
    lab = Laboratory.build(model_directory.load(path), region, period)
    for rule in COUNTERFACTUALS:
        if rule.name in NETWORK_RULES:
            measure = rule.measure(lab)
            assert (measure <= rule.limit).all(), (
                rule.name,
                dict(zip(lab.runtime.basins, measure, strict=True)),
            )
