"""Weather that cannot be true is held, filled, converted or refused, and never passes unseen."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from bmi.configuration import InputsConfig
from bmi.inputs import EP, INPUTS, T_MAX, T_MIN, Inputs, P, T
from bmi.quality import Quality
from dhbv.errors import DhbvError

NOW = np.datetime64("2001-02-03T04", "h")
USUAL = 6.5
GOOD = {P: 1.5, T: 11.0, EP: 0.2, T_MIN: 2.0, T_MAX: 20.0}


def inputs_of(names: tuple[str, ...] = (P, T), size: int = 1, hours: int = 1, **policies: Any) -> Inputs:
    catchments = [f"cat-{k + 1}" for k in range(size)]
    return Inputs(names, catchments, InputsConfig(**policies), USUAL, "c.yaml", hours)


def put(inputs: Inputs, **values: Any) -> None:
    """Set p, t or ep; what is not named is not set."""
    for key, value in values.items():
        name = {"p": P, "t": T, "ep": EP}[key]
        inputs.values[inputs.names.index(name)] = value
        inputs.was_set(name)


def step(inputs: Inputs, **values: Any) -> list[list[float]]:
    """What a step with these values sees, [input][catchment]."""
    put(inputs, **values)
    return inputs.take(NOW).tolist()


def flags_of(inputs: Inputs) -> list[Quality]:
    return [Quality(int(flag)) for flag in inputs.flags]


def everything(inputs: Inputs) -> dict[str, Any]:
    """All that a refused step may not change."""
    return {name: array.tolist() for name, array in inputs.carried().items()} | {"v": inputs.values.tolist()}


def test_plausible_weather_passes_as_it_is() -> None:
    inputs = inputs_of((P, T, EP), size=2)
    for p, t, ep in ((0.0, -100.0, 0.0), (1000.0, 70.0, 20.0), (3.5, -0.0, 0.1)):
        assert step(inputs, p=[p, 1.0], t=[t, 2.0], ep=[ep, 0.5]) == [[p, 1.0], [t, 2.0], [ep, 0.5]]
    assert inputs.flags.tolist() == inputs.faults.tolist() == [0.0, 0.0]
    assert (inputs.age == 0.0).all()


MISSING = [np.nan, np.inf, -np.inf, -9999.0, -999.0]
FAULTS = [
    *(("p", value, "missing") for value in (*MISSING, -900.0, 1000.5, 1e30)),
    *(("ep", value, "missing") for value in (*MISSING, 20.5)),
    *(("t", value, "missing") for value in (*MISSING, -100.5, 70.5, 150.0, 350.0, 1e30)),
    *(("p", value, "negative") for value in (-1e-9, -0.5, -899.9)),
    ("ep", -0.5, "negative"),
    *(("t", value, "kelvin") for value in (150.5, 273.15, 349.5)),
]


CASES = [
    (*fault, policy)
    for fault in FAULTS
    for policy in ("hold", "fill", "refuse", "convert")
    if policy != "convert" or fault[2] == "kelvin"
]


@pytest.mark.parametrize(("key", "value", "kind", "policy"), CASES)
def test_every_fault_is_treated_as_configured(key: str, value: float, kind: str, policy: str) -> None:
    other = "fill" if policy == "hold" else "hold"
    others = dict.fromkeys(("missing", "negative", "kelvin", "unset"), other)
    inputs = inputs_of((P, T, EP), size=2, **(others | {kind: policy}))
    usual = {"p": [1.0, 2.0], "t": [4.0, 5.0], "ep": [0.1, 0.2]}
    step(inputs, **usual)
    row = ("p", "t", "ep").index(key)
    put(inputs, **(usual | {key: [3.0, value]}))
    if policy == "refuse":
        with pytest.raises(DhbvError, match=f"inputs.{kind} is `refuse`"):
            inputs.take(NOW)
        return
    seen = inputs.take(NOW).tolist()
    filled = USUAL if key == "t" else 0.0
    expected = {"hold": usual[key][1], "fill": filled, "convert": value - 273.15}[policy]
    assert seen[row] == [3.0, expected]
    assert [seen[k] for k in range(3) if k != row] == [usual[k] for k in ("p", "t", "ep") if k != key]
    flag = {"hold": Quality.HELD, "fill": Quality.FILLED, "convert": Quality.CONVERTED}[policy]
    assert flags_of(inputs) == [Quality(0), flag]
    assert inputs.faults.tolist() == [0.0, 1.0]
    assert str(inputs.values[row, 1]) == str(value), "what was set stays to be seen"


def test_the_defaults_hold_what_is_missing_and_fill_what_is_negative() -> None:
    inputs = inputs_of((P, T, EP), size=4)
    step(inputs, p=2.0, t=9.0, ep=0.3)
    seen = step(inputs, p=[np.nan, -1.0, 1.0, 1.0], t=[9.0, 9.0, 290.0, 9.0], ep=0.3)
    assert seen[0] == [2.0, 0.0, 1.0, 1.0]
    assert seen[1] == pytest.approx([9.0, 9.0, 16.85, 9.0])
    assert flags_of(inputs) == [Quality.HELD, Quality.FILLED, Quality.CONVERTED, Quality(0)]
    seen = step(inputs, p=1.0, t=[9.0, 9.0, 9.0, 8.0])
    assert seen[2] == [0.3] * 4, "not set: held"
    assert flags_of(inputs) == [
        Quality.HELD, Quality.HELD | Quality.FILLED, Quality.HELD | Quality.CONVERTED, Quality.HELD,
    ]  # fmt: skip
    assert inputs.faults.tolist() == [2.0, 2.0, 2.0, 1.0]


@pytest.mark.parametrize("names", [(P, T, EP), (P, T_MIN, T_MAX)])
def test_before_anything_good_the_usual_stands_in(names: tuple[str, ...]) -> None:
    inputs = inputs_of(names, size=2)
    seen = inputs.take(NOW)
    expected = [USUAL if INPUTS[name].unit == "degC" else 0.0 for name in names]
    assert seen.tolist() == [[x, x] for x in expected]
    assert flags_of(inputs) == [Quality.FILLED] * 2, "nothing good was there to hold"
    assert inputs.faults.tolist() == [3.0, 3.0]


def test_a_filled_temperature_is_that_of_the_last_day() -> None:
    inputs = inputs_of(size=2, missing="fill")
    inputs.usual_temperature[:] = [-3.0, 4.0]
    assert step(inputs, p=1.0, t=np.nan)[1] == [-3.0, 4.0]


@pytest.mark.parametrize(
    ("hours", "longest", "held"), [(1, 3, 3), (1, 0, 0), (1, 24, 24), (24, 24, 1), (24, 71, 2)]
)
def test_a_hold_lasts_as_many_hours_as_configured(hours: int, longest: int, held: int) -> None:
    inputs = inputs_of(hours=hours, hold_hours=longest)
    step(inputs, p=2.0, t=8.0)
    seen = [step(inputs, p=2.0, t=np.nan)[1][0] for _ in range(held + 3)]
    assert seen == [8.0] * held + [USUAL] * 3
    assert step(inputs, p=2.0, t=1.0)[1] == [1.0]
    assert step(inputs, p=2.0, t=np.nan)[1] == [1.0 if held else USUAL], "a good value begins a new hold"


@pytest.mark.parametrize(
    ("hours", "longest", "held"), [(1, 24, 3), (1, 3, 3), (1, 2, 2), (1, 0, 0), (24, 48, 0)]
)
def test_rain_is_held_for_three_hours_at_most(hours: int, longest: int, held: int) -> None:
    """What rains 40 mm h-1 would else be 960 mm the next day."""
    inputs = inputs_of((P, T, EP), hours=hours, hold_hours=longest)
    step(inputs, p=40.0, t=8.0, ep=0.2)
    for n in range(held + 3):
        inputs.flags[:] = 0
        seen = step(inputs, p=np.nan, t=8.0, ep=np.nan)
        assert seen[0] == [40.0 if n < held else 0.0]
        assert seen[2] == [0.2 if hours * (n + 1) <= longest else 0.0], "evaporation as long as configured"
        assert (Quality.HELD in flags_of(inputs)[0]) == (n < held or hours * (n + 1) <= longest)
        assert (Quality.FILLED in flags_of(inputs)[0]) == (n >= held or hours * (n + 1) > longest)


def test_holds_are_counted_for_each_value() -> None:
    inputs = inputs_of(size=2, hold_hours=2)
    step(inputs, p=[1.0, 2.0], t=[3.0, 4.0])
    step(inputs, p=[np.nan, 2.5], t=[3.5, 4.5])
    step(inputs, p=[np.nan, np.nan], t=[np.nan, 4.5])
    assert step(inputs, p=np.nan, t=np.nan) == [[0.0, 2.5], [3.5, 4.5]]


def test_a_good_value_among_faults_is_held_later() -> None:
    inputs = inputs_of(size=2)
    step(inputs, p=[1.0, 1.0], t=5.0)
    step(inputs, p=[7.0, np.nan], t=5.0)
    assert step(inputs, p=np.nan, t=5.0)[0] == [7.0, 1.0]


DAILY = (P, T_MIN, T_MAX)


def put_range(inputs: Inputs, low: Any, high: Any) -> None:
    for name, value in ((P, 1.0), (T_MIN, low), (T_MAX, high)):
        inputs.values[inputs.names.index(name)] = value
        inputs.was_set(name)


@pytest.mark.parametrize("policy", ["hold", "fill"])
def test_a_lowest_temperature_above_the_highest_is_replaced_with_it(
    policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    inputs = inputs_of(DAILY, size=3, hours=24, missing=policy)
    put_range(inputs, 2.0, 12.0)
    inputs.take(NOW)
    put_range(inputs, [25.0, 3.0, 4.0], [10.0, 13.0, 4.0])
    seen = inputs.take(NOW)
    stand_in = [2.0, 12.0] if policy == "hold" else [USUAL, USUAL]
    assert seen[1:].T.tolist() == [stand_in, [3.0, 13.0], [4.0, 4.0]]
    assert flags_of(inputs) == [Quality.HELD if policy == "hold" else Quality.FILLED, Quality(0), Quality(0)]
    assert inputs.faults.tolist() == [2.0, 0.0, 0.0]
    assert f"cat-1: {T_MIN} is 25 degC, above {T_MAX} 10 degC, at 2001-02-03T04" in caplog.text


def test_a_lowest_temperature_above_the_highest_may_be_refused() -> None:
    inputs = inputs_of(DAILY, hours=24, missing="refuse")
    put_range(inputs, 25.0, 10.0)
    with pytest.raises(
        DhbvError, match=rf"{T_MIN} is 25 degC, above {T_MAX} 10 degC, at .* inputs.missing is"
    ):
        inputs.take(NOW)


def test_what_stands_in_does_not_cross_what_is_good() -> None:
    inputs = inputs_of(DAILY, size=2, hours=24)
    put_range(inputs, [8.0, 8.0], [15.0, 15.0])
    inputs.take(NOW)
    put_range(inputs, [np.nan, 298.15], [5.0, 283.15])
    np.testing.assert_allclose(inputs.take(NOW)[1:], [[5.0, 10.0], [8.0, 25.0]])
    assert flags_of(inputs) == [Quality.HELD, Quality.CONVERTED]


def test_what_was_filled_is_not_good_to_hold() -> None:
    inputs = inputs_of()
    step(inputs, p=2.0, t=8.0)
    assert step(inputs, p=-0.5, t=8.0)[0] == [0.0]
    assert step(inputs, p=np.nan, t=8.0)[0] == [2.0]


def test_a_converted_temperature_is_good_to_hold() -> None:
    inputs = inputs_of(hold_hours=2)
    for _ in range(5):
        step(inputs, p=0.0, t=283.15)
    assert step(inputs, p=0.0, t=np.nan)[1] == pytest.approx([10.0])
    assert flags_of(inputs) == [Quality.CONVERTED | Quality.HELD]


def test_every_step_needs_every_input_set() -> None:
    inputs = inputs_of()
    step(inputs, p=1.0, t=5.0)
    assert step(inputs, t=6.0) == [[1.0], [6.0]]
    assert inputs.faults.tolist() == [1.0]
    assert step(inputs) == [[1.0], [6.0]]
    assert inputs.faults.tolist() == [3.0]
    step(inputs, p=1.0, t=5.0)
    assert inputs.faults.tolist() == [3.0]


def test_an_unset_input_counts_whatever_its_old_value() -> None:
    inputs = inputs_of(unset="fill")
    step(inputs, p=3.0, t=5.0)
    assert step(inputs, t=5.0)[0] == [0.0]
    assert flags_of(inputs) == [Quality.FILLED]


def test_what_was_set_in_one_catchment_is_unset_in_the_others() -> None:
    inputs = inputs_of(size=3)
    step(inputs, p=1.0, t=5.0)
    for _ in range(2):
        inputs.values[:, 1] = 2.0, 6.0
        inputs.was_set(P, [1])
        inputs.was_set(T, np.array([1]))
        assert inputs.take(NOW).tolist() == [[1.0, 2.0, 1.0], [5.0, 6.0, 5.0]]
    assert flags_of(inputs) == [Quality.HELD, Quality(0), Quality.HELD]
    assert inputs.faults.tolist() == [4.0, 0.0, 4.0]
    inputs.repeat()
    inputs.take(NOW)
    assert inputs.faults.tolist() == [6.0, 0.0, 6.0], "repeated is what was set"


def test_repeating_is_no_fault_except_of_what_was_never_set() -> None:
    inputs = inputs_of()
    put(inputs, p=2.0, t=5.0)
    for n in range(5):
        if n:
            inputs.repeat()
        assert inputs.take(NOW).tolist() == [[2.0], [5.0]]
    assert inputs.faults.tolist() == [0.0]
    put(inputs, p=3.0)
    for n in range(3):
        if n:
            inputs.repeat()
        assert inputs.take(NOW).tolist() == [[3.0], [5.0]]
    assert inputs.faults.tolist() == [3.0], "T was not set for any of the three"


def test_who_holds_the_array_may_set_it_unseen() -> None:
    inputs = inputs_of()
    inputs.was_pointed_to(P)
    for p in (1.0, 2.0, np.nan):
        inputs.values[0] = p
        put(inputs, t=5.0)
        assert inputs.take(NOW)[0, 0] == (2.0 if np.isnan(p) else p)
    assert inputs.faults.tolist() == [1.0], "the NaN alone"
    inputs.values[0] = 3.0
    assert inputs.take(NOW).tolist() == [[3.0], [5.0]]
    assert inputs.faults.tolist() == [2.0], "T was not pointed to"


@pytest.mark.parametrize(
    ("key", "bad", "told"),
    [
        ("missing", {"p": [1.0, np.nan, np.nan], "t": 5.0}, rf"{P} is nan mm h-1 at 2001-02-03T04 \(2 such"),
        ("negative", {"p": [1.0, -0.25, 1.0], "t": 5.0}, rf"{P} is -0.25 mm h-1 at 2001-02-03T04 \(1 such"),
        ("kelvin", {"p": 1.0, "t": [5.0, 280.0, 281.0]}, rf"{T} is 280 degC at 2001-02-03T04 \(2 such"),
        ("unset", {"t": 5.0}, rf"{P} was not set at 2001-02-03T04 \(3 such"),
    ],
)  # fmt: skip
def test_a_refusal_says_all_and_changes_nothing(key: str, bad: dict[str, Any], told: str) -> None:
    inputs = inputs_of(size=3, **{key: "refuse"})
    step(inputs, p=[1.0, 2.0, 3.0], t=[4.0, 5.0, 6.0])
    put(inputs, **bad)
    before = everything(inputs)
    catchment = "cat-1" if key == "unset" else "cat-2"
    message = f"^catchment {catchment}: {told} values in this step\\), and inputs.{key} is `refuse`: correct the forcing"
    for _ in range(2):
        with pytest.raises(DhbvError, match=message + rf", or set inputs.{key} to hold or fill in c\.yaml$"):
            inputs.take(NOW)
        assert str(everything(inputs)) == str(before)
    seen = step(inputs, p=1.0) if key != "kelvin" else step(inputs, t=5.0)
    assert seen == [[1.0] * 3, [5.0] * 3], "what else was set is still set"
    assert not inputs.faults.any()


def test_the_first_fault_of_each_kind_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    inputs = inputs_of(size=2)
    step(inputs, p=1.0, t=5.0)
    for _ in range(3):
        step(inputs, p=[np.nan, -0.5], t=[280.0, 5.0])
        step(inputs, p=1.0)
    lines = [record.getMessage() for record in caplog.records]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 4
    assert [line.partition(";")[0] for line in lines] == [
        f"catchment cat-1: {P} is nan mm h-1 at {NOW}",
        f"catchment cat-2: {P} is -0.5 mm h-1 at {NOW}",
        f"catchment cat-1: {T} is 280 degC at {NOW}",
        f"catchment cat-1: {T} was not set at {NOW}",
    ]
    policies = ("missing: hold", "negative: fill", "kelvin: convert", "unset: hold")
    for line, policy in zip(lines, policies, strict=True):
        assert f"(inputs.{policy})" in line
        assert "counted in `input_faults` and flagged in `quality`" in line
        assert "\n" not in line


@pytest.mark.parametrize("used_before", [False, True])
def test_what_is_carried_treats_the_next_faults_alike(used_before: bool) -> None:
    ours, theirs = inputs_of(size=2, hold_hours=3), inputs_of(size=2, hold_hours=3)
    if used_before:
        for _ in range(4):
            step(theirs, p=9.0, t=9.0)
    ours.usual_temperature[:] = [-2.0, 3.0]
    step(ours, p=[1.0, 2.0], t=5.0)
    step(ours, p=[np.nan, np.nan], t=280.0)
    step(ours, p=[np.nan, 4.0], t=5.0)
    for name, array in theirs.carried().items():
        array[:] = ours.carried()[name]
    for values in (
        {"p": np.nan, "t": np.nan}, {"p": [np.nan, 1.0], "t": 4.0}, {"p": [3.0, np.nan]}, {"p": 1.0, "t": 2.0},
        *({"p": np.nan, "t": np.nan} for _ in range(5)),
    ):  # fmt: skip
        assert step(theirs, **values) == step(ours, **values)
        assert str(theirs.carried()) == str(ours.carried())


def test_good_weather_after_a_restore_ends_the_hold_that_was_restored() -> None:
    inputs = inputs_of(hold_hours=2)
    for _ in range(3):
        step(inputs, p=1.0, t=5.0)
    inputs.age[:] = 2.0  # as of a state saved amid a gap
    step(inputs, p=4.0, t=5.0)
    assert step(inputs, p=np.nan, t=5.0)[0] == [4.0]


def test_all_inputs_have_units_and_ranges_that_hold_any_weather() -> None:
    assert {name: row.unit for name, row in INPUTS.items()} == {
        P: "mm h-1", EP: "mm h-1", T: "degC", T_MIN: "degC", T_MAX: "degC",
    }  # fmt: skip
    for name, value in GOOD.items():
        assert INPUTS[name].lower <= value <= INPUTS[name].upper
