"""The raw CAMELS-US download, as it is unpacked (Newman et al. 2015, doi:10.5065/D6MW2F4D).

    basin_mean_forcing/<set>/<huc>/<id>_lump_*_forcing_leap.txt     columns named in a header line
    usgs_streamflow/<huc>/<id>_streamflow_qc.txt                    id, year, month, day, ft3 s-1, flag
    camels_attributes_v2.0/camels_*.txt                             separated by semicolons

Areas come from the attribute `area_gages2`; those in the headers of the forcing files are off by
more than 10 % in 28 basins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.attribute_table import join, read_attributes
from dhbv.data.checks import check_dates, period
from dhbv.data.schema import TIME_VARIABLES, DataError, assemble, some
from dhbv.data.selection import select_basins
from dhbv.data.text_columns import dates, read_columns
from dhbv.data.units import to_canonical

PREFERRED_SETS = ("maurer_extended", "nldas_extended", "daymet")
"""Forcing sets in order of choice: those whose tmin and tmax are true."""

MISSING_FLOW = -999.0

_HEADER_LINES = 10
"""The header line with the names of the columns is among the first few."""

_RAW_FORCING = ("prcp", "tmin", "tmax", "srad", "vp")


def read_camels(
    folder: str | Path,
    *,
    forcing_set: str | None = None,
    basins: Sequence[str] | None = None,
    attributes: str | Path | None = None,
    needs_flow: bool = True,
) -> xr.Dataset:
    """A region of the schema from the raw download.

    Time spans the forcing of all basins: days that one basin lacks are NaN there, for `check` to
    find unless a period leaves them out. Flow is NaN where it is missing or beyond its record.

    Args:
        folder: that holds `basin_mean_forcing`.
        forcing_set: a folder in it; by default the only one, else the first of `PREFERRED_SETS`.
        basins: ids; by default all with a forcing file.
        attributes: a CSV to use instead of the download's own attribute files.
        needs_flow: whether every basin must have a flow record.

    Raises:
        DataError: for missing folders, files or columns, text where a number belongs, broken dates,
            unknown basins, and a basin whose forcing and flow do not overlap.
    """
    folder = Path(folder)
    forcing_files = _forcing_files(folder, forcing_set)
    flow_folder = folder / "usgs_streamflow"
    flow_files = {}
    if needs_flow or flow_folder.is_dir():
        flow_files = _files(_folder(flow_folder), "_streamflow_qc", "*_streamflow_qc.txt")
    chosen = select_basins(basins, sorted(forcing_files), str(folder))
    without_flow = [b for b in chosen if b not in flow_files]
    if without_flow and needs_flow:
        raise DataError(
            f"{flow_folder}: no file <huc>/<id>_streamflow_qc.txt for basin "
            f"{some(without_flow)}: download it, or leave the basin out"
        )
    table = read_attributes(attributes) if attributes else _attribute_files(folder)
    forcing = {b: _read_forcing(forcing_files[b], b) for b in chosen}
    first = min(f.index[0] for f in forcing.values())
    last = max(f.index[-1] for f in forcing.values())
    days = pd.date_range(first, last, freq="D", unit="ns")
    series = {
        name: np.stack([f[name].reindex(days).to_numpy() for f in forcing.values()]) for name in _RAW_FORCING
    }
    flow = np.full((len(chosen), len(days)), np.nan)
    for k, b in enumerate(chosen):
        if b in flow_files:
            flow[k] = _read_flow(flow_files[b], b, forcing[b].index.to_numpy()).reindex(days).to_numpy()
    ds = assemble(chosen, days.to_numpy(), series, table, source=str(folder))
    if "area_gages2" not in ds:
        raise DataError(
            f"{table.attrs['source']}: no attribute area_gages2, which turns streamflow into mm d-1: add "
            "camels_topo.txt, or give a table that has it with --attributes FILE"
        )
    depth = to_canonical(flow, "streamflow", "ft3 s-1", source=str(folder), area_km2=ds["area_gages2"].values)
    row = TIME_VARIABLES["streamflow"]
    ds["streamflow"] = (("basin", "time"), depth, {"units": row.unit, "long_name": row.long_name})
    return ds


def basins_in(folder: Path) -> list[str]:
    """Ids of the basins of a download, in the order in which they are read."""
    return sorted(_forcing_files(folder, None))


def _forcing_files(folder: Path, forcing_set: str | None) -> dict[str, Path]:
    return _files(_forcing_folder(folder, forcing_set), "_lump_", "*_lump_*_forcing_leap.txt")


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise DataError(
            f"{path}: no such folder: give the folder of the CAMELS download that holds "
            "basin_mean_forcing, usgs_streamflow and camels_attributes_v2.0"
        )
    return path


def _forcing_folder(folder: Path, forcing_set: str | None) -> Path:
    root = _folder(folder / "basin_mean_forcing")
    present = sorted(p.name for p in root.iterdir() if p.is_dir())
    if forcing_set is None:
        preferred = [s for s in PREFERRED_SETS if s in present]
        if len(present) == 1 or preferred:
            forcing_set = present[0] if len(present) == 1 else preferred[0]
    if forcing_set not in present:
        wanted = f"no forcing set {forcing_set!r}" if forcing_set else "no forcing set to choose by itself"
        raise DataError(
            f"{root}: {wanted}: there are {', '.join(present) or 'none'}; download "
            f"{' or '.join(PREFERRED_SETS)}, or name the one you want"
        )
    return root / forcing_set


def _files(folder: Path, marker: str, pattern: str) -> dict[str, Path]:
    """Files by basin id, which is the name before `marker`; HUC folders do not always agree."""
    files = {path.name.split(marker)[0]: path for path in sorted(folder.glob(f"*/{pattern}"))}
    if not files:
        raise DataError(f"{folder}: no file <huc>/{pattern}: check that the download was unpacked there")
    return files


def _attribute_files(folder: Path) -> pd.DataFrame:
    # The download offers the attributes as an archive of its own: inside or beside the forcing.
    places = [
        *sorted(folder.glob("camels_attributes_v*")),
        *sorted(folder.parent.glob("camels_attributes_v*")),
    ]
    files = [f for place in places[:1] for f in sorted(place.glob("camels_*.txt"))]
    if not files:
        raise DataError(
            f"{folder}: no camels_attributes_v2.0/camels_*.txt: unpack the CAMELS attributes there, or "
            "give a table with --attributes FILE"
        )
    return join([read_attributes(f, ";") for f in files], str(files[0].parent))


def _read_forcing(path: Path, basin: str) -> pd.DataFrame:
    """Forcing of one basin in canonical units, indexed by day."""
    with path.open(encoding="utf-8") as lines:
        head = [line for _, line in zip(range(_HEADER_LINES), lines, strict=False)]
    header = next((i for i, line in enumerate(head) if line.strip().lower().startswith("year")), None)
    if header is None:
        raise DataError(f"{path}: no header line that starts with Year: download the file of {basin} again")
    parts = [re.fullmatch(r"([^(]+)(?:\((.*)\))?", word) for word in head[header].split()]
    units = {m[1].lower(): m[2] or "" for m in parts if m}
    wanted = ("year", "mnth", "day", *_RAW_FORCING)
    absent = [name for name in wanted if name not in units]
    if absent:
        raise DataError(
            f"{path}: basin {basin}: no column {', '.join(absent)}; the header has {', '.join(units)}: "
            "download the file again, or name its columns as CAMELS does"
        )
    table = read_columns(path, list(units), wanted, header + 1)
    days = dates(table["year"], table["mnth"], table["day"], path, header + 1)
    check_dates(days, f"{path}: basin {basin}")
    columns = {name: to_canonical(table[name], name, units[name], source=str(path)) for name in _RAW_FORCING}
    return pd.DataFrame(columns, index=pd.DatetimeIndex(days.astype("datetime64[ns]")))


def _read_flow(path: Path, basin: str, forced: NDArray[np.datetime64]) -> pd.Series:
    """Streamflow of one basin, ft3 s-1, NaN where missing, indexed by day; must overlap `forced`."""
    names, wanted = ["id", "year", "month", "day", "flow", "flag"], ("year", "month", "day", "flow")
    table = read_columns(path, names, wanted, 0)
    days = dates(table["year"], table["month"], table["day"], path, 0)
    check_dates(days, f"{path}: basin {basin}", gaps=True)
    flow = np.where(table["flow"] == MISSING_FLOW, np.nan, table["flow"])
    series = pd.Series(flow, index=pd.DatetimeIndex(days.astype("datetime64[ns]")))
    if days[-1] < forced[0] or days[0] > forced[-1]:
        raise DataError(
            f"{path}: basin {basin}: streamflow ({period(days)}) and forcing ({period(forced)}) "
            "do not overlap: get a record of the same years, or leave the basin out"
        )
    return series
