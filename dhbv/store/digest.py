"""A number for exactly the data of a region, whatever file or store they came from."""

from __future__ import annotations

import hashlib

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.schema import basin_ids


def digest_of(ds: xr.Dataset) -> str:
    """sha256, in hexadecimal, of a Dataset of the schema: its basins and days in their order, and all values.

    Neither file layout, order of the variables, chunks and metadata nor the machine matters; two zeros
    of different sign are one, as are all NaN.
    """
    sha = hashlib.sha256(b"region of delta-hbv 1\n")
    _add(sha, "basin", np.array(basin_ids(ds), dtype=object))
    _add(sha, "time", ds["time"].values.astype("datetime64[D]").astype(np.int64))
    for name in sorted(map(str, ds.data_vars)):
        dims = [d for d in ("basin", "time") if d in ds[name].dims]
        _add(sha, f"{name} {' '.join(dims)}", ds[name].transpose(*dims).values)
    return sha.hexdigest()


def _add(sha: hashlib._Hash, name: str, values: NDArray[np.generic]) -> None:
    """Feed one array, with its name, type and shape before it, so that no two lists of arrays read alike."""
    if values.dtype.kind not in "fiu":
        words = [str(v).encode() for v in values.ravel()]
        sha.update(f"{name} text {values.shape} {[len(w) for w in words]}\n".encode())
        sha.update(b"".join(words))
        return
    plain = values.astype(values.dtype.newbyteorder("<"))
    if values.dtype.kind == "f":
        plain += plain.dtype.type(0.0)
        plain[np.isnan(plain)] = np.nan
    sha.update(f"{name} {plain.dtype.str} {values.shape}\n".encode())
    sha.update(np.ascontiguousarray(plain).data)
