"""The stream equals the sequence, restarts exactly, closes its water balance and refuses what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dhbv.errors import DhbvError, StateError
from dhbv.model_directory import ModelDirectory
from dhbv.network_shapes import SHARED
from dhbv.physics import variables
from dhbv.physics.hbv import INITIAL_STORAGE, Stores
from dhbv.physics.parameters import PARAMETERS
from dhbv.runtime import OUTPUTS, SETTABLE, Runtime
from dhbv.state import State
from tests.conftest import attribute_table, weather
from tests.small_models import small_model, small_weights

Make = Callable[..., ModelDirectory]
START = np.datetime64("2001-10-01", "D")
KINDS = [
    ("lstm_mlp", "delta_bt_gt"),
    ("lstm", "delta_bt_gt"),
    ("lstm", "hbv"),
    ("mlp", "delta+capillary"),
    ("lstm_mlp", "delta_bt_gt+nn_peff"),
    ("lstm", "delta_gt+nn_peff"),
]


def runtime_of(model: ModelDirectory, basins: int = 3, dtype: type = np.float64, **options: Any) -> Runtime:
    return Runtime(model, [f"b{k}" for k in range(basins)], attribute_table(basins), dtype=dtype, **options)


def sequence(
    model: ModelDirectory,
    forcing: NDArray[np.float64],
    warmup: int,
    attributes: NDArray[np.float64],
    dtype: type,
) -> dict[str, NDArray[np.floating]]:
    """The torch model over the whole sequence, as training sees it."""
    torch = pytest.importorskip("torch")
    from dhbv.model import DeltaModel

    kind = torch.float64 if dtype is np.float64 else torch.float32
    whole = DeltaModel(model.config.model, model.statistics).to(kind).eval()
    whole.network.load_state_dict({k: torch.from_numpy(w) for k, w in model.weights.items()})
    with torch.no_grad():
        out = whole(
            torch.from_numpy(forcing).to(kind), torch.from_numpy(attributes).to(kind),
            warmup=warmup, static_day=warmup - 1,
        )  # fmt: skip
    return {name: value.numpy() for name, value in out.items()}


@pytest.mark.parametrize(("kind", "variant"), KINDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-8), (np.float32, 1e-4)])
def test_ten_years_streamed_equal_the_sequence(
    make_directory: Make, kind: str, variant: str, dtype: type, tolerance: float
) -> None:
    runtime = runtime_of(make_directory(kind, variant), dtype=dtype)
    forcing = weather(365 + 3652, 3)
    state = runtime.spin_up(forcing[:365], START)
    state, streamed = runtime.run(state, forcing[365:])
    expected = sequence(runtime.model, forcing, 365, runtime.attributes.values, dtype)
    for name, values in expected.items():
        assert np.abs(streamed[name] - values).max() <= tolerance
    assert streamed["runoff"].dtype == dtype
    assert state.time == START + 365 + 3652


@pytest.mark.parametrize(("kind", "variant"), KINDS)
@pytest.mark.parametrize("split", [1, 7, 14, 99])
def test_restart_from_saved_bytes_is_bitwise_equal(
    make_directory: Make, kind: str, variant: str, split: int
) -> None:
    model = make_directory(kind, variant)
    forcing = weather(500, 3)
    runtime = runtime_of(model)
    start = runtime.spin_up(forcing[:400], START)
    unbroken, whole = runtime.run(start, forcing[400:])
    middle, first = runtime.run(start, forcing[400 : 400 + split])
    again = runtime_of(model)
    end, second = again.run(State.from_bytes(middle.to_bytes()), forcing[400 + split :])
    for name in OUTPUTS:
        assert np.array_equal(np.concatenate([first[name], second[name]]), whole[name])
    assert end.to_bytes() == unbroken.to_bytes()


def test_days_one_by_one_equal_a_run_of_all(make_directory: Make) -> None:
    runtime = runtime_of(make_directory())
    forcing = weather(50, 3)
    state = runtime.cold_state(START)
    end, whole = runtime.run(state, forcing)
    for n, day in enumerate(forcing):
        state, outputs = runtime.step(state, day)
        assert all(np.array_equal(outputs[name], whole[name][n]) for name in OUTPUTS)
    assert state.to_bytes() == end.to_bytes()


def test_step_leaves_the_state_it_was_given_untouched(make_directory: Make) -> None:
    runtime = runtime_of(make_directory())
    state = runtime.spin_up(weather(30, 3), START)
    before = state.to_bytes()
    runtime.step(state, weather(1, 3)[0])
    assert state.to_bytes() == before


@pytest.mark.parametrize(("kind", "variant"), KINDS)
def test_water_balance_closes_every_day(make_directory: Make, kind: str, variant: str) -> None:
    runtime = runtime_of(make_directory(kind, variant))
    forcing = weather(800, 3)
    forcing[::97, :, 0] = 500.0
    state = runtime.spin_up(forcing[:400], START)
    for day in forcing[400:]:
        before = runtime.storage(state)
        state, out = runtime.step(state, day)
        residual = day[:, 0] - out["et"] - out["runoff"] - (runtime.storage(state) - before)
        assert np.abs(residual).max() <= 1e-9


def test_outputs_agree_with_each_other(make_directory: Make) -> None:
    runtime = runtime_of(make_directory())
    state = runtime.spin_up(weather(400, 3), START)
    end, out = runtime.run(state, weather(200, 3, seed=5))
    assert set(out) == set(variables.VARIABLES)
    np.testing.assert_allclose(out["runoff"], out["surface_runoff"] + out["interflow"] + out["baseflow"])
    np.testing.assert_allclose(out["swe"], out["snowpack"] + out["snow_liquid"])
    np.testing.assert_allclose(out["recharge"], out["peff"] + out["excess"])
    np.testing.assert_allclose(out["prcp"], out["rain"] + out["snow"], atol=1e-12)
    stores = sum(out[n][-1] for n in ("swe", "soil_water", "upper_zone", "lower_zone", "routing_store"))
    np.testing.assert_allclose(stores, runtime.storage(end))
    assert all((out[v.name] >= 0.0).all() for v in variables.VARIABLES.values())
    assert np.ptp(out["beta"], axis=0).min() > 0.0, "β is dynamic here"


def test_a_basin_gives_the_same_alone_in_a_batch_and_permuted(make_directory: Make) -> None:
    model, forcing = make_directory(), weather(200, 3)
    names, table = ["b0", "b1", "b2"], attribute_table(3)
    _, together = runtime_of(model).run(runtime_of(model).cold_state(START), forcing)
    for order in ([2, 0, 1], [1]):
        part = Runtime(model, [names[k] for k in order], {n: [c[k] for k in order] for n, c in table.items()})
        _, out = part.run(part.cold_state(START), forcing[:, order])
        np.testing.assert_allclose(out["runoff"], together["runoff"][:, order], rtol=1e-10)


def test_the_calendar_changes_nothing_where_ga_sees_no_date(make_directory: Make) -> None:
    runtime, forcing = runtime_of(make_directory()), weather(60, 3)
    _, here = runtime.run(runtime.cold_state(START), forcing)
    _, later = runtime.run(runtime.cold_state(START + 7 * 365), forcing)
    assert np.array_equal(here["runoff"], later["runoff"])


def test_a_plain_hbv_reports_a_straight_evaporation_curve(make_directory: Make) -> None:
    runtime = runtime_of(make_directory("mlp", "hbv"))
    _, out = runtime.run(runtime.cold_state(START), weather(5, 3))
    assert (out["gamma"] == 1.0).all()


def test_lstm_static_parameters_need_a_spin_up(make_directory: Make) -> None:
    with pytest.raises(StateError, match="spin-up over a forcing history"):
        runtime_of(make_directory("lstm")).cold_state(START)


def test_lstm_static_parameters_are_read_once_a_state_is_seen(make_directory: Make) -> None:
    runtime = runtime_of(make_directory("lstm"))
    for name in ("fc", "route_a"):
        with pytest.raises(
            StateError, match=r"kind 'lstm'\) reads its static .* spin-up over a forcing history"
        ):
            runtime.parameter(name)
    with pytest.raises(DhbvError, match="no parameter 'c' in variant"):
        runtime.parameter("c")
    state = runtime.spin_up(weather(30, 3), START)
    assert runtime.parameter("fc").shape == runtime.parameter("route_a").shape == (3,)
    again = runtime_of(runtime.model)
    again.storage(state)
    assert np.array_equal(again.parameter("fc"), runtime.parameter("fc"))


def test_a_state_of_other_weights_is_refused_with_the_remedy(make_directory: Make) -> None:
    ours, theirs = runtime_of(make_directory(seed=0)), runtime_of(make_directory(seed=1))
    with pytest.raises(StateError, match=r"states do not fit other weights; .* spin this one up"):
        ours.step(theirs.cold_state(START), weather(1, 3)[0])


def test_a_state_of_other_basins_or_precision_is_refused(make_directory: Make) -> None:
    model = make_directory()
    runtime = runtime_of(model)
    state = runtime.cold_state(START)
    with pytest.raises(StateError, match=r"holds 2 basins \(b0, b1"):
        runtime.step(runtime_of(model, basins=2).cold_state(START), weather(1, 3)[0])
    with pytest.raises(StateError, match="their order counts"):
        runtime.step(replace(state, basins=("b1", "b0", "b2")), weather(1, 3)[0])
    with pytest.raises(StateError, match="dtype=float32"):
        runtime.step(runtime_of(model, dtype=np.float32).cold_state(START), weather(1, 3)[0])


@pytest.mark.parametrize(
    ("column", "value", "name"), [(0, np.nan, "P"), (1, np.inf, "T"), (2, -1.0, "Ep"), (0, -0.1, "P")]
)
def test_impossible_weather_is_refused_by_basin_variable_and_day(
    make_directory: Make, column: int, value: float, name: str
) -> None:
    runtime = runtime_of(make_directory())
    forcing = weather(10, 3)
    forcing[6, 1, column] = value
    with pytest.raises(DhbvError, match=rf"basin b1: {name} is {value} on 2001-10-07 "):
        runtime.run(runtime.cold_state(START), forcing)


def test_weather_of_another_shape_is_refused(make_directory: Make) -> None:
    runtime = runtime_of(make_directory())
    with pytest.raises(DhbvError, match=r"\[time, 3, 3\], not \[10, 2, 3\]"):
        runtime.run(runtime.cold_state(START), weather(10, 2))


def test_missing_and_unknown_attributes_become_the_mean_and_are_counted(make_directory: Make) -> None:
    table = attribute_table(3) | {
        "p_mean": [2.0, 2.0, 1e6],
        "aridity": [2.0, None, 2.0],
        "area_gages2": [2.0] * 3,
    }
    table["geol_1st_class"][0] = "Moon rock"
    found = Runtime(make_directory(), ["b0", "b1", "b2"], table).attributes
    assert found.missing == {"aridity": 1, "geol_1st_class": 1}
    assert found.outside == {"p_mean": 1}
    assert found.values[1, 1] == 0.0
    assert found.values[0, 3] == 0.0


def test_a_missing_column_is_an_error(make_directory: Make) -> None:
    table = attribute_table(3)
    del table["aridity"]
    with pytest.raises(DhbvError, match="lacks aridity"):
        Runtime(make_directory(), ["b0", "b1", "b2"], table)


# Parameters that are replaced


def constant_model(folder: Path, kind: str, variant: str) -> ModelDirectory:
    """A model whose parameters are the same in every basin, component and day."""
    weights = small_weights(kind, variant)
    rng = np.random.default_rng(7)
    last = [name for name in ("head", "mlp.1") if f"{name}.weight" in weights]
    for name in last:
        weights[f"{name}.weight"] *= 0.0
    if kind == "lstm_mlp":
        weights["head.bias"] *= 0.0
    bias = weights[f"{last[-1]}.bias"]
    by_parameter = rng.normal(0.0, 0.5, (len(bias) - 2) // 4 + 2)
    bias[:] = [*np.repeat(by_parameter[:-2], 4), *by_parameter[-2:]]
    return small_model(folder, kind=kind, variant=variant, weights=weights)


@pytest.mark.parametrize(("kind", "variant"), KINDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_replaced_parameters_are_those_of_a_model_that_has_no_others(
    tmp_path: Path, kind: str, variant: str, dtype: type
) -> None:
    constant = runtime_of(constant_model(tmp_path / "constant", kind, variant), dtype=dtype)
    forcing = weather(120, 3)
    start = constant.spin_up(forcing[:60], START)
    _, expected = constant.run(start, forcing[60:])
    assert np.ptp(expected["beta"]) == 0.0
    names = [*constant.model.config.model.form.parameters, "route_a", "route_tau"]
    values = {name: constant.parameter(name) for name in names}
    # What all basins share is no parameter of theirs, and stays.
    shared = {name: w for name, w in constant.model.weights.items() if name == SHARED}
    other = small_weights(kind, variant, 3) | shared
    directory = small_model(tmp_path / "other", kind=kind, variant=variant, weights=other)
    replaced = runtime_of(directory, dtype=dtype, parameters=values)
    state = replaced.spin_up(forcing[:60], START)
    for name in names:
        np.testing.assert_allclose(replaced.parameter(name), values[name], rtol=1e-6)
    _, out = replaced.run(state, forcing[60:])
    tolerance = 1e-10 if dtype is np.float64 else 1e-4
    for name in OUTPUTS:
        np.testing.assert_allclose(out[name], expected[name], rtol=tolerance, atol=tolerance, err_msg=name)
    for name in ("beta", "gamma"):
        np.testing.assert_allclose(replaced.standing(state)[name], expected[name][0], rtol=1e-6)


def test_each_basin_has_its_own_replaced_parameter(make_directory: Make) -> None:
    """Without rain, percolation and stores above it, the lower zone recedes by K2 a day."""
    model, k2 = make_directory("mlp", "hbv"), np.array([0.01, 0.05, 0.2])
    values = {"k2": k2, "perc": [0.0] * 3, "route_a": [1.0] * 3, "route_tau": [2.0] * 3}
    runtime = runtime_of(model, parameters=values)
    cold = runtime.cold_state(START)
    state = runtime.with_store(cold, "lower_zone", [100.0, 200.0, 300.0])
    dry = np.zeros((40, 3, 3))
    _, out = runtime.run(state, dry)
    n = np.arange(40)[:, None]
    store = np.array([100.0, 200.0, 300.0])
    np.testing.assert_allclose(out["lower_zone"], store * (1.0 - k2) ** (n + 1), rtol=1e-12)
    np.testing.assert_allclose(out["q2"], k2 * store * (1.0 - k2) ** n, rtol=1e-12)
    u = np.exp(-(np.arange(15) + 0.5) / 2.0)
    u /= u.sum()
    routed = [np.convolve(u, out["q2"][:, b])[:40] for b in range(3)]
    np.testing.assert_allclose(out["baseflow"], np.stack(routed, -1), rtol=1e-12)


def test_a_replaced_degree_day_factor_melts_the_pack(make_directory: Make) -> None:
    values = {"tt": [0.0] * 3, "cfmax": [1.0, 2.5, 10.0]}
    runtime = runtime_of(make_directory(), parameters=values)
    state = runtime.with_store(runtime.cold_state(START), "snowpack", [25.0] * 3)
    warm = np.zeros((5, 3, 3))
    warm[..., 1] = 3.0
    _, out = runtime.run(state, warm)
    expected = [np.diff(np.minimum(3.0 * f * np.arange(6), 25.0)) for f in values["cfmax"]]
    np.testing.assert_allclose(out["melt"], np.stack(expected, -1), rtol=1e-12, atol=1e-12)
    cold = warm.copy()
    cold[..., 0], cold[..., 1] = 8.0, -0.1
    _, out = runtime.run(state, cold)
    assert (out["snow"] == 8.0).all()
    assert (out["melt"] == 0.0).all()


def test_what_is_not_replaced_stays(make_directory: Make) -> None:
    model = make_directory()
    usual, replaced = runtime_of(model), runtime_of(model, parameters={"fc": [100.0] * 3, "beta": [2.0] * 3})
    for name in (*model.config.model.form.static, "route_a", "route_tau"):
        if name != "fc":
            assert np.array_equal(replaced.parameter(name), usual.parameter(name))
    assert not np.array_equal(replaced.parameter("fc"), usual.parameter("fc"))
    cold, forcing = usual.cold_state(START), weather(30, 3)
    _, ours = replaced.run(cold, forcing)
    _, theirs = usual.run(cold, forcing)
    assert (ours["beta"] == 2.0).all()
    assert np.array_equal(ours["gamma"], theirs["gamma"]), "the other dynamic one stays dynamic"


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("fc", [100.0, 49.9, 100.0], r"basin b1: fc \(θFC\) is 49.9 mm: it must lie in 50 to 1000"),
        ("k2", [0.1, 0.1, 0.3], r"basin b2: k2 \(θK2\) is 0.3 d-1: it must lie in 0.001 to 0.2"),
        ("tt", [np.nan, 0.0, 0.0], r"basin b0: tt \(θTT\) is nan degC"),
        (
            "c",
            [0.5] * 3,
            r"no parameter 'c' in variant delta_bt_gt: it has beta, .*, gamma, route_a, route_tau",
        ),
        ("cat", [0.5] * 3, r"no parameter 'cat' in variant"),
    ],
)
def test_an_impossible_parameter_is_refused_by_basin_and_range(
    make_directory: Make, name: str, values: list[float], message: str
) -> None:
    with pytest.raises(DhbvError, match=message):
        runtime_of(make_directory(), parameters={name: values})


def test_the_ends_of_a_range_are_possible(make_directory: Make) -> None:
    model = make_directory()
    for end in ("lower", "upper"):
        values = {name: [getattr(row, end)] * 3 for name, row in PARAMETERS.items() if name != "c"}
        runtime = runtime_of(model, parameters=values)
        _, out = runtime.run(runtime.cold_state(START), weather(20, 3))
        assert all(np.isfinite(out[name]).all() for name in OUTPUTS)


def test_a_parameter_the_model_has_not_cannot_be_read(make_directory: Make) -> None:
    with pytest.raises(DhbvError, match="no parameter 'gamma' in variant hbv"):
        runtime_of(make_directory("mlp", "hbv")).parameter("gamma")


# Without the unit hydrograph


@pytest.mark.parametrize(("kind", "variant"), KINDS)
def test_without_hillslope_routing_runoff_leaves_on_its_day(
    make_directory: Make, kind: str, variant: str
) -> None:
    model, forcing = make_directory(kind, variant), weather(460, 3)
    routed, plain = runtime_of(model), runtime_of(model, hillslope_routing=False)
    history = forcing[:400]
    state, clear = routed.spin_up(history, START), plain.spin_up(history, START)
    _, expected = routed.run(state, forcing[400:])
    _, out = plain.run(clear, forcing[400:])
    for part, unrouted in variables.ROUTED.items():
        assert np.array_equal(out[part], out[unrouted])
    np.testing.assert_allclose(out["runoff"], expected["q0"] + expected["q1"] + expected["q2"], rtol=1e-12)
    assert (out["routing_store"] == 0.0).all()
    # What a routed state has on its way leaves as it would have.
    before = plain.storage(state)
    assert np.array_equal(before, routed.storage(state)), "no water is lost at the start"
    after, out = plain.run(state, forcing[400:])
    u = routed.ordinates[:, 0, 0]
    for k, (part, unrouted) in enumerate(variables.ROUTED.items()):
        late = out[part] - out[unrouted]
        for n in range(14):
            coming = sum(u[n + 1 + age] * state.runoff[13 - age, k] for age in range(14 - n))
            np.testing.assert_allclose(late[n], coming, rtol=1e-9, atol=1e-12)
        assert (late[14:] == 0.0).all()
    assert out["routing_store"][0].min() > 0.0
    assert (out["routing_store"][14:] == 0.0).all()
    assert (routed.standing(after)["routing_store"] == 0.0).all(), "what has left does not leave again"
    np.testing.assert_allclose(plain.storage(after), after.stores.sum(0).mean(-1), rtol=1e-12)
    balance = (forcing[400:, :, 0] - out["et"] - out["runoff"]).sum(0) - (plain.storage(after) - before)
    assert np.abs(balance).max() <= 1e-9
    assert np.abs(out["runoff"] - expected["runoff"]).max() > 0.1, "routing matters here"


# What a state tells by itself


@pytest.mark.parametrize(("kind", "variant"), KINDS)
@pytest.mark.parametrize("options", [{}, {"hillslope_routing": False}, {"parameters": {"beta": [2.0] * 3}}])
def test_a_state_tells_the_end_of_the_day_that_made_it(
    make_directory: Make, kind: str, variant: str, options: dict[str, Any]
) -> None:
    runtime = runtime_of(make_directory(kind, variant), **options)
    state, out = runtime.run(runtime.spin_up(weather(100, 3), START), weather(5, 3, seed=5))
    told = runtime.standing(state)
    assert set(told) == {v.name for v in variables.VARIABLES.values() if v.kind != "flux"} | {"runoff"}
    for name, value in told.items():
        np.testing.assert_allclose(value, out[name][-1], rtol=1e-12, atol=1e-12, err_msg=name)
    assert np.array_equal(told["runoff"], state.discharge)


def test_a_cold_state_tells_nearly_nothing(make_directory: Make) -> None:
    runtime = runtime_of(make_directory())
    told = runtime.standing(runtime.cold_state(START))
    assert (told["runoff"] == 0.0).all()
    assert (told["routing_store"] == 0.0).all()
    assert (told["soil_water"] == INITIAL_STORAGE).all()
    assert (told["swe"] == 2.0 * INITIAL_STORAGE).all()


# Stores that are set


@pytest.fixture
def wet(make_directory: Make) -> tuple[Runtime, State]:
    """A runtime and a state with water, snow and its liquid in every component."""
    runtime = runtime_of(make_directory())
    state = runtime.spin_up(weather(400, 3), START)
    stores = state.stores + np.random.default_rng(2).uniform(1.0, 9.0, state.stores.shape)
    return runtime, replace(state, stores=stores)


@pytest.mark.parametrize("name", SETTABLE)
def test_a_store_that_is_set_keeps_its_proportions_and_all_else(
    wet: tuple[Runtime, State], name: str
) -> None:
    runtime, state = wet
    before = state.to_bytes()
    wanted = np.array([1.5, 40.0, 0.0])
    changed = runtime.with_store(state, name, wanted.tolist())
    assert state.to_bytes() == before
    have, told = runtime.standing(state), runtime.standing(changed)
    np.testing.assert_allclose(told[name], wanted, rtol=1e-13)
    touched = {"swe": {"swe", "snowpack", "snow_liquid"}, "snowpack": {"snowpack", "swe"}}
    touched["snow_liquid"] = {"snow_liquid", "swe"}
    for other in set(told) - touched.get(name, {name}):
        assert np.array_equal(told[other], have[other]), other
    change = runtime.storage(changed) - runtime.storage(state)
    np.testing.assert_allclose(change, wanted - have[name], rtol=0, atol=1e-9)
    factor = (wanted / have[name])[:, None]
    if name == "routing_store":
        np.testing.assert_allclose(changed.runoff, state.runoff * factor[:, 0], rtol=1e-13)
        assert np.array_equal(changed.stores, state.stores)
    else:
        assert np.array_equal(changed.runoff, state.runoff)
        for part in ("snowpack", "snow_liquid") if name == "swe" else (name,):
            k = Stores._fields.index(part)
            np.testing.assert_allclose(changed.stores[k], state.stores[k] * factor, rtol=1e-13)
    for field in ("discharge", "hidden", "cell", "frozen", "time", "basins"):
        assert np.array_equal(getattr(changed, field), getattr(state, field))
    runtime.step(changed, weather(1, 3)[0])


def test_a_store_that_is_set_to_what_it_is_changes_no_bit(wet: tuple[Runtime, State]) -> None:
    runtime, state = wet
    for name in SETTABLE:
        same = runtime.with_store(state, name, runtime.standing(state)[name].tolist())
        assert same.to_bytes() == state.to_bytes()


@pytest.mark.parametrize("name", [n for n in SETTABLE if n != "routing_store"])
def test_an_empty_store_is_filled_evenly_and_a_pack_with_ice(wet: tuple[Runtime, State], name: str) -> None:
    runtime, state = wet
    empty = runtime.with_store(state, name, [0.0, 0.0, 0.0])
    assert (runtime.standing(empty)[name] == 0.0).all()
    assert runtime.with_store(empty, name, [0.0, 0.0, 0.0]).to_bytes() == empty.to_bytes()
    full = runtime.with_store(empty, name, [5.0, 0.0, 1e-300])
    part = Stores._fields.index("snowpack" if name == "swe" else name)
    assert full.stores[part].tolist() == [[5.0] * 4, [0.0] * 4, [1e-300] * 4]
    if name == "swe":
        assert (full.stores[Stores._fields.index("snow_liquid")] == 0.0).all()


def test_a_component_that_is_empty_stays_so_where_others_are_not(wet: tuple[Runtime, State]) -> None:
    runtime, state = wet
    stores = state.stores.copy()
    stores[2, :, 0] = 0.0
    changed = runtime.with_store(replace(state, stores=stores), "soil_water", [10.0] * 3)
    assert (changed.stores[2, :, 0] == 0.0).all()
    np.testing.assert_allclose(changed.stores[2].mean(-1), 10.0)


def test_an_empty_routing_store_cannot_be_filled(make_directory: Make) -> None:
    runtime = runtime_of(make_directory())
    cold = runtime.cold_state(START)
    assert runtime.with_store(cold, "routing_store", [0.0] * 3).to_bytes() == cold.to_bytes()
    with pytest.raises(
        DhbvError, match="basin b1: routing_store is empty and cannot be filled, since it does not say"
    ):
        runtime.with_store(cold, "routing_store", [0.0, 1.0, 0.0])


@pytest.mark.parametrize(
    "values", [[1.0, -1e-9, 1.0], [1.0, 1.0, np.nan], [np.inf, 1.0, 1.0], [1.0, 1.0], [[1.0, 1.0, 1.0]]]
)
@pytest.mark.parametrize("name", ["upper_zone", "routing_store"])
def test_an_impossible_depth_is_refused(wet: tuple[Runtime, State], name: str, values: list[Any]) -> None:
    runtime, state = wet
    with pytest.raises(
        DhbvError, match=rf"{name} cannot be set to \[.*one finite depth of at least 0 mm .* 3 basins"
    ):
        runtime.with_store(state, name, values)


def test_stores_are_set_in_the_runtimes_precision(make_directory: Make) -> None:
    runtime = runtime_of(make_directory(), dtype=np.float32)
    state = runtime.spin_up(weather(100, 3), START)
    for name in SETTABLE:
        runtime.step(runtime.with_store(state, name, [3.0, 0.0, 1.0]), weather(1, 3)[0])


# States of some basins, in another precision


def test_a_batch_in_single_precision_goes_on_as_single_basins(make_directory: Make) -> None:
    model, forcing = make_directory(), weather(430, 3)
    batch = runtime_of(model, dtype=np.float32)
    whole = batch.spin_up(forcing[:400], START)
    _, expected = batch.run(whole, forcing[400:])
    table = attribute_table(3)
    for k, basin in enumerate(batch.basins):
        alone = Runtime(model, [basin], {name: [column[k]] for name, column in table.items()})
        _, out = alone.run(whole.select([basin]).astype(np.float64), forcing[400:, k : k + 1])
        np.testing.assert_allclose(out["runoff"][:, 0], expected["runoff"][:, k], rtol=2e-4, atol=1e-4)


def test_a_state_in_another_precision_is_the_same_to_that_precision(make_directory: Make) -> None:
    state = runtime_of(make_directory()).spin_up(weather(60, 3), START)
    single = state.astype(np.float32)
    for name in ("stores", "runoff", "discharge", "hidden", "cell", "frozen"):
        assert getattr(single, name).dtype == np.float32
        assert np.array_equal(getattr(single, name), getattr(state, name).astype(np.float32))
    assert (single.time, single.basins, single.weights) == (state.time, state.basins, state.weights)
    assert single.astype(np.float64).astype(np.float32).to_bytes() == single.to_bytes()


def test_weights_are_shared_between_runtimes_of_a_precision(make_directory: Make) -> None:
    model = make_directory()
    one, two, single = runtime_of(model), runtime_of(model, 2), runtime_of(model, dtype=np.float32)
    assert one._network._weights is two._network._weights
    assert one._network._weights is not single._network._weights
    assert single._network._weights.lstm.dtype == np.float32


def test_runtimes_do_not_see_each_others_parameters(make_directory: Make) -> None:
    model, forcing = make_directory(), weather(30, 3)
    usual = runtime_of(model)
    _, before = usual.run(usual.cold_state(START), forcing)
    runtime_of(model, parameters={"fc": [50.0] * 3}, hillslope_routing=False).spin_up(forcing, START)
    _, after = usual.run(usual.cold_state(START), forcing)
    assert np.array_equal(before["runoff"], after["runoff"])


def test_no_day_at_all_changes_nothing(make_directory: Make) -> None:
    runtime = runtime_of(make_directory())
    state = runtime.spin_up(weather(30, 3), START)
    after, outputs = runtime.run(state, weather(30, 3)[:0])
    assert after.to_bytes() == state.to_bytes()
    assert {values.shape for values in outputs.values()} == {(0, 3)}
    assert runtime.spin_up(weather(30, 3)[:0], START).to_bytes() == runtime.cold_state(START).to_bytes()
