from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dhbv.data.climate import climate_indices, mean_duration, seasonality
from dhbv.data.forcing import model_forcing
from dhbv.data.region import open_region

DAYS = np.arange(1461) % 365 + 1


def test_indices_of_a_made_up_climate_by_hand() -> None:
    # Four days for ever: 20 mm, 0, 0, 0. Of four rainy days one is cold enough for snow.
    prcp = np.where(np.arange(1600) % 4 == 0, 20.0, 0.0)[None]
    temperature = np.where(np.arange(1600) % 16 == 0, 0.9, 1.0)[None]
    indices = climate_indices(prcp, temperature, np.full((1, 1600), 2.5), np.arange(1600) % 365 + 1).iloc[0]
    assert indices["p_mean"] == 5.0
    assert indices["pet_mean"] == 2.5
    assert indices["aridity"] == 0.5
    assert indices["frac_snow"] == 0.25
    assert indices["high_prec_freq"] == 0.0  # 20 mm are but four times the mean
    assert indices["high_prec_dur"] == 0.0
    assert indices["low_prec_freq"] == pytest.approx(0.75 * 365.25)
    assert indices["low_prec_dur"] == 3.0


def test_mean_duration_counts_unbroken_runs() -> None:
    days = np.array([[1, 1, 0, 1, 0, 0, 1, 1, 1], [0] * 9], dtype=bool)
    assert mean_duration(days).tolist() == [2.0, 0.0]


@pytest.mark.parametrize(("lag", "sign"), [(0.0, 1.0), (0.5, -1.0), (0.25, 0.0)])
def test_seasonality_is_amplitude_times_cosine_of_the_lag(lag: float, sign: float) -> None:
    wave = 2.0 * np.pi * DAYS / 365.25
    prcp = 3.0 * (1.0 + 0.6 * np.sin(wave - 2.0 * np.pi * lag))[None]
    temperature = 8.0 + 12.0 * np.sin(wave)[None]
    assert seasonality(prcp, temperature, DAYS)[0] == pytest.approx(0.6 * sign, abs=1e-9)


def test_indices_are_those_of_camels(shared: Path) -> None:
    """CAMELS used Daymet over 1989-10-01..2009-09-30."""
    pack = shared / "camels_us" / "camels_us_daymet.nc"
    ds = open_region(pack, start="1989-10-01", end="2009-09-30", basins=["01013500", "14306500", "09066300"])
    forcing = model_forcing(ds).astype(float)
    p, t, ep = np.moveaxis(forcing.transpose(1, 0, 2), -1, 0)
    indices = climate_indices(p, t, ep, ds["time"].dt.dayofyear.values)
    for name in indices.columns.drop(["pet_mean", "aridity"]):  # CAMELS has Priestley-Taylor evaporation
        np.testing.assert_allclose(indices[name], ds[name].values, atol=1e-3, err_msg=name)
