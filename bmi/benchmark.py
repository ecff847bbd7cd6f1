"""What one `DeltaHbv` costs inside NextGen: an import, an hour of one catchment; many of them: `bmi.instances`.

Every figure comes from processes of their own. An hour is CPU time of the thread, which neighbours on
a shared machine disturb least.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from dhbv import model_directory
from dhbv.attributes import LATITUDE

DAYS = 60
FIRST = 6
"""Days not counted, in which the component starts and caches fill."""

_IMPORT = """
import time
begun = time.perf_counter()
import bmi
taken = time.perf_counter() - begun
with open("/proc/self/status") as file:
    print(taken, next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS")))
"""

_HOURS = f"""
import sys, time
import numpy as np
from bmi import DeltaHbv
from bmi.inputs import P, T
p, t, times = np.full(1, 0.3), np.full(1, 4.0), []
component = DeltaHbv()
component.initialize(sys.argv[1])
for _ in range({DAYS} * 24):
    component.set_value(P, p)
    component.set_value(T, t)
    begun = time.thread_time()
    component.update()
    times.append(time.thread_time() - begun)
days = np.array(times).reshape(-1, 24)[{FIRST}:]
print(np.median(days.mean(1)), np.median(days.min(1)), np.median(days.max(1)))
"""


def measure(model: Path, rounds: int) -> dict[str, float]:
    """Medians over `rounds` processes, for a catchment with the mean attributes of the training basins.

    Raises:
        ModelDirectoryError: see `model_directory.load`.
    """
    known = model_directory.load(model).statistics.attributes
    attributes = {a.name: a.categories[0] if a.categories else a.mean for a in known} | {LATITUDE: 43.0}
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        text = yaml.safe_dump(
            {"model": str(model.resolve()), "catchments": ["cat-1"], "attributes": attributes}
        )
        config.write_text(f"{text}start_time: 2015-12-01 00:00:00\n", encoding="utf-8")
        seconds, megabytes = _medians(_IMPORT, rounds)
        mean, within, end = _medians(_HOURS, rounds, config)
    return {
        "import_s": seconds,
        "import_mb": megabytes,
        "update_us": 1e6 * mean,
        "update_within_the_day_us": 1e6 * within,
        "update_at_its_end_us": 1e6 * end,
    }


def _medians(script: str, rounds: int, *arguments: Path) -> list[float]:
    """The median of each number that a script prints."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    runs = [
        subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(rounds)
    ]
    return [statistics.median(float(text) for text in column) for column in zip(*runs, strict=True)]
