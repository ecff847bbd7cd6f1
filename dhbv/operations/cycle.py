"""One forecast cycle, and which cycles are missing.

A cycle is a folder `cycles/<T0>` that appears whole: `forecast.nc`, `analysis.nc` where days were
run up to T0, and `record.json`. One issued again, with other weights, is `cycles/<T0>.2` and so on.
Which are missing is read from there, never from a scheduler.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from dhbv import __version__, forecast
from dhbv.configuration import Period
from dhbv.errors import DhbvError
from dhbv.files import flush, locked, written_whole
from dhbv.operations import archiving, states, weather
from dhbv.operations.analysis import DAY, Analysis, Degraded, basins_of, state_at
from dhbv.operations.assimilating import assimilate
from dhbv.operations.configuration import Operation
from dhbv.registry import Registry, Serving
from dhbv.state import State
from dhbv.store import Store

if TYPE_CHECKING:
    from dhbv.fluxes.archive import What

_log = logging.getLogger("dhbv")

CYCLES, FORECAST, ANALYSIS, RECORD = "cycles", "forecast.nc", "analysis.nc", "record.json"
_ARCHIVED: dict[str, What] = {ANALYSIS: "analysis", FORECAST: "forecast"}
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:\.(\d+))?")


class Cycle(NamedTuple):
    """A cycle that is done."""

    issue: dt.date
    number: int
    """1, and more where it was issued again."""
    path: Path

    @property
    def record(self) -> dict[str, Any]:
        """As of `record_of`. Read when it is asked for: a damaged one must not stop the cycles after it."""
        return record_of(self.path)


def record_of(folder: Path) -> dict[str, Any]:
    """How the cycle in `folder` was made.

    Raises:
        DhbvError: if the record is damaged or gone.
    """
    path = folder / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(record, dict):
            raise ValueError("it is no record")
    except (OSError, ValueError) as error:
        raise DhbvError(
            f"{path}: damaged ({error}): restore the cycle from a copy, or remove its folder and run backfill"
        ) from None
    return record


def run(
    operation: Operation,
    issue: dt.date,
    *,
    reissue: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Cycle:
    """Run the cycle of the day `issue` (T0), once: where it is done already, it is returned as it is.

    Args:
        operation: the operation.
        issue: T0, the first day forecast.
        reissue: issue it again if it was made with other weights than serve now.
        say: told what happens.

    Raises:
        DhbvError: if there is nothing to forecast with or from, or what is to be issued again has a damaged record;
            nothing is left behind then.
    """
    cycles = operation.forecasts / CYCLES
    archiving.refuse_mixing(operation.fluxes, cycles)
    cycles.mkdir(parents=True, exist_ok=True)
    with locked(operation.forecasts / "lock", patience=3600.0):
        for left in cycles.glob(".*"):  # by a run that was killed
            if _of(left.with_name(left.name[1:])) is not None:
                shutil.rmtree(left)
        serving = _serving(operation)
        made = [c for c in done(operation) if c.issue == issue]
        if made and not (reissue and made[-1].record["version"] != serving.version.id):
            _archive(operation)
            return made[-1]
        number = made[-1].number + 1 if made else 1
        target = cycles / (f"{issue}.{number}" if made else str(issue))
        draft = target.with_name(f".{target.name}")
        draft.mkdir()
        try:
            analysis = _make(operation, serving, issue, draft, say)
            for path in (*draft.iterdir(), draft):
                flush(path)
            draft.rename(target)
            flush(cycles)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        # Last: killed before this, the next cycle goes on from the state before and comes to the same water;
        # a state without its cycle would hide how it came about.
        states.write(operation.forecasts, analysis.state, analysis.flags, analysis.known)
        _archive(operation)
    return Cycle(issue, number, target)


def done(operation: Operation) -> list[Cycle]:
    """The cycles there are, oldest first, damaged ones too; what else lies among them is not looked at."""
    found = [_of(path) for path in (operation.forecasts / CYCLES).glob("[0-9]*") if path.is_dir()]
    return sorted(c for c in found if c is not None)


def missing(operation: Operation, today: dt.date) -> list[dt.date]:
    """The days T0 after the last cycle that are due, oldest first; before the first cycle the newest such day alone.

    A day is due once the weather up to it is known, and at the latest `forecast.wait_days` after it.
    """
    span, wait = Store(operation.store).span("prcp"), operation.config.forecast.wait_days
    if span is None:
        return []
    newest = span[1] + DAY
    if wait is not None:
        newest = max(newest, today - wait * DAY)
    made = done(operation)
    first = made[-1].issue + DAY if made else newest
    return [first + n * DAY for n in range((newest - first).days + 1)]


def unarchived(operation: Operation) -> list[Path]:
    """Files of cycles that the archive of fluxes lacks, oldest first.

    Raises:
        DhbvError: if the archive is damaged.
    """
    paths = [c.path for c in done(operation)]
    return [file for file, _ in archiving.lacking(operation.fluxes, paths, _ARCHIVED)]


def _serving(operation: Operation) -> Serving:
    """Who serves; where nobody ever did, the error names the flow that mends it."""
    registry = Registry(operation.registry)
    if not registry.versions_path.is_dir() or not registry.versions():
        raise DhbvError(
            f"{registry.path} holds no version to forecast with: run the retrain flow, or publish one by "
            "`dhbv registry publish` and run the promote flow"
        )
    try:
        return registry.serving()
    except DhbvError as error:
        if registry.reign().champions:
            raise
        raise DhbvError(f"{error}; run the promote flow, or `dhbv registry promote`") from None


def _archive(operation: Operation) -> None:
    """Into the archive of fluxes whatever cycles hold and it does not."""
    archiving.archive(operation.fluxes, [c.path for c in done(operation)], _ARCHIVED)


def _make(
    operation: Operation, serving: Serving, issue: dt.date, draft: Path, say: Callable[[str], None]
) -> Analysis:
    """The files of a cycle; gives its state at T0 and how that came about.

    A basin that cannot be forecast stops no other: it is left out and named in output, record and log.
    """
    store = Store(operation.store)
    rules = operation.config.forecast
    analysis = state_at(operation, serving, store, issue)
    say(f"{issue}: {analysis.source}")
    updated = assimilate(operation, serving, store, analysis)
    state = analysis.state if updated is None else updated.state
    if updated is not None:
        say(f"{issue}: {updated.note}")
    folder = None if rules.weather is None else operation.folder / rules.weather
    ahead = weather.forecast(store, state.basins, issue, rules.days, folder)
    basins = ahead.basins
    if basins != state.basins:
        state = state.select(basins)
    left_out = [b for b in basins_of(operation, store) if b not in basins]
    lacking = [f"left out: {why}" for why in (*analysis.lacking, *ahead.lacking)]
    for why in lacking:
        _log.warning("%s: %s", issue, why)
        say(f"{issue}: {why}")
    everywhere = Degraded(0)
    if not ahead.source.startswith("weather forecast"):
        everywhere |= Degraded.NO_WEATHER_FORECAST
    if serving.flag:
        everywhere |= Degraded.NOT_CHAMPION
    quality = [analysis.flags[basin] | int(everywhere) for basin in basins]
    weights = {
        "issue": str(issue),
        "version": serving.version.id,
        "weights_sha256": serving.model.weights_sha256,
        "code_version": __version__,
    }
    provenance = weights | {
        "start": analysis.source,
        "state_sha256": state.sha256,
        "weather": ahead.source,
        "forcing_sha256": ahead.sha256,
    }
    fluxes = _ahead(serving, ahead, state, issue, rules.days, rules.quantiles)
    fluxes["quality"] = ("basin", np.array(quality, np.int32), _quality_attributes())
    notes = [*([serving.flag] if serving.flag else []), *analysis.notes, *lacking]
    if updated is not None:
        fluxes = fluxes.assign(updated.variables.sel(basin=list(basins)).data_vars)
        fluxes.attrs["assimilation"] = updated.note
        notes.append(updated.note)
    fluxes.attrs |= provenance
    if left_out:
        fluxes.attrs["left_out"] = ", ".join(left_out)
    forecast.write(fluxes, draft / FORECAST)
    record = provenance | {
        "basins": len(basins),
        "days": rules.days,
        "members": ahead.region.sizes.get("member", 1),
        "flags": _flagged(quality, basins),
        "left_out": left_out,
        "notes": notes,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    if updated is not None:
        record["assimilation"] = updated.record
    if analysis.past is not None:
        past = analysis.past
        before = {"forcing_sha256": past.weather_sha256, "state_sha256": past.state_sha256 or "none: spun up"}
        past.fluxes.attrs |= weights | before | {"start": analysis.source}
        forecast.write(past.fluxes, draft / ANALYSIS)
        record["analysis"] = before
    with written_whole(draft / RECORD) as file:
        file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return analysis


def _ahead(
    serving: Serving,
    ahead: weather.Weather,
    state: State,
    issue: dt.date,
    days: int,
    quantiles: Sequence[float],
) -> xr.Dataset:
    """The fluxes of the next days; of an ensemble the quantiles, and every member's discharge."""
    period = Period(start=issue, end=issue + (days - 1) * DAY)
    if "member" not in ahead.region.dims:
        return forecast.run(serving.model, ahead.region, period, state=state)[0]
    runs = [
        forecast.run(serving.model, ahead.region.sel(member=m, drop=True), period, state=state)[0]
        for m in ahead.region["member"].values
    ]
    # What is told of a basin rather than of a day is the same in all.
    same = runs[0][[name for name, v in runs[0].data_vars.items() if "time" not in v.dims]]
    runs = [r.drop_vars(list(same.data_vars)) for r in runs]
    members = xr.concat(runs, ahead.region["member"], data_vars="all", coords="minimal", compat="override")
    # Every member is finite; looking for NaN would take longer than the runs.
    spread = members.quantile(list(quantiles), "member", keep_attrs=True, skipna=False).astype(np.float32)
    spread["runoff_member"] = members["runoff"]
    spread = spread.assign(same.data_vars)
    spread.attrs = runs[0].attrs
    return spread


def _quality_attributes() -> dict[str, Any]:
    return {
        "long_name": "what makes the forecast less than it should be",
        "flag_masks": np.array([int(f) for f in Degraded], np.int32),
        "flag_meanings": " ".join(str(f.name).lower() for f in Degraded),
    }


def _flagged(quality: Sequence[int], basins: Sequence[str]) -> dict[str, list[str] | str]:
    """Each flag with its basins, or `all`."""
    where = {str(f.name): [b for b, q in zip(basins, quality, strict=True) if q & f] for f in Degraded}
    return {name: "all" if len(found) == len(basins) else found for name, found in where.items() if found}


def _of(path: Path) -> Cycle | None:
    """The cycle whose folder has this name; None where it is no cycle's."""
    named = _NAME.fullmatch(path.name)
    try:
        return None if named is None else Cycle(dt.date.fromisoformat(named[1]), int(named[2] or 1), path)
    except ValueError:  # the 31st of June
        return None
