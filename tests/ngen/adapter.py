"""One Python BMI object as ngen holds it: every call goes through here, in ngen's form (§1 to §3)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tests.ngen.rules import CALLS, INPUT_TYPES, OUTPUT_TYPES, Judge

_UNTOUCHED = -1.0e38
"""What `get_value_at_indices` must overwrite; for integers, their lowest."""


class Slot(NamedTuple):
    """What ngen asks of a variable before it sets it."""

    units: str
    dtype: np.dtype[Any]
    length: int


class Adapter:
    """A component, made without arguments and initialised from a file.

    Attributes:
        calls: the names of the BMI functions called so far, in order.
    """

    def __init__(
        self, python_type: str, config: Path, judge: Judge, *, module_path: Path | None = None
    ) -> None:
        self.judge = judge
        self.calls: list[str] = []
        if module_path is not None:
            if not module_path.is_dir():
                raise judge.abort("§1", f"module_path {module_path} is no existing folder")
            sys.path.append(str(module_path))
        package, _, name = python_type.rpartition(".")
        if not package:
            raise judge.abort("§1", f"python_type {python_type!r} must be package.module.Class")
        try:
            kind = getattr(importlib.import_module(package), name)
        except (ImportError, AttributeError) as error:
            raise judge.abort("§1", f"cannot import {python_type}: {error}") from error
        if not config.is_file():
            raise judge.abort("§1", f"init_config {config} is no readable file")
        self._finalized = False
        self._model = kind()
        self.call("initialize", str(config))

    def call(self, method: str, *arguments: Any) -> Any:
        """What the component's `method` returns; an exception in it is the end of the run."""
        assert method in CALLS, f"§2: ngen never calls {method}"
        self.calls.append(method)
        try:
            return getattr(self._model, method)(*arguments)
        except Exception as error:
            raise self.judge.abort("§9", f"{method} raised {type(error).__name__}: {error}") from error

    def finalize(self) -> None:
        """What ngen's destructor does: `finalize`, once."""
        if not self._finalized:
            self._finalized = True
            self.call("finalize")

    # Descriptions

    def item_names(self, role: str) -> tuple[str, ...]:
        """Names of all variables of a role, `input` or `output`."""
        count = self.call(f"get_{role}_item_count")
        names = self.call(f"get_{role}_var_names")
        if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
            raise self.judge.abort(
                "§3", f"get_{role}_var_names must be a list or tuple of text, not {names!r}"
            )
        if count != len(names):
            self.judge.misread("§3", f"get_{role}_item_count is {count}, but there are {len(names)} names")
        return tuple(names)

    def dtype(
        self, name: str, known: Mapping[tuple[str, int], type[Any]], kind: object, itemsize: object
    ) -> np.dtype[Any]:
        """The numpy type of what `get_var_type` and `get_var_itemsize` said, if ngen knows it."""
        if not isinstance(kind, str) or not isinstance(itemsize, int) or (kind, itemsize) not in known:
            allowed = ", ".join(sorted({f"{k} ({size})" for k, size in known}))
            raise self.judge.abort(
                "§3", f"{name} has type {kind!r} of {itemsize!r} bytes; ngen knows {allowed}"
            )
        return np.dtype(known[kind, itemsize])

    def units(self, name: str) -> str:
        units = self.call("get_var_units", name)
        if not isinstance(units, str):
            raise self.judge.abort("§4", f"get_var_units({name}) must be text, not {units!r}")
        return units

    def input_slot(self, name: str) -> Slot:
        """An input as it is asked about before every step."""
        itemsize, units = self.call("get_var_itemsize", name), self.units(name)
        kind, nbytes = self.call("get_var_type", name), self.call("get_var_nbytes", name)
        return self._slot(name, units, self.dtype(name, INPUT_TYPES, kind, itemsize), nbytes)

    def parameter_slot(self, name: str, known: Mapping[tuple[str, int], type[Any]] = INPUT_TYPES) -> Slot:
        """A variable as it is asked about before it is set outside a step."""
        itemsize, nbytes = self.call("get_var_itemsize", name), self.call("get_var_nbytes", name)
        return self._slot(
            name, "", self.dtype(name, known, self.call("get_var_type", name), itemsize), nbytes
        )

    def _slot(self, name: str, units: str, dtype: np.dtype[Any], nbytes: int) -> Slot:
        length, rest = divmod(nbytes, dtype.itemsize)
        if not isinstance(nbytes, int) or nbytes <= 0 or rest:
            self.judge.misread(
                "§3",
                f"{name} has {nbytes!r} bytes of {dtype.itemsize} each: ngen would send {length} values for ever",
            )
        return Slot(units, dtype, length)

    # Values

    def set(self, name: str, values: ArrayLike, slot: Slot) -> None:
        """`set_value` with a 1-D array of the slot's type and length."""
        array = np.atleast_1d(np.asarray(values)).astype(slot.dtype)
        if array.ndim != 1 or len(array) != slot.length:
            self.judge.misread("§8", f"{name} takes {slot.length} values and was given {array.size}")
        self.call("set_value", name, np.ascontiguousarray(array))

    def read(self, name: str) -> float:
        """`get_value_at_indices` of the first value."""
        kind, itemsize = self.call("get_var_type", name), self.call("get_var_itemsize", name)
        dtype = self.dtype(name, OUTPUT_TYPES, kind, itemsize)
        untouched = np.iinfo(dtype).min if dtype.kind == "i" else _UNTOUCHED
        dest = np.full(1, untouched, dtype)
        before = dest.copy()
        self.call("get_value_at_indices", name, dest, np.zeros(1, np.int32))
        if dest[0] == before[0]:
            self.judge.misread(
                "§2", f"get_value_at_indices({name}) wrote nothing into the array it was given"
            )
        return float(dest[0])

    def pointer(self, name: str) -> NDArray[Any]:
        """A copy of what `get_value_ptr` points to."""
        array = self.call("get_value_ptr", name)
        if not isinstance(array, np.ndarray) or array.ndim != 1:
            raise self.judge.abort("§3", f"get_value_ptr({name}) must be a 1-D numpy array, not {array!r}")
        return array.copy()
