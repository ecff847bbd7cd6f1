"""One forecast cycle, and which cycles are missing.

A cycle is a folder `cycles/<T0>` that appears whole: `forecast.nc`, `analysis.nc` where days were
run up to T0, and `record.json`. One issued again, with other weights, is `cycles/<T0>.2` and so on.
Which are missing is read from there, never from a scheduler.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from enum import IntFlag
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from dhbv import __version__, forecast
from dhbv.configuration import Period
from dhbv.errors import DhbvError
from dhbv.files import flush, locked, written_whole
from dhbv.operations import states, weather
from dhbv.operations.configuration import Operation
from dhbv.registry import Registry, Serving
from dhbv.state import State
from dhbv.store import Store

CYCLES, FORECAST, ANALYSIS, RECORD = "cycles", "forecast.nc", "analysis.nc", "record.json"
DAY = dt.timedelta(days=1)


class Degraded(IntFlag):
    """What makes a cycle less than it should be, as bits of the variable `quality` [basin]."""

    FILLED = 1
    """Days up to T0 lacked weather; the mean of the same dates stood in."""
    SPUN_UP = 2
    """No state of these weights was at hand; the stores were filled over a history."""
    SHORT_SPIN_UP = 4
    """That history was shorter than configured."""
    NO_WEATHER_FORECAST = 8
    """Past years' weather stood in for a weather forecast."""
    NOT_CHAMPION = 16
    """The champion is damaged; the last whole champion before it served."""
    STATE_DAMAGED = 32
    """A newer state could not be read; an older one, or a spin-up, took its place."""


class Cycle(NamedTuple):
    """A cycle that is done."""

    issue: dt.date
    number: int
    """1, and more where it was issued again."""
    path: Path
    record: dict[str, Any]


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
        DhbvError: if there is nothing to forecast with or from; nothing is left behind then.
    """
    operation.forecasts.mkdir(parents=True, exist_ok=True)
    with locked(operation.forecasts / "lock", patience=3600.0):
        serving = Registry(operation.registry).serving()
        made = [c for c in done(operation) if c.issue == issue]
        if made and not (reissue and made[-1].record["version"] != serving.version.id):
            return made[-1]
        name = f"{issue}.{made[-1].number + 1}" if made else str(issue)
        target = operation.forecasts / CYCLES / name
        draft = target.with_name(f".{name}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        record = _make(operation, serving, issue, draft, say)
        with written_whole(draft / RECORD) as file:
            file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        for path in draft.iterdir():
            flush(path)
        draft.rename(target)
        flush(target.parent)
    return _read(target)


def done(operation: Operation) -> list[Cycle]:
    """The cycles there are, oldest first."""
    found = [_read(path) for path in (operation.forecasts / CYCLES).glob("[0-9]*")]
    return sorted(found, key=lambda c: (c.issue, c.number))


def missing(operation: Operation) -> list[dt.date]:
    """The days T0 after the last cycle, oldest first, up to which weather is known.

    Before the first cycle it is the newest such day alone.
    """
    span = Store(operation.store).span("prcp")
    if span is None:
        return []
    newest = span[1] + DAY
    made = done(operation)
    first = made[-1].issue + DAY if made else newest
    return [first + n * DAY for n in range((newest - first).days + 1)]


def basins_of(operation: Operation, store: Store) -> tuple[str, ...]:
    """The basins forecast for: those of the training configuration, held-out ones too, or all of the store."""
    data = operation.training.data
    return (*data.basins, *data.held_out) if data.basins else store.basins()


def state_at(
    operation: Operation, serving: Serving, store: Store, issue: dt.date, *, keep: Path | None = None
) -> tuple[State, dict[str, int], str]:
    """The state of `serving`'s weights at `issue`, advanced from the newest there is or spun up.

    Args:
        operation: the operation.
        serving: the version.
        store: its data.
        issue: T0.
        keep: a folder for the fluxes of the days that were run, if wanted.

    Returns:
        The state, flags by basin, and where it comes from in words.
    """
    rules, basins = operation.config.forecast, basins_of(operation, store)
    found = states.latest(operation.forecasts, serving.model.weights_sha256, basins, issue)
    flags = dict.fromkeys(basins, int(Degraded.STATE_DAMAGED) if found.damaged else 0)
    if found.state is not None and found.state.time == np.datetime64(issue):
        return found.state, flags, f"state valid at {issue}"
    first = _first_day(found.state, store, issue, rules.spin_up_days)
    past = weather.known(store, basins, first, issue - DAY, fill_days=rules.fill_days)
    for basin in past.filled:
        flags[basin] |= Degraded.FILLED
    source = f"state valid at {first}, advanced"
    period = Period(start=first, end=issue - DAY)
    if found.state is None:
        source = f"spin-up of {period.days} days"
        shorter = Degraded.SHORT_SPIN_UP if period.days < rules.spin_up_days else 0
        flags = {basin: flag | Degraded.SPUN_UP | shorter for basin, flag in flags.items()}
        # The last day is run as a day of its own, so that its fluxes are kept.
        period = Period(start=issue - DAY, end=issue - DAY)
    fluxes, state = forecast.run(
        serving.model, past.region, period, state=found.state, spin_up_days=rules.spin_up_days
    )
    if keep is not None:
        fluxes.attrs["forcing_sha256"] = store.digest(first, issue - DAY, basins=basins)
        forecast.write(fluxes, keep / ANALYSIS)
    states.write(operation.forecasts, state)
    return state, flags, source


def _make(
    operation: Operation, serving: Serving, issue: dt.date, draft: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """The files of a cycle but its record, which is returned."""
    store = Store(operation.store)
    basins, rules = basins_of(operation, store), operation.config.forecast
    state, flags, start = state_at(operation, serving, store, issue, keep=draft)
    say(f"{issue}: {start}")
    folder = None if rules.weather is None else operation.folder / rules.weather
    ahead = weather.forecast(store, basins, issue, rules.days, folder)
    everywhere = Degraded(0)
    if not ahead.source.startswith("weather forecast"):
        everywhere |= Degraded.NO_WEATHER_FORECAST
    if serving.flag:
        everywhere |= Degraded.NOT_CHAMPION
    quality = [flags[basin] | int(everywhere) for basin in basins]
    fluxes = _ahead(serving, ahead, state, issue, rules.days, rules.quantiles)
    fluxes["quality"] = ("basin", np.array(quality, np.int32), _quality_attributes())
    provenance = {
        "issue": str(issue),
        "version": serving.version.id,
        "weights_sha256": serving.model.weights_sha256,
        "code_version": __version__,
        "start": start,
        "state_sha256": hashlib.sha256(state.to_bytes()).hexdigest(),
        "weather": ahead.source,
        "forcing_sha256": _digest(ahead.region),
    }
    fluxes.attrs |= provenance
    forecast.write(fluxes, draft / FORECAST)
    notes = [serving.flag] if serving.flag else []
    return provenance | {
        "basins": len(basins),
        "days": rules.days,
        "members": ahead.region.sizes.get("member", 1),
        "flags": _flagged(quality, basins),
        "notes": notes,
        "created": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }


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
    members = xr.concat(runs, ahead.region["member"], data_vars="all", coords="minimal", compat="override")
    spread = members.quantile(list(quantiles), "member", keep_attrs=True).astype(np.float32)
    spread["runoff_member"] = members["runoff"]
    spread.attrs = runs[0].attrs
    return spread


def _first_day(state: State | None, store: Store, issue: dt.date, spin_up_days: int) -> dt.date:
    """The first day to run so that the state is valid at `issue`."""
    if state is not None:
        day: dt.date = state.time.astype(object)
        return day
    span = store.span("prcp")
    if span is None or span[0] >= issue:
        raise DhbvError(
            f"there is no state of these weights and no weather before {issue} to spin up over: ingest a history first"
        )
    return max(span[0], issue - spin_up_days * DAY)


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


def _digest(region: xr.Dataset) -> str:
    """sha256 of a weather forecast's values, days, members and basins."""
    sha = hashlib.sha256()
    for name in ("basin", "time", "member", *weather.NAMES):
        if name in region or name in region.coords:
            values = region[name].values
            sha.update(
                " ".join(map(str, values)).encode()
                if values.dtype == object
                else np.ascontiguousarray(values).tobytes()
            )
    return sha.hexdigest()


def _read(path: Path) -> Cycle:
    day, _, number = path.name.partition(".")
    record = json.loads((path / RECORD).read_text(encoding="utf-8"))
    return Cycle(dt.date.fromisoformat(day), int(number or 1), path, record)
