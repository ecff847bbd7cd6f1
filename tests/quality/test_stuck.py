"""A stuck gauge, against a river under ice, a spring and a dry bed."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from dhbv.quality import examine
from dhbv.quality.finding import day
from dhbv.quality.stuck import ALWAYS
from tests.quality.conftest import TODAY, Clean

FAULT = "stuck gauge"


def weather(clean: Clean, *, warm: bool) -> xr.Dataset:
    """400 dry days of one temperature, flow as it was."""
    new = clean.window(0, 400)
    new["tmin"][:] = 10.0 if warm else -10.0
    new["tmax"][:] = 20.0 if warm else -4.0
    new["prcp"][:] = 0.0
    return new


def severity(new: xr.Dataset, known: xr.Dataset | None) -> list[tuple[str, str, int]]:
    report = examine(new, known=known, today=TODAY)
    return [(f.basin, f.severity, f.days) for f in report.findings if f.fault == FAULT]


@pytest.mark.parametrize(
    ("days", "warm", "rain", "expected"),
    [
        (14, True, 0.0, None),
        (15, True, 0.0, "warn"),
        (30, True, 0.0, "warn"),
        (31, True, 0.0, "quarantine"),
        (60, False, 0.0, "warn"),
        (149, False, 0.0, "warn"),
        (150, False, 0.0, "quarantine"),
        (9, True, 20.0, None),
        (10, True, 20.0, "quarantine"),
        (14, True, 10.0, "quarantine"),
        (14, True, 9.9, None),
        (14, False, 10.0, None),
    ],
)
def test_length_frost_and_rain_decide(
    clean: Clean, days: int, warm: bool, rain: float, expected: str | None
) -> None:
    new = weather(clean, warm=warm)
    new["streamflow"][2, 50 : 50 + days] = 30.0
    new["prcp"][:, 50 : 50 + days] = rain
    assert severity(new, clean.known) == ([("syn-003", expected, days)] if expected else [])


def test_without_history_only_the_general_limits_hold(clean: Clean) -> None:
    new = weather(clean, warm=True)
    new["streamflow"][2, 50:79] = 30.0
    new["streamflow"][3, 50:80] = 30.0
    new["streamflow"][4, 50 : 50 + ALWAYS] = 30.0
    assert severity(new, None) == [("syn-005", "quarantine", ALWAYS), ("syn-004", "warn", 30)]


def test_a_river_that_was_constant_before_may_be_so_again(clean: Clean) -> None:
    known, new = clean.known.copy(deep=True), weather(clean, warm=True)
    known["streamflow"][2, 100:110] = 30.0
    new["streamflow"][2, 50:90] = 30.0
    assert severity(new, known) == [("syn-003", "warn", 40)]
    new["streamflow"][2, 50:91] = 30.0
    assert severity(new, known) == [("syn-003", "quarantine", 41)]


def test_low_flow_is_told_only(clean: Clean) -> None:
    new = weather(clean, warm=True)
    new["streamflow"][2, 50:100] = 1e-4
    assert severity(new, clean.known) == [("syn-003", "warn", 50)]


def test_a_dry_bed_is_no_fault(clean: Clean) -> None:
    new = weather(clean, warm=True)
    new["streamflow"][2] = 0.0
    assert severity(new, clean.known) == []


def test_dates_are_those_of_the_first_and_last_equal_day_and_a_gap_ends_it(clean: Clean) -> None:
    new = weather(clean, warm=True)
    new["streamflow"][2, 50:150] = 30.0
    new["streamflow"][2, 100] = np.nan
    report = examine(new, known=clean.known, today=TODAY)
    days = [day(t) for t in new["time"].values]
    found = [(f.first, f.last) for f in report.findings if f.fault == FAULT]
    assert found == [(days[50], days[99]), (days[101], days[149])]
    evidence = next(f.evidence for f in report.findings if f.fault == FAULT)
    assert evidence == "30 mm d-1 on each of 50 days, 1 known"
