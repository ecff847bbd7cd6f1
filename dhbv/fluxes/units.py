"""Units of water: udunits strings for depths, rates, volumes and discharges, turned into one another.

A kilogram of water is a litre. Between a depth and a volume stands the area of the basin, between a depth
and a rate the time over which it fell.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dhbv.data.units import SECONDS_PER_DAY, number_in, spelling
from dhbv.errors import DhbvError
from dhbv.fluxes.names import nearest
from dhbv.physics.variables import Variable

Float = NDArray[np.floating]


class Unit(NamedTuple):
    """A product of powers of m and s."""

    factor: float
    """Of it, in these."""
    length: int
    time: int


_FOOT = 0.3048
"""m; exact (NIST SP 811, Appendix B.8)."""

_BASE = {
    "mm": Unit(1e-3, 1, 0), "cm": Unit(1e-2, 1, 0), "dm": Unit(0.1, 1, 0), "m": Unit(1.0, 1, 0),
    "km": Unit(1e3, 1, 0), "in": Unit(_FOOT / 12.0, 1, 0), "ft": Unit(_FOOT, 1, 0),
    "L": Unit(1e-3, 3, 0), "kg": Unit(1e-3, 3, 0), "g": Unit(1e-6, 3, 0),
    "s": Unit(1.0, 0, 1), "min": Unit(60.0, 0, 1), "h": Unit(3600.0, 0, 1), "d": Unit(SECONDS_PER_DAY, 0, 1),
}  # fmt: skip
"""Masses are of water."""

_DEPTH, _RATE, _VOLUME, _DISCHARGE, _NUMBER = (1, 0), (1, -1), (3, 0), (3, -1), (0, 0)
_ALLOWED = {"flux": (_RATE, _DEPTH, _DISCHARGE, _VOLUME), "store": (_DEPTH, _VOLUME), "parameter": (_NUMBER,)}
_EXAMPLES = {
    "flux": "mm d-1, mm, m3 s-1 or m3", "store": "mm or m3", "parameter": "1, as it has no dimension"
}  # fmt: skip


class Amount(NamedTuple):
    """Values of a variable over periods."""

    value: Float
    """[basin, period]: the mean rate of a flux, mm d-1; a store, mm; a parameter."""
    total: Float
    """[basin, period]: of a flux what fell in the period, mm; else `value`."""


def parse(text: str) -> Unit:
    """A unit string, as `mm d-1`, `m3/s` or `kg m-2 s-1`.

    Raises:
        DhbvError: for a unit that is not known (tells the nearest), or a number before one, as in 1000 m3.
    """
    if number := number_in(text):
        raise DhbvError(
            f"unit {text!r}: there is no number before a unit, as {number}: ask for a plain one, as m3, and multiply what "
            "you get"
        )
    factor, length, time = 1.0, 0, 0
    for word in spelling(text).split():
        match = re.fullmatch(r"([^\d-]+)(-?\d+)?", word)
        if match is None or match[1] not in _BASE:
            name = match[1] if match else word
            near = ", ".join(nearest(name, _BASE)) or ", ".join(_BASE)
            raise DhbvError(
                f"unit {text!r}: {name!r} is not known (nearest: {near}): write it for udunits, as mm d-1 or m3 s-1"
            )
        unit, power = _BASE[match[1]], int(match[2] or 1)
        factor *= unit.factor**power
        length, time = length + power * unit.length, time + power * unit.time
    return Unit(factor, length, time)


def usual(variable: Variable, *, daily: bool) -> str:
    """The unit in which a variable is told unless asked otherwise: sums over periods are depths."""
    return "mm" if variable.aggregation == "sum" and not daily else variable.unit


def convert(
    amount: Amount, variable: Variable, unit: str, area_km2: Float | None, basins: list[str]
) -> Float:
    """`amount` in `unit`.

    Args:
        amount: values [basin, ...].
        variable: what they are.
        unit: a unit string: per time the mean over each period, else what fell in it.
        area_km2: of each basin, NaN where it is not known; needed for volumes and discharges.
        basins: for messages.

    Raises:
        DhbvError: if the unit is not known, not one for this variable, or an area is missing.
    """
    wanted = Unit(1.0, *_NUMBER) if unit.strip() in ("", "1") else parse(unit)
    kind = (wanted.length, wanted.time)
    if kind not in _ALLOWED[variable.kind]:
        raise DhbvError(
            f"{variable.name} [{variable.unit}] cannot be told in {unit!r}: ask for {_EXAMPLES[variable.kind]}, or "
            "give units by variable"
        )
    if kind == _NUMBER:
        return amount.value
    values = amount.value if wanted.time else amount.total
    if variable.kind == "store":
        values = amount.value
    own = parse("mm d-1" if wanted.time else "mm")
    if wanted.length == 1:
        return values if own == wanted else values * (own.factor / wanted.factor)
    if area_km2 is None or not (area_km2 > 0.0).all():
        lacking = (
            basins if area_km2 is None else [b for b, a in zip(basins, area_km2, strict=True) if not a > 0.0]
        )
        raise DhbvError(
            f"the archive does not know the area of basin {', '.join(lacking[:5])} ({len(lacking)} of {len(basins)}): "
            f"ask for {variable.name} in mm d-1 or mm, or append runs of data with the attribute area_gages2"
        )
    area = np.asarray(area_km2, np.float64).reshape(-1, *[1] * (values.ndim - 1))
    return values * (area * (1e6 * own.factor / wanted.factor))
