"""Units: from what files carry to what the schema holds, by one explicit table.

A spelling is brought to CF form first (`mm/day` and `mm d^-1` to `mm d-1`); a unit that is
not in the table is an error, never a guess.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dhbv.data.schema import OBSERVATIONS, TIME_VARIABLES, DataError

CUBIC_FOOT = 0.028316846592
"""m3 in a cubic foot; exact, 0.3048 cubed (NIST SP 811, Appendix B.8)."""

SECONDS_PER_DAY = 86400.0

_DEPTH = {
    "mm d-1": 1.0,
    "cm d-1": 10.0,
    "m d-1": 1000.0,
    "in d-1": 25.4,
    "mm h-1": 24.0,
    "m h-1": 24.0e3,
    "mm s-1": SECONDS_PER_DAY,
    "kg m-2 s-1": SECONDS_PER_DAY,
    "kg m-2 d-1": 1.0,
    "m s-1": 1000.0 * SECONDS_PER_DAY,
}
"""Factors to mm d-1; a kilogram of water on a square metre is a millimetre."""

_STORED = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4, "kg m-2": 1.0}
"""Factors to mm of a store."""

_TEMPERATURE = {"degC": (1.0, 0.0), "K": (1.0, -273.15), "degF": (5.0 / 9.0, -160.0 / 9.0)}
"""Factor and offset to degC."""

DISCHARGE = {"m3 s-1": 1.0, "ft3 s-1": CUBIC_FOOT, "L s-1": 1e-3}
"""Factors to m3 s-1; these need the area of the basin to become a depth."""


def _scales(factors: dict[str, float]) -> dict[str, tuple[float, float]]:
    return {unit: (factor, 0.0) for unit, factor in factors.items()}


ACCEPTED: dict[str, dict[str, tuple[float, float]]] = {
    "prcp": _scales(_DEPTH),
    "pet": _scales(_DEPTH),
    "streamflow": _scales(_DEPTH | DISCHARGE),
    "tmin": _TEMPERATURE,
    "tmax": _TEMPERATURE,
    "srad": {"W m-2": (1.0, 0.0)},
    "vp": _scales({"Pa": 1.0, "hPa": 100.0, "mbar": 100.0, "kPa": 1000.0}),
} | {row.name: _scales(_DEPTH if row.unit == "mm d-1" else _STORED) for row in OBSERVATIONS.values()}
"""Units each variable may come in: factor and offset to the canonical one (discharge: to m3 s-1)."""

_WORDS = {
    "day": "d", "days": "d", "hour": "h", "hr": "h", "sec": "s", "second": "s", "inch": "in",
    "C": "degC", "°C": "degC", "celsius": "degC", "degrees_C": "degC", "degree_Celsius": "degC",
    "kelvin": "K", "Kelvin": "K", "F": "degF", "cms": "m3 s-1", "cfs": "ft3 s-1", "l": "L", "hpa": "hPa",
}  # fmt: skip


def number_in(unit: str) -> str:
    """A number that stands before a unit, as 10 in `10 mm` or 3 in `mm/3h`; empty where there is none."""
    found = re.search(r"(?<![^\s/*])[\d.][\d.eE^+-]*", unit.replace("**", "^"))
    return found[0].rstrip("*") if found else ""


def spelling(unit: str) -> str:
    """`unit` in CF spelling: `mm/day` becomes `mm d-1`, `W/m2` becomes `W m-2`, `celsius` `degC`.

    One with a number before it stays as it is: no table here has any, and to pass over it would be to guess.
    """
    if number_in(unit):
        return unit.strip()
    text = re.sub(r"\*\*|\^|[{}]", "", unit.strip()).replace("*", " ").replace("°F", "degF")
    words = []
    for slash, letters, power in re.findall(r"(/?)\s*([^\s/\d-]+)(-?\d*)", text):
        word = _WORDS.get(letters, letters)
        words.append(word + (f"-{power or 1}" if slash else power))
    return " ".join(words)


def streamflow_to_m3s(depth: ArrayLike, area_km2: ArrayLike) -> NDArray[np.float64]:
    """Discharge, m3 s-1, of a runoff depth, mm d-1, from an area, km2 (broadcast together)."""
    return np.asarray(depth, np.float64) * np.asarray(area_km2, np.float64) * (1000.0 / SECONDS_PER_DAY)


def streamflow_to_depth(discharge: ArrayLike, area_km2: ArrayLike) -> NDArray[np.float64]:
    """Runoff depth, mm d-1, of a discharge, m3 s-1, from an area, km2 (broadcast together)."""
    return np.asarray(discharge, np.float64) / np.asarray(area_km2, np.float64) * (SECONDS_PER_DAY / 1000.0)


def to_canonical(
    values: ArrayLike, variable: str, unit: str, *, source: str, area_km2: ArrayLike | None = None
) -> NDArray[np.float32]:
    """`values` of `variable`, given in `unit`, in the schema's unit.

    Args:
        values: any shape; [basin, time] where `area_km2` is needed.
        variable: name in the table of time variables.
        unit: as the file spells it.
        source: the file, for messages.
        area_km2: `area_gages2` of each basin, [basin] or a scalar; needed for a discharge.

    Raises:
        DataError: if the unit is unknown, or a discharge comes without a usable area.
    """
    accepted, canonical = ACCEPTED[variable], spelling(unit)
    if canonical not in accepted:
        raise DataError(
            f"{source}: variable {variable} has unit {unit!r}: set its units to one of "
            f"{', '.join(accepted)} (wanted: {(TIME_VARIABLES | OBSERVATIONS)[variable].unit})"
        )
    factor, offset = accepted[canonical]
    data = np.asarray(values, dtype=np.float64)
    if (factor, offset) != (1.0, 0.0):
        data = data * factor + offset
    if variable == "streamflow" and canonical in DISCHARGE:
        area = None if area_km2 is None else np.asarray(area_km2, dtype=np.float64)
        if area is None or not (area > 0.0).all():
            raise DataError(
                f"{source}: streamflow in {unit} needs the attribute area_gages2 (km2, above 0) of every basin to "
                "become mm d-1: give a table that has it with --attributes FILE"
            )
        data = streamflow_to_depth(data, area[:, None] if area.ndim else area)
    return data.astype(np.float32)
