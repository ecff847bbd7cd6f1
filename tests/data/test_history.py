"""What past flow tells: by hand where it can be, and of the days it may tell of alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.attributes import HISTORY_ATTRIBUTES
from dhbv.configuration import Period
from dhbv.data import DataError, open_region
from dhbv.data.history import PERIOD, refuse_other_days, signatures, with_history
from dhbv.data.synthetic import synthetic_region

DAYS = np.arange("1999-10-01", "2003-10-01", dtype="datetime64[D]")
"""Four whole years from October."""

TRAIN = Period(start=dt.date(1999, 10, 1), end=dt.date(2001, 9, 30))


def told(flow: np.ndarray, prcp: np.ndarray | float = 4.0) -> dict[str, float]:
    """Signatures of one basin, without their prefix."""
    table = signatures(flow[None], np.broadcast_to(prcp, flow.shape)[None], DAYS)
    assert tuple(table.columns) == tuple(HISTORY_ATTRIBUTES)
    return {str(name).removeprefix("history_"): value for name, value in table.iloc[0].items()}


@pytest.fixture(scope="module")
def region() -> xr.Dataset:
    return synthetic_region(n_basins=3, years=4, start="1999-10-01").region


def test_a_river_that_never_changes() -> None:
    found = told(np.full(len(DAYS), 2.0))
    assert found == pytest.approx(
        {
            "q_mean": 2.0, "runoff_ratio": 0.5, "runoff_ratio_cold": 0.5, "runoff_ratio_warm": 0.5, "q05": 2.0,
            "q95": 2.0, "slope_fdc": 0.0, "no_flow": 0.0, "flashiness": 0.0, "recession": 0.0,
            "centroid": (3 * np.arange(365).sum() + np.arange(366).sum()) / len(DAYS),
        }
    )  # fmt: skip


def test_a_river_that_never_flows_has_a_history() -> None:
    found = told(np.zeros(len(DAYS)))
    assert found.pop("no_flow") == 1.0
    assert set(found.values()) == {0.0}


def test_every_other_day() -> None:
    found = told(np.tile([0.0, 2.0], len(DAYS) // 2 + 1)[: len(DAYS)])
    assert found["no_flow"] == pytest.approx(0.5, abs=1e-3)
    assert found["flashiness"] == pytest.approx(2.0, abs=1e-2)


def test_the_recession_is_that_of_dry_days() -> None:
    """Flow falls by 5 % a day but, on days of rain and on those after them, by half; it rises every ten days."""
    flow, prcp = np.empty(len(DAYS)), np.zeros(len(DAYS))
    for day in range(len(DAYS)):
        prcp[day] = 6.0 * (day % 10 in (2, 4, 6))
        falls = 0.5 if 2 <= day % 10 <= 7 else np.exp(-0.05)
        flow[day] = 8.0 if day % 10 == 0 else flow[day - 1] * falls
    assert told(flow, prcp)["recession"] == pytest.approx(0.05)


def test_flow_duration_by_a_sorted_record() -> None:
    flow = np.random.default_rng(0).gamma(0.7, 3.0, len(DAYS))
    found, ranked = told(flow), np.sort(flow)[::-1]

    def exceeded(share: float) -> float:
        return float(ranked[round(share * (len(ranked) - 1))])

    assert found["q95"] == pytest.approx(exceeded(0.05), rel=2e-2)
    assert found["q05"] == pytest.approx(exceeded(0.95), rel=5e-2)
    slope = (np.log(exceeded(0.33)) - np.log(exceeded(0.66))) / (0.66 - 0.33)
    assert found["slope_fdc"] == pytest.approx(slope, rel=2e-2)


def test_a_summer_flood_is_told_by_season_and_centroid() -> None:
    """All flow on 1 July, day 273 of the year from October (274 in a leap year)."""
    flow = np.where(pd.DatetimeIndex(DAYS).strftime("%m-%d") == "07-01", 183.0, 0.0)
    found = told(flow, 1.0)
    assert found["runoff_ratio_warm"] == pytest.approx(1.0)
    assert found["runoff_ratio_cold"] == 0.0
    assert found["centroid"] == pytest.approx(273.25)


def test_days_without_observation_count_nowhere() -> None:
    """Neither their flow nor their rain: it pours on every one of them."""
    rng = np.random.default_rng(1)
    seen = rng.random(len(DAYS)) < 0.6
    flow = np.where(seen, 2.0, np.nan)
    found = told(flow, np.where(seen, 4.0, 400.0))
    assert (found["q_mean"], found["runoff_ratio"], found["no_flow"], found["flashiness"]) == (
        2.0,
        0.5,
        0.0,
        0.0,
    )


def test_less_than_a_year_is_no_history() -> None:
    flow = np.full((2, len(DAYS)), np.nan)
    flow[0, :364], flow[1, :365] = 1.0, 1.0
    table = signatures(flow, np.ones_like(flow), DAYS)
    assert table.iloc[0].isna().all()
    assert table.iloc[1].notna().all()


def test_days_outside_the_period_may_be_poisoned_without_effect(region: xr.Dataset) -> None:
    clean = with_history(region, TRAIN)
    inside = (region["time"] >= np.datetime64(TRAIN.start)) & (region["time"] <= np.datetime64(TRAIN.end))
    poisoned = region.copy(deep=True)
    for name in ("streamflow", "prcp"):
        poisoned[name] = xr.where(inside, poisoned[name], 1e6).transpose("basin", "time")
    spoilt = with_history(poisoned, TRAIN)
    changed = region.copy(deep=True)
    changed["streamflow"].loc[{"time": str(TRAIN.end)}] += 50.0
    other = with_history(changed, TRAIN)
    for name in HISTORY_ATTRIBUTES:
        np.testing.assert_array_equal(spoilt[name].values, clean[name].values)
    assert (other["history_q_mean"] > clean["history_q_mean"]).all(), "the last day counts"
    assert clean["history_q_mean"].attrs["units"] == "mm d-1"
    assert clean["history_q_mean"].attrs[PERIOD] == "1999-10-01..2001-09-30"


def test_a_written_region_still_says_from_which_days_it_was_told(region: xr.Dataset, tmp_path: Path) -> None:
    clean = with_history(region, TRAIN)
    clean.to_netcdf(tmp_path / "region.nc")
    again = open_region(tmp_path / "region.nc")
    for name in HISTORY_ATTRIBUTES:
        np.testing.assert_array_equal(again[name].values, clean[name].values)
        assert again[name].attrs[PERIOD] == str(TRAIN)


def test_absent_days_and_flow_are_said(region: xr.Dataset) -> None:
    with pytest.raises(
        DataError, match=r"hold 2000-10-01\.\..*, not all of 1999-10-01\.\.2001-09-30: choose --start"
    ):
        with_history(region.sel(time=slice("2000-10-01", None)), TRAIN)
    with pytest.raises(DataError, match="no streamflow, from which a history could be told"):
        with_history(region.drop_vars("streamflow"), TRAIN)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda ds: ds, None),
        (lambda ds: ds["history_q05"].attrs.update({PERIOD: "2000-01-01..2000-12-31"}), None),
        (lambda ds: ds["history_q05"].attrs.clear(), r"history_q05 does not say from which days it was made"),
        (lambda ds: ds["history_q05"].attrs.update({PERIOD: "always"}), r"history_q05 does not say from which days"),
        (
            lambda ds: ds["history_q05"].attrs.update({PERIOD: "1999-10-01..2001-10-01"}),
            r"history_q05 was made from 1999-10-01\.\.2001-10-01, which is not within data\.train "
            r"1999-10-01\.\.2001-09-30: make it anew with `dhbv data history` --start 1999-10-01 --end 2001-09-30",
        ),
        (
            lambda ds: ds["history_q05"].attrs.update({PERIOD: "1999-09-30..2001-09-30"}),
            r"history_q05 was made from 1999-09-30\.\.2001-09-30, which is not within",
        ),
    ],
)  # fmt: skip
def test_other_days_than_those_trained_on_are_refused(
    region: xr.Dataset, change: Callable[[xr.Dataset], object], message: str | None
) -> None:
    ds = with_history(region, TRAIN)
    change(ds)
    if message is None:
        refuse_other_days(ds, tuple(HISTORY_ATTRIBUTES), TRAIN)
        return
    with pytest.raises(DataError, match=message):
        refuse_other_days(ds, ("p_mean", *HISTORY_ATTRIBUTES), TRAIN)
    refuse_other_days(ds, ("p_mean", "history_q95"), TRAIN)


def test_on_camels_they_are_camels_own(shared: Path) -> None:
    """Their signatures are of 1989-10 to 2009-09 (Addor et al. 2017), against Daymet's rain."""
    folder = shared / "camels_us"
    basins = ["01022500", "02056900", "06224000", "09386900", "11480390", "14325000"]
    region = open_region(folder / "camels_us_daymet.nc", basins=basins)
    found = with_history(region, Period(start=dt.date(1989, 10, 1), end=dt.date(2009, 9, 30)))
    pairs = {"q_mean": "q_mean", "q05": "q5", "q95": "q95", "runoff_ratio": "runoff_ratio"}
    for ours, theirs in pairs.items():
        np.testing.assert_allclose(
            found[f"history_{ours}"], found[theirs], rtol=0.02, atol=5e-3, err_msg=ours
        )
    later = found["hfd_mean"].argsort().values
    assert found["history_centroid"].values[later[-1]] > found["history_centroid"].values[later[0]]
