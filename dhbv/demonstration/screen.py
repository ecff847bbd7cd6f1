"""What the demo tells, on one screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dhbv.demonstration.loop import short
from dhbv.demonstration.product import RECOVERED

_SCORES = {"nse": "NSE", "kge": "KGE", "relative_bias": "bias (%)", "fhv": "bias of high flow, FHV (%)"}

_COMMANDS = {
    "dhbv registry list --registry {0}/registry": "versions and scores; ● serves",
    "dhbv registry rollback --registry {0}/registry --why '…'": "takes the last promotion back",
    "less {0}/registry/versions/*/scorecard.md": "why each was promoted or rejected",
    "less {0}/reports/*.txt": "what the quality gate found",
    "ls {0}/forecasts/cycles": "every forecast, and record.json: weights, state, weather, flags",
    "PREFECT_HOME={0}/prefect prefect server start": "every run and its pages, http://127.0.0.1:4200",
}
"""Where to look, by what is typed."""


def render(summary: dict[str, Any]) -> Group:
    """The summary as one screen."""
    return Group(*_parts(summary))


def _parts(summary: dict[str, Any]) -> Iterator[RenderableType]:
    if summary["loop"] is not None:
        yield _steps(summary["loop"])
        yield _journal(summary["loop"])
    yield _skill(summary)
    yield Text(f"water balance: largest daily residual {summary['water_balance_mm']:.1e} mm (float32 run)")
    yield Text(
        f"BMI hour by hour against the daily forecast, one day later: ≤ {summary['bmi_difference_mm']:.1e} mm d-1"
    )
    yield Text(
        f"made in {summary['seconds']:.0f} s: {summary['made'][0]}, {summary['made'][1]}, "
        f"{len(summary['made']) - 2} figures in {Path(summary['made'][2]).parent}"
    )
    if summary["loop"] is not None:
        yield from _where(summary["loop"])
    if summary["left_out"]:
        yield Text(f"left out: {summary['left_out']}")


def _steps(loop: dict[str, Any]) -> Table:
    table = Table("", "what came of it", title="The loop, step by step", box=box.SIMPLE_HEAD)
    for step in loop["steps"]:
        table.add_row(step["what"], Text(step["found"]))
    return table


def _journal(loop: dict[str, Any]) -> Table:
    table = Table(
        "when (UTC)", "who", "did", "to", "why", title="The registry's journal", box=box.SIMPLE_HEAD
    )
    for line in loop["journal"]:
        serves = " ●" if line["to"] == loop["champion"] else ""
        when = line["when"][11:19]
        table.add_row(when, line["who"], line["action"], short(line["to"]) + serves, Text(line["why"]))
    return table


def _skill(summary: dict[str, Any]) -> Table:
    table = Table(
        title=f"δ-HBV on {summary['basins']} basins ({summary['region']}), trained {summary['train']}",
        box=box.SIMPLE_HEAD,
    )
    for heading in ("", *summary["evaluations"]):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, label in _SCORES.items():
        values = [e["median"][name] for e in summary["evaluations"].values()]
        table.add_row(f"median {label}", *(_number(v, ".3g") for v in values))
    bfi = [e.get("bfi_correlation") for e in summary["evaluations"].values()]
    if any(bfi):
        table.add_row("spatial correlation of BFI", *(_number(b, ".2f") for b in bfi))
    for name in RECOVERED if summary["recovery"] else ():
        values = [r[name] for r in summary["recovery"].values()]
        table.add_row(f"correlation with the true {name}", *(_number(v, ".2f") for v in values))
    return table


def _where(loop: dict[str, Any]) -> Iterator[Text]:
    folder = Path(loop["operation"]).parent
    for command, what in _COMMANDS.items():
        yield Text(f"{command.format(folder)}  # {what}")


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
