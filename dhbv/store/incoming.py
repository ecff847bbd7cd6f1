"""What is given to the store, brought into its form and refused where it is ambiguous."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.attributes import ATTRIBUTE_UNITS
from dhbv.data.attribute_table import numbers
from dhbv.data.checks import check_basins, check_dates
from dhbv.data.schema import TIME_VARIABLES, DataError, attributes, some
from dhbv.data.selection import IDS_ARE_TEXT
from dhbv.data.units import spelling
from dhbv.store.series import Daily

Reasons = Mapping[str, NDArray[np.object_]]
"""Why cells are set aside, [basin, time] by variable; "" for those that are not."""


_VALUE = "_value"
"""Ends the name of what a quarantine holds itself."""


class Incoming(NamedTuple):
    """One append."""

    daily: Daily
    reasons: Reasons
    attributes: pd.DataFrame
    """[basin, name]"""


def region(ds: xr.Dataset, source: str, quarantine: xr.Dataset | None = None) -> Incoming:
    """A Dataset of the schema, and what of it is to be set aside, in the form of the store.

    Raises:
        DataError: for ids that are numbers or repeat, days that repeat or run backwards, a daily variable
            that is not of the schema or not in its unit, infinite values that are not set aside, or a
            quarantine of something that is not given.
    """
    if not {"basin", "time"} <= set(ds.coords):
        raise DataError(
            f"{source}: coordinates basin and time are needed, it has {', '.join(map(str, ds.coords)) or 'none'}"
        )
    check_ids(ds["basin"].values, source)
    check_basins(ds, source)
    if ds["time"].dtype.kind != "M":
        raise DataError(f"{source}: time is no calendar: give days as dates")
    days = ds["time"].values.astype("datetime64[D]")
    check_dates(days, source, gaps=True)
    order = np.argsort(ds["basin"].values.astype(str), kind="stable")
    names = [str(b) for b in ds["basin"].values[order]]
    values, reasons = {}, {}
    for name in _daily_names(ds, source):
        values[name] = ds[name].transpose("basin", "time").values[order].astype(np.float32)
    for name in _quarantined_names(quarantine, ds, source):
        assert quarantine is not None
        reasons[name] = _aligned(_why(quarantine[name], source), ds, "")[order]
        if f"{name}{_VALUE}" in quarantine:
            aside = _aligned(quarantine[f"{name}{_VALUE}"].astype(np.float32), ds, np.nan)[order]
            aside[reasons[name] == ""] = np.nan
            values[name] = np.where(np.isnan(values[name]), aside, values[name])
    # Adding 0 makes −0 and 0, which are equal, one value.
    values = {name: v + np.float32(0.0) for name, v in values.items()}
    daily = Daily(tuple(names), days, values)
    _refuse_infinite(daily, reasons, source)
    return Incoming(daily, reasons, table(attributes(ds), source))


def released(cells: Daily, source: str) -> Incoming:
    """Values let out of quarantine.

    Raises:
        DataError: if one is infinite.
    """
    _refuse_infinite(cells, {}, source)
    return Incoming(cells, {}, pd.DataFrame())


def table(given: pd.DataFrame, source: str) -> pd.DataFrame:
    """A table of attributes [basin, name] that the store can take.

    Raises:
        DataError: for ids that are numbers or repeat, a name of a daily variable, an infinite value, or text where
            the attribute has a unit.
    """
    check_ids(given.index.to_numpy(), source)
    repeated = given.index[given.index.duplicated()]
    if len(repeated):
        raise DataError(f"{source}: basin {repeated[0]} has more than one row: keep each basin once")
    daily = [str(name) for name in given.columns if str(name) in TIME_VARIABLES]
    if daily:
        raise DataError(
            f"{source}: {some(daily)} is a daily variable and no attribute: give it with days, or rename the column"
        )
    # Text in one cell would make text of the whole column, and the store keep it as text for good.
    given = given.assign(**{n: numbers(given[n], source) for n in given.columns if n in ATTRIBUTE_UNITS})
    for name in given.columns:
        if pd.api.types.is_numeric_dtype(given[name]):
            wrong = np.isinf(given[name].to_numpy(np.float64, na_value=np.nan))
            if wrong.any():
                raise DataError(
                    f"{source}: attribute {name} of basin {given.index[wrong][0]} is infinite: leave it empty where it "
                    "is missing"
                )
    return given


def check_ids(ids: NDArray[np.generic], source: str) -> None:
    """Raise a DataError if basin ids are numbers, which have lost their leading zeros."""
    numbers = [i for i in ids if isinstance(i, (int, float, np.number))]
    if numbers:
        raise DataError(
            f"{source}: basin ids are numbers, which lose leading zeros: write them as text, e.g. "
            f"{int(numbers[0]):08d}"
        )


def refuse_lost_zeros(ids: Iterable[str], known: Iterable[str], source: str) -> None:
    """Raise a DataError for ids that are new and equal known ones but for leading zeros.

    Whatever read them as numbers cut the zeros off, and would make two basins of one.
    """
    there = set(known)
    bare = {b.lstrip("0"): b for b in there if b.isdigit()}
    told = [
        f"{b} (the store has {bare[b.lstrip('0')]})"
        for b in sorted(set(ids) - there)
        if b.lstrip("0") in bare
    ]
    if told:
        raise DataError(
            f"{source}: basin {some(told)}: {IDS_ARE_TEXT}: write them as the store has them, or begin "
            "a new store if it is there that they lost their zeros"
        )


def _daily_names(ds: xr.Dataset, source: str) -> list[str]:
    """The daily variables to take: those of the schema. Flags of CF, which describe others, stay behind."""
    names = []
    for key, variable in ds.data_vars.items():
        name = str(key)
        if variable.dims == ("basin",) or {"flag_masks", "flag_values"} & set(variable.attrs):
            continue
        if name not in TIME_VARIABLES or set(variable.dims) != {"basin", "time"}:
            raise DataError(
                f"{source}: {name} [{', '.join(map(str, variable.dims))}] is no daily variable of the schema, which "
                f"are {', '.join(TIME_VARIABLES)} [basin, time]: rename or drop it"
            )
        unit = variable.attrs.get("units")
        if unit is not None and spelling(unit) != TIME_VARIABLES[name].unit:
            raise DataError(
                f"{source}: {name} is in {unit!r}: bring it to {TIME_VARIABLES[name].unit} "
                "(dhbv.data.units.to_canonical)"
            )
        names.append(name)
    return names


def _quarantined_names(quarantine: xr.Dataset | None, ds: xr.Dataset, source: str) -> list[str]:
    """The variables of which cells are set aside."""
    given = [] if quarantine is None else [str(name) for name in quarantine.data_vars]
    names = [name for name in given if not name.endswith(_VALUE)]
    for name in names:
        assert quarantine is not None
        if name not in TIME_VARIABLES or name not in ds or set(quarantine[name].dims) != {"basin", "time"}:
            raise DataError(
                f"{source}: the quarantine has {name} [{', '.join(map(str, quarantine[name].dims))}], which is not "
                "given as [basin, time]: leave it out"
            )
        for axis in ("basin", "time"):
            if not np.isin(quarantine[axis].values, ds[axis].values).all():
                raise DataError(
                    f"{source}: the quarantine of {name} has a {axis} that is not given: leave it out"
                )
    return names


def _why(given: xr.DataArray, source: str) -> xr.DataArray:
    """Reasons as text, from text or from codes with CF flags."""
    if given.dtype.kind in "OUST":
        return given.astype(object)
    meanings = dict(
        zip(
            np.asarray(given.attrs.get("flag_values", []), np.int64).tolist(),
            str(given.attrs.get("flag_meanings", "")).split(),
            strict=False,
        )
    )
    meanings[0] = ""
    unknown = [code for code in np.unique(given.values).tolist() if code not in meanings]
    if given.dtype.kind not in "iu" or unknown:
        raise DataError(
            f"{source}: the quarantine of {given.name} says which cells and not why: give text, or codes with "
            "flag_values and flag_meanings"
        )
    texts = {code: word.replace("_", " ") for code, word in meanings.items()}
    codes, places = np.unique(given.values, return_inverse=True)
    words = np.array([texts[code] for code in codes.tolist()], dtype=object)
    return given.copy(data=words[places.reshape(given.shape)])


def _aligned(given: xr.DataArray, ds: xr.Dataset, fill: object) -> NDArray[Any]:
    """Values [basin, time] on the basins and days of `ds`, as they come there."""
    whole = given.reindex(basin=ds["basin"].values, time=ds["time"].values, fill_value=fill)
    return whole.transpose("basin", "time").values.copy()


def _refuse_infinite(daily: Daily, reasons: Reasons, source: str) -> None:
    for name, values in daily.values.items():
        wrong = np.isinf(values)
        if name in reasons:
            wrong &= reasons[name] == ""
        if wrong.any():
            basin, day = np.argwhere(wrong)[0]
            raise DataError(
                f"{source}: basin {daily.basins[basin]}, {name} is infinite on {daily.days[day]}: correct it, write NaN "
                "where it is missing, or set it aside"
            )
