"""Small components that the driver itself is tried on. `Good` keeps every rule of ngen's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tests.ngen.protocols import MASS, STATE_UNITS
from tests.ngen.rules import LAYER_STEP, NEVER_CALLED

P = "atmosphere_water__liquid_equivalent_precipitation_rate"
T = "land_surface_air__temperature"
EP = "water_potential_evaporation_flux"
DEPTH = "land_surface_water__runoff_depth"
STORE = "store"
"""mm."""


class Good:
    """A linear reservoir: each hour a part `k` of the store runs off.

    The configuration is JSON: `k`, and the number of catchments `size`.
    """

    inputs: tuple[str, ...] = (P, T)
    outputs: tuple[str, ...] = (DEPTH, STORE)
    units: ClassVar[dict[str, str]] = {P: "mm h-1", T: "degC", DEPTH: "m", STORE: "mm", "k": "1"}
    time_units = "s"

    def __init__(self) -> None:
        self.finalized = 0

    def initialize(self, path: str) -> None:
        config = json.loads(Path(path).read_text(encoding="utf-8"))
        size = config.get("size", 1)
        self.time = 0.0
        self.values: dict[str, NDArray[Any]] = {
            name: np.zeros(size) for name in (*self.inputs, *self.outputs)
        }
        self.values |= {name: np.zeros(size) for name in MASS}
        self.values["k"] = np.full(size, config.get("k", 0.1))
        self.saved: dict[str, NDArray[Any]] = {}
        self.announced = 0

    def rain(self) -> NDArray[Any]:
        return self.values[P]

    def update(self) -> None:
        v = self.values
        v[STORE] += self.rain()
        runoff = v["k"] * v[STORE]
        v[STORE] -= runoff
        v[DEPTH][:] = runoff / 1000.0
        v[MASS[0]] += self.rain()
        v[MASS[1]] += runoff
        v[MASS[2]][:] = v[STORE]
        self.time += self.get_time_step()

    def update_until(self, time: float) -> None:
        while self.time < time:
            self.update()

    def finalize(self) -> None:
        self.finalized += 1
        assert self.finalized == 1

    def get_input_item_count(self) -> int:
        return len(self.inputs)

    def get_input_var_names(self) -> tuple[str, ...]:
        return self.inputs

    def get_output_item_count(self) -> int:
        return len(self.outputs)

    def get_output_var_names(self) -> tuple[str, ...]:
        return self.outputs

    def get_start_time(self) -> float:
        return 0.0

    def get_current_time(self) -> float:
        return self.time

    def get_end_time(self) -> float:
        return 1e300

    def get_time_step(self) -> float:
        return float(LAYER_STEP)

    def get_time_units(self) -> str:
        return self.time_units

    def get_var_units(self, name: str) -> str:
        if name in STATE_UNITS:
            return STATE_UNITS[name][0]
        return "mm" if name in MASS else self.units[name]

    def get_var_type(self, name: str) -> str:
        return self.get_value_ptr(name).dtype.name

    def get_var_itemsize(self, name: str) -> int:
        return self.get_value_ptr(name).itemsize

    def get_var_nbytes(self, name: str) -> int:
        if name == "ngen::serialization_state" and self.announced:
            return self.announced
        return self.get_value_ptr(name).nbytes

    def get_value_ptr(self, name: str) -> NDArray[Any]:
        plain = name.removeprefix("ngen::")
        if plain in ("serialization_create", "serialization_free"):
            return np.zeros(1, np.int32)
        if name == "reset_time":
            return np.zeros(1)
        if plain == "serialization_state":
            return self.saved.get("state", np.zeros(0, np.uint8))
        if plain == "serialization_size":
            size = len(self.saved.get("state", ()))
            return np.array([size], np.int64 if name.startswith("ngen::") else np.uint64)
        return self.values[name]

    def get_value_at_indices(self, name: str, dest: NDArray[Any], inds: NDArray[Any]) -> NDArray[Any]:
        dest[:] = self.values[name][inds]
        return dest

    def set_value(self, name: str, src: NDArray[Any]) -> None:
        match name.removeprefix("ngen::"):
            case "serialization_create":
                self.saved["state"] = np.frombuffer(np.stack([*self.values.values()]).tobytes(), np.uint8)
            case "serialization_free":
                self.saved.clear()
            case "serialization_size":
                self.announced = int(src[0])
            case "serialization_state":
                parts = np.frombuffer(src.tobytes(), np.float64).reshape(len(self.values), -1)
                for array, part in zip(self.values.values(), parts, strict=True):
                    array[:] = part
            case "reset_time":
                self.time = float(src[0])
            case _:
                self.values[name][:] = src

    def __getattr__(self, name: str) -> Any:
        if name in NEVER_CALLED:
            raise AssertionError(f"ngen never calls {name}")
        raise AttributeError(name)


class Evaporation(Good):
    """Potential evaporation from temperature, in other units than those wanted."""

    inputs = (T,)
    outputs = (EP,)
    units: ClassVar[dict[str, str]] = {T: "K", EP: "mm d-1"}

    def update(self) -> None:
        self.values[EP][:] = 24.0 * 0.01 * np.maximum(self.values[T] - 268.15, 0.0)
        self.time += self.get_time_step()


class Drying(Good):
    """A reservoir that also wants potential evaporation, and takes it off the rain."""

    inputs = (P, EP)
    units: ClassVar[dict[str, str]] = Good.units | {EP: "mm h-1"}

    def rain(self) -> NDArray[Any]:
        return np.maximum(self.values[P] - self.values[EP], 0.0)
