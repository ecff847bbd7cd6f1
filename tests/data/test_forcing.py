from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from dhbv.data import DataError, model_forcing, open_region
from dhbv.data.forcing import observed_flow
from dhbv.physics.hargreaves import potential_evaporation


def test_p_t_and_ep_by_hand(region: xr.Dataset) -> None:
    region["gauge_lat"] = ("basin", [30.0, 60.0])
    forcing = model_forcing(region)
    assert forcing.shape == (6, 2, 3)
    assert forcing.dtype == np.float32
    np.testing.assert_array_equal(forcing[..., 0], region["prcp"].values.T)
    tmin, tmax = region["tmin"].values.astype(float), region["tmax"].values.astype(float)
    np.testing.assert_allclose(forcing[..., 1], 0.5 * (tmin + tmax).T, rtol=1e-6)
    # 2000-02-29 is day 60, 2000-03-01 day 61.
    for day, number in ((3, 60), (4, 61)):
        for basin, latitude in enumerate((30.0, 60.0)):
            by_hand = potential_evaporation(tmin[basin, day], tmax[basin, day], latitude, number)
            assert forcing[day, basin, 2] == pytest.approx(float(by_hand), rel=1e-6)


def test_given_evaporation_is_taken(region: xr.Dataset) -> None:
    region["pet"] = region["prcp"] * 0.0 + 3.5
    np.testing.assert_array_equal(model_forcing(region.drop_vars("gauge_lat"))[..., 2], 3.5)


def test_crossed_temperatures_give_no_evaporation_and_no_nan(region: xr.Dataset) -> None:
    region["tmax"][0, 1] = region["tmin"][0, 1] - 2.0
    forcing = model_forcing(region)
    assert np.isfinite(forcing).all()
    assert forcing[1, 0, 2] == 0.0


def test_a_missing_latitude_names_the_option(region: xr.Dataset) -> None:
    with pytest.raises(DataError, match=r"no attribute gauge_lat.*--attributes FILE"):
        model_forcing(region.drop_vars("gauge_lat"))
    region["gauge_lat"][1] = np.nan
    with pytest.raises(DataError, match=r"basin 02177000: gauge_lat is nan"):
        model_forcing(region)


def test_forcing_that_is_not_finite_is_named(region: xr.Dataset) -> None:
    region["tmin"][1, 2] = np.nan
    with pytest.raises(DataError, match="basin 02177000: T is nan on 2000-02-28"):
        model_forcing(region)


def test_flow_is_time_by_basin_with_nan(region: xr.Dataset) -> None:
    region["streamflow"][1, 2] = np.nan
    flow = observed_flow(region)
    assert flow.shape == (6, 2)
    assert flow.dtype == np.float32
    assert np.argwhere(np.isnan(flow)).tolist() == [[2, 1]]


def test_crossed_days_of_daymet_give_finite_evaporation(shared: Path) -> None:
    pack = shared / "camels_us" / "camels_us_daymet.nc"
    ds = open_region(pack, start="1990-01-01", end="1993-12-31")
    crossed = (ds["tmax"] < ds["tmin"]).values.T
    forcing = model_forcing(ds)
    assert crossed.sum() > 100
    assert np.isfinite(forcing).all()
    assert (forcing[..., 2][crossed] == 0.0).all()
