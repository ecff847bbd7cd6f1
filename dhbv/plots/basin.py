"""One basin at a glance: rain, flow by its parts, stores, evaporation, parameters, and what is forecast with its spread."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from dhbv.errors import DhbvError
from dhbv.evaluation.figures import COMPONENTS, DYNAMIC
from dhbv.evaluation.scores import score_basins
from dhbv.evaluation.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    HALF_A_DAY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    axis_label,
    date_axis,
    or_dash,
    styled,
    time_limits,
    unit_label,
)  # fmt: skip


class Line(NamedTuple):
    """A variable in a panel."""

    name: str
    colour: str
    label: str


class Panel(NamedTuple):
    """What is drawn together, against one axis."""

    heading: str
    """Of the axis; its unit is added."""
    lines: tuple[Line, ...]
    height: float = 1.0


FLOW = "runoff"
_SHAPES = {"beta": "shape of the\nsoil runoff curve", "gamma": "shape of the\nevaporation curve"}
PANELS = (
    Panel("precipitation", (Line("prcp", GREY, ""),), 0.8),
    Panel("flow", (Line(FLOW, PURPLE, ""),), 2.4),
    Panel("SWE", (Line("swe", SKY, ""),), 0.8),
    Panel("soil water", (Line("soil_water", GREEN, ""),), 0.8),
    Panel("zones", (Line("upper_zone", ORANGE, "upper zone"), Line("lower_zone", BLUE, "lower zone")), 0.9),
    Panel("evaporation", (Line("pet", GREY, "potential"), Line("et", VERMILLION, "actual")), 0.9),
    *(Panel("", (Line(name, colour, _SHAPES[name]),), 0.7) for name, colour in DYNAMIC.items()),
)  # fmt: skip
"""From the top; the heading names a single line. β and γ have panels of their own, named by their symbols."""

VARIABLES = tuple(dict.fromkeys((*COMPONENTS, *(line.name for panel in PANELS for line in panel.lines))))
"""What `draw` shows of a basin."""

MADE_BY = "made_by"
"""Of an archive: which version made the values of each day, see `dhbv.fluxes.open`."""
_NAMED = 12
"""Characters of the weights' sha256 that name a version."""
_ROOM = 0.14
"""Of the width: what the name of a version takes; changes closer together than that stay without one."""


@styled
def draw(
    basin: str,
    past: xr.Dataset | None = None,
    ahead: xr.Dataset | None = None,
    observed: xr.DataArray | None = None,
) -> Figure:
    """Days that were run, and those ahead, of one basin.

    Args:
        basin: which one.
        past: `VARIABLES` [basin, time], in the units of the variable table; where it tells `made_by`, a line stands
            where other weights took over.
        ahead: the same of a forecast, [basin, time] or [quantile, basin, time]; drawn from its first day on, shaded.
        observed: flow [basin, time], mm d-1; None or without the basin where the river is ungauged.

    Raises:
        DhbvError: if there is neither, or the basin is in none of them.
    """
    days, coming = (None if ds is None else _of(ds, basin) for ds in (past, ahead))
    if days is not None:
        end = None if coming is None else coming.time.values[0]
        days = _known(days, end)
    if days is None and coming is None:
        raise DhbvError(f"basin {basin}: neither days that were run nor a forecast of it are there to draw")
    figure = Figure(figsize=(11, 11.5), layout="constrained")
    axes = figure.subplots(len(PANELS), 1, sharex=True, height_ratios=[p.height for p in PANELS])
    score = ""
    for ax, panel in zip(axes, PANELS, strict=True):
        if panel.lines[0].name == FLOW:
            score = _flow(ax, days, coming, observed, basin)
        else:
            _panel(ax, panel, days, coming)
        ax.set_ylabel(_heading(panel))
        if ax.get_legend_handles_labels()[1]:
            ax.legend(loc="upper left", bbox_to_anchor=(1.005, 1.04), borderaxespad=0.0)
    axes[0].invert_yaxis()
    if days is not None:
        _versions(axes, days)
    time = np.concatenate([ds.time.values for ds in (days, coming) if ds is not None])
    axes[-1].set_xlim(*time_limits(time))
    date_axis(axes[-1])
    if coming is not None:
        for ax in axes:
            ax.axvspan(
                time_limits(coming.time.values)[0],
                time_limits(time)[1],
                color="#F2F2F2",
                zorder=-5,
                linewidth=0,
            )
    issued = "" if coming is None else f"; shaded: forecast from {str(coming.time.values[0])[:10]} on"
    heading = ", ".join(part for part in (f"basin {basin}", score) if part)
    axes[0].set_title(f"{heading}{issued}", loc="left")
    figure.align_ylabels()
    return figure


def _of(ds: xr.Dataset, basin: str) -> xr.Dataset:
    if basin not in ds.indexes["basin"]:
        raise DhbvError(f"basin {basin} is not among the {ds.sizes['basin']} basins to draw")
    absent = [name for name in VARIABLES if name not in ds]
    if absent:
        raise DhbvError(f"basin {basin}: no {', '.join(absent)} to draw: write the run with all outputs")
    made_by = [MADE_BY] if MADE_BY in ds else []
    return ds[[*VARIABLES, *made_by]].sel(basin=basin)


def _known(days: xr.Dataset, end: Any) -> xr.Dataset | None:
    """Days before `end` from the first that was run to the last; None if there are none."""
    run = np.isfinite(days[FLOW].values) & (True if end is None else days.time.values < end)
    there = np.flatnonzero(run)
    return days.isel(time=slice(there[0], there[-1] + 1)) if len(there) else None


def changes(days: xr.Dataset) -> list[tuple[np.datetime64, str]]:
    """Days from which on another version made the values, and the beginning of its weights' sha256.

    Days that nobody made stand for no change.
    """
    if MADE_BY not in days:
        return []
    made = days[MADE_BY]
    names = dict(zip(made.attrs["flag_values"], made.attrs["flag_meanings"].split(), strict=True))
    there = made.values[made.values > 0]
    time = days.time.values[made.values > 0]
    at = 1 + np.flatnonzero(there[1:] != there[:-1])
    # An id ends with the beginning of the sha256; weights of no registry are told by all of it.
    return [(time[k], names[there[k]].rpartition("-")[2][:_NAMED]) for k in at]


def _versions(axes: Sequence[Axes], days: xr.Dataset) -> None:
    """A thin line through all panels where the version changes, named in the first one."""
    low, high = time_limits(days.time.values)
    room, free = _ROOM * (high - low), low
    for day, name in changes(days):
        at = day - HALF_A_DAY
        for ax in axes:
            ax.axvline(date2num(at), color=BLACK, linewidth=0.7, linestyle=":", zorder=3)
        left = at + room <= high
        begin = at if left else at - room
        if begin >= free:
            axes[0].annotate(
                f"weights {name}", (at, 0.06), xycoords=("data", "axes fraction"), textcoords="offset points",
                xytext=(3 if left else -3, 0), ha="left" if left else "right", fontsize=7,
            )  # fmt: skip
            free = begin + room


def _heading(panel: Panel) -> str:
    name = panel.lines[0].name
    return f"{panel.heading}\n({unit_label(name)})" if panel.heading else axis_label(name)


def _panel(ax: Axes, panel: Panel, days: xr.Dataset | None, coming: xr.Dataset | None) -> None:
    for line in panel.lines:
        rain = line.name == "prcp"
        if days is not None:
            time, values = days.time.values, days[line.name].values
            if rain:
                # Steps look like a bar a day and, over decades, draw much faster.
                ax.fill_between(
                    time, values, step="mid", color=line.colour, linewidth=0, label=line.label or None
                )
            else:
                ax.plot(time, values, color=line.colour, label=line.label or None)
        if coming is not None:
            known = days is not None
            _spread(ax, coming, line, "" if known else line.label, steps=rain)
    # A parameter that never changes would fill the panel with rounding.
    if not panel.heading:
        low, high = ax.get_ylim()
        ax.set_ylim(min(low, high - 0.2), high)
    else:
        ax.set_ylim(bottom=0.0)


def _flow(
    ax: Axes,
    days: xr.Dataset | None,
    coming: xr.Dataset | None,
    observed: xr.DataArray | None,
    basin: str,
) -> str:
    """Flow by its parts, observed, and ahead; gives the score of the days that were run, in words."""
    score = ""
    stacked = days
    if stacked is None and coming is not None and "quantile" not in coming.dims:
        stacked = coming
    if stacked is not None:
        parts = [stacked[name].values for name in COMPONENTS]
        labels = [name.replace("_", " ") for name in COMPONENTS]
        ax.stackplot(
            stacked.time.values, *parts, labels=labels, colors=list(COMPONENTS.values()), linewidth=0
        )
    if coming is not None:
        _spread(ax, coming, Line(FLOW, PURPLE, ""), "forecast", told=True)
    if observed is not None and basin in observed.indexes["basin"]:
        time = np.concatenate([ds.time.values for ds in (days, coming) if ds is not None])
        flow = observed.sel(basin=[basin]).reindex(time=pd.DatetimeIndex(time))
        ax.plot(time, flow.values.squeeze(0), color=BLACK, linewidth=0.9, label="observed")
        if days is not None:
            simulated = days[FLOW].expand_dims(basin=[basin])
            both = flow.sel(time=days.indexes["time"]).where(np.isfinite(simulated.values))
            nse = float(score_basins(both, simulated).nse.iloc[0])
            score = f"NSE {or_dash(nse)} over the days run"
    ax.set_ylim(bottom=0.0)
    return score


def _spread(
    ax: Axes, coming: xr.Dataset, line: Line, label: str, *, told: bool = False, steps: bool = False
) -> None:
    """A forecast as the median, and what lies between each pair of quantiles; `told` names the pairs."""
    time, values = coming.time.values, coming[line.name]
    drawn = partial(
        ax.plot,
        color=line.colour,
        linestyle=(0, (4, 1.5)),
        linewidth=1.6,
        drawstyle="steps-mid" if steps else "default",
    )
    if "quantile" not in values.dims:
        drawn(time, values.values, label=label or None)
        return
    levels, at = values["quantile"].values, middle(values)
    for k in range(len(levels) // 2):
        low, high = levels[k], levels[-1 - k]
        name = f"{100 * low:g}–{100 * high:g} % of members" if told else None
        ax.fill_between(
            time, values.isel(quantile=k).values, values.isel(quantile=-1 - k).values, color=line.colour,
            alpha=0.18 + 0.25 * k, linewidth=0, label=name, step="mid" if steps else None,
        )  # fmt: skip
    drawn(time, values.isel(quantile=at).values, label=f"{label}, {level_of(values)}" if label else None)


def middle(values: xr.DataArray) -> int:
    """The position of the quantile nearest to the median, which need be neither there nor in the middle."""
    return int(np.abs(values["quantile"].values - 0.5).argmin())


def level_of(values: xr.DataArray) -> str:
    """What the quantile at `middle` is called."""
    level = values["quantile"].values[middle(values)]
    return "median" if np.isclose(level, 0.5) else f"{100 * level:g} %"
