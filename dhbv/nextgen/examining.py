"""Would this run folder run, and what would its results be worth? One finding a line.

Each check is a function of the folder as read; what the component accepts is handed in by the command, because
nothing in `dhbv` but its commands imports `bmi`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from dhbv.errors import ConfigurationError
from dhbv.nextgen import content_checks, document_checks
from dhbv.nextgen.findings import VERDICTS, Component, Finding, Run
from dhbv.nextgen.realization import Realization

CHECKS: dict[str, Callable[[Run], Iterator[Finding]]] = {
    "realization": document_checks.realization,
    "outputs": document_checks.outputs,
    "catchments": content_checks.configurations,
    "model": content_checks.models,
    "attributes": content_checks.attributes,
    "forcing": content_checks.forcing,
    "start": content_checks.start,
}
"""In the order of the table."""


def examine(folder: Path, component: Component) -> list[Finding]:
    """All findings of a run folder, worst last within each check."""
    try:
        run = Run(Realization(folder), component)
    except ConfigurationError as error:
        return [Finding("realization", "fails", str(error), "write it by dhbv ngen init")]
    found = []
    for label, check in CHECKS.items():
        lines = [line._replace(check=label) for line in check(run)]
        lines.sort(key=lambda line: VERDICTS.index(line.verdict))
        found += lines or [Finding(label, "ok", "nothing to check")]
    return found
