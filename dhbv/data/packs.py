"""NetCDF: packs of many basins in any accepted unit, and Datasets of the schema itself.

Only the basins and days that are asked for are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from dhbv.data.attribute_table import read_attributes
from dhbv.data.checks import check_basins, check_dates
from dhbv.data.schema import (
    OBSERVATIONS,
    TIME_VARIABLES,
    DataError,
    assemble,
    required_variables,
    with_attributes,
)
from dhbv.data.selection import forced_days, select_basins, select_period
from dhbv.data.units import DISCHARGE, spelling, to_canonical
from dhbv.errors import gist

_GIVE = "give a CSV with a key column gauge_id or basin by --attributes FILE"


def read_pack(
    path: str | Path,
    *,
    attributes: str | Path | None = None,
    basins: Sequence[str] | None = None,
    start: str | None = None,
    end: str | None = None,
    needs_flow: bool = True,
) -> xr.Dataset:
    """A region of the schema from a NetCDF file with dimensions (basin, time) in any order.

    Time is that of the forcing: leading and trailing days on which no chosen basin has precipitation,
    as where flow goes on beyond the forcing, are left out.

    Args:
        path: the file; its variables are named as in the schema and carry `units`.
        attributes: a CSV of attributes. By default those inside the file, else the only
            `*attributes*.csv` beside it.
        basins: ids, in the order wanted; by default all.
        start, end: first and last day; by default those of the forcing.
        needs_flow: whether the file must hold observed flow.

    Raises:
        DataError: for a file that is no pack, unknown basins or units, a period beyond the forcing, or
            attributes that are needed (for areas and latitudes) and cannot be found.
    """
    path = Path(path)
    with _opened(path) as file:
        _check_form(file, str(path), needs_flow)
        chosen = select_basins(basins, _ids(file, str(path)), str(path))
        # Selecting nothing is far faster than selecting everything by index.
        pack = file if basins is None else file.isel(basin=_positions(chosen, _ids(file, str(path))))
        pack = pack.transpose("basin", "time", ...)
        # Days may be dated at noon.
        pack = pack.assign_coords(time=pack["time"].values.astype("datetime64[D]").astype("datetime64[ns]"))
        pack["prcp"].load()
        pack = pack.isel(time=forced_days(pack["prcp"].values, str(path)))
        check_dates(pack["time"].values, str(path))
        pack = pack.isel(time=select_period(pack["time"].values, start, end, str(path))).load()
    table = _attributes(pack, path, attributes)
    return _canonical(pack, chosen, table, path)


def basins_in(path: Path) -> list[str]:
    """Ids of the basins of a pack, in its order."""
    with _opened(path) as file:
        _check_form(file, str(path), needs_flow=False)
        return _ids(file, str(path))


def tables_beside(path: Path) -> list[Path]:
    """Attribute tables in the folder of a pack."""
    return sorted(path.parent.glob("*attributes*.csv"))


def _opened(path: Path) -> xr.Dataset:
    try:
        return xr.open_dataset(path, cache=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file: check the path") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: not readable as NetCDF ({gist(error)}): give another file") from None


def _check_form(file: xr.Dataset, source: str, needs_flow: bool) -> None:
    if not {"basin", "time"} <= set(file.dims) or "basin" not in file or "time" not in file:
        raise DataError(
            f"{source}: dimensions and coordinates basin and time are needed, it has "
            f"{', '.join(map(str, file.sizes)) or 'none'}: rename them"
        )
    absent = [name for name in required_variables(needs_flow) if name not in file]
    if absent:
        raise DataError(
            f"{source}: no variable {', '.join(absent)}, it has {', '.join(map(str, file.data_vars))}: rename "
            "or add what is missing"
        )
    for name in (*TIME_VARIABLES, *OBSERVATIONS):
        if name in file and set(file[name].dims) != {"basin", "time"}:
            raise DataError(
                f"{source}: variable {name} has dimensions {file[name].dims}: it needs basin and time"
            )
    if file["time"].dtype.kind != "M":
        raise DataError(
            f"{source}: time is no calendar of true days: give it units such as 'days since 1980-01-01', and 29 February "
            "a day of its own where the calendar is noleap"
        )
    check_basins(file, source)


def _ids(file: xr.Dataset, source: str) -> list[str]:
    ids = file["basin"].values
    if ids.dtype.kind in "iuf":
        raise DataError(
            f"{source}: basin ids are numbers, which lose leading zeros: write them as text, e.g. "
            f"{int(ids[0]):08d}"
        )
    return [b.decode() if isinstance(b, bytes) else str(b) for b in ids]


def _positions(chosen: Sequence[str], available: Sequence[str]) -> list[int]:
    where = {b: i for i, b in enumerate(available)}
    return [where[b] for b in chosen]


def _attributes(pack: xr.Dataset, path: Path, file: str | Path | None) -> pd.DataFrame | None:
    """The table to add: the one given, None if the pack carries its own or needs none, else one beside it."""
    if file is not None:
        return read_attributes(file)
    if any(v.dims == ("basin",) for v in pack.data_vars.values()):
        return None
    beside = tables_beside(path)
    if len(beside) > 1:
        names = ", ".join(f.name for f in beside)
        raise DataError(
            f"{path}: several attribute tables beside it ({names}): name one by --attributes FILE"
        )
    if beside:
        return read_attributes(beside[0])
    discharge = "streamflow" in pack and spelling(pack["streamflow"].attrs.get("units", "")) in DISCHARGE
    if discharge or "pet" not in pack:
        need = "areas for streamflow" if discharge else "latitudes for evaporation"
        raise DataError(f"{path}: no attributes in it or beside it, needed for {need}: {_GIVE}")
    return None


def _canonical(pack: xr.Dataset, basins: Sequence[str], table: pd.DataFrame | None, path: Path) -> xr.Dataset:
    own = {str(n): v.values for n, v in pack.data_vars.items() if v.dims == ("basin",)}
    ds = assemble(basins, pack["time"].values, {}, _own_table(own, basins, path), source=str(path))
    for name in own:
        ds[name].attrs |= pack[name].attrs
    if table is not None:
        ds = with_attributes(ds, table)
    area = ds["area_gages2"].values if "area_gages2" in ds else None
    series = {}
    for name in (*TIME_VARIABLES, *OBSERVATIONS):
        if name in pack:
            unit = pack[name].attrs.get("units", "")
            series[name] = to_canonical(pack[name].values, name, unit, source=str(path), area_km2=area)
    daily = assemble(basins, pack["time"].values, series)
    return ds.merge(daily)


def _own_table(columns: dict[str, np.ndarray], basins: Sequence[str], path: Path) -> pd.DataFrame | None:
    if not columns:
        return None
    table = pd.DataFrame(columns, index=pd.Index(list(basins), name="basin"))
    table.attrs["source"] = str(path)
    return table
