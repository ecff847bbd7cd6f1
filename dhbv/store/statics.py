"""Static attributes: from and to the rows of Parquet files, and what is new in a table of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from dhbv.data.schema import DataError
from dhbv.store.manifest import Manifest
from dhbv.store.parquet import ATTRIBUTES, read


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """The values given in a table [basin, name] as rows (basin, name, number, text), sorted.

    Missing values and empty text are no rows.
    """
    parts = []
    for name in table.columns:
        column = table[name]
        numeric = pd.api.types.is_numeric_dtype(column)
        there = (column.notna() & (numeric or column.astype(object) != "")).to_numpy(bool)
        part = pd.DataFrame({"basin": table.index[there].astype(object), "name": str(name)})
        given = column[there]
        # Adding 0 makes −0 and 0, which are equal, one value.
        part["number"] = given.to_numpy(np.float64) + 0.0 if numeric else np.nan
        part["text"] = None if numeric else given.astype(object).map(str).to_numpy(object)
        parts.append(part)
    whole = pd.concat(parts) if parts else pd.DataFrame(columns=["basin", "name", "number", "text"])
    return whole.sort_values(["basin", "name"], ignore_index=True)


def known(folder: Path, manifest: Manifest, last: int | None = None) -> pd.DataFrame:
    """The values that rule, as rows (basin, name, number, text), sorted; by `last`, the last batch that counts."""
    files = [f for f in manifest.of(ATTRIBUTES.name) if last is None or f.first <= last]
    where = None if last is None else pc.field("batch") <= last
    found = read(folder, files, ATTRIBUTES, ATTRIBUTES.schema.names, where).to_pandas()
    found = found.sort_values(["basin", "name", "batch"], ignore_index=True)
    found = found.drop_duplicates(["basin", "name"], keep="last", ignore_index=True)
    return found.drop(columns="batch")


def news(given: pd.DataFrame, before: pd.DataFrame, source: str) -> pd.DataFrame:
    """The rows of `given` that are new or correct a value of `before`.

    Raises:
        DataError: if an attribute comes as text where it was a number, or the other way round.
    """
    if given.empty:
        return given
    for name, texts in (given["text"].notna()).groupby(given["name"]).any().items():
        there = before[before["name"] == name]
        if len(there) and bool(there["text"].notna().any()) != texts:
            new, old = ("text", "a number") if texts else ("a number", "text")
            raise DataError(
                f"{source}: attribute {name} is {new}, the store knows it as {old}: correct the table, or give it "
                "another name"
            )
    both = given.merge(before, how="left", on=["basin", "name"], suffixes=("", "_before"))
    same = (both["number"] == both["number_before"]) | (both["text"] == both["text_before"])
    return given[~same.to_numpy(bool)]


def table(found: pd.DataFrame, basins: Sequence[str]) -> pd.DataFrame:
    """Attributes [basin, name] of `basins`, with the names that at least one of them has, sorted."""
    index = pd.Index(list(basins), dtype=object, name="basin")
    row = index.get_indexer(pd.Index(found["basin"], dtype=object))
    found, row = found[row >= 0], row[row >= 0]
    codes, names = pd.factorize(found["name"].to_numpy(object), sort=True)
    numbers = np.full((len(names), len(index)), np.nan)
    texts = np.full((len(names), len(index)), None, dtype=object)
    numbers[codes, row] = found["number"].to_numpy(np.float64)
    texts[codes, row] = found["text"].to_numpy(object)
    is_text = np.zeros(len(names), bool)
    is_text[codes[found["text"].notna().to_numpy()]] = True
    columns = {name: texts[i] if is_text[i] else numbers[i] for i, name in enumerate(names)}
    return pd.DataFrame(columns, index=index)


def rows(found: pd.DataFrame, batch: int) -> pa.Table:
    """Rows of one batch."""
    columns = {
        "basin": pa.array(found["basin"].tolist(), pa.string()),
        "name": pa.array(found["name"].tolist(), pa.string()),
        "batch": pa.array(np.full(len(found), batch, np.int32)),
        "number": pa.array(found["number"].to_numpy(np.float64), pa.float64(), from_pandas=True),
        "text": pa.array([None if pd.isna(t) else t for t in found["text"]], pa.string()),
    }
    return pa.table(columns, schema=ATTRIBUTES.schema)
