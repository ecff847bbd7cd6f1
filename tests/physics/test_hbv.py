from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dhbv.physics import variables
from dhbv.physics.hbv import (
    INITIAL_STORAGE,
    Fluxes,
    Forcing,
    Parameters,
    Stores,
    initial_stores,
    output,
    simulate,
    step,
)
from dhbv.physics.parameters import Variant, variant

Values = NDArray[np.float64]
DrawParameters = Callable[..., dict[str, Values]]
DrawStores = Callable[..., Stores]
DrawWeather = Callable[..., Values]

STEP_OUTPUTS = variables.names(stage="step")

PLAIN = {
    "beta": 2.0, "fc": 100.0, "k0": 0.5, "k1": 0.2, "k2": 0.1, "lp": 0.8, "perc": 2.0, "uzl": 10.0,
    "tt": 0.0, "cfmax": 4.0, "cfr": 0.05, "cwh": 0.1,
}  # fmt: skip
"""Round numbers for days that a person can work out."""


def _cell(value: float) -> Values:
    return np.array([[value]])


def _stores(**mm: float) -> Stores:
    return Stores(**{name: _cell(mm.get(name, 0.0)) for name in Stores._fields})


def _parameters(**changed: float) -> Parameters:
    return Parameters(**{name: _cell(value) for name, value in (PLAIN | changed).items()})


def _day(
    stores: Stores, p: float = 0.0, t: float = 10.0, ep: float = 0.0, **changed: float
) -> tuple[Stores, Fluxes]:
    return step(stores, Forcing(_cell(p), _cell(t), _cell(ep)), _parameters(**changed))


def _forcing(weather: Values) -> Forcing:
    return Forcing(*weather.transpose(2, 0, 1))


def _torch(x: Any) -> Any:
    """The same values, or tuple or dict of them, as tensors."""
    torch = pytest.importorskip("torch")
    if isinstance(x, np.ndarray):
        return torch.from_numpy(x)
    if isinstance(x, dict):
        return {name: _torch(value) for name, value in x.items()}
    return type(x)(*(None if value is None else _torch(value) for value in x))


# ---------------------------------------------------------------- closed forms


def test_lower_zone_recedes_as_a_linear_reservoir() -> None:
    stores = _stores(lower_zone=80.0)
    for n in range(1, 51):
        stores, fluxes = _day(stores, k2=0.07)
        assert stores.lower_zone.item() == pytest.approx(80.0 * 0.93**n, rel=1e-13)
        assert fluxes.q2.item() == pytest.approx(80.0 * 0.07 * 0.93 ** (n - 1), rel=1e-13)


def test_upper_zone_below_its_threshold_recedes_as_a_linear_reservoir() -> None:
    stores = _stores(upper_zone=9.0)
    for n in range(1, 31):
        stores, fluxes = _day(stores, perc=0.0, k1=0.3)
        assert fluxes.q0.item() == 0.0
        assert stores.upper_zone.item() == pytest.approx(9.0 * 0.7**n, rel=1e-13)


def test_known_pack_melts_by_degree_days() -> None:
    """4 mm degC-1 d-1 on 40 mm: 12, 12 and 12 mm at 3 degC, then the last 4."""
    stores, melted = _stores(snowpack=40.0), []
    for _ in range(5):
        stores, fluxes = _day(stores, t=3.0, cwh=0.0)
        melted.append(fluxes.melt.item())
        assert fluxes.infiltration.item() == melted[-1]
    assert melted == [12.0, 12.0, 12.0, 4.0, 0.0]
    assert stores.snowpack.item() == 0.0


def test_pack_holds_its_share_of_liquid_before_it_drains() -> None:
    """8 mm melt from 100: 92 mm of ice hold 9.2; the next 8 mm leave 84 holding 8.4."""
    stores, first = _day(_stores(snowpack=100.0), t=2.0)
    assert first.infiltration.item() == 0.0
    assert stores.snow_liquid.item() == 8.0
    stores, second = _day(stores, t=2.0)
    assert stores.snow_liquid.item() == pytest.approx(8.4, rel=1e-14)
    assert second.infiltration.item() == pytest.approx(16.0 - 8.4, rel=1e-14)


def test_liquid_in_a_cold_pack_refreezes() -> None:
    """0.05 · 4 mm degC-1 d-1 at −6 degC: 1.2 mm a day, then what is left."""
    stores = _stores(snowpack=50.0, snow_liquid=2.0)
    stores, first = _day(stores, t=-6.0)
    assert first.refreeze.item() == pytest.approx(1.2, rel=1e-14)
    stores, second = _day(stores, t=-6.0)
    assert second.refreeze.item() == pytest.approx(0.8, rel=1e-14)
    assert stores.snow_liquid.item() == 0.0
    assert stores.snowpack.item() == pytest.approx(52.0, rel=1e-14)


@pytest.mark.parametrize(
    ("t", "rain"), [(1.5, 7.0), (np.nextafter(1.5, 0.0), 0.0), (30.0, 7.0), (-30.0, 0.0)]
)
def test_precipitation_is_rain_from_the_threshold_up(t: float, rain: float) -> None:
    _, fluxes = _day(_stores(snowpack=20.0), p=7.0, t=t, tt=1.5)
    assert fluxes.rain.item() == rain
    assert fluxes.snow.item() == 7.0 - rain


def test_nothing_melts_or_freezes_at_the_threshold() -> None:
    _, fluxes = _day(_stores(snowpack=50.0, snow_liquid=3.0), t=1.5, tt=1.5)
    assert fluxes.melt.item() == 0.0
    assert fluxes.refreeze.item() == 0.0


def test_effective_rain_follows_the_wetness_of_the_soil() -> None:
    """(50 / 100)² of 8 mm pass the soil, 6 stay."""
    stores, fluxes = _day(_stores(soil_water=50.0), p=8.0)
    assert fluxes.peff.item() == 2.0
    assert stores.soil_water.item() == 56.0
    assert fluxes.recharge.item() == 2.0


def test_water_above_field_capacity_leaves_the_soil() -> None:
    """Of 40 mm on 90 of 100 mm, 0.81 · 40 pass and 7.6 stay; of 100 mm, 81 pass and 9 are in excess."""
    _, within = _day(_stores(soil_water=90.0), p=40.0)
    assert within.excess.item() == 0.0
    stores, above = _day(_stores(soil_water=90.0), p=100.0)
    assert above.peff.item() == pytest.approx(81.0, rel=1e-14)
    assert above.excess.item() == pytest.approx(9.0, rel=1e-14)
    assert above.recharge.item() == pytest.approx(90.0, rel=1e-14)
    assert stores.soil_water.item() == 100.0


@pytest.mark.parametrize(
    ("soil", "gamma", "et"),
    [(40.0, 1.0, 3.0), (40.0, 2.0, 1.5), (40.0, 0.5, 6.0 * np.sqrt(0.5)), (80.0, 2.0, 6.0), (95.0, 0.3, 6.0)],
)
def test_evaporation_follows_its_curve(soil: float, gamma: float, et: float) -> None:
    """LP · FC = 80 mm: full evaporation from there, (S / 80)^γ of it below."""
    stores, fluxes = _day(_stores(soil_water=soil), ep=6.0, gamma=gamma)
    assert fluxes.et.item() == pytest.approx(et, rel=1e-13)
    assert stores.soil_water.item() == pytest.approx(soil - et, rel=1e-13)


def test_a_soil_evaporates_no_more_than_it_holds() -> None:
    stores, fluxes = _day(_stores(soil_water=2.0), ep=500.0, gamma=0.3)
    assert fluxes.et.item() == 2.0
    assert stores.soil_water.item() == 0.0


def test_plain_evaporation_line_is_shape_one(
    draw_parameters: DrawParameters, draw_stores: DrawStores, draw_weather: DrawWeather
) -> None:
    stores, forcing = draw_stores(20, 5), _forcing(draw_weather(20, 1))
    plain = draw_parameters(variant("hbv").parameters, 20, 5)
    line = step(stores, forcing, Parameters(**plain))
    curve = step(stores, forcing, Parameters(**plain, gamma=np.ones((20, 5))))
    for a, b in zip((*line[0], *line[1]), (*curve[0], *curve[1]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_capillary_rise_fills_the_dry_part_of_the_soil() -> None:
    """0.5 · 40 mm · (1 − 25/100) = 15 mm rise; a full soil draws none."""
    stores, fluxes = _day(_stores(soil_water=25.0, lower_zone=40.0), c=0.5)
    assert fluxes.capillary_rise.item() == 15.0
    assert stores.soil_water.item() == 40.0
    assert fluxes.q2.item() == pytest.approx(2.5, rel=1e-14)
    _, full = _day(_stores(soil_water=100.0, lower_zone=40.0), c=0.5)
    assert full.capillary_rise.item() == 0.0


def test_capillary_rise_can_take_all_of_the_lower_zone_and_no_more() -> None:
    stores, fluxes = _day(_stores(lower_zone=40.0), c=1.0)
    assert fluxes.capillary_rise.item() == 40.0
    assert stores.lower_zone.item() == 0.0


def test_zones_drain_in_order() -> None:
    """50 − 2 percolate; 0.5 · (48 − 10) = 19 fast; 0.2 · 29 = 5.8; 0.1 · (30 + 2) = 3.2 mm."""
    stores, fluxes = _day(_stores(upper_zone=50.0, lower_zone=30.0))
    assert fluxes.percolation.item() == 2.0
    assert fluxes.q0.item() == 19.0
    assert fluxes.q1.item() == pytest.approx(5.8, rel=1e-14)
    assert fluxes.q2.item() == pytest.approx(3.2, rel=1e-14)
    assert stores.upper_zone.item() == pytest.approx(23.2, rel=1e-14)
    assert stores.lower_zone.item() == pytest.approx(28.8, rel=1e-14)


def test_percolation_takes_no_more_than_the_upper_zone_holds() -> None:
    stores, fluxes = _day(_stores(upper_zone=1.5))
    assert fluxes.percolation.item() == 1.5
    assert stores.upper_zone.item() == 0.0
    assert stores.lower_zone.item() == pytest.approx(1.35, rel=1e-14)


@pytest.mark.parametrize("ep", [0.0, 5.0])
@pytest.mark.parametrize("capillary", [{}, {"c": 0.3}])
def test_constant_weather_ends_in_a_steady_state(ep: float, capillary: dict[str, float]) -> None:
    stores = _stores()
    for _ in range(1000):
        stores, fluxes = _day(stores, p=12.0, ep=ep, gamma=1.5, **capillary)
    later, _ = _day(stores, p=12.0, ep=ep, gamma=1.5, **capillary)
    np.testing.assert_allclose(np.array(later), np.array(stores), rtol=1e-11)
    runoff = fluxes.q0 + fluxes.q1 + fluxes.q2
    assert (runoff + fluxes.et).item() == pytest.approx(12.0, rel=1e-11)
    if ep == 0.0:
        assert runoff.item() == pytest.approx(12.0, rel=1e-11)
    else:
        assert fluxes.et.item() > 1.0


# ---------------------------------------------------------------- one day, written again


def _plain_share(k: dict[str, float], soil: float, water: float) -> float:
    """The soil's runoff curve: the power law, or the network of four units on five numbers near 1."""
    if "nn_0" not in k:
        return min((max(soil, 1e-5) / k["fc"]) ** k["beta"], 1.0)
    u = (k["fc"] / 500.0, k["beta"] / 3.0, soil / 500.0, soil / k["fc"], water / (water + 20.0))
    z = k["nn_28"]
    for j in range(4):
        w = [k[f"nn_{7 * j + i}"] for i in range(7)]
        z += w[6] * math.tanh(sum(a * b for a, b in zip(w[:5], u, strict=True)) + w[5])
    return 1.0 / (1.0 + math.exp(-z))


def _plain_day(s: dict[str, float], p: float, t: float, ep: float, k: dict[str, float]) -> dict[str, float]:
    """Stores after one day and its fluxes, number by number in the order of the published equations."""
    pack, liquid, soil, upper, lower = (s[name] for name in Stores._fields)
    rain, snow = (p, 0.0) if t >= k["tt"] else (0.0, p)
    pack += snow
    melt = min(max(k["cfmax"] * (t - k["tt"]), 0.0), pack)
    pack -= melt
    liquid += melt
    refreeze = min(max(k["cfr"] * k["cfmax"] * (k["tt"] - t), 0.0), liquid)
    pack += refreeze
    liquid -= refreeze
    infiltration = max(liquid - k["cwh"] * pack, 0.0)
    liquid -= infiltration

    peff = _plain_share(k, soil, rain + infiltration) * (rain + infiltration)
    soil += rain + infiltration - peff
    excess = max(soil - k["fc"], 0.0)
    soil -= excess
    et = min(min((max(soil, 1e-5) / (k["lp"] * k["fc"])) ** k.get("gamma", 1.0), 1.0) * ep, soil)
    soil -= et
    rise = min(lower, k.get("c", 0.0) * lower * (1.0 - min(soil / k["fc"], 1.0)))
    soil += rise
    lower -= rise

    upper += peff + excess
    percolation = min(k["perc"], upper)
    upper -= percolation
    lower += percolation
    q0 = k["k0"] * max(upper - k["uzl"], 0.0)
    upper -= q0
    q1 = k["k1"] * upper
    upper -= q1
    q2 = k["k2"] * lower
    lower -= q2
    return {
        "snowpack": pack, "snow_liquid": liquid, "swe": pack + liquid, "soil_water": soil,
        "upper_zone": upper, "lower_zone": lower, "rain": rain, "snow": snow, "melt": melt,
        "refreeze": refreeze, "infiltration": infiltration, "peff": peff, "excess": excess,
        "recharge": peff + excess, "et": et, "capillary_rise": rise, "percolation": percolation,
        "q0": q0, "q1": q1, "q2": q2,
    }  # fmt: skip


def test_a_day_is_the_published_equations_number_by_number(
    form: Variant, draw_parameters: DrawParameters, draw_stores: DrawStores, draw_weather: DrawWeather
) -> None:
    shape = (60, 4)
    stores, weather = draw_stores(*shape), draw_weather(shape[0], 1)
    parameters = draw_parameters(form.of_step, *shape)
    after = step(stores, _forcing(weather), Parameters.of(parameters))
    made = {name: output(name, *after) for name in STEP_OUTPUTS}
    for b, m in np.ndindex(shape):
        water = {name: value[b, m].item() for name, value in stores._asdict().items()}
        cell = {name: value[b, m].item() for name, value in parameters.items()}
        expected = _plain_day(water, *weather[b, 0].tolist(), cell)
        assert made.keys() == expected.keys()
        for name, value in expected.items():
            assert made[name][b, m] == pytest.approx(value, rel=1e-12, abs=1e-12), name


def test_a_sequence_is_the_mean_of_plain_days(
    form: Variant, draw_parameters: DrawParameters, draw_stores: DrawStores, draw_weather: DrawWeather
) -> None:
    days, basins, components = 40, 2, 3
    stores, weather = draw_stores(basins, components), draw_weather(days, basins)
    parameters = draw_parameters((*form.static, *form.shared), basins, components)
    parameters |= draw_parameters(form.dynamic, days, basins, components)
    _, made = simulate(stores, weather, parameters, STEP_OUTPUTS)

    expected = {name: np.zeros((days, basins)) for name in STEP_OUTPUTS}
    for b, m in np.ndindex(basins, components):
        water = {name: value[b, m].item() for name, value in stores._asdict().items()}
        for n in range(days):
            cell = {k: (v[n, b, m] if k in form.dynamic else v[b, m]).item() for k, v in parameters.items()}
            water = _plain_day(water, *weather[n, b].tolist(), cell)
            for name, value in water.items():
                expected[name][n, b] += value / components
    for name in STEP_OUTPUTS:
        np.testing.assert_allclose(made[name], expected[name], rtol=1e-11, atol=1e-11, err_msg=name)


# ---------------------------------------------------------------- arrays: kind, precision, shape, order


def test_numpy_and_torch_agree(
    form: Variant, draw_parameters: DrawParameters, draw_stores: DrawStores, draw_weather: DrawWeather
) -> None:
    stores, weather = draw_stores(5, 4), draw_weather(60, 5)
    parameters = draw_parameters((*form.static, *form.shared), 5, 4) | draw_parameters(form.dynamic, 60, 5, 4)
    end, made = simulate(stores, weather, parameters, STEP_OUTPUTS)
    end_torch, made_torch = simulate(_torch(stores), _torch(weather), _torch(parameters), STEP_OUTPUTS)
    for array, tensor in zip((*end, *made.values()), (*end_torch, *made_torch.values()), strict=True):
        np.testing.assert_allclose(tensor.numpy(), array, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [np.asarray, _torch])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precision_is_that_of_the_input(
    dtype: str,
    kind: Callable[..., Any],
    form: Variant,
    draw_parameters: DrawParameters,
    draw_stores: DrawStores,
    draw_weather: DrawWeather,
) -> None:
    stores = Stores(*(value.astype(dtype) for value in draw_stores(3, 2)))
    weather = draw_weather(4, 3).astype(dtype)
    drawn = draw_parameters((*form.static, *form.shared), 3, 2) | draw_parameters(form.dynamic, 4, 3, 2)
    parameters = {name: value.astype(dtype) for name, value in drawn.items()}
    if kind is _torch:
        stores, parameters = _torch(stores), _torch(parameters)
    end, made = simulate(stores, kind(weather), parameters, STEP_OUTPUTS)
    assert {np.asarray(value).dtype for value in (*end, *made.values())} == {np.dtype(dtype)}


def test_every_flux_and_store_has_the_shape_of_the_components(
    form: Variant, draw_parameters: DrawParameters, draw_stores: DrawStores, draw_weather: DrawWeather
) -> None:
    parameters = Parameters.of(draw_parameters(form.of_step, 3, 2))
    stores, fluxes = step(draw_stores(3, 2), _forcing(draw_weather(3, 1)), parameters)
    assert {value.shape for value in (*stores, *fluxes)} == {(3, 2)}


def test_a_step_leaves_its_input_as_it_was(
    form: Variant, draw_parameters: DrawParameters, draw_stores: DrawStores, draw_weather: DrawWeather
) -> None:
    stores, weather = draw_stores(3, 2), draw_weather(3, 1)
    parameters = draw_parameters(form.of_step, 3, 2)
    given = [value.copy() for value in (*stores, weather, *parameters.values())]
    step(stores, _forcing(weather), Parameters.of(parameters))
    for before, after in zip(given, (*stores, weather, *parameters.values()), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("kind", [np.asarray, _torch])
def test_cold_start_is_a_trace_of_water_in_every_store(kind: Callable[..., Any]) -> None:
    assert INITIAL_STORAGE == 0.001
    like = kind(np.ones((2, 3), dtype=np.float32))
    for value in initial_stores(like):
        assert (value.shape, value.dtype) == (like.shape, like.dtype)
        np.testing.assert_array_equal(np.asarray(value), np.float32(0.001))


def test_basins_do_not_see_their_neighbours(
    form: Variant, draw_parameters: DrawParameters, draw_stores: DrawStores, draw_weather: DrawWeather
) -> None:
    order = np.array([3, 0, 4, 1, 2])
    stores, weather = draw_stores(5, 4), draw_weather(30, 5)
    static, dynamic = (
        draw_parameters((*form.static, *form.shared), 5, 4),
        draw_parameters(form.dynamic, 30, 5, 4),
    )
    end, made = simulate(stores, weather, static | dynamic, STEP_OUTPUTS)
    for chosen in (order, order[:1]):
        there, seen = simulate(
            Stores(*(value[chosen] for value in stores)),
            weather[:, chosen],
            {k: v[chosen] for k, v in static.items()} | {k: v[:, chosen] for k, v in dynamic.items()},
            STEP_OUTPUTS,
        )
        for a, b in zip(there, end, strict=True):
            np.testing.assert_array_equal(a, b[chosen])
        for name in STEP_OUTPUTS:
            np.testing.assert_array_equal(seen[name], made[name][:, chosen])


def test_components_do_not_see_each_other(
    form: Variant, draw_parameters: DrawParameters, draw_stores: DrawStores, draw_weather: DrawWeather
) -> None:
    order = np.array([2, 3, 1, 0])
    stores, forcing = draw_stores(5, 4), _forcing(draw_weather(5, 1))
    parameters = draw_parameters(form.of_step, 5, 4)
    end, fluxes = step(stores, forcing, Parameters.of(parameters))
    there, seen = step(
        Stores(*(value[:, order] for value in stores)),
        forcing,
        Parameters.of({name: value[:, order] for name, value in parameters.items()}),
    )
    for a, b in zip((*there, *seen), (*end, *fluxes), strict=True):
        np.testing.assert_array_equal(a, b[:, order])


def test_a_sequence_is_its_days_chained(
    form: Variant, draw_parameters: DrawParameters, draw_stores: DrawStores, draw_weather: DrawWeather
) -> None:
    stores, weather = draw_stores(3, 4), draw_weather(30, 3)
    static, dynamic = (
        draw_parameters((*form.static, *form.shared), 3, 4),
        draw_parameters(form.dynamic, 30, 3, 4),
    )
    end, made = simulate(stores, weather, static | dynamic, STEP_OUTPUTS)
    for n in range(30):
        today = {name: value[n : n + 1] for name, value in dynamic.items()}
        stores, day = simulate(stores, weather[n : n + 1], static | today, STEP_OUTPUTS)
        for name in STEP_OUTPUTS:
            np.testing.assert_array_equal(day[name][0], made[name][n])
    for a, b in zip(stores, end, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_dynamic_parameter_that_stands_still_is_a_static_one(
    form: Variant, draw_parameters: DrawParameters, draw_stores: DrawStores, draw_weather: DrawWeather
) -> None:
    stores, weather = draw_stores(3, 4), draw_weather(30, 3)
    static = draw_parameters(form.of_step, 3, 4)
    still = {name: np.broadcast_to(value, (30, 3, 4)) for name, value in static.items()}
    end, made = simulate(stores, weather, static, STEP_OUTPUTS)
    there, seen = simulate(stores, weather, still, STEP_OUTPUTS)
    for a, b in zip((*there, *seen.values()), (*end, *made.values()), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_sequence_tells_the_three_flows_unless_asked_for_more(
    draw_parameters: DrawParameters, draw_stores: DrawStores, draw_weather: DrawWeather
) -> None:
    parameters = draw_parameters(variant("hbv").parameters, 3, 4)
    _, made = simulate(draw_stores(3, 4), draw_weather(6, 3), parameters)
    assert list(made) == ["q0", "q1", "q2"]
    assert {value.shape for value in made.values()} == {(6, 3)}


def test_snow_water_equivalent_is_ice_and_liquid() -> None:
    end, fluxes = _day(_stores(snowpack=30.0, snow_liquid=2.0), p=4.0, t=-1.0)
    assert output("swe", end, fluxes).item() == 36.0
