"""Which basins are meant: ids, a file of ids, a hydrologic unit, a box of coordinates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dhbv.data.selection import ids_of, select_basins
from dhbv.errors import DhbvError

Box = tuple[float, float, float, float]
"""West, south, east, north; degrees."""


def choose(
    known: Sequence[str],
    attributes: pd.DataFrame,
    source: str,
    basins: Sequence[str] | str | Path | None,
    huc: str | None,
    box: Box | None,
) -> list[str]:
    """The basins among `known` that fulfil everything asked.

    Args:
        known: ids.
        attributes: indexed by basin, with any of latitude, longitude and huc_02.
        source: the archive, for messages.
        basins: ids; or as text one id, several separated by commas, or a file with one a line.
        huc: the beginning of a hydrologic unit; one of more digits than are known means all that may lie in it.
        box: within which the outlet lies; one that crosses the date line has west > east.

    Raises:
        DhbvError: for unknown ids (tells the nearest), if places are not known, or nothing is left.
    """
    chosen = select_basins(ids_of(basins), known, source)
    if basins is not None and not chosen:
        raise DhbvError(f"{source}: no basin is named: name some, or leave the list out for all")
    table = attributes.reindex(chosen)
    if huc is not None:
        units = _column(table, "huc_02", source).map(lambda u: "" if pd.isna(u) else str(u))
        wanted = [str(b) for b, u in units.items() if u.startswith(huc) or (u and huc.startswith(u))]
        there = sorted({u for u in units if u})
        table = _left(table, wanted, source, f"hydrologic unit {huc}: there are {', '.join(there) or 'none'}")
    if box is not None:
        west, south, east, north = box
        lat, lon = _column(table, "latitude", source), _column(table, "longitude", source)
        between = (lon >= west) & (lon <= east) if west <= east else (lon >= west) | (lon <= east)
        inside = table.index[(lat >= south) & (lat <= north) & between]
        span = f"{lon.min():.2f}, {lat.min():.2f}, {lon.max():.2f}, {lat.max():.2f}"
        table = _left(
            table, list(inside), source, f"box {west:g}, {south:g}, {east:g}, {north:g}: they span {span}"
        )
    return [str(b) for b in table.index]


def _column(table: pd.DataFrame, name: str, source: str) -> pd.Series:
    if name not in table or table[name].isna().all():
        raise DhbvError(
            f"{source}: {name} of these basins is not known: name basins by id, or append runs of data that have it"
        )
    return table[name]


def _left(table: pd.DataFrame, wanted: list[str], source: str, what: str) -> pd.DataFrame:
    if not wanted:
        raise DhbvError(f"{source}: none of {len(table)} basins is in {what}")
    return table.loc[wanted]
