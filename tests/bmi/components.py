"""Components for tests, weather by the hour, and what it means to the daily core, by hand."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmi import DeltaHbv
from bmi.inputs import EP, P, T
from bmi.variables import RUNOFF_DEPTH
from dhbv.model_directory import ModelDirectory
from dhbv.physics.hargreaves import potential_evaporation
from dhbv.runtime import Runtime
from dhbv.state import State
from tests.conftest import attribute_table, weather

Float = NDArray[np.float64]
START = np.datetime64("2000-12-20", "D")
"""The days tested cross the end of a leap year, where the day of the year is 366 and then 1."""
DAYS = 30


def names(size: int) -> list[str]:
    return [f"cat-{k + 1}" for k in range(size)]


def write_config(
    folder: Path, directory: ModelDirectory, size: int = 1, *, name: str = "config.yaml", **changes: Any
) -> Path:
    """A configuration of `size` catchments; a change to None leaves the key out."""
    content = {
        "model": os.path.relpath(directory.path, folder),
        "catchments": names(size),
        "attributes": attribute_table(size),
        "start_time": f"{START} 00:00:00",
    } | changes
    path = folder / name
    lines = [f"{key}: {as_yaml(value)}" for key, value in content.items() if value is not None]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def as_yaml(value: Any) -> str:
    """Text as it is, so that a date is a date; the rest as JSON, which YAML reads."""
    return value if isinstance(value, str) else json.dumps(value)


def started(config: Path) -> DeltaHbv:
    bmi = DeltaHbv()
    bmi.initialize(str(config))
    return bmi


def spun_up(model: ModelDirectory, size: int, path: Path) -> tuple[Runtime, State]:
    """A runtime of the same catchments and its state after a wet history, which is also saved at `path`."""
    runtime = Runtime(model, names(size), attribute_table(size))
    state = runtime.spin_up(weather(400, size), START - 400)
    state.write(path)
    return runtime, state


def hourly_weather(days: int, size: int, seed: int = 3) -> dict[str, Float]:
    """Rates and temperatures [days, 24, size]; each day's range is reached at hours of its own."""
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.2, 2.0, (days, 24, size)) * (rng.random((days, 1, size)) < 0.6)
    temperature = rng.normal(5.0, 6.0, (days, 1, size)) + rng.normal(0.0, 3.0, (days, 24, size))
    return {P: rain, T: temperature, EP: rng.uniform(0.0, 0.2, (days, 24, size))}


def by_hour(days: Mapping[str, Float]) -> dict[str, Float]:
    return {name: values.reshape(-1, values.shape[-1]) for name, values in days.items()}


def day_of_year(day: np.datetime64) -> int:
    return day.astype(dt.date).timetuple().tm_yday


def local_days(first: np.datetime64, hours: int, utc_offset: int = 0) -> NDArray[np.datetime64]:
    """The local day of each of so many hours from `first`, UTC."""
    time = first.astype("datetime64[h]") + np.arange(hours)
    return (time + np.timedelta64(utc_offset, "h")).astype("datetime64[D]")


def forcing_of(hours: Mapping[str, Float], days: Sequence[Any], *, pet: str = "hargreaves") -> Float:
    """What hours [hour, size], each of the day in `days` [hour], mean to the daily core [day, size, 3]."""
    size = hours[P].shape[1]
    latitude = attribute_table(size)["gauge_lat"]
    rows = []
    for day in np.unique(np.asarray(days)):
        of_day = np.flatnonzero(np.asarray(days) == day)
        p, t, ep = (hours[name][of_day] for name in (P, T, EP))
        lowest, highest = t.min(0), t.max(0)
        evaporation = ep.sum(0)
        if pet == "hargreaves":
            evaporation = potential_evaporation(lowest, highest, latitude, day_of_year(day))
        rows.append(np.stack([p.sum(0), 0.5 * (lowest + highest), evaporation], -1))
    return np.stack(rows)


def daily_forcing(hours: Mapping[str, Float], *, pet: str = "hargreaves") -> Float:
    """What 24 hours [days, 24, size] from START on mean to the daily core [days, size, 3], by the definitions."""
    days = np.repeat(START + np.arange(len(hours[P])), 24)
    return forcing_of(by_hour(hours), days, pet=pet)


def advance(bmi: DeltaHbv, inputs: Mapping[str, Float]) -> Float:
    """Depth (m) that runs off in each step [step, catchment] under inputs [step, catchment]; books must balance."""
    runoff, given = bmi.get_value_ptr(RUNOFF_DEPTH), []
    for step in range(len(inputs[P])):
        for name in bmi.get_input_var_names():
            bmi.set_value(name, inputs[name][step])
        bmi.update()
        assert residual(bmi) <= 1e-9, f"step {step}"
        given.append(runoff.copy())
    return np.stack(given)


def residual(bmi: DeltaHbv) -> float:
    """The largest error of the books, mm."""
    into, out, stored, leaked = (
        bmi.get_value_ptr(f"ngen::mass_{n}") for n in ("in", "out", "stored", "leaked")
    )
    return float(np.abs(into - out - stored - leaked).max())


def saved(bmi: DeltaHbv) -> bytes:
    bmi.set_value("ngen::serialization_create", np.ones(1, np.int32))
    data = bmi.get_value_ptr("ngen::serialization_state").tobytes()
    bmi.set_value("ngen::serialization_free", np.ones(1, np.int32))
    return data


def restore(bmi: DeltaHbv, data: bytes) -> None:
    bmi.set_value("ngen::serialization_size", np.array([len(data)], np.int64))
    bmi.set_value("ngen::serialization_state", np.frombuffer(data, np.uint8))


def everything(bmi: DeltaHbv) -> dict[str, list[float]]:
    """All outputs, copied."""
    return {name: bmi.get_value_ptr(name).tolist() for name in bmi.get_output_var_names()}
