"""What a row of the archive holds, and how runs become rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.checks import check_basins, check_dates
from dhbv.data.schema import DataError, basin_ids
from dhbv.fluxes.names import BOOKED
from dhbv.forecast import OPENING
from dhbv.physics.variables import VARIABLES
from dhbv.physics.water_balance import STORES
from dhbv.store.parquet import ATTRIBUTES, Kind
from dhbv.store.series import years

_ROW_GROUP = 2920
"""Rows: a year of 8 basins, so that a few basins are a small part of a year's file."""

_BY = [("batch", pa.int32()), ("version", pa.string()), ("weights", pa.string())]
_VALUES = [(name, pa.float32()) for name in VARIABLES]
_BOOKS = [(v.name, pa.float32()) for v in BOOKED.values()]
_OPENING = [(OPENING + name, pa.float32()) for name in STORES]

ANALYSIS = Kind(
    "analysis",
    pa.schema([("basin", pa.string()), ("day", pa.date32()), *_BY, *_VALUES, *_BOOKS, *_OPENING]),
    ("basin", "day"), yearly=True, spans=("runoff",), row_group=_ROW_GROUP, in_part=True,
)  # fmt: skip
"""A row is a day that was run on known weather: fluxes over it, stores at its end. What was booked is null where it is
0; the stores at its beginning, before anything was booked, are given on the first day of each run alone."""

FORECAST = Kind(
    "forecast",
    pa.schema(
        [
            ("basin", pa.string()), ("issue", pa.date32()), ("day", pa.date32()), ("lead", pa.int32()),
            ("quantile", pa.float32()), *_BY, *_VALUES,
        ]
    ),
    ("basin", "issue", "day", "quantile"), yearly=True, row_group=_ROW_GROUP, in_part=True,
)  # fmt: skip
"""A row is a day ahead, by the year of issue. `lead` is 1 on the day of issue; `quantile` is null of a single run."""

KINDS = (ANALYSIS, FORECAST, ATTRIBUTES)

STATIC = ("area", "latitude", "longitude", "huc_02")
"""What is known of a basin: km2, degrees north and east, hydrologic unit."""


def check(fluxes: xr.Dataset, source: str) -> None:
    """Raise a DataError unless `fluxes` holds every variable on unbroken days of basins told apart."""
    absent = [name for name in VARIABLES if name not in fluxes]
    if absent:
        raise DataError(
            f"{source}: no {', '.join(absent[:5])} ({len(absent)} variables): archive a run with all outputs"
        )
    check_basins(fluxes, source)
    check_dates(fluxes["time"].values, source)
    if fluxes.attrs.get("weights_sha256", "") == "":
        raise DataError(f"{source}: it does not say by which weights it was made (attribute weights_sha256)")


def static(fluxes: xr.Dataset) -> pd.DataFrame:
    """What a run tells of its basins, [basin, name]."""
    index = pd.Index(basin_ids(fluxes), dtype=object, name="basin")
    table = pd.DataFrame({n: pd.Series(fluxes[n].values, index) for n in STATIC if n in fluxes}, index=index)
    if "huc_02" in table and pd.api.types.is_numeric_dtype(table["huc_02"]):
        units = [None if pd.isna(u) else f"{int(u):02d}" for u in table["huc_02"]]
        table["huc_02"] = pd.Series(units, index, dtype=object)
    return table


def analysis_rows(fluxes: xr.Dataset, batch: int, version: str) -> Iterator[tuple[int, pa.Table]]:
    """Rows of a run, by calendar year; none of days on which a basin was not run, which hold NaN."""
    order, days = _order(fluxes), fluxes["time"].values.astype("datetime64[D]")
    names = [name for name, _ in (*_VALUES, *_BOOKS) if name in fluxes]
    values = {name: fluxes[name].transpose("basin", "time").values[order] for name in names}
    there = ~np.all([np.isnan(values[name]) for name in VARIABLES], 0)
    begins = there & (np.cumsum(there, 1) == 1)
    for name, _ in _BOOKS:
        if name in values:
            values[name] = np.where(values[name] == 0.0, np.nan, values[name])
    opening = {name: fluxes[name].values[order] for name, _ in _OPENING if name in fluxes}
    for year, span in years(days):
        basin, day = np.nonzero(there[:, span])
        if len(basin):
            part = {name: v[:, span][basin, day] for name, v in values.items()}
            first = begins[:, span][basin, day]
            part |= {name: np.where(first, v[basin], np.nan) for name, v in opening.items()}
            keys = {"basin": _names(fluxes, order, basin), "day": _dates(days[span][day])}
            yield year, _table(ANALYSIS, keys | _by(fluxes, batch, version, len(basin)) | part)


def forecast_rows(fluxes: xr.Dataset, batch: int, version: str) -> tuple[int, pa.Table]:
    """Rows of a forecast (basin, time), or of quantiles (quantile, basin, time), and the year of issue."""
    order, days = _order(fluxes), fluxes["time"].values.astype("datetime64[D]")
    if "quantile" in fluxes.dims:
        quantiles = fluxes["quantile"].values.astype(np.float64)
    else:
        fluxes, quantiles = fluxes.expand_dims(quantile=[np.nan]), np.array([np.nan])
    each, rows = len(days) * len(quantiles), len(order) * len(days) * len(quantiles)
    values = {
        name: fluxes[name].transpose("basin", "time", "quantile").values[order].ravel() for name in VARIABLES
    }
    issue = np.repeat(days[:1], rows)
    leads = np.arange(1, len(days) + 1, dtype=np.int32)
    keys = {
        "basin": _names(fluxes, order, np.repeat(np.arange(len(order)), each)),
        "issue": _dates(issue),
        "day": _dates(np.tile(np.repeat(days, len(quantiles)), len(order))),
        "lead": pa.array(np.tile(np.repeat(leads, len(quantiles)), len(order))),
        "quantile": np.tile(quantiles, len(order) * len(days)),
    }
    year = int(days[0].astype("datetime64[Y]").astype(int)) + 1970
    return year, _table(FORECAST, keys | _by(fluxes, batch, version, rows) | values)


def _order(fluxes: xr.Dataset) -> NDArray[np.intp]:
    """By basin, as rows are sorted."""
    return np.argsort(fluxes["basin"].values.astype(str), kind="stable")


def _names(fluxes: xr.Dataset, order: NDArray[np.intp], which: NDArray[np.intp]) -> pa.Array:
    """The basin of each row, by its place in `order`."""
    names = pa.array([str(b) for b in fluxes["basin"].values[order]], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(which.astype(np.int32)), names).cast(pa.string())


def _dates(days: NDArray[np.datetime64]) -> pa.Array:
    return pa.array(days, pa.date32())


def _by(fluxes: xr.Dataset, batch: int, version: str, rows: int) -> dict[str, Any]:
    def text(word: str) -> pa.Array:
        one = pa.array([word], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), one).cast(pa.string())

    return {
        "batch": pa.array(np.full(rows, batch, np.int32)),
        "version": text(version),
        "weights": text(fluxes.attrs["weights_sha256"]),
    }


def _table(kind: Kind, columns: dict[str, Any]) -> pa.Table:
    """Columns in the kind's order and types: float64 is rounded to float32 here, float32 stays as it is."""
    rows = len(columns["basin"])
    arrays = []
    for field in kind.schema:
        column = columns.get(field.name)
        if column is None:
            arrays.append(pa.nulls(rows, field.type))
        elif isinstance(column, np.ndarray):
            arrays.append(pa.array(column.astype(np.float32), pa.float32(), from_pandas=True))
        else:
            arrays.append(column)
    return pa.Table.from_arrays(arrays, schema=kind.schema)
