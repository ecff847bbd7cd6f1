"""Mass balance, and both dialects of state saving (§10)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from tests.ngen.adapter import Adapter
from tests.ngen.rules import OUTPUT_TYPES, PROTOCOL_TYPES

Dialect = Literal["A", "B"]
"""A: NOAA-OWP pull request 957. B: the operational fork NGWPC."""

MASS = ("ngen::mass_in", "ngen::mass_out", "ngen::mass_stored", "ngen::mass_leaked")
STATE_UNITS = {
    "ngen::serialization_create": ("ngen::trigger", np.int32),
    "ngen::serialization_free": ("ngen::trigger", np.int32),
    "ngen::serialization_size": ("bytes", np.int64),
    "ngen::serialization_state": ("ngen::opaque", np.uint8),
}
"""Units, compared as text, and types that dialect A demands."""


class MassBalance:
    """in − out − stored − leaked, checked after every step; `None` configuration checks nothing."""

    def __init__(self, model: Adapter, config: dict[str, Any] | None) -> None:
        self._model = model
        self.rows: list[tuple[float, ...]] = []
        self._on = bool(config and config.get("check"))
        if config is None or not self._on:
            return
        self._tolerance = float(config.get("tolerance", 1e-16))
        self._fatal = bool(config.get("fatal", False))
        self._frequency = int(config.get("frequency", 1))
        if self._frequency == -1:
            model.judge.misread("§10", "mass_balance with frequency -1 never fires")
        units = {}
        for name in MASS:
            try:
                kind = (model.call("get_var_itemsize", name), model.call("get_var_type", name))
                array, units[name] = model.pointer(name), model.units(name)
            except AssertionError as error:
                model.judge.misread("§10", f"Error(Integration): mass balance is asked for, but {error}")
                self._on = False
                return
            dtype = model.dtype(name, OUTPUT_TYPES, kind[1], kind[0])
            if dtype != np.float64 or array.dtype != np.float64 or array.shape != (1,):
                raise model.judge.abort(
                    "§10", f"{name} must be 1 float64, because ngen reads it into a C++ double; "
                    f"it is {array.dtype}{list(array.shape)} of type {dtype}"
                )  # fmt: skip
        if len(set(units.values())) > 1:
            raise model.judge.abort("§10", f"the masses have different units: {units}")

    def check(self, step: int) -> None:
        """After the step number `step`, counted from 0."""
        if not self._on or self._frequency < 1 or step % self._frequency:
            return
        masses = tuple(float(self._model.pointer(name)[0]) for name in MASS)
        self.rows.append(masses)
        error = masses[0] - masses[1] - masses[2] - masses[3]
        if not abs(error) <= self._tolerance:
            text = f"mass balance error {error} after step {step}: in, out, stored, leaked {masses}"
            if self._fatal:
                raise self._model.judge.abort("§10", text)
            self._model.judge.misread("§10", text)


def save(model: Adapter, dialect: Dialect) -> bytes:
    """The component's state as ngen stores it."""
    prefix = _prefix(model, dialect)
    trigger(model, f"{prefix}serialization_create")
    size = model.pointer(f"{prefix}serialization_size")
    expected = np.int64 if dialect == "A" else np.uint64
    if size.shape != (1,) or size.dtype != expected:
        raise model.judge.abort("§10", f"serialization_size must be 1 {np.dtype(expected)}, not {size!r}")
    state = model.pointer(f"{prefix}serialization_state")
    if state.dtype != np.uint8 or len(state) != size[0] or not len(state):
        raise model.judge.abort(
            "§10",
            f"serialization_state is {len(state)} {state.dtype}, and serialization_size {size[0]} bytes",
        )
    trigger(model, f"{prefix}serialization_free")
    return state.tobytes()


def restore(model: Adapter, dialect: Dialect, data: bytes, *, size: int | None = None) -> None:
    """Hand saved bytes to a component that was just initialised and given its parameters.

    Args:
        size: what dialect A announces, if not the length of `data`.
    """
    prefix = _prefix(model, dialect)
    name = f"{prefix}serialization_state"
    if dialect == "B":
        # The fork passes characters, of any number, and then rewinds the clock.
        model.call("set_value", name, np.frombuffer(data, np.int8))
        model.set("reset_time", [0.0], model.parameter_slot("reset_time"))
        return
    announced = len(data) if size is None else size
    slot = model.parameter_slot(f"{prefix}serialization_size", PROTOCOL_TYPES)
    model.set(f"{prefix}serialization_size", [announced], slot)
    nbytes = model.call("get_var_nbytes", name)
    if nbytes != announced:
        raise model.judge.abort(
            "§10", f"get_var_nbytes({name}) is {nbytes}, not the {announced} bytes just announced"
        )
    model.call("set_value", name, np.frombuffer(data, np.uint8))


def trigger(model: Adapter, name: str) -> None:
    """Set `name`, whose value means nothing."""
    slot = model.parameter_slot(name, PROTOCOL_TYPES)
    if slot.length != 1:
        raise model.judge.abort("§10", f"{name} must take 1 value, not {slot.length}")
    model.set(name, [1], slot)


def _prefix(model: Adapter, dialect: Dialect) -> str:
    """The beginning of the dialect's names, after the units and types were found right."""
    if dialect == "B":
        return ""
    for name, (units, kind) in STATE_UNITS.items():
        if (given := model.units(name)) != units:
            raise model.judge.abort("§10", f"{name} must have the unit {units!r}, not {given!r}")
        dtype = model.dtype(
            name, PROTOCOL_TYPES, *(model.call(f"get_var_{w}", name) for w in ("type", "itemsize"))
        )
        if dtype != kind:
            raise model.judge.abort("§10", f"{name} must be {np.dtype(kind)}, not {dtype}")
    return "ngen::"
