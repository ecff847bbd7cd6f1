"""What many `DeltaHbv` in one process cost, as ngen holds one for each catchment: `dhbv benchmark instances`.

Every number of instances has a process of its own. Time is that of the processor, which neighbours on a shared
machine disturb least.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from bmi.delta_hbv import DeltaHbv
from bmi.inputs import P, T
from dhbv import model_directory
from dhbv.errors import DhbvError
from dhbv.runtime import Runtime
from dhbv.scale.domain import write_domain

DAYS = 3
"""After the first hour, in which an instance starts: 71 hours, of which three end a day."""

_START = "2015-12-01"

Row = dict[str, float]


def measure(
    model: Path, counts: Sequence[int], on_stage: Callable[[str], None] = lambda stage: None
) -> list[Row]:
    """What each of `counts` instances costs beyond the first one, which reads model and states for all.

    Every instance has a YAML file of its own, as `dhbv ngen init --states` writes them, with the attributes of a
    synthetic catchment; one file holds the states of all.

    Returns:
        For each number of instances: `initialize_s` of all together, `first_hour_s` (which starts the models) and
        `megabytes`; `hour_us`, the mean of an instance's hour over three days, ends of days among them.
    """
    with tempfile.TemporaryDirectory(prefix="dhbv-instances-") as name:
        folder = Path(name)
        rows = []
        for count in counts:
            on_stage(f"{count} instances")
            (folder / str(count)).mkdir()
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
                pool.submit(_configure, folder / str(count), model, count + 1).result()
                rows.append(pool.submit(_of, folder / str(count), count).result())
    return rows


def parse(text: str) -> tuple[int, ...]:
    """Numbers of instances written as `1,10,100`.

    Raises:
        DhbvError: if they are none.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise DhbvError(f"--counts {text}: give whole numbers from 1 on by commas, as 1,10,100,1000")
    return tuple(map(int, words))


def _configure(folder: Path, model: Path, count: int) -> None:
    table = pd.read_parquet(write_domain(folder / "domain", count).attributes).set_index("basin")
    columns = {str(name): table[name].tolist() for name in table}
    runtime = Runtime(model_directory.load(model), list(table.index), columns)
    runtime.cold_state(np.datetime64(_START, "D")).write(folder / "start.state")
    for number, (name, row) in enumerate(zip(table.index, table.to_dict("records"), strict=True)):
        attributes = {str(k): None if v != v else v for k, v in row.items()}
        content = {
            "model": str(model.resolve()), "catchments": [name], "attributes": attributes,
            "state": "start.state", "start_time": f"{_START} 00:00:00",
        }  # fmt: skip
        (folder / f"{number}.yml").write_text(yaml.safe_dump(content), encoding="utf-8")


def _of(folder: Path, count: int) -> Row:
    rain, warmth = np.full(1, 0.3), np.full(1, 4.0)

    def hour(component: DeltaHbv) -> None:
        component.set_value(P, rain)
        component.set_value(T, warmth)
        component.update()

    def made(number: int) -> DeltaHbv:
        component = DeltaHbv()
        component.initialize(str(folder / f"{number}.yml"))
        return component

    kept = [made(0)]
    for _ in range(25):
        hour(kept[0])
    before, marks = _megabytes(), [time.process_time()]
    kept = [made(number) for number in range(1, count + 1)]
    marks.append(time.process_time())
    for component in kept:
        hour(component)
    marks.append(time.process_time())
    # Hour by hour through all of them, as ngen goes: what one leaves in the caches is gone when its turn comes again.
    hours = DAYS * 24 - 1
    for _ in range(hours):
        for component in kept:
            hour(component)
    marks.append(time.process_time())
    initialize, first, rest = np.diff(marks).tolist()
    return {
        "instances": count, "initialize_s": initialize, "first_hour_s": first, "megabytes": _megabytes() - before,
        "hour_us": 1e6 * rest / (hours * count),
    }  # fmt: skip


def _megabytes() -> float:
    """Of memory this process holds."""
    with open("/proc/self/status", encoding="ascii") as file:  # noqa: PTH123
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))
