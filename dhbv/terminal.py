"""What the commands tell a person, on standard error, and a program, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dhbv.files import written_whole

console = Console(stderr=True)
"""Everything a person reads goes to standard error, so that `--json -` stays clean."""

Json = Annotated[
    str | None, typer.Option("--json", metavar="FILE|-", help="Write the result as JSON; - prints it.")
]


def progress_bars(width: int = 9, *, quiet: bool = False) -> Progress:
    """Bars with a description of so many letters, a note and the time left; every task has a field `note`."""
    columns = (
        TextColumn(f"{{task.description:<{width}}}"), BarColumn(), MofNCompleteColumn(),
        TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    return Progress(*columns, console=console, speed_estimate_period=10.0, disable=quiet)


def say(text: str) -> None:
    """One line as it is: brackets in a path are no markup, and a long path is not broken."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def write_json(content: Any, target: str | None) -> None:
    """JSON to a file, all at once, or to standard output for `-`."""
    if target is None:
        return
    text = json.dumps(content, indent=1, allow_nan=False)
    if target == "-":
        print(text)
        return
    with written_whole(Path(target)) as draft:
        draft.write_text(text + "\n", encoding="utf-8")
