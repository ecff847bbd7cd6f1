from __future__ import annotations

import numpy as np
import pytest

from dhbv.data.schema import TIME_VARIABLES, DataError
from dhbv.data.units import (
    ACCEPTED,
    CUBIC_FOOT,
    spelling,
    streamflow_to_depth,
    streamflow_to_m3s,
    to_canonical,
)


def test_a_cubic_foot_is_the_cube_of_a_foot() -> None:
    assert pytest.approx(0.3048**3, rel=1e-15) == CUBIC_FOOT


@pytest.mark.parametrize(
    ("written", "cf"),
    [
        ("mm d-1", "mm d-1"), ("mm/day", "mm d-1"), ("mm d^-1", "mm d-1"), ("mm day**-1", "mm d-1"),
        ("mm/hr", "mm h-1"), ("W/m2", "W m-2"), ("kg m-2 s-1", "kg m-2 s-1"), ("C", "degC"),
        ("degrees_C", "degC"), ("kelvin", "K"), ("ft3/s", "ft3 s-1"), ("cfs", "ft3 s-1"), ("m^3/s", "m3 s-1"),
    ],
)  # fmt: skip
def test_spellings_become_cf(written: str, cf: str) -> None:
    assert spelling(written) == cf


@pytest.mark.parametrize(
    "unit", ["10 mm d-1", "0.1 mm/d", "mm/3h", "mm 3h-1", "1e-3 m d-1", "10^-3 m/d", "1"]
)
def test_a_number_before_a_unit_is_not_passed_over(unit: str) -> None:
    with pytest.raises(DataError, match=f"has unit {unit!r}".replace("^", r"\^")):
        to_canonical([3.25], "prcp", unit, source="file")


@pytest.mark.parametrize("variable", TIME_VARIABLES)
def test_the_canonical_unit_is_accepted_and_changes_nothing(variable: str) -> None:
    unit = TIME_VARIABLES[variable].unit
    assert ACCEPTED[variable][unit] == (1.0, 0.0)
    assert to_canonical([3.25], variable, unit, source="file").tolist() == [3.25]


@pytest.mark.parametrize(
    ("variable", "value", "unit", "canonical"),
    [
        ("prcp", 1.0, "mm h-1", 24.0),
        ("prcp", 1e-4, "kg m-2 s-1", 8.64),
        ("prcp", 1e-7, "m s-1", 8.64),
        ("tmin", 273.15, "K", 0.0),
        ("tmax", 212.0, "degF", 100.0),
        ("vp", 1.2, "kPa", 1200.0),
        ("streamflow", 1.0, "mm/h", 24.0),
    ],
)
def test_conversions_by_hand(variable: str, value: float, unit: str, canonical: float) -> None:
    converted = to_canonical(value, variable, unit, source="file")
    assert converted.dtype == np.float32
    assert float(converted) == pytest.approx(canonical, rel=1e-6, abs=1e-5)


def test_discharge_becomes_depth_over_each_basins_area() -> None:
    one_foot = to_canonical([[1000.0], [1000.0]], "streamflow", "cfs", source="f", area_km2=[2252.7, 500.0])
    by_hand = 1000.0 * 0.028316846592 * 86400.0 / np.array([2252.7, 500.0]) / 1000.0
    np.testing.assert_allclose(one_foot[:, 0], by_hand, rtol=1e-7)


def test_depth_and_discharge_are_inverse() -> None:
    assert streamflow_to_m3s(1.0, 86.4) == pytest.approx(1.0, rel=1e-14)
    depth, area = np.array([[0.1, 3.0], [7.0, 0.0]]), np.array([[10.0], [2000.0]])
    np.testing.assert_allclose(streamflow_to_depth(streamflow_to_m3s(depth, area), area), depth, rtol=1e-14)


@pytest.mark.parametrize("unit", ["furlong", "", "m3 s-1"])
def test_an_unknown_unit_is_named_with_those_accepted(unit: str) -> None:
    with pytest.raises(
        DataError, match=rf"pack\.nc: variable prcp has unit '{unit}': .* mm d-1, .*kg m-2 s-1"
    ):
        to_canonical([1.0], "prcp", unit, source="pack.nc")


@pytest.mark.parametrize("area", [None, [np.nan], [0.0]])
def test_discharge_without_area_is_refused(area: list[float] | None) -> None:
    with pytest.raises(DataError, match=r"area_gages2 .*--attributes FILE"):
        to_canonical([[1.0]], "streamflow", "m3 s-1", source="pack.nc", area_km2=area)
