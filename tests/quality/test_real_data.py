"""Real basins: clean windows raise no alarm, planted faults do, and Daymet's oddities are named as such."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data import open_region
from dhbv.quality import examine
from tests.quality.planting import PLANTS, block_names

TODAY = dt.date(2020, 1, 1)
KNOWN = 8 * 365


@cache
def camels(folder: Path, name: str) -> xr.Dataset:
    """Every 20th basin, 1990-10..2004-09."""
    pack = folder / "camels_us" / f"camels_us_{name}.nc"
    with xr.open_dataset(pack) as file:
        basins = [str(b) for b in file["basin"].values[::20]]
    table = pd.read_csv(folder / "camels_us" / "camels_us_attributes.csv", dtype={"gauge_id": str})
    large = set(table.loc[table["area_gages2"] > 150.0, "gauge_id"])
    basins = [b for b in basins if b in large]
    return open_region(pack, basins=basins, start="1990-10-01", end="2004-09-30")


@pytest.mark.parametrize("name", ["maurer", "daymet"])
def test_clean_windows_raise_no_alarm(shared: Path, name: str) -> None:
    region = camels(shared, name)
    rng = np.random.default_rng(0)
    for days in (30, 365):
        for _ in range(3):
            first = int(rng.integers(KNOWN, region.sizes["time"] - days))
            new = region.isel(time=slice(first, first + days))
            for known in (region.isel(time=slice(0, KNOWN)), None):
                report = examine(new, known=known, today=TODAY)
                assert report.of("quarantine") == []


@pytest.mark.parametrize("name", ["maurer", "daymet"])
def test_nor_do_clean_days_that_follow_the_known_ones(shared: Path, name: str) -> None:
    """As they come in an operation, seen with those before them; with and without a history."""
    region = camels(shared, name)
    rng = np.random.default_rng(5)
    for days in (1, 7, 30):
        for known in (10 * 365, 400):
            first = int(rng.integers(KNOWN, region.sizes["time"] - days))
            new = region.isel(time=slice(first, first + days))
            before = region.isel(time=slice(max(first - known, 0), first))
            assert examine(new, known=before, today=TODAY).of("quarantine") == []


@pytest.mark.parametrize("name", ["maurer", "daymet"])
@pytest.mark.parametrize("fault", [f for f, plant in PLANTS.items() if plant.severity == "quarantine"])
def test_planted_faults_are_named_and_nothing_else(shared: Path, name: str, fault: str) -> None:
    region, plant = camels(shared, name), PLANTS[fault]
    block = slice(150, 250)
    new = region.isel(time=slice(KNOWN, KNOWN + 365)).copy(deep=True)
    runoff = new["streamflow"].values[:, block].mean(1) / new["p_mean"].values
    chosen = np.flatnonzero((new["p_mean"].values > 2.0) & (runoff > 0.1))[[1, 5, 8]]
    for basin in chosen:
        plant.change(new, int(basin), block)
    report = examine(new, known=region.isel(time=slice(0, KNOWN)), today=TODAY)
    ids = [str(new["basin"].values[basin]) for basin in chosen]
    assert block_names(report, "quarantine") == {(plant.fault, b, v) for b in ids for v in plant.variables}
    for variable in plant.variables:
        aside = report.quarantine[variable].values[chosen] > 0
        if plant.slack == 0:
            assert aside[:, block].all()
        # Dry days and low flows look alike in either unit.
        assert aside[:, block].mean() > 0.75
        aside[:, block.start - plant.slack : block.stop + plant.slack] = False
        assert not aside.any()


def test_daymet_days_with_tmax_below_tmin_are_told(shared: Path) -> None:
    region = camels(shared, "daymet")
    crossed = (region["tmax"] < region["tmin"]).values
    assert crossed.any()
    report = examine(region, today=TODAY)
    assert report.passed
    told = [f for f in report.findings if f.fault == "tmax below tmin"]
    assert {f.severity for f in told} == {"warn"}
    assert sum(f.days for f in told) == crossed.sum()
