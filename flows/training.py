"""Retraining: train a challenger when there is a reason, judge it, keep it, and let it serve if it is better."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from prefect import flow, task
from prefect.concurrency.sync import concurrency

from dhbv import model_directory
from dhbv.attributes import LATITUDE
from dhbv.data.schema import basin_ids
from dhbv.errors import DhbvError
from dhbv.evaluation.scorecard import Scorecard
from dhbv.operations import configuration, cycle, retraining
from dhbv.operations.configuration import Operation
from dhbv.operations.weather import located
from dhbv.physics.variables import VARIABLES
from dhbv.registry import Registry
from dhbv.store import Store
from flows.reporting import announce, say, show, who
from flows.smoke import smoke_test

GPU = "gpu"
"""The concurrency limit that keeps one training at a time on the GPU; `flows.bootstrap` makes it."""


@flow(name="retrain")
def retrain(operation: str, why: str | None = None, device: str = "auto") -> str | None:
    """Train, judge and publish a challenger, and promote it if it is better.

    Args:
        operation: the operation's file.
        why: train now, for this reason; without one only if `retraining.reason` gives one.
        device: auto, cpu or cuda.

    Returns:
        The id of the version published, if any.
    """
    site = configuration.load(Path(operation))
    reason = why or retraining.reason(site, dt.datetime.now(dt.UTC))
    if reason is None:
        say("no reason to train")
        return None
    say(f"training, because {reason}")
    trained = train(operation, device)
    version, decision, because = evaluate(operation, trained, reason)
    reign = Registry(site.registry).reign()
    if decision == "promote" and version in reign.rolled_back:
        # Whoever rolled it back knew what the gate does not see.
        say(f"{version} served before and was rolled back: promote it by hand")
    elif decision == "promote":
        first = not reign.champions
        found = "the first to pass the gate" if first else "better than the champion"
        promote(operation, version, f"{found}; trained because {reason}")
        say(f"{version} is promoted, {found}: {because}")
    else:
        serving = f"{reign.champions[-1]} goes on serving" if reign.champions else "nothing serves"
        say(f"{version} is rejected, {serving}: {because}")
    return version


@task(name="train", persist_result=False)
def train(operation: str, device: str = "auto") -> str:
    """Train a challenger; returns its folder. A killed run is taken up where it was by the next."""
    site = configuration.load(Path(operation))
    with _gpu_to_itself(device):
        return str(retraining.train(site, site.folder / "training", device=device, say=say).path)


@flow(name="evaluate")
def evaluate(operation: str, trained: str, why: str) -> tuple[str, str, str]:
    """Judge the challenger in the folder `trained` and publish it with its scorecard: its id, the decision and why."""
    site = configuration.load(Path(operation))
    challenger = model_directory.load(Path(trained))
    card: Scorecard = retraining.judge(site, challenger, smoke=functools.partial(_smoke, site))
    version = retraining.publish(site, challenger, card, who=who(), why=why)
    show("scorecard", card.markdown(), f"{version.id} against the champion")
    because = "; ".join(card.reasons)
    say(f"{version.id}: {card.decision}: {because}")
    return version.id, card.decision, because


@flow(name="promote")
def promote(operation: str, version: str, why: str) -> None:
    """Let a version serve: its very files run once more, its state is brought to the next cycle's day."""
    site = configuration.load(Path(operation))
    chosen = Registry(site.registry).version(version)
    _smoke(site, chosen.path)
    move = retraining.promote(site, chosen, who=who(), why=why, issue=_next_issue(site))
    say(f"{move.after} serves now, {move.before or 'nothing'} did before")
    announce(move.after, operation)


@flow(name="rollback")
def rollback(operation: str, why: str) -> None:
    """Take the last promotion back: the champion before serves, its last state brought to the next cycle's day."""
    site = configuration.load(Path(operation))
    move = retraining.rollback(site, who=who(), why=why, issue=_next_issue(site))
    say(f"{move.after} serves again instead of {move.before}")
    announce(move.after, operation)


def _next_issue(site: Operation) -> dt.date:
    span = Store(site.store).span()
    assert span is not None, "a version was trained on this store"
    return span[1] + cycle.DAY


def _smoke(site: Operation, model: Path) -> None:
    """Run a model with the attributes of a basin forecast for: of those with a latitude the first that lacks fewest.

    Raises:
        DhbvError: if it does not run, which names the basin; or if no basin has a latitude.
    """
    store = Store(site.store)
    span = store.span()
    assert span is not None
    # Of all basins: what this one lacks and others have is there as a missing value, which a model may meet.
    static = store.window(span[1], span[1])
    names = [str(n) for n, v in static.data_vars.items() if v.dims == ("basin",) and n not in VARIABLES]
    table = pd.DataFrame({n: static[n].values for n in names}, index=basin_ids(static))
    places = located(static)
    table = table.loc[[b for b in cycle.basins_of(site, store) if b in places]]
    if table.empty:
        raise DhbvError(
            f"the store {store.path} has no basin with a latitude ({LATITUDE}) to run {model} with: ingest a table of "
            "attributes that has it"
        )
    wanted = [a.name for a in model_directory.load(model).statistics.attributes if a.name in table]
    basin = table[wanted].isna().sum(axis=1).idxmin()
    (row,) = table.loc[[basin]].astype(object).to_dict("records")
    try:
        smoke_test(model, {str(n): None if pd.isna(v) else v for n, v in row.items()})
    except DhbvError as error:
        raise DhbvError(f"with the attributes of basin {basin} of the store {store.path}: {error}") from error


@contextmanager
def _gpu_to_itself(device: str) -> Iterator[None]:
    """One training at a time where there is a GPU; the limit must exist, or nothing would be limited."""
    from dhbv.training.trainer import choose_device

    if choose_device(device).type == "cpu":
        yield
        return
    with concurrency(GPU, strict=True):
        yield
