"""Several weather products as one: their mean, which errs less than each where their errors differ.

The form in which δ-HBV takes several forcings (Kratzert et al. 2021, doi:10.5194/hess-25-2685-2021, give an LSTM
each product by itself): the physics needs one P, T and Ep that a balance can close on, and a model of the mean runs
wherever one of a single product does. `dhbv experiment ensemble --data A --data B` averages the flows instead.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.checks import period
from dhbv.data.schema import FORCING, DataError, assemble, attributes, basin_ids, some

SINGLE = "days_of_one_product"
"""The attribute of a combined region that says how many of its days rest on one product."""


def combine(products: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """One region of the basins that all products have and of every day that any has.

    Each weather variable that all products have is the mean of those that know the day. Observed flow and other
    observations are those of the first product, gaps filled from the next; attributes those of the first.

    Args:
        products: regions of the schema by name, two or more.

    Returns:
        A region of the schema; `source` names the products and their days, and `SINGLE` tells how many days rest on
        one of them: a mean is smoother than a product, so a record of both is not of one piece.

    Raises:
        DataError: fewer than two products, no common basin, or days that do not join.
    """
    if len(products) < 2:
        raise DataError(f"{len(products)} weather product to combine: give two or more")
    first, *others = products.values()
    basins = basin_ids(first)
    for other in others:
        known = set(basin_ids(other))
        basins = [b for b in basins if b in known]
    if not basins:
        raise DataError(f"{', '.join(products)} have no basin in common: give products of the same basins")
    time = _joined({name: ds["time"].values for name, ds in products.items()})
    parts = [ds.sel(basin=basins).reindex(time=time) for ds in products.values()]
    weather = [name for name in FORCING if all(name in ds for ds in parts)]
    series = {name: _mean([_series(ds, name) for ds in parts]) for name in weather}
    observed = {str(n) for ds in parts for n, v in ds.data_vars.items() if set(v.dims) == {"basin", "time"}}
    for name in sorted(observed - set(FORCING)):
        series[name] = _first_known([_series(ds, name) for ds in parts if name in ds])
    told = "; ".join(f"{name} {period(ds['time'].values)}" for name, ds in products.items())
    region = assemble(basins, time, series, attributes(first.sel(basin=basins)), source=f"mean of {told}")
    for label, variable in first.data_vars.items():
        if variable.dims == ("basin",):
            region[label].attrs |= variable.attrs
    knowing = np.sum([ds["prcp"].notnull().any("basin").values for ds in parts], axis=0)
    region.attrs[SINGLE] = int((knowing == 1).sum())
    return region


def _joined(days: Mapping[str, NDArray[np.datetime64]]) -> NDArray[np.datetime64]:
    """All days from the first to the last that any product has."""
    time = np.unique(np.concatenate(list(days.values())))
    gaps = np.flatnonzero(np.diff(time) != np.timedelta64(1, "D"))
    if gaps.size:
        told = [f"{name} {period(t)}" for name, t in days.items()]
        raise DataError(
            f"no product knows the days after {str(time[gaps[0]])[:10]} ({some(told)}): give ones that join"
        )
    return time


def _series(ds: xr.Dataset, name: str) -> NDArray[np.float64]:
    return ds[name].transpose("basin", "time").values.astype(np.float64)


def _mean(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    stacked = np.stack(values)
    known = np.isfinite(stacked)
    return np.where(known, stacked, 0.0).sum(0) / np.where(known.any(0), known.sum(0), np.nan)


def _first_known(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    found, *others = values
    for other in others:
        found = np.where(np.isfinite(found), found, other)
    return found
