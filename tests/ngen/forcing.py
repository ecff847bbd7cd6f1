"""Hourly weather of a catchment as ngen provides it (§6)."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import netCDF4
import numpy as np
from numpy.typing import NDArray

from tests.ngen.rules import LAYER_STEP, Judge

Float = NDArray[np.float64]

_PRECIPITATION_RATE = ("atmosphere_water__liquid_equivalent_precipitation_rate", "mm s^-1")
_TEMPERATURE = ("land_surface_air__temperature", "K")
_HUMIDITY = ("atmosphere_air_water~vapor__relative_saturation", "kg kg-1")
_PRESSURE = ("land_surface_air__pressure", "Pa")
_SHORTWAVE = ("land_surface_radiation~incoming~shortwave__energy_flux", "W m-2")
_LONGWAVE = ("land_surface_radiation~incoming~longwave__energy_flux", "W m-2")
_WIND_X = ("land_surface_wind__x_component_of_velocity", "m s-1")
_WIND_Y = ("land_surface_wind__y_component_of_velocity", "m s-1")
WELL_KNOWN = {
    "APCP_surface": ("atmosphere_water__rainfall_volume_flux", "kg m^-2"),
    "precip_rate": _PRECIPITATION_RATE, "RAINRATE": _PRECIPITATION_RATE,
    "TMP_2maboveground": _TEMPERATURE, "T2D": _TEMPERATURE,
    "SPFH_2maboveground": _HUMIDITY, "Q2D": _HUMIDITY,
    "PRES_surface": _PRESSURE, "PSFC": _PRESSURE,
    "DSWRF_surface": _SHORTWAVE, "SWDOWN": _SHORTWAVE,
    "DLWRF_surface": _LONGWAVE, "LWDOWN": _LONGWAVE,
    "UGRD_10maboveground": _WIND_X, "U2D": _WIND_X,
    "VGRD_10maboveground": _WIND_Y, "V2D": _WIND_Y,
}  # fmt: skip
"""Column → the CSDMS name by which it may also be asked for, and its unit unless the file says another."""


class Series(NamedTuple):
    """One variable, one value an hour from the start of the simulation."""

    unit: str
    values: Float


class Forcing:
    """All variables of a catchment by every name they may be asked for."""

    def __init__(self, columns: Mapping[str, Series], start: dt.datetime, source: str) -> None:
        self._start, self._source = start, source
        self.series: dict[str, Series] = {}
        for name, column in columns.items():
            csdms, unit = WELL_KNOWN.get(name, (name, ""))
            self.series[name] = self.series[csdms] = Series(column.unit or unit, column.values)

    def value(self, name: str, time: dt.datetime) -> float:
        """The value of the hour that begins at `time`."""
        hour = (time - self._start) / dt.timedelta(seconds=LAYER_STEP)
        series = self.series[name]
        if not 0 <= hour < len(series.values) or hour % 1:
            raise Judge.abort(
                "§6",
                f"{self._source} has {len(series.values)} h from {self._start}; {name} was asked for at {time}",
            )
        return float(series.values[int(hour)])


def read_csv(path: Path, start: dt.datetime, judge: Judge) -> Forcing:
    """A file of one catchment: `time` and one column for each variable, `name` or `name [unit]`.

    After the first row that is used, ngen counts rows and does not look at their time.
    """
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, skipinitialspace=True)
    times = [dt.datetime.fromisoformat(row[0]) for row in rows]
    first = next((k for k, time in enumerate(times) if time >= start), len(times))
    if first == len(times) or times[first] != start:
        raise judge.abort("§6", f"{path} does not reach back to {start}")
    for k, time in enumerate(times[first:]):
        expected = start + k * dt.timedelta(seconds=LAYER_STEP)
        if time != expected:
            judge.misread("§6", f"{path}: row {first + k + 1} is of {time} and would be taken for {expected}")
            break
    columns = {}
    for k, text in enumerate(header[1:], 1):
        name, unit = re.fullmatch(r"([^\[(]+?)\s*(?:[\[(](.*)[\])])?", text.strip()).groups()  # type: ignore[union-attr]
        try:
            columns[name] = Series(unit or "", np.array([float(row[k]) for row in rows[first:]]))
        except (IndexError, ValueError) as error:
            raise judge.abort("§6", f"{path}: column {name} has a cell that is no number: {error}") from None
    return Forcing(columns, start, str(path))


def csv_file(folder: Path, pattern: str, catchment: str) -> Path:
    """The one file in `folder` whose whole name matches `pattern`, a regular expression with {{id}} in it."""
    expression = re.compile(pattern.replace("{{id}}", re.escape(catchment)))
    found = [path for path in sorted(folder.iterdir()) if expression.fullmatch(path.name)]
    if len(found) != 1:
        raise Judge.abort("§6", f"{len(found)} files in {folder} match {expression.pattern}")
    return found[0]


def read_netcdf(path: Path, catchment: str, start: dt.datetime) -> Forcing:
    """The rows of one catchment in a file of all: `ids`, `Time` and variables, each (catchment-id, time)."""
    per_second = {"ns": 1e9, "us": 1e6, "ms": 1e3}
    with netCDF4.Dataset(path) as data:
        data.set_auto_mask(False)
        ids = list(data["ids"][:])
        if catchment not in ids:
            raise Judge.abort("§6", f"{path} has no {catchment} among its ids")
        row = ids.index(catchment)
        times = data["Time"][row] / per_second.get(getattr(data["Time"], "units", "s"), 1.0)
        hours = (times - start.replace(tzinfo=dt.UTC).timestamp()) / LAYER_STEP
        first = int(np.searchsorted(hours, 0.0))
        if first == len(hours) or not np.array_equal(hours[first:], np.arange(len(hours) - first)):
            raise Judge.abort("§6", f"{path}: the times of {catchment} are no consecutive hours from {start}")
        columns = {
            name: Series(getattr(variable, "units", ""), variable[row, first:].astype(np.float64))
            for name, variable in data.variables.items()
            if name not in ("ids", "Time") and variable.dimensions == ("catchment-id", "time")
        }
    return Forcing(columns, start, str(path))
