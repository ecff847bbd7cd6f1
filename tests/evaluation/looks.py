"""What can be told of a figure without looking: units at every axis, no text on text, nothing cut off, safe colours."""

from __future__ import annotations

import itertools
import re

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from dhbv.evaluation import style

SAFE = {
    c.lower()
    for c in (
        style.BLACK, style.ORANGE, style.SKY, style.GREEN, style.BLUE, style.VERMILLION, style.PURPLE, style.GREY
    )
}  # fmt: skip
"""Okabe & Ito."""
_TOUCHING = 1.0
"""Pixels by which boxes may overlap: they are drawn around more than ink."""


def check(figure: Figure) -> None:
    """Raise an AssertionError that says what is wrong."""
    FigureCanvasAgg(figure).draw()
    for ax in figure.axes:
        _check_labels(ax)
        _check_colours(ax)
    found = [(text, _box(text, figure)) for text in _texts(figure)]
    width, height = figure.bbox.width, figure.bbox.height
    for text, box in found:
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        assert inside, f"{text.get_text()!r} is cut off: {box}"
    for (a, box), (b, other) in itertools.combinations(found, 2):
        common = Bbox.intersection(box, other)
        overlap = common is not None and common.width > _TOUCHING and common.height > _TOUCHING
        assert not overlap, f"{a.get_text()!r} lies on {b.get_text()!r}"


def legend(figure: Figure, panel: int = -1) -> list[str]:
    """Its entries."""
    found = figure.axes[panel].get_legend()
    assert found is not None
    return [text.get_text() for text in found.get_texts()]


def _check_labels(ax: Axes) -> None:
    for axis, on, label in (
        (ax.yaxis, "labelleft", ax.get_ylabel()), (ax.xaxis, "labelbottom", ax.get_xlabel())
    ):  # fmt: skip
        if axis.get_tick_params().get(on) and _labels(axis):
            assert re.search(r"^date$|^month of the year$|\w.*\n?\(.+\)", label), (
                f"axis {label!r} without a name or a unit"
            )


def _check_colours(ax: Axes) -> None:
    lines = {to_hex(line.get_color()) for line in ax.lines}
    plain = [c for c in ax.collections if c.get_array() is None]
    areas = {to_hex(c.get_facecolor()[0][:3]) for c in plain if len(c.get_facecolor()) == 1}
    assert lines | areas <= SAFE, f"{(lines | areas) - SAFE} are not told apart by everybody"


def _texts(figure: Figure) -> list[Text]:
    found = [*figure.texts]
    for ax in figure.axes:
        found += [ax.title, ax._left_title, ax._right_title, ax.xaxis.label, ax.yaxis.label]  # type: ignore[attr-defined]
        found += [
            ax.xaxis.get_offset_text(),
            ax.yaxis.get_offset_text(),
            *_labels(ax.xaxis),
            *_labels(ax.yaxis),
        ]
        legend = ax.get_legend()
        found += [] if legend is None else legend.get_texts()
    return [t for t in found if t.get_visible() and t.get_text().strip()]


def _labels(axis: Axis) -> list[Text]:
    """Of ticks that are drawn: within the view, and switched on."""
    low, high = sorted(axis.get_view_interval())
    slack = 1e-9 * (high - low)
    shown = axis.get_tick_params()
    if not (
        shown.get("labelbottom") or shown.get("labelleft") or shown.get("labeltop") or shown.get("labelright")
    ):
        return []
    return [
        tick.label1
        for tick in axis.get_major_ticks()
        if low - slack <= tick.get_loc() <= high + slack
        and tick.label1.get_visible()
        and tick.label1.get_text()
    ]


def _box(text: Text, figure: Figure) -> Bbox:
    return text.get_window_extent(figure.canvas.get_renderer())  # type: ignore[attr-defined]
