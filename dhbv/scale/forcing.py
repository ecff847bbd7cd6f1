"""Hourly forcing of NextGen, read for some of its catchments at a time.

Names, units and times are those that `dhbv.data.nextgen_hours` knows, and the days those of `dhbv.data.nextgen`.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.configuration import Period
from dhbv.data import model_forcing, nextgen, nextgen_hours
from dhbv.data.nextgen_hours import DAY, Hours
from dhbv.data.schema import DataError, some
from dhbv.files import sha256_of
from dhbv.scale.chunks import Chunk
from dhbv.scale.pipeline import HDF5

_ZARR_MARKS = ("zarr.json", ".zgroup", ".zmetadata")
"""What lies in a Zarr group, of format 3 or 2."""


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr group."""
    return any((path / name).is_file() for name in _ZARR_MARKS)


def digest(path: Path) -> str:
    """sha256 of a file, or of the names and sha256 of all files in a folder."""
    if path.is_file():
        return sha256_of(path)
    names = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    return hashlib.sha256(
        "".join(f"{name} {sha256_of(path / name)}\n" for name in names).encode()
    ).hexdigest()


def _open(path: Path) -> xr.Dataset:
    """NetCDF or Zarr, nothing read yet."""
    if not is_zarr(path):
        return nextgen_hours.open_file(path)
    if find_spec("zarr") is None:
        raise DataError(
            f"{path}: reading Zarr needs the package zarr: pip install 'delta-hbv[zarr]', or give NetCDF"
        )
    try:
        return xr.open_dataset(
            path, engine="zarr", chunks=None, decode_times=False, cache=False, backend_kwargs={"consolidated": False}
        )  # fmt: skip
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: not readable as Zarr ({error}): give another group") from None


class DomainForcing:
    """An open NetCDF file or Zarr group of NextGen's hourly forcing; one thread at a time may read it.

    Raises:
        DataError: if it is none, repeats a catchment, or its units are not known.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _open(path)
        self.catchments = tuple(nextgen_hours.ids_of(self._file, path))
        if len(set(self.catchments)) < len(self.catchments):
            ids, counts = np.unique(np.array(self.catchments), return_counts=True)
            repeated = [str(i) for i in ids[counts > 1]]
            raise DataError(f"{path}: catchment {some(repeated)} appears more than once: write each once")
        units = {str(n): self._file[n].attrs.get("units", "") for n in self._file.data_vars}
        self._columns = nextgen_hours.columns_of(units, path)
        self._time = nextgen_hours.times_of(self._rows("Time", slice(0, 1)), path)

    def __enter__(self) -> DomainForcing:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def reach(self, period: Period, days_before: int) -> np.datetime64:
        """The first day to read: up to `days_before` before `period`, as far as the file goes back.

        Raises:
            DataError: if it does not hold every hour of the period.
        """
        first, last = np.datetime64(period.start, "h"), np.datetime64(period.end, "h") + (DAY - 1)
        if self._time[0] > first or self._time[-1] < last:
            raise DataError(
                f"{self.path}: the forcing covers {self._time[0]}..{self._time[-1]} of {first}..{last}: choose a "
                "period within it, or give longer forcing"
            )
        whole = int((first - self._time[0]).astype(int)) // DAY
        begin: np.datetime64 = np.datetime64(period.start, "D") - min(whole, days_before)
        return begin

    def weather(
        self, chunk: Chunk, latitude: NDArray[np.float64], first: np.datetime64, last: np.datetime64
    ) -> NDArray[np.float32]:
        """P, T and Ep [time, catchment, 3] of a chunk on the days `first` to `last`; see `model_forcing`.

        Raises:
            DataError: if hours or values are missing or impossible; names catchment, variable and hour.
        """
        rows = slice(chunk.first, chunk.stop)
        wanted = slice(first.astype("datetime64[h]"), last.astype("datetime64[h]") + (DAY - 1))
        kept = np.flatnonzero(nextgen_hours.within(self._time, wanted))
        hours = slice(int(kept[0]), int(kept[-1]) + 1)
        with HDF5:
            time = nextgen_hours.times_of(self._rows("Time", rows).isel(time=hours).load(), self.path)
            hourly = {
                variable: self._rows(column.name, rows)
                .isel(time=hours)
                .transpose("catchment-id", "time")
                .values
                for variable, column in self._columns.items()
            }
        if (time != self._time[hours]).any():
            raise DataError(
                f"{self.path}: Time differs between catchments: ngen reads the first one's for all"
            )
        nextgen_hours.check_hours(time, str(self.path))
        values = {v: nextgen_hours.converted(raw, self._columns[v]) for v, raw in hourly.items()}
        read = Hours(self.catchments[rows], time, values["prcp"], values["temperature"], self._columns)
        nextgen.check_values(read, str(self.path))
        days = nextgen.to_days(read, 0, str(self.path))
        return model_forcing(days.assign(gauge_lat=("basin", latitude)))

    def _rows(self, name: str, rows: slice) -> xr.DataArray:
        return self._file[name].isel({"catchment-id": rows})
