"""The component's configuration of each catchment: one YAML file, written as plain data.

What may stand in it is said by `bmi.configuration.BmiConfig`. All attributes that are known are
written, not only those of the present model, so that another one may take its place.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from dhbv.errors import ConfigurationError
from dhbv.files import flush

HEADER = "# dhbv ngen: "
"""How a file begins that was written here; others are never overwritten or removed."""

STATE = "start.state"
"""The state of all catchments, beside their files."""


def relative(path: Path, folder: Path) -> str:
    """`path` as seen from `folder`; both by their real places, because `..` does not lead back over a link."""
    return os.path.relpath(path.resolve(), folder.resolve())


def content(
    catchment: str,
    attributes: Mapping[str, Any],
    *,
    model: str,
    start: dt.datetime,
    utc_offset: int = 0,
    hillslope_routing: bool = True,
    state: str | None = None,
    spin_up: str | None = None,
) -> dict[str, Any]:
    """What a catchment's file says; defaults are left out. Paths are relative to the file."""
    optional = {
        "utc_offset": utc_offset or None,
        "hillslope_routing": None if hillslope_routing else False,
        "state": state,
        "spin_up": spin_up,
    }
    return {
        "model": model,
        "catchments": [catchment],
        "start_time": start,
        **{key: value for key, value in optional.items() if value is not None},
        "attributes": dict(attributes),
    }


def write(folder: Path, contents: Mapping[str, Mapping[str, Any]], version: str) -> None:
    """Write `<catchment>.yml` of each, durably.

    Args:
        folder: made if need be.
        contents: by catchment.
        version: what to call the model in the first line.

    Raises:
        ConfigurationError: if a file of somebody else's is in the way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for catchment in contents:
        file = folder / f"{catchment}.yml"
        if file.exists() and not is_ours(file):
            raise ConfigurationError(
                f"{file} was not written by dhbv ngen: move it away, or choose another --out"
            )
    for catchment, what in contents.items():
        text = f"{HEADER}model {version}\n" + yaml.safe_dump(dict(what), sort_keys=False, allow_unicode=True)
        file = folder / f"{catchment}.yml"
        file.write_text(text, encoding="utf-8")
        flush(file)
    flush(folder)


def is_ours(file: Path) -> bool:
    with file.open(encoding="utf-8", errors="replace") as opened:
        return opened.read(len(HEADER)) == HEADER


def version(file: Path) -> str:
    """The model's name in the first line; empty in a file of somebody else's."""
    with file.open(encoding="utf-8", errors="replace") as opened:
        return opened.readline().removeprefix(f"{HEADER}model ").strip() if is_ours(file) else ""


def remove(folder: Path) -> None:
    """Remove the files that were written here, and the folder if nothing else is in it."""
    if not folder.is_dir():
        return
    for file in folder.iterdir():
        if file.name == STATE or (file.suffix == ".yml" and is_ours(file)):
            file.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
