"""Runs a plan. Every training is a model directory in a work folder; what is done is not done again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pandas as pd
import xarray as xr
from rich.progress import Progress

from dhbv import __version__, model_directory, pipeline
from dhbv.configuration import Config, Section
from dhbv.errors import DhbvError
from dhbv.evaluation import benchmark
from dhbv.experiments import clock, results, simulation
from dhbv.experiments.plans import Plan, Training, chosen
from dhbv.experiments.results import ENSEMBLE, Header, Results, Trained
from dhbv.model_directory import ModelDirectory


class Done(NamedTuple):
    """A training that is finished, and its test run."""

    record: Trained
    simulated: xr.Dataset
    table: pd.DataFrame


class Method(NamedTuple):
    """How trainings are made and tested where they are not of δ models."""

    config: Section
    """As results shall state it: sections `data`, `training` and `model`, whose `form` says what it is."""
    finish: Callable[[Job, Training, str, Progress], Done]
    """From the job, one of its trainings and the digest of that one's data set; what is done it does not do again."""


class Job(NamedTuple):
    """An experiment with everything it needs."""

    name: str
    """Of the model, for tables and figures."""
    config: Config
    """As given."""
    plan: Plan
    regions: Mapping[str, xr.Dataset]
    """Data sets by name, in the order of the plan's `source`."""
    work: Path
    """Folder of the model directories and test runs."""
    out: Path
    """Results file."""
    device: str = "auto"
    method: Method | None = None
    """None: δ models."""


def run(job: Job, bars: Progress, only: Sequence[str] | None = None) -> Results:
    """Train and test what is not yet done of `only` (all for None), and write the results after each training.

    The results hold whatever of the plan the work folder has, so that an experiment may be run in parts.

    Raises:
        DhbvError: if the work folder or the results file are of another experiment, or a training fails.
    """
    wanted = chosen(job.plan, only)
    digests = [_digest(region) for region in job.regions.values()]
    header = _header(job, digests)
    finish = job.method.finish if job.method else _finish
    results.refuse_other(header, job.out)
    overall = bars.add_task("trainings", total=len(wanted), note="")
    done: dict[str, Done] = {}
    for training in job.plan.trainings:
        if (job.work / training.label).exists():
            bars.update(overall, note=f"{training.label} is done")
            done[training.label] = finish(job, training, digests[training.source], bars)
    bars.update(overall, completed=sum(t.label in done for t in wanted))
    made = _collect(job, header, done) if done else None
    if made is not None:
        results.write(made, job.out)
    for training in wanted:
        if training.label in done:
            continue
        bars.update(overall, note=training.label)
        done[training.label] = finish(job, training, digests[training.source], bars)
        made = _collect(job, header, done)
        results.write(made, job.out)
        bars.advance(overall)
    bars.update(overall, note=str(job.out))
    assert made is not None, "a plan has trainings"
    return made


def _finish(job: Job, training: Training, digest: str, bars: Progress) -> Done:
    """Train unless the model is there, test unless its test run is there, and score."""
    name, region = list(job.regions.items())[training.source]
    place, kept = job.work / training.label, job.work / f"{training.label}.nc"
    note = job.work / f"{training.label}.seconds"
    if place.exists():
        model = _load(place, training, region)
        simulated = simulation.read(kept, weights=model.weights_sha256, region=digest)
        if simulated is None:
            evaluations = pipeline.assess(model, region, outputs=simulation.OUTPUTS)
    else:
        model, evaluations = _train(job, training, region, note, bars)
        simulated = None
    if simulated is None:
        simulated = simulation.gather(evaluations, held_out_only=job.plan.held_out_only)
        simulation.write(simulated, kept, weights=model.weights_sha256, region=digest)
    iterations = len((place / "history.csv").read_text().splitlines()) - 1
    record = Trained(
        label=training.label, source=name, basins=len(training.config.data.basins or ()), iterations=iterations,
        seconds=round(clock.noted(note)[1], 3), weights_sha256=model.weights_sha256,
        data_digest=model.manifest["data_digest"],
    )  # fmt: skip
    return Done(record, simulated, simulation.score(simulated, region))


def _train(job: Job, training: Training, region: xr.Dataset, note: Path, bars: Progress) -> pipeline.Made:
    total = training.config.training.iterations
    clocked = clock.Clock(note, total)
    task = bars.add_task(training.label, total=total, note="")

    def on_training(p: Any) -> None:
        clocked.tick(p.iteration)
        bars.update(task, completed=p.iteration, note=f"loss {p.loss:.4f}")

    def on_testing(days: int, of: int) -> None:
        bars.update(task, note=f"tested {days} of {of} days")

    made = pipeline.make_model(
        training.config, region, job.work / training.label, device=job.device,
        outputs=simulation.OUTPUTS, on_training=on_training, on_testing=on_testing,
    )  # fmt: skip
    bars.update(task, visible=False)
    return made


def _load(place: Path, training: Training, region: xr.Dataset) -> ModelDirectory:
    """The finished training at `place`, if it is the one wanted."""
    model = model_directory.load(place)
    what = ""
    if model.config != training.config:
        what = "configuration"
    elif model.manifest["data_digest"] != pipeline.prepare(training.config, region)[2]:
        what = "data"
    if what:
        raise DhbvError(
            f"{place} was trained with another {what} than this experiment asks for: choose another work folder "
            "(--work), or remove this one"
        )
    return model


def _header(job: Job, digests: Sequence[str]) -> Header:
    """Of no training yet."""
    machine = benchmark.machine(pipeline.choose_device(job.device).type)
    config = job.method.config if job.method else job.config
    return Header(
        name=job.name, kind=job.plan.kind, choices=job.plan.choices, config=msgspec.to_builtins(config),
        sources=dict(zip(job.regions, digests, strict=True)), planned=len(job.plan.trainings), trainings=(),
        machine={n: v if isinstance(v, int) else str(v) for n, v in machine.items()}, code_version=__version__,
    )  # fmt: skip


def _collect(job: Job, header: Header, done: Mapping[str, Done]) -> Results:
    """The results so far, in the order of the plan; an ensemble that is whole with its mean."""
    finished = {t.label: done[t.label] for t in job.plan.trainings if t.label in done}
    tables = {label: d.table for label, d in finished.items()}
    if job.plan.kind == "ensemble" and len(finished) == len(job.plan.trainings):
        mean = simulation.average([d.simulated for d in finished.values()])
        tables[ENSEMBLE] = simulation.score(mean, next(iter(job.regions.values())))
    rows = [t.rename_axis("basin").reset_index().assign(label=label) for label, t in tables.items()]
    table = pd.concat(rows, ignore_index=True)
    first = ["label", "basin", "held_out"]
    records = tuple(d.record for d in finished.values())
    return Results(
        msgspec.structs.replace(header, trainings=records),
        table[first + [c for c in table if c not in first]],
    )


def _digest(region: xr.Dataset) -> str:
    """sha256 of a whole data set, days and basins included."""
    digest = hashlib.sha256()
    for name in sorted(map(str, region.variables)):
        values = region[name].values
        plain = values.astype(str) if values.dtype.kind == "O" else values
        digest.update(f"{name} {plain.dtype} {plain.shape}".encode() + np.ascontiguousarray(plain).tobytes())
    return digest.hexdigest()
