"""What all figures share: colours, fonts, labels with units, dates, and how a figure becomes a file.

Figures are `matplotlib.figure.Figure`, which leave pyplot's global state alone, so they work without a display and
side by side. Colours: Okabe & Ito (2008), told apart by colour-blind readers too.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from PIL import Image

from dhbv.physics.variables import VARIABLES

BLACK, ORANGE, SKY, GREEN, BLUE, VERMILLION, PURPLE, GREY = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#7F7F7F",
)  # fmt: skip
LINES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, BLACK)

SYMBOLS = {"beta": "β$_t$", "gamma": "γ$_t$", "swe": "SWE", "et": "ET"}

STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E5E5E5",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.2,
}

HALF_A_DAY = np.timedelta64(12, "h")

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in our style, whatever the caller's settings."""

    @wraps(draw)
    def in_style(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with style.context(["default", STYLE]):
            return draw(*args, **kwargs)

    return in_style


def save(figure: Figure, path: str | Path, dpi: int = 100, *, palette: bool = True) -> Path:
    """Write the figure in the format that the suffix of `path` names; make its folder where needed.

    `palette` is of `png`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() == ".png":
        path.write_bytes(png(figure, dpi, palette=palette))
    else:
        figure.savefig(path, dpi=dpi)
    return path


def png(figure: Figure, dpi: int = 100, *, palette: bool = True) -> bytes:
    """The figure as a PNG, with a `palette` of 256 colours: a third of the bytes, and hardly a difference to see.

    Where areas shine through each other 256 are too few, and what is drawn no longer looks as its legend.
    """
    with io.BytesIO() as full, io.BytesIO() as packed:
        figure.savefig(full, format="png", dpi=dpi)
        picture = Image.open(full).convert("RGB")
        if palette:
            picture = picture.quantize(256, Image.Quantize.MAXCOVERAGE)
        picture.save(packed, format="png", optimize=palette, dpi=(dpi, dpi))
        return packed.getvalue()


def axis_label(name: str) -> str:
    """Name and unit of a row of the variable table, as an axis has them."""
    return f"{SYMBOLS.get(name) or name.replace('_', ' ')} ({unit_label(name)})"


def unit_label(name: str) -> str:
    """The unit of a row of the variable table, as an axis has it."""
    return written(VARIABLES[name].unit)


def written(unit: str) -> str:
    """A udunits string as it is read."""
    return "–" if unit == "1" else unit.replace("-1", "$^{-1}$")


def or_dash(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


def time_limits(time: np.ndarray) -> tuple[Any, Any]:
    """Half a day beyond the first and last, so that one day alone has a width."""
    return time[0] - HALF_A_DAY, time[-1] + HALF_A_DAY


def date_axis(ax: Axes) -> None:
    locator = AutoDateLocator(minticks=4, maxticks=14)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    ax.set_xlabel("date")


def headroom(ax: Axes, share: float = 0.15) -> None:
    """Room above the data for a legend."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + share * (high - low))
