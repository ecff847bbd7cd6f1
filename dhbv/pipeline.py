"""From a region to a tested model directory: normalise, train, test, keep."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd
import torch
import xarray as xr

from dhbv import configuration, model_directory, normalisation
from dhbv.configuration import Config, DataConfig, Period
from dhbv.data import Source, history, model_forcing, schema
from dhbv.data.checks import check_dates
from dhbv.data.forcing import observed, observed_flow
from dhbv.data.schema import basin_ids
from dhbv.errors import ConfigurationError
from dhbv.evaluation.evaluate import Evaluation, evaluate
from dhbv.model_directory import HELD_OUT, TEST, ModelDirectory
from dhbv.normalisation import Statistics
from dhbv.physics.weather import check_weather
from dhbv.training.processes import ALONE, Processes
from dhbv.training.sampler import TrainingData
from dhbv.training.trainer import Progress, Trainer, Validation, choose_device

PER_BASIN = ("nse", "kge", "bfi")
"""Scores a model directory keeps for every basin."""


class Made(NamedTuple):
    """A new model directory and how it did on what it was not trained on."""

    model: ModelDirectory
    evaluations: dict[str, Evaluation]
    """By label; of several processes in the first one only."""


def make_model(
    config: Config,
    region: xr.Dataset | Source,
    out: Path,
    *,
    device: str = "auto",
    processes: Processes = ALONE,
    start_from: ModelDirectory | None = None,
    outputs: tuple[str, ...] = ("runoff", "baseflow"),
    on_training: Callable[[Progress], None] = lambda _: None,
    on_testing: Callable[[int, int], None] = lambda done, total: None,
) -> Made:
    """Train on `region` (dims basin, time) as `config` says and write the model directory `out`.

    Work in progress lies in `out`.partial; after a kill the same call goes on from there and
    gives the same weights.

    Args:
        config: the whole configuration.
        region: weather, flow and attributes in the schema of `dhbv.data`. Of a source each process reads its
            own basins, so that none holds all while training; the first one reads those tested in the end.
        out: where the model directory shall be; must be free, and the same folder for all processes.
        device: `auto` (a GPU where there is one), `cpu` or `cuda`.
        processes: that train together, see `dhbv.training.processes.join`; all must call this. The first one
            tests and writes.
        start_from: whose weights, and normalising statistics, training begins with; None begins afresh.
        outputs: what the tests' runs keep.
        on_training: called after each minibatch.
        on_testing: called with days done and days in all of each test.

    Raises:
        DhbvError: if the data lack basins, days or attributes, `start_from` is of another model
            configuration, or training fails.
    """
    model_directory.refuse_occupied(out)
    config = _with_basins(config, region)
    if start_from is not None and start_from.config.model != config.model:
        raise ConfigurationError(
            f"training cannot start from the weights of {start_from.path}: its model configuration is another; train "
            "from scratch (retrain.warm_start: false)"
        )
    target = processes.place(choose_device(device))
    # Those held out too, so that a fault of theirs is found before training.
    held_out = config.data.held_out[processes.rank :: processes.count]
    part = _read(region, (*processes.share(config.data.basins or ()), *held_out))
    _refuse_other_days(part, processes)
    _refuse_untestable(part, config.data)
    statistics, data, digest = prepare(
        config, part, start_from.statistics if start_from else None, processes=processes
    )
    partial = out.with_name(out.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    origin = start_from.weights_sha256 if start_from else ""
    identity = hashlib.sha256((configuration.dump(config) + digest + origin).encode()).hexdigest()
    trainer = Trainer(
        config, statistics, data.to(target), validation=_validation(config, part, target, processes),
        checkpoint_path=partial / "checkpoint.pt", identity=identity, processes=processes,
    )  # fmt: skip
    del part
    if start_from is not None:
        trainer.model.network.load_state_dict({n: torch.from_numpy(w) for n, w in start_from.weights.items()})
    network = trainer.run(on_training).network
    weights = {name: w.detach().cpu().numpy() for name, w in network.state_dict().items()}
    evaluations: dict[str, Evaluation] = {}

    def finish() -> None:
        draft = partial / "untested"
        if draft.exists():
            shutil.rmtree(draft)
        untested = model_directory.save(draft, config, statistics, weights, data_digest=digest, scores={})
        evaluations.update(assess(untested, region, outputs=outputs, on_progress=on_testing))
        scores = {label: e.summary | {"per_basin": _per_basin(e.table)} for label, e in evaluations.items()}
        history = pd.DataFrame(trainer.history, columns=["iteration", "loss", "validation_loss"])
        text = io.StringIO()
        history.to_csv(text, index=False, lineterminator="\n")
        model_directory.save(
            out, config, statistics, weights, data_digest=digest, scores=scores,
            extra={"history.csv": text.getvalue().encode()},
        )  # fmt: skip
        shutil.rmtree(partial)

    processes.from_first(finish)
    return Made(model_directory.load(out), evaluations)


def prepare(
    config: Config,
    region: xr.Dataset,
    statistics: Statistics | None = None,
    *,
    processes: Processes = ALONE,
) -> tuple[Statistics, TrainingData, str]:
    """Statistics (unless given), training data and their digest, from training basins and days alone.

    Of several processes each needs, and keeps, the series of its share of the basins; statistics, attributes and
    digest are those of all, the same to the last bit however many share.
    """
    basins = config.data.basins or ()
    mine = processes.share(basins)
    chosen = _part(region, list(mine), config.data.train)
    forcing, flow = model_forcing(chosen), observed_flow(chosen)
    columns = _joined(processes.gather(schema.attribute_columns(chosen)))
    if statistics is None:
        moments = processes.gather(normalisation.moments(forcing))
        whole = normalisation.Moments(*(np.concatenate(part) for part in zip(*moments, strict=True)))
        statistics = normalisation.fit(whole, columns, config.model.attributes)
    history.refuse_other_days(chosen, config.model.attributes, config.data.train)
    normalised = normalisation.normalise_attributes(columns, statistics)
    normalisation.refuse_ungauged(normalised, basins)
    attributes = normalised.values.astype(np.float32)
    data = TrainingData(
        torch.from_numpy(forcing), torch.from_numpy(flow), torch.from_numpy(attributes), basins,
        first=basins.index(mine[0]),
        targets={name: torch.from_numpy(observed(chosen, name)) for name in sorted(config.training.targets)},
    )  # fmt: skip
    for name, series in data.targets.items():
        if not any(processes.gather(bool(series.isfinite().any()))):
            raise ConfigurationError(
                f"training.targets: no training basin has an observation of {name} in {config.data.train}: give data that "
                "have them, or leave it out"
            )
    digests = processes.gather(b"".join(_digest(data, k) for k in range(len(mine))))
    return statistics, data, hashlib.sha256(b"".join(digests)).hexdigest()


def assess(
    model: ModelDirectory,
    region: xr.Dataset | Source,
    *,
    outputs: tuple[str, ...] = ("runoff", "baseflow"),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Evaluation]:
    """Evaluations over the test period: of the training basins, and of held-out ones if there are any."""
    data = model.config.data
    groups = {TEST: list(data.basins or ())}
    if data.held_out:
        groups[HELD_OUT] = list(data.held_out)
    return {
        label: evaluate(
            model, _read(region, basins).sel(basin=basins), data.test, outputs=outputs, on_progress=on_progress
        )
        for label, basins in groups.items()
    }  # fmt: skip


def _read(region: xr.Dataset | Source, basins: Sequence[str]) -> xr.Dataset:
    """A region that holds `basins`, and others where all are at hand."""
    return region.read(basins) if isinstance(region, Source) else region


def _with_basins(config: Config, region: xr.Dataset | Source) -> Config:
    """`config` with every training basin named."""
    present = region.basins if isinstance(region, Source) else basin_ids(region)
    held_out = config.data.held_out
    basins = config.data.basins or tuple(b for b in present if b not in held_out)
    if not basins:
        raise ConfigurationError(
            f"no basin is left to train on: all {len(present)} of the data are held out; shorten data.held_out"
        )
    absent = [b for b in (*basins, *held_out) if b not in present]
    if absent:
        raise ConfigurationError(
            f"the data lack {len(absent)} basins of the configuration: {', '.join(absent[:5])}; "
            "correct data.basins and data.held_out, or give data that hold them"
        )
    return msgspec.structs.replace(config, data=msgspec.structs.replace(config.data, basins=basins))


def _part(region: xr.Dataset, basins: list[str], period: Period) -> xr.Dataset:
    return _days(region, period).sel(basin=basins)


def _days(region: xr.Dataset, period: Period) -> xr.Dataset:
    part = region.sel(time=slice(str(period.start), str(period.end)))
    if part.sizes["time"] < period.days:
        days = region["time"].values.astype("datetime64[D]")
        raise ConfigurationError(
            f"the data hold {days[0]}..{days[-1]}, not all of the period {period}: correct data.train, "
            "data.validation and data.test, or give data that cover them"
        )
    return part


def _refuse_other_days(part: xr.Dataset, processes: Processes) -> None:
    """Each process sees only its own basins; those of one process would have to hold the same days."""
    time = part["time"].values.astype("datetime64[D]")
    held = processes.gather((f"{time[0]}..{time[-1]}", str(part["basin"].values[0])))
    other = next(((days, basin) for days, basin in held if days != held[0][0]), None)
    if other is not None:
        raise ConfigurationError(
            f"weather of basin {held[0][1]} is there for {held[0][0]}, of basin {other[1]} for {other[0]}: cut the "
            "data to days that all basins have, or leave some out"
        )


def _refuse_untestable(part: xr.Dataset, data: DataConfig) -> None:
    """Pass data on which all that is held here of `data` can be tested.

    Found after training it could not be mended: a training of other test days is another training.
    """
    check_dates(part["time"].values, "the data")
    _days(part, data.test)
    run, wanted = data.test.after_spin_up(data.spin_up_days), {*(data.basins or ()), *data.held_out}
    basins = [b for b in basin_ids(part) if b in wanted]
    tested = part.sel(time=slice(str(run.start), str(run.end))).sel(basin=basins)
    check_weather(model_forcing(tested), basins, tested["time"].values[0].astype("datetime64[D]"))


def _joined(columns: list[dict[str, list[object]]]) -> dict[str, list[object]]:
    """Attribute tables of some basins after another as one."""
    return {name: [value for part in columns for value in part.get(name, [])] for name in columns[0]}


def _digest(data: TrainingData, k: int) -> bytes:
    """sha256 of everything known of one basin, the `k`-th of those held."""
    sha = hashlib.sha256()
    series = (data.forcing, data.flow, *(data.targets[name] for name in sorted(data.targets)))
    for array in (*(s[:, k] for s in series), data.attributes[data.first + k]):
        sha.update(np.ascontiguousarray(array.numpy()).tobytes())
    return sha.digest()


def _validation(
    config: Config, region: xr.Dataset, device: torch.device, processes: Processes
) -> Validation | None:
    period = config.data.validation
    if period is None:
        return None
    basins = list(processes.share(config.data.basins or ()))
    flow = observed_flow(_part(region, basins, period))
    if not any(processes.gather(bool(np.isfinite(flow).any()))):
        raise ConfigurationError(
            f"data.validation {period}: no training basin has observed flow in it, by which weights could be chosen: "
            "choose other days, or leave it out"
        )
    before = region.sel(basin=basins, time=slice(None, str(period.end)))
    days = min(before.sizes["time"], len(flow) + config.data.spin_up_days)
    forcing = model_forcing(before.isel(time=slice(-days, None)))
    return Validation(torch.from_numpy(forcing).to(device), torch.from_numpy(flow).to(device))


def _per_basin(table: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    return {
        str(basin): {
            name: round(float(row[name]), 4) if np.isfinite(row[name]) else None for name in PER_BASIN
        }
        for basin, row in table.iterrows()
    }
