"""Words of messages that go by a number."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`1 basin`, `2 basins`: a number with a noun whose plural takes an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
