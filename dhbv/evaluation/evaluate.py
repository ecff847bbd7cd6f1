"""Run a model over days it was not trained on and score its flow against the observations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from dhbv import forecast
from dhbv.configuration import Period
from dhbv.evaluation import scores
from dhbv.model_directory import ModelDirectory


class Evaluation(NamedTuple):
    """What an evaluation found."""

    table: pd.DataFrame
    """One row a basin, one column a score."""
    summary: dict[str, Any]
    """Medians and quartiles over basins, ready for JSON."""
    fluxes: xr.Dataset
    """The run itself (basin, time)."""
    observed: xr.DataArray
    """Flow (basin, time) mm d-1."""


def evaluate(
    model: ModelDirectory,
    region: xr.Dataset,
    period: Period,
    *,
    outputs: tuple[str, ...] = ("runoff", "baseflow"),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Score `model` on the basins of `region` over `period`, after the spin-up its configuration states.

    Args:
        model: the model directory.
        region: weather, flow and attributes in the schema of `dhbv.data`.
        period: the days scored.
        outputs: what the run keeps, `runoff` and `baseflow` among them.
        on_progress: called with days done and days in all.

    Raises:
        DhbvError: if the data do not cover the period.
    """
    fluxes, _ = forecast.run(
        model, region, period, spin_up_days=model.config.data.spin_up_days,
        outputs=outputs, dtype=np.float32, on_progress=on_progress,
    )  # fmt: skip
    observed = region["streamflow"].sel(time=fluxes["time"])
    table = scores.score_basins(observed, fluxes["runoff"])
    table["bfi"] = scores.flux_baseflow_index(fluxes["baseflow"], fluxes["runoff"])
    extra: dict[str, Any] = {"period": str(period), "weights_sha256": model.weights_sha256}
    if "baseflow_index" in region:
        extra["bfi_correlation"] = scores.spatial_correlation(
            table["bfi"], region["baseflow_index"].to_series()
        )
    return Evaluation(table, scores.summary(table, **extra), fluxes, observed)
