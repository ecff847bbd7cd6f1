"""An update mends what was planted, leaves alone what is right, and keeps within its bounds and its books."""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from dhbv.assimilation import AssimilationConfig, Outcome, Update, update
from dhbv.assimilation import window as windows
from dhbv.assimilation.configuration import SpreadConfig
from dhbv.data import model_forcing
from dhbv.errors import DhbvError
from dhbv.state import State
from tests.assimilation.conftest import BASINS, WINDOW, World, scaled

pytest.importorskip("torch")
ALONE = {"snow": 0.0, "soil_water": 0.0, "upper_zone": 0.0, "lower_zone": 0.0, "prcp": 0.0}


def only(**spread: float) -> AssimilationConfig:
    """Settings under which nothing else may change."""
    return AssimilationConfig(spread=SpreadConfig(**(ALONE | spread)), flow_error=0.05)


def same(one: State, other: State) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(State))


def undisturbed(world: World, state: State) -> State:
    return world.runtime.run(state, model_forcing(world.window), ())[0]


def with_flow(world: World, flow: np.ndarray) -> xr.Dataset:
    """The window with other observations [time, B]."""
    return world.window.assign(streamflow=(("basin", "time"), flow.T))


@pytest.mark.parametrize(
    ("store", "factor"), [("lower_zone", 0.5), ("lower_zone", 2.0), ("soil_water", 0.7), ("soil_water", 1.4)]
)
def test_a_planted_store_error_is_mended(world: World, store: str, factor: float) -> None:
    wrong = scaled(world.before, **{store: factor})
    open_end = undisturbed(world, wrong)
    made = update(world.model, wrong, world.window, only(lower_zone=0.5, soil_water=0.3))
    assert (made.after <= made.before).all()
    assert made.after.max() < 0.3 * made.before.max()
    assert world.error(made.state).max() < 0.35 * world.error(open_end).max()
    truth = world.depth(world.after, store)
    away, was = (np.abs(world.depth(s, store) - truth) for s in (made.state, open_end))
    assert away.sum() < 0.5 * was.sum()


def test_planted_errors_of_all_stores_and_the_default_settings(world: World) -> None:
    wrong = scaled(world.before, lower_zone=0.5, soil_water=0.8, upper_zone=2.0)
    made = update(world.model, wrong, world.window)
    assert world.error(made.state).mean() < 0.7 * world.error(undisturbed(world, wrong)).mean()


def test_a_planted_precipitation_error_is_mended(world: World) -> None:
    """The gauge of rain has read a third too little in the last ten days."""
    wrong = world.window.copy(deep=True)
    wrong["prcp"][:, -10:] = wrong["prcp"][:, -10:] / 1.5
    lost = (world.window["prcp"] - wrong["prcp"]).sum("time").values
    open_end = world.runtime.run(world.before, model_forcing(wrong), ())[0]
    made = update(world.model, world.before, wrong, only(prcp=0.4))
    assert world.error(made.state).mean() < 0.5 * world.error(open_end).mean()
    assert np.abs(made.booked["prcp"] - lost).sum() < 0.5 * lost.sum()


def test_a_perfect_model_is_left_alone_bit_for_bit(world: World) -> None:
    made = update(world.model, world.before, world.window, undisturbed=world.after)
    assert made.outcome.tolist() == [Outcome.FITS_ALREADY] * 5
    assert same(made.state, world.after)
    assert (made.before == 0.0).all()
    assert all((depth == 0.0).all() for depth in made.booked.values())
    rounded = with_flow(world, world.window["streamflow"].values.T.astype(np.float32))
    assert same(update(world.model, world.before, rounded, undisturbed=world.after).state, world.after)


def test_a_perfect_model_is_left_alone_without_a_tolerance_too(world: World) -> None:
    """Nothing pulls where there is no misfit: not the tolerance alone keeps the state."""
    settings = AssimilationConfig(tolerance=0.0)
    flow = world.window["streamflow"].values.T * (1.0 + 1e-9)
    made = update(world.model, world.before, with_flow(world, flow), settings, undisturbed=world.after)
    np.testing.assert_allclose(made.state.stores, world.after.stores, rtol=1e-7)


def test_the_undisturbed_state_is_what_the_days_make_of_the_first(world: World) -> None:
    assert same(update(world.model, world.before, world.window).state, world.after)


def test_what_fits_no_better_is_not_taken(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def worse(window: Any, seen: Any, settings: AssimilationConfig) -> np.ndarray:
        change = np.zeros((windows.unknowns(window, settings), window.forcing.shape[1]))
        change[:, 1] = 2.0
        return change

    monkeypatch.setattr("dhbv.assimilation.minimising.minimise", worse)
    flow = 0.9 * world.window["streamflow"].values.T
    made = update(world.model, world.before, with_flow(world, flow), undisturbed=world.after)
    assert made.outcome.tolist() == [Outcome.NO_IMPROVEMENT] * 5
    assert same(made.state, world.after)
    assert (made.after == made.before).all()
    assert all((depth == 0.0).all() for depth in made.booked.values())
    np.testing.assert_allclose(made.moved["runoff"], world.window["streamflow"].sum("time"), rtol=1e-12)


def test_a_basin_fares_alone_as_among_others(world: World) -> None:
    wrong = scaled(world.before, lower_zone=0.5)
    together = update(world.model, wrong, world.window)
    for basin in BASINS[::2]:
        alone = update(world.model, wrong.select([basin]), world.window.sel(basin=[basin]))
        np.testing.assert_allclose(
            alone.state.stores, together.state.select([basin]).stores, rtol=1e-8, atol=1e-10
        )


def test_water_is_booked(world: World) -> None:
    wrong = scaled(world.before, lower_zone=0.4, soil_water=1.3, upper_zone=3.0)
    flow = world.window["streamflow"].values.T.copy()
    flow[:, 3] = np.nan
    made = update(world.model, wrong, with_flow(world, flow))
    assert made.outcome.tolist() == [0, 0, 0, Outcome.TOO_FEW_OBSERVATIONS, 0]
    stored = world.runtime.storage(made.state) - world.runtime.storage(wrong)
    booked = sum(made.booked[name] for name in ("snow", "soil_water", "upper_zone", "lower_zone"))
    balance = booked + made.moved["prcp"] - made.moved["et"] - made.moved["runoff"]
    np.testing.assert_allclose(stored, balance, atol=1e-9)
    fell = world.window["prcp"].sum("time").values
    np.testing.assert_allclose(made.moved["prcp"], fell + made.booked["prcp"], atol=1e-4)  # as float32
    assert np.abs(booked[[0, 1, 2, 4]]).min() > 0.01
    assert booked[3] == 0.0


def factors_of(world: World, start: State, made: Update) -> np.ndarray:
    """By what the groups of stores were multiplied [group, B], 1 where there was nothing."""
    told = {
        "snow": world.depth(start, "snowpack") + world.depth(start, "snow_liquid"),
        **{name: world.depth(start, name) for name in ("soil_water", "upper_zone", "lower_zone")},
    }
    return np.array(
        [
            np.where(had > 0.0, 1.0 + made.booked[name] / np.where(had > 0, had, 1.0), 1.0)
            for name, had in told.items()
        ]
    )


@pytest.mark.parametrize("factor", [1e-3, 9.0])
def test_no_factor_leaves_its_bounds(world: World, factor: float) -> None:
    settings = AssimilationConfig(largest_error=1e9, spread=SpreadConfig(lower_zone=5.0, soil_water=5.0))
    flow = world.window["streamflow"].values.T * factor
    made = update(world.model, world.before, with_flow(world, flow), settings)
    found = factors_of(world, world.before, made)
    assert found.min() >= 1.0 / settings.store_bound - 1e-12
    assert found.max() <= settings.store_bound + 1e-12
    assert max(found.max(), 1.0 / found.min()) > 2.0, "the bounds are put to the test"
    rain = made.moved["prcp"] / (made.moved["prcp"] - made.booked["prcp"])
    assert (rain <= settings.prcp_bound + 1e-12).all()
    assert (rain >= 1.0 / settings.prcp_bound - 1e-12).all()


class TestGauges:
    """What a gauge may say, and what comes of it."""

    @pytest.mark.parametrize("seen", [0, 9])
    def test_a_silent_one_leaves_its_basin_alone(self, world: World, seen: int) -> None:
        flow = 2.0 * world.window["streamflow"].values.T
        flow[: WINDOW - seen, 1] = np.nan
        # The chain need not come to the same, to the last bit, as the window from the state that was at hand.
        chain = scaled(world.after, lower_zone=1.01)
        made = update(world.model, world.before, with_flow(world, flow), undisturbed=chain)
        assert made.of(Outcome.TOO_FEW_OBSERVATIONS) == ["02"]
        assert made.told() == "4 of 5 basins updated; left alone: 1 too few observations"
        assert same(made.state.select(["02"]), chain.select(["02"]))
        assert np.isnan(made.before[1]) == (seen == 0)

    def test_ten_days_are_enough(self, world: World) -> None:
        flow = 2.0 * world.window["streamflow"].values.T
        flow[:20] = np.nan
        assert update(world.model, world.before, with_flow(world, flow)).outcome.tolist() == [0] * 5

    def test_one_in_other_units_leaves_its_basin_alone(self, world: World) -> None:
        flow = world.window["streamflow"].values.T.copy()
        flow[:, 2] = 24.0 * (flow[:, 2] + 1.0)
        made = update(world.model, world.before, with_flow(world, flow), undisturbed=world.after)
        assert made.of(Outcome.IMPLAUSIBLE_FLOW) == ["03"]
        assert same(made.state, world.after)

    @pytest.mark.parametrize("bad", [1e4, -999.0, np.inf])
    def test_values_that_cannot_be_count_as_missing(self, world: World, bad: float) -> None:
        flow = 1.3 * world.window["streamflow"].values.T
        holed, mad = flow.copy(), flow.copy()
        holed[[3, 12, 29]], mad[[3, 12, 29]] = np.nan, bad
        one, other = (update(world.model, world.before, with_flow(world, f)) for f in (holed, mad))
        assert same(one.state, other.state)

    def test_spikes_that_could_be_pull_but_do_not_ruin(self, world: World) -> None:
        """Every fourth day six times too high: the forecast is hardly worse than a perfect one with no update."""
        flow = world.window["streamflow"].values.T.copy()
        flow[::4] *= 6.0
        made = update(world.model, world.before, with_flow(world, flow))
        assert (world.error(made.state) < 0.3 * world.ahead["streamflow"].mean("time").values).all()


def test_what_does_not_fit_together_is_refused(world: World) -> None:
    with pytest.raises(DhbvError, match="give the days that follow the state, of its basins in its order"):
        update(world.model, world.after, world.window)
    with pytest.raises(DhbvError, match="give the days that follow the state"):
        update(world.model, world.before, world.window.isel(basin=[1, 0, 2, 3, 4]))
    with pytest.raises(DhbvError, match=r"end before 2002-03-15: give the state at their end"):
        update(world.model, world.before, world.window, undisturbed=world.before)


def test_without_torch_the_remedy_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "dhbv.assimilation.minimising", raising=False)
    with pytest.raises(DhbvError, match=r"need torch .*: pip install 'delta-hbv\[train\]'"):
        update(world.model, replace(world.before), world.window)
