from __future__ import annotations

import numpy as np
import pytest

from dhbv.physics.hargreaves import extraterrestrial_radiation, mean_temperature, potential_evaporation


@pytest.mark.parametrize(
    ("latitude", "day", "ra", "tolerance"),
    [
        pytest.param(-20.0, 246, 32.2, 0.06, id="example 8, 3 September at 20°S"),
        pytest.param(-(22 + 54 / 60), 135, 25.1, 0.06, id="example 10, 15 May at Rio de Janeiro"),
        pytest.param(13 + 44 / 60, 105, 38.06, 0.006, id="example 17, April at Bangkok"),
        pytest.param(50 + 48 / 60, 187, 41.09, 0.006, id="example 18, 6 July at Uccle"),
    ],
)
def test_radiation_is_that_of_fao_56(latitude: float, day: int, ra: float, tolerance: float) -> None:
    assert extraterrestrial_radiation(latitude, day) == pytest.approx(ra, abs=tolerance)


def test_evaporation_is_that_of_fao_56_example_20() -> None:
    """Lyon in July: Ra 40.6 MJ m-2 d-1, 14.8 to 26.6 degC, 5.0 mm d-1."""
    assert potential_evaporation(14.8, 26.6, 45.72, 196) == pytest.approx(5.0, abs=0.06)


def test_evaporation_by_hand() -> None:
    ra = extraterrestrial_radiation(40.0, 100)
    assert potential_evaporation(5.0, 21.0, 40.0, 100) == pytest.approx(
        0.0023 * 0.408 * ra * (13.0 + 17.8) * 4.0, rel=1e-14
    )


def test_polar_night_is_dark_and_does_not_evaporate() -> None:
    midwinter = np.array([355, 172])
    poles = np.array([80.0, -80.0])
    np.testing.assert_array_equal(extraterrestrial_radiation(poles, midwinter), 0.0)
    np.testing.assert_array_equal(potential_evaporation(-5.0, 9.0, poles, midwinter), 0.0)


def test_polar_day_is_the_whole_day() -> None:
    """With the sun up all day ω = π: Ra = 24 · 60 · Gsc · dr · sin φ · sin δ."""
    declination = 0.409 * np.sin(2 * np.pi * 172 / 365 - 1.39)
    distance = 1 + 0.033 * np.cos(2 * np.pi * 172 / 365)
    sun = 24 * 60 * 0.0820 * distance * np.sin(np.deg2rad(80.0)) * np.sin(declination)
    assert extraterrestrial_radiation(80.0, 172) == pytest.approx(sun, rel=1e-12)


def test_radiation_is_finite_and_positive_anywhere_on_any_day() -> None:
    latitudes = np.linspace(-90.0, 90.0, 181)
    days = np.arange(1, 367)[:, None]
    ra = extraterrestrial_radiation(latitudes, days)
    assert ra.shape == (366, 181)
    assert np.isfinite(ra).all()
    assert ra.min() >= 0.0
    assert ra.max() < 50.0


def test_the_equator_has_two_summers() -> None:
    march, june, september, december = extraterrestrial_radiation(0.0, [80, 172, 266, 355])
    assert min(march, september) > max(june, december)


def test_the_last_day_of_a_leap_year_is_like_the_first_of_the_next() -> None:
    last, first = extraterrestrial_radiation(45.0, [366, 1])
    assert last == pytest.approx(first, rel=1e-9)


def test_no_range_or_a_reversed_one_evaporates_nothing() -> None:
    np.testing.assert_array_equal(potential_evaporation([12.0, 15.0], [12.0, 9.0], 40.0, 180), 0.0)


def test_deep_cold_evaporates_nothing() -> None:
    assert potential_evaporation(-50.0, -30.0, 40.0, 10) == 0.0


def test_mean_temperature_is_the_middle_of_the_range() -> None:
    np.testing.assert_array_equal(mean_temperature([-4.0, 3.0], [10.0, 3.0]), [3.0, 3.0])


def test_time_and_basin_broadcast() -> None:
    tmin = np.full((3, 2), 5.0)
    latitudes, days = np.array([30.0, -30.0]), np.array([[1], [2], [366]])
    ep = potential_evaporation(tmin, tmin + 10.0, latitudes, days)
    assert ep.shape == (3, 2)
    for n, b in np.ndindex(3, 2):
        assert ep[n, b] == potential_evaporation(5.0, 15.0, latitudes[b], days[n, 0])
