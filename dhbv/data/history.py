"""gz: what the past flow of a basin tells of it, as attributes beside those of its landscape.

Tsai et al. (2021, doi:10.1038/s41467-021-26107-z) let their network see, beside attributes, the forcing and the
observations z of the training period, θ = gz(A, x, z), in which an LSTM reads the series and learns what to take from
them. Here the series are first condensed into eleven signatures of flow and of flow against rain, and the same
network as ever learns from those: less than an LSTM could find, but what a basin's history has told lies in a
handful of numbers that any other attribute's way leads to a model, be it in training, BMI or a forecast. As in the
paper they come from the training period and stay what they are when the model runs on later days; a basin without a
gauge has none and is refused by name.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.attributes import HISTORY, HISTORY_ATTRIBUTES
from dhbv.configuration import Period
from dhbv.data.climate import DRY_DAY
from dhbv.data.schema import DataError, basin_ids, with_attributes

FEWEST_DAYS = 365
"""Observed days below which a record tells nothing."""

FLOW_FLOOR = 1e-3
"""mm d-1; flows below it count as this much where their logarithm is taken."""

COLD_MONTHS = (10, 11, 12, 1, 2, 3)
"""October to March."""

PERIOD = "period"
"""The attribute of a variable that says from which days it was made."""

_REMEDY = "make it anew with `dhbv data history`"

Daily = NDArray[np.floating]


def signatures(flow: Daily, prcp: Daily, days: NDArray[np.datetime64]) -> pd.DataFrame:
    """Signatures by name, one row per basin; NaN where fewer than `FEWEST_DAYS` were observed.

    Args:
        flow: mm d-1, [basin, time], NaN where not observed; such days count nowhere.
        prcp: mm d-1, [basin, time].
        days: [time], one after another.

    Returns:
        `history_q_mean`, `_q05` and `_q95` (mm d-1; the two exceeded on 95 and 5 % of the days),
        `_runoff_ratio` Σ Q / Σ P, of October to March `_cold` and of April to September `_warm`,
        `_slope_fdc` between the flows exceeded on 33 and 66 % of the days (Sawicz et al. 2011,
        doi:10.5194/hess-15-2895-2011),
        `_no_flow` the share of days without any, `_flashiness` Σ |Q(t) − Q(t−1)| / Σ Q (Baker et al. 2004,
        doi:10.1111/j.1752-1688.2004.tb01046.x), `_recession` the median of ln Q(t−1) / Q(t) where flow falls on
        the second of two dry days (d-1), and `_centroid` the mean day of the year from 1 October
        on which a drop flows off (d; Stewart et al. 2005, doi:10.1175/JCLI3321.1). What a record cannot tell,
        such as the flashiness of a river that never flows, is 0.
    """
    q, p = flow.astype(np.float64), prcp.astype(np.float64)
    seen = ~np.isnan(q)
    told = seen.sum(1) >= FEWEST_DAYS
    q[~told] = np.nan
    calendar = pd.DatetimeIndex(days)
    cold = calendar.month.isin(COLD_MONTHS)
    october = (
        np.array(calendar.year - (calendar.month < 10) - 1970, "datetime64[Y]").astype("datetime64[M]") + 9
    )
    of_year = (days.astype("datetime64[D]") - october.astype("datetime64[D]")).astype(int)
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of basins without a record
        q05, low, high, q95 = np.nanquantile(q, (0.05, 0.34, 0.67, 0.95), axis=1)
        slope = np.log(np.maximum(high, FLOW_FLOOR) / np.maximum(low, FLOW_FLOOR)) / 0.33
        steps = np.abs(np.diff(q, axis=1))
        table = {
            "q_mean": np.nanmean(q, 1),
            "runoff_ratio": _ratio(q, p, seen),
            "runoff_ratio_cold": _ratio(q, p, seen & cold),
            "runoff_ratio_warm": _ratio(q, p, seen & ~cold),
            "q05": q05,
            "q95": q95,
            "slope_fdc": slope,
            "no_flow": np.nanmean(np.where(np.isnan(q), np.nan, q == 0.0), 1),
            "flashiness": np.nansum(steps, 1) / np.where(np.isnan(steps), 0.0, q[:, 1:]).sum(1),
            "recession": _recession(q, p),
            "centroid": np.nansum(q * of_year, 1) / np.nansum(q, 1),
        }
    # A river that never flows, or rises without rain, leaves ratios that are none.
    found = {HISTORY + name: np.where(np.isfinite(x), x, 0.0) for name, x in table.items()}
    return pd.DataFrame({name: np.where(told, found[name], np.nan) for name in HISTORY_ATTRIBUTES})


def with_history(region: xr.Dataset, period: Period) -> xr.Dataset:
    """`region` with the signatures of its flow in `period` as attributes that say from which days they are.

    Raises:
        DataError: if the region does not hold all of the period, or no flow.
    """
    days = region["time"].values.astype("datetime64[D]")
    chosen = region.sel(time=slice(str(period.start), str(period.end)))
    if chosen.sizes["time"] < period.days:
        raise DataError(
            f"the data hold {days[0]}..{days[-1]}, not all of {period}: choose --start and --end within"
        )
    if "streamflow" not in chosen:
        raise DataError("the data hold no streamflow, from which a history could be told: give data that do")
    flow, prcp = (chosen[name].transpose("basin", "time").values for name in ("streamflow", "prcp"))
    table = signatures(flow, prcp, chosen["time"].values)
    told = with_attributes(region, table.set_index(pd.Index(basin_ids(region))))
    for name in HISTORY_ATTRIBUTES:
        told[name].attrs |= {PERIOD: str(period), "long_name": f"{name} of the flow observed in {period}"}
    return told


def refuse_other_days(region: xr.Dataset, attributes: Sequence[str], train: Period) -> None:
    """Pass attributes that tell of past flow in days of `train` alone; others are no concern of this.

    Raises:
        DataError: if one tells of other days, which are those to be tested on, or does not say of which.
    """
    for name in attributes:
        if not name.startswith(HISTORY) or name not in region:
            continue
        told = str(region[name].attrs.get(PERIOD, ""))
        try:
            first, last = (pd.Timestamp(day).date() for day in told.split(".."))
        except ValueError:
            raise DataError(
                f"{name} does not say from which days it was made (it has no attribute `{PERIOD}`), so that it could "
                f"tell of days that are tested on: {_REMEDY} --start {train.start} --end {train.end}"
            ) from None
        if first < train.start or last > train.end:
            raise DataError(
                f"{name} was made from {told}, which is not within data.train {train}: {_REMEDY} "
                f"--start {train.start} --end {train.end}"
            )


def _ratio(q: Daily, p: Daily, days: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Σ Q / Σ P over the observed ones of `days`."""
    ratio: NDArray[np.float64] = np.where(days, q, 0.0).sum(1) / np.where(days, p, 0.0).sum(1)
    return ratio


def _recession(q: Daily, p: Daily) -> NDArray[np.float64]:
    dry = p < DRY_DAY
    falls = np.log(q[:, :-1] / q[:, 1:])
    counts = dry[:, :-1] & dry[:, 1:] & (q[:, 1:] >= FLOW_FLOOR) & (falls > 0.0)
    median: NDArray[np.float64] = np.nanmedian(np.where(counts, falls, np.nan), axis=1)
    return median
