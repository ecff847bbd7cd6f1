"""Normalising statistics, from training basins and days only; numpy and torch alike.

Weather: P through log10(√P + 0.1), then all three z-scored. Attributes: categories become
codes, then z-scores; a missing value becomes the training mean (0) and is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from dhbv.errors import DhbvError
from dhbv.physics.arrays import Array, like, namespace

_SMALLEST_SPREAD = 1e-6
"""An attribute that is the same everywhere is divided by 1, not by 0."""


class AttributeStatistics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one attribute is normalised."""

    name: str
    mean: float
    std: float
    lower: float
    """Smallest value seen in training; values outside lower..upper are extrapolation."""
    upper: float
    categories: tuple[str, ...] = ()
    """Classes in the order of their codes; empty for a number."""


class Statistics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything gA needs to see the world as it did in training."""

    forcing_mean: tuple[float, float, float]
    """Of log10(√P + 0.1), T and Ep."""
    forcing_std: tuple[float, float, float]
    attributes: tuple[AttributeStatistics, ...]


class Attributes(msgspec.Struct, frozen=True):
    """Normalised attributes and what had to be guessed."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    """[basin, attribute]"""
    unknown: NDArray[np.bool_]
    """[basin, attribute] without a value, or of a class unknown in training."""
    beyond: NDArray[np.bool_]
    """[basin, attribute] outside the training range."""

    @property
    def missing(self) -> dict[str, int]:
        """How many basins lack each attribute (or have a class unknown in training)."""
        return _counts(self.names, self.unknown)

    @property
    def outside(self) -> dict[str, int]:
        """How many basins lie outside the training range of each attribute."""
        return _counts(self.names, self.beyond)


def _counts(names: Sequence[str], where: NDArray[np.bool_]) -> dict[str, int]:
    return {name: int(n) for name, n in zip(names, where.sum(0), strict=True) if n}


def transform_forcing(forcing: Array) -> Array:
    """Weather [..., 3] (P, T, Ep) with P as log10(√P + 0.1)."""
    xp = namespace(forcing)
    p = xp.log10(xp.sqrt(forcing[..., 0]) + 0.1)
    return xp.stack([p, forcing[..., 1], forcing[..., 2]], -1)


def normalise_forcing(forcing: Array, statistics: Statistics) -> Array:
    """z-scores [..., 3] of weather P (mm d-1), T (degC), Ep (mm d-1)."""
    mean, std = like(statistics.forcing_mean, forcing), like(statistics.forcing_std, forcing)
    return (transform_forcing(forcing) - mean) / std


def normalise_attributes(table: Mapping[str, Sequence[object]], statistics: Statistics) -> Attributes:
    """z-scores [basin, attribute] of a table with a sequence of values for each attribute name.

    Raises:
        DhbvError: if an attribute the model needs has no column, or a value is not a number.
    """
    absent = [a.name for a in statistics.attributes if a.name not in table]
    if absent:
        raise DhbvError(
            f"the attribute table lacks {', '.join(absent)}: the model was trained with them; add the "
            "columns (single missing values may stay empty) or use a model trained without them"
        )
    columns, unknown, beyond = [], [], []
    for a in statistics.attributes:
        values = _codes(table[a.name], a.categories) if a.categories else _numbers(table[a.name], a.name)
        unknown.append(~np.isfinite(values))
        beyond.append((values < a.lower) | (values > a.upper))
        columns.append(np.where(unknown[-1], 0.0, (values - a.mean) / a.std))
    names = tuple(a.name for a in statistics.attributes)
    return Attributes(names, np.stack(columns, -1), np.stack(unknown, -1), np.stack(beyond, -1))


def fit(
    forcing: NDArray[np.floating], table: Mapping[str, Sequence[object]], names: Sequence[str]
) -> Statistics:
    """Statistics of training weather [time, basin, 3] and training basins' attributes `names`.

    Raises:
        DhbvError: if an attribute is not in the table or has no value in any basin.
    """
    absent = [name for name in names if name not in table]
    if absent:
        raise DhbvError(
            f"the attribute table lacks {', '.join(absent)}: add the columns, or list the attributes "
            "you have under model.attributes in the configuration"
        )
    flat = transform_forcing(np.asarray(forcing, dtype=np.float64)).reshape(-1, 3)
    attributes = []
    for name in names:
        column = table[name]
        text = sorted({v for v in column if isinstance(v, str)})
        values = _codes(column, text) if text else _numbers(column, name)
        known = values[np.isfinite(values)]
        if known.size == 0:
            raise DhbvError(
                f"attribute {name} has no value in any training basin: drop it from model.attributes"
            )
        attributes.append(
            AttributeStatistics(
                name, float(known.mean()), _spread(known), float(known.min()), float(known.max()), tuple(text)
            )
        )
    p, t, ep = (float(m) for m in flat.mean(0))
    sp, st, sep = (_spread(column) for column in flat.T)
    return Statistics((p, t, ep), (sp, st, sep), tuple(attributes))


def _spread(values: NDArray[np.float64]) -> float:
    std = float(values.std())
    return std if std > _SMALLEST_SPREAD * max(1.0, abs(float(values.mean()))) else 1.0


def _codes(column: Sequence[object], categories: Sequence[str]) -> NDArray[np.float64]:
    code = {name: float(i) for i, name in enumerate(categories)}
    return np.array([code.get(v, np.nan) if isinstance(v, str) else np.nan for v in column])


def _numbers(column: Sequence[object], name: str) -> NDArray[np.float64]:
    try:
        return np.array([np.nan if v is None else v for v in column], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DhbvError(f"attribute {name} must be a number: {error}") from None
