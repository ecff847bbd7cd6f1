"""The objective's gradient is that of finite differences, and what is found is a minimum."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from dhbv.assimilation import AssimilationConfig
from dhbv.assimilation import window as windows
from dhbv.data import model_forcing
from dhbv.physics import hbv
from tests.assimilation.conftest import World, scaled

torch = pytest.importorskip("torch")
from dhbv.assimilation.minimising import minimise, objective  # noqa: E402
from dhbv.kernels.autograd import select  # noqa: E402

SETTINGS = AssimilationConfig()


@pytest.fixture(scope="module")
def problem(world: World) -> tuple[windows.Window, windows.Observations]:
    window = windows.of_state(
        world.runtime, scaled(world.before, lower_zone=0.5, soil_water=1.2), model_forcing(world.window)
    )
    undisturbed = windows.run(window, hbv.simulate).runoff
    flow = world.window["streamflow"].values.T.copy()
    flow[4, 2] = np.nan
    return window, windows.observations(flow, undisturbed, SETTINGS)


def cost(problem: tuple[windows.Window, windows.Observations], change: np.ndarray) -> np.ndarray:
    """The objective, written once more."""
    window, seen = problem
    ran = windows.run(windows.changed(window, change, SETTINGS), hbv.simulate)
    error = np.abs(np.log(ran.runoff + 0.1) - seen.log_flow) / SETTINGS.flow_error
    each = np.where(error < 2.0, error**2 / 2.0, 2.0 * error - 2.0)
    return np.asarray((each * seen.weight).sum(0) + (change**2).sum(0) / 2.0)


@pytest.mark.parametrize("kernel", ["eager", "auto"])
def test_gradient_is_that_of_finite_differences(
    problem: tuple[windows.Window, windows.Observations], kernel: str
) -> None:
    window, seen = (windows.converted(given, torch.tensor) for given in problem)
    rng = np.random.default_rng(0)
    at = rng.normal(0.0, 0.3, (windows.unknowns(problem[0], SETTINGS), 5))
    change = torch.tensor(at, requires_grad=True)
    value = objective(change, window, seen, SETTINGS, select(kernel))  # type: ignore[arg-type]
    np.testing.assert_allclose(value.detach().numpy(), cost(problem, at), rtol=1e-10)
    value.sum().backward()
    found = change.grad.numpy()
    step = 1e-6
    for k in range(len(at)):
        moved = np.zeros_like(at)
        moved[k] = step
        difference = (cost(problem, at + moved) - cost(problem, at - moved)) / (2.0 * step)
        np.testing.assert_allclose(found[k], difference, rtol=2e-5, atol=1e-6, err_msg=f"unknown {k}")


def test_what_is_found_is_a_minimum(problem: tuple[windows.Window, windows.Observations]) -> None:
    best = minimise(*problem, SETTINGS)
    lowest = cost(problem, best)
    assert (lowest < cost(problem, np.zeros_like(best))).all()
    rng = np.random.default_rng(1)
    for _ in range(20):
        there = cost(problem, best + rng.normal(0.0, 0.1, best.shape))
        assert (there > lowest - 0.02).all()


def test_more_steps_gain_little(problem: tuple[windows.Window, windows.Observations]) -> None:
    longer = msgspec.structs.replace(SETTINGS, steps=4 * SETTINGS.steps)
    found, further = (cost(problem, minimise(*problem, s)) for s in (SETTINGS, longer))
    start = cost(problem, np.zeros((windows.unknowns(problem[0], SETTINGS), 5)))
    assert (found - further < 0.02 * (start - further)).all()
