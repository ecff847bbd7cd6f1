"""Whether a run is complete: every chunk's record and files there and whole, whoever made them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from dhbv.data.schema import some
from dhbv.errors import DhbvError
from dhbv.scale.chunks import WHOLE, Chunk, Shard, part
from dhbv.scale.run_folder import Identity, RunFolder


class Checked(NamedTuple):
    """What a folder holds of a run."""

    path: Path
    identity: Identity
    chunks: int
    faults: dict[Chunk, str]
    """What is wrong, by the chunk that has to be made."""

    @property
    def catchments(self) -> int:
        """Of the chunks that have to be made."""
        return sum(c.stop - c.first for c in self.faults)

    def require(self) -> None:
        """Raise DhbvError unless the run is complete; names what is missing."""
        if self.faults:
            raise DhbvError(
                f"{self.path}: {len(self.faults)} of {self.chunks} chunks ({self.catchments} catchments) are missing: "
                f"{some(list(self.faults.values()))}: run the same command again, or the shards they are of; what is "
                "finished is left alone"
            )


def check(path: Path, shard: Shard = WHOLE) -> Checked:
    """Read every file of a run, or of one shard, and compare it with its record.

    Raises:
        DhbvError: if there is no run, or no such VPU.
    """
    folder = RunFolder.open(path)
    chunks = part(folder.chunks, shard)
    faults = {chunk: fault for chunk in chunks if (fault := folder.fault(chunk))}
    return Checked(path, folder.identity, len(chunks), faults)
