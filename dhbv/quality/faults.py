"""The table of checks: what each looks for, and from where on it calls it a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from dhbv.quality import absence, scale, stuck, values
from dhbv.quality.batch import Batch
from dhbv.quality.finding import Finding, Hit


class Check(NamedTuple):
    """One row of the table."""

    fault: str
    looks_for: str
    threshold: str
    """With its reason."""
    find: Callable[[Batch], Iterable[Finding | Hit]]


CHECKS = (
    Check("no date", "rows without a date", "any", absence.undated),
    Check("future date", "rows dated after today", "any", absence.future),
    Check("out of order", "rows not in the order of their dates", "any; sorted, so only told", absence.misplaced),
    Check(
        "repeated day", "several rows of one day",
        "told; put aside where they contradict each other", absence.repeated,
    ),
    Check(
        "missing days", "days without a row",
        "any within the data; between the known data and these only told", absence.missing_days,
    ),
    Check("basin gone", "known basins that are not there, or have no forcing at all", "any", absence.gone_basins),
    Check(
        "variable gone", "variables known or needed that are not there",
        "any of weather that comes in part; else only told", absence.gone_variables,
    ),
    Check(
        "missing value", "NaN",
        "any in forcing; only told in flow, where it says that nothing was observed", absence.missing_values,
    ),
    Check(
        "fill value", "codes of missing values such as -999",
        "equal to 1e-5, for flow also after conversion from ft3 s-1 or m3 s-1", values.fill_values,
    ),
    Check("infinite", "infinite values", "any", values.infinite),
    Check("kelvin", "temperatures in K for degC", f"{values.KELVIN[0]:g} to {values.KELVIN[1]:g}", values.kelvin),
    Check("negative", f"{', '.join(values.NOT_NEGATIVE)} below 0", "any", values.negative),
    Check(
        "precipitation x24", "stretches of rain likelier 24 times too much",
        "a sum of 1 to 365 d beyond 2.5 to 5 times the greatest known (at most 3.4 between halves of CAMELS), or without "
        "history beyond what any basin has in days of its mean rain", scale.rain,
    ),
    Check(
        "stuck gauge", "one and the same flow above 0",
        f"{stuck.ALWAYS} d (123 is the most in CAMELS); {stuck.RAIN:g} mm of rain without frost meanwhile (108); or "
        f"at usual flow without frost {stuck.FREE_TIMES:g} times longer than ever known and {stuck.FREE_DAYS} d; told from "
        f"{stuck.TOLD} d, or {stuck.TOLD_TIMES:g} times the longest known and {stuck.TOLD_DAYS} d", stuck.stuck,
    ),
    Check(
        "discharge for depth", "stretches of flow likelier in ft3 s-1 or m3 s-1",
        f"runoff {scale.GRAVE.over_rain:g} times its rain (less than 2 in CAMELS), or {scale.GRAVE.over_record:g} times "
        f"the known record and more than its rain; told from {scale.TOLD.over_rain:g} and {scale.TOLD.over_record:g} times; basins of 7 km2 "
        "escape it", scale.discharge,
    ),
    Check("impossible", "values that nowhere on earth were seen", "the world's records", values.impossible),
    Check(
        "beyond record", "values far outside all that the basin has known",
        f"{values.BEYOND_RECORD:g} K outside the month's range (at most 17.3 in CAMELS); rain beyond 5 times the record "
        f"(3.4); flow beyond {values.FLOW_RECORD:g} times the record is only told", values.beyond_record,
    ),
    Check(
        "tmax below tmin", "tmax below tmin",
        f"told; put aside {values.INVERTED_RUN} d running (at most 11 in Daymet), by {values.INVERTED_BY:g} K (14.7), or in "
        f"{values.INVERTED_BASINS} basins and {values.INVERTED_SHARE:.0%} of them on one day (7 and 1.2 %)",
        values.inverted,
    ),
)  # fmt: skip
"""In order: a cell keeps the first reason for which it is put aside, and later checks do not see it."""

BY_NAME = {check.fault: check for check in CHECKS}
