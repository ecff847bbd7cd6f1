"""Attributes of every catchment from wherever a user has them, as one table under CAMELS names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml

from dhbv.attributes import ATTRIBUTE_UNITS
from dhbv.data.attribute_table import KEYS, read_attributes
from dhbv.data.climate import climate_indices
from dhbv.data.nextgen import read_forcing
from dhbv.data.schema import DataError, some
from dhbv.data.selection import IDS_ARE_TEXT
from dhbv.errors import DhbvError
from dhbv.nextgen import crosswalk
from dhbv.normalisation import Statistics, normalise_attributes
from dhbv.physics.hargreaves import mean_temperature, potential_evaporation


class Gap(NamedTuple):
    """What is to be known of one attribute."""

    attribute: str
    problem: str
    catchments: tuple[str, ...]
    hint: str


def from_table(path: Path, catchments: Sequence[str] | None, gauge: str | None) -> pd.DataFrame:
    """Attributes of a CSV file: one row a catchment, ids in the first column, or one gauge's row for all.

    Raises:
        DataError: if it cannot be read, or lacks the gauge or a catchment.
    """
    if gauge is not None:
        table = read_attributes(path)
        if gauge not in table.index:
            raise DataError(f"{path}: no row for gauge {gauge}: {IDS_ARE_TEXT}")
        if catchments is None:
            raise DataError(
                "one gauge's attributes for all catchments need the catchments: give --hydrofabric GPKG or --forcing PATH"
            )
        row = table.loc[[gauge]]
        return row.loc[row.index.repeat(len(catchments))].set_axis(list(catchments))
    try:
        names = pd.read_csv(path, nrows=0).columns
        if names[0] in KEYS:
            table = read_attributes(path)
        else:
            table = pd.read_csv(path, dtype={names[0]: str}, skipinitialspace=True).set_index(names[0])
    except (
        OSError,
        IndexError,
        UnicodeDecodeError,
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
    ) as error:
        raise DataError(
            f"{path}: not an attribute table ({error}): give a CSV with a first row of names"
        ) from None
    if table.index.duplicated().any():
        raise DataError(
            f"{path}: catchment {some(list(table.index[table.index.duplicated()]))} has two rows: keep one"
        )
    if catchments is None:
        return table
    absent = [c for c in catchments if c not in table.index]
    if absent:
        raise DataError(
            f"{path}: no row for catchment {some(absent)} ({len(absent)} of {len(catchments)}); its first column "
            f"({table.index.name}) holds {some([str(i) for i in table.index], 3)}: it must hold the catchments' ids; "
            "for one gauge's row in all of them give --gauge ID"
        )
    return table.loc[list(catchments)]


def from_ngiab(folder: Path, catchments: Sequence[str] | None) -> pd.DataFrame:
    """Attributes of the YAML files that NGIAB's preprocessor writes for dHBV models, one a catchment.

    Raises:
        DataError: if there is no file, or one cannot be read or is missing.
    """
    files = {file.stem: file for file in sorted((*folder.glob("*.yml"), *folder.glob("*.yaml")))}
    chosen = list(files) if catchments is None else list(catchments)
    absent = [c for c in chosen if c not in files]
    if absent or not chosen:
        raise DataError(
            f"{folder}: no file <id>.yml for catchment {some(absent) or '(none at all)'}: check the folder"
        )
    rows: dict[str, dict[str, Any]] = {}
    for catchment in chosen:
        try:
            content = yaml.safe_load(files[catchment].read_text(encoding="utf-8"))
            rows[catchment] = {k: v for k, v in content.items() if isinstance(v, int | float)}
        except (OSError, yaml.YAMLError, AttributeError) as error:
            raise DataError(f"{files[catchment]}: no configuration of a dHBV model: {error}") from None
    return crosswalk.attributes(pd.DataFrame.from_dict(rows, orient="index"), crosswalk.NGIAB)


def climate(path: Path, latitude: pd.Series, utc_offset: int) -> pd.DataFrame:
    """Climate indices of a forcing history, over its last whole years.

    Args:
        path: as `dhbv.data.nextgen.read_forcing` takes it.
        latitude: degrees north, by catchment.
        utc_offset: hours by which local time is ahead of UTC.

    Raises:
        DataError: if the history is shorter than a year, or for any fault of the reader.
    """
    catchments = [str(c) for c in latitude.index]
    ds = read_forcing(path, catchments, utc_offset=utc_offset)
    days = ds.sizes["time"]
    years = (days + 1) // 365.25
    if not years:
        raise DataError(
            f"{path}: {days} days are no climate: give a history of some years as --climate FILE, or the climate "
            "indices themselves by --attributes FILE"
        )
    ds = ds.isel(time=slice(days - min(days, round(years * 365.25)), None))
    p, tmin, tmax = (
        ds[name].transpose("basin", "time").values.astype(np.float64) for name in ("prcp", "tmin", "tmax")
    )
    day_of_year = ds["time"].dt.dayofyear.values
    pet = potential_evaporation(tmin, tmax, latitude.to_numpy(np.float64)[:, None], day_of_year)
    table = climate_indices(p, mean_temperature(tmin, tmax), pet, day_of_year)
    return table.set_index(latitude.index)


def missing_columns(table: pd.DataFrame, statistics: Statistics) -> list[str]:
    """Attributes that the model needs and no catchment has."""
    return [a.name for a in statistics.attributes if a.name not in table or table[a.name].isna().all()]


def gaps(table: pd.DataFrame, statistics: Statistics) -> list[Gap]:
    """Attributes that single catchments lack, or that lie where the model was not trained.

    Raises:
        DhbvError: if an attribute has no column, or a value is not a number.
    """
    catchments = np.array(table.index, dtype=object)
    seen = normalise_attributes(columns(table), statistics)
    found = []
    for k, a in enumerate(statistics.attributes):
        unit = ATTRIBUTE_UNITS.get(a.name, "")
        span = f"trained on {a.lower:.4g} to {a.upper:.4g} {unit}".rstrip()
        if seen.unknown[:, k].any():
            who = tuple(catchments[seen.unknown[:, k]])
            hint = f"classes: {', '.join(a.categories)}" if a.categories else "the training mean stands in"
            found.append(Gap(a.name, "missing", who, hint))
        if seen.beyond[:, k].any():
            values = table[a.name].to_numpy(dtype=np.float64)[seen.beyond[:, k]]
            told = (
                f"{values.min():.4g}"
                if values.min() == values.max()
                else f"{values.min():.4g} to {values.max():.4g}"
            )
            found.append(
                Gap(a.name, f"outside the training range: {told}", tuple(catchments[seen.beyond[:, k]]), span)
            )
    return found


def columns(table: pd.DataFrame) -> dict[str, list[Any]]:
    """The table as `normalise_attributes` takes it and YAML can say it: numbers, text, None where missing."""
    return {str(name): [_plain(v) for v in table[name]] for name in table.columns}


def _plain(value: Any) -> float | str | None:
    if isinstance(value, str):
        return value or None
    if value is None or value != value:
        return None
    if isinstance(value, int | float | np.integer | np.floating):
        return float(value)
    raise DhbvError(f"an attribute is {value!r}, neither a number nor text")
