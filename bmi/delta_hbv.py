"""`DeltaHbv`: a trained δ-HBV behind the CSDMS Basic Model Interface.

Hourly, as NextGen runs it, the 24 hours of a UTC day are gathered, the daily core runs at the
day's end, and the day's water is given out evenly over the next day: outputs lag the weather by
one day, and the first day gives none. Daily, a step's output is that same day's.
"""

from __future__ import annotations

import functools
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
from bmipy import Bmi
from numpy.typing import NDArray

from bmi.configuration import BmiConfig, attribute_columns, latitudes
from bmi.day import Day
from dhbv import configuration, model_directory
from dhbv.errors import ConfigurationError, DhbvError, ModelDirectoryError, StateError
from dhbv.model_directory import ModelDirectory
from dhbv.physics.variables import VARIABLES
from dhbv.runtime import Runtime
from dhbv.state import State

RUNOFF_DEPTH = "land_surface_water__runoff_depth"
"""The main output, m over the step just made."""
P = "atmosphere_water__liquid_equivalent_precipitation_rate"
T = "land_surface_air__temperature"
T_MIN = "land_surface_air__time_min_of_temperature"
T_MAX = "land_surface_air__time_max_of_temperature"
EP = "water_potential_evaporation_flux"
INPUT_UNITS = {P: "mm h-1", T: "degC", T_MIN: "degC", T_MAX: "degC", EP: "mm h-1"}
DAY = 86400
GRID = 0

_ROW = {v.bmi_name: v for v in VARIABLES.values()}
_log = logging.getLogger("bmi")


@functools.lru_cache(maxsize=8)
def _load(path: str) -> ModelDirectory:
    """A model directory, read once for all instances in a process."""
    return model_directory.load(Path(path))


class DeltaHbv(Bmi):
    """δ-HBV over one catchment, or several at once as a vector grid.

    Values are float64 arrays of one element per catchment, fixed for the life of the component
    and updated in place.
    """

    def __init__(self) -> None:
        self._values: dict[str, NDArray[np.float64]] = {}

    # Control

    def initialize(self, config_file: str) -> None:
        """Read the configuration; the model starts at the first update.

        Raises:
            ConfigurationError, ModelDirectoryError: with the file and the remedy in the message.
        """
        path = Path(config_file).absolute()
        config = configuration.load(path, BmiConfig)
        try:
            self._model = _load(os.path.realpath(path.parent / config.model))
        except ModelDirectoryError as error:
            raise ModelDirectoryError(f"{path}: model: {error}") from None
        self._config, self._folder = config, path.parent
        self._attributes = attribute_columns(config, path)
        hargreaves = config.pet == "hargreaves"
        self._latitude = latitudes(config, path, self._attributes) if hargreaves else None
        size = len(config.catchments)
        self._time = 0.0
        self._day, self._share = Day(size), np.zeros(size)
        self._runtime: Runtime | None = None
        self._state: State | None = None
        self._inputs = self._input_names()
        self._values = {name: np.zeros(size) for name in (*self._inputs, RUNOFF_DEPTH, *_ROW)}

    def update(self) -> None:
        """One step, hourly or daily as configured, with the inputs as they were set."""
        runtime, state = self._started()
        config, v = self._config, self._values
        if config.time_step == DAY and config.pet == "hargreaves":
            tmin, tmax = v[T_MIN], v[T_MAX]
        else:
            tmin = tmax = v[T]
        ep = v[EP] if config.pet == "input" else np.zeros_like(tmin)
        v[RUNOFF_DEPTH][:] = self._share
        self._day.add(config.time_step / 3600, v[P], tmin, tmax, ep)
        self._time += config.time_step
        if self._time % DAY:
            return
        day_of_year = state.time.astype("datetime64[D]") - state.time.astype("datetime64[Y]")
        forcing = self._day.forcing(self._latitude, int(day_of_year.astype(int)) + 1)
        self._day = Day(len(config.catchments))
        self._state, outputs = runtime.step(state, forcing)
        for row in _ROW.values():
            v[row.bmi_name][:] = outputs[row.name]
        self._share = np.asarray(outputs["runoff"], np.float64) * (config.time_step / DAY / 1000.0)
        if config.time_step == DAY:
            v[RUNOFF_DEPTH][:] = self._share

    def update_until(self, time: float) -> None:
        """Steps until `time` (s); inputs stay as they were set.

        Raises:
            DhbvError: if `time` has passed or is no whole number of steps away.
        """
        steps = (time - self._time) / self._config.time_step
        if not (steps >= 0 and steps.is_integer()):
            raise DhbvError(
                f"cannot update until {time} s from {self._time} s: it must be a whole number of "
                f"{self._config.time_step} s steps ahead"
            )
        for _ in range(int(steps)):
            self.update()

    def finalize(self) -> None:
        """Let everything go; may be called again, and never fails."""
        self._values = {}
        self._runtime = self._state = None

    def _started(self) -> tuple[Runtime, State]:
        """The running model; started late, because a framework may set values after `initialize`."""
        if not self._values:
            raise DhbvError(
                "there is nothing to update before initialize and after finalize: initialize first"
            )
        if self._runtime is None or self._state is None:
            config = self._config
            self._runtime = Runtime(self._model, config.catchments, self._attributes)
            self._state = self._first_state(self._runtime)
        return self._runtime, self._state

    def _first_state(self, runtime: Runtime) -> State:
        config, start = self._config, np.datetime64(self._config.start_time.date(), "D")
        if config.state is None:
            _log.warning(
                "%s: cold start with nearly empty stores at %s; flow is too low for the first months. "
                "Give a saved state as `state` in the configuration",
                ", ".join(config.catchments[:3]), start,
            )  # fmt: skip
            return runtime.cold_state(start)
        path = self._folder / config.state
        state = State.read(path)
        if state.time != start:
            raise ConfigurationError(
                f"the state {path} is valid at {state.time}, the run starts {start}: give a state of that day"
            )
        try:
            runtime.storage(state)  # refuses a state of another model or other catchments
        except StateError as error:
            raise StateError(f"{path}: {error}") from None
        return state

    def _input_names(self) -> tuple[str, ...]:
        daily_range = self._config.time_step == DAY and self._config.pet == "hargreaves"
        names = (P, T_MIN, T_MAX) if daily_range else (P, T)
        return (*names, EP) if self._config.pet == "input" else names

    # Variables

    def get_component_name(self) -> str:
        return "delta-hbv"

    def get_input_item_count(self) -> int:
        return len(self._inputs)

    def get_output_item_count(self) -> int:
        return 1 + len(_ROW)

    def get_input_var_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return self._inputs

    def get_output_var_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (RUNOFF_DEPTH, *_ROW)

    def get_var_units(self, name: str) -> str:
        self._array(name)
        if name == RUNOFF_DEPTH:
            return "m"
        return INPUT_UNITS[name] if name in INPUT_UNITS else _ROW[name].unit

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
        return self._array(name)

    def get_value(self, name: str, dest: NDArray[Any]) -> NDArray[Any]:
        dest[:] = self._array(name)
        return dest

    def get_value_at_indices(self, name: str, dest: NDArray[Any], inds: NDArray[np.int_]) -> NDArray[Any]:
        dest[:] = self._array(name)[inds]
        return dest

    def set_value(self, name: str, src: NDArray[Any]) -> None:
        self._input(name)[:] = src

    def set_value_at_indices(self, name: str, inds: NDArray[np.int_], src: NDArray[Any]) -> None:
        self._input(name)[inds] = src

    def _array(self, name: str) -> NDArray[np.float64]:
        try:
            return self._values[name]
        except KeyError:
            known = ", ".join(self._values) or "none before initialize and after finalize"
            raise DhbvError(f"no variable {name!r}; there are: {known}") from None

    def _input(self, name: str) -> NDArray[np.float64]:
        array = self._array(name)
        if name not in self._inputs:
            raise DhbvError(f"{name!r} is an output and cannot be set; inputs are {', '.join(self._inputs)}")
        return array

    # Time

    def get_start_time(self) -> float:
        return 0.0

    def get_current_time(self) -> float:
        return self._time

    def get_end_time(self) -> float:
        return float(np.finfo(np.float64).max)

    def get_time_step(self) -> float:
        return float(self._config.time_step)

    def get_time_units(self) -> str:
        return "s"

    # Grid: catchments in a row, without geometry

    def get_grid_type(self, grid: int) -> str:
        return "vector" if len(self._config.catchments) > 1 else "scalar"

    def get_grid_rank(self, grid: int) -> int:
        return 1 if len(self._config.catchments) > 1 else 0

    def get_grid_size(self, grid: int) -> int:
        return len(self._config.catchments)

    def get_grid_shape(self, grid: int, shape: NDArray[np.int_]) -> NDArray[np.int_]:
        shape[:] = self.get_grid_size(grid)
        return shape

    def get_grid_spacing(self, grid: int, spacing: NDArray[np.float64]) -> NDArray[np.float64]:
        raise self._no_geometry("spacing")

    def get_grid_origin(self, grid: int, origin: NDArray[np.float64]) -> NDArray[np.float64]:
        raise self._no_geometry("origin")

    def get_grid_x(self, grid: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
        raise self._no_geometry("x")

    def get_grid_y(self, grid: int, y: NDArray[np.float64]) -> NDArray[np.float64]:
        raise self._no_geometry("y")

    def get_grid_z(self, grid: int, z: NDArray[np.float64]) -> NDArray[np.float64]:
        raise self._no_geometry("z")

    def get_grid_node_count(self, grid: int) -> int:
        return self.get_grid_size(grid)

    def get_grid_edge_count(self, grid: int) -> int:
        return 0

    def get_grid_face_count(self, grid: int) -> int:
        return 0

    def get_grid_edge_nodes(self, grid: int, edge_nodes: NDArray[np.int_]) -> NDArray[np.int_]:
        raise self._no_geometry("edges")

    def get_grid_face_edges(self, grid: int, face_edges: NDArray[np.int_]) -> NDArray[np.int_]:
        raise self._no_geometry("faces")

    def get_grid_face_nodes(self, grid: int, face_nodes: NDArray[np.int_]) -> NDArray[np.int_]:
        raise self._no_geometry("faces")

    def get_grid_nodes_per_face(self, grid: int, nodes_per_face: NDArray[np.int_]) -> NDArray[np.int_]:
        raise self._no_geometry("faces")

    def _no_geometry(self, what: str) -> NotImplementedError:
        return NotImplementedError(f"catchments are a list without geometry: there is no grid {what}")
