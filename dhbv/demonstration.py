"""The main job on one screen: train, test where it was not trained, stream through BMI, draw.

Without data a synthetic region is used, whose true parameters and fluxes are known: a twin
experiment that shows whether the water inside is found, not only the flow.
"""

from __future__ import annotations

import datetime as dt
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import yaml
from bmipy import Bmi
from rich.console import Group
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from dhbv import forecast, pipeline
from dhbv.configuration import Config, DataConfig, ModelConfig, NetworkConfig, Period, TrainingConfig
from dhbv.data import open_region
from dhbv.data.schema import attributes
from dhbv.data.synthetic import synthetic_region
from dhbv.errors import DhbvError
from dhbv.evaluation import report
from dhbv.evaluation.evaluate import Evaluation
from dhbv.model_directory import ModelDirectory
from dhbv.runtime import OUTPUTS

MOST_BASINS = 60
"""Of real data so many are used at most, evenly spread over their ids."""
HELD_OUT_EVERY = 6
"""Each so-manieth basin is held out."""
STREAMED_DAYS = 60
"""The last days of the test period run once more, hour by hour, through BMI."""
RECOVERED = ("beta", "gamma", "et", "swe", "soil_water", "surface_runoff", "interflow", "baseflow")
"""What the twin experiment compares with the truth, day by day."""

_SCORES = {"nse": "NSE", "kge": "KGE", "relative_bias": "bias (%)", "fhv": "bias of high flow, FHV (%)"}
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


def run(
    out: Path, data: Path | None, attribute_file: Path | None, component: type[Bmi], bars: Progress
) -> dict[str, Any]:
    """Run it all into the folder `out` and return the figures that `render` shows.

    Args:
        out: `model/`, `forecast.nc` and `figures/` are made in it, older ones replaced.
        data: a source that `open_region` reads; None makes a synthetic region.
        attribute_file: of the data.
        component: the BMI class that streams.
        bars: for progress.

    Raises:
        DhbvError: if the data are too short or hold too few gauged basins.
    """
    began = time.perf_counter()
    for made in ("model", "model.partial", "figures", "bmi"):
        shutil.rmtree(out / made, ignore_errors=True)
    if data is None:
        region, truth = synthetic_region(years=10)
    else:
        region, truth = _sample(open_region(data, attributes=attribute_file)), None
    config = Config(
        data=_split(region),
        model=_MODEL if truth is not None else _REAL_MODEL,
        training=_TRAINING if truth is not None else _REAL_TRAINING,
    )
    training = bars.add_task("training", total=config.training.iterations, note="")
    testing = bars.add_task("testing", total=None, note="")
    model, evaluations = pipeline.make_model(
        config, region, out / "model", outputs=OUTPUTS,
        on_training=lambda p: bars.update(training, completed=p.iteration, note=f"loss {p.loss:.4f}"),
        on_testing=lambda done, total: bars.update(testing, completed=done, total=total),
    )  # fmt: skip
    difference = _forecast_and_stream(out, model, region, config.data.test, component)
    figures = report.write_figures(evaluations, region, out / "figures", truth=truth)
    return {
        "region": "synthetic" if data is None else str(data),
        "basins": region.sizes["basin"],
        "train": str(config.data.train),
        "evaluations": {label: e.summary for label, e in evaluations.items()},
        "recovery": None
        if truth is None
        else {label: _recovery(e, truth) for label, e in evaluations.items()},
        "water_balance_mm": _largest_residual(evaluations[pipeline.TEST]),
        "bmi_difference_mm": difference,
        "made": [str(out / "model"), str(out / "forecast.nc"), *map(str, figures)],
        "seconds": round(time.perf_counter() - began, 1),
    }


def render(summary: dict[str, Any]) -> Group:
    """The summary as one screen."""
    table = Table(
        title=f"δ-HBV on {summary['basins']} basins ({summary['region']}), trained {summary['train']}"
    )
    for heading in ("", *summary["evaluations"]):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, label in _SCORES.items():
        values = [e["median"][name] for e in summary["evaluations"].values()]
        table.add_row(f"median {label}", *(_number(v, ".3g") for v in values))
    bfi = [e.get("bfi_correlation") for e in summary["evaluations"].values()]
    if any(bfi):
        table.add_row("spatial correlation of BFI", *(_number(b, ".2f") for b in bfi))
    for name in RECOVERED if summary["recovery"] else ():
        values = [r[name] for r in summary["recovery"].values()]
        table.add_row(f"correlation with the true {name}", *(_number(v, ".2f") for v in values))
    facts = [
        f"water balance: largest daily residual {summary['water_balance_mm']:.1e} mm (float32 run)",
        f"BMI hour by hour against the daily forecast, one day later: ≤ {summary['bmi_difference_mm']:.1e} mm d-1",
        f"made in {summary['seconds']:.0f} s: {summary['made'][0]}, {summary['made'][1]}, "
        f"{len(summary['made']) - 2} figures in {Path(summary['made'][2]).parent}",
    ]
    return Group(table, *(Text(fact) for fact in facts))


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _sample(region: xr.Dataset) -> xr.Dataset:
    """At most MOST_BASINS gauged basins of a region."""
    gauged = region["streamflow"].notnull().mean("time") > 0.8
    region = region.isel(basin=np.flatnonzero(gauged.values))
    if region.sizes["basin"] < 2:
        raise DhbvError("the demo needs at least 2 basins with observed flow on 80 % of the days")
    return region.isel(basin=slice(None, None, -(-region.sizes["basin"] // MOST_BASINS)))


def _split(region: xr.Dataset) -> DataConfig:
    """Two thirds of the days to train on, the rest to test; every sixth basin held out."""
    days = pd.DatetimeIndex(region["time"].values)
    first_test = days[2 * len(days) // 3]
    if len(days) < 4 * 365:
        raise DhbvError(f"the demo needs at least 4 years of days, the data hold {len(days)} days")
    basins = [str(b) for b in region["basin"].values]
    held_out = tuple(basins[HELD_OUT_EVERY // 2 :: HELD_OUT_EVERY]) or (basins[-1],)
    return DataConfig(
        train=Period(start=days[0].date(), end=(first_test - pd.Timedelta(days=1)).date()),
        test=Period(start=first_test.date(), end=days[-1].date()),
        basins=tuple(b for b in basins if b not in held_out),
        held_out=held_out,
    )


def _recovery(evaluation: Evaluation, truth: xr.Dataset) -> dict[str, float | None]:
    """Median over basins of the correlation in time with the truth, by variable."""
    fluxes = evaluation.fluxes
    true = truth.sel(basin=fluxes["basin"], time=fluxes["time"])
    found = {}
    for name in RECOVERED:
        # A basin where the truth never changes (no snow) has no correlation.
        r = xr.corr(fluxes[name].astype(float), true[name].where(true[name].std("time") > 1e-6), "time")
        found[name] = round(float(r.median()), 3) if r.notnull().any() else None
    return found


def _largest_residual(evaluation: Evaluation) -> float:
    """Largest |P − ET − Q − Δstored| of a day, mm."""
    f = evaluation.fluxes.astype(float)
    stored = sum(f[name] for name in ("swe", "soil_water", "upper_zone", "lower_zone", "routing_store"))
    residual = (f["prcp"] - f["et"] - f["runoff"]).isel(time=slice(1, None)) - stored.diff("time")  # type: ignore[union-attr]
    return float(abs(residual).max())


def _forecast_and_stream(
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
        "model": "../model", "catchments": [str(b) for b in region["basin"].values],
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
