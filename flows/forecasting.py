"""Forecast cycles: the ones that are missing, once each, in order."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from prefect import flow

from dhbv.errors import DhbvError
from dhbv.operations import configuration, cycle
from flows.reporting import say, show, utc_today


@flow(name="forecast")
def forecast(operation: str, reissue: bool = False, today: dt.date | None = None) -> list[str]:
    """Run every missing cycle; with `reissue` the newest again, if other weights serve now.

    Returns the folders of the cycles made.

    Raises:
        DhbvError: of the first cycle that cannot be made; those before it are there.
    """
    site = configuration.load(Path(operation))
    made = [cycle.run(site, day, say=say) for day in cycle.missing(site, today or utc_today())]
    if reissue and not made and (done := cycle.done(site)):
        again = cycle.run(site, done[-1].issue, reissue=True, say=say)
        made = [] if again.path == done[-1].path else [again]
    for one in made:
        show(f"cycle-{one.path.name.replace('.', '-')}", _page(one), f"The forecast of {one.issue}")
    return [str(one.path) for one in made]


@flow(name="backfill")
def backfill(operation: str, first: dt.date, last: dt.date) -> list[str]:
    """Make the cycles of a span of days that are not there, in order, each from the state before it.

    Returns the folders of all cycles of the span.
    """
    if last < first:
        raise DhbvError(f"backfill ends ({last}) before it starts ({first})")
    site = configuration.load(Path(operation))
    days = (first + n * cycle.DAY for n in range((last - first).days + 1))
    return [str(cycle.run(site, day, say=say).path) for day in days]


def _page(one: cycle.Cycle) -> str:
    """What a forecaster looks at first."""
    record = one.record
    flags = "; ".join(
        f"**{name}**: {where if isinstance(where, str) else f'{len(where)} basins'}"
        for name, where in record["flags"].items()
    )
    rows = {
        "weights": record["version"], "start": record["start"], "weather": record["weather"],
        "basins × days × members": f"{record['basins']} × {record['days']} × {record['members']}",
        "flags": flags or "none", "notes": "; ".join(record["notes"]) or "none", "files": str(one.path),
    }  # fmt: skip
    return f"# Forecast of {one.issue}\n\n| | |\n|---|---|\n" + "\n".join(
        f"| {k} | {v} |" for k, v in rows.items()
    )
