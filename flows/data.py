"""New data: from every source, past the quality gate, into the store."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from prefect import flow, task

from dhbv.errors import DhbvError
from dhbv.operations import configuration, ingesting
from dhbv.operations.ingesting import Ingested
from flows.reporting import say, show, utc_today


@flow(name="ingest")
def ingest(operation: str, today: dt.date | None = None) -> int:
    """Take what is new; returns how many deliveries were taken.

    Raises:
        DhbvError: if some could not be taken; names them and why. All others are in the store by then, so that
            the run is seen to fail and nothing is lost by it.
    """
    day = today or utc_today()
    done = take(operation, day)
    for arrival in done.arrivals:
        say(f"{arrival.source}: {arrival.problem or arrival.note or arrival.receipt}")
    if done.passed_over:
        say(done.passed_over)
    refused = [a for a in done.arrivals if a.problem]
    pages = [f"- **refused** {a.source}: {a.problem}" for a in refused]
    pages += [f"- {a.source}: {a.note}" for a in done.arrivals if a.note]
    pages += [f"- {done.passed_over}"] if done.passed_over else []
    pages += [f"```\n{report.table()}\n```" for report in done.reports]
    if pages:
        show("data-quality", "\n\n".join(pages), f"The quality gate on {day}")
    if refused:
        told = "; ".join(f"{a.source}: {a.problem}" for a in refused)
        whole = len(done.arrivals) - len(refused)
        raise DhbvError(f"{len(refused)} deliveries could not be taken, or not whole ({whole} were): {told}")
    return len(done.arrivals)


@task(name="take", retries=2, retry_delay_seconds=300, persist_result=False)
def take(operation: str, today: dt.date) -> Ingested:
    """All sources; tried again if the store itself cannot be written."""
    return ingesting.ingest(configuration.load(Path(operation)), today)
