"""The plain LSTM as an experiment: trained and tested on the basins and days of a δ model, kept in a folder."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from rich.progress import Progress
from safetensors.numpy import load_file, save

from dhbv import pipeline
from dhbv.baselines import streamflow_lstm
from dhbv.baselines.streamflow_lstm import Scaling, StreamflowConfig, StreamflowLSTM
from dhbv.baselines.testing import days_of, gathered
from dhbv.configuration import Config, Section
from dhbv.data import schema
from dhbv.errors import DhbvError
from dhbv.experiments import clock, simulation
from dhbv.experiments.plans import Training
from dhbv.experiments.results import Trained
from dhbv.experiments.run import Done, Job, Method
from dhbv.files import folder_written_whole
from dhbv.normalisation import Statistics, normalise_attributes
from dhbv.training.sampler import TrainingData
from dhbv.training.trainer import choose_device

WEIGHTS, CARD, HISTORY = "weights.safetensors", "card.json", "history.csv"


class Card(Section, frozen=True):
    """All that running the weights needs, and how they came about."""

    config: StreamflowConfig
    scaling: Scaling
    statistics: Statistics
    """Of the attributes; those of weather are not used."""
    data_digest: str
    weights_sha256: str = ""


class Prepared(NamedTuple):
    """A training before it begins."""

    card: Card
    data: TrainingData


def plain_lstm(config: Config, region: xr.Dataset, hidden: int, dropout: float) -> Method:
    """The LSTM of `streamflow_lstm.configure`, with the inputs that `region` has, in any plan."""
    seen = streamflow_lstm.inputs_of(region)

    def finish(job: Job, training: Training, digest: str, bars: Progress) -> Done:
        name, region = list(job.regions.items())[training.source]
        place = job.work / training.label
        asked = streamflow_lstm.configure(training.config, seen, hidden, dropout)
        prepared = prepare(msgspec.structs.replace(training.config, training=asked.training), asked, region)
        if not place.exists():
            _train(job, training, prepared, place, bars)
        card, network = load(place)
        _refuse_other(card, prepared.card, place)
        network.to(choose_device(job.device))
        kept, weights = job.work / f"{training.label}.nc", card.weights_sha256
        simulated = simulation.read(kept, weights=weights, region=digest)
        if simulated is None:
            simulated = test(card, network, region, held_out_only=job.plan.held_out_only)
            simulation.write(simulated, kept, weights=weights, region=digest)
        record = Trained(
            label=training.label, source=name, basins=len(asked.data.basins or ()),
            iterations=asked.training.iterations, seconds=round(clock.noted(_note(place))[1], 1),
            weights_sha256=weights, data_digest=card.data_digest,
        )  # fmt: skip
        return Done(record, simulated, simulation.score(simulated, region))

    return Method(streamflow_lstm.configure(config, seen, hidden, dropout), finish)


def prepare(config: Config, asked: StreamflowConfig, region: xr.Dataset) -> Prepared:
    """Statistics, training data and their digest, from training basins and days alone."""
    statistics, data, digest = pipeline.prepare(config, region)
    part, _ = days_of(region, data.basins, asked.data.train)
    seen = streamflow_lstm.inputs(part, asked.model.inputs)
    scale = streamflow_lstm.scaling(seen, data.flow.numpy())
    # That of the δ model's data does not know of all that the LSTM sees.
    whole = hashlib.sha256(digest.encode() + np.ascontiguousarray(seen).tobytes()).hexdigest()
    card = Card(config=asked, scaling=scale, statistics=statistics, data_digest=whole)
    x = torch.from_numpy(streamflow_lstm.normalised(seen, scale))
    return Prepared(card, data._replace(forcing=x))


def test(card: Card, network: StreamflowLSTM, region: xr.Dataset, *, held_out_only: bool) -> xr.Dataset:
    """The test period of the training basins, unless they do not count, and of those held out."""
    data = card.config.data
    groups = {False: () if held_out_only else data.basins or (), True: data.held_out}
    parts = [
        _run(card, network, region, basins, held_out=held_out)
        for held_out, basins in groups.items()
        if basins
    ]
    return xr.concat(parts, "basin")


def load(place: Path) -> tuple[Card, StreamflowLSTM]:
    """What `_train` has left at `place`.

    Raises:
        DhbvError: if it is not that, or damaged.
    """
    try:
        card = msgspec.json.decode((place / CARD).read_bytes(), type=Card)
        sha256 = hashlib.sha256((place / WEIGHTS).read_bytes()).hexdigest()
    except (OSError, msgspec.DecodeError) as error:
        raise DhbvError(f"{place} cannot be read as a plain LSTM ({error}): remove it") from None
    if sha256 != card.weights_sha256:
        raise DhbvError(f"{place / WEIGHTS} is damaged: its checksum does not match; remove {place}")
    network = StreamflowLSTM(card.config.model, card.scaling)
    arrays: dict[str, NDArray[Any]] = load_file(place / WEIGHTS)
    network.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})
    return card, network.eval()


def _train(job: Job, training: Training, prepared: Prepared, place: Path, bars: Progress) -> None:
    card, data = prepared
    total = card.config.training.iterations
    clocked = clock.Clock(_note(place), total)
    task = bars.add_task(training.label, total=total, note="")

    def on_progress(p: streamflow_lstm.Progress) -> None:
        clocked.tick(p.iteration)
        bars.update(task, completed=p.iteration, note=f"loss {p.loss:.4f}")

    partial = place.with_name(place.name + ".partial")
    learned = streamflow_lstm.train(
        card.config, card.scaling, data.to(choose_device(job.device)),
        checkpoint_path=partial / "checkpoint.pt",
        identity=hashlib.sha256(msgspec.json.encode(card)).hexdigest(), on_progress=on_progress,
    )  # fmt: skip
    arrays = {name: w.detach().cpu().numpy() for name, w in learned.network.state_dict().items()}
    weights = save(dict(sorted(arrays.items())))
    lines = ["iteration,loss", *(f"{iteration},{loss}" for iteration, loss in learned.history)]
    card = msgspec.structs.replace(card, weights_sha256=hashlib.sha256(weights).hexdigest())
    contents = {
        WEIGHTS: weights,
        CARD: msgspec.json.format(msgspec.json.encode(card), indent=1),
        HISTORY: ("\n".join(lines) + "\n").encode(),
    }
    with folder_written_whole(place) as draft:
        for name, content in contents.items():
            (draft / name).write_bytes(content)
    shutil.rmtree(partial, ignore_errors=True)
    bars.update(task, visible=False)


def _run(
    card: Card, network: StreamflowLSTM, region: xr.Dataset, basins: Sequence[str], *, held_out: bool
) -> xr.Dataset:
    config = card.config
    part, spin_up = days_of(region, basins, config.data.test, config.data.spin_up_days)
    seen = streamflow_lstm.inputs(part, config.model.inputs)
    attributes = normalise_attributes(schema.attribute_columns(part), card.statistics).values
    flow = streamflow_lstm.simulate(
        network, streamflow_lstm.normalised(seen, card.scaling), attributes.astype(np.float32)
    )
    rain = part["prcp"].transpose("time", "basin").values[spin_up:]
    return gathered(part, {"runoff": flow[spin_up:]}, {"prcp": rain}, held_out=held_out)


def _refuse_other(card: Card, asked: Card, place: Path) -> None:
    """Raise DhbvError unless the training at `place` is the one wanted."""
    what = "configuration" if card.config != asked.config else ""
    if not what and card.data_digest != asked.data_digest:
        what = "data"
    if what:
        raise DhbvError(
            f"{place} was trained with another {what} than this experiment asks for: choose another work folder "
            "(--work), or remove this one"
        )


def _note(place: Path) -> Path:
    return place.with_name(f"{place.name}.seconds")
