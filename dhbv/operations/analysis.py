"""The state at the beginning of a day: as it was left, advanced over the weather since, or spun up.

Weather that came late or was corrected is run again, as far back as there are states to begin from.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from enum import IntFlag
from typing import NamedTuple

import numpy as np
import xarray as xr

from dhbv import forecast
from dhbv.configuration import Period
from dhbv.data.schema import some
from dhbv.errors import DhbvError
from dhbv.operations import states, weather
from dhbv.operations.configuration import Operation
from dhbv.registry import Serving
from dhbv.state import State
from dhbv.store import Store

DAY = dt.timedelta(days=1)


class Degraded(IntFlag):
    """What makes a cycle less than it should be, as bits of the variable `quality` [basin]."""

    FILLED = 1
    """Days up to T0 lacked weather; the mean of the same dates stood in."""
    SPUN_UP = 2
    """No state of these weights was at hand for the basin; its stores were filled over a history."""
    SHORT_SPIN_UP = 4
    """That history was shorter than configured."""
    NO_WEATHER_FORECAST = 8
    """Past years' weather stood in for a weather forecast."""
    NOT_CHAMPION = 16
    """The champion is damaged; the last whole champion before it served."""
    STATE_DAMAGED = 32
    """A newer state could not be read; an older one, or a spin-up, took its place."""


class Analysis(NamedTuple):
    """The state at T0 and how it came about."""

    state: State
    flags: dict[str, int]
    """By basin."""
    source: str
    """Where it comes from, in words."""
    past: Past | None
    """The days run up to T0; None where the state was there."""
    notes: tuple[str, ...]
    """Why newer states could not be used, and which weather was run again."""
    known: dt.datetime | None
    """Of the last append to the store that is in it."""


class Past(NamedTuple):
    """Days run up to T0."""

    fluxes: xr.Dataset
    """Of the days since the state before; after a spin-up of its last day, NaN before it in new basins."""
    weather_sha256: str
    """Of the weather as the store had it."""
    state_sha256: str
    """Of the state before; empty after a spin-up."""


class _Part(NamedTuple):
    """The basins that have a state to go on from, or those that have none."""

    state: State
    past: Past
    flags: dict[str, int]
    source: str


def basins_of(operation: Operation, store: Store) -> tuple[str, ...]:
    """The basins forecast for: those of the training configuration, held-out ones too, or all of the store."""
    data = operation.training.data
    return (*data.basins, *data.held_out) if data.basins else store.basins()


def state_at(operation: Operation, serving: Serving, store: Store, issue: dt.date) -> Analysis:
    """The state of `serving`'s weights at `issue`: there, advanced from the newest one, or spun up.

    A state whose weather was corrected, or filled, and has come since, counts no more: the newest one before
    the first such day is advanced instead. Basins that a state lacks are spun up and join it. Nothing is
    written; `dhbv.operations.states.write` keeps it.

    Raises:
        DhbvError: if there is no history, or too much of its weather is missing.
    """
    basins = basins_of(operation, store)
    known = max((receipt.when for receipt in store.receipts()), default=None)
    found, notes = _sound(operation, serving, store, basins, issue)
    there = () if found.state is None else found.state.basins
    new = tuple(b for b in basins if b not in there)
    damaged = dict.fromkeys(basins, int(Degraded.STATE_DAMAGED) if found.unusable else 0)
    if found.state is not None and found.state.time == np.datetime64(issue) and not new:
        flags = {basin: found.flags.get(basin, 0) for basin in basins}
        return Analysis(found.state, flags, f"state valid at {issue}", None, (), found.known)
    parts = [_spun_up(operation, serving, store, new, issue)] if new else []
    states_ = [part.state for part in parts]
    if found.state is not None and found.state.time == np.datetime64(issue):
        states_.append(found.state)
        damaged = {b: found.flags.get(b, 0) for b in basins}
    elif found.state is not None:
        parts.insert(0, _advanced(operation, serving, store, found.state, issue))
        states_.insert(0, parts[0].state)
    for part in parts:
        for basin, flag in part.flags.items():
            damaged[basin] |= flag
    source = "; ".join(part.source for part in parts)
    return Analysis(
        states.joined(states_, basins),
        damaged,
        source,
        _joined([p.past for p in parts], basins),
        notes,
        known,
    )


def _sound(
    operation: Operation, serving: Serving, store: Store, basins: Sequence[str], issue: dt.date
) -> tuple[states.Found, tuple[str, ...]]:
    """The newest state at `issue` or before whose weather is still what the store knows; and notes."""
    weights = serving.model.weights_sha256
    found = states.latest(operation.forecasts, weights, basins, issue)
    notes, unusable = list(found.unusable), found.unusable
    while found.state is not None and found.known is not None:
        day: dt.date = found.state.time.astype(object)
        again = weather.corrected(store, found.state.basins, day - states.KEPT * DAY, day - DAY, found.known)
        if again is None:
            break
        notes.append(
            f"the weather from {again.first} on has come or was corrected in basin {some(again.basins)}"
        )
        found = states.latest(operation.forecasts, weights, basins, again.first)
        unusable += found.unusable
        notes += found.unusable
    return found._replace(unusable=unusable), tuple(dict.fromkeys(notes))


def _advanced(operation: Operation, serving: Serving, store: Store, state: State, issue: dt.date) -> _Part:
    first: dt.date = state.time.astype(object)
    rules = operation.config.forecast
    known = weather.known(store, state.basins, first, issue - DAY, fill_days=rules.fill_days)
    fluxes, after = forecast.run(
        serving.model, known.region, Period(start=first, end=issue - DAY), state=state
    )
    flags = dict.fromkeys(known.filled, int(Degraded.FILLED))
    return _Part(
        after, Past(fluxes, known.sha256, sha256_of(state)), flags, f"state valid at {first}, advanced"
    )


def _spun_up(
    operation: Operation, serving: Serving, store: Store, basins: Sequence[str], issue: dt.date
) -> _Part:
    rules = operation.config.forecast
    first = _first_day(store, issue, rules.spin_up_days)
    known = weather.known(store, basins, first, issue - DAY, fill_days=rules.fill_days)
    days = (issue - first).days
    every = Degraded.SPUN_UP | (Degraded.SHORT_SPIN_UP if days < rules.spin_up_days else 0)
    flags = {b: int(every | (Degraded.FILLED if b in known.filled else 0)) for b in basins}
    # The last day is run as a day of its own, so that its fluxes are kept.
    fluxes, after = forecast.run(
        serving.model,
        known.region,
        Period(start=issue - DAY, end=issue - DAY),
        spin_up_days=rules.spin_up_days,
    )
    whole = len(basins) == len(basins_of(operation, store))
    source = f"spin-up of {days} days" + ("" if whole else f" in new basin {some(list(basins))}")
    return _Part(after, Past(fluxes, known.sha256, ""), flags, source)


def _joined(pasts: Sequence[Past], basins: Sequence[str]) -> Past:
    """What was run up to T0 as one; with two digests, theirs in turn is the digest of both."""
    if len(pasts) == 1:
        return pasts[0]
    fluxes = xr.concat([p.fluxes for p in pasts], "basin", join="outer", combine_attrs="override")
    sha256 = hashlib.sha256("".join(p.weather_sha256 for p in pasts).encode()).hexdigest()
    return Past(fluxes.sel(basin=list(basins)), sha256, next(p.state_sha256 for p in pasts if p.state_sha256))


def _first_day(store: Store, issue: dt.date, spin_up_days: int) -> dt.date:
    """The first day of a spin-up up to `issue`."""
    span = store.span("prcp")
    if span is None or span[0] >= issue:
        raise DhbvError(
            f"there is no state of these weights and no weather before {issue} to spin up over: ingest a history first"
        )
    return max(span[0], issue - spin_up_days * DAY)


def sha256_of(state: State) -> str:
    return hashlib.sha256(state.to_bytes()).hexdigest()
