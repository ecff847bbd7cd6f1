"""The stream equals the sequence, restarts exactly, closes its water balance and refuses what does not fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from dhbv.errors import DhbvError, StateError
from dhbv.model_directory import ModelDirectory
from dhbv.physics import variables
from dhbv.runtime import OUTPUTS, Runtime
from dhbv.state import State
from tests.conftest import attribute_table, weather

Make = Callable[..., ModelDirectory]
START = np.datetime64("2001-10-01", "D")
KINDS = [("lstm_mlp", "delta_bt_gt"), ("lstm", "delta_bt_gt"), ("lstm", "hbv"), ("mlp", "delta+capillary")]


def runtime_of(model: ModelDirectory, basins: int = 3, dtype: type = np.float64) -> Runtime:
    return Runtime(model, [f"b{k}" for k in range(basins)], attribute_table(basins), dtype=dtype)


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
