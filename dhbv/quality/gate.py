"""The gate: every check of the table in turn, faulty cells put aside, the rest clean."""

from __future__ import annotations

import datetime as dt

import msgspec
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.schema import some
from dhbv.quality.batch import Batch, assemble_batch
from dhbv.quality.faults import CHECKS
from dhbv.quality.finding import EVERY, Finding, Hit, findings
from dhbv.quality.report import Report


def examine(
    new: xr.Dataset, *, known: xr.Dataset | None = None, aside: xr.Dataset | None = None, today: dt.date
) -> Report:
    """Examine new daily data before anything is trained or forecast on them.

    Args:
        new: of the schema, dimensions (basin, time) in any order; days may repeat, be left out, run backwards
            or lie in the future, and values may be anything.
        known: earlier data of the same basins that have passed: which basins and variables there must be, and
            what is usual in each; its last days before the new ones are seen with them, and its attributes
            hold where the new data have none. Five years make a history; without one, limits are guessed from
            the attribute `p_mean`, else from the rain of the other basins, and are wider.
        aside: values of earlier days that were put aside, NaN elsewhere; seen with the last days known, so that a
            fault which goes on is not lost sight of.
        today: the last day that may have data.

    Returns:
        The findings, the clean data, and what was put aside, all of the new days alone.

    Raises:
        DataError: for a Dataset that cannot be put in order at all: no basin or calendar, no variable of the
            schema, other dimensions, a basin twice.
    """
    batch = assemble_batch(new, known, today, aside)
    found: list[Finding] = []
    for code, check in enumerate(CHECKS, 1):
        for item in check.find(batch):
            if isinstance(item, Finding):
                found.append(msgspec.structs.replace(item, fault=check.fault))
                continue
            found.extend(findings(check.fault, item, batch.basins, batch.days, batch.lead))
            if item.severity == "quarantine":
                _put_aside(batch, item, code)
    return Report(
        findings=tuple(found),
        clean=_clean(batch),
        quarantine=_quarantine(batch),
        unplaced=batch.calendar.unplaced,
        notes=tuple(_notes(batch)),
    )


def _put_aside(batch: Batch, hit: Hit, code: int) -> None:
    names = list(batch.values) if hit.variable == EVERY else [hit.variable]
    cells = np.broadcast_to(hit.cells, batch.shape)
    for name in names:
        reasons = batch.reasons[name]
        reasons[cells & (reasons == 0)] = code
        batch.values[name][cells] = np.nan


def _clean(batch: Batch) -> xr.Dataset:
    daily = batch.calendar.daily
    return daily.assign({n: daily[n].where(codes == 0) for n, codes in _new_reasons(batch).items()})


def _new_reasons(batch: Batch) -> dict[str, NDArray[np.uint8]]:
    """`Batch.reasons` of the new days."""
    return {name: codes[:, batch.lead :] for name, codes in batch.reasons.items()}


def _quarantine(batch: Batch) -> xr.Dataset:
    """For each variable the reason [basin, time] and, as `<name>_value`, what was put aside."""
    daily = batch.calendar.daily
    flags = {
        "flag_values": np.arange(len(CHECKS) + 1, dtype=np.uint8),
        "flag_meanings": " ".join(["sound", *(check.fault.replace(" ", "_") for check in CHECKS)]),
    }
    aside = xr.Dataset(coords={"basin": daily["basin"], "time": daily["time"]})
    for name, codes in _new_reasons(batch).items():
        aside[name] = (("basin", "time"), codes, {"long_name": f"why {name} is put aside", **flags})
        aside[f"{name}_value"] = daily[name].where(codes > 0)
    return aside


def _notes(batch: Batch) -> list[str]:
    """What could not be examined, or only loosely."""
    notes = []
    for name, known in (("prcp", batch.history.rain_known), ("streamflow", batch.history.flow_known)):
        new = [b for b, is_known in zip(batch.basins, known, strict=True) if not is_known]
        if name in batch.values and new:
            notes.append(
                f"{name}: no five years of history, limits are guessed, in {len(new)} basins: {some(new)}"
            )
    blind = [b for b, area in zip(batch.basins, batch.area, strict=True) if np.isnan(area)]
    if "streamflow" in batch.values and blind:
        notes.append(f"streamflow: no area_gages2, units not examined, in {len(blind)} basins: {some(blind)}")
    return notes
