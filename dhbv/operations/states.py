"""States of all versions, each valid at the beginning of a day: `states/<weights>/<day>.state`.

States do not fit other weights, so each version has a folder; after a rollback its last state is
still there to go on from. Beside each lies `<day>.json`: by basin the flags of how it came about, and up
to when the store was known.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dhbv.errors import StateError
from dhbv.files import written_whole
from dhbv.state import State

KEPT = 31
"""States kept of each version up to the newest, the oldest 30 days before it: so far back corrected weather is run
again, and observed flow is fitted. Older ones would only be needed to replay older cycles."""

_log = logging.getLogger("dhbv")


class Found(NamedTuple):
    """The state to go on from."""

    state: State | None
    """Of those of the basins that it has; None where there is none."""
    flags: dict[str, int]
    """By basin, where not 0: how it came about, see `dhbv.operations.cycle.Degraded`."""
    unusable: tuple[str, ...]
    """Why newer ones could not be used."""
    known: dt.datetime | None
    """UTC, of the last append to the store whose weather is in it; None where that is not said."""


def write(folder: Path, state: State, flags: Mapping[str, int], known: dt.datetime | None) -> Path:
    """Keep a state, the flags of its basins and the time of the last append it knows; of its weights the oldest go."""
    path = _folder(folder, state.weights) / f"{state.time}.state"
    content = {
        "flags": {b: int(f) for b, f in flags.items() if f},
        "known": None if known is None else known.isoformat(),
    }
    # The flags first: a kill in between leaves flags without a state, never a state that looks sound.
    with written_whole(path.with_suffix(".json")) as draft:
        draft.write_text(json.dumps(content) + "\n", encoding="utf-8")
    state.write(path)
    # Newer ones do not count: in a replay of old days they would push out the very state it goes on from.
    for old in sorted(p for p in path.parent.glob("*.state") if p <= path)[:-KEPT]:
        old.unlink(missing_ok=True)
        old.with_suffix(".json").unlink(missing_ok=True)
    return path


def latest(folder: Path, weights: str, basins: Sequence[str], until: dt.date) -> Found:
    """The newest usable state of `weights`, cut to `basins`, that is valid at `until` or before."""
    unusable: list[str] = []
    for path in sorted(_folder(folder, weights).glob("*.state"), reverse=True):
        if path.stem > until.isoformat():
            continue
        try:
            state = State.read(path)
            # At least one: a state of other basins altogether is of no use.
            state = state.select([b for b in basins if b in state.basins] or basins)
            said = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            flags = {b: f for b, f in said["flags"].items() if b in state.basins}
            known = None if said["known"] is None else dt.datetime.fromisoformat(said["known"])
            return Found(state, flags, tuple(unusable), known)
        except (StateError, OSError, ValueError, KeyError) as error:
            text = str(error) if path.name in str(error) else f"{path}: {error}"
            unusable.append(text)
            _log.warning("%s; an older state, or a spin-up, takes its place", text)
    return Found(None, {}, tuple(unusable), None)


def _folder(folder: Path, weights: str) -> Path:
    return folder / "states" / weights[:16]
