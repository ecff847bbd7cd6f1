"""Tables of static attributes: raw CAMELS text files or one CSV, read into one clean form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dhbv.attributes import ATTRIBUTE_UNITS
from dhbv.data.schema import DataError

KEYS = ("gauge_id", "basin")
"""Names the key column may have."""

_TEXT = {"huc_02": str, **dict.fromkeys(KEYS, str)}
"""Digits, but not numbers: a leading zero matters."""

_RENAMED = {"geol_porostiy": "geol_porosity"}
"""CAMELS misspells it."""


def read_attributes(file: str | Path, separator: str = ",") -> pd.DataFrame:
    """Attributes indexed by basin; categories are text without surrounding blanks, missing values NaN.

    Args:
        file: with a key column `gauge_id` or `basin`.
        separator: between columns; `;` in the CAMELS download.

    Raises:
        DataError: if the file is missing or unreadable, has no key column, repeats a basin, or has a word in a
            column of numbers.
    """
    file = Path(file)
    hint = by_commas(file) if separator == "," else ""
    try:
        # Read at once: of parts read one by one a column with a late word would be part numbers, part text.
        table = pd.read_csv(file, sep=separator, dtype=_TEXT, skipinitialspace=True, low_memory=False)
    except FileNotFoundError:
        raise DataError(
            f"{file}: no such attribute table: check the path given as --attributes FILE"
        ) from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(
            f"{file}: not an attribute table ({error}): {hint or 'give a CSV with a first row of names'}"
        ) from None
    key = next((k for k in KEYS if k in table.columns), None)
    if key is None:
        raise DataError(
            f"{file}: no key column: one of {' or '.join(KEYS)} must hold the basin ids; found "
            f"{', '.join(map(str, table.columns[:5]))}{hint and f': {hint}'}"
        )
    table[key] = table[key].str.strip()
    repeated = table[key][table[key].duplicated()]
    if len(repeated):
        raise DataError(
            f"{file}: basin {repeated.iloc[0]} has more than one row: keep each basin once "
            "(and one key column)"
        )
    table = table.set_index(key).rename_axis("basin").rename(columns=_RENAMED)
    for name in table.columns:
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].str.strip()
            if name in ATTRIBUTE_UNITS:
                table[name] = numbers(table[name], str(file))
    table.attrs["source"] = str(file)
    return table


def by_commas(file: Path) -> str:
    """How to mend a CSV whose columns are separated by semicolons, as by Excel where decimals have a comma; else empty."""
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            head = opened.readline()
    except OSError:  # told of by whoever reads it
        return ""
    return (
        "separate columns by commas, and give decimals a point" if head.count(";") > head.count(",") else ""
    )


def numbers(column: pd.Series, source: str) -> pd.Series:
    """An attribute that has a unit, indexed by basin; empty cells are NaN.

    Raises:
        DataError: for a word. It would make all of them text, and a model take each number for a class of its own.
    """
    found = pd.to_numeric(column, errors="coerce")
    words = column[found.isna() & column.notna() & (column != "")]
    if len(words):
        raise DataError(
            f"{source}: basin {words.index[0]}, {column.name}: {words.iloc[0]!r} is no number "
            f"({ATTRIBUTE_UNITS[str(column.name)]}): correct it, or leave it empty where it is missing"
        )
    return found


def join(tables: Sequence[pd.DataFrame], source: str) -> pd.DataFrame:
    """Several tables of the same basins, side by side; of repeated columns the first is kept."""
    table = pd.concat(tables, axis=1)
    table = table.loc[:, ~table.columns.duplicated()]
    table.attrs = {"source": source}
    return table
