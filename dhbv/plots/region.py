"""A region on a map: any flux, store or parameter of a day, or a score."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from dhbv.attributes import LATITUDE, LONGITUDE
from dhbv.data.schema import basin_ids
from dhbv.errors import DhbvError
from dhbv.evaluation.score_figures import basin_map
from dhbv.evaluation.scores import SCORES
from dhbv.evaluation.style import axis_label, styled, written
from dhbv.fluxes.names import nearest
from dhbv.physics.variables import VARIABLES

_SKEWED = 4.0
"""Times the median at which colours follow the root of the values."""

PLACES = {"latitude": LATITUDE, "longitude": LONGITUDE}
"""Where a basin is, by the name in fluxes, and in a region."""


def of_day(fluxes: xr.Dataset, name: str, day: str) -> Figure:
    """A map of one variable on one day.

    Args:
        fluxes: [basin, time], with latitude and longitude.
        name: of the variable table.
        day: as 1999-04-01.

    Raises:
        DhbvError: if the day or the places are not there.
    """
    known = fluxes["time"].values.astype("datetime64[D]").astype(str)
    if day not in known:
        raise DhbvError(f"there is no {name} of {day}: it is known of {known[0]}..{known[-1]}")
    values = fluxes[name].isel(time=list(known).index(day)).to_series()
    variable = VARIABLES[name]
    when = "at the end of" if variable.kind == "store" else "on"
    return _mapped(fluxes, values, axis_label(name), f"{variable.description}, {when} {day}")


def of_score(places: xr.Dataset, table: pd.DataFrame, name: str, source: str) -> Figure:
    """A map of a column of scores.

    Args:
        places: [basin] latitude and longitude, or a region's gauge_lat and gauge_lon.
        table: index basin.
        name: of the column.
        source: of the table, for the title and messages.

    Raises:
        DhbvError: if there is no such column (tells the nearest) or no basin of it has a place.
    """
    if name not in table:
        near = ", ".join(nearest(name, map(str, table.columns))) or ", ".join(map(str, table.columns[:8]))
        raise DhbvError(f"{source} has no column {name!r} (nearest: {near})")
    score = SCORES.get(name)
    label = f"{name.upper().replace('_', ' ')} ({written(score.unit)})" if score else f"{name} (–)"
    return _mapped(places, table[name], label, f"{source}: {score.description if score else name}")


def read_scores(path: Path) -> pd.DataFrame:
    """The table that `dhbv evaluate --table` writes, index basin.

    Raises:
        DhbvError: if it is none.
    """
    try:
        table = pd.read_csv(path, dtype={"basin": str})
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DhbvError(
            f"{path}: no table ({str(error).strip()}): give what `dhbv evaluate --table` writes"
        ) from None
    if "basin" not in table:
        raise DhbvError(f"{path} has no column 'basin': give what `dhbv evaluate --table` writes")
    return table.set_index("basin")


@styled
def _mapped(places: xr.Dataset, values: pd.Series, label: str, title: str) -> Figure:
    lat, lon = (_place(places, name) for name in PLACES)
    there = [b for b in values.index if b in lat.index]
    if not there:
        raise DhbvError(f"of none of {len(values)} basins is known where it lies: nothing to map")
    values = values.loc[there]
    figure = basin_map(lat.loc[there], lon.loc[there], values, label, skewed=is_skewed(values))
    n = int(values.notna().sum())
    middle = f", median {values.median():.3g}" if n else ""
    figure.axes[0].set_title(f"{title}\n{n} basins{middle}", loc="left")
    return figure


def is_skewed(values: pd.Series) -> bool:
    """Whether most of the values, none of them below 0, would look the same beside the largest."""
    known = values.dropna()
    return len(known) > 0 and known.min() >= 0.0 and bool(known.quantile(0.98) > _SKEWED * known.median())


def _place(places: xr.Dataset, name: str) -> pd.Series:
    for known in (name, PLACES[name]):
        if known in places.variables:
            return pd.Series(places[known].values.astype(float), basin_ids(places))
    raise DhbvError(
        f"these data do not tell the {name} of their basins: append runs of data that do, or name --data"
    )
