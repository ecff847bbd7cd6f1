"""NNr: a share between nothing and all, of a network that is small, sees what the paper's sees and can be HBV's curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dhbv.physics import effective_rainfall, hbv
from dhbv.physics.effective_rainfall import HIDDEN, WEIGHTS, beginning, share
from dhbv.physics.hbv import Forcing, Parameters, Stores, step

SEES = {"fc": 300.0, "beta": 3.0, "soil_water": 120.0, "water": 8.0}
"""What the network is told of a day."""

NOTHING, ALL = [0.0] * (len(WEIGHTS) - 1) + [-2000.0], [0.0] * (len(WEIGHTS) - 1) + [2000.0]


def _array(value: float) -> np.ndarray:
    return np.array([[value]])


def _seen(**changed: float) -> dict[str, np.ndarray]:
    return {name: _array(value) for name, value in (SEES | changed).items()}


def _day(weights: list[float], soil: float, p: float) -> tuple[Stores, Any]:
    """A warm day without evaporation on a soil of field capacity 100 mm."""
    plain = {
        "beta": 2.0, "fc": 100.0, "k0": 0.5, "k1": 0.2, "k2": 0.1, "lp": 0.8, "perc": 2.0, "uzl": 10.0,
        "tt": 0.0, "cfmax": 4.0, "cfr": 0.05, "cwh": 0.1, "gamma": 1.0, **dict(zip(WEIGHTS, weights, strict=True)),
    }  # fmt: skip
    parameters = Parameters.of({name: _array(value) for name, value in plain.items()})
    empty = Stores(*(_array(0.0) for _ in Stores._fields))
    forcing = Forcing(_array(p), _array(10.0), _array(0.0))
    return step(empty._replace(soil_water=_array(soil)), forcing, parameters)


def test_all_weights_nought_let_half_of_it_pass() -> None:
    assert share([0.0] * len(WEIGHTS), **_seen()).item() == 0.5


def test_the_bounds_are_reached_and_not_passed() -> None:
    assert share(NOTHING, **_seen()).item() == 0.0
    assert share(ALL, **_seen()).item() == 1.0


@pytest.mark.parametrize(
    ("soil", "p", "excess"), [(20.0, 30.0, 0.0), (80.0, 30.0, 10.0), (100.0, 500.0, 500.0)]
)
def test_where_nothing_passes_the_soil_takes_all_up_to_field_capacity(
    soil: float, p: float, excess: float
) -> None:
    after, fluxes = _day(NOTHING, soil, p)
    assert fluxes.peff.item() == 0.0
    assert fluxes.excess.item() == pytest.approx(excess, abs=1e-12)
    assert after.soil_water.item() == pytest.approx(soil + p - excess, abs=1e-12)


@pytest.mark.parametrize("soil", [0.0, 20.0, 100.0])
def test_where_all_passes_the_soil_stays_as_it_is(soil: float) -> None:
    after, fluxes = _day(ALL, soil, 30.0)
    assert fluxes.peff.item() == fluxes.recharge.item() == 30.0
    assert after.soil_water.item() == soil


def test_with_the_power_laws_share_it_is_hbv(monkeypatch: pytest.MonkeyPatch) -> None:
    """The share is all that is replaced."""

    def power(weights: object, fc: Any, beta: Any, soil_water: Any, water: Any) -> Any:
        return np.clip((np.clip(soil_water, hbv.STORAGE_GUARD, None) / fc) ** beta, None, 1.0)

    rng = np.random.default_rng(0)
    weather = np.stack(
        [rng.gamma(0.5, 20.0, (60, 3)), rng.normal(2.0, 8.0, (60, 3)), rng.uniform(0, 6, (60, 3))], -1
    )
    values = {"beta": 2.0, "fc": 120.0, "k0": 0.5, "k1": 0.2, "k2": 0.1, "lp": 0.8, "perc": 2.0, "uzl": 10.0,
              "tt": 0.0, "cfmax": 4.0, "cfr": 0.05, "cwh": 0.1, "gamma": 1.3}  # fmt: skip
    parameters = {name: np.full((3, 2), value) for name, value in values.items()}
    weights = {name: np.full((3, 2), 0.3) for name in WEIGHTS}
    stores = hbv.initial_stores(np.zeros((3, 2)))
    _, expected = hbv.simulate(stores, weather, parameters)
    _, other = hbv.simulate(stores, weather, parameters | weights)
    monkeypatch.setattr(effective_rainfall, "share", power)
    _, found = hbv.simulate(stores, weather, parameters | weights)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
        assert not np.allclose(other[name], value)


@pytest.mark.parametrize("name", SEES)
def test_it_sees_what_the_papers_network_sees(name: str) -> None:
    """θFC, β, S and with it S / θFC, rain + I: of one unit that listens to one input alone, by hand."""
    near_1 = {
        "fc": 300.0 / 500.0,
        "beta": 3.0 / 3.0,
        "soil_water": 120.0 / 500.0,
        "water": 8.0 / (8.0 + 20.0),
    }
    position = {"fc": 0, "beta": 1, "soil_water": 2, "water": 4}[name]
    weights = [0.0] * len(WEIGHTS)
    weights[position], weights[6] = 0.7, 1.3
    expected = 1.0 / (1.0 + np.exp(-1.3 * np.tanh(0.7 * near_1[name])))
    assert share(weights, **_seen()).item() == pytest.approx(expected, rel=1e-12)
    changed = share(weights, **_seen(**{name: 1.1 * SEES[name]})).item()
    assert changed > expected + 1e-4
    others = {other: 2.0 * value for other, value in SEES.items() if other != name}
    assert share(weights, **_seen(**others)).item() == pytest.approx(expected, rel=1e-12)


def test_it_sees_relative_wetness() -> None:
    weights = [0.0] * len(WEIGHTS)
    weights[3], weights[6] = 0.7, 1.3
    first, same = _seen(), _seen(fc=600.0, soil_water=240.0)
    assert share(weights, **first).item() == share(weights, **same).item() != 0.5


def test_training_begins_from_a_curve_that_rises_with_wetness_near_that_of_beta_3() -> None:
    wetness = np.linspace(0.0, 1.0, 21)
    started = [share(beginning([0.0] * len(WEIGHTS)), **_seen(soil_water=300.0 * s)).item() for s in wetness]
    assert (np.diff(started) > 0.0).all()
    assert np.abs(np.array(started) - wetness**3).max() < 0.17
    noise = np.random.default_rng(0).normal(size=len(WEIGHTS)).tolist()
    units = np.array(beginning(noise)[:-1]).reshape(HIDDEN, -1)
    assert len(np.unique(units, axis=0)) == HIDDEN, "units that are alike would stay alike"
