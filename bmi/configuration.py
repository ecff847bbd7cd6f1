"""What `DeltaHbv.initialize` reads: one YAML file; paths in it are relative to it."""

from __future__ import annotations

import csv
import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from dhbv.attributes import LATITUDE
from dhbv.configuration import Natural, Section, in_unit
from dhbv.errors import ConfigurationError

Value = float | str | None
Policy = Literal["hold", "fill", "refuse"]


class InputsConfig(Section, frozen=True):
    """What is done with weather that cannot be true. Each replaced value is counted and flagged.

    `hold` repeats the catchment's last good value (for `hold_hours`, rain for 3 hours at most, then fills),
    `fill` takes no rain, no evaporation and the last day's temperature, `refuse` stops with an error.
    """

    missing: Policy = "hold"
    """NaN, infinite, or a value no weather has, such as the fill value -9999, or a lowest temperature of the day
    above its highest."""
    negative: Policy = "fill"
    """Precipitation or potential evaporation below 0."""
    kelvin: Literal["convert", "hold", "fill", "refuse"] = "convert"
    """A temperature that can only be in kelvin; `convert` takes 273.15 off."""
    unset: Policy = "hold"
    """An update before which an input was not set."""
    hold_hours: Annotated[Natural, in_unit("hours")] = 24
    """The longest hold; of rain 3 hours, since a shower does not last."""


class BmiConfig(Section, frozen=True):
    """A component's configuration."""

    model: str
    """Model directory."""
    catchments: tuple[str, ...]
    """Their ids; the order of every array."""
    attributes: str | dict[str, Value | tuple[Value, ...]]
    """A CSV table with the catchments' ids in its first column, or the values themselves: one for a
    single catchment, a list for several."""
    start_time: dt.datetime
    """The UTC time of BMI time 0, a whole hour: 2015-12-01 00:00:00."""
    time_step: Annotated[Literal[3600, 86400], in_unit("seconds")] = 3600
    """Seconds. Hourly gathers 24 hours to a day and gives the day's water out over the next day;
    daily takes and gives whole days."""
    utc_offset: Annotated[int, msgspec.Meta(ge=-12, le=14), in_unit("hours")] = 0
    """Hours by which local time, whose midnight divides the days, is ahead of UTC."""
    pet: Literal["hargreaves", "input"] = "hargreaves"
    """Potential evaporation from the day's temperatures, or given as an input."""
    hillslope_routing: bool = True
    """Whether runoff passes the learned unit hydrograph. Off where a river network routes it on,
    because the hydrograph was trained to gauges and holds their channels too."""
    state: str | None = None
    """A file of a saved state, of these catchments or more, valid at `start_time`."""
    spin_up: str | None = None
    """A forcing history that ends where the run starts, to fill the stores where no state is given:
    NetCDF of daily or NextGen hourly weather, or a folder of NextGen CSV files."""
    max_gap: Annotated[Natural, in_unit("days")] = 31
    """Days by which the state (or the end of the history) may miss `start_time`; the run is then flagged."""
    inputs: InputsConfig = InputsConfig()

    def __post_init__(self) -> None:
        if not self.catchments or len(set(self.catchments)) < len(self.catchments):
            raise ValueError("catchments must be a list of at least one id, each once")
        time = self.start_time
        if time.utcoffset() or (time.minute, time.second, time.microsecond) != (0, 0, 0):
            raise ValueError(f"start_time must be a whole hour of UTC, not {time}")
        if self.time_step == 86400 and (time.hour + self.utc_offset) % 24:
            raise ValueError(
                f"a daily run starts where a day does; {time} is no midnight of {self.utc_offset:+d} h"
            )
        if self.state is not None and self.spin_up is not None:
            raise ValueError("state and spin_up both say how to start: leave one out")

    @property
    def begins(self) -> np.datetime64:
        """`start_time` as numpy has it: UTC that does not say so."""
        return np.datetime64(self.start_time.replace(tzinfo=None), "h")


def attribute_columns(config: BmiConfig, path: Path) -> dict[str, Sequence[Value]]:
    """Columns of attribute values by name, one value for each catchment in order.

    Args:
        config: read from the file `path`.

    Raises:
        ConfigurationError: if the table cannot be read, lacks a catchment, or a list has another length.
    """
    if isinstance(config.attributes, str):
        rows = _read_table(path.parent / config.attributes, config.catchments)
        return {name: [row[name] for row in rows] for name in rows[0]}
    columns: dict[str, Sequence[Value]] = {}
    for name, value in config.attributes.items():
        values = value if isinstance(value, tuple) else (value,)
        if len(values) != len(config.catchments):
            raise ConfigurationError(
                f"{path}: attributes.{name}: {len(values)} values for {len(config.catchments)} catchments: "
                "give one for each"
            )
        columns[name] = values
    return columns


def latitudes(config: BmiConfig, path: Path, columns: Mapping[str, Sequence[Value]]) -> NDArray[np.float64]:
    """Degrees north of each catchment.

    Args:
        config: read from the file `path`.
        columns: what `attribute_columns` gave.

    Raises:
        ConfigurationError: if there is none, or one is no latitude.
    """
    source = path.parent / config.attributes if isinstance(config.attributes, str) else path
    if LATITUDE not in columns:
        raise ConfigurationError(
            f"{source}: no attribute {LATITUDE} (degrees north), which Hargreaves needs: add it, or set pet: input"
        )
    for catchment, value in zip(config.catchments, columns[LATITUDE], strict=True):
        if not isinstance(value, float) or not abs(value) <= 90.0:
            raise ConfigurationError(
                f"{source}: {LATITUDE} of catchment {catchment} is {value!r}, no latitude in degrees north: "
                "correct it, or set pet: input"
            )
    return np.array(columns[LATITUDE], dtype=np.float64)


def _read_table(path: Path, catchments: Sequence[str]) -> list[Mapping[str, Value]]:
    try:
        header, found = _table(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigurationError(f"cannot read the attribute table {path}: {error}") from error
    absent = [c for c in catchments if c not in found]
    if absent:
        raise ConfigurationError(
            f"the attribute table {path} has no row for catchment {', '.join(absent[:5])}: "
            f"its first column ({header[0]}) must hold the catchments' ids"
        )
    for c in catchments:
        if len(found[c]) != len(header) - 1:
            raise ConfigurationError(
                f"the attribute table {path} has {len(found[c]) + 1} cells for catchment {c} and {len(header)} "
                "columns: leave missing values empty, and quote text that holds a comma"
            )
    return [dict(zip(header[1:], map(_value, found[c]), strict=True)) for c in catchments]


@functools.lru_cache(maxsize=2)
def _table(path: Path, modified: int) -> tuple[list[str], dict[str, list[str]]]:
    """Header and rows by catchment, read once for all the instances that take theirs from it."""
    with path.open(newline="", encoding="utf-8") as file:
        header, *body = csv.reader(file)
    return header, {row[0]: row[1:] for row in body if row}


def _value(text: str) -> Value:
    """A table cell: a number, a category, or None where it is empty."""
    text = text.strip()
    if text in ("", "NA", "NaN", "nan"):
        return None
    try:
        return float(text)
    except ValueError:
        return text
