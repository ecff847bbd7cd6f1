"""Distributions, maps and comparisons of scores say what they show, and survive poor data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dhbv.evaluation import score_figures, style
from tests.evaluation import looks

LABELLED = pd.Index([f"{n:08d}" for n in range(1, 7)], name="basin")


@pytest.fixture(params=[1, 6], ids=["one basin", "six basins"])
def nse(request: pytest.FixtureRequest) -> pd.Series:
    return pd.Series(np.linspace(-1.0, 0.9, request.param), LABELLED[: request.param])


@pytest.fixture
def place(nse: pd.Series) -> tuple[pd.Series, pd.Series]:
    ends = np.linspace(0.0, 1.0, len(nse))
    return pd.Series(30.0 + 18.0 * ends, nse.index), pd.Series(-120.0 + 50.0 * ends, nse.index)


def test_score_cdf(nse: pd.Series) -> None:
    good = pd.Series([0.5, 0.7, 0.9, np.nan])
    figure = score_figures.score_cdf({"good": good, "ours": nse, "none": good[3:]})
    looks.check(figure)
    assert looks.legend(figure) == ["good: 0.70 (3)", f"ours: {nse.median():.2f} ({len(nse)})", "none: – (0)"]
    x, y = figure.axes[0].lines[0].get_data()
    np.testing.assert_allclose(x[1:-1], [0.5, 0.7, 0.9])
    np.testing.assert_allclose(y[1:-1], [1 / 3, 2 / 3, 1.0])


def test_many_curves_differ_and_leave_the_panel_to_themselves(nse: pd.Series) -> None:
    figure = score_figures.score_cdf({f"model {k}": nse for k in range(12)}, "kge")
    looks.check(figure)
    ax = figure.axes[0]
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 12
    assert ax.get_xlabel() == "KGE (–)"
    figure.draw_without_rendering()
    assert ax.get_legend().get_window_extent().x0 > ax.get_window_extent().x1


def test_basin_map(nse: pd.Series, place: tuple[pd.Series, pd.Series]) -> None:
    figure = score_figures.basin_map(*place, nse[::-1].where(nse > -1.0), "NSE (–)")
    looks.check(figure)
    unknown, *known = figure.axes[0].collections
    assert len(unknown.get_offsets()) == 1
    if known:
        np.testing.assert_allclose(known[0].get_offsets()[:, 1], place[0][1:])
        np.testing.assert_allclose(known[0].get_array(), nse[1:])
        assert figure.axes[1].get_xlabel() == "NSE (–)"


def test_gains_of_either_sign_differ_in_colour_and_shape() -> None:
    nse = pd.Series([0.1, -5.0], ["a", "b"])
    ends = {"lower": [0.1, -0.2, -0.1, -np.inf, np.nan], "gain": [0.2, -0.1, 0.0, -0.3, np.nan],
            "upper": [0.3, -0.05, 0.1, 0.1, np.nan]}  # fmt: skip
    figure = score_figures.scorecard(
        nse, nse, pd.Series([True, False], nse.index), pd.DataFrame(ends, list("vwxyz")), "t"
    )
    pairs, _, gains = figure.axes
    marks = [(line.get_marker(), line.get_color()) for line in gains.lines[2::2]]
    assert marks == [
        ("^", style.GREEN),
        ("v", style.VERMILLION),
        ("o", style.GREY),
        ("o", style.GREY),
    ]
    lost = np.asarray(gains.lines[7].get_xdata(), float)
    assert lost[0] == gains.get_xlim()[0], "an infinite loss is drawn to the edge"
    assert np.asarray(pairs.collections[0].get_offsets())[0, 0] == score_figures.WORST_SHOWN, (
        "what is lower is at the edge"
    )
    assert figure.get_suptitle() == "t"
