"""State saving as frameworks ask for it: by variables with names of their own.

Two dialects: `ngen::serialization_*` (NOAA-OWP/ngen pull request 957) and `serialization_*`
with `reset_time` (NGWPC/ngen). To save: set `create`, read `size` and `state`, set `free`. To
restore: set `size` where the dialect asks for it, then `state`. The BMI clock is not part of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dhbv.errors import StateError

PREFIX = "ngen::"
CREATE, SIZE, STATE, FREE = (
    "serialization_create",
    "serialization_size",
    "serialization_state",
    "serialization_free",
)
RESET_TIME = "reset_time"


class Serialization:
    """The variables of both dialects, for a component that can be saved to bytes and restored from them."""

    def __init__(self, save: Callable[[], bytes], restore: Callable[[bytes], None]) -> None:
        self._save, self._restore = save, restore
        self._sizes = {PREFIX + SIZE: np.zeros(1, np.int64), SIZE: np.zeros(1, np.uint64)}
        self._trigger = np.zeros(1, np.int32)
        self._state = np.zeros(0, np.uint8)
        self.units = dict.fromkeys((PREFIX + CREATE, PREFIX + FREE, CREATE, FREE), "ngen::trigger") | {
            PREFIX + SIZE: "bytes",
            SIZE: "bytes",
            PREFIX + STATE: "ngen::opaque",
            STATE: "ngen::opaque",
        }
        """Every name, with its unit."""

    def array(self, name: str) -> NDArray[Any]:
        """The array behind a name; that of the state has the size last created or set."""
        if name in self._sizes:
            return self._sizes[name]
        return self._state if name.removeprefix(PREFIX) == STATE else self._trigger

    def set(self, name: str, values: NDArray[Any]) -> None:
        """Save, restore or let go; StateError from a restore leaves the component as it was."""
        what = name.removeprefix(PREFIX)
        if what == CREATE:
            self._hold(np.frombuffer(self._save(), np.uint8).copy())
        elif what == FREE:
            self._hold(np.zeros(0, np.uint8))
        elif what == SIZE:
            self._hold(np.zeros(int(values.flat[0]), np.uint8))
        else:
            data = np.ascontiguousarray(values).view(np.uint8).tobytes()
            if name.startswith(PREFIX) and len(data) != len(self._state):
                raise StateError(
                    f"{len(self._state)} bytes of component state were announced and {len(data)} came: restore it from "
                    "a copy, or start from a spin-up"
                )
            self._restore(data)

    def _hold(self, state: NDArray[np.uint8]) -> None:
        self._state = state
        for size in self._sizes.values():
            size[0] = len(state)
