"""Seconds of training survive a kill, and no iteration counts twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhbv.experiments.clock import Clock, noted


def run(path: Path, begin: int, end: int, total: int, pace: float) -> None:
    """Iterations `begin` to `end`, each taking `pace` seconds."""
    now = [100.0]
    clock = Clock(path, total, now=lambda: now[0])
    for iteration in range(begin, end + 1):
        now[0] += pace
        clock.tick(iteration)


def test_a_whole_training(tmp_path: Path) -> None:
    run(tmp_path / "t", 1, 10, total=10, pace=0.25)
    assert noted(tmp_path / "t") == (10, pytest.approx(2.5))
    assert noted(tmp_path / "nothing") == (0, 0.0)


def test_after_a_kill_what_is_done_again_counts_once(tmp_path: Path) -> None:
    """Killed after 8 of 10, gone on with from the checkpoint after 5: 5 at the old pace and 5 at the new."""
    run(tmp_path / "t", 1, 8, total=10, pace=5.0)
    run(tmp_path / "t", 6, 10, total=10, pace=7.0)
    assert noted(tmp_path / "t") == (10, pytest.approx(5 * 5.0 + 5 * 7.0))


def test_a_note_that_lags_behind_the_checkpoint_is_drawn_out(tmp_path: Path) -> None:
    """Noted every 5 s: 7 iterations of 2 s are noted after the sixth, and the checkpoint was after the seventh."""
    run(tmp_path / "t", 1, 7, total=10, pace=2.0)
    assert noted(tmp_path / "t")[0] == 6
    run(tmp_path / "t", 8, 10, total=10, pace=2.0)
    assert noted(tmp_path / "t") == (10, pytest.approx(20.0))
