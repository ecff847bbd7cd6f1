"""A small real run to archive: three basins, two models, days over two turns of the year and a leap day."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import xarray as xr

from dhbv import forecast
from dhbv.configuration import Period
from dhbv.data.synthetic import synthetic_region
from dhbv.fluxes import Archive
from dhbv.model_directory import ModelDirectory
from dhbv.state import State
from tests.small_models import small_model

FIRST, LAST = dt.date(1999, 11, 20), dt.date(2001, 1, 20)
DAY = dt.timedelta(days=1)


class Run(NamedTuple):
    """A run in float64, its end, and what made it."""

    fluxes: xr.Dataset
    end: State
    model: ModelDirectory
    region: xr.Dataset

    @property
    def basins(self) -> list[str]:
        return [str(b) for b in self.fluxes["basin"].values]

    def days(self, start: str, end: str) -> xr.Dataset:
        """A run of some of the days: from the state in which the whole run was at their beginning."""
        first = dt.date.fromisoformat(start)
        state = None
        if first > FIRST:
            _, state = forecast.run(
                self.model, self.region, Period(start=FIRST, end=first - DAY), spin_up_days=30
            )
        period = Period(start=first, end=dt.date.fromisoformat(end))
        return forecast.run(self.model, self.region, period, state=state, spin_up_days=30)[0]


def make(folder: Path, seed: int) -> Run:
    region = synthetic_region(n_basins=3, years=2, start="1999-10-01").region
    region["huc_02"] = ("basin", np.array(["01", "01", "17"], dtype=object))
    model = small_model(folder / str(seed), seed)
    fluxes, end = forecast.run(model, region, Period(start=FIRST, end=LAST), spin_up_days=30)
    return Run(fluxes, end, model, region)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make(tmp_path_factory.mktemp("models"), 0)


@pytest.fixture(scope="session")
def other(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same by other weights."""
    return make(tmp_path_factory.mktemp("models"), 1)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path / "fluxes")


@pytest.fixture
def filled(archive: Archive, run: Run) -> Archive:
    archive.append(run.fluxes, "analysis", source="hindcast", content="run")
    return archive


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
