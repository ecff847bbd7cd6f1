from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray

from dhbv.physics.parameters import PARAMETERS
from dhbv.physics.unit_hydrograph import (
    BINS,
    MEMORY,
    route,
    routing_store,
    still_to_come,
    unit_hydrograph,
)  # fmt: skip

Values = NDArray[np.float64]


@pytest.fixture
def u() -> Values:
    """Ordinates of three basins, slow to fast."""
    return unit_hydrograph(np.array([2.8, 1.3, 0.4]), np.array([6.5, 2.0, 0.7]))


def _whole_range(dtype: DTypeLike) -> tuple[NDArray, NDArray]:
    """Shape and time scale over a grid of their ranges, bounds included."""
    fractions = np.linspace(0.0, 1.0, 41)
    a, tau = np.meshgrid(PARAMETERS["route_a"].scale(fractions), PARAMETERS["route_tau"].scale(fractions))
    return a.ravel().astype(dtype), tau.ravel().astype(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 5e-7)])
def test_ordinates_sum_to_one_and_are_never_negative(dtype: DTypeLike, tolerance: float) -> None:
    u = unit_hydrograph(*_whole_range(dtype))
    assert u.dtype == dtype
    assert u.shape == (15, 41 * 41)
    assert (u >= 0.0).all()
    np.testing.assert_allclose(u.sum(0, dtype=np.float64), 1.0, rtol=0.0, atol=tolerance)


def test_shape_one_is_an_exponential_recession() -> None:
    tau = np.array([0.5, 1.0, 3.0, 7.0])
    u = unit_hydrograph(np.ones(4), tau)
    np.testing.assert_allclose(u[1:] / u[:-1], np.broadcast_to(np.exp(-1.0 / tau), (14, 4)), rtol=1e-13)


def test_ratios_of_ordinates_follow_the_gamma_density() -> None:
    a, tau = np.array([0.1, 1.7, 3.0]), np.array([0.5, 2.5, 7.0])
    u = unit_hydrograph(a, tau)
    for k in range(1, BINS):
        expected = ((k + 0.5) / 0.5) ** (a - 1.0) * np.exp(-k / tau)
        np.testing.assert_allclose(u[k] / u[0], expected, rtol=1e-12)


def test_mean_delay_of_a_recession_is_that_of_a_cut_geometric_series() -> None:
    u = unit_hydrograph(np.ones(1), np.ones(1))
    r, n = np.exp(-1.0), BINS
    delay = r / (1 - r) - n * r**n / (1 - r**n)
    assert np.arange(n) @ u[:, 0] == pytest.approx(delay, rel=1e-12)


def test_a_later_peak_needs_a_larger_shape_and_scale(u: Values) -> None:
    delays = np.arange(BINS) @ u
    assert (np.diff(delays) < 0.0).all()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_torch_and_numpy_agree_and_keep_their_precision(
    dtype: str, tolerance: float, rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch")
    a, tau = _whole_range(dtype)
    runoff = rng.gamma(0.5, 4.0, (40, a.size)).astype(dtype)
    history = rng.gamma(0.5, 4.0, (MEMORY, a.size)).astype(dtype)
    u = unit_hydrograph(a, tau)
    u_torch = unit_hydrograph(torch.from_numpy(a), torch.from_numpy(tau))
    arrays = (u, *route(runoff, u, history), routing_store(still_to_come(u), history))
    r, h = torch.from_numpy(runoff), torch.from_numpy(history)
    tensors = (u_torch, *route(r, u_torch, h), routing_store(still_to_come(u_torch), h))
    for array, tensor in zip(arrays, tensors, strict=True):
        assert array.dtype == dtype
        assert tensor.dtype == getattr(torch, dtype)
        np.testing.assert_allclose(tensor.numpy(), array, rtol=tolerance, atol=0.1 * tolerance)


def test_an_impulse_comes_out_as_the_ordinates(u: Values) -> None:
    impulse = np.zeros((20, 3))
    impulse[2] = 1.0
    routed, _ = route(impulse, u)
    np.testing.assert_array_equal(routed[:2], 0.0)
    np.testing.assert_allclose(routed[2:17], u, rtol=1e-15)
    np.testing.assert_array_equal(routed[17:], 0.0)


def test_constant_runoff_passes_unchanged_once_the_memory_is_full(u: Values) -> None:
    routed, _ = route(np.full((30, 3), 4.2), u)
    np.testing.assert_allclose(routed[MEMORY:], 4.2, rtol=1e-14)
    assert (routed[:MEMORY] < 4.2).all()


def test_sequence_is_the_plain_double_sum(u: Values, rng: np.random.Generator) -> None:
    runoff = rng.gamma(0.5, 4.0, (25, 3))
    expected = np.zeros_like(runoff)
    for n in range(25):
        for k in range(min(n + 1, 15)):
            expected[n] += u[k] * runoff[n - k]
    np.testing.assert_allclose(route(runoff, u)[0], expected, rtol=1e-13)


def test_stream_day_by_day_is_the_sequence(u: Values, rng: np.random.Generator) -> None:
    runoff, history = rng.gamma(0.5, 4.0, (40, 3)), rng.gamma(0.5, 4.0, (MEMORY, 3))
    expected, _ = route(runoff, u, history)
    for day, routed in zip(runoff, expected, strict=True):
        out, history = route(day[None], u, history)
        np.testing.assert_array_equal(out[0], routed)
    np.testing.assert_array_equal(history, runoff[-MEMORY:])


def test_stream_of_three_flows_is_three_streams(u: Values, rng: np.random.Generator) -> None:
    flows, history = rng.gamma(0.5, 4.0, (5, 3, 3)), rng.gamma(0.5, 4.0, (MEMORY, 3, 3))
    routed, following = route(flows, u[:, None], history)
    stored = routing_store(still_to_come(u[:, None]), history)
    assert following.shape == history.shape
    for i in range(3):
        alone, _ = route(flows[:, i], u, history[:, i])
        np.testing.assert_array_equal(routed[:, i], alone)
        np.testing.assert_array_equal(stored[i], routing_store(still_to_come(u), history[:, i]))


def test_ordinates_still_to_come_give_the_routing_store_of_every_day(
    u: Values, rng: np.random.Generator
) -> None:
    runoff, history = rng.gamma(0.5, 4.0, (30, 3)), rng.gamma(0.5, 4.0, (MEMORY, 3))
    every_day, _ = route(runoff, still_to_come(u), history)
    for day, store in zip(runoff, every_day, strict=True):
        _, history = route(day[None], u, history)
        np.testing.assert_allclose(routing_store(still_to_come(u), history), store, rtol=1e-13)


@pytest.mark.parametrize("split", [1, MEMORY, 20, 39])
def test_history_continues_a_split_sequence(split: int, u: Values, rng: np.random.Generator) -> None:
    runoff = rng.gamma(0.5, 4.0, (40, 3))
    rest, _ = route(runoff[split:], u, route(runoff[:split], u)[1])
    np.testing.assert_array_equal(rest, route(runoff, u)[0][split:])


def test_parts_add_up_to_the_routed_total(u: Values, rng: np.random.Generator) -> None:
    parts = rng.gamma(0.5, 4.0, (3, 40, 3))
    total = sum(route(part, u)[0] for part in parts)
    np.testing.assert_allclose(total, route(parts.sum(0), u)[0], rtol=1e-13)


def test_runoff_is_outflow_or_still_on_its_way_every_day(u: Values, rng: np.random.Generator) -> None:
    history = rng.gamma(0.5, 4.0, (MEMORY, 3))
    history[3] = 500.0
    for day in rng.gamma(0.3, 40.0, (60, 3)):
        before = routing_store(still_to_come(u), history)
        (out,), history = route(day[None], u, history)
        after = routing_store(still_to_come(u), history)
        assert (out >= 0.0).all()
        assert (after >= 0.0).all()
        np.testing.assert_allclose(day - out - (after - before), 0.0, atol=1e-9)


def test_water_on_its_way_is_what_dry_days_bring(u: Values, rng: np.random.Generator) -> None:
    history = rng.gamma(0.5, 4.0, (MEMORY, 3))
    drained, _ = route(np.zeros((20, 3)), u, history)
    np.testing.assert_allclose(drained.sum(0), routing_store(still_to_come(u), history), rtol=1e-13)
    np.testing.assert_array_equal(drained[MEMORY:], 0.0)


def test_a_basin_is_routed_the_same_in_any_company(u: Values, rng: np.random.Generator) -> None:
    runoff, order = rng.gamma(0.5, 4.0, (30, 3)), [2, 0, 1]
    np.testing.assert_array_equal(route(runoff[:, order], u[:, order])[0], route(runoff, u)[0][:, order])
    np.testing.assert_array_equal(route(runoff[:, :1], u[:, :1])[0], route(runoff, u)[0][:, :1])


def test_gradients_are_those_of_finite_differences(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    a = torch.tensor([0.3, 1.0, 2.6], dtype=torch.float64, requires_grad=True)
    tau = torch.tensor([0.8, 6.0, 3.0], dtype=torch.float64, requires_grad=True)
    runoff = torch.tensor(rng.gamma(0.5, 4.0, (6, 3)), requires_grad=True)
    history = torch.tensor(rng.gamma(0.5, 4.0, (MEMORY, 3)), requires_grad=True)

    def everything(a: Any, tau: Any, runoff: Any, history: Any) -> tuple[Any, ...]:
        u = unit_hydrograph(a, tau)
        return *route(runoff, u, history), routing_store(still_to_come(u), history)

    assert torch.autograd.gradcheck(everything, (a, tau, runoff, history))


def test_gradients_are_finite_over_the_whole_range_in_float32() -> None:
    torch = pytest.importorskip("torch")
    a, tau = (torch.from_numpy(x).requires_grad_() for x in _whole_range(np.float32))
    route(torch.ones(20, a.shape[0]), unit_hydrograph(a, tau))[0].square().sum().backward()
    assert torch.isfinite(a.grad).all()
    assert torch.isfinite(tau.grad).all()
