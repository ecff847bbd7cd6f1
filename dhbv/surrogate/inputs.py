"""The weather that simulators ask for by name, out of a region."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.baselines import streamflow_lstm
from dhbv.data import model_forcing
from dhbv.data.schema import DataError

_OF_MODEL = {"temperature": 1, "pet": 2}
"""Columns of the δ models' forcing: (tmin + tmax) / 2, degC; Ep as the data have it, else Hargreaves, mm d-1."""

INPUTS = (*streamflow_lstm.WEATHER, streamflow_lstm.DAY_LENGTH, *_OF_MODEL)
"""What there is: mm d-1, degC, W m-2, Pa, h."""


def inputs(region: xr.Dataset, names: Sequence[str]) -> NDArray[np.float32]:
    """Weather [time, basin, input] of every day of `region`.

    Raises:
        DataError: if there is no such input, or it is missing or not finite in the region.
    """
    unknown = [name for name in names if name not in INPUTS]
    if unknown:
        raise DataError(f"no input {unknown[0]!r}: a simulator may ask for {', '.join(INPUTS)}")
    ours = model_forcing(region) if set(names) & set(_OF_MODEL) else None
    columns = [
        streamflow_lstm.inputs(region, (name,))[..., 0]
        if ours is None or name not in _OF_MODEL
        else ours[..., _OF_MODEL[name]]
        for name in names
    ]
    return np.stack(columns, -1)
