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
from dhbv.state import State, joined
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
    """Of the basins that can be forecast for."""
    flags: dict[str, int]
    """By basin."""
    source: str
    """Where it comes from, in words."""
    past: Past | None
    """The days run up to T0; None where the state was there."""
    notes: tuple[str, ...]
    """Why newer states could not be used, and which weather was run again."""
    lacking: tuple[str, ...]
    """Of the basins left out: which, why, and how to mend it."""
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
    the first such day is advanced instead. Basins that a state lacks, or that lack too much weather since, are spun up,
    each over its own history, and join it; those without one are left out. Nothing is written; `dhbv.operations.states.write` keeps it.

    Raises:
        DhbvError: if no basin is left.
    """
    basins = basins_of(operation, store)
    known = max((receipt.when for receipt in store.receipts()), default=None)
    found, notes = _sound(operation, serving, store, basins, issue)
    flags = dict.fromkeys(basins, int(Degraded.STATE_DAMAGED) if found.unusable else 0)
    parts: list[_Part] = []
    there = None
    if found.state is not None and found.state.time == np.datetime64(issue):
        flags, there = {b: found.flags.get(b, 0) for b in basins}, found.state
    elif found.state is not None:
        parts += _advanced(operation, serving, store, found.state, issue)
    have = [*([there] if there else []), *(part.state for part in parts)]
    held = {b for state in have for b in state.basins}
    new = [b for b in basins if b not in held]
    lacking: tuple[str, ...] = ()
    if new:
        spun, lacking = _spun_up(operation, serving, store, new, issue)
        parts += spun
        have += [part.state for part in spun]
        held |= {b for part in spun for b in part.state.basins}
    if not have:
        raise DhbvError("; ".join(lacking))
    basins = tuple(b for b in basins if b in held)
    for part in parts:
        for basin, flag in part.flags.items():
            flags[basin] |= flag
    flags = {b: flags[b] for b in basins}
    if there and not parts:
        return Analysis(there, flags, f"state valid at {issue}", None, (), lacking, found.known)
    source = "; ".join(part.source for part in parts)
    past = _joined([part.past for part in parts], basins)
    return Analysis(joined(have, basins), flags, source, past, notes, lacking, known)


def _sound(
    operation: Operation, serving: Serving, store: Store, basins: Sequence[str], issue: dt.date
) -> tuple[states.Found, tuple[str, ...]]:
    """The newest state at `issue` or before whose weather is still what the store knows; and notes."""
    weights = serving.model.weights_sha256
    found = states.latest(operation.forecasts, weights, basins, issue)
    notes, unusable = list(found.unusable), found.unusable
    while found.state is not None and found.known is not None:
        day: dt.date = found.state.time.astype(object)
        again = weather.corrected(
            store, found.state.basins, day - (states.KEPT - 1) * DAY, day - DAY, found.known
        )
        if again is None:
            break
        notes.append(
            f"the weather from {again.first} on has come or was corrected in basin {some(again.basins)}"
        )
        found = states.latest(operation.forecasts, weights, basins, again.first)
        unusable += found.unusable
        notes += found.unusable
    return found._replace(unusable=unusable), tuple(dict.fromkeys(notes))


def _advanced(
    operation: Operation, serving: Serving, store: Store, state: State, issue: dt.date
) -> list[_Part]:
    """The basins whose weather since is known, as one part; none where it is of none."""
    first: dt.date = state.time.astype(object)
    rules = operation.config.forecast
    known = weather.known(store, state.basins, first, issue - DAY, fill_days=rules.fill_days)
    if not known.basins:
        return []
    state = state if known.basins == state.basins else state.select(known.basins)
    fluxes, after = forecast.run(
        serving.model, known.region, Period(start=first, end=issue - DAY), state=state
    )
    flags = dict.fromkeys(known.filled, int(Degraded.FILLED))
    past = Past(fluxes, known.sha256, state.sha256)
    return [_Part(after, past, flags, f"state valid at {first}, advanced")]


def _spun_up(
    operation: Operation, serving: Serving, store: Store, basins: Sequence[str], issue: dt.date
) -> tuple[list[_Part], tuple[str, ...]]:
    """The basins that have a history, each over its own, as one part; and what is to be told of the others."""
    rules = operation.config.forecast
    found = weather.histories(
        store, basins, issue - rules.spin_up_days * DAY, issue - DAY, fill_days=rules.fill_days
    )
    parts, days, lacking = [], [], [*found.lacking]
    for first, group in sorted(found.by_first.items()):
        known = weather.known(store, group, first, issue - DAY, fill_days=rules.fill_days)
        lacking += known.lacking
        if not known.basins:
            continue
        days.append((issue - first).days)
        every = Degraded.SPUN_UP | (Degraded.SHORT_SPIN_UP if days[-1] < rules.spin_up_days else 0)
        flags = {b: int(every | (Degraded.FILLED if b in known.filled else 0)) for b in known.basins}
        # The last day is run as a day of its own, so that its fluxes are kept.
        fluxes, after = forecast.run(
            serving.model,
            known.region,
            Period(start=issue - DAY, end=issue - DAY),
            spin_up_days=rules.spin_up_days,
        )
        parts.append(_Part(after, Past(fluxes, known.sha256, ""), flags, ""))
    if not parts:
        return [], tuple(lacking)
    flags = {b: flag for part in parts for b, flag in part.flags.items()}
    there = [b for b in basins if b in flags]
    source = f"spin-up of {'' if min(days) == max(days) else f'{min(days)} to '}{max(days)} days"
    if len(there) < len(basins_of(operation, store)):
        source += f" in basin {some(there)}"
    state, past = joined([p.state for p in parts], there), _joined([p.past for p in parts], there)
    return [_Part(state, past, flags, source)], tuple(lacking)


def _joined(pasts: Sequence[Past], basins: Sequence[str]) -> Past:
    """What was run up to T0 as one; with several digests, theirs in turn is the digest of all."""
    if len(pasts) == 1:
        return pasts[0]
    fluxes = xr.concat([p.fluxes for p in pasts], "basin", join="outer", combine_attrs="override")
    sha256 = hashlib.sha256("".join(p.weather_sha256 for p in pasts).encode()).hexdigest()
    return Past(fluxes.sel(basin=list(basins)), sha256, "".join(p.state_sha256 for p in pasts))
