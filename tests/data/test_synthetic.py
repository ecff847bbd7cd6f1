from __future__ import annotations

import numpy as np
import pytest

from dhbv.attributes import PAPER_ATTRIBUTES
from dhbv.data.checks import check
from dhbv.data.forcing import model_forcing, observed_flow
from dhbv.data.schema import attributes
from dhbv.data.synthetic import SyntheticRegion, running_mean, synthetic_region
from dhbv.physics import variables
from dhbv.physics.hbv import Stores
from dhbv.physics.parameters import PARAMETERS, variant


@pytest.fixture(scope="module")
def twin() -> SyntheticRegion:
    return synthetic_region(n_basins=24, years=4, seed=3)


def test_it_is_a_region_of_the_schema(twin: SyntheticRegion) -> None:
    region = twin.region
    check(region, "synthetic")
    assert region.sizes == {"basin": 24, "time": 1461}
    assert str(region["basin"].values[0]) == "syn-001"
    assert str(region["time"].values[0])[:10] == "1995-10-01"
    assert str(region["time"].values[-1])[:10] == "1999-09-30"
    assert np.isfinite(model_forcing(region)).all()


def test_it_has_all_attributes_of_the_paper(twin: SyntheticRegion) -> None:
    table = attributes(twin.region)
    assert {*PAPER_ATTRIBUTES, "gauge_lat", "gauge_lon"} <= set(table.columns)
    numbers = table.select_dtypes("number")
    assert np.isfinite(numbers.to_numpy()).all()
    assert (numbers.std() > 0.0).all()
    for name in ("dom_land_cover", "geol_1st_class"):
        assert table[name].notna().all()
        assert table[name].nunique() > 1
    texture = table[["sand_frac", "silt_frac", "clay_frac"]].sum(axis=1)
    assert texture.between(90.0, 100.0).all()


def test_the_climate_attributes_are_those_of_the_weather(twin: SyntheticRegion) -> None:
    region = twin.region
    np.testing.assert_allclose(region["p_mean"], region["prcp"].astype(float).mean("time"), rtol=1e-5)
    ep = model_forcing(region)[..., 2].astype(float).mean(0)
    np.testing.assert_allclose(region["aridity"], ep / region["p_mean"], rtol=1e-5)


def test_the_same_seed_makes_the_same_region_and_another_another(twin: SyntheticRegion) -> None:
    again = synthetic_region(n_basins=24, years=4, seed=3)
    assert again.region.identical(twin.region)
    assert again.truth.identical(twin.truth)
    other = synthetic_region(n_basins=24, years=4, seed=4)
    assert not np.allclose(other.region["prcp"], twin.region["prcp"])


def test_the_truth_holds_every_variable_and_parameter_within_its_range(twin: SyntheticRegion) -> None:
    truth = twin.truth
    assert set(variables.VARIABLES) <= set(truth.data_vars)
    for name in (*variant("delta_bt_gt").parameters, "route_a", "route_tau"):
        row, values = PARAMETERS[name], truth[name].values
        assert ((values > row.lower) & (values < row.upper)).all(), name
        dynamic = name in ("beta", "gamma")
        assert truth[name].dims == (("basin", "time") if dynamic else ("basin",))
        assert truth[name].attrs["units"] == row.unit
        assert (values.std(axis=0) > 0.0).all(), name


def test_the_true_water_balances_every_day(twin: SyntheticRegion) -> None:
    truth = twin.truth
    store = sum(truth[name] for name in (*Stores._fields, "routing_store")).values
    gain = (truth["prcp"] - truth["et"] - truth["runoff"]).values[:, 1:]
    np.testing.assert_allclose(np.diff(store, axis=1), gain, atol=1e-9)
    parts = truth["surface_runoff"] + truth["interflow"] + truth["baseflow"]
    np.testing.assert_allclose(parts, truth["runoff"], rtol=1e-12)


def test_the_truth_runs_on_the_forcing_a_model_sees(twin: SyntheticRegion) -> None:
    forcing = model_forcing(twin.region)
    np.testing.assert_array_equal(twin.truth["prcp"].values.T, forcing[..., 0])
    np.testing.assert_array_equal(twin.truth["pet"].values.T, forcing[..., 2])


def test_flow_is_the_true_runoff_with_little_noise(twin: SyntheticRegion) -> None:
    error = np.log(observed_flow(twin.region).T / twin.truth["runoff"].values)
    assert error.std() == pytest.approx(0.02, rel=0.02)
    assert abs(error.mean()) < 5e-4


def test_the_water_looks_natural(twin: SyntheticRegion) -> None:
    truth = twin.truth.mean("time")
    ratio = truth["runoff"] / truth["prcp"]
    assert ((ratio > 0.1) & (ratio < 0.8)).all()
    assert 0.2 < float(ratio.median()) < 0.7
    share = truth["baseflow"] / truth["runoff"]
    assert float(share.std()) > 0.1
    snow = twin.region["frac_snow"].values
    assert snow.max() > 0.2
    assert snow.min() < 0.05
    assert float(twin.truth["swe"].max("time")[int(snow.argmax())]) > 50.0


def test_dynamic_parameters_move_and_follow_wetness(twin: SyntheticRegion) -> None:
    truth = twin.truth
    wet = running_mean((truth["prcp"] - truth["pet"]).values.T, 30).T[:, 30:]
    for basin in range(truth.sizes["basin"]):
        assert truth["beta"].values[basin].std() > 0.1
        by_wetness = truth["beta"].values[basin, 30:][wet[basin].argsort()]
        assert (np.diff(by_wetness) < 1e-9).all()


def test_running_mean_by_hand() -> None:
    series = np.array([[3.0], [5.0], [1.0], [6.0]])
    np.testing.assert_allclose(running_mean(series, 2)[:, 0], [3.0, 4.0, 3.0, 3.5])


def test_one_basin_and_one_year_will_do() -> None:
    assert synthetic_region(n_basins=1, years=1).region.sizes == {"basin": 1, "time": 366}
