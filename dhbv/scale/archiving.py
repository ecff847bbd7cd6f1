"""A run over a domain put into the archive of `dhbv fluxes`, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dhbv.fluxes import archive_run
from dhbv.scale.checking import check
from dhbv.scale.output import format_of
from dhbv.scale.run_folder import RunFolder


def archive(
    run: Path, into: Path, *, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> int:
    """Append every chunk of a complete run; one that is there is not added again, so a killed append goes on.

    Args:
        run: the folder of the run.
        into: the archive, made where there is none.
        on_progress: called with chunks done and in all.

    Returns:
        How many catchments the archive has got.

    Raises:
        DhbvError: if the run is not complete, or the archive is none.
    """
    check(run).require()
    folder = RunFolder.open(run)
    read = format_of(folder.identity.fluxes).read
    for done, chunk in enumerate(folder.chunks):
        on_progress(done, len(folder.chunks))
        archive_run(into, read(folder.fluxes(chunk)), f"{run.name}/{chunk.name}")
    on_progress(len(folder.chunks), len(folder.chunks))
    return folder.identity.catchments
