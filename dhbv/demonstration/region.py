"""Which basins and days the demo uses, and how its models are trained."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from dhbv.configuration import Config, DataConfig, ModelConfig, NetworkConfig, Period, TrainingConfig
from dhbv.data import open_region
from dhbv.data.schema import basin_ids
from dhbv.data.synthetic import synthetic_region
from dhbv.errors import DhbvError

MOST_BASINS = 60
"""Of real data so many are used at most, evenly spread over their ids."""
HELD_OUT_EVERY = 6
"""Each so-manieth basin is held out, of few basins more."""
LEAST_HELD_OUT = 5
"""So many the gate wants to see before it promotes anything."""
LEAST_YEARS = 5
"""Two thirds of them, less the season, hold a training window with its warm-up."""

_TRAINING = TrainingConfig(
    iterations=500,
    batch_basins=50,
    warmup_days=730,
    learning_rate=5e-3,
    weight_decay=0.0,
    attribute_noise=0.0,
)
_MODEL = ModelConfig(network=NetworkConfig(hidden=32, layers=(128,), dropout=0.0))
"""Synthetic rivers have no errors to be robust against. Two years of warm-up fill the driest soils; with
less, field capacity comes out too low and β and γ are bent to make up for it."""

_REAL_TRAINING = TrainingConfig(iterations=500, warmup_days=730)
_REAL_MODEL = ModelConfig()
"""Real ones are trained as by default, with dropout and noise, only shorter."""


class Region(NamedTuple):
    """What the demo runs on."""

    name: str
    data: xr.Dataset
    truth: xr.Dataset | None
    """Of a synthetic region."""
    config: Config
    """How its models are trained."""


def choose(data: Path | None, attribute_file: Path | None) -> Region:
    """A part of the region that `open_region` reads from `data`, or a synthetic one.

    Raises:
        DhbvError: if the data are too short or hold too few gauged basins.
    """
    if data is None:
        region, truth = synthetic_region(years=10)
        return Region("synthetic", region, truth, _config(region, _MODEL, _TRAINING))
    region = _sample(open_region(data, attributes=attribute_file))
    return Region(str(data), region, None, _config(region, _REAL_MODEL, _REAL_TRAINING))


def _sample(region: xr.Dataset) -> xr.Dataset:
    """At most MOST_BASINS gauged basins of a region."""
    gauged = region["streamflow"].notnull().mean("time") > 0.8
    region = region.isel(basin=np.flatnonzero(gauged.values))
    if region.sizes["basin"] < 2:
        raise DhbvError("the demo needs at least 2 basins with observed flow on 80 % of the days")
    return region.isel(basin=slice(None, None, -(-region.sizes["basin"] // MOST_BASINS)))


def _config(region: xr.Dataset, model: ModelConfig, training: TrainingConfig) -> Config:
    """Two thirds of the days to train on, the rest to test; every sixth basin held out."""
    days = pd.DatetimeIndex(region["time"].values)
    first_test = days[2 * len(days) // 3]
    if len(days) < LEAST_YEARS * 365:
        raise DhbvError(
            f"the demo needs at least {LEAST_YEARS} years of days, the data hold {len(days)} days"
        )
    basins = basin_ids(region)
    every = min(HELD_OUT_EVERY, len(basins) // LEAST_HELD_OUT)
    every = every if every > 1 else HELD_OUT_EVERY
    held_out = tuple(basins[every // 2 :: every]) or (basins[-1],)
    data = DataConfig(
        train=Period(start=days[0].date(), end=(first_test - pd.Timedelta(days=1)).date()),
        test=Period(start=first_test.date(), end=days[-1].date()),
        basins=tuple(b for b in basins if b not in held_out),
        held_out=held_out,
    )
    return Config(data=data, model=model, training=training)
