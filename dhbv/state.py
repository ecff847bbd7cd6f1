"""What a running model carries from day to day, as a value; to and from bytes.

Everything needed to go on exactly is inside, the date too. `dhbv.sealed` guards the bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from dhbv import sealed
from dhbv.errors import StateError
from dhbv.files import written_whole

MAGIC = sealed.STATE
FORMAT = 2
"""2 added `discharge`; a state of format 1 is read through `_from_format_1`."""


@dataclass(frozen=True, eq=False)
class State:
    """The model between two days, for B basins and M components."""

    weights: str
    """sha256 of the weights that made it; no others can continue it."""
    basins: tuple[str, ...]
    time: np.datetime64
    """Valid at 00:00 of this day, the first one not yet run."""
    stores: NDArray[np.floating]
    """[5, B, M] mm, in the order of `dhbv.physics.hbv.Stores`."""
    runoff: NDArray[np.floating]
    """[14, 3, B] mm d-1: Q0, Q1, Q2 of the last 14 days, oldest first; the routing store."""
    discharge: NDArray[np.floating]
    """[B] mm d-1: routed discharge of the day before `time`, which an hourly run gives out over the next."""
    hidden: NDArray[np.floating]
    """[B, H] output of the LSTM."""
    cell: NDArray[np.floating]
    """[B, H] memory of the LSTM."""
    frozen: NDArray[np.floating]
    """[B, K] static parameters' logits frozen at the end of the spin-up; K = 0 where they need no weather."""

    def select(self, basins: Sequence[str]) -> State:
        """The state of some of its basins, in the order asked for.

        Raises:
            StateError: if it lacks one.
        """
        position = self._position
        absent = [name for name in basins if name not in position]
        if absent:
            raise StateError(
                f"the state has no basin {', '.join(absent[:5])} ({len(absent)} of {len(basins)} absent): it holds "
                f"{len(self.basins)} ({', '.join(self.basins[:3])} …); use the state of these basins, or spin up"
            )
        rows = [position[name] for name in basins]
        chosen: dict[str, Any] = {
            name: np.take(getattr(self, name), rows, axis) for name, axis in BASIN_AXIS.items()
        }
        return replace(self, basins=tuple(basins), **chosen)

    @cached_property
    def _position(self) -> dict[str, int]:
        """The place of each basin, found once: each of NextGen's thousands of instances selects its own."""
        return {name: k for k, name in enumerate(self.basins)}

    def astype(self, dtype: DTypeLike) -> State:
        """The state in another precision: batches run in float32, a stream in float64."""
        arrays: dict[str, Any] = {name: getattr(self, name).astype(dtype) for name in BASIN_AXIS}
        return replace(self, **arrays)

    def to_bytes(self) -> bytes:
        """The state as bytes that `from_bytes` turns back bit by bit."""
        text = {"weights": self.weights, "basins": self.basins, "time": str(self.time)}
        return sealed.seal(MAGIC, FORMAT, text, {name: getattr(self, name) for name in BASIN_AXIS})

    @property
    def sha256(self) -> str:
        """Of its bytes, in hexadecimal: what outputs name it by."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def write(self, path: Path) -> None:
        """Put the state in a file, all at once."""
        with written_whole(path) as draft:
            draft.write_bytes(self.to_bytes())

    @classmethod
    def read(cls, path: Path) -> State:
        """The state in a file.

        Raises:
            StateError: if it cannot be read, or for any reason of `from_bytes`; names the file.
        """
        try:
            return cls.from_bytes(path.read_bytes())
        except OSError as error:
            raise StateError(f"cannot read the state {path}: {error.strerror}") from error
        except StateError as error:
            raise StateError(f"{path}: {error}") from None

    @classmethod
    def from_bytes(cls, data: bytes) -> State:
        """The state in `data`.

        Raises:
            StateError: if the bytes are empty, truncated, damaged, no state or of a format too old or new.
        """
        version, text, arrays = sealed.unseal(data, MAGIC, what="state", newest=FORMAT, oldest=FORMAT - 1)
        if version == 1:
            arrays = _from_format_1(arrays)
        try:
            return cls(
                weights=text["weights"],
                basins=tuple(text["basins"]),
                time=np.datetime64(text["time"], "D"),
                **{name: arrays[name] for name in BASIN_AXIS},
            )
        except (KeyError, ValueError) as error:
            raise StateError(f"the state is not complete: {error}; start from a spin-up") from error


def refuse_other_file(path: Path) -> None:
    """Raise a StateError if a file is at `path` that is no saved state: only of a state the place may be taken."""
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                return
        raise StateError(
            f"{path} is there and no saved state: give the state another place, or remove the file"
        )


BASIN_AXIS = {
    f.name: {"stores": 1, "runoff": 2}.get(f.name, 0)
    for f in fields(State)
    if f.name not in ("weights", "basins", "time")
}
"""The arrays, and which of their axes counts basins."""


def joined(parts: Sequence[State], basins: Sequence[str]) -> State:
    """States of the same weights and day as one, its basins in the order asked for.

    Raises:
        StateError: if they are of several, or none has one of the basins.
    """
    if len(parts) > 1:
        kinds = {f"of weights {part.weights[:12]}… valid at {part.time}" for part in parts}
        if len(kinds) > 1:
            raise StateError(
                f"states {', '.join(sorted(kinds)[:3])} cannot be one: take those that one run has left"
            )
        arrays: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts], axis)
            for name, axis in BASIN_AXIS.items()
        }
        whole = replace(parts[0], basins=tuple(b for part in parts for b in part.basins), **arrays)
    else:
        (whole,) = parts
    return whole.select(basins)


def _from_format_1(arrays: dict[str, NDArray[np.floating]]) -> dict[str, NDArray[np.floating]]:
    """Format 1 did not hold the last day's discharge; the mean runoff of its 14 days stands in for it."""
    return arrays | {"discharge": arrays["runoff"].sum(1).mean(0)}
