"""Checks of what the realization leads to: catchments' files, model, attributes, forcing and state."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dhbv.data.nextgen import POSSIBLE, read_forcing, without_range
from dhbv.data.nextgen_hours import Hours, read_hours
from dhbv.errors import DhbvError
from dhbv.nextgen import gathering, states
from dhbv.nextgen.findings import Finding, Run, fails, note, ok, who

YEAR = 365
"""Days below which the component calls a start cold."""

HEAVY_RAIN = 305.0
"""mm h-1: the most that was ever measured in an hour (Holt, Missouri, 1947: 305 mm in 42 minutes)."""


def configurations(run: Run) -> Iterator[Finding]:
    """A file for each catchment that loads and is of the same run."""
    real = run.realization
    if not run.files:
        place = real.modules[0].params.get("init_config", "of any catchment")
        yield fails(f"no file {place}", "make the run by dhbv ngen init, or correct init_config")
        return
    for name, fault in run.faults.items():
        yield fails(f"{name}: {fault}", "correct the file")
    groups = {
        "start_time is not that of the realization": ("set it to {start}", lambda n, c: c.begins != np.datetime64(real.start)),
        "catchments is not the catchment of the file's name": ("write catchments: [<id>]", lambda n, c: c.catchments != (n,)),
        "time_step is not 3600, and ngen's catchments run hourly": ("leave time_step out", lambda n, c: c.time_step != 3600),
        "pet: input, and no other module gives potential evaporation": (
            "use bmi_multi with a module that does, or pet: hargreaves",
            lambda n, c: c.pet == "input" and not any(m.nested for m in real.modules),
        ),
    }  # fmt: skip
    for problem, (remedy, is_wrong) in groups.items():
        wrong = [n for n, c in run.configurations.items() if is_wrong(n, c)]
        if wrong:
            yield fails(f"{problem}: {who(wrong, run)}", remedy.format(start=real.start))
    yield from _routed(run)
    if run.configurations:
        yield ok(f"{len(run.configurations)} of {len(run.files)} catchments' files are understood")


def _routed(run: Run) -> Iterator[Finding]:
    routed = "routing" in run.realization.document
    both = [n for n, c in run.configurations.items() if c.hillslope_routing and routed]
    neither = [n for n, c in run.configurations.items() if not c.hillslope_routing and not routed]
    if both:
        yield fails(
            f"hillslope_routing with t-route: water is routed twice in {who(both, run)}",
            "set hillslope_routing: false, or leave routing out",
        )
    if neither:
        yield note(
            f"no hillslope_routing and no t-route: runoff reaches the nexus unrouted in {who(neither, run)}",
            "leave hillslope_routing out if the nexus flow is to be compared with gauges",
        )


def models(run: Run) -> Iterator[Finding]:
    """One model, whole."""
    for path, found in run.models.items():
        if isinstance(found, DhbvError):
            yield fails(str(found), "dhbv ngen update with a model that is whole")
        else:
            yield ok(f"{path.name}: weights {found.weights_sha256[:12]}…, all checksums hold")
    if len(run.models) > 1:
        yield fails(f"{len(run.models)} models in one run", "dhbv ngen update with one of them")


def attributes(run: Run) -> Iterator[Finding]:
    """Values for every attribute the model was trained with, and in its range."""
    rows: dict[str, dict[str, Any]] = {}
    for name, config in run.configurations.items():
        try:
            found = run.component.attributes(config, run.files[name])
        except DhbvError as error:
            yield fails(str(error), "correct the attributes")
            continue
        rows[name] = {key: next(iter(values)) for key, values in found.items()}
    by_model: dict[Path, list[str]] = {}
    for name in rows:
        if (model := run.model(name)) is not None:
            by_model.setdefault(model.path, []).append(name)
    for names in by_model.values():
        model = run.model(names[0])
        assert model is not None
        table = pd.DataFrame.from_dict({n: rows[n] for n in names}, orient="index")
        absent = [a.name for a in model.statistics.attributes if a.name not in table]
        if absent:
            yield fails(
                f"no catchment has {', '.join(absent)}", "make the run with them, or use another model"
            )
            continue
        try:
            gaps = gathering.gaps(table, model.statistics)
        except DhbvError as error:
            yield fails(str(error), "correct the attributes")
            continue
        for gap in gaps:
            yield note(f"{gap.attribute}: {gap.problem} ({who(gap.catchments, run)})", gap.hint)
        if not gaps:
            yield ok(
                f"{len(model.statistics.attributes)} attributes in {len(names)} catchments, all in range"
            )


def forcing(run: Run) -> Iterator[Finding]:
    """Weather of every catchment in every hour of the run, in units that can be."""
    real = run.realization
    kind, path, pattern = real.forcing
    if kind not in ("CsvPerFeature", "NetCDF"):
        yield fails(f"forcing provider {kind} gives no weather", "use CsvPerFeature or NetCDF")
        return
    if path.exists() and path.is_dir() != (kind == "CsvPerFeature"):
        yield fails(
            f"{path} is no {kind} forcing",
            f"set provider to {'CsvPerFeature' if path.is_dir() else 'NetCDF'}",
        )
        return
    if not run.files:
        return
    try:
        hours = read_hours(
            path, list(run.files), pattern=pattern, start=_hour(real.start), end=_hour(real.end)
        )
    except DhbvError as error:
        yield fails(str(error), "mend or replace the forcing")
        return
    faults = list(_weather(hours, run))
    yield from faults
    amount = hours.columns["prcp"]
    needs_map = amount.name in ("APCP_surface", "atmosphere_water__rainfall_volume_flux")
    mapped = all(amount.name in m.params.get("variables_names_map", {}).values() for m in real.modules)
    if needs_map and not mapped:
        yield fails(
            f"precipitation is {amount.name} alone, which ngen does not give as a rate",
            f"variables_names_map: {{atmosphere_water__liquid_equivalent_precipitation_rate: {amount.name}}}",
        )
    if not any(f.verdict == "fails" for f in faults):
        read = ", ".join(f"{c.name} [{c.unit}]" for c in hours.columns.values())
        yield ok(f"{len(hours.catchments)} catchments × {len(hours.time)} hours of {read}")


def _weather(hours: Hours, run: Run) -> Iterator[Finding]:
    low, high = POSSIBLE
    cold = np.nanmedian(hours.temperature) if np.isfinite(hours.temperature).any() else 0.0
    t, p = hours.columns["temperature"], hours.columns["prcp"]
    if cold < low or cold > high:
        yield fails(
            f"{t.name}, taken as {t.unit}, has a median of {cold:.0f} degC",
            f"tell its unit: a units attribute, or a header {t.name} [degC] or [K]",
        )
    if np.nanmax(hours.prcp, initial=0.0) > HEAVY_RAIN:
        yield fails(
            f"{p.name}, taken as {p.unit}, reaches {np.nanmax(hours.prcp):.0f} mm h-1, more than ever fell",
            f"tell its unit: a units attribute, or a header such as {p.name} [mm h-1]",
        )
    by_offset: dict[int, set[str]] = {}
    for name, config in run.configurations.items():
        if config.pet == "hargreaves":
            by_offset.setdefault(config.utc_offset, set()).add(name)
    flat = [c for offset, names in by_offset.items() for c in without_range(hours, offset) if c in names]
    if flat:
        yield fails(
            f"{t.name} never changes within a day, so Hargreaves evaporation would be zero in {who(flat, run)}",
            "give hourly temperatures, or set pet: input with a module that gives it",
        )
    for name, values, bad in (
        (p.name, hours.prcp, hours.prcp < 0.0), (t.name, hours.temperature, np.zeros(hours.prcp.shape, bool)),
    ):  # fmt: skip
        bad = bad | ~np.isfinite(values)
        if not bad.any():
            continue
        row, hour = (int(k) for k in np.argwhere(bad)[0])
        catchment = hours.catchments[row]
        text = f"{name} is missing or negative in {int(bad.sum())} hours, first {hours.time[hour]} in {catchment}"
        config = run.configurations.get(catchment)
        refused = config is not None and "refuse" in (config.inputs.missing, config.inputs.negative)
        yield (
            fails(text, "fill it, or set inputs to hold")
            if refused
            else note(text, "fill it; the run replaces and flags such values")
        )


def start(run: Run) -> Iterator[Finding]:
    """The stores' water at the beginning: from a state, a history, or none."""
    yield from _out_of_sight(run)
    cold: list[str] = []
    by_state: dict[Path, list[str]] = {}
    by_history: dict[Path, list[str]] = {}
    for name, config in run.configurations.items():
        folder = run.files[name].parent
        if config.state is not None:
            by_state.setdefault((folder / config.state).resolve(), []).append(name)
        elif config.spin_up is not None:
            by_history.setdefault((folder / config.spin_up).resolve(), []).append(name)
        else:
            cold.append(name)
    for path, names in by_state.items():
        yield from _state(run, path, names)
    for path, names in by_history.items():
        yield from _history(run, path, names)
    if cold:
        yield note(
            f"neither state nor spin_up: nearly empty stores in {who(cold, run)}",
            "give --states or --spin-up; flow is too low for the first year",
        )


def _out_of_sight(run: Run) -> Iterator[Finding]:
    """What a container that mounts the run folder alone does not find."""
    if not run.realization.layout.alone:
        return
    inside = run.realization.folder.resolve()
    for key in ("model", "state", "spin_up"):
        outside = [
            name for name, config in run.configurations.items()
            if (value := getattr(config, key)) is not None
            and not (run.files[name].parent / value).resolve().is_relative_to(inside)
        ]  # fmt: skip
        if outside:
            yield fails(
                f"{key} lies outside the run folder, which NGIAB sees alone: {who(outside, run)}",
                "put it into the run folder, with a relative path",
            )


def _state(run: Run, path: Path, names: list[str]) -> Iterator[Finding]:
    config, model = run.configurations[names[0]], run.model(names[0])
    if model is None:
        return
    try:
        state = states.read(path, model, names, config.start_time, config.utc_offset, config.max_gap)
    except DhbvError as error:
        yield fails(str(error), "dhbv ngen update --states with a state that fits")
        return
    gap = states.days_between(state.time, config.start_time, config.utc_offset)
    if gap:
        yield note(
            f"{path.name} is valid at {state.time}, {gap} days from the start", "give the state of the start"
        )
    else:
        yield ok(f"{path.name}: {len(state.basins)} catchments at {state.time}")


def _history(run: Run, path: Path, names: list[str]) -> Iterator[Finding]:
    config = run.configurations[names[0]]
    try:
        days = read_forcing(path, names, utc_offset=config.utc_offset)["time"].values.astype("datetime64[D]")
    except DhbvError as error:
        yield fails(str(error), "mend or replace the history")
        return
    # Days of the run itself are left out.
    before = [-states.days_between(day, config.start_time, config.utc_offset) for day in days[[0, -1]]]
    gap = max(0, -1 - before[1])
    length = min(0, before[1] + 1) - before[0]
    if length <= 0 or gap > config.max_gap:
        yield fails(
            f"{path.name} covers {days[0]}..{days[-1]}, {gap} days short of the start (at most {config.max_gap})",
            "give a history that ends where the run starts",
        )
    elif gap or length < YEAR:
        yield note(
            f"{path.name} has {length} days and ends {gap} days before the start",
            "give a year or more up to the start, or a state",
        )
    else:
        yield ok(f"{path.name}: {length} days up to the start")


def _hour(time: dt.datetime) -> np.datetime64:
    return np.datetime64(time, "h")
