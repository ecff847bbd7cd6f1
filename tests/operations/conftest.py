"""A small operation: five basins with three years of weather, and random weights that serve."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from dhbv import configuration
from dhbv.data.schema import assemble, attributes
from dhbv.operations import configuration as operations
from dhbv.operations import cycle
from dhbv.operations.configuration import Operation
from dhbv.registry import Registry, Version
from dhbv.store import Store
from tests.conftest import attribute_table, small_config, weather
from tests.small_models import small_model

BASINS = ("01", "02", "03", "04", "05")
FIRST, DAYS = dt.date(2000, 10, 1), 1200
KNOWN = 1100
"""Days in the store at the beginning; the others arrive in the tests."""
ISSUE = FIRST + dt.timedelta(KNOWN)
"""T0 of the first cycle."""
BY = {"who": "test", "why": "test"}


def day(n: int) -> dt.date:
    """`n` days after the first cycle's T0."""
    return ISSUE + dt.timedelta(n)


def region() -> xr.Dataset:
    """All days, weather and a flow that nothing made."""
    p, t, _ = np.moveaxis(weather(DAYS, len(BASINS)), -1, 0)
    table = pd.DataFrame(attribute_table(len(BASINS)), index=pd.Index(BASINS, name="basin"))
    table["area_gages2"] = np.linspace(50.0, 900.0, len(BASINS))
    days = np.datetime64(FIRST) + np.arange(DAYS)
    flow = 0.3 * p + 0.5
    return assemble(
        BASINS, days, {"prcp": p.T, "tmin": t.T - 5.0, "tmax": t.T + 5.0, "streamflow": flow.T}, table
    )


class Site(NamedTuple):
    """An operation and the data that will come."""

    operation: Operation
    region: xr.Dataset
    models: Path
    """A folder for model directories."""

    @property
    def store(self) -> Store:
        return Store(self.operation.store)

    @property
    def registry(self) -> Registry:
        return Registry(self.operation.registry)

    def arrive(self, first: int, last: int, *, without: tuple[str, ...] = ()) -> None:
        """Days first … last, counted from the first T0, come into the store, those of some basins do not."""
        span = slice(str(day(first)), str(day(last)))
        basins = [b for b in BASINS if b not in without]
        self.store.append(self.region.sel(basin=basins, time=span), source="test")

    def join(self, basin: str, first: int | None = None, last: int = -1) -> None:
        """A new basin, like 05: its attributes, and weather and flow of days first … last; none if no first."""
        like = self.region.sel(basin=["05"]).assign_coords(basin=np.array([basin], dtype=object))
        self.store.put_attributes(attributes(like), source="new region")
        if first is not None:
            self.store.append(like.sel(time=slice(str(day(first)), str(day(last)))), source="new region")

    def publish(self, seed: int, **which: Any) -> Version:
        return self.registry.publish(small_model(self.models / str(seed), seed, **which).path, **BY)

    def serve(self, seed: int) -> Version:
        """Publish other weights and let them serve, without bringing a state for them."""
        version = self.publish(seed)
        self.registry.promote(version.id, **BY)
        return version


def make_operation(folder: Path, **content: Any) -> Operation:
    """Write an operation's files; `content` goes over the sections of operation.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.yaml").write_text(configuration.dump(small_config()), encoding="utf-8")
    forecast = {"days": 4, "spin_up_days": 400, "fill_days": 3} | content.pop("forecast", {})
    text = yaml.safe_dump({"training": "train.yaml", "forecast": forecast} | content)
    (folder / "operation.yaml").write_text(text, encoding="utf-8")
    return operations.load(folder / "operation.yaml")


def runner(operation: Operation, issue: dt.date) -> BaseProcess:
    """Another process that runs a cycle, started.

    Not a fork of this one: the threads that numerical libraries have started here would be missing there.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["dhbv.operations.cycle"])
    child = context.Process(target=cycle.run, args=(operation, issue))
    child.start()
    return child


@pytest.fixture(scope="session")
def whole() -> xr.Dataset:
    return region()


@pytest.fixture
def make_site(tmp_path: Path, whole: xr.Dataset) -> Callable[..., Site]:
    """A maker of sites: make_site(known=days in the store, **sections of operation.yaml)."""

    def make(known: int = KNOWN, **content: Any) -> Site:
        site = Site(make_operation(tmp_path / "site", **content), whole, tmp_path / "models")
        # Before anything is published: the registry's times are whole seconds.
        earlier = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
        history = whole.isel(time=slice(KNOWN - known, KNOWN))
        site.store.append(history, source="history", at=earlier)
        site.serve(0)
        return site

    return make


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    return make_site()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
