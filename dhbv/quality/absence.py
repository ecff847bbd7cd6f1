"""Checks of rows, basins and variables: what is not there, and what is there twice or at a wrong date."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dhbv.data.schema import FORCING, TIME_VARIABLES, required_variables
from dhbv.quality.batch import Batch
from dhbv.quality.finding import EVERY, Finding, Hit, Severity, day

Days = NDArray[np.datetime64]


def undated(batch: Batch) -> Iterator[Finding]:
    """Rows without a date."""
    if batch.calendar.undated:
        first, last = batch.calendar.period
        yield _finding(first, last, batch.calendar.undated, f"{batch.calendar.undated} rows have no date")


def future(batch: Batch) -> Iterator[Finding]:
    """Rows dated after today."""
    for days in _runs(batch.calendar.future):
        yield _finding(days[0], days[-1], len(days), f"today is {batch.today}")


def misplaced(batch: Batch) -> Iterator[Finding]:
    """Rows that are not in the order of their dates; sorting them loses nothing."""
    days = batch.calendar.misplaced
    if days.size:
        evidence = f"{days.size} days out of place, sorted"
        yield _finding(days[0], days[-1], days.size, evidence, "warn")


def repeated(batch: Batch) -> Iterator[Finding | Hit]:
    """Days with several rows: told; where the rows differ no value is to be trusted."""
    for days in _runs(batch.calendar.repeated):
        yield _finding(days[0], days[-1], len(days), "more than one row a day, one kept", "warn")
    for name, other in batch.calendar.contradicted.items():

        def evidence(
            row: int, at: NDArray[np.intp], name: str = name, other: NDArray[np.float64] = other
        ) -> str:
            kept = batch.values[name][row, at[0]]
            return (
                f"{kept:.5g} and {other[row, at[0] - batch.lead]:.5g} {TIME_VARIABLES[name].unit} on one day"
            )

        yield Hit(name, batch.after_lead(~np.isnan(other)), "quarantine", evidence)


def missing_days(batch: Batch) -> Iterator[Finding | Hit]:
    """Days without a row, within the data and between the known ones and these."""
    yield Hit(EVERY, batch.after_lead(~batch.calendar.present[None]), "quarantine", lambda *_: "no row")
    new = batch.days[batch.lead :]
    if batch.known_last is not None and new.size:
        first, last = batch.known_last + 1, new[0] - 1
        if first <= last:
            days = int((last - first).astype(int)) + 1
            evidence = f"between the data known, to {batch.known_last}, and these"
            yield _finding(first, last, days, evidence, "warn")


def gone_basins(batch: Batch) -> Iterator[Finding | Hit]:
    """Basins that are known and not in the data, or there without any forcing."""
    first, last = batch.calendar.period
    days = int((last - first).astype(int)) + 1
    for basin in batch.gone_basins:
        yield _finding(first, last, days, "known, and not in these data", "absent", basin=basin)
    forcing = [name for name in FORCING if name in batch.values]
    if forcing and batch.calendar.present.any():
        empty = np.all([np.isnan(batch.values[name][:, batch.lead :]).all(1) for name in forcing], axis=0)
        cells = batch.after_lead(empty[:, None] & batch.calendar.present)
        # Flow that was observed is sound, and is wanted once the weather has come.
        for name in forcing:
            yield Hit(name, cells, "quarantine", lambda *_: f"no value of {', '.join(forcing)} on any day")


def gone_variables(batch: Batch) -> Iterator[Finding]:
    """Variables that the known data have, or a region needs, and these have not.

    Weather, flow and the rest may come by ways of their own, and are only told; weather of which a part came is not whole.
    """
    first, last = batch.calendar.period
    days = int((last - first).astype(int)) + 1
    weather = required_variables(needs_flow=False)
    in_part = any(name in batch.values for name in weather)
    for name in batch.gone_variables:
        severity: Severity = "absent" if in_part and name in weather else "warn"
        yield _finding(first, last, days, "not in these data", severity, variable=name)


def missing_values(batch: Batch) -> Iterator[Hit]:
    """NaN. In flow it says that nothing was observed, which is no fault."""
    for name, values in batch.values.items():
        cells = np.isnan(values) & batch.after_lead(batch.calendar.present[None]) & ~batch.put_aside(name)
        severity: Severity = "warn" if name == "streamflow" else "quarantine"
        yield Hit(name, cells, severity, lambda *_: "no value")


def _runs(days: Days) -> list[Days]:
    """Sorted days cut where one is left out."""
    if days.size == 0:
        return []
    return np.split(days, np.flatnonzero(np.diff(days) != np.timedelta64(1, "D")) + 1)


def _finding(
    first: np.datetime64,
    last: np.datetime64,
    days: int,
    evidence: str,
    severity: Severity = "quarantine",
    *,
    basin: str = EVERY,
    variable: str = EVERY,
) -> Finding:
    # The fault is named by the table of checks.
    return Finding(
        fault="",
        basin=basin,
        variable=variable,
        first=day(first),
        last=day(last),
        days=days,
        evidence=evidence,
        severity=severity,
    )
