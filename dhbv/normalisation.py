"""Normalising statistics, from training basins and days only; numpy and torch alike.

Weather: P through log10(√P + 0.1), then all three z-scored. Attributes: categories become
codes, then z-scores; a missing value becomes the training mean (0) and is counted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from dhbv.attributes import HISTORY
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


class Moments(NamedTuple):
    """Of each basin's transformed weather; from those of parts come the statistics of the whole, exactly the same
    however the basins were divided."""

    mean: NDArray[np.float64]
    """[basin, 3]"""
    variance: NDArray[np.float64]
    """[basin, 3]"""


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


def refuse_ungauged(attributes: Attributes, basins: Sequence[str]) -> None:
    """Raise DhbvError unless each of `basins` has all that a model wants to know of its past flow.

    Of other attributes a missing value becomes the training mean; a mean of other rivers' records is no record.
    """
    for name, unknown in zip(attributes.names, attributes.unknown.T, strict=True):
        if name.startswith(HISTORY) and unknown.any():
            basin = basins[int(np.argmax(unknown))]
            raise DhbvError(
                f"basin {basin} has no {name} ({int(unknown.sum())} basins without it): this model learns its parameters "
                "from past flow too, so it serves gauged basins alone; give the values that `dhbv data history` makes "
                "of the gauge's record, or use a model without history_ attributes"
            )


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
        DhbvError: if an attribute the model needs has no column, a value is not a number, or one stands for a class.
    """
    absent = [a.name for a in statistics.attributes if a.name not in table]
    if absent:
        raise DhbvError(
            f"the attribute table lacks {', '.join(absent)}: the model was trained with them; add the "
            "columns (single missing values may stay empty) or use a model trained without them"
        )
    columns, unknown, beyond = [], [], []
    for a in statistics.attributes:
        column = table[a.name]
        values = _classes(column, a) if a.categories else _numbers(column, a.name)
        unknown.append(~np.isfinite(values))
        beyond.append((values < a.lower) | (values > a.upper))
        columns.append(np.where(unknown[-1], 0.0, (values - a.mean) / a.std))
    names = tuple(a.name for a in statistics.attributes)
    return Attributes(names, np.stack(columns, -1), np.stack(unknown, -1), np.stack(beyond, -1))


def moments(forcing: NDArray[np.floating]) -> Moments:
    """Moments of training weather [time, basin, 3]."""
    # Basin by basin, days in one run of memory: so the order of summing does not depend on what else is here.
    series = (transform_forcing(forcing[:, k].astype(np.float64)).T.copy() for k in range(forcing.shape[1]))
    mean, variance = zip(*((x.mean(1), x.var(1)) for x in series), strict=True)
    return Moments(np.stack(mean), np.stack(variance))


def fit(
    forcing: NDArray[np.floating] | Moments, table: Mapping[str, Sequence[object]], names: Sequence[str]
) -> Statistics:
    """Statistics of training weather and training basins' attributes `names`.

    Args:
        forcing: weather [time, basin, 3], or the moments of all basins, of as many days each.
        table: a sequence with one value a basin for each attribute.
        names: of the attributes wanted.

    Raises:
        DhbvError: if an attribute is not in the table, has no value in any basin, or numbers and words.
    """
    absent = [name for name in names if name not in table]
    if absent:
        raise DhbvError(
            f"the attribute table lacks {', '.join(absent)}: add the columns, or list the attributes "
            "you have under model.attributes in the configuration"
        )
    of_basins = forcing if isinstance(forcing, Moments) else moments(forcing)
    mean, std = _pooled(of_basins)
    attributes = []
    for name in names:
        column = table[name]
        text = sorted({v for v in column if isinstance(v, str)})
        _refuse_mixed(column, name)
        values = _codes(column, text) if text else _numbers(column, name)
        known = values[np.isfinite(values)]
        if known.size == 0:
            raise DhbvError(
                f"attribute {name} has no value in any training basin: drop it from model.attributes"
            )
        attributes.append(
            AttributeStatistics(
                name,
                float(known.mean()),
                _spread(float(known.std()), float(known.mean())),
                float(known.min()),
                float(known.max()),
                tuple(text),
            )
        )
    p, t, ep = mean
    sp, st, sep = (_spread(s, m) for s, m in zip(std, mean, strict=True))
    return Statistics((p, t, ep), (sp, st, sep), tuple(attributes))


def _refuse_mixed(column: Sequence[object], name: str) -> None:
    """One word among numbers makes a column text; its numbers would be taken for classes, in the order of text."""
    words = [v for v in column if isinstance(v, str) and v and not _is_number(v)]
    if words and any(_is_number(v) for v in column):
        raise DhbvError(
            f"attribute {name} has numbers and words, as {words[0]!r}: correct the words, or leave them empty where the "
            "value is missing"
        )


def _is_number(value: object) -> bool:
    """Whether it is a number, or text that says one; NaN is a missing value."""
    if not isinstance(value, str):
        return isinstance(value, Real) and not math.isnan(value)
    try:
        float(value)
    except ValueError:
        return False
    return True


def _pooled(of_basins: Moments) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of P, T and Ep over all basins; exact sums have no order."""
    n = len(of_basins.mean)
    mean = [math.fsum(column) / n for column in of_basins.mean.T]
    squares = of_basins.variance + (of_basins.mean - mean) ** 2
    return mean, [math.sqrt(math.fsum(column) / n) for column in squares.T]


def _spread(std: float, mean: float) -> float:
    return std if std > _SMALLEST_SPREAD * max(1.0, abs(mean)) else 1.0


def _classes(column: Sequence[object], a: AttributeStatistics) -> NDArray[np.float64]:
    """Codes of classes by name; a number would pass for a missing value in every basin."""
    number = next((v for v in column if not isinstance(v, str) and _is_number(v)), None)
    if number is not None:
        raise DhbvError(
            f"attribute {a.name} must be the name of a class, as {a.categories[0]!r}, not the number {number}: give it "
            "as text, or leave it empty where it is missing"
        )
    return _codes(column, a.categories)


def _codes(column: Sequence[object], categories: Sequence[str]) -> NDArray[np.float64]:
    code = {name: float(i) for i, name in enumerate(categories)}
    return np.array([code.get(v, np.nan) if isinstance(v, str) else np.nan for v in column])


def _numbers(column: Sequence[object], name: str) -> NDArray[np.float64]:
    try:
        return np.array([np.nan if v is None else v for v in column], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DhbvError(f"attribute {name} must be a number: {error}") from None
