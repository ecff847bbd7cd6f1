"""Small regions to append, and a store whose disk is not waited for."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data.schema import assemble
from dhbv.store import Store

NAN = np.nan


def at(minute: float) -> dt.datetime:
    """A time, minutes after some midnight."""
    return dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)


def region(
    series: Mapping[str, object],
    basins: str = "ab",
    first: str = "2000-12-31",
    table: pd.DataFrame | None = None,
) -> xr.Dataset:
    """A region from rows of numbers, one row a basin (named by a letter), from `first` on."""
    arrays = {name: np.atleast_2d(np.array(rows, np.float32)) for name, rows in series.items()}
    days = np.datetime64(first) + np.arange(next(iter(arrays.values())).shape[1])
    return assemble(list(basins), days, arrays, table)


def flow(*rows: list[float], basins: str = "ab", first: str = "2000-12-31") -> xr.Dataset:
    """A region of streamflow alone."""
    return region({"streamflow": rows}, basins, first)


def values(ds: xr.Dataset, name: str = "streamflow") -> list[list[float | None]]:
    """A variable as lists, None for NaN."""
    return [[None if np.isnan(v) else round(float(v), 6) for v in row] for row in ds[name].values]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")
