"""When a challenger is trained, on what, how it is tried, and how it comes to serve."""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import xarray as xr

from dhbv import configuration, model_directory
from dhbv.configuration import Config, Period
from dhbv.data.schema import basin_ids, some
from dhbv.errors import DhbvError
from dhbv.evaluation.challenge import challenge
from dhbv.evaluation.evaluate import evaluate
from dhbv.evaluation.scorecard import Scorecard
from dhbv.files import locked, written_whole
from dhbv.model_directory import TEST, ModelDirectory
from dhbv.operations import analysis, states, weather
from dhbv.operations.configuration import Operation
from dhbv.registry import Move, Registry, Serving, Version
from dhbv.store import Store, digest_of

if TYPE_CHECKING:
    from dhbv.training.trainer import Progress

SCORECARD = ("scorecard.json", "scorecard.md", "scorecard.png")
"""What a version holds of its trial."""

PROMISED = (TEST, "nse")
"""The score a champion was made with, by which drift is told."""

TOLD = 20
"""Times that a training tells how far it is."""

_log = logging.getLogger("dhbv")


class Spans(NamedTuple):
    """What the data at hand allow."""

    train: Period
    test: Period


class _Record(NamedTuple):
    """What is trained and judged on."""

    region: xr.Dataset
    """Weather without a gap, flow and attributes of the basins whose record is long enough."""
    lacking: tuple[str, ...]
    """Of the others: which, why, and how to mend it."""


def reason(operation: Operation, now: dt.datetime) -> str | None:
    """Why a challenger should be trained now, in words; None where there is no reason.

    Looked at in turn: whether there is a version that can be read, the schedule, new observations, lost skill.
    """
    store, rules = Store(operation.store), operation.config.retrain
    registry = _registry(operation)
    if registry is None:
        return "there is no version yet"
    # The journal knows of versions since removed, and of trainings that came to known weights; a publication that was
    # killed before its line there is known by the version alone.
    times = [e.when for e in registry.journal() if e.action == "publish"]
    times += [v.publication.when for v in registry.versions() if v.publication is not None]
    if not times:
        return "no version can be read"
    last = max(dt.datetime.fromisoformat(when) for when in times)
    days = (now - last).days
    if days >= rules.every_days:
        return f"the last training was {days} days ago (every {rules.every_days})"
    new = store.basin_days_since(last)
    if new >= rules.new_basin_days:
        return (
            f"{new} new or corrected observed basin-days since the last training (at {rules.new_basin_days})"
        )
    return _drift(operation, store, registry) if days >= rules.rest_days else None


def train(
    operation: Operation,
    work: Path,
    *,
    device: str = "auto",
    say: Callable[[str], None] = lambda _: None,
) -> ModelDirectory:
    """Train a challenger on all but the newest days.

    Args:
        operation: the operation.
        work: a folder for work in progress; after a kill the same call goes on from there, and gives what was
            finished and never published.
        device: see `dhbv.training.trainer.choose_device`; where there are several GPUs a process trains on each.
        say: told what happens.

    Raises:
        DhbvError: if the data are too short, another training is at work in this folder, or training fails; what
            serves goes on serving.
    """
    from dhbv.pipeline import make_model
    from dhbv.training.processes import one_a_gpu
    from dhbv.training.trainer import choose_device

    store, registry = Store(operation.store), _registry(operation)
    spans = spans_of(operation, store)
    champion = registry.serving().model if registry is not None and registry.champion() else None
    start_from = champion if operation.config.retrain.warm_start else None
    region, lacking = _record(operation, store, spans)
    config = _config(operation.training, spans, region)
    begun = "from scratch" if start_from is None else f"from weights {start_from.weights_sha256[:12]}"
    for why in lacking:
        say(f"left out: {why}")
    say(f"training {begun} on {region.sizes['basin']} basins, {spans.train}")
    # Named by what goes into it: a killed training is taken up again, unless data or weights have changed since.
    origin = "" if start_from is None else start_from.weights_sha256
    identity = hashlib.sha256((configuration.dump(config) + digest_of(region) + origin).encode()).hexdigest()
    out = work / f"trained-{identity[:12]}"
    work.mkdir(parents=True, exist_ok=True)
    total = config.training.iterations

    def tell(progress: Progress) -> None:
        if progress.iteration % max(1, total // TOLD) == 0:
            say(f"{progress.iteration} of {total} minibatches, loss {progress.loss:.4f}")

    with locked(work / "lock"):
        for other in work.glob("trained-*"):
            if other.name not in (out.name, f"{out.name}.partial"):
                shutil.rmtree(other)
        if (made := _made(out)) is not None:
            say(f"{out.name} was trained already, by a run that ended before it was published")
            return made
        count = one_a_gpu(choose_device(device))
        if count > 1:
            say(f"{count} processes train, one a GPU")
            return _train_together(config, region, out, count, device=device, start_from=start_from)
        return make_model(config, region, out, device=device, start_from=start_from, on_training=tell).model


def _made(out: Path) -> ModelDirectory | None:
    """The challenger that a killed run left; None where there is none, or none that is whole, which goes."""
    if not out.exists():
        return None
    try:
        return model_directory.load(out)
    except DhbvError:
        shutil.rmtree(out)
        return None


def _train_together(
    config: Config,
    region: xr.Dataset,
    out: Path,
    count: int,
    *,
    device: str,
    start_from: ModelDirectory | None,
) -> ModelDirectory:
    """As `make_model`, in several processes, which read what they need from files that go when they are done."""
    from dhbv.training.processes import launch

    partial = out.with_name(out.name + ".partial")
    files = {"--config": partial / "config.yaml", "--data": partial / "region.nc"}
    with written_whole(files["--config"]) as draft:
        draft.write_text(configuration.dump(config), encoding="utf-8")
    with written_whole(files["--data"]) as draft:
        region.to_netcdf(draft)
    options = files | {"--out": out, "--device": device}
    if start_from is not None:
        options["--start-from"] = start_from.path
    words = [str(word) for option in options.items() for word in option]
    launch([sys.executable, "-m", "dhbv.cli", "train", *words], count)
    return model_directory.load(out)


def judge(
    operation: Operation, challenger: ModelDirectory, *, smoke: Callable[[Path], None] | None = None
) -> Scorecard:
    """The challenger against the champion on days, and basins, that neither was trained on.

    Args:
        operation: the operation.
        challenger: as `train` made it.
        smoke: runs a model as it will be run in service, and raises if it cannot.
    """
    store, registry = Store(operation.store), _registry(operation)
    spans = spans_of(operation, store)
    champion = registry.serving().model if registry is not None and registry.champion() else None
    region, lacking = _record(operation, store, spans)
    card = challenge(
        challenger, champion, region, spans.test,
        held_out=_config(operation.training, spans, region).data.held_out, smoke=smoke, gate=operation.config.gate,
    )  # fmt: skip
    return replace(card, notes=(*card.notes, *(f"left out: {why}" for why in lacking)))


def publish(
    operation: Operation, challenger: ModelDirectory, card: Scorecard, *, who: str, why: str
) -> Version:
    """Take the challenger into the registry with its scorecard; it serves nobody yet."""
    draft = challenger.path.with_name("judged")
    shutil.rmtree(draft, ignore_errors=True)
    picture = card.figure(challenger.path.with_name(SCORECARD[2]))
    contents = (card.to_json().encode(), card.markdown().encode(), picture.read_bytes())
    model_directory.with_files(challenger, draft, dict(zip(SCORECARD, contents, strict=True)))
    version = Registry(operation.registry).publish(draft, who=who, why=why)
    shutil.rmtree(challenger.path)
    shutil.rmtree(draft)
    return version


def promote(operation: Operation, version: Version, *, who: str, why: str, issue: dt.date) -> Move:
    """Bring the version's state to `issue`, by a spin-up or from its own last one, then let it serve.

    Raises:
        DhbvError: if it is damaged, or no state can be made; what serves goes on serving.
    """
    _advance(operation, version, issue)
    return Registry(operation.registry).promote(version.id, who=who, why=why)


def rollback(operation: Operation, *, who: str, why: str, issue: dt.date) -> Move:
    """Bring the last state of the champion before to `issue`, then let it serve again.

    Raises:
        DhbvError: if there was none, it is damaged, or no state can be made; what serves goes on serving
            (`dhbv registry rollback` asks for no state).
    """
    registry = Registry(operation.registry)
    champions = registry.reign().champions
    if len(champions) > 1:
        _advance(operation, registry.version(champions[-2]), issue)
    return registry.rollback(who=who, why=why)


def _advance(operation: Operation, version: Version, issue: dt.date) -> None:
    serving = Serving(version, version.load(), "")
    found = analysis.state_at(operation, serving, Store(operation.store), issue)
    for why in found.lacking:
        _log.warning("%s: left out: %s", issue, why)
    if found.past is not None:
        states.write(operation.forecasts, found.state, found.flags, found.known)


def spans_of(operation: Operation, store: Store) -> Spans:
    """Training and test days: from the configured start to the newest observed day, the last ones for testing.

    Raises:
        DhbvError: if too few days are there.
    """
    flow, rules = store.span("streamflow"), operation.config.retrain
    if flow is None:
        raise DhbvError(f"the store {operation.store} holds no observed flow: ingest some first")
    training = operation.training
    first = max(training.data.train.start, flow[0])
    test = Period(start=flow[1] - (rules.test_days - 1) * analysis.DAY, end=flow[1])
    needed = training.training.warmup_days + training.training.window_days
    if (test.start - first).days < needed:
        raise DhbvError(
            f"the store holds observed flow of {first}..{flow[1]}; with {rules.test_days} days kept for testing, fewer "
            f"than the {needed} days of one training window are left: ingest more history, or lower "
            "retrain.test_days or the windows of the training configuration"
        )
    return Spans(Period(start=first, end=test.start - analysis.DAY), test)


def _config(training: Config, spans: Spans, region: xr.Dataset) -> Config:
    """As configured, of the basins of `region`."""
    there = set(basin_ids(region))
    data = training.data
    data = msgspec.structs.replace(
        data, train=spans.train, test=spans.test, validation=None,
        basins=None if data.basins is None else tuple(b for b in data.basins if b in there),
        held_out=tuple(b for b in data.held_out if b in there),
    )  # fmt: skip
    return msgspec.structs.replace(training, data=data)


def _record(operation: Operation, store: Store, spans: Spans) -> _Record:
    """All days of training and test, and what of a spin-up lies before them.

    Basins whose weather is too short, or that were never gauged in the days of training, are left out, so that a new
    one hinders no training.

    Raises:
        DhbvError: if that leaves too few to be judged by.
    """
    rules, data = operation.config.retrain, operation.training.data
    span = store.span()
    if span is None:
        raise DhbvError(f"the store {operation.store} holds no weather: ingest some first")
    first = max(span[0], min(spans.train.start, spans.test.start - data.spin_up_days * analysis.DAY))
    known = weather.known(
        store, analysis.basins_of(operation, store), first, spans.test.end,
        fill_days=rules.fill_days, key="retrain.fill_days",
    )  # fmt: skip
    region, lacking = known.region, list(known.lacking)
    gauged = (
        region["streamflow"]
        .sel(time=slice(str(spans.train.start), str(spans.train.end)))
        .notnull()
        .any("time")
    )
    ungauged = [b for b in known.basins if b not in data.held_out and not bool(gauged.sel(basin=b))]
    if ungauged:
        lacking.append(
            f"the store has no observed flow of {spans.train} in basin {some(ungauged)}: ingest it, or leave these basins "
            "out of the training configuration"
        )
        region = region.drop_sel(basin=ungauged)
    left = sum(str(b) not in data.held_out for b in region["basin"].values)
    if lacking and left < operation.config.gate.min_basins:
        raise DhbvError(
            f"{left} basins have a record of {first}..{spans.test.end}, {operation.config.gate.min_basins} "
            f"(gate.min_basins) are the least to train and judge on: {'; '.join(lacking)}; or let training begin later "
            "(data.train.start of the training configuration)"
        )
    return _Record(region, tuple(lacking))


def _registry(operation: Operation) -> Registry | None:
    """The registry, if anything has been published."""
    registry = Registry(operation.registry)
    return registry if registry.versions_path.is_dir() and registry.versions() else None


def _drift(operation: Operation, store: Store, registry: Registry) -> str | None:
    """Whether the champion's skill over the newest days has fallen below what it was made with."""
    champion = registry.champion()
    if champion is None or champion.publication is None:
        return None
    label, score = PROMISED
    promised = champion.publication.scores.get(label, {}).get(score)
    if promised is None:
        return None
    spans = spans_of(operation, store)
    region, lacking = _record(operation, store, spans)
    for why in lacking:
        _log.warning("left out of the look at the champion's skill: %s", why)
    skill = evaluate(champion.load(), region, spans.test).summary["median"][score]
    if skill is None or skill >= promised - operation.config.retrain.skill_loss:
        return None
    return (
        f"the champion's median NSE over {spans.test} is {skill:.3f}; it was {promised:.3f} when it was made"
    )
