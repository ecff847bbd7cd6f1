"""A twin experiment: real weather and attributes, and as observed flow that of HBV with parameters that are known.

python examples/surrogate/twin.py examples/surrogate/camels.yaml $CAMELS/camels_us_maurer.nc runs/twin.nc

The planted parameters are smooth functions of five attributes, and lie beside the data as runs/twin.csv.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from dhbv import configuration
from dhbv.configuration import Config
from dhbv.data import open_region, schema
from dhbv.data.weather import Array
from dhbv.surrogate import runs
from dhbv.surrogate.hbv import HBV
from dhbv.surrogate.inputs import inputs

ATTRIBUTES = ("aridity", "frac_snow", "slope_mean", "soil_depth_statsgo", "frac_forest")
STEEPNESS = 0.7
"""Standard deviation of the weights that make logits of z-scores."""


def planted(table: pd.DataFrame, seed: int = 0) -> Array:
    """Fractions [basin, parameter] of HBV's ranges, from the attributes of all basins."""
    columns = table[list(ATTRIBUTES)].to_numpy(float)
    z = np.tanh((columns - columns.mean(0)) / columns.std(0))
    weights = np.random.default_rng(seed).normal(
        0.0, STEEPNESS, (z.shape[1], len(HBV.description.parameters))
    )
    return 1.0 / (1.0 + np.exp(-(z @ weights)))


def main(config: Path, data: Path, out: Path) -> None:
    """Write the region and the truth."""
    settings = configuration.load(config, Config).data
    region = open_region(data, basins=(*(settings.basins or ()), *settings.held_out))
    about = HBV.description
    places = planted(schema.attributes(region))
    water = runs.simulate(HBV, inputs(region, about.inputs), places, np.arange(len(places)))
    flow = region["streamflow"].copy(data=water[..., 0].T)
    out.parent.mkdir(parents=True, exist_ok=True)
    region.assign(streamflow=flow).to_netcdf(out)
    names = [p.name for p in about.parameters]
    index = pd.Index([str(b) for b in region["basin"].values], name="basin")
    pd.DataFrame(about.values(places), index, names).to_csv(out.with_suffix(".csv"), float_format="%.6g")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
