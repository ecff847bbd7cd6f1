"""Units mistaken: which, since when, and what is only a flood."""

from __future__ import annotations

import numpy as np
import pytest

from dhbv.data.units import streamflow_to_m3s
from dhbv.quality import examine
from tests.quality.conftest import TODAY, Clean
from tests.quality.planting import PLANTS, cubic_feet, only


def test_the_unit_of_the_flow_is_told(clean: Clean) -> None:
    new = clean.window(0, 365)
    cubic_feet(new, 0, slice(None))
    area = new["area_gages2"].values
    factor = float(streamflow_to_m3s(1.0, area[1]))
    assert factor > 3.0
    new["streamflow"][1] *= factor
    report = examine(new, known=clean.known, today=TODAY)
    evidence = {f.basin: f.evidence for f in report.findings if f.fault == "discharge for depth"}
    assert f"ft3 s-1 taken for mm d-1 would be {area[0] * 0.408735:.3g} times" in evidence["syn-001"]
    assert f"m3 s-1 taken for mm d-1 would be {factor:.3g} times" in evidence["syn-002"]


def test_without_area_the_unit_is_not_examined_and_that_is_said(clean: Clean) -> None:
    new = clean.window(0, 365).drop_vars("area_gages2")
    PLANTS["x24"].change(new, 1, slice(None))
    new["streamflow"][0] *= 100.0
    report = examine(new, known=clean.known.drop_vars("area_gages2"), today=TODAY)
    assert "discharge for depth" not in {f.fault for f in report.findings}
    assert any("no area_gages2, units not examined, in 8 basins: syn-001" in note for note in report.notes)
    assert only(report, "precipitation x24").basin == "syn-002"
    report = examine(new, known=clean.known, today=TODAY)
    assert only(report, "discharge for depth").basin == "syn-001", "by the area that is known"
    assert report.notes == ()


def test_a_flood_with_its_rain_is_no_fault_and_a_record_is_told(clean: Clean) -> None:
    new = clean.window(0, 365)
    record = float(clean.known["streamflow"][0].max())
    rain = float(clean.known["prcp"][0].max())
    new["prcp"][0, 200:203] = 1.5 * rain
    new["streamflow"][0, 201:204] = 4.5 * record
    report = examine(new, known=clean.known, today=TODAY)
    assert report.passed
    assert only(report, "beyond record").severity == "warn"


def test_a_wet_month_is_no_fault(clean: Clean) -> None:
    new = clean.window(0, 365)
    new["prcp"][0, 100:130] *= 3.0
    assert examine(new, known=clean.known, today=TODAY).passed


def test_one_incredible_day_of_rain_is_beyond_record_and_no_unit(clean: Clean) -> None:
    new = clean.window(0, 60)
    new["prcp"][0, 30] = 1500.0
    report = examine(new, known=clean.known, today=TODAY)
    found = only(report, "beyond record")
    assert (found.basin, found.variable, found.days, found.severity) == ("syn-001", "prcp", 1, "quarantine")
    assert len(report.of("quarantine")) == 1


def test_two_blocks_of_rain_are_two_findings(clean: Clean) -> None:
    new = clean.window(0, 400)
    blocks = slice(60, 120), slice(250, 330)
    for block in blocks:
        PLANTS["x24"].change(new, 4, block)
    report = examine(new, known=clean.known, today=TODAY)
    days = new["time"].values.astype("datetime64[D]")
    found = sorted((f for f in report.findings if f.fault == "precipitation x24"), key=lambda f: f.first)
    assert len(found) == 2
    for f, block in zip(found, blocks, strict=True):
        assert abs((np.datetime64(f.first) - days[block.start]).astype(int)) <= 7
        assert abs((np.datetime64(f.last) - days[block.stop - 1]).astype(int)) <= 7


@pytest.mark.parametrize("known", [True, False])
def test_evidence_tells_the_ratio(clean: Clean, known: bool) -> None:
    new = clean.window(0, 365)
    PLANTS["x24"].change(new, 4, slice(None))
    report = examine(new, known=clean.known if known else None, today=TODAY)
    text = only(report, "precipitation x24").evidence
    ratio = float(text.split(" times")[0].split()[-1])
    assert 24.0 / 1.6 < ratio < 24.0 * 1.6
    assert f"{float(new['prcp'][4].sum()):.0f} mm in 365 days" in text
