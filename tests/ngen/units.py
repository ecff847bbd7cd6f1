"""Conversion of units as ngen does it, through udunits (§4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cf_units

DIMENSIONLESS = frozenset({"", "none", "unitless", "dimensionless", "-", "1"})


class NotConvertible(ValueError):
    """udunits cannot parse one of the units, or turn one into the other."""


def convert(value: Any, source: str, wanted: str) -> Any:
    """`value` (a number or an array), given in `source`, in `wanted`.

    Raises:
        NotConvertible: see there; what then happens depends on what is converted.
    """
    return _conversion(source, wanted)(value)


@lru_cache(maxsize=256)
def _conversion(source: str, wanted: str) -> Callable[[Any], Any]:
    if wanted in DIMENSIONLESS or source == wanted:
        return lambda value: value
    try:
        have, want = (cf_units.Unit("1" if u in DIMENSIONLESS else u) for u in (source, wanted))
    except ValueError as error:
        raise NotConvertible(str(error)) from None
    if have.is_unknown() or want.is_unknown() or not have.is_convertible(want):
        raise NotConvertible(f"{source!r} is not convertible to {wanted!r}")
    return lambda value: have.convert(value, want)
