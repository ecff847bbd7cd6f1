"""Scores against plain-Python versions of themselves, closed forms and invariances."""

from __future__ import annotations

import io
import json
import math
from itertools import pairwise
from statistics import fmean, pstdev

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from rich.console import Console

from dhbv.evaluation.scores import (
    FLOW_FLOOR,
    MIN_DAYS,
    SCORES,
    baseflow_index,
    flux_baseflow_index,
    render,
    score_basins,
    spatial_correlation,
    summary,
)

DAYS = 400


def flow(values: np.ndarray) -> xr.DataArray:
    values = np.atleast_2d(values)
    basins = [f"{n:08d}" for n in range(1, len(values) + 1)]
    time = pd.date_range("2000-10-01", periods=values.shape[1])
    return xr.DataArray(values, {"basin": basins, "time": time}, ("basin", "time"), name="streamflow")


@pytest.fixture
def observed() -> xr.DataArray:
    """Three rivers with gaps of their own."""
    rng = np.random.default_rng(1)
    values = rng.gamma(0.7, 2.0, (3, DAYS))
    values[1, 50:90] = np.nan
    values[2, ::7] = np.nan
    values[2, 1:20] = 0.0
    return flow(values)


@pytest.fixture
def simulated(observed: xr.DataArray) -> xr.DataArray:
    noise = np.random.default_rng(2).lognormal(0.1, 0.4, observed.shape)
    return (observed.fillna(1.0) + 0.05) * noise


def naive(o: list[float], s: list[float]) -> dict[str, float]:
    """The definitions, once more, as one would write them on paper."""
    n, mo, ms = len(o), fmean(o), fmean(s)
    squares = sum((b - a) ** 2 for a, b in zip(o, s, strict=True))
    r = fmean((a - mo) * (b - ms) for a, b in zip(o, s, strict=True)) / (pstdev(o) * pstdev(s))
    beta = ms / mo
    gamma = (pstdev(s) / ms) / (pstdev(o) / mo)
    high_o, high_s = (sum(sorted(q, reverse=True)[: round(0.02 * n)]) for q in (o, s))
    low_o, low_s = (
        sum(
            math.log(max(v, FLOW_FLOOR)) - math.log(max(min(q), FLOW_FLOOR))
            for v in sorted(q)[: round(0.3 * n)]
        )
        for q in (o, s)
    )
    return {
        "nse": 1 - squares / sum((a - mo) ** 2 for a in o),
        "kge": 1 - math.sqrt((r - 1) ** 2 + (beta - 1) ** 2 + (gamma - 1) ** 2),
        "kge_r": r,
        "kge_beta": beta,
        "kge_gamma": gamma,
        "bias": ms - mo,
        "relative_bias": 100 * (ms - mo) / mo,
        "correlation": r,
        "ubrmse": math.sqrt(fmean(((b - ms) - (a - mo)) ** 2 for a, b in zip(o, s, strict=True))),
        "rmse": math.sqrt(squares / n),
        "fhv": 100 * (high_s - high_o) / high_o,
        "flv": -100 * (low_s - low_o) / low_o,
    }


def test_every_score_is_its_definition(observed: xr.DataArray, simulated: xr.DataArray) -> None:
    table = score_basins(observed, simulated)
    assert list(table.columns) == [*SCORES, "days"]
    for basin, row in table.iterrows():
        pairs = zip(observed.sel(basin=basin).values, simulated.sel(basin=basin).values, strict=True)
        o, s = zip(*[pair for pair in pairs if not math.isnan(pair[0])], strict=True)
        assert row.days == len(o)
        assert row.drop("days").to_dict() == pytest.approx(naive(list(o), list(s)), rel=1e-10)


def test_perfect_flow_has_the_ideal_scores(observed: xr.DataArray) -> None:
    table = score_basins(observed, observed)
    for name, score in SCORES.items():
        np.testing.assert_allclose(table[name], score.ideal, atol=1e-12, err_msg=name)


def test_the_mean_as_prediction_has_nse_0(observed: xr.DataArray) -> None:
    table = score_basins(observed, observed.mean("time") + 0.0 * observed.fillna(0.0))
    np.testing.assert_allclose(table.nse, 0.0, atol=1e-12)
    assert table.kge.isna().all(), "a flow that never changes has no correlation, so no KGE"


def test_doubled_flow(observed: xr.DataArray) -> None:
    table = score_basins(observed, 2.0 * observed)
    for name, expected in {
        "relative_bias": 100, "kge_beta": 2, "kge_gamma": 1, "kge_r": 1, "kge": 0, "fhv": 100,
    }.items():  # fmt: skip
        np.testing.assert_allclose(table[name], expected, atol=1e-9, err_msg=name)
    # Logarithms shift alike, so that low flows have the same shape; basin 3 runs dry, where the floor tells.
    np.testing.assert_allclose(table.flv[:2], 0.0, atol=1e-9)


def test_steeper_recession_has_a_negative_flv() -> None:
    o = flow(np.exp(-0.01 * np.arange(DAYS)) + 0.5)
    steeper = o - 0.45
    assert score_basins(o, steeper).flv.item() < 0 < score_basins(steeper, o).flv.item()


def test_a_missing_day_is_as_if_it_had_never_been(observed: xr.DataArray, simulated: xr.DataArray) -> None:
    one = {"basin": [1]}
    seen = observed.isel(one).notnull().values[0]
    gaps = score_basins(observed.isel(one), simulated.isel(one))
    cut = score_basins(observed.isel(one)[:, seen], simulated.isel(one)[:, seen])
    pd.testing.assert_frame_equal(gaps, cut)
    wild = simulated.where(observed.notnull(), np.inf)
    pd.testing.assert_frame_equal(gaps, score_basins(observed.isel(one), wild.isel(one)))


def test_order_of_dimensions_and_single_precision(observed: xr.DataArray, simulated: xr.DataArray) -> None:
    table = score_basins(observed, simulated)
    turned = score_basins(observed.transpose("time", "basin"), simulated.astype("float32"))
    pd.testing.assert_frame_equal(table, turned, rtol=1e-4)


def test_basins_that_cannot_be_scored_stay_with_nan(observed: xr.DataArray, simulated: xr.DataArray) -> None:
    observed[0, MIN_DAYS - 1 :] = np.nan
    observed[1] = 3.0
    table = score_basins(observed, simulated)
    assert table[list(SCORES)].isna().all(axis=1).tolist() == [True, True, False]
    assert table.days.tolist()[:2] == [MIN_DAYS - 1, DAYS]
    found = summary(table)
    assert (found["n_basins"], found["n_scored"]) == (3, 1)
    none = summary(score_basins(observed[:2], simulated[:2]))
    assert (none["n_scored"], none["median"]["nse"]) == (0, None)


def test_days_at_the_minimum_are_enough(observed: xr.DataArray, simulated: xr.DataArray) -> None:
    observed[0, MIN_DAYS:] = np.nan
    assert np.isfinite(score_basins(observed, simulated).nse.iloc[0])


def test_a_dry_river_has_no_flv() -> None:
    o = flow(np.r_[np.zeros(DAYS // 2), np.arange(DAYS // 2) + 1.0])
    table = score_basins(o, o + 1.0)
    assert np.isnan(table.flv.item())
    assert np.isfinite(table.nse.item())


def test_error_names_basin_and_day_of_flow_that_is_not_finite(
    observed: xr.DataArray, simulated: xr.DataArray
) -> None:
    simulated[1, 95:] = np.nan
    with pytest.raises(
        ValueError, match="not finite on 305 observed days, first in basin 00000002 on 2001-01-04"
    ):
        score_basins(observed, simulated)


def test_error_where_days_differ(observed: xr.DataArray, simulated: xr.DataArray) -> None:
    with pytest.raises(
        ValueError, match=r"differ in time: 400 and 300 of them, 300 in common; select the same"
    ):
        score_basins(observed, simulated[:, :300])


def test_error_where_dimensions_are_others(observed: xr.DataArray, simulated: xr.DataArray) -> None:
    with pytest.raises(
        ValueError, match=r"simulated flow needs the dimensions basin and time, got \('time',\)"
    ):
        score_basins(observed, simulated[0])


def test_constant_flow_is_all_baseflow() -> None:
    assert baseflow_index(flow(np.full(100, 2.5))).item() == pytest.approx(1.0)


def test_flow_that_is_only_flashes_has_little_baseflow() -> None:
    flashes = np.zeros(DAYS)
    flashes[50::60] = 10.0
    assert 0.0 <= baseflow_index(flow(flashes)).item() < 0.05


def test_baseflow_index_does_not_depend_on_the_unit(observed: xr.DataArray) -> None:
    pd.testing.assert_series_equal(baseflow_index(observed), baseflow_index(86.4 * observed))


def test_baseflow_index_is_the_filter_by_hand() -> None:
    """Three passes over a reflected record, one day and one number at a time."""
    q = np.random.default_rng(3).gamma(0.7, 2.0, 120)

    def forward(total: list[float]) -> list[float]:
        slow, quick = [total[0]], 0.0
        for before, now in pairwise(total):
            quick = 0.925 * quick + 0.9625 * (now - before)
            slow.append(now - quick if quick > 0 else now)
        return slow

    padded = [*q[30:0:-1], *q, *q[-2:-32:-1]]
    assert len(padded) == 180
    base = forward(forward(forward(padded)[::-1])[::-1])[30:-30]
    assert baseflow_index(flow(q)).item() == pytest.approx(sum(base) / sum(q), rel=1e-12)


def test_baseflow_index_bridges_gaps_and_needs_flow() -> None:
    values = np.full((2, 100), 2.0)
    values[0, 40:60] = np.nan
    values[1] = np.nan
    steady, unseen = baseflow_index(flow(values))
    assert steady == pytest.approx(1.0)
    assert np.isnan(unseen)
    with pytest.raises(ValueError, match="needs more than 30 days, got 20"):
        baseflow_index(flow(np.ones(20)))


def test_flux_baseflow_index() -> None:
    runoff = flow([[4.0, 4.0], [0.0, 0.0]])
    found = flux_baseflow_index(flow([[1.0, 3.0], [0.0, 0.0]]), runoff)
    assert found.to_dict() == pytest.approx({"00000001": 0.5, "00000002": np.nan}, nan_ok=True)


def test_spatial_correlation() -> None:
    a = pd.Series([1.0, 2.0, 3.0, np.nan], ["a", "b", "c", "d"])
    assert spatial_correlation(a, 2.0 * a + 1.0) == pytest.approx(1.0)
    assert spatial_correlation(a, -a[::-1]) == pytest.approx(-1.0), "matched by basin, not by place"
    a_few = np.array([1.0, np.inf, 2.0, 3.0])
    assert spatial_correlation(a_few, np.array([1.0, 5.0, 0.0, -1.0])) == pytest.approx(-1.0)
    assert math.isnan(spatial_correlation(a[:2], a[:2])), "any two points lie on a line"
    assert math.isnan(spatial_correlation(a, 0.0 * a))
    with pytest.raises(ValueError, match=r"two arrays of one shape, got \(3,\), \(2,\)"):
        spatial_correlation(np.ones(3), np.ones(2))


def test_summary_is_strict_json(observed: xr.DataArray, simulated: xr.DataArray) -> None:
    simulated[2] = 100.0
    table = score_basins(observed, simulated)
    found = summary(table, basins=np.array([1, 2]), bfi={"r": np.float32(0.5), "none": np.nan}, period="test")
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["below_zero"] == 1
    assert found["basins"] == [1, 2]
    assert found["bfi"] == {"r": 0.5, "none": None}
    assert found["median"]["nse"] == pytest.approx(table.nse.median())
    assert found["quartiles"]["nse"] == pytest.approx(table.nse.quantile([0.25, 0.75]).tolist())
    assert found["mean"]["kge"] == pytest.approx(table.kge.mean())


def test_render_is_readable(observed: xr.DataArray, simulated: xr.DataArray) -> None:
    observed[0] = np.nan
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(render(summary(score_basins(observed, simulated))))
    text = console.export_text()
    assert all(name in text for name in SCORES)
    assert "mm d-1" in text
    assert "2 of 3 basins scored" in text


def test_render_without_a_scored_basin(observed: xr.DataArray, simulated: xr.DataArray) -> None:
    table = render(summary(score_basins(np.nan * observed, simulated)))
    assert set(table.columns[1].cells) == {"–"}
