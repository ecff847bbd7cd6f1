from __future__ import annotations

import numpy as np
import pytest

from dhbv.data.weather import Places, Weather, generate, smooth_field

DAYS = np.arange(20 * 365) % 365 + 1
PLACES = Places(np.array([32.0, 40.0, 40.0]), np.array([-100.0] * 3), np.array([200.0, 200.0, 2200.0]))


@pytest.fixture(scope="module")
def weather() -> Weather:
    return generate(np.random.default_rng(0), PLACES, DAYS)


def test_it_is_colder_in_winter_and_at_height(weather: Weather) -> None:
    mean = 0.5 * (weather.tmin + weather.tmax)
    assert (mean[:, (DAYS > 180) & (DAYS < 220)].mean(1) > mean[:, DAYS < 40].mean(1) + 10.0).all()
    # Neighbours share every field, so that height alone tells them apart.
    assert mean[1].mean() - mean[2].mean() == pytest.approx(10.0, abs=0.3)


def test_the_daily_range_is_wider_on_dry_days(weather: Weather) -> None:
    spread, dry = weather.tmax - weather.tmin, weather.prcp == 0.0
    assert (spread > 0.9).all()
    for basin in range(3):
        assert spread[basin, dry[basin]].mean() > 1.3 * spread[basin, ~dry[basin]].mean()


def test_wet_days_come_in_spells(weather: Weather) -> None:
    wet = weather.prcp > 0.0
    after_wet = (wet[:, 1:] & wet[:, :-1]).sum(1) / wet[:, :-1].sum(1)
    np.testing.assert_allclose(after_wet - wet.mean(1), 0.3 * (1.0 - wet.mean(1)), atol=0.05)


def test_temperature_persists(weather: Weather) -> None:
    mean = 0.5 * (weather.tmin[0] + weather.tmax[0])
    years = mean.reshape(20, 365)
    anomaly = (years - years.mean(0)).ravel()
    assert 0.6 < np.corrcoef(anomaly[1:], anomaly[:-1])[0, 1] < 0.8


def test_fields_are_alike_near_by_and_not_far_away() -> None:
    lat, lon = np.array([38.0, 38.2, 38.0]), np.array([-90.0, -90.0, -120.0])
    fields = np.array([smooth_field(np.random.default_rng(k), lat, lon) for k in range(300)])
    correlation = np.corrcoef(fields.T)
    assert correlation[0, 1] > 0.99
    assert abs(correlation[0, 2]) < 0.3
