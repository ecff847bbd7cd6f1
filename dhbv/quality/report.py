"""What an examination found: for a program, and as a table that a person reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd
import xarray as xr

from dhbv.data.schema import TIME_VARIABLES, some
from dhbv.quality.faults import BY_NAME
from dhbv.quality.finding import EVERY, Finding, Severity
from dhbv.wording import counted

MOST_LINES = 12
"""Lines told of one fault; all are in the JSON."""

ALL_VARIABLES = "all variables"


class Column(NamedTuple):
    """Some days of the table."""

    head: str
    first: np.datetime64
    last: np.datetime64


@dataclass(frozen=True)
class Report:
    """The outcome of an examination. Nothing is lost: every value that came is in `clean`, `quarantine` or `unplaced`."""

    findings: tuple[Finding, ...]
    """In the order of the table of checks."""
    clean: xr.Dataset
    """Unbroken days up to today; NaN where a cell is put aside or never came."""
    quarantine: xr.Dataset
    """On the basins and days of `clean`: by variable the reason (uint8, 0 sound; CF flags), and `<name>_value`."""
    unplaced: xr.Dataset
    """Rows as they came that have no day in `clean`: no date, in the future, or contradicting another row."""
    notes: tuple[str, ...]
    """What could not be examined, or only loosely."""

    @property
    def passed(self) -> bool:
        """Whether nothing had to be put aside, no known basin is gone, and weather, if it came, is whole."""
        return not self.of("quarantine") and not self.of("absent")

    def of(self, severity: Severity) -> list[Finding]:
        """The findings of one severity."""
        return [f for f in self.findings if f.severity == severity]

    def to_json(self) -> str:
        """Findings and notes, without the data."""
        content = {"passed": self.passed, "findings": self.findings, "notes": self.notes}
        return msgspec.json.encode(content).decode()

    def table(self) -> str:
        """A table variable × date of how many basins have a fault, and every fault by name, as plain text."""
        n = self.clean.sizes["basin"]
        parts = [self._summary(n)]
        if self.findings:
            parts.append(_calendar(self.findings, n))
        titles: dict[Severity, str] = {
            "quarantine": "Put aside", "absent": "Not there", "warn": "Told, and left as it is"
        }  # fmt: skip
        for severity, title in titles.items():
            chosen = sorted(self.of(severity), key=lambda f: list(BY_NAME).index(f.fault))
            for fault, group in groupby(chosen, key=lambda f: f.fault):
                parts.append(f"{title}: {fault} ({BY_NAME[fault].looks_for})\n" + _lines(list(group)))
        parts += [f"Note: {note}" for note in self.notes]
        return "\n\n".join(parts) + "\n"

    def _summary(self, basins: int) -> str:
        days = self.clean["time"].values
        period = "no day"
        if days.size:
            period = f"{np.datetime_as_string(days[0], 'D')}..{np.datetime_as_string(days[-1], 'D')}"
        grave, told = len(self.of("quarantine")), len(self.of("warn"))
        verdict = "passed" if self.passed else "NOT passed"
        absent = [f.variable for f in self.findings if f.fault == "variable gone"]
        absent += [f.basin for f in self.of("absent") if f.basin != EVERY]
        if absent:
            verdict += f", without {some(absent)}"
        return f"{verdict}: {counted(basins, 'basin')}, {period}, {counted(grave, 'fault')} put aside, {told} told"


def _lines(group: list[Finding]) -> str:
    """One line for basins that share variable and dates."""
    shared: dict[tuple[str, object, object, int], list[Finding]] = {}
    for f in group:
        shared.setdefault((f.variable, f.first, f.last, f.days), []).append(f)
    lines = []
    for (variable, first, last, days), same in list(shared.items())[:MOST_LINES]:
        basins = "every basin" if same[0].basin == EVERY else f"{some([f.basin for f in same])}"
        what = ALL_VARIABLES if variable == EVERY else variable
        when = f"{first}" if first == last else f"{first}..{last}"
        lines.append(f"  {what:13} {when:22} {days:>5} d  {basins}: {same[0].evidence}")
    if len(shared) > MOST_LINES:
        lines.append(f"  and {len(shared) - MOST_LINES} more lines")
    return "\n".join(lines)


def _calendar(found: Iterable[Finding], basins: int) -> str:
    """Variables in rows, dates in columns; in each cell the basins with a fault, in brackets if it is only told."""
    found = list(found)
    columns = _columns(min(f.first for f in found), max(f.last for f in found))
    names = [EVERY, *TIME_VARIABLES]
    rows = [["", *(c.head for c in columns)]]
    for name in names:
        own = [f for f in found if f.variable == name]
        if own:
            label = ALL_VARIABLES if name == EVERY else name
            rows.append([label, *(_cell(own, column, basins) for column in columns)])
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = [
        "  ".join(
            text.ljust(w) if k == 0 else text.rjust(w)
            for k, (text, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    title = f"Basins with a fault, of {basins} (in brackets: only told)"
    return "\n".join([title, *(line.rstrip() for line in lines)])


def _cell(found: list[Finding], column: Column, basins: int) -> str:
    here = [
        f for f in found if np.datetime64(f.first) <= column.last and np.datetime64(f.last) >= column.first
    ]
    for only_told, form in ((False, "{}"), (True, "({})")):
        names = {f.basin for f in here if (f.severity == "warn") == only_told}
        if names:
            return form.format("all" if EVERY in names else len(names))
    return "."


def _columns(first: object, last: object) -> list[Column]:
    """Days, weeks, months, years or decades: the finest that make no more columns than a line holds."""
    start, end = pd.Timestamp(str(first)), pd.Timestamp(str(last))
    for freq, form, most in (("D", "%m-%d", 14), ("7D", "%m-%d", 14), ("MS", "%Y-%m", 13), ("YS", "%Y", 18)):
        origin = start.to_period({"MS": "M", "YS": "Y"}.get(freq, "D")).start_time
        starts = pd.date_range(origin, end, freq=freq)
        if len(starts) <= most:
            return _cut(starts, [s.strftime(form) for s in starts], end)
    years = list(range(start.year // 10 * 10, end.year + 1, 10))
    starts = pd.DatetimeIndex([pd.Timestamp(year, 1, 1) for year in years])
    return _cut(starts, [f"{year}s" for year in years], end)


def _cut(starts: pd.DatetimeIndex, heads: list[str], end: pd.Timestamp) -> list[Column]:
    ends = [*(s - pd.Timedelta(days=1) for s in starts[1:]), end]
    return [
        Column(head, np.datetime64(s.date(), "D"), np.datetime64(e.date(), "D"))
        for head, s, e in zip(heads, starts, ends, strict=True)
    ]
