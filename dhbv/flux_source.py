"""Daily fluxes and stores of some basins, from an archive of fluxes or from the NetCDF that a run wrote."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd
import xarray as xr

from dhbv import fluxes
from dhbv.data.checks import check_dates
from dhbv.data.schema import basin_ids
from dhbv.data.units import spelling
from dhbv.errors import DhbvError
from dhbv.fluxes import names, places
from dhbv.physics.variables import Variable
from dhbv.store.series import Day

PLACES = ("area", "latitude", "longitude")
"""What tells where a basin is and how large, km2 and degrees, as coordinates [basin]."""


def daily(
    source: Path | str,
    variables: Sequence[str],
    *,
    basins: Sequence[str] | str | Path | None = None,
    start: Day | None = None,
    end: Day | None = None,
    version: str = "latest",
) -> xr.Dataset:
    """Variables [basin, time] in the units of the variable table, under the names as asked for.

    Args:
        source: folder of an archive, or NetCDF of `dhbv forecast` or a cycle's analysis.
        variables, basins, start, end, version: as of `dhbv.fluxes.open`; a NetCDF has one version.

    Raises:
        DhbvError: for what is not there, not of single days or in other units; names it.
    """
    source = Path(source)
    if not source.exists():
        raise DhbvError(
            f"{source}: no such file or folder: give an archive of fluxes, or the NetCDF of `dhbv forecast`"
        )
    if not source.is_file():
        return fluxes.open(source, basins=basins, variables=variables, start=start, end=end, version=version)
    if version != "latest":
        raise DhbvError(f"{source} is one run: versions are asked of an archive, leave {version!r} out")
    ds = _read(source)
    if set(ds.dims) & {"quantile", "member"}:
        raise DhbvError(f"{source} holds an ensemble: give an archive, a run or a cycle's analysis.nc")
    rows = names.resolve(variables)
    absent = [v.name for v in rows.values() if v.name not in ds]
    if absent:
        raise DhbvError(f"{source}: no {', '.join(absent)} in it: write the run with all outputs")
    _check(ds, rows.values(), str(source))
    ds = ds.set_coords([name for name in PLACES if name in ds])
    known = basin_ids(ds)
    ds["basin"] = ("basin", pd.array(known, dtype=object), ds["basin"].attrs)
    chosen = places.choose(known, pd.DataFrame(index=known), str(source), basins, None, None)
    days = slice(None if start is None else str(start), None if end is None else str(end))
    found = xr.Dataset({name: ds[row.name] for name, row in rows.items()}, attrs=ds.attrs)
    found = found.sel(basin=chosen, time=days)
    if not found.sizes["time"]:
        first, last = (str(t)[:10] for t in ds["time"].values[[0, -1]])
        raise DhbvError(
            f"{source}: nothing of {start or first}..{end or last} in it: it holds {first}..{last}"
        )
    return found


def _read(source: Path) -> xr.Dataset:
    try:
        with xr.open_dataset(source) as file:
            return file.load()
    except (OSError, ValueError):
        # What xarray says is a list of all that it could have read.
        raise DhbvError(
            f"{source}: not readable as NetCDF: give an archive of fluxes, or the NetCDF of `dhbv forecast`"
        ) from None


def _check(ds: xr.Dataset, rows: Iterable[Variable], source: str) -> None:
    """Raise a DhbvError unless `ds` holds days in the units of the table: `dhbv fluxes get` writes months and m3 s-1 too."""
    remedy = "give the archive, or the NetCDF of `dhbv forecast`"
    for row in rows:
        lacking = {"basin", "time"} - set(ds[row.name].dims)
        if lacking:
            raise DhbvError(f"{source}: {row.name} has no dimension {', '.join(sorted(lacking))}: {remedy}")
        unit = str(ds[row.name].attrs.get("units", ""))
        if spelling(unit) != spelling(row.unit):
            raise DhbvError(f"{source}: {row.name} is in {unit or 'no unit'}, not {row.unit}: {remedy}")
    check_dates(ds["time"].values, source)
