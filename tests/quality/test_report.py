"""The report as a person and a program read it."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest

from dhbv.quality import examine
from dhbv.quality.faults import CHECKS
from dhbv.quality.report import Report
from tests.quality.conftest import TODAY, Clean
from tests.quality.planting import kelvin


@pytest.fixture
def report(clean: Clean) -> Report:
    new = clean.window(0, 120)
    kelvin(new, 0, slice(10, 20))
    kelvin(new, 3, slice(10, 20))
    new["prcp"][2, 70:72] = -999.0
    new["streamflow"][5, 100:] = np.nan
    new = new.isel(basin=[0, 1, 2, 3, 4, 5, 6])
    return examine(new, known=clean.known, today=TODAY)


def test_the_table_names_every_fault_once(report: Report) -> None:
    assert (
        report.table()
        == """\
NOT passed, without syn-008: 7 basins, 2016-10-01..2017-01-28, 5 faults put aside, 1 told

Basins with a fault, of 7 (in brackets: only told)
               2016-10  2016-11  2016-12  2017-01
all variables        1        1        1        1
prcp                 .        .        1        .
tmin                 2        .        .        .
tmax                 2        .        .        .
streamflow           .        .        .      (1)

Put aside: fill value (codes of missing values such as -999)
  prcp          2016-12-10..2016-12-11     2 d  syn-003: -999 mm d-1: a code for a missing value

Put aside: kelvin (temperatures in K for degC)
  tmin          2016-10-11..2016-10-20    10 d  syn-001, syn-004: 280.63 to 288.41 degC: as if in K
  tmax          2016-10-11..2016-10-20    10 d  syn-001, syn-004: 289.4 to 301.63 degC: as if in K

Not there: basin gone (known basins that are not there, or have no forcing at all)
  all variables 2016-10-01..2017-01-28   120 d  syn-008: known, and not in these data

Told, and left as it is: missing value (NaN)
  streamflow    2017-01-09..2017-01-28    20 d  syn-006: no value
"""
    )


def test_the_json_holds_every_finding(report: Report) -> None:
    content = json.loads(report.to_json())
    assert content["passed"] is False
    assert len(content["findings"]) == len(report.findings) == 7
    assert content["findings"][1] == {
        "fault": "missing value", "basin": "syn-006", "variable": "streamflow", "first": "2017-01-09",
        "last": "2017-01-28", "days": 20, "evidence": "no value", "severity": "warn",
    }  # fmt: skip
    assert content["notes"] == []


def test_clean_data_make_a_short_report(clean: Clean) -> None:
    text = examine(clean.window(0, 30), known=clean.known, today=TODAY).table()
    assert text == "passed: 8 basins, 2016-10-01..2016-10-30, 0 faults put aside, 0 told\n"


def test_what_comes_by_another_way_is_named_and_no_fault(clean: Clean) -> None:
    """Weather alone, as from any weather service, or flow alone, into a store that knows both."""
    known = clean.known.assign(vp=clean.known["tmin"] + 1000.0)
    first, lasted = "8 basins, 2016-10-01..2016-10-30", "2016-10-01..2016-10-30    30 d"
    for names, without in (
        (["prcp", "tmin", "tmax"], ["streamflow", "vp"]),
        (["streamflow"], ["prcp", "tmin", "tmax", "vp"]),
    ):
        report = examine(clean.window(0, 30)[names], known=known, today=TODAY)
        assert report.passed
        text = report.table()
        assert text.startswith(
            f"passed, without {', '.join(without)}: {first}, 0 faults put aside, {len(without)} told\n"
        )
        assert (
            "Told, and left as it is: variable gone (variables known or needed that are not there)\n" in text
        )
        for name in without:
            assert f"  {name:13} {lasted}  every basin: not in these data\n" in text


def test_weather_that_comes_in_part_has_not_passed(clean: Clean) -> None:
    """Nothing would be forecast of it; nothing is put aside either."""
    report = examine(clean.window(0, 30).drop_vars("tmax"), known=clean.known, today=TODAY)
    assert not report.passed
    text = report.table()
    assert text.startswith(
        "NOT passed, without tmax: 8 basins, 2016-10-01..2016-10-30, 0 faults put aside, 0 told\n"
    )
    assert "Not there: variable gone (" in text
    assert text.splitlines()[4].split() == ["tmax", *["all"] * 5]


def test_a_fault_of_every_basin_says_so(clean: Clean) -> None:
    new = clean.window(0, 10).isel(time=[0, 1, 2, 4, 5, 6, 7, 8, 9])
    lines = examine(new, known=clean.known, today=TODAY).table().splitlines()
    assert lines[4].split() == ["all", "variables", "all"]
    assert lines[-1] == "  all variables 2016-10-04                 1 d  every basin: no row"


def test_missing_history_is_noted(clean: Clean) -> None:
    text = examine(clean.window(0, 30), today=TODAY).table()
    note = "no five years of history, limits are guessed, in 8 basins: syn-001, syn-002, syn-003, syn-004, syn-005 and 3"
    assert f"Note: prcp: {note} more" in text
    assert f"Note: streamflow: {note} more" in text


@pytest.mark.parametrize(
    ("days", "heads"),
    [
        (10, ["10-01", "10-02"]),
        (60, ["10-01", "10-08"]),
        (300, ["2016-10", "2016-11"]),
        (400, ["2016", "2017"]),
    ],
)
def test_columns_are_as_fine_as_a_line_holds(clean: Clean, days: int, heads: list[str]) -> None:
    new = clean.window(0, days)
    new["prcp"][0, [0, days - 1]] = -999.0
    lines = examine(new, known=clean.known, today=TODAY).table().splitlines()
    assert lines[3].split()[:2] == heads
    assert max(map(len, lines)) <= 120
    prcp = lines[4].split()
    assert (prcp[0], prcp[1], prcp[-1]) == ("prcp", "1", "1")
    assert set(prcp[2:-1]) <= {"."}


def test_decades_make_columns_of_long_records(clean: Clean) -> None:
    new = clean.window(0, 30)
    report = examine(new.isel(time=[0, 29]), today=TODAY)
    old = report.findings[0]
    long = Report((type(old)(**{**{n: getattr(old, n) for n in old.__struct_fields__}, "first": dt.date(1951, 5, 1)}),),
                  report.clean, report.quarantine, report.unplaced, ())  # fmt: skip
    assert long.table().splitlines()[3].split() == [
        "1950s",
        "1960s",
        "1970s",
        "1980s",
        "1990s",
        "2000s",
        "2010s",
    ]


def test_many_lines_are_counted(clean: Clean) -> None:
    new = clean.window(0, 200)
    for basin in range(8):
        new["prcp"][basin, [3 * basin, 3 * basin + 40, 3 * basin + 80]] = -999.0
    text = examine(new, known=clean.known, today=TODAY).table()
    assert "and 12 more lines" in text


def test_every_row_of_the_table_of_checks_says_what_it_does() -> None:
    names = [check.fault for check in CHECKS]
    assert len(set(names)) == len(names)
    for check in CHECKS:
        assert check.looks_for
        assert check.threshold
        assert check.find.__doc__


def test_reasons_are_cf_flags(clean: Clean) -> None:
    quarantine = examine(clean.window(0, 30), known=clean.known, today=TODAY).quarantine
    attrs = quarantine["tmin"].attrs
    assert len(attrs["flag_values"]) == len(attrs["flag_meanings"].split()) == len(CHECKS) + 1
    assert quarantine["tmin"].dtype == attrs["flag_values"].dtype == np.uint8
