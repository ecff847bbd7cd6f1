"""Cells set aside: kept with the reason, out of every window until the value is given again or released."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]
from numpy.typing import NDArray

from dhbv.data.schema import TIME_VARIABLES
from dhbv.store.manifest import Manifest
from dhbv.store.parquet import DAILY, QUARANTINE, read
from dhbv.store.series import Daily

CELL = ["basin", "day", "variable"]


def cells(daily: Daily, aside: dict[str, np.ndarray], reasons: dict[str, np.ndarray]) -> pd.DataFrame:
    """The cells where `aside` [basin, time] by variable holds, as rows (basin, day, variable, value, reason)."""
    parts = []
    for name, wanted in aside.items():
        basin, day = np.nonzero(wanted)
        parts.append(
            pd.DataFrame(
                {
                    "basin": np.array(daily.basins, dtype=object)[basin],
                    "day": daily.days[day].astype("datetime64[ns]"),
                    "variable": name,
                    "value": daily.values[name][basin, day],
                    "reason": reasons[name][basin, day].astype(str).astype(object),
                }
            )
        )
    columns = [*CELL, "value", "reason"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def known(folder: Path, manifest: Manifest) -> pd.DataFrame:
    """All cells ever set aside: (basin, day, variable, value, reason, batch, released), oldest first.

    `released` is the number of the batch after `batch` that made the value rule; 0 where none did.
    """
    table = read(folder, manifest.of(QUARANTINE.name), QUARANTINE, QUARANTINE.schema.names)
    held = _frame(table).sort_values(["batch", *CELL], ignore_index=True)
    held["released"] = 0
    if held.empty:
        return held
    served = _served(folder, manifest, held)
    pairs = held.reset_index().merge(served, on=[*CELL, "value"], suffixes=("", "_served"))
    pairs = pairs[pairs["batch_served"] > pairs["batch"]]
    first = pairs.groupby("index")["batch_served"].min()
    held.loc[first.index, "released"] = first
    return held


def _served(folder: Path, manifest: Manifest, held: pd.DataFrame) -> pd.DataFrame:
    """Every value that the cells of `held` had in a window: (basin, day, variable, value, batch)."""
    years = set(held["day"].dt.year)
    files = [f for f in manifest.of(DAILY.name) if f.partition in years]
    days = pa.array(np.unique(_days(held)), pa.date32())
    where = pc.field("basin").isin(held["basin"].unique().tolist()) & pc.field("day").isin(days)
    variables = sorted(set(held["variable"]))
    table = _frame(read(folder, files, DAILY, ["basin", "day", "batch", *variables], where))
    parts = [
        table.loc[table[name].notna(), ["basin", "day", "batch"]].assign(
            variable=name, value=table.loc[table[name].notna(), name]
        )
        for name in variables
    ]
    return pd.concat(parts, ignore_index=True)


def _days(cells: pd.DataFrame) -> NDArray[np.datetime64]:
    return cells["day"].to_numpy("datetime64[ns]").astype("datetime64[D]")


def _frame(table: pa.Table) -> pd.DataFrame:
    frame = table.to_pandas(date_as_object=False)
    frame["day"] = frame["day"].astype("datetime64[ns]")
    return frame


def news(given: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """The rows of `given` that are not in quarantine already, for the same reason and with the same value."""
    waiting = held.loc[held["released"] == 0, [*CELL, "value", "reason"]].drop_duplicates()
    both = given.merge(waiting, how="left", on=[*CELL, "value", "reason"], indicator=True)
    return given[(both["_merge"] == "left_only").to_numpy()]


def rows(found: pd.DataFrame, batch: int) -> pa.Table:
    """Rows of one batch, sorted by key."""
    found = found.sort_values(CELL)
    columns = {
        "basin": pa.array(found["basin"].tolist(), pa.string()),
        "day": pa.array(_days(found), pa.date32()),
        "batch": pa.array(np.full(len(found), batch, np.int32)),
        "variable": pa.array(found["variable"].tolist(), pa.string()),
        "value": pa.array(found["value"].to_numpy(np.float32)),
        "reason": pa.array(found["reason"].tolist(), pa.string()),
    }
    return pa.table(columns, schema=QUARANTINE.schema)


def as_daily(found: pd.DataFrame) -> Daily:
    """Cells (basin, day, variable, value) as arrays; of several values of a cell the last."""
    basins = sorted(set(found["basin"].astype(str)))
    days = np.unique(_days(found))
    values = {}
    for name in (n for n in TIME_VARIABLES if (found["variable"] == n).any()):
        part = found[found["variable"] == name]
        values[name] = np.full((len(basins), len(days)), np.nan, np.float32)
        row = np.searchsorted(np.array(basins), part["basin"].to_numpy().astype(str))
        column = np.searchsorted(days, _days(part))
        values[name][row, column] = part["value"].to_numpy(np.float32)
    return Daily(tuple(basins), days, values)


def listing(held: pd.DataFrame, when: Sequence[dt.datetime], source: Sequence[str]) -> pd.DataFrame:
    """`held` for people: with the time and source of the batch, and the time of the release (NaT if none)."""
    # Batch 0 does not exist: its time is that of what has not happened.
    times = pd.DatetimeIndex(pd.Series([None, *when], dtype="datetime64[us, UTC]"))
    out = held[[*CELL, "value", "reason"]].copy()
    out["when"] = times[held["batch"].to_numpy(int)]
    out["source"] = [source[b - 1] for b in held["batch"]]
    out["released"] = times[held["released"].to_numpy(int)]
    return out
