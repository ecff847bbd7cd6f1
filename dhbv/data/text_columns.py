"""Columns of numbers in plain text, read fast, with errors that name the line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dhbv.data.schema import DataError


def read_columns(
    path: Path, names: Sequence[str], wanted: Sequence[str], skip: int
) -> dict[str, NDArray[np.float64]]:
    """Columns `wanted`, each [row], of a file separated by blanks or tabs.

    Args:
        path: the file.
        names: of all its columns, in order.
        wanted: those to return; others may hold text.
        skip: lines before the first row of numbers.

    Raises:
        DataError: with the line, if a wanted value is missing or not a number, or the file is empty.
    """
    try:
        # Converted by column below, where the faulty line can still be told.
        table = pd.read_csv(path, sep=r"\s+", skiprows=skip, names=list(names), usecols=list(wanted),
                            skip_blank_lines=False)  # fmt: skip
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not readable as columns of text ({error}): download it again") from None
    # Blank lines are kept so that lines count right; those at the end mean nothing.
    while len(table) and table.iloc[-1].isna().all():
        table = table.iloc[:-1]
    if table.empty:
        raise DataError(f"{path}: holds no day: download it again")
    columns = {}
    for name in wanted:
        column = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64)
        if np.isnan(column).any():
            row = int(np.flatnonzero(np.isnan(column))[0])
            found = table[name].iloc[row]
            raise DataError(
                f"{path}, line {row + skip + 1}: {name} is "
                f"{'missing' if pd.isna(found) else repr(str(found))} where a number belongs: correct the "
                "line, or download the file again"
            )
        columns[name] = column
    return columns


def dates(
    year: NDArray[np.float64], month: NDArray[np.float64], day: NDArray[np.float64], path: Path, skip: int
) -> NDArray[np.datetime64]:
    """Days [row] of a calendar in three columns.

    Raises:
        DataError: with the line, if there is no such day.
    """
    months = ((year - 1970) * 12 + month - 1).astype(np.int64).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + (day - 1).astype(np.int64).astype("timedelta64[D]")
    wrong = (days.astype("datetime64[M]") != months) | (month < 1) | (month > 12)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{path}, line {row + skip + 1}: there is no day {year[row]:.0f}-{month[row]:02.0f}-{day[row]:02.0f}: "
            "correct the line, or download the file again"
        )
    return days
