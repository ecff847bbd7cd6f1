"""Units as udunits reads them, water through area and time, and messages for what is no unit of water."""

from __future__ import annotations

import itertools

import cf_units
import numpy as np
import pytest

from dhbv.errors import DhbvError
from dhbv.fluxes.names import KNOWN
from dhbv.fluxes.units import Amount, convert, parse, usual

FLUX, STORE, NUMBER = KNOWN["runoff"], KNOWN["swe"], KNOWN["beta"]
TWO = Amount(np.array([[2.0], [4.0]]), np.array([[62.0], [124.0]]))
"""Two basins, a month of 31 days: mm d-1 and mm."""
AREA, BASINS = np.array([86.4, 10.0]), ["a", "b"]
LENGTHS = ("mm", "cm", "m", "in", "ft", "km")
TIMES = ("s", "min", "h", "d")


@pytest.mark.parametrize("pair", list(itertools.product(LENGTHS, TIMES)))
def test_rates_are_those_of_udunits(pair: tuple[str, str]) -> None:
    unit = f"{pair[0]} {pair[1]}-1"
    ours = convert(TWO, FLUX, unit, None, BASINS)
    # For udunits L is a litre and h the hour, as here; d is the day.
    theirs = cf_units.Unit("mm d-1").convert(TWO.value, cf_units.Unit(unit))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("unit", ["m3 s-1", "L s-1", "ft3 s-1", "m3 d-1", "km3 d-1", "m3/s"])
def test_discharge_is_depth_times_area(unit: str) -> None:
    ours = convert(TWO, FLUX, unit, AREA, BASINS)
    theirs = cf_units.Unit("mm km2 d-1").convert(TWO.value * AREA[:, None], cf_units.Unit(unit))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_millimetre_a_day_on_86_4_km2_is_a_cubic_metre_a_second() -> None:
    np.testing.assert_allclose(convert(TWO, FLUX, "m3 s-1", AREA, BASINS)[0], 2.0, rtol=1e-12)
    np.testing.assert_allclose(convert(TWO, FLUX, "cfs", AREA, BASINS)[0], 2.0 / 0.3048**3, rtol=1e-12)


def test_without_time_a_flux_is_what_fell_in_the_period() -> None:
    np.testing.assert_allclose(convert(TWO, FLUX, "mm", AREA, BASINS)[:, 0], [62.0, 124.0])
    np.testing.assert_allclose(convert(TWO, FLUX, "kg m-2", AREA, BASINS)[:, 0], [62.0, 124.0], rtol=1e-12)
    np.testing.assert_allclose(
        convert(TWO, FLUX, "m3", AREA, BASINS)[:, 0], [62e-3 * 86.4e6, 1.24e6], rtol=1e-12
    )


def test_a_store_has_depth_and_volume_but_no_rate() -> None:
    np.testing.assert_allclose(convert(TWO, STORE, "cm", AREA, BASINS)[:, 0], [0.2, 0.4], rtol=1e-12)
    np.testing.assert_allclose(convert(TWO, STORE, "m3", AREA, BASINS)[1], 4e-3 * 10e6, rtol=1e-12)
    with pytest.raises(DhbvError, match=r"swe \[mm\] cannot be told in 'm3 s-1': ask for mm or m3"):
        convert(TWO, STORE, "m3 s-1", AREA, BASINS)
    with pytest.raises(DhbvError, match=r"beta \[1\] cannot be told in 'mm': ask for 1, as it has no"):
        convert(TWO, NUMBER, "mm", AREA, BASINS)
    assert convert(TWO, NUMBER, "1", None, BASINS) is TWO.value


def test_its_own_unit_changes_no_bit() -> None:
    odd = Amount(np.array([[np.float32(0.1)]]), np.array([[np.float32(0.1)]]))
    assert convert(odd, FLUX, "mm/day", None, BASINS) is odd.value
    assert convert(odd, STORE, "mm", None, BASINS) is odd.value


def test_no_area_no_discharge() -> None:
    with pytest.raises(
        DhbvError, match=r"not know the area of basin b \(1 of 2\): ask for runoff in mm d-1 or mm"
    ):
        convert(TWO, FLUX, "m3 s-1", np.array([5.0, np.nan]), BASINS)
    with pytest.raises(DhbvError, match=r"area of basin a, b \(2 of 2\)"):
        convert(TWO, FLUX, "m3", None, BASINS)


@pytest.mark.parametrize("unit", ["mm d", "m2 s-1", "s", "m3 s-2"])
def test_what_is_no_amount_of_water_is_refused(unit: str) -> None:
    with pytest.raises(DhbvError, match="cannot be told in"):
        convert(TWO, FLUX, unit, AREA, BASINS)


def test_an_unknown_unit_is_told_with_the_nearest() -> None:
    with pytest.raises(DhbvError, match=r"unit 'mmm d-1': 'mmm' is not known \(nearest: mm"):
        parse("mmm d-1")


@pytest.mark.parametrize("unit", ["1000 m3", "10^6 m3", "1e6 m3", "0.1 mm d-1", "m3 10", "1e3*m3", "mm/2 d"])
def test_a_number_is_not_passed_over(unit: str) -> None:
    """For udunits `1000 m3` is a unit, and another one than m3."""
    with pytest.raises(DhbvError, match=r"there is no number before a unit, as .*: ask for a plain one"):
        parse(unit)


@pytest.mark.parametrize(
    "unit", ["m3 s-1", "m3/s", "m^3 s^-1", "m**3*s**-1", " m3  / s ", "kg m-2 d-1", "L/s/km2"]
)
def test_powers_are_no_such_numbers(unit: str) -> None:
    assert parse(unit).factor > 0.0


def test_sums_over_periods_are_depths() -> None:
    assert [usual(v, daily=False) for v in (FLUX, STORE, NUMBER)] == ["mm", "mm", "1"]
    assert [usual(v, daily=True) for v in (FLUX, STORE, NUMBER)] == ["mm d-1", "mm", "1"]
