"""New data on their way into the store: every configured source, past the quality gate."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from dhbv.data.schema import basin_ids
from dhbv.errors import DhbvError
from dhbv.files import written_whole
from dhbv.operations.configuration import Operation
from dhbv.quality import Report, examine
from dhbv.quality.batch import LEAD
from dhbv.store import Receipt, Store
from dhbv.store.drop_folder import passed_over, take_new
from dhbv.store.sources import take_nextgen, take_usgs

_log = logging.getLogger(__name__)

REPORTS = "reports"

YEARS = 10
"""Of what the store knows so many are the gate's idea of what is usual."""


class Arrival(NamedTuple):
    """What became of one delivery."""

    source: str
    receipt: Receipt | None
    """None where nothing of it could be taken."""
    problem: str
    """Why not, or why not all of it; empty where it was taken."""
    note: str = ""
    """What else is to be told."""


class Ingested(NamedTuple):
    """What a round over all sources brought."""

    arrivals: list[Arrival]
    reports: list[Report]
    """Of the gate, one a delivery that it looked at."""
    passed_over: str = ""
    """What is to be told of dropped files of no known kind; empty where the report of the day tells it already."""


def ingest(operation: Operation, today: dt.date) -> Ingested:
    """Take what is new from every source; a source that fails is told of and the others are taken.

    The gate's reports are added to `reports/<today>.txt` in the operation's folder; what was passed over is told there
    once a day, however often this is run.
    """
    store, sources = Store(operation.store), operation.config.sources
    reports: list[Report] = []
    pages: list[str] = []

    def gate(region: xr.Dataset) -> Report:
        known, aside = _known(store, region, today), _aside(store, region)
        reports.append(examine(region, known=known, aside=aside, today=today))
        pages.append(f"{Path(region.attrs.get('source', 'new data')).name}\n\n{reports[-1].table()}")
        return reports[-1]

    path = operation.folder / REPORTS / f"{today}.txt"
    earlier = path.read_text(encoding="utf-8") if path.exists() else ""
    arrivals: list[Arrival] = []
    passed = ""
    if sources.drop is not None:
        folder = operation.folder / sources.drop
        folder.mkdir(parents=True, exist_ok=True)
        arrivals += [
            Arrival(t.file.name, t.receipt, t.problem, t.note) for t in take_new(store, folder, gate=gate)
        ]
        told = passed_over(folder)
        passed = "" if told in earlier else f"{sources.drop}: {told}"
    if sources.nextgen is not None:
        forcing = operation.folder / sources.nextgen
        arrivals.append(
            _tried(
                str(forcing),
                lambda: (take_nextgen(store, forcing, utc_offset=sources.utc_offset, gate=gate), ()),
            )
        )
    if sources.usgs:
        start = sources.usgs_start if store.span("streamflow") is None else None
        arrivals.append(
            _tried(
                "USGS daily values",
                lambda: take_usgs(store, today, start=start, series=sources.usgs_series, gate=gate),
            )
        )
    for arrival in arrivals:
        if arrival.note:
            _log.warning("%s: %s", arrival.source, arrival.note)
            pages.append(f"{arrival.source}\n\n{arrival.note}\n")
    if passed:
        _log.warning("%s", passed)
        pages.append(f"{passed}\n")
    if pages:
        with written_whole(path) as draft:
            draft.write_text(earlier + "\n".join(pages) + "\n", encoding="utf-8")
    return Ingested(arrivals, reports, passed)


def _tried(source: str, take: Callable[[], tuple[Receipt, tuple[str, ...]]]) -> Arrival:
    """What became of a source of which `take` gives the receipt, and what was left out."""
    try:
        receipt, left_out = take()
        return Arrival(source, receipt, "; ".join(left_out))
    except (DhbvError, OSError) as error:
        return Arrival(source, None, str(error))
    # The last net, as of files: what was taken before is in the store and is to be reported.
    except Exception as error:
        _log.exception("%s", source)
        return Arrival(source, None, f"{source}: {type(error).__name__}: {error}")


def _known(store: Store, region: xr.Dataset, today: dt.date) -> xr.Dataset | None:
    """What the store has of the region's basins, where it has any."""
    span = store.span()
    here = basin_ids(region)
    basins = [b for b in store.basins() if b in here]
    if span is None or not basins:
        return None
    first = max(span[0], today - dt.timedelta(days=365 * YEARS))
    return store.window(min(first, span[1]), span[1], basins=basins)


def _aside(store: Store, region: xr.Dataset) -> xr.Dataset | None:
    """What waits in quarantine of the region's basins, as far back as the gate looks."""
    held = store.quarantined()
    first = region["time"].min().values - np.timedelta64(LEAD, "D")
    held = held[held["basin"].isin(basin_ids(region)) & held["released"].isna() & (held["day"] >= first)]
    if held.empty:
        return None
    cells = held.drop_duplicates(["basin", "day", "variable"], keep="last")
    cells = cells.rename(columns={"day": "time"}).pivot(
        index=["basin", "time"], columns="variable", values="value"
    )
    return cells.to_xarray()
