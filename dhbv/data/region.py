"""One door to every source: a path in, a checked Dataset of the schema out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import xarray as xr

from dhbv.configuration import Period
from dhbv.data import camels, packs
from dhbv.data.checks import check
from dhbv.data.nextgen_hours import NETCDF_SUFFIXES
from dhbv.data.schema import DataError
from dhbv.data.selection import select_period


class Source(NamedTuple):
    """A region that is read in parts, by whoever needs which."""

    basins: tuple[str, ...]
    """All there are."""
    read: Callable[[Sequence[str]], xr.Dataset]
    """Some of them, in the order asked for, as `open_region` gives them."""


def open_source(
    path: str | Path, *, attributes: str | Path | None = None, needed: Period | None = None
) -> Source:
    """What `open_region` opens, to be read in parts.

    Raises:
        DataError: as `open_region`; what is wrong with a basin when it is read.
    """
    path = Path(path)
    basins = camels.basins_in(path) if _is_camels(path) else packs.basins_in(_pack(path))
    return Source(
        tuple(basins), lambda part: open_region(path, attributes=attributes, basins=part, needed=needed)
    )


def open_region(
    path: str | Path,
    *,
    attributes: str | Path | None = None,
    basins: Sequence[str] | None = None,
    start: str | None = None,
    end: str | None = None,
    needs_flow: bool = True,
    needed: Period | None = None,
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
        needed: the days that will be looked at, see `check`.

    Raises:
        DataError: if the path is neither, or for any fault that the readers and `check` find.
    """
    path = Path(path)
    if _is_camels(path):
        ds = camels.read_camels(path, basins=basins, attributes=attributes, needs_flow=needs_flow)
        ds = ds.isel(time=select_period(ds["time"].values, start, end, str(path)))
    else:
        ds = packs.read_pack(
            _pack(path), attributes=attributes, basins=basins, start=start, end=end, needs_flow=needs_flow
        )
    check(ds, str(path), needs_flow=needs_flow, needed=needed)
    return ds


def files_of(path: Path, attributes: Path | None) -> list[Path]:
    """What `open_region` reads, or may read: no output shall take its place."""
    return [path, *(packs.tables_beside(path) if attributes is None else (attributes,))]


def _is_camels(path: Path) -> bool:
    return (path / "basin_mean_forcing").is_dir()


def _pack(path: Path) -> Path:
    if path.suffix.lower() not in NETCDF_SUFFIXES:
        problem = "no region in it" if path.exists() else "no such file or folder"
        raise DataError(
            f"{path}: {problem}: give the folder of a CAMELS download (it holds basin_mean_forcing, "
            f"usgs_streamflow and camels_attributes_v2.0) or a NetCDF file ({', '.join(NETCDF_SUFFIXES)}) with "
            "dimensions basin and time"
        )
    return path
