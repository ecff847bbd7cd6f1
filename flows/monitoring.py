"""Whether all is well: cycles missing, forecasts flagged, weights damaged, skill lost."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from prefect import flow

from dhbv.operations import configuration, cycle, retraining
from dhbv.registry import Registry
from flows.reporting import say, show


@flow(name="monitor")
def monitor(operation: str) -> list[str]:
    """What is not as it should be, in words; empty where all is well."""
    site = configuration.load(Path(operation))
    found = []
    if late := cycle.missing(site):
        found.append(f"{len(late)} cycles are missing, {late[0]} the first: run the forecast flow")
    made = cycle.done(site)
    if made and made[-1].record["flags"]:
        found.append(f"the forecast of {made[-1].issue} is flagged: {', '.join(made[-1].record['flags'])}")
    registry = Registry(site.registry)
    if registry.versions_path.is_dir():
        found += [f"{problem.where}: {problem.what}" for problem in registry.verify()]
    if reason := retraining.reason(site, dt.datetime.now(dt.UTC)):
        found.append(f"time to retrain: {reason}")
    for line in found:
        say(line)
    show("monitor", "\n".join(f"- {line}" for line in found) or "all is well", "What is not as it should be")
    return found
