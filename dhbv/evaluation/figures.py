"""Figures of flow, stores and parameters, and of all of it with its scores.

Each function returns a `matplotlib.figure.Figure` in the style of `dhbv.evaluation.style`. Fluxes come as a dataset of
dimensions basin and time with the names and units of `dhbv.physics.variables`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dhbv.errors import DhbvError
from dhbv.evaluation.score_figures import draw_cdf, draw_map
from dhbv.evaluation.scores import score_basins, spatial_correlation
from dhbv.evaluation.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    SYMBOLS,
    VERMILLION,
    axis_label,
    date_axis,
    headroom,
    or_dash,
    styled,
    time_limits,
    unit_label,
)
from dhbv.physics.variables import VARIABLES

COMPONENTS = {"baseflow": BLUE, "interflow": SKY, "surface_runoff": ORANGE}
"""Parts of runoff from the slowest up, in the order they are stacked."""

STORES = {"swe": SKY, "soil_water": GREEN, "upper_zone": ORANGE, "lower_zone": BLUE}
DYNAMIC = {"beta": GREEN, "gamma": PURPLE}
RECOVERED = ("beta", "gamma", "et", "baseflow", "swe", "soil_water")


@styled
def hydrograph(fluxes: xr.Dataset, observed: xr.DataArray | None, basin: str) -> Figure:
    """Precipitation from above, simulated flow by its parts from below, observed flow as a line.

    Args:
        fluxes: prcp, surface_runoff, interflow, baseflow and runoff, mm d-1, the days to draw.
        observed: mm d-1, dimensions basin and time; other days and basins are ignored. None where the
            river is ungauged.
        basin: which one.
    """
    figure = Figure(figsize=(9, 5), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(1, 3))
    _draw_hydrograph(top, bottom, fluxes, observed, basin)
    return figure


@styled
def stores_and_fluxes(fluxes: xr.Dataset, basin: str) -> Figure:
    """Water held as snow, in the soil and in both zones below, and evaporation against its potential.

    Args:
        fluxes: swe, soil_water, upper_zone and lower_zone in mm; et and pet in mm d-1.
        basin: which one.
    """
    days = _basin(fluxes, basin)
    figure = Figure(figsize=(9, 8), layout="constrained")
    axes = figure.subplots(len(STORES) + 1, 1, sharex=True)
    for ax, (name, colour) in zip(axes, STORES.items(), strict=False):
        ax.fill_between(days.time.values, days[name].values, color=colour, alpha=0.3, linewidth=0)
        ax.plot(days.time.values, days[name].values, color=colour)
        ax.set(ylabel=axis_label(name), ylim=(0, None))
    last = axes[-1]
    last.plot(days.time.values, days.pet.values, color=GREY, label="potential")
    last.plot(days.time.values, days.et.values, color=VERMILLION, label="actual")
    last.set(ylabel=f"evaporation\n({unit_label('et')})", ylim=(0, None), xlim=time_limits(days.time.values))
    headroom(last)
    last.legend(loc="upper right", ncols=2)
    date_axis(last)
    axes[0].set_title(f"basin {basin}: water held, and evaporation", loc="left")
    figure.align_ylabels()
    return figure


@styled
def dynamic_parameters(fluxes: xr.Dataset, truth: xr.Dataset | None = None) -> Figure:
    """βt and γt through the year: median and quartiles over basins and years.

    Args:
        fluxes: beta, gamma or both.
        truth: the same of a twin experiment, drawn over the simulated ones.

    Raises:
        DhbvError: neither is there.
    """
    names = _present(DYNAMIC, fluxes)
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    for ax, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        _draw_season(ax, fluxes[name], DYNAMIC[name], "simulated")
        if truth is not None and name in truth:
            _, median, _ = _by_day_of_year(truth[name])
            ax.plot(np.arange(1, 366), median, color=BLACK, linestyle="--", label="truth, median")
        ax.set_title(f"{SYMBOLS[name]}: {VARIABLES[name].description.split(',')[0]}", loc="left")
        headroom(ax)
        ax.legend(loc="upper right", ncols=2)
    return figure


@styled
def recovery(fluxes: xr.Dataset, truth: xr.Dataset) -> Figure:
    """Twin experiment: mean of each basin, simulated against true, with r and the line of equality.

    Args:
        fluxes, truth: what both have of beta, gamma, et, baseflow, swe and soil_water; their
            common basins and days count.

    Raises:
        DhbvError: they share none of these.
    """
    names = _present(RECOVERED, fluxes, truth)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(3 * columns, 2.9 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flat
    for ax, name in zip(panels, names, strict=False):
        pair = xr.align(truth[name], fluxes[name], join="inner")
        true, simulated = (values.mean("time").to_series() for values in pair)
        ends = _common_limits(true, simulated)
        ax.plot(ends, ends, color=GREY, linewidth=0.8, linestyle="--")
        ax.scatter(true, simulated, s=12, color=DYNAMIC.get(name, BLUE), alpha=0.7, linewidths=0)
        ax.set(
            xlabel=f"true {axis_label(name)}", ylabel=f"simulated {axis_label(name)}", xlim=ends, ylim=ends
        )
        ax.set_aspect("equal")
        ax.set_title(f"r = {or_dash(spatial_correlation(true, simulated))}", loc="left")
    for ax in list(panels):
        ax.remove()
    return figure


@styled
def overview(
    fluxes: xr.Dataset,
    observed: xr.DataArray,
    scores_by_label: Mapping[str, pd.Series],
    basin: str,
    lat: pd.Series,
    lon: pd.Series,
    period: slice | None = None,
) -> Figure:
    """One picture of the whole: a year of flow, NSE of every basin, βt and γt through the year, a map.

    Args:
        fluxes: as for `hydrograph`, with beta, gamma or both, all basins.
        observed: mm d-1, dimensions basin and time.
        scores_by_label: NSE of each basin by model; the first is the model of `fluxes`, and is mapped.
        basin: whose flow is drawn.
        lat, lon: degrees north and east, index basin.
        period: days of the hydrograph, as `slice("1995-10-01", "1996-09-30")`; the last 365 by default.
    """
    year = fluxes.isel(time=slice(-365, None)) if period is None else fluxes.sel(time=period)
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    upper, lower = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.15, 1), hspace=0.03)[:, 0]
    top, bottom = upper.subplots(2, 1, sharex=True, height_ratios=(1, 3))
    _draw_hydrograph(top, bottom, year, observed, basin)

    left, middle, right = lower.subfigures(1, 3, squeeze=False, width_ratios=(1, 1.05, 1.35), wspace=0.02)[0]
    ax = left.subplots()
    draw_cdf(ax, scores_by_label)
    ax.set_title("skill over basins", loc="left")

    names = _present(DYNAMIC, fluxes)
    panels = middle.subplots(len(names), 1, sharex=True, squeeze=False)[:, 0]
    for ax, name in zip(panels, names, strict=True):
        _draw_season(ax, fluxes[name], DYNAMIC[name])
        ax.label_outer()
    middle.align_ylabels(panels)
    panels[0].set_title("parameters that follow the weather", loc="left")

    ax = right.subplots()
    label, nse = next(iter(scores_by_label.items()))
    draw_map(ax, lat, lon, nse, "NSE (–)", limits=(0.0, 1.0))
    ax.set_title(f"where it works: {label}", loc="left")
    return figure


def _draw_hydrograph(
    top: Axes, bottom: Axes, fluxes: xr.Dataset, observed: xr.DataArray | None, basin: str
) -> None:
    days = _basin(fluxes, basin)
    time = days.time.values
    # Steps look like a bar a day and, over decades, draw much faster.
    top.fill_between(time, days.prcp.values, step="mid", color=GREY, linewidth=0)
    top.set_ylabel(f"precipitation\n({unit_label('prcp')})")
    top.set_ylim(bottom=0.0)
    top.invert_yaxis()
    top.tick_params(axis="x", length=0)
    top.spines["bottom"].set_visible(False)

    parts = [days[name].values for name in COMPONENTS]
    names = [name.replace("_", " ") for name in COMPONENTS]
    bottom.stackplot(time, *parts, labels=names, colors=list(COMPONENTS.values()), linewidth=0)
    score = float("nan")
    if observed is not None and basin in observed.indexes["basin"]:
        flow = observed.sel(basin=[basin]).reindex(time=days.indexes["time"])
        bottom.plot(time, flow.values.squeeze(), color=BLACK, linewidth=0.9, label="observed")
        score = float(score_basins(flow, fluxes.runoff.sel(basin=[basin])).nse.iloc[0])
    bottom.set(ylabel=f"flow ({unit_label('runoff')})", ylim=(0, None), xlim=time_limits(time))
    bottom.legend(loc="upper right", ncols=4)
    headroom(bottom)
    date_axis(bottom)
    top.set_title(f"basin {basin}, NSE {or_dash(score)} over these days", loc="left")


def _draw_season(ax: Axes, values: xr.DataArray, colour: str, label: str | None = None) -> None:
    """`label` None: no legend."""
    low, median, high = _by_day_of_year(values)
    days = np.arange(1, 366)
    band, line = ("_", "_") if label is None else (f"{label}, quartiles", f"{label}, median")
    ax.fill_between(days, low, high, color=colour, alpha=0.25, linewidth=0, label=band)
    ax.plot(days, median, color=colour, label=line)
    starts = pd.date_range("2001-01-01", periods=12, freq="MS")
    ax.set_xticks(starts.day_of_year, [name[0] for name in starts.month_name()])
    ax.set(xlim=(1, 365), xlabel="month of the year", ylabel=f"{SYMBOLS[str(values.name)]} (–)")


def _by_day_of_year(values: xr.DataArray) -> np.ndarray:
    """Quartiles over basins and years for days 1 to 365, [3, 365]; a leap year's last day is left out."""
    rows = values.transpose("time", "basin").values
    day = values.indexes["time"].day_of_year
    quartiles = np.full((3, 365), np.nan)
    for n in range(365):
        if len(found := rows[day == n + 1]) and np.isfinite(found).any():
            quartiles[:, n] = np.nanpercentile(found, (25, 50, 75))
    return quartiles


def _basin(fluxes: xr.Dataset, basin: str) -> xr.Dataset:
    if basin not in fluxes.indexes["basin"]:
        raise DhbvError(f"basin {basin} is not among the {fluxes.sizes['basin']} basins of these fluxes")
    return fluxes.sel(basin=basin)


def _present(wanted: Mapping[str, str] | tuple[str, ...], *data: xr.Dataset) -> list[str]:
    found = [name for name in wanted if all(name in one for one in data)]
    if not found:
        raise DhbvError(f"this figure needs at least one of {', '.join(wanted)}; the fluxes have none")
    return found


def _common_limits(*values: pd.Series) -> tuple[float, float]:
    """What holds all values, with a margin that is never nothing."""
    finite = pd.concat(values).replace([np.inf, -np.inf], np.nan).dropna()
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin
