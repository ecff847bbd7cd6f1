"""A saved state of many catchments, held against the run that shall start from it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dhbv.data.schema import some
from dhbv.errors import StateError
from dhbv.model_directory import ModelDirectory
from dhbv.state import State

MAX_GAP = 31
"""Days by which the component lets a state miss the start if its configuration does not say otherwise."""


def read(
    path: Path,
    model: ModelDirectory,
    catchments: Sequence[str],
    start: dt.datetime,
    utc_offset: int,
    max_gap: int = MAX_GAP,
) -> State:
    """The state in a file, if a run of `catchments` with `model` can start from it at `start` (UTC).

    Raises:
        StateError: if it is damaged, of other weights, lacks a catchment, or is too far from the start.
    """
    state = State.read(path)
    if state.weights != model.weights_sha256:
        raise StateError(
            f"{path} was made by weights {state.weights[:12]}…, the model {model.path} has "
            f"{model.weights_sha256[:12]}…: give states of these weights (--states FILE)"
        )
    absent = sorted(set(catchments) - set(state.basins))
    if absent:
        raise StateError(
            f"{path} holds {len(state.basins)} catchments and lacks {some(absent)} ({len(absent)} of "
            f"{len(catchments)}): give a state of all"
        )
    gap = abs(days_between(state.time, start, utc_offset))
    if gap > max_gap:
        raise StateError(
            f"{path} is valid at {state.time}, {gap} days from the start {start} (at most {max_gap}): give states "
            "of the start, or another start"
        )
    return state


def days_between(valid: np.datetime64, start: dt.datetime, utc_offset: int) -> int:
    """Days from `valid` to the local day in which the run starts."""
    day = np.datetime64((start + dt.timedelta(hours=utc_offset)).date(), "D")
    return int((day - valid).astype(int))
