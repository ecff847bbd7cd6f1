"""New data as the checks see them: in order, beside what is known of the same basins."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.schema import TIME_VARIABLES, basin_ids, required_variables
from dhbv.quality.days import Calendar, arrange
from dhbv.quality.history import History, learn
from dhbv.quality.runs import Mask, Series


@dataclass(frozen=True)
class Batch:
    """One examination; the gate writes NaN into `values` and a code into `reasons` as faults are found."""

    calendar: Calendar
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

    def put_aside(self, name: str) -> Mask:
        """[basin, time], the cells of a variable that a check has put aside."""
        return self.reasons[name] > 0


def assemble_batch(new: xr.Dataset, known: xr.Dataset | None, today: dt.date) -> Batch:
    """Raises DataError for a Dataset that cannot be put in order, see `days.arrange`."""
    calendar = arrange(new, today)
    daily = calendar.daily
    basins = basin_ids(daily)
    names = [name for name in TIME_VARIABLES if name in daily]
    known_names = [] if known is None else [name for name in TIME_VARIABLES if name in known]
    # A feed of flow alone is no region without forcing.
    wanted = known_names or ([] if names == ["streamflow"] else required_variables(needs_flow=False))
    known_basins = [] if known is None else basin_ids(known)
    shape = (len(basins), daily.sizes["time"])
    return Batch(
        calendar=calendar,
        basins=basins,
        days=daily["time"].values.astype("datetime64[D]"),
        month=daily["time"].dt.month.values - 1,
        values={name: daily[name].values.astype(np.float64) for name in names},
        reasons={name: np.zeros(shape, dtype=np.uint8) for name in names},
        area=_area(daily),
        history=learn(known, daily),
        gone_basins=[b for b in known_basins if b not in set(basins)],
        gone_variables=[name for name in wanted if name not in names],
        known_last=_last_day(known),
        today=today,
    )


def _area(daily: xr.Dataset) -> NDArray[np.float64]:
    if "area_gages2" not in daily:
        return np.full(daily.sizes["basin"], np.nan)
    area = daily["area_gages2"].values.astype(np.float64)
    return np.where(area > 0.0, area, np.nan)


def _last_day(known: xr.Dataset | None) -> np.datetime64 | None:
    if known is None or known.sizes["time"] == 0:
        return None
    return known["time"].values.max().astype("datetime64[D]")
