"""A state survives its bytes exactly, and anything else is refused with the reason."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from dhbv.errors import StateError
from dhbv.state import FORMAT, MAGIC, State


@pytest.fixture
def state() -> State:
    rng = np.random.default_rng(0)
    return State(
        weights="ab" * 32,
        basins=("01013500", "über"),
        time=np.datetime64("2001-10-01", "D"),
        stores=rng.random((5, 2, 4)),
        runoff=rng.random((14, 3, 2)),
        hidden=rng.random((2, 8)),
        cell=rng.random((2, 8)),
        frozen=np.zeros((2, 0)),
    )


def test_bytes_bring_back_everything_bit_by_bit(state: State) -> None:
    again = State.from_bytes(state.to_bytes())
    assert (again.weights, again.basins, again.time) == (state.weights, state.basins, state.time)
    for name in ("stores", "runoff", "hidden", "cell", "frozen"):
        assert np.array_equal(getattr(again, name), getattr(state, name))
        assert getattr(again, name).dtype == getattr(state, name).dtype


def test_equal_states_are_equal_bytes(state: State) -> None:
    assert len({state.to_bytes() for _ in range(20)}) == 1
    assert State.from_bytes(state.to_bytes()).to_bytes() == state.to_bytes()


def test_views_are_saved_as_what_they_show(state: State) -> None:
    import dataclasses

    turned = dataclasses.replace(state, stores=np.asfortranarray(state.stores))
    assert np.array_equal(State.from_bytes(turned.to_bytes()).stores, state.stores)


@pytest.mark.parametrize("length", [0, 5, 20, 43, 44, 100, -1])
def test_a_truncated_state_is_refused(state: State, length: int) -> None:
    with pytest.raises(StateError, match="truncated"):
        State.from_bytes(state.to_bytes()[:length])


def test_a_flipped_bit_anywhere_is_refused(state: State) -> None:
    whole = state.to_bytes()
    for position in range(0, len(whole), 37):
        broken = bytearray(whole)
        broken[position] ^= 0x10
        with pytest.raises(StateError):
            State.from_bytes(bytes(broken))


def test_foreign_bytes_are_refused() -> None:
    with pytest.raises(StateError, match="not a delta-hbv state"):
        State.from_bytes(b"\x89PNG\r\n" * 20)


def test_another_format_is_refused_by_number(state: State) -> None:
    whole = bytearray(state.to_bytes())
    struct.pack_into("<I", whole, len(MAGIC), FORMAT + 1)
    with pytest.raises(StateError, match=f"format {FORMAT + 1}, this version reads format {FORMAT}"):
        State.from_bytes(bytes(whole))


def test_a_file_is_written_whole_and_named_when_it_fails(state: State, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.state"
    state.write(path)
    assert State.read(path).to_bytes() == state.to_bytes()
    assert [p.name for p in path.parent.iterdir()] == ["a.state"]
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(StateError, match=r"a\.state: the state is damaged or truncated"):
        State.read(path)
    with pytest.raises(StateError, match=r"cannot read the state .*absent: No such file"):
        State.read(tmp_path / "absent")
