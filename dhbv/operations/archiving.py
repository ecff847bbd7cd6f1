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
from dhbv.files import sha256_of

if TYPE_CHECKING:
    from dhbv.fluxes.archive import What

_log = logging.getLogger("dhbv")


def refuse_mixing(folder: Path, cycles: Path) -> None:
    """Raise a DhbvError if `folder` is the archive of cycles that lie elsewhere than in the folder `cycles`.

    Asked before a cycle is made: unlike a fault of the disk this does not pass by itself.
    """
    from dhbv.fluxes import Archive

    if not folder.is_dir():
        return
    try:
        entries = Archive(folder).entries()
    except (DhbvError, OSError):
        return  # told when it is appended to, which stops no forecast
    own = _prefix(cycles / "any")
    others = sorted(e.source for e in entries if e.served and not e.source.startswith(own))
    if others:
        raise DhbvError(
            f"{folder} is the archive of cycles such as {others[0]}, those in {cycles} would be mixed with them: give this "
            "operation an archive of its own, by the key `fluxes` of its configuration"
        )


def archive(folder: Path, cycles: Iterable[Path], files: Mapping[str, What]) -> int:
    """Append what cycles hold and `folder` does not; gives the number of appends.

    That it fails, or that one file cannot be read, is told and stops no forecast: what is missing comes with the
    next cycle.

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


def lacking(folder: Path, cycles: Iterable[Path], files: Mapping[str, What]) -> list[tuple[Path, What]]:
    """What of these cycles is not in `folder`, the oldest first; arguments as of `archive`.

    Raises:
        DhbvError: if the archive is damaged.
    """
    from dhbv.fluxes import Archive

    entries = Archive(folder).entries() if folder.is_dir() else []
    taken = {(e.source, e.what) for e in entries if e.served}
    return [
        (path / name, what)
        for path in cycles
        for name, what in files.items()
        if (_source(path), what) not in taken and (path / name).is_file()
    ]


def _append(folder: Path, cycles: Iterable[Path], files: Mapping[str, What]) -> int:
    from dhbv.fluxes import Archive

    there, appended = Archive(folder), 0
    for path, what in lacking(folder, cycles, files):
        try:
            with xr.open_dataset(path) as file:
                fluxes = file.load()
            there.append(fluxes, what, source=_source(path.parent), content=sha256_of(path), served=True)
            appended += 1
        # Whatever a damaged file makes its readers raise: it must keep out no other.
        except Exception as error:
            _log.warning("%s: %s; the archive of fluxes waits for a whole one", path, error)
    return appended


def _source(cycle: Path) -> str:
    """How a cycle is named in the archive."""
    return f"{_prefix(cycle)}{cycle.name}"


def _prefix(cycle: Path) -> str:
    """How cycles beside this one are named in the archive: by the folder of forecasts."""
    return f"{cycle.parent.parent.name}/"
