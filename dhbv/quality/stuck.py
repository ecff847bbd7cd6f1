"""A gauge that tells one and the same flow.

Real gauges do so under ice, at low flow told in whole digits and below dams: 123 days at most in
671 basins x 35 years of CAMELS. They do not while it rains.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dhbv.physics.hargreaves import mean_temperature
from dhbv.quality.batch import Batch
from dhbv.quality.finding import Hit
from dhbv.quality.history import constant
from dhbv.quality.runs import filled, running_total, spans

ALWAYS = 150
"""d, beyond every constant flow in CAMELS."""

FREE_DAYS, FREE_TIMES = 30, 4.0
"""d without frost of no less than the usual flow, and times the longest constant flow known in the basin; both must be
passed. In CAMELS up to 24 d, 5 times the known; below the usual 41 d, for springs and rounding."""

RAIN_DAYS, RAIN = 10, 130.0
"""d, and mm of rain without frost in them; 108 is the most that fell on a constant flow of CAMELS."""

TOLD = 30
"""d from which it is told; 65 of the 671 basins have such a run in 19 years."""

TOLD_DAYS, TOLD_TIMES = 14, 1.5
"""d, and times the longest constant flow known, from which it is told."""

FREE_OF_FROST = 3.0
"""degC of the day's mean, above which no ice holds the river and precipitation is rain."""


def stuck(batch: Batch) -> Iterator[Hit]:
    """The same flow above 0, to the last digit, for too long."""
    if not batch.present("streamflow"):
        return
    flow = batch.values["streamflow"]
    rows, first, last = spans(constant(flow))
    first = first - 1
    length = last - first + 1
    longest = batch.history.longest_constant[rows]
    free = rain = np.zeros(len(rows))
    if batch.present("tmin", "tmax"):
        mild = mean_temperature(batch.values["tmin"], batch.values["tmax"]) > FREE_OF_FROST
        free = _sums(mild.astype(np.float64), rows, first, last)
        if batch.present("prcp"):
            rain = _sums(np.where(mild, batch.values["prcp"], 0.0), rows, first + 1, last)
    usual = flow[rows, first] >= np.exp(batch.history.log_flow[rows, batch.month[first]])
    # Comparisons with an unknown longest run are false.
    grave = (length >= ALWAYS) | (usual & (free > np.maximum(FREE_DAYS, FREE_TIMES * longest)))
    grave |= (length >= RAIN_DAYS) & (rain >= RAIN)
    told = ~grave & ((length >= TOLD) | (length > np.maximum(TOLD_DAYS, TOLD_TIMES * longest)))

    def evidence(row: int, at: NDArray[np.intp]) -> str:
        text = f"{flow[row, at[0]]:.4g} mm d-1 on each of {len(at)} days"
        known = batch.history.longest_constant[row]
        return text if np.isnan(known) else f"{text}, {known:.0f} known"

    yield Hit(
        "streamflow", filled(batch.shape, rows[grave], first[grave], last[grave]), "quarantine", evidence
    )
    yield Hit("streamflow", filled(batch.shape, rows[told], first[told], last[told]), "warn", evidence)


def _sums(
    series: NDArray[np.float64], rows: NDArray[np.intp], first: NDArray[np.intp], last: NDArray[np.intp]
) -> NDArray[np.float64]:
    total = running_total(series)
    return total[rows, last + 1] - total[rows, first]
