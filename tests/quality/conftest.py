"""A synthetic region of clean data: six years known, and new data after them."""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

import pytest
import xarray as xr

from dhbv.data.synthetic import synthetic_region

TODAY = dt.date(2024, 6, 30)
KNOWN_DAYS = 2192


class Clean(NamedTuple):
    known: xr.Dataset
    new: xr.Dataset
    """400 days."""

    def window(self, first: int, days: int) -> xr.Dataset:
        """Some of the new days, to be damaged."""
        return self.new.isel(time=slice(first, first + days)).copy(deep=True)


@pytest.fixture(scope="session")
def clean() -> Clean:
    region = synthetic_region(n_basins=8, years=8, seed=3, start="2010-10-01").region
    return Clean(
        region.isel(time=slice(0, KNOWN_DAYS)), region.isel(time=slice(KNOWN_DAYS, KNOWN_DAYS + 400))
    )
