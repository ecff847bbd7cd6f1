"""A synthetic national domain in the real formats, to measure a run on: no catchment of it exists.

Landscapes and weather are those of `dhbv.data.synthetic`, drawn block by block, so that memory does not grow with the
domain; each block is spread over the whole country with fields of its own. The files are an attribute table
(Parquet) and hourly forcing as NextGen has it (NetCDF, or Zarr).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from numpy.typing import NDArray

from dhbv.data.climate import climate_indices
from dhbv.data.landscape import draw_landscape, draw_places
from dhbv.data.nextgen_hours import DAY
from dhbv.data.weather import generate
from dhbv.errors import DhbvError
from dhbv.files import written_whole
from dhbv.physics.hargreaves import mean_temperature, potential_evaporation
from dhbv.scale import forcing_files

BLOCK = 20_000
"""Catchments drawn together."""

_CLIMATE_DAYS = np.arange(1, 366, 5)
"""Days of a year from which climate indices are taken: every fifth, for a whole year takes five times as long."""

_DRIEST = 0.5
"""mm d-1 of mean precipitation at least; with fewer days some catchment would have none."""

_STORM_HOURS = 6
"""A day's precipitation falls in so many hours on end."""

_COLDEST_HOUR, _WARMEST_HOUR = 5, 17


class Domain(NamedTuple):
    """Where it lies."""

    attributes: Path
    forcing: Path


class _Block(NamedTuple):
    table: pd.DataFrame
    forcing: dict[str, NDArray[np.float32]]
    """[catchment, hour] by NextGen's names."""


def write_domain(
    folder: Path,
    catchments: int,
    *,
    start: dt.date = dt.date(2026, 10, 1),
    days: int = 1,
    seed: int = 0,
    zarr: bool = False,
    vpus: Sequence[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Domain:
    """Write `attributes.parquet` and `forcings.nc` of `catchments` from cat-1 on; the same for the same seed.

    Args:
        folder: made where there is none.
        catchments: how many.
        start, days: the days of forcing, UTC.
        seed: other numbers draw another domain.
        zarr: whether the forcing is a Zarr group, `forcings.zarr`, instead.
        vpus: among which the catchments are divided evenly, in the column `vpuid`.
        on_progress: called with catchments done and in all.

    Raises:
        DhbvError: if one of the files is there; forcing that is real has the same name.
    """
    made = Domain(folder / "attributes.parquet", folder / ("forcings.zarr" if zarr else "forcings.nc"))
    if there := next((path for path in made if path.exists()), None):
        raise DhbvError(f"{there} is there already: give another --out, or remove it")
    hours = np.datetime64(start, "h") + np.arange(days * DAY)
    forcing = forcing_files.zarr if zarr else forcing_files.netcdf
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(made.attributes) as draft, forcing(made.forcing, catchments, hours) as put:
        parquet = None
        for first in range(0, catchments, BLOCK):
            count = min(BLOCK, catchments - first)
            block = _draw(np.random.default_rng([seed, first]), count, start, days)
            ids = [f"cat-{k + 1}" for k in range(first, first + count)]
            put(forcing_files.Block(ids, block.forcing))
            table = block.table.assign(basin=ids)
            if vpus:
                table["vpuid"] = [vpus[k * len(vpus) // catchments] for k in range(first, first + count)]
            rows = pa.Table.from_pandas(table, preserve_index=False)
            parquet = parquet or pq.ParquetWriter(draft, rows.schema, compression="zstd")
            parquet.write_table(rows)
            on_progress(first + count, catchments)
        if parquet is not None:
            parquet.close()
    return made


def _draw(rng: np.random.Generator, count: int, start: dt.date, days: int) -> _Block:
    places = draw_places(rng, count)
    wanted = pd.date_range(start, periods=days).day_of_year.to_numpy()
    day_of_year = np.concatenate([_CLIMATE_DAYS, wanted])
    weather = generate(rng, places, day_of_year)
    year = slice(0, len(_CLIMATE_DAYS))
    prcp, tmin, tmax = (series[:, year] for series in weather)
    prcp[:, 0] += np.maximum(_DRIEST * len(_CLIMATE_DAYS) - prcp.sum(1), 0.0)
    pet = potential_evaporation(tmin, tmax, places.lat[:, None], _CLIMATE_DAYS)
    climate = climate_indices(prcp, mean_temperature(tmin, tmax), pet, _CLIMATE_DAYS)
    table = pd.concat([climate, draw_landscape(rng, places, climate)], axis=1)
    prcp, tmin, tmax = (series[:, year.stop :] for series in weather)
    return _Block(table, {"precip_rate": _storms(rng, prcp), "TMP_2maboveground": _course(tmin, tmax)})


def _storms(rng: np.random.Generator, prcp: NDArray[np.float32]) -> NDArray[np.float32]:
    """Hourly rates, mm s-1, [catchment, hour], that add up to daily depths [catchment, day]."""
    begin = rng.integers(0, DAY - _STORM_HOURS + 1, prcp.shape)[..., None]
    hour = np.arange(DAY)
    falls = (hour >= begin) & (hour < begin + _STORM_HOURS)
    rate = prcp[..., None] * falls / (_STORM_HOURS * 3600.0)
    return rate.reshape(len(prcp), -1).astype(np.float32)


def _course(tmin: NDArray[np.float32], tmax: NDArray[np.float32]) -> NDArray[np.float32]:
    """Hourly temperature, K, [catchment, hour], between daily extremes [catchment, day]."""
    phase = np.cos(2.0 * np.pi * (np.arange(DAY) - _WARMEST_HOUR) / (2 * (_WARMEST_HOUR - _COLDEST_HOUR)))
    middle, half = 0.5 * (tmin + tmax)[..., None], 0.5 * (tmax - tmin)[..., None]
    return (273.15 + middle + half * phase).reshape(len(tmin), -1).astype(np.float32)
