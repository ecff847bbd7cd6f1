"""A small domain of three catchments as a NextGen user has it: hydrofabric, forcing, attributes, model."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pandas as pd
import pytest

from dhbv.model_directory import ModelDirectory
from tests.small_models import small_model
from tests.test_cli import dhbv

IDS = ("cat-1", "cat-2", "cat-10")
HOURS = 72
START = np.datetime64("2015-12-01T00", "h")
ATTRIBUTES = {
    "p_mean": 2.0,
    "aridity": 1.5,
    "area_gages2": 2.2,
    "geol_1st_class": "Metamorphics",
    "gauge_lat": 43.0,
}
"""In the range of the small models' training."""

DIVIDE_ATTRIBUTES = {
    "mode.ISLTYP": (9.0, 4.0, 14.0),
    "centroid_x": (32544.64296734708, -1276919.999775, 1967000.0),
    "centroid_y": (1791059.99985, 2216415.00015, 2447000.0),
    "mean.elevation": (30594.258126046923, 246395.30855860043, 3767.0),
    "mean.slope": (72.18236045640168, 85.71908593685401, None),
    "mean.smcmax_soil_layers_stag=1": (0.5251, 0.5635, 0.5),
}
"""The first two are real: cat-1555522 (Kansas) and cat-2861379 (Utah) of hydrofabric v2.2."""


def box(x0: float, x1: float, y0: float, y1: float) -> bytes:
    """The head of a GeoPackage geometry with its bounding box."""
    return struct.pack("<2sBBi4d", b"GP", 0, 3, 5070, x0, x1, y0, y1)


def write_hydrofabric(
    path: Path,
    divide_attributes: Mapping[str, Any] | None = DIVIDE_ATTRIBUTES,
    projection: int = 5070,
    geometry: str = "geom",
) -> Path:
    """A GeoPackage with the tables that are read, by sqlite3 alone."""
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE gpkg_geometry_columns (table_name TEXT, column_name TEXT, srs_id INTEGER)")
        file.execute("INSERT INTO gpkg_geometry_columns VALUES ('divides', ?, ?)", (geometry, projection))
        file.execute(
            f"CREATE TABLE divides (fid INTEGER, {geometry} BLOB, divide_id TEXT, toid TEXT, areasqkm REAL)"
        )
        for k, name in enumerate(IDS):
            shape = box(1966000.0 + k, 1968000.0 + k, 2446000.0, 2448000.0)
            file.execute("INSERT INTO divides VALUES (?, ?, ?, ?, ?)", (k, shape, name, f"nex-{k}", 4.0 + k))
        file.execute("CREATE TABLE nexus (id TEXT)")
        file.executemany("INSERT INTO nexus VALUES (?)", [(f"nex-{k}",) for k in range(3)])
        if divide_attributes is not None:
            names = ", ".join(f'"{n}" REAL' for n in divide_attributes)
            file.execute(f'CREATE TABLE "divide-attributes" (divide_id TEXT, {names}, vpuid TEXT)')
            for k, name in enumerate(IDS):
                row = (name, *(column[k] for column in divide_attributes.values()), "01")
                file.execute(f'INSERT INTO "divide-attributes" VALUES ({", ".join("?" * len(row))})', row)
        file.commit()
    return path


def write_forcing(
    folder: Path, hours: int = HOURS, column: str = "precip_rate", kelvin: float = 273.15, rate: float = 2e-4
) -> Path:
    """CSV files; a day's cycle of temperature and some rain, different in each catchment."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(IDS):
        lines = [f"time,{column},TMP_2maboveground"]
        for h in range(hours):
            stamp = str((START + h).astype("datetime64[s]")).replace("T", " ")
            t = 4.0 + k - 5.0 * np.cos(2.0 * np.pi * h / 24.0) + kelvin
            lines.append(f"{stamp},{rate * (1 + (h + k) % 5):.8f},{t:.4f}")
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_netcdf_forcing(path: Path, hours: int = HOURS, ids: tuple[str, ...] = IDS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    h = np.arange(hours)
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("catchment-id", len(ids))
        file.createDimension("time", hours)
        file.createVariable("ids", str, ("catchment-id",))[:] = np.array(ids, dtype=object)
        time = file.createVariable("Time", "f8", ("catchment-id", "time"))
        time.units = "s"
        time[:] = np.tile(START.astype("datetime64[s]").astype(int) + 3600.0 * h, (len(ids), 1))
        file.createVariable("precip_rate", "f4", ("catchment-id", "time"))[:] = 2e-4 * (1 + h % 5)
        file.createVariable("TMP_2maboveground", "f4", ("catchment-id", "time"))[:] = 277.0 - 5.0 * np.cos(
            2.0 * np.pi * h / 24.0
        )
    return path


def write_attributes(path: Path, **changes: Any) -> Path:
    """A table by catchment id; a change is one value for all, or a list."""
    table = pd.DataFrame(ATTRIBUTES | changes, index=pd.Index(IDS, name="divide_id"))
    table.to_csv(path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> ModelDirectory:
    return small_model(tmp_path / "model")


@pytest.fixture
def run(tmp_path: Path, model: ModelDirectory) -> Callable[..., Path]:
    """A maker of run folders by the command itself: run(*further arguments) → the folder."""

    def make(*arguments: object, name: str = "run") -> Path:
        table, forcing = tmp_path / "attributes.csv", tmp_path / "forcing"
        if not table.exists():
            write_attributes(table)
        if not forcing.exists():
            write_forcing(forcing)
        given = ["--attributes", table] if "--attributes" not in arguments else []
        if "--forcing" not in arguments:
            given += ["--forcing", forcing]
        result = dhbv("ngen", "init", model.path, *given, "--out", tmp_path / name, *arguments)
        assert result.code == 0, result.err
        return tmp_path / name

    return make
