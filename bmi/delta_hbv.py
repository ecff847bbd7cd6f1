"""`DeltaHbv`: a trained δ-HBV behind the CSDMS Basic Model Interface.

Hourly, as NextGen runs it, the hours of a day are gathered, the daily core runs at the day's end,
and the day's water is given out evenly over the next day: outputs lag the weather by one day.
Daily, a step's output is that same day's. Dates come from the state, or for a new start from the
configuration, never from the BMI clock, which begins at 0 after a restore too.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmi import start
from bmi.configuration import BmiConfig, attribute_columns, latitudes
from bmi.grid import GRID, CatchmentGrid
from bmi.inputs import EP, INPUTS, T_MAX, T_MIN, Inputs, P, T
from bmi.serialization import RESET_TIME, Serialization
from bmi.stream import Stream
from bmi.variables import OUTPUTS, ROW, unit_of
from dhbv import configuration, model_directory
from dhbv.attributes import LATITUDE
from dhbv.errors import DhbvError, ModelDirectoryError
from dhbv.model_directory import MANIFEST, ModelDirectory
from dhbv.physics.parameters import PARAMETERS
from dhbv.runtime import SETTABLE, Runtime, check_parameter

DAY = 86400


@functools.lru_cache(maxsize=8)
def _load(path: str, modified: int) -> ModelDirectory:
    """A model directory, read once for all instances in a process."""
    return model_directory.load(Path(path))


class DeltaHbv(CatchmentGrid):
    """δ-HBV over one catchment, or several at once as a vector grid.

    Values are float64 arrays of one element per catchment, fixed for the life of the component
    and updated in place.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, NDArray[Any]] = {}

    # Control

    def initialize(self, config_file: str) -> None:
        """Read the configuration.

        The model starts at the first update or get of what it computes, because a framework sets
        attributes, parameters or a whole state after this.

        Raises:
            ConfigurationError, ModelDirectoryError: with the file and the remedy in the message.
        """
        self._arrays = {}  # nothing of an earlier run is left where this fails
        path = Path(config_file).absolute()
        config = configuration.load(path, BmiConfig)
        self._path, self._config = path, config
        self._model = _load_model(config, path)
        self._columns = attribute_columns(config, path)
        if config.pet == "hargreaves" and LATITUDE in self._columns:
            self._latitudes()  # a wrong one is told at once; a missing one may still be set
        self._names, self._roles = _inputs_of(config)
        usual = self._model.statistics.forcing_mean[1]
        hours = config.time_step // 3600
        self._inputs = Inputs(self._names, config.catchments, config.inputs, usual, str(path), hours)
        self._stream = Stream(config, self._inputs)
        self._serialization = Serialization(self._save, self._restore)
        self._parameters: dict[str, list[float]] = {}
        self._stores: dict[str, NDArray[np.float64]] = {}
        self._time = 0.0
        self._arrays = dict(zip(self._names, self._inputs.values, strict=True))
        self._arrays |= self._stream.outputs | self._stream.ledger.arrays | {RESET_TIME: np.zeros(1)}

    def update(self) -> None:
        """One step, hourly or daily as configured, with the inputs as they were set.

        Raises:
            DhbvError: if the weather is refused by the configured policy; nothing has changed then.
        """
        self._start()
        weather = self._inputs.take(self._stream.now)
        p, tmin, tmax = self._roles
        ep = weather[-1] if self._config.pet == "input" else None
        self._stream.advance(weather[p], weather[tmin], weather[tmax], ep)
        self._time += self._config.time_step

    def update_until(self, time: float) -> None:
        """Steps until `time` (s); inputs stay as they were set.

        Raises:
            DhbvError: if `time` has passed or is no whole number of steps away.
        """
        self._initialized()
        steps = (time - self._time) / self._config.time_step
        if not (steps >= 0 and steps.is_integer()):
            raise DhbvError(
                f"cannot update until {time} s from {self._time} s: it must be a whole number of "
                f"{self._config.time_step} s steps ahead"
            )
        for n in range(int(steps)):
            if n:
                self._inputs.repeat()
            self.update()

    def finalize(self) -> None:
        """Let everything go; may be called again, and never fails."""
        self._arrays = {}

    @property
    def _size(self) -> int:
        self._initialized()
        return len(self._config.catchments)

    def _initialized(self) -> None:
        if not self._arrays:
            raise DhbvError("there is nothing before initialize and after finalize: initialize first")

    def _start(self) -> Runtime:
        """The running model, started if it does not run yet."""
        self._initialized()
        if self._stream.runtime is None:
            source = functools.partial(start.first_state, self._config, self._path.parent)
            self._stream.begin(*self._open(), source, self._stores)
        assert self._stream.runtime is not None
        return self._stream.runtime

    def _open(self) -> tuple[Runtime, NDArray[np.float64] | None]:
        """A runtime of the attributes and parameters as they are now, and the latitudes for Hargreaves."""
        config = self._config
        runtime = Runtime(
            self._model, config.catchments, self._columns,
            parameters=self._parameters, hillslope_routing=config.hillslope_routing,
        )  # fmt: skip
        return runtime, self._latitudes() if config.pet == "hargreaves" else None

    def _latitudes(self) -> NDArray[np.float64]:
        return latitudes(self._config, self._path, self._columns)

    def _save(self) -> bytes:
        self._start()
        return self._stream.save()

    def _restore(self, data: bytes) -> None:
        self._initialized()
        self._stream.restore(data, *self._open(), elapsed=np.timedelta64(int(self._time) // 3600, "h"))

    # Variables

    def get_component_name(self) -> str:
        return "delta-hbv"

    def get_input_item_count(self) -> int:
        return len(self.get_input_var_names())

    def get_output_item_count(self) -> int:
        return len(OUTPUTS)

    def get_input_var_names(self) -> tuple[str, ...]:  # type: ignore[override]
        self._initialized()
        return self._names

    def get_output_var_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return OUTPUTS

    def get_var_units(self, name: str) -> str:
        self._array(name)
        if name in self._names:
            return INPUTS[name].unit
        if name in self._stream.ledger.arrays:
            return "mm"
        if name == RESET_TIME:
            return "s"
        return self._serialization.units[name] if name in self._serialization.units else unit_of(name)

    def get_var_type(self, name: str) -> str:
        return self._array(name).dtype.name

    def get_var_itemsize(self, name: str) -> int:
        return self._array(name).itemsize

    def get_var_nbytes(self, name: str) -> int:
        return self._array(name).nbytes

    def get_var_location(self, name: str) -> str:
        self._array(name)
        return "node"

    def get_var_grid(self, name: str) -> int:
        self._array(name)
        return GRID

    def get_value_ptr(self, name: str) -> NDArray[Any]:
        """The array itself [catchment]; it stays the same and changes with the model."""
        array = self._current(name)
        if name in self._names:
            self._inputs.was_pointed_to(name)
        return array

    def get_value(self, name: str, dest: NDArray[Any]) -> NDArray[Any]:
        dest[:] = self._current(name)
        return dest

    def get_value_at_indices(self, name: str, dest: NDArray[Any], inds: NDArray[np.int_]) -> NDArray[Any]:
        dest[:] = self._current(name)[inds]
        return dest

    def set_value(self, name: str, src: NDArray[Any]) -> None:
        """Set an input, a store, before the first update an attribute or parameter, or a state to restore.

        Raises:
            DhbvError: if the variable cannot be set, or not to this.
        """
        self._initialized()
        if name in self._names:
            try:
                self._arrays[name][:] = src
            except ValueError:
                raise self._wrong_size(name, src) from None
            self._inputs.was_set(name)
        elif name in self._serialization.units:
            self._serialization.set(name, np.asarray(src))
        else:
            given = np.asarray(src, np.float64).reshape(-1)
            if given.size not in (1, self._size):
                raise self._wrong_size(name, given)
            self._set(name, np.broadcast_to(given, self._size))

    def set_value_at_indices(self, name: str, inds: NDArray[np.int_], src: NDArray[Any]) -> None:
        self._initialized()
        if name in self._names:
            self._arrays[name][inds] = src
            self._inputs.was_set(name, inds)
            return
        if name in PARAMETERS or name in self._attribute_names():
            values, given = np.empty(self._size), np.zeros(self._size, bool)
            given[inds] = True
            if not given.all():
                raise DhbvError(f"{name} is set for all {self._size} catchments at once: use set_value")
        else:
            values = self._current(name).copy()
        values[inds] = src
        self.set_value(name, values)

    def _wrong_size(self, name: str, src: Any) -> DhbvError:
        return DhbvError(
            f"{name} takes one number for each of {self._size} catchments, or one for all, not {np.size(src)}"
        )

    def _array(self, name: str) -> NDArray[Any]:
        """The array behind a name, as it is."""
        if name in self._arrays:
            return self._arrays[name]
        self._initialized()
        if name in self._serialization.units:
            return self._serialization.array(name)
        if name in PARAMETERS or name in self._attribute_names():
            return self._arrays.setdefault(name, np.full(self._size, np.nan))
        raise DhbvError(f"no variable {name!r}; there are: {', '.join(self._arrays)}")

    def _current(self, name: str) -> NDArray[Any]:
        """The array behind a name, filled: what the model computes starts it."""
        array = self._array(name)
        if name in OUTPUTS:
            self._start()
        elif name in PARAMETERS:
            array[:] = self._start().parameter(name)
        elif name in self._columns:
            array[:] = [v if isinstance(v, float | int) else np.nan for v in self._columns[name]]
        return array

    def _attribute_names(self) -> tuple[str, ...]:
        return (*(a.name for a in self._model.statistics.attributes), LATITUDE)

    def _set(self, name: str, values: NDArray[np.float64]) -> None:
        """What is neither input nor protocol."""
        store = ROW[name].name if name in ROW else ""
        if store in SETTABLE:
            if self._stream.runtime is None:
                # Setting it now would start the model, and attributes may still come.
                self._stores[store] = values.copy()
            else:
                self._stream.set_store(store, values)
        elif name == RESET_TIME:
            self._stream.go_back()
            self._time = 0.0
        elif name in PARAMETERS or name in self._attribute_names():
            self._set_static(name, values)
        else:
            self._array(name)
            stores = ", ".join(n for n, row in ROW.items() if row.name in SETTABLE)
            raise DhbvError(
                f"{name!r} cannot be set; what can: inputs ({', '.join(self._names)}), stores ({stores}), and before "
                "the first update the attributes and parameters of the model"
            )

    def _set_static(self, name: str, values: NDArray[np.float64]) -> None:
        if self._stream.runtime is not None:
            raise DhbvError(
                f"{name} is static and the model has started: set it between initialize and the first update or get"
            )
        if name in PARAMETERS:
            check_parameter(self._model.config.model.form, name, self._config.catchments, values.tolist())
            self._parameters[name] = values.tolist()
        else:
            text = next(
                (a for a in self._model.statistics.attributes if a.name == name and a.categories), None
            )
            if text is not None:
                raise DhbvError(
                    f"{name} is a class ({', '.join(text.categories[:3])}, …) and no number: give it in {self._path}"
                )
            self._columns = self._columns | {name: values.tolist()}

    # Time

    def get_start_time(self) -> float:
        return 0.0

    def get_current_time(self) -> float:
        self._initialized()
        return self._time

    def get_end_time(self) -> float:
        return float(np.finfo(np.float64).max)

    def get_time_step(self) -> float:
        self._initialized()
        return float(self._config.time_step)

    def get_time_units(self) -> str:
        return "s"


def _inputs_of(config: BmiConfig) -> tuple[tuple[str, ...], tuple[int, int, int]]:
    """The names of the inputs, and the positions of P and of the lowest and highest temperature among them."""
    daily_range = config.time_step == DAY and config.pet == "hargreaves"
    names, roles = ((P, T_MIN, T_MAX), (0, 1, 2)) if daily_range else ((P, T), (0, 1, 1))
    return ((*names, EP) if config.pet == "input" else names), roles


def _load_model(config: BmiConfig, path: Path) -> ModelDirectory:
    """The configured model; a directory that was replaced is read anew."""
    folder = Path(os.path.realpath(path.parent / config.model))
    manifest = folder / MANIFEST
    try:
        return _load(str(folder), manifest.stat().st_mtime_ns if manifest.is_file() else 0)
    except ModelDirectoryError as error:
        raise ModelDirectoryError(f"{path}: model: {error}") from None
