"""Gradients through a day are those of finite differences, and finite whatever the weather: bar 6."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from dhbv.physics.effective_rainfall import WEIGHTS, beginning
from dhbv.physics.hbv import Forcing, Parameters, Stores, initial_stores, simulate, step
from dhbv.physics.parameters import PARAMETERS, Variant, variant

torch = pytest.importorskip("torch")

MIDDLE = {
    "beta": 2.3, "fc": 200.0, "k0": 0.4, "k1": 0.15, "k2": 0.05, "lp": 0.7, "perc": 1.5, "uzl": 12.0,
    "tt": 0.4, "cfmax": 3.0, "cfr": 0.06, "cwh": 0.1, "gamma": 0.6, "c": 0.3,
    **dict(zip(WEIGHTS, beginning([3.0 * math.sin(7.0 * k + 1.0) for k in range(len(WEIGHTS))]), strict=True)),
}  # fmt: skip

REGIMES = {
    "melt": (Stores(120.0, 11.0, 90.0, 30.0, 60.0), (9.0, 5.0, 3.0)),
    "pack melts out, soil overflows": (Stores(4.0, 2.0, 195.0, 8.0, 60.0), (60.0, 6.0, 2.0)),
    "refreezing": (Stores(50.0, 4.0, 90.0, 30.0, 60.0), (9.0, -5.0, 1.0)),
    "all liquid freezes, little percolates": (Stores(50.0, 0.3, 60.0, 0.2, 60.0), (9.0, -9.0, 1.0)),
    "soil dries out": (Stores(5.0, 1.0, 1.0, 0.5, 2.0), (0.1, 12.0, 400.0)),
}
"""Days away from the kinks (a storage guard, a threshold, a store just emptied)."""


def _column(*values: float) -> list[Any]:
    """Each value as [basin, component] of two components a little apart, in float64."""
    return [torch.tensor([[v, 1.01 * v]], dtype=torch.float64, requires_grad=True) for v in values]


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("name", ["hbv", "delta", "hbv+capillary", "delta+capillary", "delta+nn_peff"])
def test_gradients_of_a_day_are_those_of_finite_differences(name: str, regime: str) -> None:
    """Within a day a dynamic parameter is a number like any other: five variants stand for all."""
    form = variant(name)
    water, weather = REGIMES[regime]
    forcing = [torch.tensor([[v]], dtype=torch.float64, requires_grad=True) for v in weather]
    inputs = (*_column(*water), *forcing, *_column(*(MIDDLE[name] for name in form.of_step)))

    def day(*x: Any) -> Any:
        parameters = Parameters.of(dict(zip(form.of_step, x[8:], strict=True)))
        after, fluxes = step(Stores(*x[:5]), Forcing(*x[5:8]), parameters)
        return torch.stack([*after, *fluxes])

    assert torch.autograd.gradcheck(day, inputs)


def test_every_parameter_moves_the_water_in_some_weather(form: Variant) -> None:
    moved = dict.fromkeys(form.of_step, 0.0)
    for water, weather in REGIMES.values():
        parameters = dict(zip(form.of_step, _column(*(MIDDLE[n] for n in form.of_step)), strict=True))
        forcing = Forcing(*(torch.tensor([[v]], dtype=torch.float64) for v in weather))
        after, _ = step(Stores(*_column(*water)), forcing, Parameters.of(parameters))
        weights = torch.arange(1.0, 6.0, dtype=torch.float64)
        (weights[:, None, None] * torch.stack([*after])).sum().backward()
        for name, value in parameters.items():
            moved[name] += 0.0 if value.grad is None else value.grad.abs().min().item()
    assert all(value > 0.0 for value in moved.values()), moved


def test_the_rain_snow_switch_is_hard() -> None:
    """TT has a gradient through melt and refreezing only, as published."""
    tt = torch.tensor([[0.4]], requires_grad=True)
    parameters = {name: torch.tensor([[MIDDLE[name]]]) for name in variant("hbv").parameters} | {"tt": tt}
    stores = Stores(*(torch.zeros(1, 1) for _ in Stores._fields))
    _, fluxes = step(stores, Forcing(*torch.tensor([[[8.0]], [[3.0]], [[0.0]]])), Parameters(**parameters))
    assert not fluxes.rain.requires_grad
    assert not fluxes.snow.requires_grad


def _two_hard_years() -> np.ndarray:
    """[730, basin, 3]: desert, deep cold without evaporation, alpine, rare cloudbursts, 500 mm every day."""
    day = np.arange(730)
    season = np.sin(2.0 * np.pi * day / 365.0)
    desert = np.stack([0.0 * day, 30.0 + 15.0 * season, 8.0 + 7.0 * season], -1)
    cold = np.stack([np.full(730, 3.0), -40.0 + 5.0 * season, 0.0 * day], -1)
    alpine = np.stack([np.full(730, 12.0), 25.0 * season, np.maximum(6.0 * season, 0.0)], -1)
    cloudburst = np.stack([500.0 * (day % 90 == 40), 20.0 + 10.0 * season, np.full(730, 6.0)], -1)
    deluge = np.stack([np.full(730, 500.0), np.full(730, 5.0), 0.0 * day], -1)
    return np.stack([desert, cold, alpine, cloudburst, deluge], 1)


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        ("hbv", "float32"),
        ("delta_bt_gt", "float32"),
        ("delta_bt_gt+capillary", "float32"),
        ("delta_bt_gt+capillary", "float64"),
        ("delta_bt_gt+nn_peff", "float32"),
    ],
)
def test_gradients_are_finite_over_two_hard_years(
    name: str, precision: str, rng: np.random.Generator
) -> None:
    """Every climate twice, from empty stores and from a cold start, with parameters at and between bounds."""
    form, dtype = variant(name), getattr(torch, precision)
    climates = torch.tensor(_two_hard_years(), dtype=dtype)
    weather = torch.cat([climates, climates], 1).requires_grad_()
    shape = basins, components = weather.shape[1], 12
    parameters = {}
    for parameter in form.of_step:
        fraction = np.where(np.arange(components) < 8, rng.integers(0, 2, shape), rng.uniform(size=shape))
        row = PARAMETERS.get(parameter)
        value = torch.tensor(4.0 * fraction - 2.0 if row is None else row.scale(fraction), dtype=dtype)
        if parameter in form.dynamic:
            value = value.expand(730, -1, -1).clone()
        parameters[parameter] = value.requires_grad_()
    filled = (torch.arange(basins) >= basins // 2)[:, None]
    stores = Stores(*((x * filled).requires_grad_() for x in initial_stores(torch.zeros(shape, dtype=dtype))))

    end, flows = simulate(stores, weather, parameters, ("q0", "q1", "q2", "et"))
    (sum(x.square().mean() for x in flows.values()) + sum(x.mean() for x in end)).backward()

    for label, leaf in {"forcing": weather, **stores._asdict(), **parameters}.items():
        assert leaf.grad is not None, label
        assert torch.isfinite(leaf.grad).all(), label
    assert all(value.grad.abs().sum() > 0.0 for value in parameters.values())


@pytest.mark.parametrize("gamma", [0.3, 1.0, 5.0])
def test_an_empty_soil_has_a_bounded_gradient(gamma: float) -> None:
    """(S / (LP · FC))^γ is vertical at S = 0 for γ < 1; the guard must tame its slope, not only its value."""
    stores = Stores(*(torch.zeros(1, 1, requires_grad=True) for _ in Stores._fields))
    chosen = {name: MIDDLE[name] for name in variant("delta+capillary").parameters} | {"gamma": gamma}
    parameters = {name: torch.tensor([[value]], requires_grad=True) for name, value in chosen.items()}
    after, fluxes = step(
        stores, Forcing(*torch.tensor([[[0.0]], [[10.0]], [[6.0]]])), Parameters(**parameters)
    )
    (sum(x.sum() for x in after) + fluxes.et.sum()).backward()
    for leaf in (*stores, *parameters.values()):
        assert leaf.grad is None or (torch.isfinite(leaf.grad) & (leaf.grad.abs() < 1e3)).all()
