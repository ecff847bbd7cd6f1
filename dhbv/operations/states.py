"""States of all versions, each valid at the beginning of a day: `states/<weights>/<day>.state`.

States do not fit other weights, so each version has a folder; after a rollback its last state is
still there to go on from.
"""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from typing import NamedTuple

from dhbv.errors import StateError
from dhbv.state import State

KEPT = 30
"""States kept of each version; older ones would only be needed to replay older cycles, which can spin up."""

_log = logging.getLogger("dhbv")


class Found(NamedTuple):
    """The state to go on from."""

    state: State | None
    """None where there is none."""
    damaged: tuple[str, ...]
    """Newer ones that could not be read, with the reason."""


def write(folder: Path, state: State) -> Path:
    """Keep a state, and let the oldest of its weights go."""
    path = _folder(folder, state.weights) / f"{state.time}.state"
    state.write(path)
    for old in sorted(path.parent.glob("*.state"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def latest(folder: Path, weights: str, basins: tuple[str, ...], until: dt.date) -> Found:
    """The newest readable state of `weights` that holds `basins` and is valid at `until` or before."""
    damaged: list[str] = []
    for path in sorted(_folder(folder, weights).glob("*.state"), reverse=True):
        if path.stem > until.isoformat():
            continue
        try:
            return Found(State.read(path).select(basins), tuple(damaged))
        except StateError as error:
            damaged.append(str(error))
            _log.warning("%s; an older state, or a spin-up, takes its place", error)
    return Found(None, tuple(damaged))


def _folder(folder: Path, weights: str) -> Path:
    return folder / "states" / weights[:16]
