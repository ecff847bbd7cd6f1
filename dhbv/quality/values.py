"""Checks of single values: against what is possible, and against what its basin has known."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from dhbv.data.schema import TIME_VARIABLES
from dhbv.data.units import CUBIC_FOOT, streamflow_to_depth
from dhbv.quality.batch import Batch
from dhbv.quality.finding import Hit
from dhbv.quality.runs import Mask, Series, filled, spans

FILL_VALUES = (-999.0, -9999.0, -32768.0, 1e20, 9.96921e36)
"""What files write for a missing value; the last is netCDF's own."""

BOUNDS = {
    "prcp": (0.0, 1825.0),
    "tmin": (-90.0, 60.0),
    "tmax": (-90.0, 60.0),
    "streamflow": (0.0, 1825.0),
    "srad": (0.0, 1361.0),
    "vp": (0.0, 7400.0),
    "pet": (-5.0, 30.0),
}
"""Least and greatest possible: the world's records of a day's rain (La Reunion 1966) and of temperature (Vostok
1983, Death Valley 1913; WMO archive), the solar constant, and saturation at 40 degC (FAO-56, eq. 11). Runoff is
held to the record of rain; dew makes a little negative evaporation."""

KELVIN = (150.0, 350.0)
"""Temperatures within are K taken for degC."""

NOT_NEGATIVE = ("prcp", "streamflow", "srad", "vp")

BEYOND_RECORD = 20.0
"""K outside all known temperatures of the month; up to 17.3 were seen between halves of CAMELS."""

FLOW_RECORD = 4.0
"""Times the greatest daily flow known, from which it is told; floods reached 11 times in CAMELS, so no more than told."""

INVERTED_RUN = 14
"""d without a break; the longest run in Daymet is 11."""

INVERTED_BY = 20.0
"""K; the worst day in Daymet is 14.7."""

INVERTED_BASINS, INVERTED_SHARE = 8, 0.25
"""Basins and share of basins on one day: columns are swapped. At most 7 and 1.2 % in Daymet."""


def fill_values(batch: Batch) -> Iterator[Hit]:
    """Codes of missing values, also where flow was turned from ft3 s-1 or m3 s-1 with the rest."""
    for name, values in batch.values.items():
        cells = _any_close(values, FILL_VALUES)
        if name == "streamflow":
            for code in FILL_VALUES[:2]:
                for unit in (CUBIC_FOOT, 1.0):
                    depth = streamflow_to_depth(code * unit, batch.area)[:, None]
                    cells |= np.isclose(values, depth, rtol=1e-5, atol=0.0)
        yield Hit(name, cells, "quarantine", _values(batch, name, "a code for a missing value"))


def infinite(batch: Batch) -> Iterator[Hit]:
    """Values that are no number."""
    for name, values in batch.values.items():
        yield Hit(name, np.isinf(values), "quarantine", _values(batch, name))


def kelvin(batch: Batch) -> Iterator[Hit]:
    """Temperatures in K."""
    for name in _there(batch, "tmin", "tmax"):
        values = batch.values[name]
        cells = (values > KELVIN[0]) & (values < KELVIN[1])
        yield Hit(name, cells, "quarantine", _values(batch, name, "as if in K"))


def negative(batch: Batch) -> Iterator[Hit]:
    """Values below 0 of what cannot be."""
    for name in _there(batch, *NOT_NEGATIVE):
        yield Hit(name, batch.values[name] < 0.0, "quarantine", _values(batch, name))


def impossible(batch: Batch) -> Iterator[Hit]:
    """Values that nowhere on earth were seen."""
    for name, values in batch.values.items():
        low, high = BOUNDS[name]
        note = f"possible are {low:g} to {high:g}"
        yield Hit(name, (values < low) | (values > high), "quarantine", _values(batch, name, note))


def beyond_record(batch: Batch) -> Iterator[Hit]:
    """Values far outside all that the basin has known."""
    history = batch.history
    for name in _there(batch, "tmin", "tmax"):
        low, high = (limit[:, batch.month] for limit in history.temperature[name])
        values = batch.values[name]
        cells = (values < low - BEYOND_RECORD) | (values > high + BEYOND_RECORD)
        note = "far outside the month's known range"
        yield Hit(name, cells, "quarantine", _values(batch, name, note))
    if batch.present("prcp"):
        cells = batch.values["prcp"] > history.rain_limit[:, :1]
        yield Hit("prcp", cells, "quarantine", _values(batch, "prcp", "more than is credible in this basin"))
    if batch.present("streamflow"):
        record = history.flow_record[:, :1]
        cells = batch.values["streamflow"] > FLOW_RECORD * np.where(record > 0.0, record, np.inf)
        note = "a flood beyond all known ones, or a fault"
        yield Hit("streamflow", cells, "warn", _values(batch, "streamflow", note))


def inverted(batch: Batch) -> Iterator[Hit]:
    """tmax below tmin: told, and put aside where it is too long, too much or too common to be Daymet's own."""
    if not batch.present("tmin", "tmax"):
        return
    below = batch.values["tmin"] - batch.values["tmax"]
    cells = below > 0.0
    rows, first, last = spans(cells)
    long = last - first + 1 >= INVERTED_RUN
    count = cells.sum(0)
    common = (count >= INVERTED_BASINS) & (count >= INVERTED_SHARE * len(cells))
    grave = filled(batch.shape, rows[long], first[long], last[long]) | (below > INVERTED_BY)
    grave |= cells & common

    def evidence(row: int, at: NDArray[np.intp]) -> str:
        return f"tmax - tmin = {-below[row, at].max():.1f} K at worst"

    for name in ("tmin", "tmax"):
        yield Hit(name, grave, "quarantine", evidence)
    yield Hit("tmax", cells & ~grave, "warn", evidence)


def _there(batch: Batch, *names: str) -> list[str]:
    return [name for name in names if name in batch.values]


def _any_close(values: Series, codes: tuple[float, ...]) -> Mask:
    return np.logical_or.reduce([np.isclose(values, code, rtol=1e-5, atol=0.0) for code in codes])


def _values(batch: Batch, name: str, note: str = "") -> Callable[[int, NDArray[np.intp]], str]:
    """Evidence: the range of the values, and a note."""

    def evidence(row: int, at: NDArray[np.intp]) -> str:
        values = batch.values[name][row, at]
        low, high = values.min(), values.max()
        text = f"{low:.5g}" if low == high else f"{low:.5g} to {high:.5g}"
        return f"{text} {TIME_VARIABLES[name].unit}" + (f": {note}" if note else "")

    return evidence
