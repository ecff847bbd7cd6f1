"""An example of a component downstream of `bmi.DeltaHbv`: its flows, mixed into a stream temperature, hour by hour.

Each source has the temperature of the air over its own memory, and never below freezing: surface runoff that of the day,
interflow of 30 days, baseflow of a year (after SNTEMP, Theurer et al. 1984, in the form of Rahmani et al. 2023, Water Resources
Research 59(12)). The stream is their mean, weighted by flow. That is all: no sun, no exchange with the air on the way, no
channel. It shows how the water inside is pulled, and is a boundary condition at best.
"""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from bmi.grid import GRID, CatchmentGrid
from dhbv import configuration
from dhbv.configuration import Section
from dhbv.errors import DhbvError
from dhbv.physics.hargreaves import mean_temperature
from dhbv.physics.variables import VARIABLES
from dhbv.stream_temperature.air import WINDOWS, running_mean
from dhbv.stream_temperature.sources import SOURCES, raised

Float = NDArray[np.float64]

FLOWS = tuple(v.bmi_name for v in VARIABLES.values() if v.alias in SOURCES)
"""CSDMS names of srflow, ssflow and gwflow."""
AIR = "land_surface_air__temperature"
WATER = "channel_water__temperature"
UNITS = dict.fromkeys(FLOWS, "mm d-1") | {AIR: "degC", WATER: "degC"}
_MEMORY = max(WINDOWS.values())


class StreamTemperatureConfig(Section, frozen=True):
    """What `initialize` reads: one YAML file; paths in it are relative to it."""

    catchments: tuple[str, ...]
    """Those of the `bmi.DeltaHbv` before it, in its order."""
    start_time: dt.datetime
    """Its start_time: the UTC time of BMI time 0."""
    history: str
    """CSV of daily mean air temperature, degC: date, then a column for each catchment. It holds at least the 365 days
    before the local day of the start, because a shorter mean would be of another season."""
    utc_offset: Annotated[int, msgspec.Meta(ge=-12, le=14)] = 0
    """Its utc_offset, hours: the days must end where those of the water do."""


def mix(flows: Float, temperatures: Float) -> Float:
    """Temperature of water from three sources, degC.

    Args:
        flows: srflow, ssflow and gwflow [3, N] in one unit, not all 0.
        temperatures: of the three [3, N], degC.
    """
    mixed: Float = (flows * temperatures).sum(0) / flows.sum(0)
    return mixed


def sources(air: Float) -> Float:
    """Temperatures of the three sources [3, N] after the last day of `air` [N, days], degC; not below 0."""
    means = [running_mean(air[:, -days:], days)[:, -1] for days in (WINDOWS[m] for m in SOURCES.values())]
    return np.maximum(means, 0.0)


class StreamTemperature(CatchmentGrid):
    """Stream temperature of one catchment, or of several as a vector, in hourly steps.

    Like the water, the temperature is of the day before: it goes with the runoff given out in the same hour. It keeps no
    state: to go on from a saved run, give a `history` that ends there.
    """

    def initialize(self, config_file: str) -> None:
        """Read the configuration and the history.

        Raises:
            ConfigurationError, DhbvError: with the file and the remedy in the message.
        """
        path = Path(config_file)
        self._config = configuration.load(path, StreamTemperatureConfig)
        self._clock = self._config.start_time + dt.timedelta(hours=self._config.utc_offset)
        self._air = _history(path.parent / self._config.history, self._config.catchments, self._clock.date())
        self._time = 0.0
        self._values = {name: np.full(self._size, np.nan) for name in UNITS}
        self._hours: list[Float] = []
        self._coming: Float | None = None

    def update(self) -> None:
        """One hour: give out the last whole day's temperature, and take in the hour."""
        if self._coming is None:
            self._coming = self._mixed()
        self._values[WATER][:] = self._coming
        self._hours.append(self._values[AIR].copy())
        self._time += 3600.0
        self._clock += dt.timedelta(hours=1)
        if self._clock.hour == 0:
            # DeltaHbv, which ran before, has ended its day in this very step and shows its flows.
            day = mean_temperature(np.min(self._hours, 0), np.max(self._hours, 0))
            self._air = np.column_stack([self._air[:, 1:], day])
            self._hours.clear()
            self._coming = self._mixed()

    def _mixed(self) -> Float:
        srflow, ssflow, gwflow = (self._values[name] for name in FLOWS)
        return mix(np.stack([srflow, ssflow, raised(srflow, ssflow, gwflow)[0]]), sources(self._air))

    def update_until(self, time: float) -> None:
        while self._time < time:
            self.update()

    def finalize(self) -> None:
        pass

    @property
    def _size(self) -> int:
        return len(self._config.catchments)

    # Variables

    def get_component_name(self) -> str:
        return "stream temperature, an example"

    def get_input_item_count(self) -> int:
        return len(self.get_input_var_names())

    def get_output_item_count(self) -> int:
        return 1

    def get_input_var_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*FLOWS, AIR)

    def get_output_var_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return (WATER,)

    def get_var_units(self, name: str) -> str:
        return UNITS[name]

    def get_var_type(self, name: str) -> str:
        return self._values[name].dtype.name

    def get_var_itemsize(self, name: str) -> int:
        return self._values[name].itemsize

    def get_var_nbytes(self, name: str) -> int:
        return self._values[name].nbytes

    def get_var_location(self, name: str) -> str:
        return "node"

    def get_var_grid(self, name: str) -> int:
        return GRID

    def get_value_ptr(self, name: str) -> NDArray[Any]:
        return self._values[name]

    def get_value(self, name: str, dest: NDArray[Any]) -> NDArray[Any]:
        dest[:] = self._values[name]
        return dest

    def get_value_at_indices(self, name: str, dest: NDArray[Any], inds: NDArray[np.int_]) -> NDArray[Any]:
        dest[:] = self._values[name][inds]
        return dest

    def set_value(self, name: str, src: NDArray[Any]) -> None:
        self._values[name][:] = src

    def set_value_at_indices(self, name: str, inds: NDArray[np.int_], src: NDArray[Any]) -> None:
        self._values[name][inds] = src

    # Time

    def get_start_time(self) -> float:
        return 0.0

    def get_current_time(self) -> float:
        return self._time

    def get_end_time(self) -> float:
        return float(np.finfo(np.float64).max)

    def get_time_step(self) -> float:
        return 3600.0

    def get_time_units(self) -> str:
        return "s"


def _history(path: Path, catchments: tuple[str, ...], start: dt.date) -> Float:
    """Air temperature of the 365 days before `start` [N, 365]."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = {dt.date.fromisoformat(row["date"]): row for row in csv.DictReader(file)}
    days = [start - dt.timedelta(days=n) for n in range(_MEMORY, 0, -1)]
    absent = [day for day in days if day not in rows]
    if absent:
        raise DhbvError(
            f"{path} lacks {len(absent)} of the {_MEMORY} days before {start}, the first of them {absent[0]}: "
            "baseflow follows the mean of a whole year; give it all of them"
        )
    try:
        air = np.array([[float(rows[day][name] or "nan") for day in days] for name in catchments])
    except KeyError as error:
        raise DhbvError(
            f"{path} has no column {error}: it needs one for each of {', '.join(catchments)}"
        ) from None
    if not np.isfinite(air).all():
        raise DhbvError(
            f"{path} holds a temperature that is no number: fill it, or the water has none for a year"
        )
    return air
