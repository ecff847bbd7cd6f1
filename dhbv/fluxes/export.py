"""What was asked for as a table or a file: NetCDF, Parquet, CSV."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import xarray as xr

from dhbv.errors import DhbvError
from dhbv.files import written_whole

_INDEX = ("basin", "issue", "lead", "quantile", "time", "year", "water_year", "month", "day_of_year")
SUFFIXES = (".nc", ".parquet", ".csv")


def table(fluxes: xr.Dataset) -> pd.DataFrame:
    """A row for each basin and day or period, a column for each variable; `made_by` as text.

    Units and provenance are in `attrs` of the table.
    """
    dims = [d for d in _INDEX if d in fluxes.dims]
    ds = fluxes.reset_coords(drop=True)
    if "made_by" in ds:
        makers = ["", *str(ds["made_by"].attrs["flag_meanings"]).split()]
        ds["made_by"] = ds["made_by"].copy(data=[[makers[k] for k in row] for row in ds["made_by"].values])
    frame = ds.to_dataframe(dim_order=dims).reset_index()
    frame.attrs = {"units": {str(n): v.attrs["units"] for n, v in ds.data_vars.items() if "units" in v.attrs}}
    frame.attrs |= {str(k): str(v) for k, v in fluxes.attrs.items()}
    return frame


def refuse_ending(path: Path) -> None:
    """Raise a DhbvError unless `save` knows what to write there: better told before all is read."""
    if path.suffix not in SUFFIXES:
        raise DhbvError(f"{path}: what is written goes by the ending: use one of {', '.join(SUFFIXES)}")


def save(fluxes: xr.Dataset, path: Path | str) -> None:
    """Write to `path`, all at once: NetCDF (.nc), Parquet (.parquet) or CSV (.csv, units in its header).

    Raises:
        DhbvError: for another ending.
    """
    path = Path(path)
    refuse_ending(path)
    with written_whole(path) as draft:
        if path.suffix == ".nc":
            zipped = {str(n): {"zlib": True} for n, v in fluxes.data_vars.items() if v.dtype.kind in "fi"}
            fluxes.to_netcdf(draft, encoding=zipped)
        elif path.suffix == ".parquet":
            table(fluxes).to_parquet(draft, index=False)
        else:
            frame = table(fluxes)
            units = frame.attrs["units"]
            heads = {name: f"{name} [{unit}]" for name, unit in units.items()}
            frame.rename(columns=heads).to_csv(draft, index=False, lineterminator="\n")
