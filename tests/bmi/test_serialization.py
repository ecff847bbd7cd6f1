"""Both dialects of state saving, with a component that only remembers bytes."""

from __future__ import annotations

import numpy as np
import pytest

from bmi.serialization import RESET_TIME, Serialization
from dhbv.errors import StateError

DIALECTS = [("ngen::", np.int64), ("", np.uint64)]
TRIGGER = np.ones(1, np.int32)


class Memory:
    """Stands for a component."""

    def __init__(self) -> None:
        self.content = bytes(range(256))
        self.serialization = Serialization(lambda: self.content, self.put)

    def put(self, data: bytes) -> None:
        if not data:
            raise StateError("empty")
        self.content = data


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.mark.parametrize(("prefix", "kind"), DIALECTS)
def test_create_gives_the_bytes_and_their_number_and_free_lets_go(
    memory: Memory, prefix: str, kind: type
) -> None:
    s = memory.serialization
    s.set(f"{prefix}serialization_create", TRIGGER)
    size, state = s.array(f"{prefix}serialization_size"), s.array(f"{prefix}serialization_state")
    assert (size.dtype, size.tolist()) == (kind, [256])
    assert (state.dtype, state.tobytes()) == (np.uint8, memory.content)
    assert state.flags.writeable, "a C++ framework may write through the pointer"
    s.set(f"{prefix}serialization_free", TRIGGER)
    assert s.array(f"{prefix}serialization_size").tolist() == [0]
    assert s.array(f"{prefix}serialization_state").nbytes == 0


@pytest.mark.parametrize("prefix", ["ngen::", ""])
def test_a_size_that_is_set_makes_room_for_the_bytes_that_follow(memory: Memory, prefix: str) -> None:
    s = memory.serialization
    s.set(f"{prefix}serialization_size", np.array([300]))
    assert s.array(f"{prefix}serialization_state").nbytes == 300
    s.set(f"{prefix}serialization_state", np.full(300, 7, np.uint8))
    assert memory.content == bytes([7]) * 300


@pytest.mark.parametrize("size", [5, np.array(5), np.array([5]), [5]])
def test_a_size_may_be_a_number_too(memory: Memory, size: object) -> None:
    memory.serialization.set("ngen::serialization_size", np.asarray(size))
    assert memory.serialization.array("ngen::serialization_state").nbytes == 5


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_bytes_may_be_signed(memory: Memory, kind: type) -> None:
    data = bytes(range(255, -1, -1))
    memory.serialization.set("serialization_state", np.frombuffer(data, kind)[:])
    assert memory.content == data


def test_a_refused_restore_is_the_callers_to_hear(memory: Memory) -> None:
    with pytest.raises(StateError, match="empty"):
        memory.serialization.set("ngen::serialization_state", np.zeros(0, np.uint8))
    assert memory.content == bytes(range(256))


def test_what_was_created_does_not_change_with_the_component(memory: Memory) -> None:
    memory.serialization.set("ngen::serialization_create", TRIGGER)
    before = memory.content
    memory.put(b"later")
    assert memory.serialization.array("ngen::serialization_state").tobytes() == before


def test_units_are_those_frameworks_compare_exactly(memory: Memory) -> None:
    units = memory.serialization.units
    assert len(units) == 8
    for prefix in ("ngen::", ""):
        assert (
            units[f"{prefix}serialization_create"] == units[f"{prefix}serialization_free"] == "ngen::trigger"
        )
        assert units[f"{prefix}serialization_size"] == "bytes"
        assert units[f"{prefix}serialization_state"] == "ngen::opaque"
        assert memory.serialization.array(f"{prefix}serialization_create").dtype == np.int32
    assert RESET_TIME not in units
