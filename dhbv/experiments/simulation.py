"""A training's run over its test period: kept as a file, averaged into ensembles, scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from dhbv.attributes import LATITUDE, LONGITUDE
from dhbv.evaluation import scores
from dhbv.evaluation.evaluate import Evaluation
from dhbv.files import written_whole
from dhbv.physics.variables import VARIABLES
from dhbv.pipeline import HELD_OUT

MEANS = ("prcp", "et", "swe", "soil_water")
"""Kept as a mean over the test period."""

OUTPUTS = ("runoff", "baseflow", *MEANS)
"""What a test run must give."""


class Column(NamedTuple):
    """One column of the table of basins beside the scores."""

    unit: str
    description: str


COLUMNS = {
    "bfi": Column("1", "simulated share of baseflow, ΣQ2 / ΣQ"),
    **{name: Column(VARIABLES[name].unit, f"mean {VARIABLES[name].description}") for name in MEANS},
    "observed_flow": Column(VARIABLES["runoff"].unit, "mean observed flow"),
    "observed_bfi": Column("1", "`baseflow_index` of the attributes; NaN where there is none"),
    "lat": Column("degrees_north", "of the gauge; NaN where unknown"),
    "lon": Column("degrees_east", "of the gauge; NaN where unknown"),
}
"""All over the test period, all simulated unless they say otherwise."""


def gather(evaluations: Mapping[str, Evaluation], *, held_out_only: bool) -> xr.Dataset:
    """Daily `runoff` and `baseflow` (basin, time), the `MEANS` (basin) and `held_out` (basin) of a test."""
    parts = []
    for label, evaluation in evaluations.items():
        if held_out_only and label != HELD_OUT:
            continue
        fluxes = evaluation.fluxes
        means = {name: fluxes[name].mean("time", dtype=np.float64) for name in MEANS}
        flags = xr.full_like(fluxes["basin"], label == HELD_OUT, dtype=bool)
        parts.append(fluxes[["runoff", "baseflow"]].assign(means).assign(held_out=flags))
    return xr.concat([p.drop_vars(["latitude", "longitude"], errors="ignore") for p in parts], "basin")


def average(members: Sequence[xr.Dataset]) -> xr.Dataset:
    """The ensemble: the mean over members, day by day; `held_out` is that of the first."""
    mean = xr.concat([m.drop_vars("held_out") for m in members], "member", join="exact").mean(
        "member", dtype=np.float64
    )
    return mean.assign(held_out=members[0]["held_out"])


def score(simulated: xr.Dataset, region: xr.Dataset) -> pd.DataFrame:
    """One row a basin: every score of `dhbv.evaluation.scores`, `days`, the `COLUMNS` and `held_out`.

    Args:
        simulated: of `gather` or `average`; what a model does not know of beside `runoff` may be absent, and is NaN.
        region: observed flow and attributes of the same basins and days, and more.
    """
    there = region.sel(basin=simulated["basin"].values)
    observed = there["streamflow"].sel(time=simulated["time"])
    table = scores.score_basins(observed, simulated["runoff"])
    table["bfi"] = np.nan
    if "baseflow" in simulated:
        table["bfi"] = scores.flux_baseflow_index(simulated["baseflow"], simulated["runoff"])
    for name in MEANS:
        table[name] = simulated[name].to_series() if name in simulated else np.nan
    table["observed_flow"] = observed.mean("time", dtype=np.float64).to_series()
    for name, attribute in (
        ("observed_bfi", "baseflow_index"), ("lat", LATITUDE), ("lon", LONGITUDE)
    ):  # fmt: skip
        table[name] = there[attribute].to_series() if attribute in there else np.nan
    table["held_out"] = simulated["held_out"].to_series().astype(bool)
    return table


def write(simulated: xr.Dataset, path: Path, **attributes: str) -> None:
    """Keep a test run, with what tells whose it is, so that it is never seen half written."""
    with written_whole(path) as draft:
        simulated.assign_attrs(attributes).to_netcdf(draft)


def read(path: Path, **attributes: str) -> xr.Dataset | None:
    """The test run at `path` if it is there and is that of `attributes`, else None."""
    if not path.exists():
        return None
    with xr.open_dataset(path) as kept:
        if any(kept.attrs.get(name) != value for name, value in attributes.items()):
            return None
        simulated = kept.load()
    return simulated.assign(held_out=simulated["held_out"].astype(bool))
