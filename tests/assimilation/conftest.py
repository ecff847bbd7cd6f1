"""A model whose true states and weather are known: five basins, thirty days to fit and five to forecast."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.data import model_forcing, schema
from dhbv.model_directory import ModelDirectory
from dhbv.physics import hbv
from dhbv.runtime import Runtime
from dhbv.state import State
from tests.conftest import attribute_table, weather
from tests.small_models import small_model

BASINS = ("01", "02", "03", "04", "05")
SPIN_UP, WINDOW, AHEAD = 500, 30, 5


class World(NamedTuple):
    """What really happens, made by the model itself."""

    model: ModelDirectory
    runtime: Runtime
    before: State
    """At the beginning of the window."""
    after: State
    """At T0."""
    window: xr.Dataset
    """Weather and true flow of the days before T0."""
    ahead: xr.Dataset
    """Of the days from T0 on."""

    def flow(self, state: State) -> np.ndarray:
        """Of the days ahead [time, B], mm d-1, from a state at T0."""
        found: np.ndarray = self.runtime.run(state, model_forcing(self.ahead), ("runoff",))[1]["runoff"]
        return found

    def error(self, state: State) -> np.ndarray:
        """RMSE of the flow ahead [B], mm d-1."""
        truth = self.ahead["streamflow"].values.T
        return np.asarray(np.sqrt(((self.flow(state) - truth) ** 2).mean(0)))

    def depth(self, state: State, store: str) -> np.ndarray:
        """Of a store [B], mm."""
        return np.asarray(state.stores[hbv.Stores._fields.index(store)].mean(-1))


def scaled(state: State, **factors: float) -> State:
    """The state with its stores multiplied."""
    stores = state.stores.copy()
    for name, factor in factors.items():
        stores[hbv.Stores._fields.index(name)] *= factor
    return replace(state, stores=stores)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    model = small_model(tmp_path_factory.mktemp("models") / "true")
    days = SPIN_UP + WINDOW + AHEAD
    p, t, _ = np.moveaxis(weather(days, len(BASINS)), -1, 0)
    table = pd.DataFrame(attribute_table(len(BASINS)), index=pd.Index(BASINS, name="basin"))
    dates = np.datetime64("2000-10-01") + np.arange(days)
    region = schema.assemble(
        BASINS, dates, {"prcp": p.T, "tmin": t.T - 5.0, "tmax": t.T + 5.0, "streamflow": 0.0 * p.T}, table
    )
    runtime = Runtime(model, BASINS, schema.attribute_columns(region), kernel="compiled")
    forcing = model_forcing(region)
    before = runtime.spin_up(forcing[:SPIN_UP], dates[0])
    after, _ = runtime.run(before, forcing[SPIN_UP : SPIN_UP + WINDOW], ())
    _, water = runtime.run(before, forcing[SPIN_UP:], ("runoff",))
    # As the model says it in float64, so that it is exactly its own flow.
    flow = np.concatenate([np.full((SPIN_UP, len(BASINS)), np.nan), water["runoff"]])
    region["streamflow"] = (("basin", "time"), flow.T)
    return World(
        model, runtime, before, after,
        region.isel(time=slice(SPIN_UP, SPIN_UP + WINDOW)), region.isel(time=slice(SPIN_UP + WINDOW, None)),
    )  # fmt: skip
