"""Calibrated HBV as experiments: each gauge by itself, and ungauged basins with the parameters of others."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import xarray as xr
from rich.progress import Progress

from dhbv import pipeline
from dhbv.baselines.calibration import Calibrated, Record, Sceua, calibrate
from dhbv.baselines.plain_hbv import FREE, simulate
from dhbv.baselines.testing import days_of, gathered
from dhbv.baselines.transfer import coordinates, nearest
from dhbv.configuration import Config, DataConfig, Section
from dhbv.data import model_forcing, schema
from dhbv.data.forcing import observed_flow
from dhbv.experiments import simulation
from dhbv.experiments.plans import Training
from dhbv.experiments.results import Trained
from dhbv.experiments.run import Done, Job, Method

BASINS = "basins"
"""Folder, within that of an experiment's work, of the basins that are calibrated."""


class Form(Section, frozen=True):
    """The model as results state it."""

    form: str = "HBV, M = 1, SCE-UA at each gauge"


class CalibrationConfig(Section, frozen=True):
    """How calibrated HBV came about."""

    data: DataConfig
    training: Sceua
    model: Form = Form()


def calibrated(config: Config, repetitions: int, processes: int) -> Method:
    """Every training basin calibrated on its own training days and tested; held-out ones have no gauge to do so."""
    settings = _settings(config, repetitions)

    def finish(job: Job, training: Training, digest: str, bars: Progress) -> Done:
        data, region = training.config.data, _region(job, training)
        found = _calibrate(job, data, region, settings, processes, bars)
        simulated = _test(region, data, {basin: [basin] for basin in found}, found, held_out=False)
        return _done(training, region, found, simulated, job)

    return Method(CalibrationConfig(data=config.data, training=settings), finish)


def transferred(config: Config, repetitions: int, processes: int, donors: int) -> Method:
    """Held-out basins run with the parameters of the `donors` training basins whose attributes are nearest.

    Of several donors it is the mean of the flows, and of all other outputs, that counts. What `calibrated` has
    left in the work folder is used.
    """
    settings = _settings(config, repetitions)

    def finish(job: Job, training: Training, digest: str, bars: Progress) -> Done:
        data, region = training.config.data, _region(job, training)
        found = _calibrate(job, data, region, settings, processes, bars)
        statistics = pipeline.prepare(_without_targets(training.config), region)[0]
        gauged, ungauged = (
            coordinates(schema.attribute_columns(region.sel(basin=list(part))), statistics)
            for part in (found, data.held_out)
        )
        names = np.array(list(found), object)
        chosen = names[nearest(gauged, ungauged, donors)].tolist()
        simulated = _test(region, data, dict(zip(data.held_out, chosen, strict=True)), found, held_out=True)
        return _done(training, region, found, simulated, job)

    return Method(CalibrationConfig(data=config.data, training=settings), finish)


def _without_targets(config: Config) -> Config:
    """Whatever else a δ model learns from need not be in the data."""
    return msgspec.structs.replace(config, training=msgspec.structs.replace(config.training, targets={}))


def _settings(config: Config, repetitions: int) -> Sceua:
    """The days and the seed are those of the δ model's configuration."""
    training = config.training
    return Sceua(repetitions=repetitions, warmup_days=training.warmup_days, seed=training.seed)


def _region(job: Job, training: Training) -> xr.Dataset:
    return list(job.regions.values())[training.source]


def _calibrate(
    job: Job, data: DataConfig, region: xr.Dataset, settings: Sceua, processes: int, bars: Progress
) -> dict[str, Calibrated]:
    basins = data.basins or ()
    part, _ = days_of(region, basins, data.train)
    weather, flow = model_forcing(part), observed_flow(part)
    records = {
        basin: Record(np.ascontiguousarray(weather[:, k]), np.ascontiguousarray(flow[:, k]))
        for k, basin in enumerate(basins)
    }
    task = bars.add_task("basins", total=len(records), note="")

    def on_basin(basin: str) -> None:
        bars.update(task, advance=1, note=basin)

    found = calibrate(records, settings, job.work / BASINS, processes=processes, on_basin=on_basin)
    bars.update(task, visible=False)
    return found


def _test(
    region: xr.Dataset,
    data: DataConfig,
    donors: Mapping[str, Sequence[str]],
    found: Mapping[str, Calibrated],
    *,
    held_out: bool,
) -> xr.Dataset:
    """The test period of the basins `donors` with the parameters of their donors, as many for each."""
    part, spin_up = days_of(region, list(donors), data.test, data.spin_up_days)
    weather = model_forcing(part)
    each = [d for chosen in donors.values() for d in chosen]
    parameters = {p.name: [found[d].parameters[p.name] for d in each] for p in FREE}
    of_model = ("et", "swe", "soil_water")
    water = simulate(parameters, np.repeat(weather, len(each) // len(donors), 1), ("baseflow", *of_model))
    mean = {
        name: w[spin_up:].reshape(len(w) - spin_up, len(donors), -1).mean(-1) for name, w in water.items()
    }
    daily = {name: mean[name] for name in ("runoff", "baseflow")}
    means = {name: mean[name] for name in of_model} | {"prcp": weather[spin_up:, :, 0]}
    return gathered(part, daily, means, held_out=held_out)


def _done(
    training: Training, region: xr.Dataset, found: Mapping[str, Calibrated], simulated: xr.Dataset,
    job: Job,
) -> Done:  # fmt: skip
    parameters: dict[str, Any] = {basin: found[basin].parameters for basin in sorted(found)}
    # A basin that serves several folds was calibrated once: each takes its part of the time.
    serves = Counter(basin for t in job.plan.trainings for basin in t.config.data.basins or ())
    identities = "".join(found[basin].identity for basin in sorted(found))
    record = Trained(
        label=training.label, source=list(job.regions)[training.source], basins=len(found),
        iterations=sum(c.runs for c in found.values()),
        seconds=round(sum(c.seconds / serves[basin] for basin, c in found.items()), 1),
        weights_sha256=hashlib.sha256(msgspec.json.encode(parameters)).hexdigest(),
        data_digest=hashlib.sha256(identities.encode()).hexdigest(),
    )  # fmt: skip
    return Done(record, simulated, simulation.score(simulated, region))
