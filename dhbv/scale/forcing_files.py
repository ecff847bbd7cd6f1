"""Hourly forcing as NextGen has it, written block by block: NetCDF, or Zarr with the same names."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Protocol

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.errors import DhbvError
from dhbv.files import draft_of, written_whole

UNITS = {"precip_rate": "mm s^-1", "TMP_2maboveground": "K"}
_TITLE = "synthetic forcing of catchments that do not exist"


class Block(NamedTuple):
    """Forcing of some catchments."""

    ids: list[str]
    values: dict[str, NDArray[np.float32]]
    """[catchment, hour] by name, in `UNITS`."""


class Put(Protocol):
    """Writes the next block."""

    def __call__(self, block: Block) -> None: ...


@contextmanager
def netcdf(path: Path, catchments: int, hours: NDArray[np.datetime64]) -> Iterator[Put]:
    """A NetCDF file of `catchments`, there when the block ends well."""
    with written_whole(path) as draft, netCDF4.Dataset(draft, "w") as file:
        file.createDimension("catchment-id", catchments)
        file.createDimension("time", len(hours))
        file.createVariable("ids", str, ("catchment-id",))
        file.createVariable("Time", "i8", ("catchment-id", "time")).units = "ns"
        for name, unit in UNITS.items():
            file.createVariable(name, "f4", ("catchment-id", "time")).units = unit
        file.title = _TITLE
        first = 0

        def put(block: Block) -> None:
            nonlocal first
            rows = slice(first, first + len(block.ids))
            file["ids"][rows] = np.array(block.ids, dtype=object)
            file["Time"][rows] = _times(hours, len(block.ids))
            for name, value in block.values.items():
                file[name][rows] = value
            first = rows.stop

        yield put


@contextmanager
def zarr(path: Path, catchments: int, hours: NDArray[np.datetime64]) -> Iterator[Put]:
    """A Zarr group (format 2) of `catchments`, there when the block ends well.

    Raises:
        DhbvError: without the package zarr.
    """
    if find_spec("zarr") is None:
        raise DhbvError(f"{path}: writing Zarr needs the package zarr: pip install 'delta-hbv[zarr]'")
    draft = draft_of(path)
    dims, width = ("catchment-id", "time"), len(f"cat-{catchments}")
    first = 0

    def put(block: Block) -> None:
        nonlocal first
        variables = {
            "ids": ("catchment-id", np.array(block.ids, dtype=f"<U{width}")),
            "Time": (dims, _times(hours, len(block.ids)), {"units": "ns"}),
        } | {name: (dims, value, {"units": UNITS[name]}) for name, value in block.values.items()}
        part = xr.Dataset(variables, attrs={"title": _TITLE})
        if first == 0:
            part.to_zarr(draft, mode="w", zarr_format=2, consolidated=False)
        else:
            part.to_zarr(draft, append_dim="catchment-id", zarr_format=2, consolidated=False)
        first += len(block.ids)

    try:
        yield put
        shutil.rmtree(path, ignore_errors=True)
        draft.rename(path)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _times(hours: NDArray[np.datetime64], count: int) -> NDArray[np.int64]:
    return np.tile(hours.astype("datetime64[ns]").astype(np.int64), (count, 1))
