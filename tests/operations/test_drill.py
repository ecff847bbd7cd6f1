"""Bar 12 of operations: forecast runs killed at any moment leave no partial cycle, and the next run makes it whole."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from dhbv.operations import cycle
from dhbv.operations.cycle import ANALYSIS, FORECAST, RECORD
from tests.operations.conftest import ISSUE, Site, day, runner

pytestmark = pytest.mark.drill

KILLS, CYCLES = 18, 6


def whole(folder: Path) -> np.ndarray:
    """Everything visible can be read; gives the discharge of the last cycle."""
    runoff = np.array([])
    for path in sorted(folder.glob("[0-9]*")):
        assert {p.name for p in path.iterdir()} == {ANALYSIS, FORECAST, RECORD}
        for name in (ANALYSIS, FORECAST):
            with xr.open_dataset(path / name) as file:
                runoff = file["runoff"].load().values
                assert np.isfinite(runoff).all()
    return runoff


def test_kills_leave_nothing_half_visible(make_site: Callable[..., Site]) -> None:
    site, rng = make_site(), random.Random(0)
    cycle.run(site.operation, ISSUE)
    site.arrive(0, CYCLES)
    cycles, cut, patience = site.operation.forecasts / "cycles", 0, 1.0
    for _ in range(KILLS):
        # As the flow goes: the oldest missing first, so that a kill never leaves a hole behind a later cycle.
        issue = next(iter(cycle.missing(site.operation, ISSUE)), None)
        if issue is None:
            break
        child = runner(site.operation, issue)
        while child.is_alive() and not (cycles / f".{issue}").exists():
            time.sleep(0.002)
        begun = time.monotonic()
        child.join(rng.uniform(0.0, patience))
        if child.is_alive():
            child.kill()
            child.join()
        else:  # Later kills come sooner than this machine needs for a cycle.
            patience = (time.monotonic() - begun) * 0.8
        cut += child.exitcode == -signal.SIGKILL and (cycles / f".{issue}").exists()
        whole(cycles)
    assert cut >= KILLS // 6, f"{cut} kills struck amid a cycle: make the waits match the machine"
    for issue in cycle.missing(site.operation, ISSUE):
        cycle.run(site.operation, issue)
    # The same water as in an operation that nobody disturbed.
    ours = whole(cycles)
    last = cycle.done(site.operation)[-1]
    assert not list(cycles.glob(".*"))
    assert [(c.issue, c.number) for c in cycle.done(site.operation)] == [
        (day(n), 1) for n in range(CYCLES + 2)
    ]
    last.path.rename(site.models / "kept")
    for state in (site.operation.forecasts / "states").glob("*/*"):
        if state.stem > str(ISSUE):
            state.unlink()
    cycle.run(site.operation, last.issue)
    np.testing.assert_array_equal(whole(cycles), ours)
    print(f"{KILLS} kills, {cut} amid a cycle")
