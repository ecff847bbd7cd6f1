"""What a trained model gives: its forecast, the same hour by hour through BMI, and how true its water is."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import xarray as xr
import yaml
from bmipy import Bmi

from dhbv import forecast
from dhbv.configuration import Period
from dhbv.data.schema import attributes, basin_ids
from dhbv.evaluation.evaluate import Evaluation
from dhbv.model_directory import ModelDirectory

STREAMED_DAYS = 60
"""The last days of the test period run once more, hour by hour, through BMI."""
RECOVERED = ("beta", "gamma", "et", "swe", "soil_water", "surface_runoff", "interflow", "baseflow")
"""What the twin experiment compares with the truth, day by day."""


def recovery(evaluation: Evaluation, truth: xr.Dataset) -> dict[str, float | None]:
    """Median over basins of the correlation in time with the truth, by variable."""
    fluxes = evaluation.fluxes
    true = truth.sel(basin=fluxes["basin"], time=fluxes["time"])
    found = {}
    for name in RECOVERED:
        # A basin where the truth never changes (no snow) has no correlation.
        r = xr.corr(fluxes[name].astype(float), true[name].where(true[name].std("time") > 1e-6), "time")
        found[name] = round(float(r.median()), 3) if r.notnull().any() else None
    return found


def largest_residual(evaluation: Evaluation) -> float:
    """Largest |P − ET − Q − Δstored| of a day, mm."""
    f = evaluation.fluxes.astype(float)
    stored = sum(f[name] for name in ("swe", "soil_water", "upper_zone", "lower_zone", "routing_store"))
    residual = (f["prcp"] - f["et"] - f["runoff"]).isel(time=slice(1, None)) - stored.diff("time")  # type: ignore[union-attr]
    return float(abs(residual).max())


def forecast_and_stream(
    out: Path, model: ModelDirectory, region: xr.Dataset, test: Period, component: type[Bmi]
) -> float:
    """Forecast the test period, stopped and restarted once, and stream its end through BMI.

    Returns:
        The largest difference of the two runoffs, mm d-1.
    """
    restart = test.end - dt.timedelta(days=STREAMED_DAYS - 1)
    before = Period(start=test.start, end=restart - dt.timedelta(days=1))
    first, state = forecast.run(model, region, before)
    last, _ = forecast.run(model, region, Period(start=restart, end=test.end), state=state)
    whole = xr.concat(
        [first, last], "time", data_vars="minimal", coords="minimal", compat="override", join="exact"
    )
    forecast.write(whole.assign_attrs(first.attrs), out / "forecast.nc")

    folder = out / "bmi"
    state.write(folder / "start.state")
    attributes(region).to_csv(folder / "attributes.csv", index_label="catchment")
    settings = {
        "model": "../model", "catchments": basin_ids(region),
        "attributes": "attributes.csv", "start_time": dt.datetime.combine(restart, dt.time()), "state": "start.state",
    }  # fmt: skip
    (folder / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    streamed = _stream(component, folder / "config.yaml", region.sel(time=slice(str(restart), str(test.end))))
    return float(np.abs(streamed - last["runoff"].values[:, :-1].T).max())


def _stream(component: type[Bmi], config: Path, region: xr.Dataset) -> np.ndarray:
    """Runoff [day, basin], mm d-1, of all but the last day, which BMI gives out a day later."""
    p, tmin, tmax = (region[name].transpose("time", "basin").values for name in ("prcp", "tmin", "tmax"))
    bmi = component()
    bmi.initialize(str(config))
    depths = []
    for day in range(len(p)):
        given = np.zeros(p.shape[1])
        for hour in range(24):
            bmi.set_value("atmosphere_water__liquid_equivalent_precipitation_rate", p[day] / 24.0)
            bmi.set_value("land_surface_air__temperature", (tmin if hour < 12 else tmax)[day])
            bmi.update()
            given += 1000.0 * bmi.get_value_ptr("land_surface_water__runoff_depth")
        depths.append(given)
    bmi.finalize()
    return np.stack(depths[1:])
