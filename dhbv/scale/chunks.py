"""Which catchments are computed together, and which of them a shard takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from dhbv.errors import DhbvError

CATCHMENTS_AT_ONCE = 20_000
"""In a chunk of few days: some 0.2 GB while it is computed, and a state of 20 MB."""

CATCHMENT_DAYS_AT_ONCE = 200_000
"""In a chunk of many days, the spin-up among them: a catchment's day takes some 2 kB, most of it its hours."""

UNCUT: Mapping[str, int] = MappingProxyType({})
"""No VPUs are known."""


class Chunk(NamedTuple):
    """Catchments `first` to `stop` (left out), counted in the order of the forcing."""

    number: int
    first: int
    stop: int
    vpu: str = ""
    """In which all of them lie, where that is known."""

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.number:05d}"

    @property
    def described(self) -> str:
        """For people."""
        where = f" of VPU {self.vpu}" if self.vpu else ""
        return f"chunk {self.name} (catchments {self.first + 1} to {self.stop}{where})"


class Shard(NamedTuple):
    """A part of a run: one of `of` parts, counted from 1, or what lies in one VPU."""

    number: int = 1
    of: int = 1
    vpu: str = ""

    @classmethod
    def parse(cls, text: str) -> Shard:
        """A shard written as `2/8` or `vpu:03W`.

        Raises:
            DhbvError: if it is no such thing.
        """
        words = text.strip()
        if found := re.fullmatch(r"vpu:(\w+)", words):
            return cls(vpu=found[1])
        found = re.fullmatch(r"(\d+)/(\d+)", words)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise DhbvError(
                f"--shard {text}: write it as 2/8, the second of eight parts, or as vpu:03W, a VPU of the hydrofabric"
            )
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"vpu:{self.vpu}" if self.vpu else f"{self.number}/{self.of}"


WHOLE = Shard()


def usual_size(days: int) -> int:
    """Catchments in a chunk of so many days, unless somebody knows better."""
    return max(1, min(CATCHMENTS_AT_ONCE, CATCHMENT_DAYS_AT_ONCE // days))


def divide(catchments: int, size: int, vpus: Mapping[str, int] = UNCUT) -> tuple[Chunk, ...]:
    """All chunks of a run. Shards do not enter: a chunk is the same whoever computes it.

    Args:
        catchments: how many.
        size: of a chunk, at most.
        vpus: how many catchments each VPU has, in the order of the forcing; no chunk lies in two.
    """
    chunks: list[Chunk] = []
    begin = 0
    for vpu, count in (vpus or {"": catchments}).items():
        stop = begin + count
        for first in range(begin, stop, size):
            chunks.append(Chunk(len(chunks), first, min(first + size, stop), vpu))
        begin = stop
    return tuple(chunks)


def part(chunks: tuple[Chunk, ...], shard: Shard) -> tuple[Chunk, ...]:
    """The chunks of a shard: those of its VPU; or neighbours, their numbers as even as can be, none where there are
    too few. Every chunk is in one of `of` shards and in no other, and so it is with VPUs.

    Raises:
        DhbvError: if there is no such VPU; names those there are.
    """
    if not shard.vpu:
        return chunks[len(chunks) * (shard.number - 1) // shard.of : len(chunks) * shard.number // shard.of]
    mine = tuple(c for c in chunks if c.vpu == shard.vpu)
    if not mine:
        there = ", ".join(dict.fromkeys(c.vpu for c in chunks if c.vpu)) or "none known"
        raise DhbvError(f"--shard {shard}: no such VPU in this domain; there are: {there}")
    return mine
