"""An evaluation scores the run of the model it is given, over the days and basins it is given."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from dhbv import forecast
from dhbv.configuration import Period
from dhbv.data.synthetic import synthetic_region
from dhbv.errors import DhbvError
from dhbv.evaluation import scores
from dhbv.evaluation.evaluate import evaluate
from dhbv.model_directory import ModelDirectory
from dhbv.runtime import OUTPUTS

Make = Callable[..., ModelDirectory]
PERIOD = Period(start=dt.date(2001, 10, 1), end=dt.date(2002, 9, 30))


@pytest.fixture(scope="module")
def region() -> xr.Dataset:
    return synthetic_region(n_basins=4, years=3, start="1999-10-01").region


def test_scores_are_those_of_the_forecast_after_the_configured_spin_up(
    make_directory: Make, region: xr.Dataset
) -> None:
    model = make_directory()
    result = evaluate(model, region, PERIOD)
    fluxes, _ = forecast.run(model, region, PERIOD, spin_up_days=365, dtype=np.float32)
    assert result.fluxes.attrs["start"] == "spin-up of 365 days"
    assert np.array_equal(result.fluxes["runoff"], fluxes["runoff"])
    expected = scores.score_basins(region["streamflow"].sel(time=fluxes["time"]), fluxes["runoff"])
    assert result.table[expected.columns].equals(expected)
    np.testing.assert_allclose(
        result.table["bfi"], fluxes["baseflow"].sum("time") / fluxes["runoff"].sum("time"), rtol=1e-5
    )
    assert np.array_equal(result.observed, region["streamflow"].sel(time=fluxes["time"]))


def test_summary_names_period_weights_and_counts_as_strict_json(
    make_directory: Make, region: xr.Dataset
) -> None:
    model = make_directory()
    found = evaluate(model, region, PERIOD).summary
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["n_basins"] == found["n_scored"] == 4
    assert found["period"] == "2001-10-01..2002-09-30"
    assert found["weights_sha256"] == model.weights_sha256
    assert isinstance(found["median"]["nse"], float)
    assert "bfi_correlation" not in found


def test_baseflow_index_is_compared_where_the_region_has_it(make_directory: Make, region: xr.Dataset) -> None:
    model = make_directory()
    own = evaluate(model, region, PERIOD).table["bfi"]
    same = region.assign(baseflow_index=("basin", own.to_numpy()))
    assert evaluate(model, same, PERIOD).summary["bfi_correlation"] == pytest.approx(1.0)


def test_observations_change_scores_and_never_the_run(make_directory: Make, region: xr.Dataset) -> None:
    model = make_directory()
    unseen = region.copy(deep=True)
    unseen["streamflow"][0] = np.nan
    before, after = evaluate(model, region, PERIOD), evaluate(model, unseen, PERIOD)
    assert np.array_equal(before.fluxes["runoff"], after.fluxes["runoff"])
    assert np.isnan(after.table["nse"].iloc[0])
    assert after.table["nse"].iloc[1:].equals(before.table["nse"].iloc[1:])
    assert after.summary["n_scored"] == 3


def test_outputs_and_progress_are_as_asked(make_directory: Make, region: xr.Dataset) -> None:
    seen: list[tuple[int, int]] = []
    result = evaluate(
        make_directory(), region, PERIOD, outputs=OUTPUTS, on_progress=lambda *p: seen.append(p)
    )
    assert set(OUTPUTS) <= set(result.fluxes)
    assert seen[-1] == (730, 730)


def test_a_period_outside_the_data_is_an_error(make_directory: Make, region: xr.Dataset) -> None:
    with pytest.raises(DhbvError, match=r"of the period 2001-10-01\.\.2003-09-30: give data that cover it"):
        evaluate(make_directory(), region, Period(start=PERIOD.start, end=dt.date(2003, 9, 30)))
