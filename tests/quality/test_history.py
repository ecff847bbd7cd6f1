"""What is learnt of a basin, and what is guessed where nothing can be."""

from __future__ import annotations

import numpy as np
import pytest

from dhbv.quality import examine
from dhbv.quality.history import (
    ENOUGH,
    GUESSED_MEAN,
    GUESSED_RAIN,
    LOOSE,
    MEAN_WET,
    RAIN_MARGIN,
    SPANS,
    learn,
)
from tests.quality.conftest import TODAY, Clean


def test_rain_flow_and_temperature_are_learnt(clean: Clean) -> None:
    known, h = clean.known, learn(clean.known, clean.new)
    rain, flow = known["prcp"].values.astype(float), known["streamflow"].values.astype(float)
    assert h.rain_known.all()
    assert h.flow_known.all()
    np.testing.assert_allclose(h.p_mean, rain.mean(1))
    for k, days in enumerate(SPANS):
        greatest = [max(row[t : t + days].sum() for t in range(0, len(row) - days + 1)) for row in rain[:2]]
        np.testing.assert_allclose(h.rain_limit[:2, k], RAIN_MARGIN[k] * np.array(greatest))
    may = known["time"].dt.month.values == 5
    np.testing.assert_allclose(h.log_flow[:, 4], np.log(flow[:, may]).mean(1))
    np.testing.assert_allclose(h.log_flow_spread[:, 4], np.maximum(np.log(flow[:, may]).std(1), 0.5))
    low, high = h.temperature["tmax"]
    np.testing.assert_allclose(low[:, 4], known["tmax"].values[:, may].min(1))
    np.testing.assert_allclose(high[:, 4], known["tmax"].values[:, may].max(1))
    assert (h.longest_constant == 1.0).all()


def test_the_mean_wet_day_leans_to_that_of_the_year(clean: Clean) -> None:
    h = learn(clean.known, clean.new)
    rain = clean.known["prcp"].values[0].astype(float)
    may = rain[clean.known["time"].dt.month.values == 5]
    overall = rain[rain > 0].mean()
    assert h.wet_day[0, 4] == pytest.approx((may.sum() + 10 * overall) / ((may > 0).sum() + 10))


def test_the_longest_constant_flow_counts_its_first_day(clean: Clean) -> None:
    known = clean.known.copy(deep=True)
    known["streamflow"][1, 100:107] = 0.8
    known["streamflow"][2, 100:120] = 0.0
    assert learn(known, clean.new).longest_constant.tolist()[:3] == [1.0, 7.0, 1.0]


def test_basins_are_found_by_name(clean: Clean) -> None:
    new = clean.new.isel(basin=[5, 0])
    expected = learn(clean.known, clean.new).rain_limit[[5, 0]]
    np.testing.assert_array_equal(learn(clean.known, new).rain_limit, expected)


def test_less_than_five_years_are_no_history(clean: Clean) -> None:
    known = clean.known.copy(deep=True)
    known["streamflow"][3, ENOUGH - 1 :] = np.nan
    known["prcp"][4, ENOUGH - 1 :] = np.nan
    h = learn(known, clean.new)
    assert np.flatnonzero(~h.flow_known).tolist() == [3]
    assert np.flatnonzero(~h.rain_known).tolist() == [4]
    assert np.isinf(h.flow_record[3]).all()
    guess = learn(None, clean.new)
    np.testing.assert_array_equal(h.rain_limit[4], guess.rain_limit[4])
    np.testing.assert_array_equal(
        learn(clean.known.isel(time=slice(0, 0)), clean.new).rain_limit, guess.rain_limit
    )
    low, high = learn(clean.known.isel(time=slice(0, ENOUGH - 1)), clean.new).temperature["tmin"]
    assert np.isneginf(low).all()
    assert np.isposinf(high).all()


def test_four_years_are_too_few_and_that_is_noted(clean: Clean) -> None:
    report = examine(clean.window(0, 30), known=clean.known.isel(time=slice(-4 * 365, None)), today=TODAY)
    assert [note.split(":")[0] for note in report.notes] == ["prcp", "streamflow"]
    assert examine(clean.window(0, 30), known=clean.known, today=TODAY).notes == ()


def test_limits_are_guessed_from_mean_rain_else_from_the_other_basins_else_from_nothing(clean: Clean) -> None:
    told = learn(None, clean.new)
    p_mean = clean.new["p_mean"].values
    np.testing.assert_allclose(told.rain_limit, p_mean[:, None] * GUESSED_RAIN)
    np.testing.assert_allclose(told.wet_day[:, 0], MEAN_WET * p_mean)

    untold = clean.new.drop_vars("p_mean")
    rain = untold["prcp"].values.astype(float)
    batch = learn(None, untold)
    np.testing.assert_allclose(batch.p_mean, np.median(rain.mean(1)))
    np.testing.assert_allclose(batch.rain_limit[0], LOOSE * batch.p_mean[0] * GUESSED_RAIN)
    # One basin 24 times too wet, or full of codes, changes little.
    spoilt = untold.copy(deep=True)
    spoilt["prcp"][0] *= 24.0
    spoilt["prcp"][1] = -999.0
    assert learn(None, spoilt).p_mean[0] == pytest.approx(batch.p_mean[0], rel=0.5)

    alone = learn(None, untold.isel(basin=[2]))
    assert alone.p_mean.tolist() == [GUESSED_MEAN]
