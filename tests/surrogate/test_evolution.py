"""Differential evolution: it finds the least RMSE of each basin by itself."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

pytest.importorskip("torch")

from dhbv.errors import DhbvError
from dhbv.surrogate.calibration import Evolution, calibrate
from dhbv.surrogate.inputs import inputs
from dhbv.surrogate.simulator import Description, Float, Free, Simulator
from tests.surrogate.reservoir import RESERVOIR, rate, region

# Flow that is a plane over two parameters, so that the best of each basin is known.
PLANE = Simulator(
    Description(
        name="plane",
        parameters=tuple(Free(name=n, unit="1", lower=-2.0, upper=2.0) for n in ("slope", "level")),
        inputs=("prcp",),
    ),
    lambda p, w: p[:, :1] * w[..., 0] + p[:, 1:],
)


def test_it_finds_the_rate_of_each_reservoir() -> None:
    there = region(5, 300)
    flow = there["streamflow"].values.T.copy()
    flow[::7] = np.nan
    settings = Evolution(members=10, generations=15, warmup_days=20)
    seen: list[tuple[int, float]] = []
    found = calibrate(
        RESERVOIR, inputs(there, ("prcp",)), flow, settings, lambda g, rmse: seen.append((g, rmse))
    )
    k = RESERVOIR.description.values(found.fractions)[:, 0]
    np.testing.assert_allclose(k, rate(there["a"].values), rtol=1e-3)
    assert found.rmse.max() < 0.01
    assert [g for g, _ in seen] == list(range(1, 16))
    assert all(later <= earlier for (_, earlier), (_, later) in itertools.pairwise(seen))


def test_basins_do_not_share_and_what_lies_on_the_edge_is_found() -> None:
    rng = np.random.default_rng(0)
    weather = rng.random((60, 3, 1)).astype(np.float32)
    best = np.array([[1.0, -0.5], [-1.5, 0.3], [3.0, 0.0]])
    flow = best[:, 0] * weather[..., 0] + best[:, 1]
    found = calibrate(PLANE, weather, flow, Evolution(members=20, generations=60, warmup_days=0))
    values = PLANE.description.values(found.fractions)
    np.testing.assert_allclose(values[:2], best[:2], atol=1e-3)
    assert values[2, 0] == pytest.approx(2.0, abs=1e-2), "the nearest there is to 3"
    # RMSE of the chosen one, by hand.
    error = values[2, 0] * weather[:, 2, 0] + values[2, 1] - flow[:, 2]
    assert found.rmse[2] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-5)


def test_days_of_the_warm_up_do_not_count() -> None:
    weather = np.random.default_rng(0).random((40, 1, 1)).astype(np.float32)
    flow = weather[..., 0].astype(float)
    flow[:10] = 1e3
    found = calibrate(PLANE, weather, flow, Evolution(members=20, generations=40, warmup_days=10))
    np.testing.assert_allclose(PLANE.description.values(found.fractions)[0], [1.0, 0.0], atol=1e-2)


def test_every_call_holds_all_members_of_all_basins() -> None:
    sizes: list[int] = []

    def note(p: Float, w: Float) -> Float:
        sizes.append(len(p))
        return p[:, :1] * w[..., 0]

    simulator = Simulator(PLANE.description, note)
    weather = np.ones((5, 3, 1), np.float32)
    calibrate(simulator, weather, np.ones((5, 3)), Evolution(members=6, generations=2, warmup_days=0))
    assert sizes == [18, 18, 18]


def test_a_basin_without_flow_is_told() -> None:
    flow = np.ones((5, 2))
    flow[2:, 1] = np.nan
    with pytest.raises(DhbvError, match="basin 1: no observed flow after the 2 days of warm-up"):
        calibrate(PLANE, np.ones((5, 2, 1), np.float32), flow, Evolution(warmup_days=2))
    with pytest.raises(
        DhbvError, match=r"basin 01022500: no observed flow after .* \(1 of 2 basins\): leave them out"
    ):
        calibrate(
            PLANE,
            np.ones((5, 2, 1), np.float32),
            flow,
            Evolution(warmup_days=2),
            names=["01013500", "01022500"],
        )
    with pytest.raises(DhbvError, match="a population of 3 cannot evolve: it needs at least 4"):
        calibrate(PLANE, np.ones((5, 2, 1), np.float32), np.ones((5, 2)), Evolution(members=3, warmup_days=2))
