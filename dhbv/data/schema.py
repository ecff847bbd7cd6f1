"""The one schema of a region: an xarray Dataset that every reader returns and everything else expects.

Dimensions (basin, time); `basin` holds text ids (leading zeros matter), `time` unbroken days.
Time variables are float32 [basin, time] in the units of the table below; static attributes are
further variables [basin] under their CAMELS names, categories as text ("" where missing).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from dhbv.attributes import ATTRIBUTE_UNITS
from dhbv.errors import DhbvError
from dhbv.physics.variables import OBSERVABLE, VARIABLES


class DataError(DhbvError):
    """Data that cannot be used as they are; the message says what, where and how to mend it."""


class TimeVariable(NamedTuple):
    """One row of the table of daily variables."""

    name: str
    unit: str
    long_name: str
    required: bool = True


TIME_VARIABLES = {
    v.name: v
    for v in (
        TimeVariable("prcp", "mm d-1", "precipitation"),
        TimeVariable("tmin", "degC", "daily minimum air temperature"),
        TimeVariable("tmax", "degC", "daily maximum air temperature"),
        TimeVariable("streamflow", "mm d-1", "observed streamflow"),
        TimeVariable("srad", "W m-2", "shortwave radiation (daylight average)", required=False),
        TimeVariable("vp", "Pa", "vapour pressure", required=False),
        TimeVariable("pet", "mm d-1", "potential evaporation", required=False),
    )
}
"""Daily variables: canonical unit and meaning. NaN is allowed in `streamflow` alone."""

OBSERVED = "observed_"
"""Begins the names of observations other than flow that a training can learn from: `observed_swe`."""

OBSERVATIONS = {
    OBSERVED + v.name: TimeVariable(OBSERVED + v.name, v.unit, f"observed {v.description}", required=False)
    for v in map(VARIABLES.__getitem__, OBSERVABLE)
}
"""What a region may hold beside them, NaN where not seen: any flux or store of the model."""

FORCING = tuple(name for name in TIME_VARIABLES if name != "streamflow")
"""Daily variables that must be known on every day."""


def required_variables(needs_flow: bool) -> list[str]:
    """Daily variables a region must have, observed flow among them where it is needed."""
    return [v.name for v in TIME_VARIABLES.values() if v.required and (needs_flow or v.name != "streamflow")]


def assemble(
    basins: Sequence[str],
    time: ArrayLike,
    series: Mapping[str, ArrayLike],
    table: pd.DataFrame | None = None,
    source: str = "",
) -> xr.Dataset:
    """A Dataset of the schema from arrays that are already in canonical units.

    Args:
        basins: ids.
        time: days, as anything numpy reads as dates.
        series: arrays [basin, time] by name, from the tables of time variables and of observable ones.
        table: static attributes, indexed by basin; only the rows of `basins` are taken.
        source: where the data come from; kept as the attribute `source`.

    Raises:
        DataError: if the attribute table lacks a basin.
    """
    days = np.asarray(time, dtype="datetime64[D]").astype("datetime64[ns]")
    ds = xr.Dataset(coords={"basin": np.array(basins, dtype=object), "time": days})
    ds["basin"].attrs["long_name"] = "basin identifier"
    for name, values in series.items():
        row = TIME_VARIABLES[name] if name in TIME_VARIABLES else OBSERVATIONS[name]
        attrs = {"units": row.unit, "long_name": row.long_name}
        ds[name] = (("basin", "time"), np.asarray(values, dtype=np.float32), attrs)
    if source:
        ds.attrs["source"] = source
    return ds if table is None else with_attributes(ds, table)


def basin_ids(ds: xr.Dataset | xr.DataArray) -> list[str]:
    """The ids along the dimension basin, in its order."""
    return [str(b) for b in ds["basin"].values]


def with_attributes(ds: xr.Dataset, table: pd.DataFrame) -> xr.Dataset:
    """`ds` with the columns of `table` (indexed by basin) as static variables, replacing those of the same name.

    Raises:
        DataError: if the table lacks a basin.
    """
    basins = basin_ids(ds)
    absent = [b for b in basins if b not in table.index]
    if absent:
        raise DataError(
            f"{table.attrs.get('source', 'the attribute table')}: no row for basin {some(absent)}: add the "
            "rows, or leave these basins out"
        )
    rows = table.loc[basins]
    columns = {str(name): ("basin", _static(rows[name])) for name in rows.columns}
    ds = ds.assign(columns)
    for name in columns:
        if name in ATTRIBUTE_UNITS:
            ds[name].attrs["units"] = ATTRIBUTE_UNITS[name]
    return ds


def _static(column: pd.Series) -> NDArray[np.generic]:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64, copy=True)
    return column.astype(object).where(column.notna(), "").to_numpy(dtype=object, copy=True)


def attributes(ds: xr.Dataset) -> pd.DataFrame:
    """Static attributes as a table indexed by basin; missing numbers and categories are NaN."""
    index = pd.Index(basin_ids(ds), dtype=object, name="basin")
    columns = {
        str(name): pd.Series(variable.values, index=index)
        for name, variable in ds.data_vars.items()
        if variable.dims == ("basin",)
    }
    table = pd.DataFrame(columns, index=index)
    for name in table.columns:
        if not pd.api.types.is_numeric_dtype(table[name]):
            text = table[name].astype(object)
            table[name] = text.where(text != "", np.nan)
    return table


def attribute_columns(ds: xr.Dataset) -> dict[str, list[object]]:
    """Static attributes as gA takes them: for each name a list with one value a basin."""
    table = attributes(ds)
    return {str(name): table[name].tolist() for name in table.columns}


def some(items: Sequence[str], limit: int = 5) -> str:
    """The first few of `items` for a message, and how many more there are."""
    more = f" and {len(items) - limit} more" if len(items) > limit else ""
    return ", ".join(items[:limit]) + more
