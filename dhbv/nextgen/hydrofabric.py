"""Reading a hydrofabric GeoPackage, which is an SQLite file, without any library of geometry."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd

from dhbv.data.schema import DataError, some
from dhbv.nextgen import crosswalk

ATTRIBUTES = "divide-attributes"
PROJECTION = 5070
"""The EPSG code that centroids must have; hydrofabrics outside the conterminous US have others."""

_ENVELOPE = struct.Struct("<2sBBi4d")
"""GeoPackage 1.3, 2.1.3: magic, version, flags, projection, then min x, max x, min y, max y."""


def read(path: Path) -> pd.DataFrame:
    """Attributes under CAMELS names, indexed by divide id, as far as the hydrofabric has them.

    Raises:
        DataError: if it is no hydrofabric, repeats a divide, or has another projection.
    """
    with _opened(path) as file:
        divides = _table(file, "divides").set_index("divide_id")
        if ATTRIBUTES in _names(file):
            table = _table(file, ATTRIBUTES).set_index("divide_id")
            divides = divides.join(table[table.columns.difference(divides.columns)])
        # GeoPackage 1.3, 2.1.5: a layer has one geometry, whatever its column is called.
        layers = file.execute(
            "SELECT column_name, srs_id FROM gpkg_geometry_columns WHERE table_name='divides'"
        ).fetchall()
    divides.index.name = "catchment"
    repeated = divides.index[divides.index.duplicated()]
    if len(repeated):
        raise DataError(
            f"{path}: divide {some(list(repeated))} appears more than once: subset the hydrofabric anew"
        )
    projections = {projection for _, projection in layers}
    if projections != {PROJECTION}:
        raise DataError(
            f"{path}: divides lie in EPSG:{', '.join(map(str, sorted(projections)))}, and only {PROJECTION} can be read "
            "(conterminous US): give gauge_lat and the other attributes by --attributes FILE alone"
        )
    if not {"centroid_x", "centroid_y"} <= set(divides.columns):
        middles = map(_middle, divides[layers[0][0]])
        divides["centroid_x"], divides["centroid_y"] = zip(*middles, strict=True)
    return crosswalk.attributes(divides, crosswalk.HYDROFABRIC)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise DataError(f"{path}: no such hydrofabric: check the path given as --hydrofabric GPKG")
    try:
        # Read only, and without the files that SQLite would lay beside it.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as file:
            if "divides" not in _names(file):
                raise DataError(f"{path}: no layer divides in it: give a NextGen hydrofabric")
            yield file
    except sqlite3.Error as error:
        raise DataError(f"{path}: not readable as a GeoPackage ({error}): give another file") from None


def _names(file: sqlite3.Connection) -> set[str]:
    return {
        name for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
    }


def _table(file: sqlite3.Connection, name: str) -> pd.DataFrame:
    found = file.execute(f'SELECT * FROM "{name}"')
    return pd.DataFrame(found.fetchall(), columns=[column[0] for column in found.description])


def _middle(geometry: bytes | None) -> tuple[float, float]:
    """The middle of the bounding box that stands before a geometry; NaN where none does."""
    if geometry is None or len(geometry) < _ENVELOPE.size:
        return float("nan"), float("nan")
    magic, _, flags, _, x0, x1, y0, y1 = _ENVELOPE.unpack_from(geometry)
    has_box, little_endian = (flags >> 1) & 7, flags & 1
    if magic != b"GP" or not (has_box and little_endian):
        return float("nan"), float("nan")
    return 0.5 * (x0 + x1), 0.5 * (y0 + y1)
