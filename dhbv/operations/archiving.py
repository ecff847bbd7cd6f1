"""Cycles on their way into the archive of fluxes: each once, from what it left in its folder.

What is missing there is told from the archive itself, so that a cycle whose process was killed in between comes with
the next one, and a lost archive can be made anew from the cycles.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from dhbv.errors import DhbvError
from dhbv.store.parquet import sha256_of

if TYPE_CHECKING:
    from dhbv.fluxes.archive import What

_log = logging.getLogger("dhbv")


def archive(folder: Path, cycles: Iterable[Path], files: Mapping[str, What]) -> int:
    """Append what cycles hold and `folder` does not; gives the number of appends.

    That it fails is told and stops no forecast: what is missing comes with the next cycle.

    Args:
        folder: of the archive.
        cycles: folders of cycles, the oldest first.
        files: what a cycle holds, by name: `analysis` or `forecast`; a cycle may lack any.
    """
    try:
        return _append(folder, cycles, files)
    except (DhbvError, OSError) as error:
        _log.warning("%s; the cycle is made, the archive of fluxes waits for the next", error)
        return 0


def _append(folder: Path, cycles: Iterable[Path], files: Mapping[str, What]) -> int:
    from dhbv.fluxes import Archive

    there, paths = Archive(folder), list(cycles)
    taken = {(e.source, e.what) for e in there.entries() if e.served}
    others = sorted(
        name for name, _ in taken if not any(name.startswith(_prefix(path)) for path in paths[:1])
    )
    if paths and others:
        raise DhbvError(
            f"{folder} is the archive of cycles such as {others[0]}, {_prefix(paths[0])}{paths[0].name} would be mixed "
            "with them: give this operation its own `fluxes`"
        )
    appended = 0
    for path in paths:
        source = f"{_prefix(path)}{path.name}"
        for name, what in files.items():
            if (source, what) in taken or not (path / name).is_file():
                continue
            with xr.open_dataset(path / name) as file:
                fluxes = file.load()
            content = sha256_of(path / name)
            there.append(fluxes, what, source=source, content=content, served=True)
            appended += 1
    return appended


def _prefix(cycle: Path) -> str:
    """How cycles beside this one are named in the archive: by the folder of forecasts."""
    return f"{cycle.parent.parent.name}/"
