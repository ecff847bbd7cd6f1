"""From days to months, years, water years and climatologies.

Depths of fluxes add up, stores are read at the end, parameters are averaged, as the variable table says. A period that is
not whole is told by the count of its days.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dhbv.fluxes.units import Amount
from dhbv.physics.variables import Variable

Float = NDArray[np.floating]
Days = NDArray[np.datetime64]

_MONTHS = 12
_FIRST_OF_WATER_YEAR = 10
"""October."""
_LEAP_YEAR = 2000
"""Any; a date of the year is told by its number in it, so that 1 March is the same date in all years."""


class Aggregation(NamedTuple):
    """One way to put days together."""

    dim: str
    description: str
    over_years: bool = False


AGGREGATIONS = {
    "daily": Aggregation("time", "each day"),
    "monthly": Aggregation("time", "calendar months, by their first day"),
    "annual": Aggregation("year", "calendar years"),
    "water-year": Aggregation("water_year", "October to September, by the year in which they end"),
    "climatology": Aggregation("month", "months, the mean over the years in which they are whole", True),
    "climatology-daily": Aggregation(
        "day_of_year", "dates of a year with 29 February, the mean over the years", True
    ),
}


class Periods(NamedTuple):
    """Unbroken days put into periods that follow one another."""

    labels: NDArray[np.generic]
    """[period]"""
    starts: NDArray[np.intp]
    """Where each begins among the days."""
    whole: NDArray[np.int64]
    """Days that each has in the calendar."""

    @property
    def single(self) -> bool:
        """Whether each is one day."""
        return bool((self.whole == 1).all())


class Sums(NamedTuple):
    """A variable over periods."""

    amount: Amount
    """NaN where no day has a value."""
    counted: NDArray[np.int64]
    """[basin, period] days with a value; of a climatology the periods that were averaged."""


def periods(days: Days, how: str) -> Periods:
    """The periods of unbroken `days`: months for `monthly` and `climatology`, else single days or years."""
    if how in ("daily", "climatology-daily"):
        return Periods(days, np.arange(len(days)), np.ones(len(days), np.int64))
    months = days.astype("datetime64[M]")
    shift = _MONTHS + 1 - _FIRST_OF_WATER_YEAR if how == "water-year" else 0
    group = months if how in ("monthly", "climatology") else (months + shift).astype("datetime64[Y]")
    found, starts = np.unique(group, return_index=True)
    begins = found.astype("datetime64[M]") - shift
    length = 1 if how in ("monthly", "climatology") else _MONTHS
    whole = ((begins + length).astype("datetime64[D]") - begins.astype("datetime64[D]")).astype(np.int64)
    labels = begins.astype("datetime64[D]") if length == 1 else found.astype(np.int64) + 1970
    return Periods(labels, starts, whole)


def aggregate(values: Float, there: NDArray[np.bool_], variable: Variable, days: Periods) -> Sums:
    """Daily `values` [basin, time] over periods, of the days that are `there` [basin, time]."""
    starts = days.starts
    if days.single:
        nothing = np.asarray(np.where(there, values, values.dtype.type(np.nan)))
        return Sums(Amount(nothing, nothing), there.astype(np.int64))
    count = np.add.reduceat(there, starts, 1, dtype=np.int64)
    known = np.where(count > 0, 1.0, np.nan)
    if variable.aggregation == "last":
        # The last day of the period that is there.
        place = np.where(there, np.arange(values.shape[1]), -1)
        last = np.maximum.reduceat(place, starts, 1)
        taken = np.take_along_axis(values, np.maximum(last, 0), 1).astype(np.float64) * known
        return Sums(Amount(taken, taken), count)
    total = np.add.reduceat(np.where(there, values, 0.0).astype(np.float64), starts, 1) * known
    mean = total / np.maximum(count, 1)
    return Sums(Amount(mean, total if variable.aggregation == "sum" else mean), count)


def climatology(sums: Sums, periods_of: Periods, how: str) -> tuple[NDArray[np.int64], Sums]:
    """The mean over years of whole months, or of days: labels and [basin, label]; counts are of years."""
    if how == "climatology":
        group = periods_of.labels.astype("datetime64[M]").astype(int) % _MONTHS + 1
    else:
        group = _day_of_year(periods_of.labels)
    labels = np.unique(group)
    whole = sums.counted == periods_of.whole
    member = (group == labels[:, None]).T.astype(np.float64)
    years = (whole.astype(np.float64) @ member).astype(np.int64)

    def mean(part: Float) -> Float:
        added: Float = np.where(whole, part, 0.0).astype(np.float64) @ member
        with np.errstate(invalid="ignore", divide="ignore"):
            return added / np.where(years > 0, years, np.nan)

    value, total = mean(sums.amount.value), mean(sums.amount.total)
    if how == "climatology" and sums.amount.value is not sums.amount.total:
        # Februaries differ in length: the mean rate is that of all days, not of all months.
        lengths = (whole * periods_of.whole).astype(np.float64) @ member
        value = total * years / np.where(lengths > 0, lengths, np.nan)
    return labels, Sums(Amount(value, total), years)


def _day_of_year(days: NDArray[np.generic]) -> NDArray[np.int64]:
    """1 to 366, 60 being 29 February."""
    months = days.astype("datetime64[M]")
    month = months.astype(int) % _MONTHS
    in_month = (days.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    first = np.datetime64(f"{_LEAP_YEAR}-01", "M") + np.arange(_MONTHS)
    offset = (first.astype("datetime64[D]") - np.datetime64(f"{_LEAP_YEAR}-01-01", "D")).astype(np.int64)
    number: NDArray[np.int64] = offset[month] + in_month + 1
    return number
