"""Water that comes into stores from outside: told, so that the balance goes on closing."""

from __future__ import annotations

import numpy as np
import xarray as xr

from dhbv.errors import DhbvError
from dhbv.fluxes.names import BOOKED
from dhbv.forecast import OPENING
from dhbv.physics.water_balance import STORES


def booked(after: xr.Dataset, before: xr.Dataset) -> xr.Dataset:
    """`after` with what its stores hold more or less at its beginning than at the end of `before` booked on its first
    day: what data assimilation, or a store set by hand, put in between.

    Args:
        after: a run that begins on the day after `before` ends, of the same basins; see `dhbv.forecast.run`.
        before: the run before it.

    Raises:
        DhbvError: if it does not begin there, is of other basins or other weights.
    """
    gap = after["time"].values[0] - before["time"].values[-1]
    if gap != np.timedelta64(1, "D") or after["basin"].values.tolist() != before["basin"].values.tolist():
        raise DhbvError(
            f"a run of {after.sizes['basin']} basins that begins {_day(after, 0)} does not go on from one "
            f"of {before.sizes['basin']} that ends {_day(before, -1)}: book what was put in between two "
            "runs of the same basins, one the day after the other"
        )
    if after.attrs["weights_sha256"] != before.attrs["weights_sha256"]:
        raise DhbvError("the two runs are of different weights: their stores are exchanged, not filled")
    told = after.copy()
    for store in STORES:
        ended = before[store].isel(time=-1).values
        put_in = np.zeros((after.sizes["basin"], after.sizes["time"]))
        put_in[:, 0] = after[OPENING + store].values - ended
        row = BOOKED[store]
        told[row.name] = (
            ("basin", "time"),
            put_in,
            {"units": row.unit, "long_name": row.description, "cell_methods": "time: mean"},
        )
        told[OPENING + store] = ("basin", ended, after[OPENING + store].attrs)
    return told


def _day(fluxes: xr.Dataset, which: int) -> np.datetime64:
    day: np.datetime64 = fluxes["time"].values[which].astype("datetime64[D]")
    return day
