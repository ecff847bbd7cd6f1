"""Figures of experiments, in the style of `dhbv.evaluation.style`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from dhbv.evaluation.score_figures import WORST_SHOWN
from dhbv.evaluation.scores import spatial_correlation
from dhbv.evaluation.style import BLUE, GREEN, GREY, ORANGE, SKY, STYLE
from dhbv.experiments.summary import INTERNAL, Point

NAMES = {"bfi": "BFI", "et": "ET", "swe": "SWE", "soil_water": "soil water"}
_TITLE = 34
"""Letters that a panel is wide."""

_AGREEMENT = dict(zip(INTERNAL, (BLUE, ORANGE, SKY, GREEN), strict=True))


def baseflow(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Simulated against observed baseflow index, a panel for each model, with r over basins.

    Args:
        tables: by model; columns bfi and observed_bfi.
    """
    columns = min(4, len(tables))
    rows = -(-len(tables) // columns)
    with style.context(["default", STYLE]):
        figure = Figure(figsize=(2.6 * columns + 0.4, 2.8 * rows), layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for ax, (name, table) in zip(panels.flat, tables.items(), strict=False):
            ax.plot((0, 1), (0, 1), color=GREY, linewidth=0.8, linestyle="--")
            ax.scatter(table["observed_bfi"], table["bfi"], s=8, color=BLUE, alpha=0.5, linewidths=0)
            ax.set(xlim=(0, 1), ylim=(0, 1))
            ax.set_aspect("equal")
            r = _r(spatial_correlation(table["bfi"], table["observed_bfi"]))
            ax.set_title(f"{fill(name, _TITLE)}\nr = {r}", loc="left")
        for k, ax in enumerate(list(panels.flat)):
            if k >= len(tables):
                ax.remove()
            elif k + columns >= len(tables):
                ax.tick_params(labelbottom=True)
        figure.supxlabel("BFI of observed flow (–)", fontsize=9)
        figure.supylabel("simulated ΣQ$_2$ / ΣQ (–)", fontsize=9)
    return figure


def scaling(points: Sequence[Point]) -> Figure:
    """Skill, cost and coherence against the number of training basins."""
    n = np.array([p.basins for p in points])
    with style.context(["default", STYLE]):
        figure = Figure(figsize=(10.5, 6.4), layout="constrained")
        (nse, kge), (cost, coherence) = figure.subplots(2, 2, sharex=True)
        for ax, score in ((nse, "nse"), (kge, "kge")):
            _skill(ax, n, points, score)
        total = np.array([p.seconds for p in points])
        cost.plot(n, total, marker="o", color=BLUE, label="whole training (s)")
        cost.plot(n, total / n, marker="s", color=ORANGE, label="each training basin (s)")
        cost.set_yscale("log")
        cost.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        cost.yaxis.set_major_formatter("{x:g}")
        cost.set(ylabel="time of training (s)", xlabel="training basins (–)")
        cost.set_title("cost", loc="left")
        for summary, label, colour in (
            ("bfi_correlation", "BFI with that of observed flow", BLUE),
            ("et_correlation", "ET with P − observed Q", ORANGE),
        ):
            values = [_number(p.held_out[summary]) for p in points]
            coherence.plot(n, values, marker="o", color=colour, label=label)
        for name, colour in _AGREEMENT.items():
            values = [p.agreement[name] for p in points]
            label = f"{NAMES[name]} with that of {n[-1]} basins"
            coherence.plot(n, values, marker="s", markersize=4, linestyle=":", color=colour, label=label)
        coherence.set(ylabel="spatial correlation (–)", xlabel="training basins (–)")
        low, _ = coherence.get_ylim()
        coherence.set_ylim(low - 0.6 * (1.0 - low), 1.02)
        coherence.set_title("coherence of what is not trained on, held-out basins", loc="left")
        for ax in (nse, kge, cost, coherence):
            ax.set_xscale("log", base=2)
            ax.set_xticks(n, [str(k) for k in n])
            ax.minorticks_off()
            ax.tick_params(labelbottom=True)
        for ax in (nse, kge, cost):
            ax.legend(loc="best")
        coherence.legend(loc="lower right", ncols=2, fontsize=7)
    return figure


def _skill(ax: Axes, n: np.ndarray, points: Sequence[Point], score: str) -> None:
    """Bars reach from quartile to quartile; what lies below `WORST_SHOWN` is cut off."""
    for part, label, colour, beside in (
        ("trained_on", "training basins", ORANGE, 0.98), ("held_out", "held-out basins", BLUE, 1.02)
    ):  # fmt: skip
        summaries = [getattr(p, part) for p in points]
        median = np.array([_number(s["median"][score]) for s in summaries])
        low, high = np.array([[_number(v) for v in s["quartiles"][score]] for s in summaries]).T
        # Beside each other, so that the bars of both are seen.
        ax.errorbar(
            beside * n,
            median,
            (median - low, high - median),
            marker="o",
            color=colour,
            capsize=3,
            label=label,
        )
    ax.set(
        ylabel=f"{score.upper()} (–)",
        xlabel="training basins (–)",
        ylim=(max(WORST_SHOWN, ax.get_ylim()[0]), 1),
    )
    ax.set_title(f"skill in the test period: {score.upper()}, median and quartiles", loc="left")


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _r(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"
