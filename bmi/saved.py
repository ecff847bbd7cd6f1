"""A component between two steps as bytes: the daily core's state and what the hours add to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhbv import sealed
from dhbv.errors import StateError
from dhbv.state import State

MAGIC = sealed.COMPONENT
FORMAT = 1
_CORE = "core"


@dataclass(frozen=True, eq=False)
class Saved:
    """Everything a component needs to go on bit by bit."""

    core: State
    """The daily state at the last day's end."""
    setting: Mapping[str, Any]
    """What of the configuration must be the same where it is restored."""
    run: Mapping[str, Any]
    """Calendar and counters, see `DeltaHbv`."""
    arrays: Mapping[str, NDArray[np.float64]]
    """What the hours since then have left, see `DeltaHbv`."""

    def to_bytes(self) -> bytes:
        core = np.frombuffer(self.core.to_bytes(), np.uint8)
        text = {"setting": dict(self.setting), "run": dict(self.run)}
        return sealed.seal(MAGIC, FORMAT, text, {_CORE: core, **self.arrays})

    @classmethod
    def from_bytes(cls, data: bytes) -> Saved:
        """What `to_bytes` wrote.

        Raises:
            StateError: if the bytes are empty, truncated, damaged, foreign or of another format.
        """
        _, text, arrays = sealed.unseal(data, MAGIC, what="component state", newest=FORMAT, oldest=FORMAT)
        try:
            core = State.from_bytes(arrays.pop(_CORE).tobytes())
            return cls(core, text["setting"], text["run"], arrays)
        except KeyError as error:
            raise StateError(f"the component state is not complete: {error}; start from a spin-up") from error
