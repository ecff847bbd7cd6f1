"""From each kind of source into the store; what comes in passes the quality gate if one is given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dhbv.data.camels import read_camels
from dhbv.data.nextgen import read_forcing
from dhbv.data.schema import DataError
from dhbv.data.usgs import Client, read_daily_values
from dhbv.store.admission import Gate, admit
from dhbv.store.manifest import Receipt
from dhbv.store.store import Store

LATE = 90
"""Days before the last known flow that are asked for again: USGS corrects provisional values for months."""


class FlowTaken(NamedTuple):
    """What came of USGS flow."""

    receipt: Receipt
    left_out: tuple[str, ...]
    """Of the sites that could not be taken: which, why, and how to mend it."""


def take_camels(
    store: Store, folder: Path | str, *, basins: Sequence[str] | None = None, gate: Gate | None = None
) -> Receipt:
    """Append a CAMELS download: forcing, flow and attributes; see `dhbv.data.camels.read_camels`."""
    return admit(store, read_camels(folder, basins=basins, needs_flow=False), f"CAMELS {folder}", gate)


def take_nextgen(
    store: Store,
    path: Path | str,
    *,
    utc_offset: int = 0,
    gate: Gate | None = None,
) -> Receipt:
    """Append NextGen forcing of all its catchments, hourly made daily; see `dhbv.data.nextgen.read_forcing`."""
    return admit(store, read_forcing(path, utc_offset=utc_offset), f"NextGen {path}", gate)


def take_usgs(
    store: Store,
    until: dt.date,
    *,
    start: dt.date | None = None,
    sites: Sequence[str] | None = None,
    series: Mapping[str, str] | None = None,
    gate: Gate | None = None,
    client: Client | None = None,
) -> FlowTaken:
    """Append observed flow up to `until`, and what USGS has corrected in the meantime.

    Sites that have no area, or several series that differ, are left out.

    Args:
        store: with the attribute `area_gages2` of the sites.
        until: the last day to ask for.
        start: the first; by default `LATE` days before the last day with flow in the store.
        sites: by default every basin of the store whose id is a USGS site number.
        series, client: see `dhbv.data.usgs.read_daily_values`.

    Raises:
        DataError: if there is no site, or none is left, or no flow yet and no `start`; or for what the reader finds.
    """
    if sites is None:
        sites = [b for b in store.basins() if b.isdigit() and 8 <= len(b) <= 15]
    if not sites:
        raise DataError(f"{store.path}: no basin has a USGS site number (8 to 15 digits): name the sites")
    if start is None:
        span = store.span("streamflow")
        if span is None:
            raise DataError(
                f"{store.path}: no flow in the store yet: say from which day on to ask for it (start; "
                "sources.usgs_start of an operation)"
            )
        start = span[1] - dt.timedelta(days=LATE)
    region, left_out = read_daily_values(
        sites, f"{start}", f"{until}", areas=store.areas(), series=series, client=client
    )
    return FlowTaken(admit(store, region, "USGS daily values", gate), left_out)
