"""A true run keeps every rule; each rule is broken by the tampering it is there for, and names the basin."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv import forecast
from dhbv.configuration import Period, parse
from dhbv.data.synthetic import synthetic_region
from dhbv.errors import ConfigurationError
from dhbv.evaluation.plausibility import (
    LONG_TERM,
    TOLERANCES,
    WATER,
    YEAR,
    Case,
    PlausibilityLimits,
    Row,
    judge,
    water_budget,
)
from tests.small_models import small_model

PERIOD = Period(start=dt.date(2003, 10, 1), end=dt.date(2006, 9, 30))
BASIN = 1
"""Position of the basin that is tampered with."""


@pytest.fixture(scope="module")
def region() -> xr.Dataset:
    return synthetic_region(n_basins=6, years=4, start="2002-10-01").region


@pytest.fixture(scope="module")
def runs(region: xr.Dataset, tmp_path_factory: pytest.TempPathFactory) -> dict[str, xr.Dataset]:
    """The same run in both precisions."""
    model = small_model(tmp_path_factory.mktemp("plausibility") / "model")
    return {
        precision: forecast.run(
            model, region, PERIOD, spin_up_days=365, outputs=WATER, dtype=precision
        )[0].load()
        for precision in TOLERANCES
    }  # fmt: skip


@pytest.fixture(params=list(TOLERANCES))
def precision(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fluxes(runs: dict[str, xr.Dataset], precision: str) -> xr.Dataset:
    return runs[precision].copy(deep=True)


@pytest.fixture
def case(runs: dict[str, xr.Dataset], region: xr.Dataset, precision: str) -> Case:
    """An untouched run against itself."""
    budget = water_budget(runs[precision], _days(region))
    return Case(budget, budget, None, PERIOD.days, TOLERANCES[precision], PlausibilityLimits())


def _days(region: xr.Dataset) -> xr.Dataset:
    return region.sel(time=slice(str(PERIOD.start), str(PERIOD.end)))


def _rows(case: Case) -> dict[str, Row]:
    return {row.name: row for row in judge(case)}


def _broken(case: Case) -> dict[str, Row]:
    return {name: row for name, row in _rows(case).items() if row.passed is False}


def test_a_true_run_keeps_every_rule_in_either_precision(case: Case) -> None:
    assert not _broken(case)
    unjudged = {name for name, row in _rows(case).items() if row.passed is None}
    assert unjudged == {"baseflow pattern", "snow where cold"}
    assert all(row.rule and row.threshold and row.reason and row.finding for row in judge(case))


def test_the_budget_is_the_water_of_the_run(
    case: Case, runs: dict[str, xr.Dataset], precision: str, region: xr.Dataset
) -> None:
    f, b = runs[precision].astype(float), case.budget
    np.testing.assert_allclose(b["et_over_p"], f["et"].sum("time") / f["prcp"].sum("time"))
    np.testing.assert_allclose(b["bfi"], f["baseflow"].sum("time") / f["runoff"].sum("time"))
    np.testing.assert_allclose(b["firn"], f["swe"].isel(time=slice(-365, None)).min("time"))
    np.testing.assert_allclose(b["most_swe"], f["swe"].max("time"))
    coldest = (0.5 * (region["tmin"].astype(float) + region["tmax"])).sel(time=f["time"]).min("time")
    np.testing.assert_allclose(b["coldest"], coldest)
    assert (b["least"] == 0.0).all()


def _set(fluxes: xr.Dataset, name: str, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Change a variable [time] of one basin."""
    fluxes[name][BASIN] = change(fluxes[name].values[BASIN].astype(float))


def _at_one_day(amount: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        values[200] += amount
        return values

    return change


def _nan(f: xr.Dataset) -> None:
    # In a flux that enters no balance: it is seen all the same.
    _set(f, "percolation", _at_one_day(np.nan))


def _infinite(f: xr.Dataset) -> None:
    _set(f, "melt", _at_one_day(np.inf))


def _negative_flow(f: xr.Dataset) -> None:
    _set(f, "interflow", lambda v: v - 3.0)
    _set(f, "baseflow", lambda v: v + 3.0)


def _negative_store(f: xr.Dataset) -> None:
    # Of all stores the only one that is no part of the balance, being the sum of two that are.
    _set(f, "swe", lambda v: np.where(np.arange(len(v)) == 5, -1e-6, v))


def _leak(f: xr.Dataset) -> None:
    for name in ("runoff", "surface_runoff", "interflow", "baseflow"):
        _set(f, name, lambda v: 0.99 * v)


def _slow_leak(f: xr.Dataset) -> None:
    # 2e-4 mm a day: within the rounding of a float32 day, not of three years.
    _set(f, "lower_zone", lambda v: v + 2e-4 * np.arange(len(v)))


def _late_water(f: xr.Dataset) -> None:
    _set(f, "soil_water", _at_one_day(5.0))


def _lost_part(f: xr.Dataset) -> None:
    _set(f, "baseflow", lambda v: 0.98 * v)


def _too_thirsty(f: xr.Dataset) -> None:
    """Evaporation above its potential that the soil pays for, so that mass closes."""
    more = f["pet"].values[BASIN, 200] - f["et"].values[BASIN, 200] + 0.01
    _set(f, "et", _at_one_day(more))
    _set(f, "soil_water", lambda v: v + 100.0 - more * (np.arange(len(v)) >= 200))


def _all_evaporates(f: xr.Dataset) -> None:
    """ET of 1.2 P, from a soil that is deep enough; the potential is raised with it."""
    more = 1.2 * f["prcp"].values[BASIN] - f["et"].values[BASIN]
    _set(f, "et", lambda v: v + np.maximum(more, 0.0))
    _set(f, "pet", lambda v: v + np.maximum(more, 0.0))
    _set(f, "soil_water", lambda v: v + 1e5 - np.cumsum(np.maximum(more, 0.0)))


def _snow_tower(f: xr.Dataset) -> None:
    """All precipitation stays as snow, out of the soil's store."""
    more = np.cumsum(f["prcp"].values[BASIN].astype(float))
    _set(f, "snowpack", lambda v: v + more)
    _set(f, "swe", lambda v: v + more)
    _set(f, "soil_water", lambda v: v + 1e5 - more)


@pytest.mark.parametrize(
    ("tamper", "rules"),
    [
        (_nan, {"finite"}),
        (_infinite, {"finite"}),
        (_negative_flow, {"not negative"}),
        (_negative_store, {"not negative"}),
        (_leak, {"mass, each day", "mass, whole period"}),
        (_slow_leak, {"mass, whole period"}),
        (_late_water, {"mass, each day"}),
        (_lost_part, {"parts of runoff"}),
        (_too_thirsty, {"ET below potential"}),
        (_all_evaporates, {"ET over P"}),
        (_snow_tower, {"no new firn"}),
    ],
)
def test_tampering_breaks_its_rule_and_names_the_basin(
    case: Case,
    fluxes: xr.Dataset,
    region: xr.Dataset,
    precision: str,
    tamper: Callable[[xr.Dataset], None],
    rules: set[str],
) -> None:
    if precision == "float64" and tamper is _slow_leak:
        rules = rules | {"mass, each day"}
    # In float64 throughout, so that the tampering is the only thing that does not close.
    tamper(widened := fluxes.astype(float))
    broken = _broken(replace(case, budget=water_budget(widened, _days(region))))
    basin = str(region["basin"].values[BASIN])
    # A negative flow changes the baseflow fraction of its basin as well, one basin of six: more than a tenth.
    assert set(broken) - {"baseflow fraction"} == rules
    for name in rules:
        assert broken[name].basins == (basin,)
        assert basin in broken[name].finding


def test_the_worst_value_is_told_with_its_variable(
    case: Case, fluxes: xr.Dataset, region: xr.Dataset
) -> None:
    _set(fluxes, "interflow", lambda v: v - 30.0)
    row = _broken(replace(case, budget=water_budget(fluxes, _days(region))))["not negative"]
    assert row.finding == "least value -30, of interflow in syn-002; broken in 1 of 6 basins: syn-002"


def test_a_nan_in_the_balance_breaks_it_too(case: Case, fluxes: xr.Dataset, region: xr.Dataset) -> None:
    fluxes["runoff"][BASIN, 7] = np.nan
    broken = _broken(replace(case, budget=water_budget(fluxes, _days(region))))
    assert {"finite", "mass, each day", "mass, whole period", "parts of runoff"} <= set(broken)
    assert all(row.basins == ("syn-002",) for row in broken.values())


def _with(case: Case, **columns: object) -> Case:
    return replace(case, budget=case.budget.assign(**columns))


def test_baseflow_outside_the_band_is_borne_in_some_basins_only(case: Case) -> None:
    few = PlausibilityLimits(bfi_outside=0.2)
    one, two = [0.99, 0.5, 0.5, 0.5, 0.5, 0.5], [0.99, 0.01, 0.5, 0.5, 0.5, 0.5]
    row = _rows(replace(_with(case, bfi=one), limits=few))["baseflow fraction"]
    assert (row.passed, row.basins) == (True, ("syn-001",))
    assert row.finding == "median 0.50; outside in 1 of 6 basins: syn-001"
    row = _rows(replace(_with(case, bfi=two), limits=few))["baseflow fraction"]
    assert (row.passed, row.basins) == (False, ("syn-001", "syn-002"))
    dry = _rows(_with(case, bfi=[np.nan] + [0.5] * 5))["baseflow fraction"]
    assert dry.basins == ("syn-001",), "a river that never flows has no plausible baseflow"


def test_the_baseflow_pattern_is_held_against_the_champions(case: Case) -> None:
    index = case.budget.index
    attribute = pd.Series([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], index)
    close, far = attribute + 0.02 * np.array([1, -1, 1, -1, 1, -1]), attribute.to_numpy()[::-1]
    name = "baseflow pattern"
    good, bad = (_with(replace(case, baseflow_index=attribute), bfi=bfi) for bfi in (close, far))
    assert _rows(replace(good, champion=bad.budget))[name].passed is True
    row = _rows(replace(bad, champion=good.budget))[name]
    assert row.passed is False
    assert row.finding.startswith("r = -1.000, champion’s 0.99")
    assert set(row.basins) >= {"syn-001", "syn-006"}, "those furthest off"
    # Just within and just beyond the margin.
    r = float(np.corrcoef(close, attribute)[0, 1])
    for loss, passed in ((1.0 - r + 1e-6, True), (1.0 - r - 1e-6, False)):
        limits = PlausibilityLimits(bfi_correlation_loss=loss)
        best = _with(good, bfi=attribute).budget
        assert _rows(replace(good, champion=best, limits=limits))[name].passed is passed
    assert _rows(replace(good, champion=None))[name].passed is True
    assert _rows(replace(bad, champion=None))[name].passed is False
    constant = _rows(_with(good, bfi=0.5))[name]
    assert constant.passed is None
    assert constant.finding == "not judged: fewer than 3 basins, or all alike"


def test_snow_in_basins_without_frost(
    case: Case, runs: dict[str, xr.Dataset], region: xr.Dataset, precision: str
) -> None:
    name = "snow where cold"
    warm = _days(region).copy(deep=True)
    warm["tmin"][BASIN] += 60.0
    warm["tmax"][BASIN] += 60.0
    row = _rows(replace(case, budget=water_budget(runs[precision], warm)))[name]
    assert row.passed is False, "the run's snow lies in what is now the tropics"
    assert row.basins == ("syn-002",)
    bare = _with(case, coldest=[9.0] + [-9.0] * 5, most_swe=[4.9] + [500.0] * 5)
    assert _rows(bare)[name].passed is True
    assert _rows(bare)[name].finding == "1 basins without frost hold at most 4.9 mm"


@pytest.mark.parametrize(
    ("champion", "challenger", "passed"),
    [(0.0, 50.0, True), (0.0, 51.0, False), (49.0, 98.0, True), (49.0, 100.0, False), (900.0, 2000.0, True),
     (0.0, np.nan, False)],
)  # fmt: skip
def test_firn_is_new_only_where_the_champion_had_none(
    case: Case, champion: float, challenger: float, passed: bool
) -> None:
    before = case.budget.assign(firn=[champion] + [0.0] * 5)
    row = _rows(replace(_with(case, firn=[challenger] + [0.0] * 5), champion=before))["no new firn"]
    assert row.passed is passed
    assert row.basins == (() if passed else ("syn-001",))


def test_firn_of_a_first_champion_is_borne_in_some_basins(case: Case) -> None:
    first = replace(_with(case, firn=[80.0] + [0.0] * 5), champion=None)
    assert _rows(first)["no new firn"].passed is False
    some = replace(first, limits=PlausibilityLimits(firn_basins=0.2))
    assert _rows(some)["no new firn"].passed is True


def test_short_periods_leave_what_needs_years_unjudged(case: Case) -> None:
    worst = _with(case, et_over_p=9.0, firn=999.0)
    for days, unjudged in ((YEAR - 1, {"ET over P", "no new firn"}), (LONG_TERM - 1, {"ET over P"})):
        rows = _rows(replace(worst, champion=case.budget.assign(firn=0.0), days=days))
        assert {n for n in ("ET over P", "no new firn") if rows[n].passed is None} == unjudged
        assert rows["ET over P"].finding == f"not judged: {days} days, needs 1095"


def test_limits_are_read_strictly() -> None:
    assert parse({"firn": 20}, PlausibilityLimits, source="gate.yaml").firn == 20.0
    with pytest.raises(ConfigurationError, match=r"gate\.yaml: .*unknown field `fern`"):
        parse({"fern": 20}, PlausibilityLimits, source="gate.yaml")
    with pytest.raises(ConfigurationError, match=r"bfi_outside: .*<= 1"):
        parse({"bfi_outside": 3.0}, PlausibilityLimits, source="gate.yaml")


def test_the_real_models_budget_closes(shared: Path) -> None:
    """The shipped model on a few real basins, snow and desert among them."""
    from dhbv import model_directory
    from dhbv.data import open_region

    model = model_directory.load(Path(__file__).parents[2] / "models" / "camels_us_531")
    folder = shared / "camels_us"
    some = ["01022500", "12175500", "09430600", "11230500", "02298608"]
    region = open_region(
        folder / "camels_us_maurer.nc", attributes=folder / "camels_us_attributes.csv", basins=some,
        start="1994-10-01", end="1998-09-30",
    )  # fmt: skip
    period = Period(start=dt.date(1995, 10, 1), end=dt.date(1998, 9, 30))
    fluxes, _ = forecast.run(model, region, period, spin_up_days=365, outputs=WATER, dtype=np.float32)
    budget = water_budget(fluxes, region.sel(time=fluxes["time"]))
    case = Case(
        budget, budget, region["baseflow_index"].to_series(), period.days, TOLERANCES["float32"], PlausibilityLimits()
    )  # fmt: skip
    assert not _broken(case)
