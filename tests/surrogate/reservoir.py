"""A linear reservoir, whose runs are known in closed form, and a region in which one is the truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.configuration import Config, parse
from dhbv.data.schema import assemble
from dhbv.surrogate.network import Shape
from dhbv.surrogate.simulator import Description, Float, Free, Simulator
from dhbv.surrogate.training import Effort

FIRST = np.datetime64("2000-10-01")

EFFORT = Effort(
    shape=Shape(hidden=12, embedding=4), iterations=250, batch_runs=24, warmup_days=30, window_days=60,
    learning_rate=3e-2, validate_every=50,
)  # fmt: skip


def reservoir(parameters: Float, weather: Float) -> Float:
    """Q = kS of a store that begins empty and takes P first, [basin, day]."""
    k = np.asarray(parameters, np.float64)[:, 0]
    store, flow = np.zeros(len(k)), np.empty(weather.shape[:2])
    for day in range(weather.shape[1]):
        store = store + weather[:, day, 0]
        flow[:, day] = k * store
        store = store - flow[:, day]
    return flow


RESERVOIR = Simulator(
    Description(
        name="reservoir",
        parameters=(Free(name="k", unit="d-1", lower=0.05, upper=0.5, logarithmic=True),),
        inputs=("prcp",),
    ),
    reservoir,
)


def rate(attribute: NDArray[np.floating]) -> NDArray[np.float64]:
    """The planted truth: k of a basin."""
    return 0.05 * 10.0 ** (0.5 + 0.35 * np.tanh(attribute))


def region(basins: int = 8, days: int = 700, seed: int = 0) -> xr.Dataset:
    """Weather, an attribute `a`, and as `streamflow` what a reservoir of rate `rate(a)` makes of it."""
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.6, 8.0, (basins, days)) * (rng.random((basins, days)) < 0.4)
    a, ids = np.linspace(-2.0, 2.0, basins), [f"b{k}" for k in range(basins)]
    series = {
        "prcp": rain, "tmin": rain * 0.0 + 3.0, "tmax": rain * 0.0 + 13.0, "pet": rain * 0.0 + 2.0,
        "streamflow": reservoir(rate(a)[:, None], rain[..., None]),
    }  # fmt: skip
    table = pd.DataFrame({"a": a, "gauge_lat": 40.0}, index=ids)
    return assemble(ids, FIRST + np.arange(days), series, table)


def config(**training: object) -> Config:
    """Basins b0 to b5 and 400 days to learn from, b6 and b7 held out, 250 later days to test on."""
    content = {
        "data": {
            "train": {"start": "2000-10-01", "end": "2001-11-04"},
            "test": {"start": "2001-11-05", "end": "2002-07-12"},
            "basins": [f"b{k}" for k in range(6)], "held_out": ["b6", "b7"], "spin_up_days": 60,
        },
        "model": {
            "variant": "hbv", "components": 1, "attributes": ["a"],
            "network": {"kind": "mlp", "layers": [8], "dropout": 0.0},
        },
        "training": {
            "iterations": 150, "batch_basins": 6, "warmup_days": 30, "window_days": 60, "learning_rate": 2e-2,
            "attribute_noise": 0.0, "low_flow_weight": 0.0,
        } | training,
    }  # fmt: skip
    return parse(content, Config, source="config")
