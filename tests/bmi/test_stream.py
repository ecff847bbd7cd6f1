"""Hours of local days run the daily core, its water leaves over the next day, and nothing is lost or hidden."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bmi import start
from bmi.configuration import BmiConfig, InputsConfig
from bmi.inputs import EP, Inputs, P, T
from bmi.quality import Quality
from bmi.saved import FORMAT, MAGIC, Saved
from bmi.start import Start
from bmi.stream import Stream
from bmi.variables import RUNOFF_DEPTH
from dhbv import sealed
from dhbv.errors import ConfigurationError, DhbvError, StateError
from dhbv.model_directory import ModelDirectory
from dhbv.physics.variables import VARIABLES
from dhbv.runtime import Runtime
from dhbv.state import State
from tests.bmi.components import START, Float, by_hour, forcing_of, hourly_weather, local_days, names
from tests.conftest import attribute_table, weather

SIZE = 2
LATITUDE = np.array(attribute_table(SIZE)["gauge_lat"], dtype=np.float64)
NOTHING = np.timedelta64(0, "h")
SERIES = by_hour(hourly_weather(12, SIZE))


@pytest.fixture(scope="module")
def runtime(model: ModelDirectory) -> Runtime:
    return Runtime(model, names(SIZE), attribute_table(SIZE))


@pytest.fixture(scope="module")
def state(runtime: Runtime) -> State:
    return runtime.spin_up(weather(100, SIZE), START - 100)


def stream_of(first: str = "2000-12-20 00:00", **changes: Any) -> Stream:
    config = BmiConfig(
        model="m", catchments=tuple(names(SIZE)), attributes="a.csv",
        start_time=dt.datetime.fromisoformat(first), **changes,
    )  # fmt: skip
    return Stream(config, Inputs((P, T), config.catchments, InputsConfig(), 8.0, "c.yaml"))


def begun(runtime: Runtime, state: State, first: str = "2000-12-20 00:00", **changes: Any) -> Stream:
    stream = stream_of(first, **changes)
    latitude = LATITUDE if changes.get("pet") != "input" else None
    stream.begin(runtime, latitude, lambda *_: Start(state, Quality(0)))
    return stream


def hour(stream: Stream, n: int, series: dict[str, Float] = SERIES) -> None:
    """Advance by the hour `n` of the weather."""
    stream.advance(series[P][n], series[T][n], series[T][n], series[EP][n])


def day(stream: Stream, n: int = 0) -> None:
    """Advance by a daily step."""
    stream.advance(np.full(SIZE, 0.1), np.full(SIZE, n % 9 - 4.0), np.full(SIZE, n % 9 + 4.0), None)


_ATTRIBUTES = Quality.ATTRIBUTE_MISSING | Quality.ATTRIBUTE_OUTSIDE


def flags_of(stream: Stream) -> list[Quality]:
    """All but those of the attributes, which say nothing here."""
    return [Quality(int(flag)) & ~_ATTRIBUTES for flag in stream.outputs["quality"]]


def residual(stream: Stream) -> float:
    into, out, stored, leaked = stream.ledger.arrays.values()
    return float(np.abs(into - out - stored - leaked).max())


def shown(stream: Stream) -> dict[str, list[float]]:
    return {name: array.tolist() for name, array in (stream.outputs | stream.ledger.arrays).items()}


# The calendar


@pytest.mark.parametrize(
    ("first", "utc_offset"),
    [(0, 0), (7, 0), (23, 0), (0, -5), (5, -5), (4, -5), (0, 9), (15, 9), (16, 9), (3, -12), (11, 14)],
)
@pytest.mark.parametrize("pet", ["hargreaves", "input"])
def test_the_hours_of_local_days_make_the_cores_days_and_their_water_leaves_a_day_later(
    runtime: Runtime, state: State, first: int, utc_offset: int, pet: str
) -> None:
    begins, hours = np.datetime64(START + 9, "h") + first, 120
    series = {name: values[:hours] for name, values in SERIES.items()}
    days = local_days(begins, hours, utc_offset)
    assert days[0] < np.datetime64("2001-01-01") <= days[-1], "days 366 and 1 of a year are among them"
    state = replace(state, time=days[0])
    stream = begun(runtime, state, f"{START + 9} {first:02}:00", utc_offset=utc_offset, pet=pet)
    _, expected = runtime.run(state, forcing_of(series, days, pet=pet))
    short = np.sum(days == days[0]) < 24
    depth, given = [], np.concatenate([state.discharge[None], expected["runoff"]])
    for n in range(hours):
        hour(stream, n)
        depth.append(stream.outputs[RUNOFF_DEPTH].copy())
        assert residual(stream) <= 1e-9
        assert stream.now == begins + n + 1
        ended = int((local_days(stream.now, 1, utc_offset)[0] - days[0]).astype(int)) - 1
        its_day = int((days[n] - days[0]).astype(int))
        flag = {0: Quality.NO_DAY, 1: Quality.INCOMPLETE_DAY if short else Quality(0)}.get(
            its_day, Quality(0)
        )
        assert flags_of(stream) == [flag] * SIZE, "of the water of this step"
        if ended >= 0:
            shown = np.stack([stream.outputs[row.bmi_name] for row in VARIABLES.values()])
            told = np.stack([expected[name][ended] for name in VARIABLES])
            np.testing.assert_allclose(shown, told, rtol=0, atol=1e-9)
    of_day = (days - days[0]).astype(int)
    np.testing.assert_allclose(np.stack(depth), given[of_day] / 24e3, rtol=0.0, atol=1e-12)


def test_daily_steps_give_their_own_water(runtime: Runtime, state: State) -> None:
    forcing = weather(30, SIZE, seed=4)
    stream = begun(runtime, state, time_step=86400, pet="input")
    _, expected = runtime.run(state, forcing)
    assert (stream.outputs["output_lag"] == 0.0).all()
    for n, (p, t, ep) in enumerate(forcing.transpose(0, 2, 1)):
        stream.advance(p / 24.0, t, t, ep / 24.0)
        np.testing.assert_allclose(
            1000.0 * stream.outputs[RUNOFF_DEPTH], expected["runoff"][n], rtol=0, atol=1e-9
        )
        assert residual(stream) <= 1e-9
        assert flags_of(stream) == [Quality(0)] * SIZE
    assert stream.now == np.datetime64(START + 30, "h")


@pytest.mark.parametrize(("first", "utc_offset"), [("2000-12-20 05:00", -5), ("2000-12-19 15:00", 9)])
def test_daily_steps_may_be_of_local_days(
    runtime: Runtime, state: State, first: str, utc_offset: int
) -> None:
    stream = begun(runtime, state, first, time_step=86400, utc_offset=utc_offset)
    _, expected = runtime.run(state, forcing_of(SERIES, local_days(START, len(SERIES[P]))))
    for n in range(12):
        of_day = slice(24 * n, 24 * n + 24)
        p, t = SERIES[P][of_day], SERIES[T][of_day]
        stream.advance(p.sum(0) / 24.0, t.min(0), t.max(0), None)
        np.testing.assert_allclose(
            1000.0 * stream.outputs[RUNOFF_DEPTH], expected["runoff"][n], rtol=0, atol=1e-9
        )


def test_what_a_state_tells_is_shown_before_the_first_day(runtime: Runtime, state: State) -> None:
    stream = begun(runtime, state)
    for name, value in runtime.standing(state).items():
        assert np.array_equal(stream.outputs[VARIABLES[name].bmi_name], value)
    assert (stream.outputs["output_lag"] == 86400.0).all()
    assert flags_of(stream) == [Quality.NO_DAY] * SIZE
    assert residual(stream) == 0.0


# Quality


@pytest.mark.parametrize("quality", [Quality.COLD_START, Quality.COLD_START | Quality.GAP, Quality.GAP])
def test_a_cold_start_is_flagged_for_a_year_and_a_gap_for_ever(
    runtime: Runtime, state: State, monkeypatch: pytest.MonkeyPatch, quality: Quality
) -> None:
    assert start.COLD_DAYS == 365
    monkeypatch.setattr(start, "COLD_DAYS", 20)  # a shorter year for a quicker test
    stream = stream_of(time_step=86400)
    stream.begin(runtime, LATITUDE, lambda *_: Start(state, quality))
    assert flags_of(stream) == [quality | Quality.NO_DAY] * SIZE
    for n in range(19):
        day(stream, n)
        assert flags_of(stream) == [quality] * SIZE, n
    day(stream)
    assert flags_of(stream) == [quality & ~Quality.COLD_START] * SIZE


def test_attributes_are_flagged_as_long_as_the_run_lasts(model: ModelDirectory, state: State) -> None:
    table = attribute_table(SIZE) | {"aridity": [None, attribute_table(SIZE)["aridity"][1]]}
    runtime = Runtime(model, names(SIZE), table)
    stream = begun(runtime, state, time_step=86400)
    assert (start.attribute_flags(runtime.attributes) > 0.0).any()
    for n in range(3):
        flags = stream.outputs["quality"].astype(int) & int(_ATTRIBUTES)
        assert np.array_equal(flags, start.attribute_flags(runtime.attributes))
        day(stream, n)


def test_faults_of_the_weather_are_flagged_with_the_water_of_their_day_alone(
    runtime: Runtime, state: State
) -> None:
    stream = begun(runtime, state)
    for n in range(24 * 4):
        if n == 24 + 10:
            stream._inputs.flags[:] = [float(Quality.HELD), 0.0]
            stream._inputs.faults[:] = [3.0, 0.0]
        hour(stream, n)
        in_its_water = 48 <= n < 72
        assert [Quality.HELD in flag for flag in flags_of(stream)] == [in_its_water, False]
        assert stream.outputs["input_faults"].tolist() == [3.0 if n >= 34 else 0.0, 0.0]


@pytest.mark.parametrize("pet", ["hargreaves", "input"])
def test_a_day_of_one_temperature_is_flagged_with_its_water_and_told_once(
    runtime: Runtime, state: State, caplog: pytest.LogCaptureFixture, pet: str
) -> None:
    series = SERIES | {T: SERIES[T].copy()}
    series[T][24:48, 1] = 7.0
    series[T][72:96] = -3.0
    stream = begun(runtime, state, pet=pet)
    for n in range(24 * 6):
        hour(stream, n, series)
        of_both, of_one = 96 <= n < 120, 48 <= n < 72
        expected = [of_both, of_both or of_one] if pet == "hargreaves" else [False, False]
        assert [Quality.INCOMPLETE_DAY in flag for flag in flags_of(stream)] == expected, n
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == (pet == "hargreaves")
    assert all(
        "catchment cat-2: the temperature of 2000-12-21 is the same all day, so Harg" in t for t in told
    )


def test_a_day_whose_extremes_are_equal_is_flagged(runtime: Runtime, state: State) -> None:
    stream = begun(runtime, state, time_step=86400)
    for highest in ([9.0, 9.0], [2.0, 9.0]):
        stream.advance(np.full(SIZE, 0.1), np.full(SIZE, 2.0), np.array(highest), None)
        expected = [h == 2.0 for h in highest]
        assert [Quality.INCOMPLETE_DAY in flag for flag in flags_of(stream)] == expected


def test_a_filled_temperature_will_be_that_of_the_last_day(runtime: Runtime, state: State) -> None:
    stream = begun(runtime, state)
    for n in range(30):
        hour(stream, n)
    of_day = SERIES[T][:24]
    np.testing.assert_allclose(
        stream._inputs.usual_temperature, 0.5 * (of_day.min(0) + of_day.max(0)), rtol=1e-13
    )


# Stores


@pytest.mark.parametrize("hours", [0, 5, 24, 47])
def test_a_store_that_is_set_is_booked_shown_and_flagged_with_its_water(
    runtime: Runtime, state: State, hours: int
) -> None:
    stream = begun(runtime, state)
    for n in range(hours):
        hour(stream, n)
    before = {name: array.copy() for name, array in stream.ledger.arrays.items()}
    depth = stream.outputs["lower_zone"].copy()
    more = np.array([30.0, 0.0])
    upper = stream.outputs["upper_zone"].copy()
    stream.set_store("lower_zone", depth + more)
    stream.set_store("upper_zone", upper * [0.5, 1.0])
    np.testing.assert_allclose(stream.outputs["lower_zone"], depth + more, rtol=1e-13)
    change = stream.ledger.arrays
    np.testing.assert_allclose(change["ngen::mass_in"] - before["ngen::mass_in"], [30.0, 0.0], atol=1e-9)
    np.testing.assert_allclose(
        change["ngen::mass_out"] - before["ngen::mass_out"], [0.5 * upper[0], 0.0], atol=1e-9
    )
    assert residual(stream) <= 1e-9
    assert Quality.STORE_SET not in flags_of(stream)[0], "the water now given out is older"
    ends = 24 - hours % 24
    for n in range(hours, hours + ends + 25):
        hour(stream, n)
        assert residual(stream) <= 1e-9
        flagged = 0 <= n - hours - ends < 24
        assert [Quality.STORE_SET in flag for flag in flags_of(stream)] == [flagged, False]


def test_water_that_is_taken_away_is_flagged_too(runtime: Runtime, state: State) -> None:
    stream = begun(runtime, state)
    stream.set_store("lower_zone", stream.outputs["lower_zone"] * [0.5, 1.0])
    for n in range(25):
        hour(stream, n)
    assert [Quality.STORE_SET in flag for flag in flags_of(stream)] == [True, False]


def test_a_store_that_is_set_is_what_the_core_goes_on_from(runtime: Runtime, state: State) -> None:
    forcing = forcing_of(SERIES, local_days(START, len(SERIES[P])))
    middle, _ = runtime.run(state, forcing[:1])
    wanted = [70.0, 20.0]
    _, expected = runtime.run(runtime.with_store(middle, "soil_water", wanted), forcing[1:])
    stream = begun(runtime, state)
    for n in range(24 * 6):
        if n == 30:
            stream.set_store("soil_water", np.array(wanted))
        hour(stream, n)
    np.testing.assert_allclose(
        stream.outputs[RUNOFF_DEPTH], expected["runoff"][3] / 24e3, rtol=0.0, atol=1e-12
    )


def test_an_impossible_store_changes_nothing(runtime: Runtime, state: State) -> None:
    stream = begun(runtime, state)
    hour(stream, 0)
    before = stream.save()
    with pytest.raises(DhbvError, match="lower_zone cannot be set"):
        stream.set_store("lower_zone", np.array([1.0, -1.0]))
    assert stream.save() == before


# Going on


@pytest.mark.parametrize("hours", [0, 1, 23, 24, 25, 71])
@pytest.mark.parametrize("used_before", [False, True])
def test_a_restored_stream_goes_on_bit_by_bit(
    runtime: Runtime, state: State, hours: int, used_before: bool
) -> None:
    ours = begun(runtime, state, utc_offset=-7)
    for n in range(hours):
        if n == 13:
            ours.set_store("swe", np.array([50.0, 0.0]))
            ours._inputs.flags[:] = 16.0
        hour(ours, n)
    theirs = stream_of(utc_offset=-7)
    if used_before:
        theirs.begin(runtime, LATITUDE, lambda *_: Start(runtime.cold_state(START), Quality.COLD_START))
        for n in range(40):
            hour(theirs, n)
    data = ours.save()
    theirs.restore(data, runtime, LATITUDE, NOTHING)
    assert theirs.save() == data
    for n in range(hours, hours + 60):
        assert shown(theirs) == shown(ours)
        hour(ours, n)
        hour(theirs, n)
        assert residual(theirs) <= 1e-9
    assert theirs.save() == ours.save()
    assert theirs.now == ours.now


def test_flags_that_were_saved_as_floating_point_numbers_are_read(runtime: Runtime, state: State) -> None:
    ours, theirs = begun(runtime, state), stream_of()
    for n in range(30):
        if n == 13:
            ours.set_store("swe", np.array([50.0, 0.0]))
            ours._inputs.flags[:] = Quality.HELD | Quality.FILLED
        hour(ours, n)
    saved = Saved.from_bytes(ours.save())
    assert {str(saved.arrays[name].dtype) for name in ("flags", "quality", "input_flags")} == {"int64"}
    arrays = {name: array.astype(np.float64) for name, array in saved.arrays.items()}
    theirs.restore(replace(saved, arrays=arrays).to_bytes(), runtime, LATITUDE, NOTHING)
    assert theirs.save() == ours.save()
    assert theirs._flags.dtype == theirs._quality.dtype == theirs._inputs.flags.dtype == np.int64


def test_a_restored_cold_start_stays_flagged_until_its_year_is_over(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "COLD_DAYS", 20)
    ours, theirs = stream_of(time_step=86400), stream_of("2001-01-01", time_step=86400)
    ours.begin(runtime, LATITUDE, lambda *_: Start(runtime.cold_state(START), Quality.COLD_START))
    for n in range(12):
        day(ours, n)
    theirs.restore(ours.save(), runtime, LATITUDE, NOTHING)
    for n in range(12, 30):
        assert (Quality.COLD_START in flags_of(theirs)[0]) == (n < 20)
        day(theirs, n)


@pytest.mark.parametrize(
    ("first", "elapsed", "now", "quality"),
    [
        ("2000-12-20 00:00", 0, "2000-12-21T07", Quality(0)),  # the same run, the clock at 0 again
        ("2000-12-20 00:00", 24 * 400, "2000-12-21T07", Quality(0)),  # the same run, taken back
        ("2000-12-20 00:00", 31, "2000-12-21T07", Quality(0)),  # and at its own time
        ("2000-12-21 07:00", 0, "2000-12-21T07", Quality(0)),  # a run from there
        ("2000-12-21 00:00", 7, "2000-12-21T07", Quality(0)),
        ("2000-12-22 07:00", 0, "2000-12-22T07", Quality.GAP),
        ("2000-12-22 06:00", 0, "2000-12-22T06", Quality.GAP),
        ("2000-12-21 03:00", 0, "2000-12-21T03", Quality.GAP),
        ("2000-12-21 08:00", 0, "2000-12-21T08", Quality.GAP),
        ("2001-01-20 23:00", 8, "2001-01-21T07", Quality.GAP),  # 31 days, the most
    ],
)
def test_a_restored_stream_goes_on_at_its_own_time_or_says_that_it_does_not(
    runtime: Runtime, state: State, caplog: pytest.LogCaptureFixture,
    first: str, elapsed: int, now: str, quality: Quality,
) -> None:  # fmt: skip
    ours = begun(runtime, state)
    for n in range(31):
        hour(ours, n)
    theirs = stream_of(first)
    theirs.restore(ours.save(), runtime, LATITUDE, np.timedelta64(elapsed, "h"))
    assert theirs.now == np.datetime64(now, "h")
    assert flags_of(theirs) == [quality] * SIZE
    assert ("the restored state is valid at 2000-12-21T07 UTC and the run at" in caplog.text) == bool(quality)
    same_run = first == "2000-12-20 00:00" and elapsed != 31
    assert ("goes on at 2000-12-21T07 UTC, the date of the restored state, as" in caplog.text) == same_run
    for n in range(31, 31 + 72):
        hour(theirs, n)
        assert residual(theirs) <= 1e-9, "whatever the hour of the day has become"
        assert quality in flags_of(theirs)[0]


@pytest.mark.parametrize(("at", "flagged"), [(24, False), (31, True)])
def test_a_restored_stream_goes_back_to_the_configured_start(
    runtime: Runtime, state: State, at: int, flagged: bool
) -> None:
    """With 7 hours of the day before in it, the first day has 31."""
    ours, theirs = begun(runtime, state), stream_of()
    for n in range(at):
        hour(ours, n)
    theirs.restore(ours.save(), runtime, LATITUDE, NOTHING)
    theirs.go_back()
    assert theirs.now == np.datetime64("2000-12-20T00")
    assert theirs._state is not None
    assert theirs._state.time == START
    for n in range(48):
        hour(theirs, n)
        assert residual(theirs) <= 1e-9
        assert Quality.GAP in flags_of(theirs)[0]
        assert (Quality.INCOMPLETE_DAY in flags_of(theirs)[0]) == (flagged and n >= 24), n
    before = ours.save()
    ours.go_back()
    assert ours.save() == before, "who was not restored stays"


@pytest.mark.parametrize("first", ["2001-01-21 08:00", "2000-11-20 06:00"])
def test_a_state_too_far_from_the_run_is_refused(runtime: Runtime, state: State, first: str) -> None:
    ours = begun(runtime, state)
    for n in range(31):
        hour(ours, n)
    with pytest.raises(
        ConfigurationError, match=r"valid at 2000-12-21T07 UTC and the run at .*, 32 days .* max_gap is 31"
    ):
        stream_of(first).restore(ours.save(), runtime, LATITUDE, NOTHING)
    stream_of(first, max_gap=32).restore(ours.save(), runtime, LATITUDE, NOTHING)


def without_array(data: bytes, name: str) -> bytes:
    _, text, arrays = sealed.unseal(data, MAGIC, what="", newest=FORMAT, oldest=FORMAT)
    del arrays[name]
    return sealed.seal(MAGIC, FORMAT, text, arrays)


@pytest.mark.parametrize(
    ("break_it", "error", "message"),
    [
        (lambda data: data[:-1], StateError, "the component state is damaged or truncated"),
        (lambda data: b"", StateError, "the component state is truncated: 0 bytes"),
        (lambda data: without_array(data, "share"), StateError, "the component state is not complete: no share"),
        (lambda data: without_array(data, "age"), StateError, "the component state is not complete: no age"),
    ],
)  # fmt: skip
def test_bytes_that_cannot_be_restored_change_nothing(
    runtime: Runtime, state: State, break_it: Callable[[bytes], bytes], error: type, message: str
) -> None:
    ours, theirs = begun(runtime, state), begun(runtime, replace(state, discharge=state.discharge * 2.0))
    hour(ours, 0)
    hour(theirs, 1)
    before, arrays = theirs.save(), shown(theirs)
    with pytest.raises(error, match=message):
        theirs.restore(break_it(ours.save()), runtime, LATITUDE, NOTHING)
    assert theirs.save() == before
    assert shown(theirs) == arrays
    hour(theirs, 2)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"pet": "input"}, r"pet hargreaves \(here input\)"),
        ({"utc_offset": 3}, r"utc_offset 0 \(here 3\)"),
        ({"hillslope_routing": False}, r"hillslope_routing True \(here False\)"),
        (
            {"time_step": 86400, "pet": "input"},
            r"time_step 3600 \(here 86400\), pet hargreaves \(here input\)",
        ),
    ],
)
def test_a_state_of_another_configuration_is_refused_by_what_differs(
    runtime: Runtime, state: State, changes: dict[str, Any], told: str
) -> None:
    data = begun(runtime, state).save()
    other = stream_of(**changes)
    with pytest.raises(StateError, match=rf"was saved with {told}: restore it with the same configuration"):
        other.restore(data, runtime, LATITUDE, NOTHING)
    assert other.runtime is None


def test_a_state_of_other_weights_or_catchments_is_refused_with_the_remedy_and_changes_nothing(
    runtime: Runtime, other_model: ModelDirectory, state: State
) -> None:
    theirs = Runtime(other_model, names(SIZE), attribute_table(SIZE))
    turned = Runtime(runtime.model, names(SIZE)[::-1], attribute_table(SIZE))
    messages = {
        theirs: r"do not fit other weights; use the model that made it, or spin this one up",
        turned: r"holds 2 basins \(cat-1, cat-2 …\), this run 2 \(cat-2, cat-1",
    }
    data = begun(runtime, state).save()
    stream = begun(runtime, replace(state, discharge=state.discharge * 2.0))
    hour(stream, 0)
    before, arrays = stream.save(), shown(stream)
    for other, message in messages.items():
        with pytest.raises(StateError, match=message):
            stream.restore(data, other, LATITUDE, NOTHING)
        assert stream.save() == before
        assert shown(stream) == arrays
        hour(stream, 1)
        before, arrays = stream.save(), shown(stream)


def test_a_state_of_other_parameters_of_routing_is_booked(
    model: ModelDirectory, runtime: Runtime, state: State
) -> None:
    """The same runoff on its way is another depth where the unit hydrograph is another."""
    ours = begun(runtime, state)
    for n in range(30):
        hour(ours, n)
    slow = Runtime(
        model, names(SIZE), attribute_table(SIZE), parameters={"route_a": [3.0] * 2, "route_tau": [7.0] * 2}
    )
    theirs = stream_of()
    theirs.restore(ours.save(), slow, LATITUDE, NOTHING)
    booked = theirs.ledger.into - theirs.ledger.out - ours.ledger.into + ours.ledger.out
    change = slow.storage(theirs._state) - runtime.storage(ours._state)
    np.testing.assert_allclose(booked, change, rtol=0, atol=1e-9)
    assert np.abs(change).min() > 0.01
    for n in range(30, 80):
        hour(theirs, n)
        assert residual(theirs) <= 1e-9


def test_weights_that_give_no_water_are_named(
    runtime: Runtime, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, step = begun(runtime, state), runtime.step

    def broken(*args: Any) -> Any:
        after, outputs = step(*args)
        return replace(after, discharge=np.array([1.0, np.nan])), outputs

    monkeypatch.setattr(runtime, "step", broken)
    for n in range(23):
        hour(stream, n)
    with pytest.raises(
        DhbvError, match=r"catchment cat-2: the discharge of 2000-12-20 is not finite.* weights of .*small"
    ):
        hour(stream, 23)
