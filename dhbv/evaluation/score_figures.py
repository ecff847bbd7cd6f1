"""Figures of scores over basins: their distribution, where they lie, one model against another.

Each function without an `ax` returns a `matplotlib.figure.Figure` in the style of `dhbv.evaluation.style`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dhbv.evaluation.style import BLACK, BLUE, GREEN, GREY, LINES, ORANGE, VERMILLION, or_dash, styled

CROWDED = 200
"""Basins on a map above which points are small."""

WORST_SHOWN = -0.2
"""NSE below which nothing is told apart: as far as axes of NSE go."""


@styled
def score_cdf(scores: Mapping[str, pd.Series], score: str = "nse") -> Figure:
    """Share of basins with at most a given score, a line for each model; cut off left of `WORST_SHOWN`.

    Args:
        scores: by label, the score of each basin; NaN are left out and not counted.
        score: which it is, `nse` or `kge`.
    """
    beside = len(scores) > len(LINES)
    figure = Figure(figsize=(8 if beside else 5, 4), layout="constrained")
    draw_cdf(figure.subplots(), scores, score, beside=beside)
    return figure


@styled
def basin_map(
    lat: pd.Series, lon: pd.Series, values: pd.Series, label: str, *, skewed: bool = False
) -> Figure:
    """Basins where they lie, coloured by a value; those without one as hollow circles.

    Args:
        lat, lon: degrees north and east, index basin.
        values: index basin; basins without a place are left out.
        label: of the colour bar, with its unit.
        skewed: whether colours follow the root of the values, which are not below 0, so that a few large ones do not
            make all others look the same.
    """
    figure = Figure(figsize=(7, _map_height(lat, lon)), layout="constrained")
    draw_map(figure.subplots(), lat, lon, values, label, skewed=skewed)
    return figure


@styled
def scorecard(
    challenger: pd.Series,
    champion: pd.Series | None,
    held_out: pd.Series,
    gains: pd.DataFrame,
    title: str,
) -> Figure:
    """A challenge at a glance: NSE of both models basin by basin, over all basins, and the gains' intervals.

    Args:
        challenger: NSE, index basin; NaN where there is none.
        champion: the same; None draws the challenger alone.
        held_out: True for basins held out from training, drawn as diamonds; index basin.
        gains: a row a comparison, labelled as it shall be; columns lower, gain and upper, the unit of
            the score. Infinite ends are drawn to the edge, rows without a gain not at all.
        title: of the whole.
    """
    if champion is None:
        figure = Figure(figsize=(5, 4), layout="constrained")
        draw_cdf(figure.subplots(), {"challenger": challenger})
    else:
        figure = Figure(figsize=(13, 4.2), layout="constrained")
        left, middle, right = figure.subplots(1, 3, width_ratios=(1, 1.1, 1.1))
        _draw_pairs(left, champion, challenger, held_out)
        draw_cdf(middle, {"challenger": challenger, "champion": champion})
        _draw_gains(right, gains.dropna(subset="gain"))
    figure.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    return figure


def draw_cdf(ax: Axes, scores: Mapping[str, pd.Series], score: str = "nse", *, beside: bool = False) -> None:
    """`beside`: the legend stands right of the panel, where many lines leave no room in it."""
    for i, (label, series) in enumerate(scores.items()):
        values = np.sort(series.dropna().to_numpy(float))
        share = np.arange(1, len(values) + 1) / max(len(values), 1)
        name = f"{label}: {or_dash(series.median())} ({len(values)})"
        # The two ends carry each curve to the edges of the panel.
        x, y = np.r_[-1e9, values, 1.0], np.r_[0.0, share, 1.0 if len(values) else 0.0]
        again, colour = divmod(i, len(LINES))
        dashes = ("-", "--", ":")[again % 3]
        ax.step(x, y, where="post", color=LINES[colour], linestyle=dashes, label=name)
    name = score.upper()
    ax.set(xlim=(WORST_SHOWN, 1.0), ylim=(0.0, 1.0), xlabel=f"{name} (–)", ylabel="share of basins (–)")
    ax.legend(
        loc="upper left", title=f"median {name} (basins)", alignment="left", handlelength=1.6 if beside else 1.2,
        bbox_to_anchor=(1.02, 1.0) if beside else None, borderaxespad=0.0 if beside else None,
    )  # fmt: skip


def draw_map(
    ax: Axes,
    lat: pd.Series,
    lon: pd.Series,
    values: pd.Series,
    label: str,
    limits: tuple[float, float] | None = None,
    *,
    skewed: bool = False,
) -> None:
    """`limits`: of the colour scale, else the 2nd and 98th percentile of the values."""
    basins = pd.DataFrame({"lat": lat, "lon": lon, "value": values}).dropna(subset=["lat", "lon"])
    known, unknown = basins[basins.value.notna()], basins[basins.value.isna()]
    size = 14 if len(basins) > CROWDED else 30
    ax.scatter(unknown.lon, unknown.lat, s=size, facecolors="none", edgecolors=GREY, linewidths=0.6)
    if len(known):
        low, high = limits or (float(known.value.quantile(0.02)), float(known.value.quantile(0.98)))
        below, above = bool((known.value < low).any()), bool((known.value > high).any())
        norm = PowerNorm(0.5, low, high) if skewed else Normalize(low, high)
        points = ax.scatter(
            known.lon,
            known.lat,
            c=known.value,
            s=size,
            norm=norm,
            cmap="viridis",
            edgecolors=BLACK,
            linewidths=0.2,
        )
        extend = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]
        ax.figure.colorbar(
            points, ax=ax, label=label, orientation="horizontal", extend=extend, aspect=35, pad=0.03
        )
    # A degree of longitude is shorter than one of latitude: right in the middle of the map.
    middle = basins.lat.mean() if len(basins) else 0.0
    ax.set_aspect(1.0 / np.cos(np.deg2rad(middle)), adjustable="datalim")
    # Steps of 2.5 would widen labels after the layout has made room for them.
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    ax.set(xlabel="longitude (°E)", ylabel="latitude (°N)")


def _draw_pairs(ax: Axes, champion: pd.Series, challenger: pd.Series, held_out: pd.Series) -> None:
    """Points above the line gain; what lies below `WORST_SHOWN` is drawn at the edge."""
    ax.plot((WORST_SHOWN, 1.0), (WORST_SHOWN, 1.0), color=GREY, linewidth=0.8, linestyle="--")
    both = champion.notna() & challenger.notna()
    for label, marker, colour, chosen in (
        ("not held out", "o", BLUE, both & ~held_out),
        ("held out", "D", ORANGE, both & held_out),
    ):
        x, y = (scores[chosen].clip(lower=WORST_SHOWN) for scores in (champion, challenger))
        name = f"{label} ({int(chosen.sum())})"
        ax.scatter(
            x, y, s=14, marker=marker, color=colour, alpha=0.6, linewidths=0, label=name, clip_on=False
        )
    ax.set(
        xlim=(WORST_SHOWN, 1.0),
        ylim=(WORST_SHOWN, 1.0),
        xlabel="NSE of champion (–)",
        ylabel="NSE of challenger (–)",
    )
    ax.set_aspect("equal")
    better = int((challenger > champion)[both].sum())
    ax.set_title(f"better in {better} of {int(both.sum())} basins", loc="left")
    ax.legend(loc="upper left", title="basins", alignment="left", handletextpad=0.2)


def _draw_gains(ax: Axes, gains: pd.DataFrame) -> None:
    """Intervals from the first comparison at the top down; green above 0, red below, grey across."""
    finite = gains.replace([np.inf, -np.inf], np.nan)
    widest = float(finite.abs().max().max()) if finite.notna().any().any() else 0.0
    edge = 1.15 * widest or 1.0
    ax.axvline(0.0, color=BLACK, linewidth=0.8)
    for n, row in enumerate(gains[["lower", "gain", "upper"]].to_numpy(float)):
        lower, gain, upper = np.clip(row, -edge, edge)
        colour, marker = (GREEN, "^") if lower > 0.0 else (VERMILLION, "v") if upper < 0.0 else (GREY, "o")
        ax.plot((lower, upper), (n, n), color=colour, linewidth=2.5, solid_capstyle="butt")
        ax.plot(gain, n, marker=marker, color=colour, markersize=7)
    ax.set_yticks(range(len(gains)), [str(label) for label in gains.index])
    ax.set(xlim=(-edge, edge), ylim=(max(len(gains), 1) - 0.5, -0.5), xlabel="median gain over basins (–)")
    ax.set_title("challenger − champion, with interval", loc="left")


def _map_height(lat: pd.Series, lon: pd.Series) -> float:
    """Of a figure 7 inches wide, so that a tall region is not a strip in its middle."""
    places = pd.DataFrame({"lat": lat, "lon": lon}).dropna()
    if len(places) < 2:
        return 4.0
    high = float(np.ptp(places.lat))
    wide = float(np.ptp(places.lon) * np.cos(np.deg2rad(places.lat.mean())))
    return 1.2 + float(np.clip(6.0 * high / max(wide, 1e-6), 2.8, 5.5))
