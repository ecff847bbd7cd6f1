"""Other weights or states in all catchments of a run folder, at once.

The catchments' files are written anew into a folder beside the present one, `config` → `config.2`,
and one rename of the realization, which alone says which folder counts, puts them in force: a kill
leaves the old run or the new one, never a mix. The folder left behind stays until the next
update, because a run that is just starting may still read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import yaml

from dhbv import model_directory
from dhbv.errors import ConfigurationError, StateError
from dhbv.files import locked, written_whole
from dhbv.nextgen import catchments, gathering, realization, setup, states
from dhbv.nextgen.realization import Realization
from dhbv.registry import Resolved

LOCK = ".dhbv-ngen.lock"


class Updated(NamedTuple):
    """What is in force now."""

    configurations: Path
    catchments: tuple[str, ...]
    gaps: list[gathering.Gap]


def update(folder: Path, *, model: Resolved | None = None, state: Path | None = None) -> Updated:
    """Put a model, a state of all catchments, or both in force in a run folder.

    Args:
        folder: that `dhbv ngen init` made.
        model: None keeps the present one.
        state: None keeps the present start, if it fits the model.

    Raises:
        DhbvError: if the model is damaged, the catchments lack attributes it needs, or the state has
            other weights, lacks a catchment or is of another time; the run is as it was then.
    """
    if model is None and state is None:
        raise ConfigurationError("nothing to update: give --model MODEL, --states FILE or both")
    # Two at once would write into one folder.
    with locked(folder / LOCK):
        return _update(Realization(folder), model, state)


def _update(run: Realization, model: Resolved | None, state: Path | None) -> Updated:
    folder = run.folder
    files = _own_files(run)
    contents = {name: _read(file) for name, file in files.items()}
    present = next(iter(files.values())).parent
    first = next(iter(contents.values()))
    place = model.path if model is not None else present / first["model"]
    loaded = model_directory.load(place)
    table = _attributes(contents, folder)
    setup.refuse_incomplete(table, loaded)
    starts = _starts(contents, present) if state is None else {state}
    for path in starts:
        began = first["start_time"]
        held = states.read(path, loaded, list(files), began, first.get("utc_offset", 0), _max_gap(contents))
    new = _next(present)
    if model is not None and (models := _copies(run)) is not None:
        place = setup.copied(model.path, models)
    catchments.remove(new)
    for what in contents.values():
        what["model"] = catchments.relative(place, new)
        if "spin_up" in what:
            what["spin_up"] = catchments.relative(present / what["spin_up"], new)
        if starts:
            what.pop("spin_up", None)
            what["state"] = catchments.STATE
    if starts:
        held.write(new / catchments.STATE)
    version = model.name if model is not None else catchments.version(next(iter(files.values())))
    catchments.write(new, contents, version)
    for module in run.modules:
        module.params["init_config"] = f"./{catchments.relative(new, folder)}/{realization.ID}.yml"
    with written_whole(run.path) as draft:
        draft.write_text(realization.dump(run.document), encoding="utf-8")
    for old in _siblings(present):
        if old not in (present, new):
            catchments.remove(old)
    return Updated(new, tuple(files), gathering.gaps(table, loaded.statistics))


def _own_files(run: Realization) -> dict[str, Path]:
    """The catchments' files, which must all lie in one folder and be ours."""
    files = run.configurations()
    if not files:
        raise ConfigurationError(
            f"{run.path}: no catchment has a configuration: make the run by dhbv ngen init"
        )
    folders = {file.parent for file in files.values()}
    foreign = [
        str(file)
        for name, file in files.items()
        if file.name != f"{name}.yml" or not catchments.is_ours(file)
    ]
    if len(folders) > 1 or foreign:
        what = foreign[0] if foreign else "files in several folders"
        raise ConfigurationError(
            f"{run.path}: {what}: only a run that dhbv ngen init made can be updated at once; change this one by hand"
        )
    return files


def _read(file: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        return {**content, "attributes": dict(content["attributes"]), "start_time": content["start_time"]}
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{file} is no configuration of a catchment ({error}): make the run anew"
        ) from error


def _attributes(contents: Mapping[str, Mapping[str, Any]], folder: Path) -> pd.DataFrame:
    rows = {name: what["attributes"] for name, what in contents.items()}
    table = pd.DataFrame.from_dict(rows, orient="index")
    if table.empty:
        raise ConfigurationError(f"{folder}: the catchments' files hold no attributes: make the run anew")
    return table


def _starts(contents: Mapping[str, Mapping[str, Any]], present: Path) -> set[Path]:
    """The state file that the run starts from now: none or one."""
    found = {present / what["state"] for what in contents.values() if "state" in what}
    if len(found) > 1:
        raise StateError(
            f"{present}: the catchments start from {len(found)} state files: give one of all by --states"
        )
    return found


def _max_gap(contents: Mapping[str, Mapping[str, Any]]) -> int:
    return min(int(what.get("max_gap", states.MAX_GAP)) for what in contents.values())


def _copies(run: Realization) -> Path | None:
    """Where this run keeps copies of models; None where it refers to them."""
    models = run.layout.models
    return None if models is None else run.folder / models


def _next(present: Path) -> Path:
    """`config` → `config.2` → `config.3`"""
    stem, number = _split(present.name)
    return present.with_name(f"{stem}.{number + 1}")


def _siblings(present: Path) -> list[Path]:
    stem = _split(present.name)[0]
    return [f for f in present.parent.iterdir() if f.is_dir() and _split(f.name)[0] == stem]


def _split(name: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.+)\.(\d+)", name)
    return (match[1], int(match[2])) if match else (name, 1)
