"""Choosing basins and a period, with errors that name what there is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dhbv.configuration import read_ids
from dhbv.data.checks import period
from dhbv.data.schema import DataError
from dhbv.wording import counted

IDS_ARE_TEXT = "ids are text, with leading zeros"
"""What most often explains an id that is not found."""


def ids_of(basins: Sequence[str] | str | Path | None) -> tuple[str, ...] | None:
    """Ids from a list, a text of ids separated by commas, or a file as of `read_ids`; None for none or `all`.

    Raises:
        DataError: if there is no id in it; ConfigurationError: if the file cannot be read so.
    """
    if basins is None or basins == "all":
        return None
    if not isinstance(basins, str | os.PathLike):
        return tuple(str(b) for b in basins)
    # Looked at first, because many ids make too long a file name to ask for.
    if not isinstance(basins, str) or ("," not in basins and Path(basins).is_file()):
        return tuple(read_ids(Path(basins), "basins"))
    found = tuple(w.strip() for w in basins.split(",") if w.strip())
    if not found:
        raise DataError(
            f"basins {basins!r}: no id in it: give ids separated by commas, or a file with one a line"
        )
    return found


def select_basins(asked: Sequence[str] | None, available: Sequence[str], source: str) -> list[str]:
    """The asked ids in the asked order; all that are available if none are asked.

    Raises:
        DataError: if an id is unknown or asked twice; up to 5 unknown ids with the nearest known.
    """
    if asked is None:
        return list(available)
    if isinstance(asked, str):
        asked = [asked]
    known = set(available)
    unknown = [b for b in asked if b not in known]
    if unknown:
        raise DataError(
            f"{source}: {counted(len(unknown), 'unknown basin')}: {with_nearest(unknown, available)}: ask for basins "
            f"among the {len(available)} there are ({IDS_ARE_TEXT})"
        )
    if len(set(asked)) < len(asked):
        repeated = next(b for i, b in enumerate(asked) if b in asked[:i])
        raise DataError(f"{source}: basin {repeated} is asked for more than once: name each basin once")
    return list(asked)


def with_nearest(unknown: Sequence[str], available: Sequence[str]) -> str:
    """Ids that are not among those `available`, up to 5, each with the nearest that are."""
    told = [f"{b} (nearest: {', '.join(_nearest(b, available)) or 'none'})" for b in unknown[:5]]
    more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    return "; ".join(told) + more


def _nearest(basin: str, available: Sequence[str]) -> list[str]:
    same = [b for b in available if b.lstrip("0") == basin.lstrip("0")]
    if same:
        return same
    return get_close_matches(basin, available, n=2, cutoff=0.5)


def forced_days(prcp: NDArray[np.floating], source: str) -> slice:
    """The days of `prcp` [basin, day] from the first to the last on which any basin has precipitation.

    Raises:
        DataError: if there is none.
    """
    known = np.flatnonzero(np.isfinite(prcp).any(0))
    if known.size == 0:
        raise DataError(f"{source}: variable prcp has no value: fill it, or choose other basins")
    return slice(int(known[0]), int(known[-1]) + 1)


def select_period(time: NDArray[np.datetime64], start: str | None, end: str | None, source: str) -> slice:
    """The slice of `time` (sorted) from `start` to `end`, both included; None means to the edge.

    Raises:
        DataError: if a date cannot be read, the period is empty or leaves that of the data.
    """
    asked = {name: _date(day, name) for name, day in (("start", start), ("end", end)) if day is not None}
    first, last = asked.get("start", time[0]), asked.get("end", time[-1])
    if len(asked) == 2 and first > last:
        raise DataError(
            f"{source}: the period asked for, {period(np.array([first, last]))}, is empty: "
            f"choose one within {period(time)}, which the data cover"
        )
    # Only what was given is named: nobody asked for the other edge.
    outside = [name for name, day in asked.items() if not time[0] <= day <= time[-1]]
    if outside:
        told = " and ".join(f"{name} {np.datetime_as_string(asked[name], 'D')}" for name in outside)
        raise DataError(
            f"{source}: the {told} asked for {'is' if len(outside) == 1 else 'are'} not within the period of the "
            f"forcing, {period(time)}: choose {' and '.join(f'--{name}' for name in outside)} within it"
        )
    return slice(int(np.searchsorted(time, first)), int(np.searchsorted(time, last, side="right")))


def _date(text: str, name: str) -> np.datetime64:
    try:
        return pd.Timestamp(text).to_datetime64().astype("datetime64[ns]")
    except ValueError:
        raise DataError(f"{name} {text!r} is not a date: write it as 1999-10-01") from None
