"""States of all versions, each valid at the beginning of a day: `states/<weights>/<day>.state`.

States do not fit other weights, so each version has a folder; after a rollback its last state is
still there to go on from. Beside each lies `<day>.json`: by basin the flags of how it came about.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from dhbv.errors import StateError
from dhbv.files import written_whole
from dhbv.state import State

KEPT = 30
"""States kept of each version up to the newest; older ones would only be needed to replay older cycles."""

_log = logging.getLogger("dhbv")


class Found(NamedTuple):
    """The state to go on from."""

    state: State | None
    """None where there is none."""
    flags: dict[str, int]
    """By basin, where not 0: how it came about, see `dhbv.operations.cycle.Degraded`."""
    unusable: tuple[str, ...]
    """Why newer ones could not be used: damaged, or without one of the basins."""


def write(folder: Path, state: State, flags: Mapping[str, int]) -> Path:
    """Keep a state and the flags of its basins; of its weights the oldest go."""
    path = _folder(folder, state.weights) / f"{state.time}.state"
    # The flags first: a kill in between leaves flags without a state, never a state that looks sound.
    with written_whole(path.with_suffix(".json")) as draft:
        draft.write_text(json.dumps({b: int(f) for b, f in flags.items() if f}) + "\n", encoding="utf-8")
    state.write(path)
    # Newer ones do not count: in a replay of old days they would push out the very state it goes on from.
    for old in sorted(p for p in path.parent.glob("*.state") if p <= path)[:-KEPT]:
        old.unlink(missing_ok=True)
        old.with_suffix(".json").unlink(missing_ok=True)
    return path


def latest(folder: Path, weights: str, basins: tuple[str, ...], until: dt.date) -> Found:
    """The newest usable state of `weights`, cut to `basins`, that is valid at `until` or before."""
    unusable: list[str] = []
    for path in sorted(_folder(folder, weights).glob("*.state"), reverse=True):
        if path.stem > until.isoformat():
            continue
        try:
            state = State.read(path).select(basins)
            flags = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            return Found(state, {b: f for b, f in flags.items() if b in basins}, tuple(unusable))
        except (StateError, OSError, ValueError) as error:
            text = str(error) if path.name in str(error) else f"{path}: {error}"
            unusable.append(text)
            _log.warning("%s; an older state, or a spin-up, takes its place", text)
    return Found(None, {}, tuple(unusable))


def _folder(folder: Path, weights: str) -> Path:
    return folder / "states" / weights[:16]
