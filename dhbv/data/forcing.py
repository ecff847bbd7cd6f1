"""From a region to the arrays the model sees: P, T and Ep, and the flow it is compared with."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.attributes import LATITUDE
from dhbv.data.schema import OBSERVED, DataError
from dhbv.physics.hargreaves import mean_temperature, potential_evaporation


def model_forcing(ds: xr.Dataset) -> NDArray[np.float32]:
    """P (mm d-1), T (degC) and Ep (mm d-1), [time, basin, 3], finite everywhere.

    T is (tmin + tmax) / 2; Ep is the variable `pet` if the region has one, else Hargreaves from
    tmin, tmax, the attribute `gauge_lat` and the true day of the year.

    Raises:
        DataError: if a latitude is needed and missing, or a value is not finite.
    """
    prcp, tmin, tmax = (ds[name].transpose("time", "basin").values for name in ("prcp", "tmin", "tmax"))
    if "pet" in ds:
        ep = ds["pet"].transpose("time", "basin").values
    else:
        day_of_year = ds["time"].dt.dayofyear.values[:, None]
        ep = potential_evaporation(tmin, tmax, _latitude(ds), day_of_year)
    forcing = np.stack([prcp, mean_temperature(tmin, tmax), ep], -1, dtype=np.float32, casting="same_kind")
    bad = np.argwhere(~np.isfinite(forcing))
    if bad.size:
        day, basin, column = bad[0]
        raise DataError(
            f"basin {ds['basin'].values[basin]}: {('P', 'T', 'Ep')[column]} is {forcing[day, basin, column]} on "
            f"{np.datetime_as_string(ds['time'].values[day], 'D')}: fill the forcing (open_region checks it)"
        )
    return forcing


def observed_flow(ds: xr.Dataset) -> NDArray[np.float32]:
    """Observed streamflow, mm d-1, [time, basin], NaN where missing."""
    return _series(ds, "streamflow")


def observed(ds: xr.Dataset, name: str) -> NDArray[np.float32]:
    """Observations of the flux or store `name`, in its unit, [time, basin], NaN where missing.

    Raises:
        DataError: if the region has none.
    """
    if OBSERVED + name not in ds:
        raise DataError(
            f"the data hold no observations of {name}: add the variable {OBSERVED}{name} [basin, time], NaN where not "
            "seen, or take it out of training.targets"
        )
    return _series(ds, OBSERVED + name)


def _series(ds: xr.Dataset, name: str) -> NDArray[np.float32]:
    return np.ascontiguousarray(ds[name].transpose("time", "basin").values, dtype=np.float32)


def _latitude(ds: xr.Dataset) -> NDArray[np.float64]:
    """Degrees north, [basin]."""
    remedy = "give a table that has it with --attributes FILE, or a variable pet"
    if LATITUDE not in ds:
        raise DataError(f"no attribute gauge_lat, which Hargreaves evaporation needs: {remedy}")
    latitude = ds[LATITUDE].values.astype(np.float64)
    wrong = ~(np.abs(latitude) <= 90.0)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"basin {ds['basin'].values[first]}: gauge_lat is {latitude[first]}, no latitude in degrees: {remedy}"
        )
    return latitude
