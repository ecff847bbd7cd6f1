"""`DeltaHbv` in a domain, and the same water computed day by day with the runtime, by hand."""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmi.variables import OUTPUTS
from dhbv.model_directory import ModelDirectory
from dhbv.physics.hargreaves import potential_evaporation
from dhbv.runtime import Runtime
from dhbv.state import State
from tests.conftest import attribute_table, weather
from tests.ngen.adapter import Adapter
from tests.ngen.domain import FREEZING, START, Domain, hourly, names, write
from tests.ngen.probes import P, T
from tests.ngen.rules import Judge

Float = NDArray[np.float64]
BALANCE = {"check": True, "tolerance": 1e-9, "fatal": True, "frequency": 1}
"""mm, after every step."""
ALL = list(OUTPUTS)


def configuration(
    folder: Path, model: ModelDirectory, catchments: list[str], attributes: Mapping[str, Any], **changes: Any
) -> str:
    """The text of a configuration that lies in a folder of `folder`; a change to None leaves a key out."""
    content = {
        "model": os.path.relpath(model.path, folder / "config"),
        "catchments": catchments,
        "attributes": dict(attributes),
        "start_time": START,
    } | changes
    lines = []
    for key, value in content.items():
        if value is not None:
            lines.append(f"{key}: {value if isinstance(value, dt.datetime) else json.dumps(value)}")
    return "\n".join(lines) + "\n"


def domain(
    folder: Path,
    model: ModelDirectory,
    size: int = 1,
    days: int = 4,
    *,
    series: Mapping[str, Mapping[str, Float]] | None = None,
    first: int = 0,
    config: Mapping[str, Any] | None = None,
    attributes: Mapping[str, Any] | None = None,
    **params: Any,
) -> Domain:
    """A domain of `size` catchments, each with a `DeltaHbv` of its own that publishes all outputs.

    Args:
        series: weather; `hourly` unless given.
        first: hours after START at which the run begins.
        config: changes to every configuration.
        attributes: changes to every catchment's attributes.
        params: of the formulation.
    """
    table, known = attribute_table(size), names(size)

    def text(name: str) -> str:
        own = {column: values[known.index(name)] for column, values in table.items()} | dict(attributes or {})
        begin = {"start_time": START + first * dt.timedelta(hours=1)}
        return configuration(folder, model, [name], own, **(begin | dict(config or {})))

    given = {"mass_balance": BALANCE, "output_variables": ALL} | params
    return write(folder, series or hourly(days, size), text, first=first, **given)


def spun_up(model: ModelDirectory, size: int, path: Path) -> tuple[Runtime, State]:
    """A runtime of the domain's catchments and its state at START after a wet year, also saved at `path`."""
    runtime = Runtime(model, names(size), attribute_table(size))
    state = runtime.spin_up(weather(400, size), np.datetime64(START, "D") - 400)
    path.parent.mkdir(parents=True, exist_ok=True)
    state.write(path)
    return runtime, state


def day_by_day(
    series: Mapping[str, Mapping[str, Float]],
    latitude: Any,
    start: dt.datetime = START,
    ep: Float | None = None,
) -> Float:
    """What the hours mean to the daily core [day, catchment, 3], by the definitions; Ep is Hargreaves unless given."""
    rain = np.stack([3600.0 * s["precip_rate"] for s in series.values()], -1)
    temperature = np.stack([s["TMP_2maboveground"] - FREEZING for s in series.values()], -1)
    days = len(rain) // 24
    p = rain[: 24 * days].reshape(days, 24, -1).sum(1)
    t = temperature[: 24 * days].reshape(days, 24, -1)
    lowest, highest = t.min(1), t.max(1)
    if ep is None:
        of_year = [[(start + k * dt.timedelta(days=1)).timetuple().tm_yday] for k in range(days)]
        ep = potential_evaporation(lowest, highest, latitude, of_year)
    return np.stack([p, 0.5 * (lowest + highest), ep], -1)


def by_day(depth: Mapping[str, list[float]]) -> Float:
    """Hourly depths, m, as mm a day [day, catchment]."""
    hours = 1000.0 * np.stack([np.array(d) for d in depth.values()], -1)
    whole: Float = hours.reshape(-1, 24, hours.shape[1]).sum(1)
    return whole


def many(
    folder: Path, model: ModelDirectory, size: int, *, called: list[str] | None = None, **changes: Any
) -> Adapter:
    """One object of many catchments, `called` as in the domain unless given."""
    (folder / "config").mkdir(parents=True, exist_ok=True)
    path = folder / "config" / "all.yml"
    text = configuration(folder, model, called or names(size), attribute_table(size), **changes)
    path.write_text(text, encoding="utf-8")
    return Adapter("bmi.DeltaHbv", path, Judge())


def advance(model: Adapter, series: Mapping[str, Mapping[str, Float]], first: int, last: int) -> Float:
    """Hours `first` to `last` of the weather through an object; every output of each [hour, output, catchment]."""
    slots = {name: model.input_slot(name) for name in model.item_names("input")}
    given = []
    for hour in range(first, last):
        values = {
            P: [3600.0 * s["precip_rate"][hour] for s in series.values()],
            T: [s["TMP_2maboveground"][hour] - FREEZING for s in series.values()],
        }
        for name, slot in slots.items():
            model.set(name, values[name], slot)
        model.call("update")
        given.append([model.pointer(name) for name in ALL])
    return np.array(given)
