"""Catchments with their areas and nexuses, from GeoJSON or a GeoPackage (§7)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.ngen.rules import Judge


class Catchment(NamedTuple):
    """A catchment that drains to a nexus."""

    name: str
    area: float
    """km2"""
    nexus: str
    properties: Mapping[str, Any]


def catchments(path: Path) -> dict[str, Catchment]:
    """All catchments of a hydrofabric by id."""
    if path.suffix == ".gpkg":
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            rows = {row["divide_id"]: dict(row) for row in database.execute("SELECT * FROM divides")}
    else:
        rows = {f["id"]: f["properties"] for f in json.loads(path.read_text(encoding="utf-8"))["features"]}
    found = {}
    for name, properties in rows.items():
        area = properties.get("areasqkm", properties.get("area_sqkm"))
        if not isinstance(area, (int, float)) or not area > 0.0:
            raise Judge.abort("§7", f"{path}: {name} has neither areasqkm nor area_sqkm above 0")
        found[name] = Catchment(name, float(area), properties["toid"], properties)
    return found


def nexuses(path: Path) -> set[str]:
    """Ids of all nexuses of a hydrofabric."""
    if path.suffix == ".gpkg":
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            return {name for (name,) in database.execute("SELECT id FROM nexus")}
    return {f["id"] for f in json.loads(path.read_text(encoding="utf-8"))["features"]}
