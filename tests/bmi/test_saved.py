"""A component's bytes bring back everything, and say what is wrong with them."""

from __future__ import annotations

import numpy as np
import pytest

from bmi.saved import FORMAT, MAGIC, Saved
from dhbv import sealed
from dhbv.errors import StateError
from dhbv.state import State


@pytest.fixture
def saved() -> Saved:
    rng = np.random.default_rng(0)
    core = State(
        weights="ab" * 32, basins=("cat-1", "über"), time=np.datetime64("2001-10-01", "D"),
        stores=rng.random((5, 2, 4)), runoff=rng.random((14, 3, 2)), discharge=rng.random(2),
        hidden=rng.random((2, 8)), cell=rng.random((2, 8)), frozen=np.zeros((2, 0)),
    )  # fmt: skip
    arrays = {"share": rng.random(2), "age": np.array([[np.inf, 0.0], [3.0, -0.0]])}
    return Saved(core, {"pet": "input", "utc_offset": -5}, {"now": "2001-10-01T07", "hours": 7}, arrays)


def test_bytes_bring_back_everything_bit_by_bit(saved: Saved) -> None:
    again = Saved.from_bytes(saved.to_bytes())
    assert again.core.to_bytes() == saved.core.to_bytes()
    assert (dict(again.setting), dict(again.run)) == (saved.setting, saved.run)
    assert again.arrays.keys() == saved.arrays.keys()
    for name, array in saved.arrays.items():
        assert again.arrays[name].tobytes() == array.tobytes()
        assert again.arrays[name].shape == array.shape
    assert len({saved.to_bytes() for _ in range(5)} | {again.to_bytes()}) == 1


@pytest.mark.parametrize("length", [0, 7, 43, 100, -1])
def test_truncated_bytes_are_refused(saved: Saved, length: int) -> None:
    with pytest.raises(StateError, match=r"the component state is .*truncated.*; restore it from a copy"):
        Saved.from_bytes(saved.to_bytes()[:length])


def test_a_daily_state_is_no_component_state(saved: Saved) -> None:
    with pytest.raises(
        StateError, match=r"no component state, but a state of the daily model: name it as `state` in"
    ):
        Saved.from_bytes(saved.core.to_bytes())
    with pytest.raises(
        StateError, match=r"no state, but what a NextGen component saved .*: let the framework restore"
    ):
        State.from_bytes(saved.to_bytes())


def test_a_later_format_is_refused_by_number(saved: Saved) -> None:
    later = sealed.seal(MAGIC, FORMAT + 1, {}, {"a": np.zeros(1)})
    with pytest.raises(
        StateError, match=f"component state has format {FORMAT + 1}, this version reads format {FORMAT}:"
    ):
        Saved.from_bytes(later)


@pytest.mark.parametrize("lost", ["core", "setting", "run"])
def test_what_is_missing_is_named(saved: Saved, lost: str) -> None:
    text = {"setting": saved.setting, "run": saved.run}
    arrays = {"core": np.frombuffer(saved.core.to_bytes(), np.uint8)} | dict(saved.arrays)
    for part in (text, arrays):
        part.pop(lost, None)  # type: ignore[attr-defined]
    with pytest.raises(StateError, match=f"component state is not complete: '{lost}'; start from a spin-up"):
        Saved.from_bytes(sealed.seal(MAGIC, FORMAT, text, arrays))


def test_a_damaged_core_inside_is_refused(saved: Saved) -> None:
    core = np.frombuffer(saved.core.to_bytes(), np.uint8).copy()
    core[60] ^= 1
    data = sealed.seal(MAGIC, FORMAT, {"setting": {}, "run": {}}, {"core": core})
    with pytest.raises(StateError, match="the state is damaged"):
        Saved.from_bytes(data)
