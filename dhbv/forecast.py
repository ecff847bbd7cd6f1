"""One run of a model over a period: weather in, every flux and store out as CF NetCDF, state kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import DTypeLike

from dhbv import __version__
from dhbv.attributes import LATITUDE, LONGITUDE
from dhbv.configuration import Period
from dhbv.data import model_forcing, schema
from dhbv.data.checks import check_dates
from dhbv.data.schema import basin_ids
from dhbv.data.units import streamflow_to_m3s
from dhbv.errors import DhbvError
from dhbv.files import written_whole
from dhbv.model_directory import ModelDirectory
from dhbv.physics.variables import VARIABLES
from dhbv.physics.water_balance import STORES
from dhbv.runtime import OUTPUTS, Runtime
from dhbv.state import State

DAYS_AT_ONCE = 365
"""Days run between two reports of progress."""

OPENING = "opening_"
"""Begins the names of the stores [basin] at the beginning of the first day, without which no balance closes."""

_PLACES = {
    "area": ("area_gages2", {"units": "km2", "long_name": "area of the basin"}),
    "huc_02": ("huc_02", {"long_name": "two-digit hydrologic unit"}),
}
"""What tells where a basin is and how large, by what it is in a region."""


def run(
    model: ModelDirectory,
    region: xr.Dataset,
    period: Period,
    *,
    state: State | None = None,
    spin_up_days: int = 1095,
    outputs: Sequence[str] = OUTPUTS,
    dtype: DTypeLike = np.float64,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[xr.Dataset, State]:
    """Run `model` over the basins of `region` (dims basin, time) through `period`.

    Args:
        model: the model directory.
        region: weather and attributes in the schema of `dhbv.data`.
        period: the days wanted.
        state: to start from, valid at the period's first day, in any precision; none starts from a spin-up.
        spin_up_days: days before the period that fill the stores, as far as `region` reaches back.
        outputs: names from the variable table.
        dtype: float64 or float32.
        on_progress: called with days done and days in all.

    Returns:
        Outputs (basin, time) in the units of the variable table, with the stores before the first day if all stores
        are among them; and the state after the last day.

    Raises:
        DhbvError: if the region lacks days of the period, its days are not one after another, or the state is of
            another day or model.
    """
    region = region.sel(time=slice(None, str(period.end)))
    first = np.datetime64(period.start, "D")
    days = region["time"].values.astype("datetime64[D]")
    if not len(days) or days[0] > first or days[-1] < np.datetime64(period.end, "D"):
        span = f"{days[0]}..{days[-1]}" if len(days) else "no day of it"
        raise DhbvError(
            f"the data hold {span} of the period {period}: give data that cover it, or a shorter period"
        )
    check_dates(days, "the data")
    begin = int((first - days[0]).astype(int))
    spin_up = 0 if state else min(begin, spin_up_days)
    basins = basin_ids(region)
    runtime = Runtime(model, basins, schema.attribute_columns(region), dtype=dtype, kernel="compiled")
    weather = model_forcing(region.isel(time=slice(begin - spin_up, None)))
    total, done = len(weather), 0
    if state is None:
        past = weather[:spin_up]
        state = runtime.spin_up(past, days[begin - spin_up]) if spin_up else runtime.cold_state(first)
        weather, done = weather[spin_up:], spin_up
        on_progress(done, total)
        start = f"spin-up of {spin_up} days" if spin_up else "cold start: stores nearly empty"
    else:
        state = state.astype(dtype)
        if state.time != first:
            raise DhbvError(
                f"the state is valid at {state.time}, the period starts {first}: start the period at the "
                "state's day, or leave the state out to start from a spin-up"
            )
        start = f"state valid at {state.time}"
    opening = runtime.standing(state) if set(STORES) <= set(outputs) else {}
    parts = []
    for begin in range(0, len(weather), DAYS_AT_ONCE):
        state, part = runtime.run(state, weather[begin : begin + DAYS_AT_ONCE], outputs)
        parts.append(part)
        on_progress(done + begin + len(part[outputs[0]]), total)
    values = {name: np.concatenate([part[name] for part in parts]).T for name in outputs}
    fluxes = _dataset(model, region, days[-len(weather) :], values, start)
    return (_with_books(fluxes, region, opening) if opening else fluxes), state


def _with_books(fluxes: xr.Dataset, region: xr.Dataset, opening: dict[str, np.ndarray]) -> xr.Dataset:
    """`fluxes` with what a water balance needs beside them: the stores before the first day, area and place."""
    for name in STORES:
        description = f"{VARIABLES[name].description} at the beginning of the first day"
        fluxes[OPENING + name] = ("basin", opening[name], {"units": "mm", "long_name": description})
    for name, (attribute, metadata) in _PLACES.items():
        if attribute in region:
            fluxes[name] = ("basin", region[attribute].values, metadata)
    return fluxes


def _dataset(
    model: ModelDirectory, region: xr.Dataset, days: np.ndarray, values: dict[str, np.ndarray], start: str
) -> xr.Dataset:
    """Outputs [basin, time] with the variable table's metadata, discharge in m3 s-1 and provenance."""
    precision = next(iter(values.values())).dtype
    fluxes = xr.Dataset(
        {
            name: (("basin", "time"), value, _metadata(name))
            for name, value in values.items()
        },
        {
            "basin": ("basin", region["basin"].values, {"cf_role": "timeseries_id"}),
            "time": ("time", days.astype("datetime64[ns]"), {"standard_name": "time", "axis": "T"}),
        },
        {
            "Conventions": "CF-1.10",
            "featureType": "timeSeries",
            "title": "delta-hbv run",
            "source": f"delta-hbv {__version__}, variant {model.config.model.variant}",
            "weights_sha256": model.weights_sha256,
            "code_version": __version__,
            "precision": str(precision),
            "start": start,
            "history": f"{dt.datetime.now(dt.UTC):%Y-%m-%dT%H:%M:%SZ} delta-hbv {__version__}",
            "comment": "days are those of the weather, local or UTC; stores are as at the day's end",
        },
    )  # fmt: skip
    for name, coordinate, unit in (
        (LATITUDE, "latitude", "degrees_north"), (LONGITUDE, "longitude", "degrees_east")
    ):  # fmt: skip
        if name in region:
            metadata = {"standard_name": coordinate, "units": unit}
            fluxes.coords[coordinate] = ("basin", region[name].values.astype(np.float64), metadata)
    if "runoff" in fluxes and "area_gages2" in region:
        metadata = {
            "units": "m3 s-1",
            "long_name": "discharge at the outlet",
            "standard_name": "water_volume_transport_in_river_channel",
        }
        flow = streamflow_to_m3s(fluxes["runoff"].values, region["area_gages2"].values[:, None])
        fluxes["streamflow"] = (("basin", "time"), flow, metadata)
    return fluxes


def _metadata(name: str) -> dict[str, str]:
    v = VARIABLES[name]
    metadata = {"units": v.unit, "long_name": v.description}
    metadata["cell_methods"] = "time: point" if v.kind == "store" else "time: mean"
    if v.standard_name:
        metadata["csdms_standard_name"] = v.standard_name
    return metadata


def write(fluxes: xr.Dataset, path: Path) -> None:
    """Write a run as compressed CF NetCDF, float32, times UTC; readers never see half a file."""
    packed = {"dtype": "float32", "zlib": True, "complevel": 4, "_FillValue": np.float32(np.nan)}
    encoding: dict[str, dict[str, object]] = {
        str(name): dict(packed) for name, v in fluxes.data_vars.items() if "time" in v.dims
    }
    first = np.datetime_as_string(fluxes["time"].values[0], unit="D")
    encoding["time"] = {"units": f"days since {first} 00:00:00", "dtype": "int32", "calendar": "standard"}
    with written_whole(path) as draft:
        fluxes.to_netcdf(draft, encoding=encoding)
