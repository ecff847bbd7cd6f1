"""The days before T0 as a function: nothing changed gives the runtime's own water; factors, weights and misfit by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dhbv.assimilation import AssimilationConfig
from dhbv.assimilation import window as windows
from dhbv.assimilation.configuration import SpreadConfig
from dhbv.assimilation.window import Observations
from dhbv.configuration import parse
from dhbv.data import model_forcing
from dhbv.errors import ConfigurationError
from dhbv.physics import hbv
from tests.assimilation.conftest import World

SETTINGS = AssimilationConfig()


def test_unchanged_it_is_the_runtime(world: World) -> None:
    forcing = model_forcing(world.window)
    window = windows.of_state(world.runtime, world.before, forcing)
    still = windows.changed(window, np.zeros((windows.unknowns(window, SETTINGS), 5)), SETTINGS)
    np.testing.assert_array_equal(still.stores, window.stores)
    np.testing.assert_array_equal(still.forcing, window.forcing)
    after, water = world.runtime.run(world.before, forcing, ("runoff", "et"))
    ran = windows.run(still, world.runtime.simulate, ("et",))
    np.testing.assert_array_equal(np.stack(ran.stores), after.stores)
    np.testing.assert_array_equal(ran.history, after.runoff)
    np.testing.assert_allclose(ran.runoff, water["runoff"], rtol=1e-12)
    np.testing.assert_array_equal(ran.water["et"], water["et"])


def test_a_change_of_one_is_a_spread_and_the_bound_is_never_passed() -> None:
    settings = AssimilationConfig(spread=SpreadConfig(snow=0.01, prcp=0.02))
    by = windows.factors(np.array([[0.0], [0.0], [0.0], [0.0], [1.0], [-1e9]]), settings)[:, 0]
    assert by[:4].tolist() == [1.0] * 4
    assert by[4] == pytest.approx(math.exp(0.02), rel=1e-3)
    assert by[5] == pytest.approx(1.0 / settings.prcp_bound)
    by = windows.factors(np.array([[1.0], [1e9], [0.0], [-1e9]]), settings)[:, 0]
    np.testing.assert_allclose(by, [math.exp(0.01), 3.0, 1.0, 1.0 / 3.0], rtol=1e-4)


def test_blocks_count_back_from_t0(world: World) -> None:
    settings = AssimilationConfig(block_days=5)
    window = windows.of_state(world.runtime, world.before, model_forcing(world.window)[:7])
    assert windows.unknowns(window, settings) == 4 + 2
    change = np.zeros((6, 5))
    change[5] = 1.0
    by = windows.changed(window, change, settings).forcing[..., 0]
    was, factor = window.forcing[..., 0], windows.factors(change, settings)[5]
    np.testing.assert_array_equal(by[:2], was[:2])
    np.testing.assert_array_equal(by[2:], was[2:] * factor)
    np.testing.assert_array_equal(
        windows.changed(window, change, settings).forcing[..., 1:], window.forcing[..., 1:]
    )


def test_each_group_changes_its_own_stores(world: World) -> None:
    window = windows.of_state(world.runtime, world.before, model_forcing(world.window))
    for k, group in enumerate(windows.GROUPS.values()):
        change = np.zeros((windows.unknowns(window, SETTINGS), 5))
        change[k] = -1.0
        after = windows.changed(window, change, SETTINGS).stores
        for n, name in enumerate(hbv.Stores._fields):
            factor = windows.factors(change, SETTINGS)[k] if name in group else np.ones(5)
            np.testing.assert_allclose(after[n], window.stores[n] * factor[:, None], rtol=1e-14)


def test_observations_that_cannot_be_do_not_count() -> None:
    open_flow = np.ones((6, 1))
    flow = np.array([[np.nan], [-1.0], [np.inf], [11.0], [10.8], [2.0]])
    seen = windows.observations(flow, open_flow, SETTINGS)
    assert (seen.weight[:4] == 0.0).all()
    np.testing.assert_allclose(seen.weight[4:, 0], [math.exp(-1.0 / SETTINGS.memory_days), 1.0])
    np.testing.assert_allclose(seen.log_flow[4:, 0], np.log([10.9, 2.1]))
    dry = windows.observations(np.zeros((1, 1)), np.array([[0.95]]), SETTINGS)
    assert dry.weight[0, 0] == 0.0, "a tenth or less"


def test_the_misfit_is_a_root_mean_square_and_linear_for_large_errors() -> None:
    settings = AssimilationConfig(flow_error=0.5)
    flow = np.array([[1.0, 1.0], [1.0, 1.0]])
    seen = Observations(
        np.log(flow + 0.1) + np.array([[0.3, 4.0], [-0.4, 0.0]]), np.array([[1.0, 1.0], [1.0, 0.0]])
    )
    assert windows.misfit(flow, seen, settings)[0] == pytest.approx(math.sqrt((0.09 + 0.16) / 2.0))
    assert windows.cost(flow, seen, settings)[1] == pytest.approx(2.0 * (8.0 - 1.0))
    none = Observations(np.zeros((1, 1)), np.zeros((1, 1)))
    assert np.isnan(windows.misfit(np.ones((1, 1)), none, settings)).all()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"days": 31}, "days: Expected `int` <= 30 .*given: 31"),
        ({"store_bound": 1.0}, "store_bound: Expected `float` > 1.0"),
        ({"spread": {"soil": 0.1}}, "unknown field `soil`"),
    ],
)
def test_settings_are_read_strictly(content: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        parse(content, AssimilationConfig, source="here")
