"""The models that ship are whole, say how good they are, and run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dhbv import model_directory
from dhbv.runtime import Runtime
from tests.conftest import weather

SHIPPED = sorted(p.parent for p in (Path(__file__).parents[1] / "models").glob("*/manifest.json"))


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
