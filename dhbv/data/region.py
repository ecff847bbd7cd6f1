"""One door to every source: a path in, a checked Dataset of the schema out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from dhbv.data.camels import read_camels
from dhbv.data.checks import check
from dhbv.data.packs import read_pack
from dhbv.data.schema import DataError
from dhbv.data.selection import select_period

NETCDF_SUFFIXES = (".nc", ".nc4", ".netcdf")


def open_region(
    path: str | Path,
    *,
    attributes: str | Path | None = None,
    basins: Sequence[str] | None = None,
    start: str | None = None,
    end: str | None = None,
    needs_flow: bool = True,
) -> xr.Dataset:
    """A region, loaded and checked.

    Args:
        path: the folder of a CAMELS download (it holds `basin_mean_forcing`), or a NetCDF file with
            dimensions (basin, time) and the schema's variables.
        attributes: a CSV of static attributes, key column `gauge_id` or `basin`; by default the
            source's own.
        basins: ids, in the order wanted; by default all.
        start, end: first and last day, as 1999-10-01; by default those of the forcing.
        needs_flow: whether observed flow must be there; a forecast of ungauged basins needs none.

    Raises:
        DataError: if the path is neither, or for any fault that the readers and `check` find.
    """
    path = Path(path)
    if (path / "basin_mean_forcing").is_dir():
        ds = read_camels(path, basins=basins, attributes=attributes, needs_flow=needs_flow)
        ds = ds.isel(time=select_period(ds["time"].values, start, end, str(path)))
    elif path.suffix.lower() in NETCDF_SUFFIXES:
        ds = read_pack(
            path, attributes=attributes, basins=basins, start=start, end=end, needs_flow=needs_flow
        )
    else:
        problem = "no region in it" if path.exists() else "no such file or folder"
        raise DataError(
            f"{path}: {problem}: give the folder of a CAMELS download (it holds basin_mean_forcing, "
            f"usgs_streamflow and camels_attributes_v2.0) or a NetCDF file ({', '.join(NETCDF_SUFFIXES)}) with "
            "dimensions basin and time"
        )
    check(ds, str(path), needs_flow=needs_flow)
    return ds
