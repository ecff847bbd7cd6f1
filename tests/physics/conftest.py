"""Random water, weather and parameters, shared by the tests of the physics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from dhbv.physics.hbv import Stores
from dhbv.physics.parameters import OPTIONS, VARIANTS, Variant, variant
from tests.conftest import drawn

Values = NDArray[np.float64]

FULLEST = Stores(snowpack=800.0, snow_liquid=80.0, soil_water=1000.0, upper_zone=200.0, lower_zone=500.0)


@pytest.fixture(scope="session", params=[base + option for option in ("", *OPTIONS) for base in VARIANTS])
def form(request: pytest.FixtureRequest) -> Variant:
    """Each variant of the model in turn."""
    return variant(request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20220601)


@pytest.fixture
def draw_parameters(rng: np.random.Generator) -> Callable[..., dict[str, Values]]:
    """Draws what a step takes by name, each of the given shape; see `drawn`."""

    def draw(names: tuple[str, ...], *shape: int) -> dict[str, Values]:
        return {name: drawn(rng, name, *shape) for name in names}

    return draw


@pytest.fixture
def draw_stores(rng: np.random.Generator) -> Callable[..., Stores]:
    """Draws stores of the given shape: one in ten is empty, a soil may stand above field capacity."""

    def draw(*shape: int) -> Stores:
        return Stores(*(rng.uniform(0.0, full, shape) * (rng.uniform(size=shape) > 0.1) for full in FULLEST))

    return draw


@pytest.fixture
def draw_weather(rng: np.random.Generator) -> Callable[..., Values]:
    """Draws P, T and Ep, on the last axis: dry days and wet ones, cold and warm."""

    def draw(*shape: int) -> Values:
        p = np.maximum(rng.gamma(0.5, 20.0, shape) - 5.0, 0.0)
        return np.stack([p, rng.normal(3.0, 8.0, shape), rng.uniform(0.0, 8.0, shape)], -1)

    return draw
