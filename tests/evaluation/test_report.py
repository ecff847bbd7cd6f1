"""A report draws every figure it can from what it is given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dhbv.configuration import Period
from dhbv.data.synthetic import SyntheticRegion, synthetic_region
from dhbv.evaluation import report
from dhbv.evaluation.evaluate import Evaluation, evaluate
from dhbv.model_directory import ModelDirectory
from dhbv.runtime import OUTPUTS

Make = Callable[..., ModelDirectory]
PERIOD = Period(start=dt.date(2000, 10, 1), end=dt.date(2001, 9, 30))
ALWAYS = {"dynamic_parameters", "nse_cdf"}


@pytest.fixture(scope="module")
def twin() -> SyntheticRegion:
    return synthetic_region(n_basins=4, years=2, start="1999-10-01")


@pytest.fixture
def evaluations(make_directory: Make, twin: SyntheticRegion) -> dict[str, Evaluation]:
    model = make_directory()
    parts = {"test period": slice(0, 3), "held-out basins": slice(3, 4)}
    return {
        label: evaluate(model, twin.region.isel(basin=part), PERIOD, outputs=OUTPUTS)
        for label, part in parts.items()
    }


def test_every_figure_is_drawn_into_a_new_folder(
    evaluations: dict[str, Evaluation], twin: SyntheticRegion, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "figures"
    made = report.write_figures(evaluations, twin.region, folder, truth=twin.truth)
    basin = next(p.stem.removeprefix("stores_") for p in made if p.stem.startswith("stores_"))
    assert basin in twin.region["basin"].values[:3], "the first evaluation is drawn in detail"
    expected = ALWAYS | {f"hydrograph_{basin}", f"stores_{basin}", "map", "overview", "recovery"}
    assert {p.stem for p in made} == expected
    assert sorted(folder.iterdir()) == sorted(made)
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in made)


def test_without_places_and_truth_their_figures_are_left_out(
    evaluations: dict[str, Evaluation], twin: SyntheticRegion, tmp_path: Path
) -> None:
    nowhere = twin.region.drop_vars(["gauge_lat", "gauge_lon"])
    made = {p.stem for p in report.write_figures(evaluations, nowhere, tmp_path)}
    assert made >= ALWAYS
    assert not made & {"map", "overview", "recovery"}


def test_the_typical_basin_is_nearest_to_the_median() -> None:
    assert report._typical(pd.Series({"a": -3.0, "b": 0.6, "c": 0.7, "d": 0.8, "e": np.nan})) == "b"


def test_the_first_basin_is_typical_where_none_has_a_score() -> None:
    assert report._typical(pd.Series({"a": np.nan, "b": np.nan})) == "a"
