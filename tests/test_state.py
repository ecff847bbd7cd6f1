"""A state survives its bytes exactly, and anything else is refused with the reason."""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest

from dhbv import sealed
from dhbv.errors import StateError
from dhbv.state import FORMAT, MAGIC, State, joined


@pytest.fixture
def state() -> State:
    rng = np.random.default_rng(0)
    return State(
        weights="ab" * 32,
        basins=("01013500", "über"),
        time=np.datetime64("2001-10-01", "D"),
        stores=rng.random((5, 2, 4)),
        runoff=rng.random((14, 3, 2)),
        discharge=rng.random(2),
        hidden=rng.random((2, 8)),
        cell=rng.random((2, 8)),
        frozen=np.zeros((2, 0)),
    )


def test_bytes_bring_back_everything_bit_by_bit(state: State) -> None:
    again = State.from_bytes(state.to_bytes())
    assert (again.weights, again.basins, again.time) == (state.weights, state.basins, state.time)
    for name in ("stores", "runoff", "discharge", "hidden", "cell", "frozen"):
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


@pytest.mark.parametrize("number", [0, FORMAT - 2, FORMAT + 1])
def test_another_format_is_refused_by_number_with_the_way_on(state: State, number: int) -> None:
    whole = bytearray(state.to_bytes())
    struct.pack_into("<I", whole, len(MAGIC), number)
    with pytest.raises(StateError, match=f"format {number}, this version reads formats 1 to 2.*--save-state"):
        State.from_bytes(bytes(whole))


def test_a_state_of_the_format_before_is_read(state: State) -> None:
    """Format 1 had no discharge: the mean runoff of the last days stands in."""
    names = ("stores", "runoff", "hidden", "cell", "frozen")
    text = {"weights": state.weights, "basins": state.basins, "time": str(state.time)}
    old = sealed.seal(MAGIC, 1, text, {name: getattr(state, name) for name in names})
    upgraded = State.from_bytes(old)
    for name in names:
        assert np.array_equal(getattr(upgraded, name), getattr(state, name))
    expected = [
        sum(state.runoff[day, part, basin] for day in range(14) for part in range(3)) / 14 for basin in (0, 1)
    ]
    assert upgraded.discharge == pytest.approx(expected, rel=1e-12)


def test_some_basins_of_a_state_in_another_order(state: State) -> None:
    one = state.select(["über"])
    assert one.basins == ("über",)
    assert np.array_equal(one.stores, state.stores[:, 1:])
    assert np.array_equal(one.runoff, state.runoff[:, :, 1:])
    assert np.array_equal(one.discharge, state.discharge[1:])
    assert np.array_equal(one.hidden, state.hidden[1:])
    turned = state.select(["über", "01013500"])
    assert turned.select(state.basins).to_bytes() == state.to_bytes()
    with pytest.raises(StateError, match=r"no basin cat-1 \(1 of 2 absent\): it holds 2 \(01013500, über"):
        state.select(["cat-1", "über"])


def test_parts_of_a_state_are_joined_in_the_order_asked_for(state: State) -> None:
    parts = [state.select([basin]) for basin in reversed(state.basins)]
    assert joined(parts, state.basins).to_bytes() == state.to_bytes()
    assert joined(parts, state.basins[::-1]).to_bytes() == state.select(state.basins[::-1]).to_bytes()
    assert joined(parts, state.basins[1:]).to_bytes() == parts[0].to_bytes()
    assert joined([state], state.basins[1:]).to_bytes() == parts[0].to_bytes()
    with pytest.raises(StateError, match="no basin cat-1"):
        joined(parts, ["cat-1"])


def test_parts_of_other_weights_or_days_are_not_joined(state: State) -> None:
    one, two = (state.select([basin]) for basin in state.basins)
    for other in (
        dataclasses.replace(two, time=two.time + np.timedelta64(1, "D")),
        dataclasses.replace(two, weights="f" * 64),
    ):
        with pytest.raises(
            StateError, match=r"states of weights .* valid at .*, of weights .* cannot be one"
        ):
            joined([one, other], state.basins)


def test_its_sha256_is_that_of_its_bytes(state: State) -> None:
    assert state.sha256 == hashlib.sha256(state.to_bytes()).hexdigest()
    assert state.sha256 != state.select(state.basins[::-1]).sha256


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
