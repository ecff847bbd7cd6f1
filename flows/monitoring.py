"""Whether all is well: files that lack, data late, cycles missing, forecasts flagged, weights damaged, skill lost."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from prefect import flow

from dhbv.data.schema import some
from dhbv.errors import DhbvError
from dhbv.operations import configuration, cycle, retraining
from dhbv.operations.configuration import Operation
from dhbv.registry import Registry, Version
from dhbv.store import Store
from flows.reporting import say, show, utc_today

LATE_DAYS = 2
"""Days after which weather that has not come is told of."""


@flow(name="monitor")
def monitor(operation: str, today: dt.date | None = None) -> list[str]:
    """What is not as it should be, in words; empty where all is well."""
    site, day = configuration.load(Path(operation)), today or utc_today()
    found = [line for look in LOOKS for line in _tried(look, site, day)]
    for line in found:
        say(line)
    show("monitor", "\n".join(f"- {line}" for line in found) or "all is well", "What is not as it should be")
    return found


def _configuration(site: Operation, today: dt.date) -> Iterator[str]:
    rules = site.config.forecast
    if rules.weather is not None and not (site.folder / rules.weather).is_dir():
        yield f"{site.folder / rules.weather} is not there: look after what writes forecast.weather, or leave it out"
    _ = site.training  # raises, where it or the list of basins that it names cannot be read


def _data(site: Operation, today: dt.date) -> Iterator[str]:
    for name, variable in (("weather", "prcp"), ("observed flow", "streamflow")):
        span = Store(site.store).span(variable)
        if span is None:
            yield f"the store holds no {name}: run the ingest flow"
        elif variable == "prcp" and (today - span[1]).days > LATE_DAYS:
            yield f"the newest weather is of {span[1]}, {(today - span[1]).days} days ago: look after its source"


def _cycles(site: Operation, today: dt.date) -> Iterator[str]:
    if late := cycle.missing(site, today):
        yield f"{len(late)} cycles are missing, {late[0]} the first: run the forecast flow"
    records = {}
    for one in cycle.done(site):
        try:
            records[one.issue] = one.record
        except DhbvError as error:
            yield str(error)
    if not records:
        return
    issue, newest = list(records.items())[-1]
    if newest["flags"]:
        yield f"the forecast of {issue} is flagged: {', '.join(newest['flags'])}"
    if left_out := newest.get("left_out"):  # a record made before there was such a thing has none
        yield f"the forecast of {issue} is without {some(left_out)}: its notes say why"


def _archive(site: Operation, today: dt.date) -> Iterator[str]:
    if files := cycle.unarchived(site):
        yield (
            f"the archive of fluxes lacks {len(files)} files of cycles, {files[0]} the first: what is whole comes with the "
            "next cycle; what is damaged restore from a copy"
        )


def _weights(site: Operation, today: dt.date) -> Iterator[str]:
    registry = Registry(site.registry)
    if not registry.versions_path.is_dir():
        return
    yield from (f"{problem.where}: {problem.what}" for problem in registry.verify())
    versions = registry.versions()
    if not versions:
        yield f"{registry.path} holds no version: run the retrain flow, or publish one by `dhbv registry publish`"
        return
    reign = registry.reign()
    if not reign.champions:
        yield "no version serves: promote one"
    newest = versions[-1]
    # A run that was killed between publishing and promoting leaves a better version unused.
    if newest.id not in reign.served and _found_better(newest):
        yield f"{newest.id} was found better and never promoted: run the promote flow"


def _found_better(version: Version) -> bool:
    """By its scorecard: one published by hand has none, and of a damaged one `verify` tells."""
    try:
        card = json.loads((version.path / retraining.SCORECARD[0]).read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    return isinstance(card, dict) and card.get("decision") == "promote"


def _training(site: Operation, today: dt.date) -> Iterator[str]:
    if reason := retraining.reason(site, dt.datetime.now(dt.UTC)):
        yield f"time to retrain: {reason}"


Look = Callable[[Operation, dt.date], Iterator[str]]

LOOKS: tuple[Look, ...] = (_configuration, _data, _cycles, _archive, _weights, _training)


def _tried(look: Look, site: Operation, today: dt.date) -> list[str]:
    """What is damaged must be told of, and must not hide what else there is to tell."""
    found = []
    try:
        for line in look(site, today):
            found.append(line)
    except (DhbvError, OSError) as error:
        found.append(str(error))
    return found
