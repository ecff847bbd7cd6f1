"""How long a training took, over as many runs as it needed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from dhbv.files import written_whole

_BETWEEN = 5.0
"""Seconds between two notes."""


class Clock:
    """Counts the seconds of a training, noted in a file so that they outlive a kill.

    After a kill a training goes back to its last checkpoint; what it took to get there is then the noted
    seconds in proportion, so that no iteration counts twice.

    Args:
        path: of the note.
        total: iterations in all.
        now: seconds of some clock.
    """

    def __init__(self, path: Path, total: int, now: Callable[[], float] = time.perf_counter) -> None:
        self.path, self.total, self.now = path, total, now
        self.began = now()
        self.before: float | None = None
        self.noted_at = self.began

    def tick(self, iteration: int) -> None:
        """One more iteration is done, of which there are `iteration` now."""
        if self.before is None:
            done, seconds = noted(self.path)
            self.before = seconds * (iteration - 1) / done if done else 0.0
        now = self.now()
        if now - self.noted_at >= _BETWEEN or iteration == self.total:
            self.noted_at = now
            with written_whole(self.path) as draft:
                draft.write_text(json.dumps([iteration, self.before + now - self.began]))


def noted(path: Path) -> tuple[int, float]:
    """Iterations done and the seconds they took; none where nothing was noted."""
    if not path.exists():
        return 0, 0.0
    iteration, seconds = json.loads(path.read_text())
    return int(iteration), float(seconds)
