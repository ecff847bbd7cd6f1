"""A region's flows by source, evaporation, air temperatures and reach geometry in one Dataset."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from dhbv import __version__
from dhbv.data.schema import basin_ids, some
from dhbv.data.selection import IDS_ARE_TEXT, with_nearest
from dhbv.errors import DhbvError
from dhbv.fluxes.names import resolve
from dhbv.fluxes.units import Amount, convert
from dhbv.physics.hargreaves import mean_temperature
from dhbv.stream_temperature.air import WINDOWS, running_mean
from dhbv.stream_temperature.sources import FLOOR, SOURCES, raised
from dhbv.wording import counted

FLUXES = (*SOURCES, "PET", "AET")
"""As downstream models name them; aliases of the variable table."""
ADDED = "added"


def assemble(
    fluxes: xr.Dataset,
    air: xr.DataArray,
    geometry: pd.DataFrame | None = None,
    *,
    floor: float = FLOOR,
    units: str = "mm d-1",
) -> xr.Dataset:
    """What a stream temperature model takes, one reach a basin.

    Args:
        fluxes: srflow, ssflow, gwflow, PET and AET [basin, time], mm d-1, as `dhbv.flux_source.daily` gives them.
        air: daily mean air temperature [basin, time], degC, of the same basins; the more days before the fluxes the
            better: 364 make all means whole.
        geometry: index basin; columns are passed through as they are, their units from `attrs["units"]`.
        floor: least sum of the three flows, mm d-1; what it takes is added to gwflow and told as `added`.
        units: of the three flows and `added`, mm d-1 or with the basins' area m3 s-1.

    Returns:
        Those, T1, T30 and T365 (degC) [basin, time], and the geometry [basin]. A mean that lacks a day is NaN, and
        the attribute `incomplete` counts them, and the days without fluxes.

    Raises:
        DhbvError: if air or geometry lacks basins, a column has the name of a variable, the floor is not above 0, or
            units cannot be had.
    """
    if not (np.isfinite(floor) and floor > 0.0):
        raise DhbvError(f"floor {floor:g}: give a flow above 0 mm d-1, as {FLOOR:g}; models divide by it")
    basins = basin_ids(fluxes)
    _complete(basins, basin_ids(air), "the weather")
    dims = ("basin", "time")
    flow = {name: fluxes[name].transpose(*dims).values.astype(np.float64) for name in FLUXES}
    srflow, ssflow, gwflow = (flow[name] for name in SOURCES)
    flow["gwflow"], flow[ADDED] = raised(srflow, ssflow, gwflow, floor)
    ds = xr.Dataset(coords={name: fluxes[name].variable for name in dims})
    for name in (*SOURCES, ADDED, "PET", "AET"):
        row = resolve("gwflow" if name == ADDED else name).popitem()[1]
        unit = units if name in (*SOURCES, ADDED) else row.unit
        area = fluxes["area"].values.astype(np.float64) if "area" in fluxes.coords else None
        values = convert(Amount(flow[name], flow[name]), row, unit, area, basins)
        told = (
            "in gwflow of no source: what lifts the three flows to the floor"
            if name == ADDED
            else row.description
        )
        ds[name] = (dims, values, {"units": unit, "long_name": told, "cell_methods": "time: mean"})
    means = _means(air.transpose(*dims).sel(basin=basins), fluxes["time"])
    for name, days in WINDOWS.items():
        over = "the day" if days == 1 else f"the day and the {days - 1} before it"
        ds[name] = (dims, means[name], {"units": "degC", "long_name": f"air temperature, mean over {over}"})
    notes = (
        _lacking(ds, FLUXES, "days that the fluxes lack"),
        _lacking(ds, WINDOWS, "days whose means lack a day of weather"),
    )
    if any(notes):
        ds.attrs["incomplete"] = "; ".join(filter(None, notes))
    ds.attrs |= {
        "Conventions": "CF-1.10",
        "title": "inputs of a stream temperature model, from delta-hbv",
        "source": f"delta-hbv {__version__}; {fluxes.attrs.get('source', 'fluxes')}",
        "weights_sha256": fluxes.attrs.get("weights_sha256", ""),
        "floor": f"srflow + ssflow + gwflow >= {floor:g} mm d-1; `{ADDED}` is in gwflow and of no source",
        "comment": "days are those of the weather, local or UTC; air temperature is (tmin + tmax) / 2; running means end with the day",
    }
    return _with_geometry(ds, fluxes, geometry, basins)


def air_temperature(weather: xr.Dataset) -> xr.DataArray:
    """Daily mean air temperature [basin, time], degC, of weather in the schema of `dhbv.data`."""
    return weather["tmin"].copy(data=mean_temperature(weather["tmin"], weather["tmax"]))


def read_geometry(path: Path) -> pd.DataFrame:
    """Reaches from a CSV: the basin's id in the first column, then anything; a heading may be `name [unit]`.

    Raises:
        DhbvError: if the file is no table separated by commas, or a basin or a name is there twice.
    """
    try:
        # Ids are text, 01 is no number; a heading they may lack. Spreadsheets put a mark before the first heading.
        table = pd.read_csv(path, converters={0: str}, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DhbvError(
            f"{path}: no table of reaches ({error}): give a CSV with a first row of names"
        ) from None
    if len(table.columns) < 2:
        raise DhbvError(
            f"{path}: one column alone, {table.columns[0]!r}: give a basin's id and what is known of its reach, "
            "separated by commas"
        )
    table = table.set_index(table.columns[0])
    twice = [*table.index[table.index.duplicated()]]
    if twice:
        raise DhbvError(f"{path}: {some(twice)} is there more than once: give one reach for each basin")
    split = [re.fullmatch(r"\s*(.+?)\s*(?:\[(.*)\]\s*)?", str(c)) for c in table.columns]
    names = [str(m[1]) if m else str(c) for m, c in zip(split, table.columns, strict=True)]
    if len(set(names)) < len(names):
        raise DhbvError(f"{path}: a column is there twice: {', '.join(names)}")
    table.columns = pd.Index(names)
    table.attrs["units"] = {n: m[2] for n, m in zip(names, split, strict=True) if m and m[2]}
    return table


def _means(air: xr.DataArray, time: xr.DataArray) -> dict[str, np.ndarray]:
    """Running means on the days `time`, from all days of `air`, which may have gaps."""
    days = air["time"].values.astype("datetime64[D]")
    wanted = time.values.astype("datetime64[D]")
    first, last = min(days[0], wanted[0]), max(days[-1], wanted[-1])
    unbroken = np.full((air.sizes["basin"], int((last - first).astype(int)) + 1), np.nan)
    unbroken[:, (days - first).astype(int)] = air.values
    chosen = (wanted - first).astype(int)
    return {name: running_mean(unbroken, n)[:, chosen] for name, n in WINDOWS.items()}


def _lacking(ds: xr.Dataset, names: Iterable[str], what: str) -> str:
    """How often each is NaN; nothing where none is."""
    counts = {name: int(np.isnan(ds[name].values).sum()) for name in names}
    words = ", ".join(f"{name} {n}" for name, n in counts.items() if n)
    return f"NaN on {what}, of {ds['T1'].size} basin-days: {words}" if words else ""


def _with_geometry(
    ds: xr.Dataset, fluxes: xr.Dataset, geometry: pd.DataFrame | None, basins: list[str]
) -> xr.Dataset:
    """`ds` with what is known of each reach: the columns of `geometry`, and area and place where it has none."""
    table = pd.DataFrame(index=basins) if geometry is None else geometry
    _complete(basins, [str(b) for b in table.index], "the geometry")
    units = table.attrs.get("units", {})
    for name in ("area", "latitude", "longitude"):
        if name in fluxes.coords and name not in table:
            ds[name] = ("basin", fluxes[name].values, {"units": fluxes[name].attrs.get("units", "")})
    for name in table.columns:
        if name in ds.variables:
            raise DhbvError(
                f"the geometry has a column {name!r}, which is a variable of this file: rename it"
            )
        column = table.loc[basins, name]
        values = (
            column.to_numpy(np.float64)
            if pd.api.types.is_numeric_dtype(column)
            else column.astype(str).to_numpy(object)
        )
        ds[str(name)] = ("basin", values, {"units": units[name]} if name in units else {})
    return ds


def _complete(wanted: list[str], there: list[str], what: str) -> None:
    absent = [b for b in wanted if b not in set(there)]
    if absent:
        raise DhbvError(
            f"{what} lacks {len(absent)} of {counted(len(wanted), 'basin')}: {with_nearest(absent, there)}: give it for "
            f"all, or fewer basins ({IDS_ARE_TEXT})"
        )
