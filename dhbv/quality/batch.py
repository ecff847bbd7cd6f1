"""New data as the checks see them: in order, beside what is known of the same basins."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.schema import TIME_VARIABLES, basin_ids, required_variables
from dhbv.quality.days import Calendar, arrange
from dhbv.quality.history import ENOUGH, History, learn
from dhbv.quality.runs import Mask, Series

LEAD = 180
"""d known before the new ones that checks see with them, so that runs are found in a feed of a day a file: more than
`stuck.ALWAYS`, and the rain that may still run off (`scale.LEAD`)."""


@dataclass(frozen=True)
class Batch:
    """One examination; the gate writes NaN into `values` and a code into `reasons` as faults are found.

    Its time axis begins with `lead` days that are known, before the new ones.
    """

    calendar: Calendar
    """Of the new days alone."""
    lead: int
    basins: list[str]
    days: NDArray[np.datetime64]
    month: NDArray[np.integer]
    """[time], 0 to 11."""
    values: dict[str, Series]
    """By variable, without the cells that earlier checks have put aside."""
    reasons: dict[str, NDArray[np.uint8]]
    """[basin, time] by variable: 0, or the place from 1 of the check in the table that put the cell aside."""
    area: NDArray[np.float64]
    """[basin], km2, NaN where unknown."""
    history: History
    gone_basins: list[str]
    """Known, and not in these data; likewise variables, which must be there as well."""
    gone_variables: list[str]
    known_last: np.datetime64 | None
    today: dt.date

    @property
    def shape(self) -> tuple[int, int]:
        """Basins and days."""
        return len(self.basins), len(self.days)

    def present(self, *names: str) -> bool:
        """Whether all these variables are in the data."""
        return all(name in self.values for name in names)

    def after_lead(self, cells: Mask) -> Mask:
        """Cells of the new days [any, new days] on the batch's days; none of the known ones."""
        return np.pad(cells, ((0, 0), (self.lead, 0)))

    def put_aside(self, name: str) -> Mask:
        """[basin, time], the cells of a variable that a check has put aside."""
        return self.reasons[name] > 0


def assemble_batch(
    new: xr.Dataset, known: xr.Dataset | None, today: dt.date, aside: xr.Dataset | None = None
) -> Batch:
    """Raises DataError for a Dataset that cannot be put in order, see `days.arrange`."""
    calendar = arrange(new, today)
    basins = basin_ids(calendar.daily)
    names = [name for name in TIME_VARIABLES if name in calendar.daily]
    known_names = [] if known is None else [name for name in TIME_VARIABLES if name in known]
    # A feed of flow alone is no region without forcing.
    wanted = known_names or ([] if names == ["streamflow"] else required_variables(needs_flow=False))
    known_basins = [] if known is None else basin_ids(known)
    daily = calendar.daily.assign(
        {name: ("basin", _static(name, calendar.daily, known)) for name in ("area_gages2", "p_mean")}
    )
    before, past = _divided(known, daily["time"].values)
    days = pd.DatetimeIndex(np.concatenate([before, daily["time"].values]))
    values = {}
    for name in names:
        came = [_series(ds, name, basins, before) for ds in (known, aside)]
        lead = np.where(np.isnan(came[0]), came[1], came[0])
        values[name] = np.concatenate([lead, daily[name].values.astype(np.float64)], 1)
    area = daily["area_gages2"].values
    shape = (len(basins), len(days))
    return Batch(
        calendar=calendar,
        lead=before.size,
        basins=basins,
        days=days.to_numpy().astype("datetime64[D]"),
        month=days.month.to_numpy() - 1,
        values=values,
        reasons={name: np.zeros(shape, dtype=np.uint8) for name in names},
        area=np.where(area > 0.0, area, np.nan),
        history=learn(past, daily),
        gone_basins=[b for b in known_basins if b not in set(basins)],
        gone_variables=[name for name in wanted if name not in names],
        known_last=_last_day(known),
        today=today,
    )


def _static(name: str, new: xr.Dataset, known: xr.Dataset | None) -> NDArray[np.float64]:
    """An attribute [basin] as the data tell it, else as it is known, else NaN."""
    told = np.full(new.sizes["basin"], np.nan)
    for ds in (new, known):
        if ds is not None and name in ds:
            numbers = pd.to_numeric(ds[name].to_series(), errors="coerce").reindex(new["basin"].values)
            told = np.where(np.isnan(told), numbers.to_numpy(np.float64), told)
    return told


def _divided(
    known: xr.Dataset | None, days: NDArray[np.datetime64]
) -> tuple[NDArray[np.datetime64], xr.Dataset | None]:
    """The `LEAD` days before the new `days`, as far back as there are any; and what usual is learnt from.

    A fault that came a day at a time must not have taught what is usual: the lead, and days that come again, teach
    nothing where the others are history enough.
    """
    none = np.array([], "datetime64[ns]")
    if known is None or known.sizes["time"] == 0 or days.size == 0:
        return none, known
    time, day = known["time"].values, np.timedelta64(1, "D")
    first = max(time.min(), days[0] - LEAD * day)
    before = np.arange(first, days[0], day).astype("datetime64[ns]") if first <= time.max() else none
    others = (time < days[0] - LEAD * day) | (time > days[-1])
    return before, known.isel(time=others) if others.sum() >= ENOUGH else known


def _series(ds: xr.Dataset | None, name: str, basins: list[str], days: NDArray[np.datetime64]) -> Series:
    """A variable on basins and days, NaN where `ds` has nothing."""
    if ds is None or name not in ds or days.size == 0:
        return np.full((len(basins), days.size), np.nan)
    there = ds[name].transpose("basin", "time").reindex(basin=basins, time=days)
    return there.values.astype(np.float64)


def _last_day(known: xr.Dataset | None) -> np.datetime64 | None:
    if known is None or known.sizes["time"] == 0:
        return None
    return known["time"].values.max().astype("datetime64[D]")
