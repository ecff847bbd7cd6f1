"""The files of a chunk's fluxes: Parquet, or CF NetCDF. The same run gives the same bytes, so no clock is in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import xarray as xr
from numpy.typing import NDArray

from dhbv.errors import DhbvError
from dhbv.physics.variables import VARIABLES
from dhbv.scale.pipeline import HDF5


class Told(NamedTuple):
    """What a chunk tells."""

    catchments: tuple[str, ...]
    first: np.datetime64
    """Its first day."""
    values: Mapping[str, NDArray[np.float32]]
    """[day, catchment] by name of the variable table."""

    @property
    def days(self) -> NDArray[np.datetime64]:
        count = len(next(iter(self.values.values())))
        days: NDArray[np.datetime64] = self.first.astype("datetime64[D]") + np.arange(count)
        return days


def write_parquet(told: Told, about: Mapping[str, str], path: Path) -> None:
    """A row for each catchment and day, in that order; units and `about` in the schema."""
    days, count = told.days, len(told.catchments)
    rows = pa.array(np.repeat(np.arange(count, dtype=np.int32), len(days)))
    arrays = [
        pa.array(told.catchments, pa.string()).take(rows),
        pa.array(np.tile(days, count)),
        *(pa.array(value.T.ravel()) for value in told.values.values()),
    ]
    fields = [pa.field("catchment", pa.string()), pa.field("day", pa.date32())]
    for name in told.values:
        row = VARIABLES[name]
        fields.append(
            pa.field(name, pa.float32(), metadata={"units": row.unit, "long_name": row.description})
        )
    table = pa.table(arrays, pa.schema(fields, metadata=dict(about)))
    pq.write_table(table, path, compression="zstd", use_dictionary=["catchment", "day"])


def read_parquet(path: Path) -> xr.Dataset:
    table = pq.read_table(path)
    catchments = table["catchment"].to_numpy()
    count = int(np.argmax(catchments != catchments[0])) or len(catchments)
    values = {
        name: (("basin", "time"), table[name].to_numpy().reshape(-1, count))
        for name in table.column_names
        if name in VARIABLES
    }
    days = table["day"].to_numpy()[:count].astype("datetime64[ns]")
    about = {key.decode(): text.decode() for key, text in table.schema.metadata.items()}
    return xr.Dataset(values, {"basin": catchments[::count], "time": days}, about)


def write_netcdf(told: Told, about: Mapping[str, str], path: Path) -> None:
    """Variables (basin, time) as `dhbv forecast` gives them of a region; units and `about` as attributes."""
    variables: dict[str, Any] = {}
    for name, value in told.values.items():
        row = VARIABLES[name]
        metadata = {
            "units": row.unit, "long_name": row.description,
            "cell_methods": "time: point" if row.kind == "store" else "time: mean",
        }  # fmt: skip
        if row.standard_name:
            metadata["csdms_standard_name"] = row.standard_name
        variables[name] = (("basin", "time"), np.asarray(value, np.float32).T, metadata)
    coordinates = {
        "basin": ("basin", np.array(told.catchments, dtype=object), {"cf_role": "timeseries_id"}),
        "time": ("time", told.days.astype("datetime64[ns]"), {"standard_name": "time", "axis": "T"}),
    }
    named = {"Conventions": "CF-1.10", "featureType": "timeSeries", "title": "delta-hbv run"}
    packed = {"zlib": True, "complevel": 1, "_FillValue": np.float32(np.nan)}
    encoding: dict[str, dict[str, Any]] = {name: dict(packed) for name in variables}
    encoding["time"] = {"units": f"days since {told.days[0]} 00:00:00", "dtype": "int32", "calendar": "standard"}  # fmt: skip
    whole = xr.Dataset(variables, coordinates, named | dict(about))
    with HDF5:
        whole.to_netcdf(path, engine="netcdf4", encoding=encoding)


def read_netcdf(path: Path) -> xr.Dataset:
    with xr.open_dataset(path) as file:
        return file.load()


class Format(NamedTuple):
    """How the fluxes of a chunk lie in a file."""

    suffix: str
    write: Callable[[Told, Mapping[str, str], Path], None]
    read: Callable[[Path], xr.Dataset]
    """Back as variables (basin, time), with what was told about them."""


FORMATS = {
    "parquet": Format(".parquet", write_parquet, read_parquet),
    "netcdf": Format(".nc", write_netcdf, read_netcdf),
}


def format_of(name: str) -> Format:
    """A format by name.

    Raises:
        DhbvError: if there is none; names those there are.
    """
    if name not in FORMATS:
        raise DhbvError(f"--format {name}: fluxes are written as {' or '.join(FORMATS)}")
    return FORMATS[name]
