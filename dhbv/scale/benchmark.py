"""What a nation costs: `dhbv benchmark scale`. A day with states in and out over a synthetic domain."""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from dhbv import model_directory
from dhbv.configuration import Period
from dhbv.kernels.native import processors
from dhbv.scale import national
from dhbv.scale.domain import Domain, write_domain

CATCHMENTS = 831_000
"""Of the hydrofabric of the conterminous United States."""

FIRST_DAY = dt.date(2026, 10, 1)

Result = dict[str, Any]
T = TypeVar("T")


def measure(
    model: Path,
    catchments: int = CATCHMENTS,
    *,
    rounds: int = 1,
    spin_up_days: int = 0,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> Result:
    """Draw a domain, run one day from empty stores, then time the next, with states in and out.

    With `spin_up_days` the forcing begins so much earlier, and a run that begins with them is timed instead.

    Domain and days each have a process of their own, so that memory is that of the day alone. Everything lies in a
    temporary folder ($TMPDIR), which needs some 3 kB a catchment, and is removed.

    Returns:
        `catchments`; `seconds` from the first to the last byte of the timed day and `opening_seconds` before it
        (reading tables, verifying inputs), medians of `rounds`; `process_seconds` with the start of Python; `cpu_seconds`
        of all processors during `seconds`; `page_faults` from the start to its end; `peak_gb` of memory; `busy_seconds` of
        reading, computing and writing, which overlap; `again`, the same day once more in the same process, where libraries
        are loaded and memory is there; `bytes` by kind of file; the machine, and its load before and after.
    """
    before = os.getloadavg()
    with tempfile.TemporaryDirectory(prefix="dhbv-scale-") as name:
        folder = Path(name)
        on_stage("drawing the domain")
        begin = FIRST_DAY - dt.timedelta(days=max(0, spin_up_days - 1))
        domain = _apart(write_domain, folder, catchments, start=begin, days=max(2, spin_up_days + 1))
        before_it = None
        if not spin_up_days:
            on_stage("a day from empty stores")
            before_it = folder / "0"
            _apart(_day, model, domain, 0, before_it)
        days = []
        for k in range(rounds):
            on_stage("the timed day")
            days.append(
                _apart(_day, model, domain, 1, folder / f"1-{k}", before_it, spin_up_days, begun=time.time())
            )
        kinds = {
            "forcing": domain.forcing, "attributes": domain.attributes,
            "states": folder / "1-0" / "states", "fluxes": folder / "1-0" / "fluxes",
        }  # fmt: skip
        size = {kind: _size(path) for kind, path in kinds.items()}
    timed = sorted(days, key=lambda d: d["seconds"])[len(days) // 2]
    seconds = statistics.median(d["seconds"] for d in days)
    return {
        "catchments": catchments, "spin_up_days": spin_up_days, "seconds": seconds,
        "catchments_per_second": catchments / seconds, **{k: v for k, v in timed.items() if k != "seconds"},
        "peak_gb": max(d["peak_gb"] for d in days), "bytes": size,
        "load": {"before": before[0], "after": os.getloadavg()[0]},
        "machine": {
            "processor": platform.processor() or platform.machine(), "cores": processors(), "numpy": np.__version__,
            "pyarrow": pa.__version__, "python": platform.python_version(),
        },
    }  # fmt: skip


def _day(
    model: Path,
    domain: Domain,
    day: int,
    out: Path,
    states: Path | None = None,
    spin_up_days: int = 0,
    *,
    begun: float = 0.0,
) -> Result:
    """A day's run in this process, which was asked for at `begun`."""
    date = FIRST_DAY + dt.timedelta(days=day)

    def run(into: Path) -> national.Ran:
        return national.run(
            model_directory.load(model), domain.forcing, domain.attributes, Period(start=date, end=date), into,
            states=states, spin_up_days=spin_up_days,
        )  # fmt: skip

    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    ran = run(out)
    used = resource.getrusage(resource.RUSAGE_SELF)
    told = {
        "start": ran.start, "seconds": ran.seconds, "opening_seconds": ran.opening_s, "busy_seconds": ran.busy_s,
        "process_seconds": time.time() - begun, "cpu_seconds": ran.cpu_s, "page_faults": used.ru_minflt - faults,
        # In kilobytes, but on macOS in bytes.
        "peak_gb": used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9,
    }  # fmt: skip
    if day == 0 or spin_up_days:
        return told
    with tempfile.TemporaryDirectory(dir=out.parent) as again:
        second = run(Path(again))
    return told | {"again": {"seconds": second.seconds, "cpu_seconds": second.cpu_s}}


def _apart(function: Callable[..., T], *arguments: object, **named: object) -> T:
    """The result of a function in a fresh process."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **named).result()


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.iterdir())
