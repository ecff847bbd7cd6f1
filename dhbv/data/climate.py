"""Climate indices of daily weather, by the definitions of CAMELS (Addor et al. 2017, Table 2)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

HIGH_PRECIPITATION = 5.0
"""A day is one of high precipitation at or above so many times the mean daily precipitation."""

DRY_DAY = 1.0
"""mm d-1; below it a day is dry."""

SNOW_BELOW = 1.0
"""degC; the paper says 0, but CAMELS's own numbers are those of 1 (to 2e-4 in 95 % of the basins)."""

_YEAR = 365.25

Daily = NDArray[np.floating]


def climate_indices(
    prcp: Daily, temperature: Daily, pet: Daily, day_of_year: NDArray[np.integer]
) -> pd.DataFrame:
    """The nine climate indices of the paper's inputs, one row per basin.

    Args:
        prcp: mm d-1, [basin, time]; whole years.
        temperature: daily mean, degC, [basin, time].
        pet: potential evaporation, mm d-1, [basin, time].
        day_of_year: 1 to 366, [time].

    Returns:
        `p_mean` and `pet_mean` (mm d-1), `aridity`, `p_seasonality` and `frac_snow` (1),
        `high_prec_freq` and `low_prec_freq` (d yr-1), `high_prec_dur` and `low_prec_dur` (d).
    """
    p_mean, pet_mean = prcp.mean(1), pet.mean(1)
    high, low = prcp >= HIGH_PRECIPITATION * p_mean[:, None], prcp < DRY_DAY
    return pd.DataFrame(
        {
            "p_mean": p_mean,
            "pet_mean": pet_mean,
            "p_seasonality": seasonality(prcp, temperature, day_of_year),
            "frac_snow": np.where(temperature < SNOW_BELOW, prcp, 0.0).sum(1) / prcp.sum(1),
            "aridity": pet_mean / p_mean,
            "high_prec_freq": high.mean(1) * _YEAR,
            "high_prec_dur": mean_duration(high),
            "low_prec_freq": low.mean(1) * _YEAR,
            "low_prec_dur": mean_duration(low),
        }
    ).astype(np.float64)


def seasonality(prcp: Daily, temperature: Daily, day_of_year: NDArray[np.integer]) -> NDArray[np.float64]:
    """Seasonality of precipitation (1), [basin]: above 0 with a summer, below 0 with a winter maximum.

    Sine curves of one year are fitted to precipitation and temperature; the index is the relative
    amplitude of the first times the cosine of their phase difference (Woods 2009,
    doi:10.1016/j.advwatres.2009.06.011, Eq. 14).
    """
    angle = 2.0 * np.pi * day_of_year / _YEAR
    waves = np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle)], 1)
    p_mean, *p = np.linalg.lstsq(waves, prcp.T.astype(np.float64), rcond=None)[0]
    _, *t = np.linalg.lstsq(waves, temperature.T.astype(np.float64), rcond=None)[0]
    return (p[0] * t[0] + p[1] * t[1]) / np.hypot(t[0], t[1]) / p_mean


def mean_duration(days: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean length (d), [basin], of unbroken runs of true `days` [basin, time]; 0 where there is none."""
    starts = days.copy()
    starts[:, 1:] &= ~days[:, :-1]
    return days.sum(1) / np.maximum(starts.sum(1), 1)
