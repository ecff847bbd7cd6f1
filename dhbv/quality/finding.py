"""What a check says: cells with a fault, or a fault of whole days, basins or variables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from dhbv.quality.runs import spans

EVERY = "*"
"""In place of a basin or a variable: every one."""

Severity = Literal["quarantine", "absent", "warn"]
"""`quarantine`: must not be used, and is put aside; `absent`: must be there and is not, so that there is nothing to put
aside; `warn`: odd, told, and left where it is."""

MOST_RUNS = 10
"""A fault with more runs than this in one basin and variable is one finding over all of them."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One fault, named."""

    fault: str
    """A name of the table of checks."""
    basin: str
    variable: str
    first: dt.date
    last: dt.date
    days: int
    """Days with the fault from `first` to `last`; fewer than the span where there are sound days between."""
    evidence: str
    severity: Severity


class Hit(NamedTuple):
    """Cells with a fault."""

    variable: str
    """Or `EVERY`."""
    cells: NDArray[np.bool_]
    """[basin, time], or [1, time] where whole days have the fault in every basin."""
    severity: Severity
    evidence: Callable[[int, NDArray[np.intp]], str]
    """Of a row of `cells` and the positions of its faulty days: what a person should see."""


def day(value: np.datetime64) -> dt.date:
    """A day as Python has it."""
    return value.astype("datetime64[D]").item()


def findings(
    fault: str, hit: Hit, basins: list[str], days: NDArray[np.datetime64], lead: int = 0
) -> Iterator[Finding]:
    """A finding for each unbroken run of faulty cells; one over all where a basin has more than `MOST_RUNS`.

    The first `lead` days are known: a fault of theirs is told only where it goes on after them.
    """
    rows, firsts, lasts = spans(hit.cells)
    for row in np.unique(rows):
        runs = list(zip(firsts[rows == row], lasts[rows == row], strict=True))
        for first, last in runs if len(runs) <= MOST_RUNS else [(runs[0][0], runs[-1][1])]:
            where = first + np.flatnonzero(hit.cells[row, first : last + 1])
            new = where[where >= lead]
            if new.size == 0:
                continue
            before = f", with known days since {day(days[where[0]])}" if where[0] < lead else ""
            yield Finding(
                fault=fault,
                basin=EVERY if hit.cells.shape[0] == 1 and len(basins) != 1 else basins[row],
                variable=hit.variable,
                first=day(days[new[0]]),
                last=day(days[new[-1]]),
                days=len(new),
                evidence=hit.evidence(int(row), where) + before,
                severity=hit.severity,
            )
