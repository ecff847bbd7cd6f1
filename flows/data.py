"""New data: from every source, past the quality gate, into the store."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from prefect import flow

from dhbv.operations import configuration, ingesting
from flows.reporting import say, show, utc_today


@flow(name="ingest", retries=2, retry_delay_seconds=300)
def ingest(operation: str, today: dt.date | None = None) -> int:
    """Take what is new; returns how many deliveries could not be taken, each of which is named."""
    day = today or utc_today()
    done = ingesting.ingest(configuration.load(Path(operation)), day)
    for arrival in done.arrivals:
        say(f"{arrival.source}: {arrival.problem or arrival.receipt}")
    if done.reports:
        text = "\n\n".join(f"```\n{report.table()}\n```" for report in done.reports)
        show("data-quality", text, f"The quality gate on {day}")
    return sum(bool(arrival.problem) for arrival in done.arrivals)
