"""Faults to plant: what each does to a block of days of a basin, and what the gate should say."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr

from dhbv.data.units import CUBIC_FOOT, streamflow_to_m3s
from dhbv.quality import Finding, Report

Block = tuple[int, int]
"""First and last position in time."""


class Plant(NamedTuple):
    """One planted fault."""

    fault: str
    variables: tuple[str, ...]
    change: Callable[[xr.Dataset, int, slice], None]
    """Damages a Dataset in place, in one basin and some days."""
    severity: str = "quarantine"
    slack: int = 0
    """d by which the dates may be off."""


def _set(name: str, value: float) -> Callable[[xr.Dataset, int, slice], None]:
    def change(ds: xr.Dataset, basin: int, days: slice) -> None:
        ds[name][basin, days] = value

    return change


def _scale(name: str, factor: float, offset: float = 0.0) -> Callable[[xr.Dataset, int, slice], None]:
    def change(ds: xr.Dataset, basin: int, days: slice) -> None:
        ds[name][basin, days] = ds[name][basin, days] * factor + offset

    return change


def kelvin(ds: xr.Dataset, basin: int, days: slice) -> None:
    for name in ("tmin", "tmax"):
        _scale(name, 1.0, 273.15)(ds, basin, days)


def cubic_feet(ds: xr.Dataset, basin: int, days: slice) -> None:
    _scale("streamflow", float(streamflow_to_m3s(1.0, ds["area_gages2"].values[basin])) / CUBIC_FOOT)(
        ds, basin, days
    )


def swap(ds: xr.Dataset, basin: int, days: slice) -> None:
    tmin = ds["tmin"][basin, days].values.copy()
    ds["tmin"][basin, days] = ds["tmax"][basin, days]
    ds["tmax"][basin, days] = tmin


def stuck(ds: xr.Dataset, basin: int, days: slice) -> None:
    ds["streamflow"][basin, days] = float(ds["streamflow"][basin].mean())


def negative_rain(ds: xr.Dataset, basin: int, days: slice) -> None:
    ds["prcp"][basin, days] = -1.0 - ds["prcp"][basin, days]


PLANTS = {
    "x24": Plant("precipitation x24", ("prcp",), _scale("prcp", 24.0), slack=7),
    "kelvin": Plant("kelvin", ("tmin", "tmax"), kelvin),
    "kelvin in tmin": Plant("kelvin", ("tmin",), _scale("tmin", 1.0, 273.15)),
    "ft3 s-1": Plant("discharge for depth", ("streamflow",), cubic_feet, slack=1),
    "stuck": Plant("stuck gauge", ("streamflow",), stuck),
    "-999 flow": Plant("fill value", ("streamflow",), _set("streamflow", -999.0)),
    "-9999 rain": Plant("fill value", ("prcp",), _set("prcp", -9999.0)),
    "-999 tmax": Plant("fill value", ("tmax",), _set("tmax", -999.0)),
    "netCDF fill": Plant("fill value", ("tmin",), _set("tmin", 9.96921e36)),
    "infinite": Plant("infinite", ("prcp",), _set("prcp", np.inf)),
    "negative rain": Plant("negative", ("prcp",), negative_rain),
    "negative flow": Plant("negative", ("streamflow",), _set("streamflow", -0.5)),
    "NaN rain": Plant("missing value", ("prcp",), _set("prcp", np.nan)),
    "NaN flow": Plant("missing value", ("streamflow",), _set("streamflow", np.nan), "warn"),
    "impossible": Plant("impossible", ("tmax",), _set("tmax", 75.0)),
    "cold": Plant("beyond record", ("tmin",), _set("tmin", -85.0)),
}


def block_names(report: Report, severity: str) -> set[tuple[str, str, str]]:
    """Fault, basin and variable of the findings of a severity, but for the gap between known and new data."""
    return {
        (f.fault, f.basin, f.variable)
        for f in report.of(severity)  # type: ignore[arg-type]
        if not (f.fault == "missing days" and severity == "warn")
    }


def only(report: Report, fault: str, variable: str | None = None) -> Finding:
    """The one finding of a fault."""
    (found,) = [f for f in report.findings if f.fault == fault and variable in (None, f.variable)]
    return found
