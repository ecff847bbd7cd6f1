"""How near a surrogate comes to its simulator, with parameters and on days it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.baselines.testing import days_of
from dhbv.configuration import Config
from dhbv.surrogate import network as networks
from dhbv.surrogate import runs
from dhbv.surrogate.inputs import inputs
from dhbv.surrogate.network import Surrogate
from dhbv.surrogate.sampling import draw, near
from dhbv.surrogate.simulator import Simulator

QUANTILES = (0.05, 0.25, 0.5, 0.75)


def examine(
    config: Config, region: xr.Dataset, basins: Sequence[str], simulator: Simulator, surrogate: Surrogate,
    draws: int, seed: int, around: NDArray[np.floating] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """NSE, over the test period, of the surrogate's runs against the simulator's, `draws` of each basin.

    Args:
        config: its test period and spin-up.
        region: weather.
        basins: to be run.
        simulator: that `surrogate` mimics.
        surrogate: frozen.
        draws: parameter sets a basin.
        seed: of the draws: another than that of the runs trained on.
        around: places [basin, parameter] near which to draw; by default anywhere.

    Returns:
        A row a run: `basin`, and the NSE of each output; NaN where the simulator's never changes.
    """
    part, spin_up = days_of(region, basins, config.data.test, config.data.spin_up_days)
    about = simulator.description
    weather = inputs(part, about.inputs)
    basin = np.tile(np.arange(len(basins)), draws)
    count = len(about.parameters)
    places = draw(len(basin), count, seed) if around is None else near(around, draws, seed)
    truth = runs.simulate(simulator, weather, places, basin)[spin_up:].astype(np.float64)
    mimicked = networks.simulate(surrogate, weather, places, basin)[spin_up:]
    error = ((mimicked - truth) ** 2).sum(0)
    variance = ((truth - truth.mean(0)) ** 2).sum(0)
    nse = 1.0 - error / np.where(variance > 0.0, variance, np.nan)
    return pd.DataFrame(nse, columns=list(about.outputs)).assign(basin=np.array(basins, object)[basin])


def summary(table: pd.DataFrame) -> dict[str, Any]:
    """Quantiles over runs for each output, ready for JSON; None where no run has an NSE."""
    return {
        str(name): {
            "runs": int(table[name].notna().sum()),
            "nse": {
                f"{q:.0%}": None if np.isnan(v) else float(v)
                for q, v in table[name].quantile(list(QUANTILES)).items()
            },
        }
        for name in table.columns.drop("basin")
    }
