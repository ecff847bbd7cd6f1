"""A run that is saved and restored, as ngen does it, goes on bit by bit; anything else is refused and harms nothing."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmi import saved
from bmi.quality import Quality
from dhbv import sealed
from dhbv.errors import StateError
from dhbv.model_directory import ModelDirectory
from tests.ngen import protocols
from tests.ngen.adapter import Adapter
from tests.ngen.components import ALL, advance, domain, many, spun_up
from tests.ngen.domain import START, hourly
from tests.ngen.probes import Good, P
from tests.ngen.protocols import Dialect, restore, save
from tests.ngen.rules import DriverError
from tests.small_models import small_model

HOURS = [0, 5, 23, 24, 37]
"""Before the first step, within a day, an hour before its end, at its end, within the second."""
DAYS = 3
STEPS = 24 * DAYS
DIALECTS: list[Dialect] = ["A", "B"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    return small_model(tmp_path_factory.mktemp("model") / "small")


@pytest.fixture(scope="module")
def fifty(model: ModelDirectory) -> str:
    """A state of 50 catchments, which serves for some of them too."""
    path = model.path.parent / "start.state"
    spun_up(model, 50, path)
    return str(path)


@pytest.mark.parametrize(
    ("hour", "kind"), [*((hour, "lstm_mlp") for hour in HOURS), (5, "lstm"), (24, "lstm"), (37, "mlp")]
)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_restored_run_equals_an_unbroken_one_bit_by_bit(
    tmp_path: Path, hour: int, dialect: Dialect, kind: str
) -> None:
    model = small_model(tmp_path / "model", kind=kind, variant="delta" if kind == "mlp" else "delta_bt_gt")
    spun_up(model, 1, tmp_path / "start.state")
    config = {"state": str(tmp_path / "start.state")}
    whole = domain(tmp_path / "whole", model, days=DAYS, config=config).run()
    with domain(tmp_path / "first", model, days=DAYS, config=config).open() as simulation:
        states = simulation.run(hour).save(dialect)
        assert simulation.run().outputs == whole.outputs, "saving changes nothing"
    place = domain(tmp_path / "rest", model, days=DAYS, config=config, first=hour)
    rest = place.run(restore=states, dialect=dialect)
    assert rest.steps == STEPS - hour
    same_from(hour, whole.outputs["cat-1"], rest.outputs["cat-1"])
    assert np.array_equal(rest.mass("cat-1"), whole.mass("cat-1")[hour:])


def same_from(hour: int, whole: dict[str, list[float]], rest: dict[str, list[float]]) -> None:
    assert list(whole) == ALL
    for name in ALL:
        assert whole[name][hour:] == rest[name], name


def test_the_configuration_need_not_be_changed_for_a_restart(model: ModelDirectory, tmp_path: Path) -> None:
    """Its start_time stays that of the first run, though ngen's calendar and the clock begin later."""
    whole = domain(tmp_path / "whole", model, days=DAYS)
    with whole.open() as simulation:
        states = simulation.run(37).save("A")
        simulation.run()
    begin = {"start_time": simulation.realization.start}
    rest = domain(tmp_path / "rest", model, days=DAYS, first=37, config=begin)
    same_from(37, simulation.outputs["cat-1"], rest.run(restore=states, dialect="A").outputs["cat-1"])


def test_a_hot_start_begins_at_the_configured_time(model: ModelDirectory, tmp_path: Path) -> None:
    """Dialect B sets reset_time after the state: the same run again, warm, has its dates and is flagged."""
    whole = domain(tmp_path / "whole", model, days=DAYS)
    with whole.open() as simulation:
        states = simulation.run(48).save("B")
        simulation.run()
    again = domain(tmp_path / "again", model, days=DAYS).run(restore=states, dialect="B")
    fresh, hot = simulation.outputs["cat-1"], again.outputs["cat-1"]
    pet = next(name for name in ALL if name.endswith("potential_evaporation_volume_flux"))
    assert fresh[pet][24:] == hot[pet][24:]
    assert all(int(flag) & Quality.GAP for flag in hot["quality"])


def test_a_state_is_handed_from_run_to_run(model: ModelDirectory, tmp_path: Path) -> None:
    """Saved every 7 hours and restored each time, in turns of both dialects."""
    whole = domain(tmp_path / "whole", model, days=2).run().outputs["cat-1"]
    states = None
    for turn, hour in enumerate(range(0, 42, 7)):
        dialect = DIALECTS[turn % 2]
        place = domain(tmp_path / f"{hour}", model, days=2, first=hour)
        with place.open(restore=states, dialect=dialect) as simulation:
            given = simulation.run(7).outputs["cat-1"]
            states = simulation.save(dialect)
        assert all(given[name] == whole[name][hour : hour + 7] for name in ALL)


@pytest.mark.parametrize("hour", HOURS)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_fifty_catchments_in_one_object_are_restored_bit_by_bit(
    model: ModelDirectory, fifty: str, tmp_path: Path, hour: int, dialect: Dialect
) -> None:
    size, series = 50, hourly(3, 50)
    later = START + dt.timedelta(hours=hour)
    first, again = (many(tmp_path, model, size, state=fifty, start_time=time) for time in (START, later))
    advance(first, series, 0, hour)
    data = save(first, dialect)
    expected = advance(first, series, hour, 72)
    restore(again, dialect, data)
    assert again.call("get_current_time") == 0.0, "the clock is not restored"
    assert advance(again, series, hour, 72).tobytes() == expected.tobytes()


def test_equal_components_are_equal_bytes(model: ModelDirectory, tmp_path: Path) -> None:
    one, two = many(tmp_path, model, 2), many(tmp_path, model, 2)
    for component in (one, two):
        advance(component, hourly(2, 2), 0, 30)
    assert save(one, "A") == save(two, "A") == save(one, "B")


def test_the_state_of_a_component_is_small(model: ModelDirectory, tmp_path: Path) -> None:
    assert len(save(many(tmp_path, model, 1), "A")) < 20_000


# What is refused


def with_format(data: bytes, number: int) -> bytes:
    """The same under another format number, which lies behind the 8 bytes that say whose it is."""
    assert struct.unpack_from("<I", data, 8) == (saved.FORMAT,)
    changed = bytearray(data)
    struct.pack_into("<I", changed, 8, number)
    return bytes(changed)


def flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 0x10
    return bytes(changed)


def somebody_elses(data: bytes) -> bytes:
    """The state of another kind of component."""
    probe = Good()
    probe.values, probe.saved = {"store": np.arange(500.0)}, {}
    probe.set_value("serialization_create", np.zeros(1, np.int32))
    return probe.get_value_ptr("serialization_state").tobytes()


def sealed_anew(data: bytes) -> bytes:
    """Whole and well checked, but without one of its arrays."""
    content = sealed.unseal(data, saved.MAGIC, what="state", newest=saved.FORMAT, oldest=0)
    arrays = {name: array for name, array in content.arrays.items() if name != "day"}
    return sealed.seal(saved.MAGIC, saved.FORMAT, content.text, arrays)


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda d: b"", r"truncated: 0 bytes are fewer than its header"),
    "truncated in the header": (lambda d: d[:20], r"truncated: 20 bytes are fewer than its header"),
    "truncated after the header": (lambda d: d[:44], r"damaged or truncated: its checksum does not match"),
    "truncated in the payload": (lambda d: d[: len(d) // 2], r"damaged or truncated"),
    "truncated by a byte": (lambda d: d[:-1], r"damaged or truncated"),
    "bit in whose it is": (lambda d: flipped(d, 3), r"not a delta-hbv component state \(they start with"),
    "bit in the format": (lambda d: flipped(d, 8), r"has format \d+, this version reads format"),
    "bit in the checksum": (lambda d: flipped(d, 20), r"damaged or truncated"),
    "bit in the names": (lambda d: flipped(d, 60), r"damaged or truncated"),
    "bit in the numbers": (lambda d: flipped(d, len(d) - 100), r"damaged or truncated"),
    "foreign": (lambda d: b"PK\x03\x04" * 200, r"not a delta-hbv component state \(they start with b'PK"),
    "zeros": (lambda d: bytes(len(d)), r"not a delta-hbv component state"),
    "somebody else's": (somebody_elses, r"not a delta-hbv component state"),
    "extra bytes": (lambda d: d + b"\0", r"damaged or truncated"),
    "twice": (lambda d: d + d, r"damaged or truncated"),
    "future format": (lambda d: with_format(d, saved.FORMAT + 1), rf"has format {saved.FORMAT + 1}, this version reads"),
    "old format": (lambda d: with_format(d, max(saved.FORMAT - 2, 0)), r"has format \d+, this version reads format"),
    "incomplete": (sealed_anew, r"component state is not complete: .*day"),
}  # fmt: skip
REMEDY = r"(?s:.*)(restore it|start from a spin-up|use the model|open the runtime|the same configuration)"


class Running:
    """A component on its way, and a twin that is left alone."""

    def __init__(self, folder: Path, model: ModelDirectory, state: str) -> None:
        self.series = hourly(3, 2)
        self.victim, self.twin = (many(folder, model, 2, state=state) for _ in "ab")
        for component in (self.victim, self.twin):
            advance(component, self.series, 0, 30)

    def refuses(self, dialect: Dialect, data: bytes, message: str, *, size: int | None = None) -> None:
        before = shown(self.victim)
        with pytest.raises(DriverError, match=message + REMEDY) as raised:
            restore(self.victim, dialect, data, size=size)
        assert isinstance(raised.value.__cause__, StateError)
        assert shown(self.victim) == before
        assert save(self.victim, "A") == save(self.twin, "A"), "its state is untouched"
        untouched = advance(self.twin, self.series, 30, 50)
        assert advance(self.victim, self.series, 30, 50).tobytes() == untouched.tobytes()


def shown(component: Adapter) -> list[bytes]:
    """Everything an outsider can read."""
    names = (*ALL, *component.item_names("input"), *protocols.MASS)
    clock = np.array(component.call("get_current_time"))
    return [clock.tobytes(), *(component.pointer(name).tobytes() for name in names)]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_damaged_state_is_refused_and_the_run_goes_on(
    model: ModelDirectory, fifty: str, tmp_path: Path, dialect: Dialect, damage: str
) -> None:
    running = Running(tmp_path, model, fifty)
    change, message = DAMAGES[damage]
    data = save(running.victim, dialect)
    assert change(data) != data
    running.refuses(dialect, change(data), message)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_state_of_other_weights_is_refused(
    model: ModelDirectory, fifty: str, tmp_path: Path, dialect: Dialect
) -> None:
    other = small_model(tmp_path / "other", seed=7)
    data = save(many(tmp_path / "elsewhere", other, 2), dialect)
    ours, theirs = model.weights_sha256[:12], other.weights_sha256[:12]
    running = Running(tmp_path, model, fifty)
    running.refuses(dialect, data, rf"made by weights {theirs}…, this model has {ours}…")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "catchments", [["cat-2", "cat-1"], ["cat-1", "cat-7"], ["cat-1", "cat-2", "cat-3"], ["cat-1"]]
)
def test_a_state_of_other_catchments_is_refused(
    model: ModelDirectory, fifty: str, tmp_path: Path, dialect: Dialect, catchments: list[str]
) -> None:
    other = many(tmp_path / "other", model, len(catchments), called=catchments)
    running = Running(tmp_path, model, fifty)
    running.refuses(dialect, save(other, dialect), rf"{catchments[0]}(?s:.*)cat-1, cat-2")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("changes", [{"pet": "input"}, {"hillslope_routing": False}, {"utc_offset": -5}])
def test_a_state_of_another_configuration_is_refused(
    model: ModelDirectory, fifty: str, tmp_path: Path, dialect: Dialect, changes: dict[str, Any]
) -> None:
    data = save(many(tmp_path / "other", model, 2, **changes), dialect)
    (key,) = changes
    Running(tmp_path, model, fifty).refuses(dialect, data, rf"saved with {key} {changes[key]} \(here ")


@pytest.mark.parametrize("change", [-8, 8])
def test_a_wrong_size_is_refused(model: ModelDirectory, fifty: str, tmp_path: Path, change: int) -> None:
    """ngen sends as many bytes as it announced; so do fewer or more come."""
    running = Running(tmp_path, model, fifty)
    data = save(running.victim, "A")
    sent = data[:change] if change < 0 else data + bytes(change)
    running.refuses("A", sent, r"damaged or truncated")


@pytest.mark.parametrize("change", [-8, 8, 1_000_000])
def test_other_bytes_than_were_announced_are_refused(
    model: ModelDirectory, fifty: str, tmp_path: Path, change: int
) -> None:
    running = Running(tmp_path, model, fifty)
    data = save(running.victim, "A")
    running.refuses("A", data, rf"{len(data)}(?s:.*){len(data) + change}|{len(data) + change}(?s:.*){len(data)}", size=len(data) + change)  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_state_of_another_date_is_refused(model: ModelDirectory, tmp_path: Path, dialect: Dialect) -> None:
    """Bar a gap the configuration allows: here the run is a year later."""
    old = many(tmp_path / "old", model, 2, start_time=dt.datetime(1999, 6, 1))
    advance(old, hourly(2, 2), 0, 30)
    late = many(tmp_path, model, 2)
    with pytest.raises(DriverError, match=r"valid at 1999-06-02T06 UTC.*max_gap is 31"):
        restore(late, dialect, save(old, dialect))


@pytest.mark.parametrize(
    "changed", [{"fc": 60.0}, {"route_a": 3.0, "route_tau": 6.9}, {"k2": 0.2, "perc": 0.0}]
)
def test_a_state_goes_on_under_other_parameters_and_the_books_close(
    model: ModelDirectory, fifty: str, tmp_path: Path, changed: dict[str, float]
) -> None:
    """As in calibration from a warm start; the driver checks the balance after every step."""
    with domain(tmp_path / "a", model, days=DAYS, config={"state": fifty}).open() as simulation:
        states = simulation.run(30).save()
        simulation.run()
    place = domain(tmp_path / "b", model, days=DAYS, config={"state": fifty}, first=30, model_params=changed)
    given = place.run(restore=states).depth["cat-1"]
    whole = simulation.depth["cat-1"]
    assert given[:18] == whole[30:48], "the water of the day before the restart is as it was"
    assert given[18:] != whole[48:]


def test_a_refused_state_before_the_first_step_leaves_a_fresh_start(
    model: ModelDirectory, tmp_path: Path
) -> None:
    series = hourly(2, 2)
    fresh, twin = many(tmp_path, model, 2), many(tmp_path, model, 2)
    data = save(many(tmp_path, model, 2), "A")
    with pytest.raises(DriverError, match="damaged or truncated"):
        restore(fresh, "A", data[:-9])
    assert advance(fresh, series, 0, 48).tobytes() == advance(twin, series, 0, 48).tobytes()


def test_names_of_state_saving_are_no_items(model: ModelDirectory, tmp_path: Path) -> None:
    component = many(tmp_path, model, 1)
    names = {*component.item_names("input"), *component.item_names("output")}
    assert not {name for name in names if "serialization" in name or "mass_" in name or name == "reset_time"}
    assert P in names
