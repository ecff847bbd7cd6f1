"""The days a baseline is trained and tested on, which are those of a δ model of the same configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.configuration import Period
from dhbv.errors import ConfigurationError


def days_of(
    region: xr.Dataset, basins: Sequence[str], period: Period, before: int = 0
) -> tuple[xr.Dataset, int]:
    """`basins` of `region` through `period` and up to `before` days ahead of it; and how many those are.

    Raises:
        ConfigurationError: the region lacks days of the period.
    """
    days = region["time"].values.astype("datetime64[D]")
    first, last = np.datetime64(period.start, "D"), np.datetime64(period.end, "D")
    if not len(days) or days[0] > first or days[-1] < last:
        span = f"{days[0]}..{days[-1]}" if len(days) else "no day"
        raise ConfigurationError(
            f"the data hold {span}, not all of the period {period}: correct data.train and data.test, or give data "
            "that cover them"
        )
    begin = int((first - days[0]).astype(int))
    ahead = min(begin, before)
    chosen = slice(begin - ahead, begin + period.days)
    return region.sel(basin=list(basins)).isel(time=chosen), ahead


def gathered(
    part: xr.Dataset,
    daily: Mapping[str, NDArray[np.floating]],
    means: Mapping[str, NDArray[np.floating]],
    *,
    held_out: bool,
) -> xr.Dataset:
    """A test run in the form of `dhbv.experiments.simulation.gather`, of as much as a baseline knows.

    Args:
        part: whose basins and days were run.
        daily: [time, basin] of the last days of `part`, by name.
        means: [time, basin] too, kept as means.
        held_out: whether these basins were held out.
    """
    count = len(next(iter(daily.values())))
    there = xr.Dataset(coords={name: part[name].values for name in ("basin", "time")}).isel(
        time=slice(part.sizes["time"] - count, None)
    )
    columns: dict[str, Any] = {name: (("basin", "time"), value.T) for name, value in daily.items()}
    columns |= {name: (("basin",), value.mean(0, dtype=np.float64)) for name, value in means.items()}
    return there.assign(columns).assign(held_out=("basin", np.full(part.sizes["basin"], held_out)))
