"""Which catchments are computed together, and which of them a shard takes."""

from __future__ import annotations

import re
from typing import NamedTuple

from dhbv.errors import DhbvError

CATCHMENTS_AT_ONCE = 20_000
"""In a chunk of few days: some 0.2 GB while it is computed, and a state of 20 MB."""

CATCHMENT_DAYS_AT_ONCE = 200_000
"""In a chunk of many days, the spin-up among them: a catchment's day takes some 2 kB, most of it its hours."""


class Chunk(NamedTuple):
    """Catchments `first` to `stop` (left out), counted in the order of the forcing."""

    number: int
    first: int
    stop: int

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.number:05d}"


class Shard(NamedTuple):
    """One of `of` parts of a run, counted from 1."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """A shard written as `2/8`.

        Raises:
            DhbvError: if it is no such thing.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text.strip())
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise DhbvError(f"--shard {text}: write it as 2/8, the second of eight parts")
        return cls(int(found[1]), int(found[2]))


WHOLE = Shard(1, 1)


def usual_size(days: int) -> int:
    """Catchments in a chunk of so many days, unless somebody knows better."""
    return max(1, min(CATCHMENTS_AT_ONCE, CATCHMENT_DAYS_AT_ONCE // days))


def divide(catchments: int, size: int) -> tuple[Chunk, ...]:
    """All chunks of a run. Shards do not enter: a chunk is the same whoever computes it."""
    starts = range(0, catchments, size)
    return tuple(Chunk(k, first, min(first + size, catchments)) for k, first in enumerate(starts))


def part(chunks: tuple[Chunk, ...], shard: Shard) -> tuple[Chunk, ...]:
    """The chunks of a shard: neighbours, their numbers as even as can be; none where there are too few.

    Every chunk is in one shard and in no other.
    """
    return chunks[len(chunks) * (shard.number - 1) // shard.of : len(chunks) * shard.number // shard.of]
