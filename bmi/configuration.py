"""What `DeltaHbv.initialize` reads: one YAML file; paths in it are relative to it."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dhbv.configuration import Section
from dhbv.errors import ConfigurationError

Value = float | str | None

LATITUDE = "gauge_lat"
"""The attribute that holds degrees north, as Hargreaves needs it."""


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
    """The calendar time of BMI time 0, at the beginning of a UTC day: 2015-12-01 00:00:00."""
    time_step: Literal[3600, 86400] = 3600
    """Seconds. Hourly gathers 24 hours to a day and gives the day's water out over the next day;
    daily takes and gives whole days."""
    pet: Literal["hargreaves", "input"] = "hargreaves"
    """Potential evaporation from the day's temperatures, or given as an input."""
    state: str | None = None
    """A file of a saved state, valid at `start_time`; none starts with nearly empty stores."""

    def __post_init__(self) -> None:
        if not self.catchments or len(set(self.catchments)) < len(self.catchments):
            raise ValueError("catchments must be a list of at least one id, each once")
        if self.start_time.time() != dt.time(0) or self.start_time.utcoffset():
            raise ValueError(f"start_time must be the beginning of a UTC day, not {self.start_time}")


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
        with path.open(newline="", encoding="utf-8") as file:
            header, *body = csv.reader(file)
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigurationError(f"cannot read the attribute table {path}: {error}") from error
    found = {row[0]: row[1:] for row in body if row}
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


def _value(text: str) -> Value:
    """A table cell: a number, a category, or None where it is empty."""
    text = text.strip()
    if text in ("", "NA", "NaN", "nan"):
        return None
    try:
        return float(text)
    except ValueError:
        return text
