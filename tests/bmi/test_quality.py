"""Flags are bits that users filter by."""

from __future__ import annotations

import re
from pathlib import Path

from bmi.quality import Quality


def test_every_flag_is_a_bit_of_its_own() -> None:
    assert sorted(int(q) for q in Quality) == [2**k for k in range(len(Quality))]


def test_the_numbers_are_those_users_filter_by() -> None:
    names = "COLD_START NO_DAY GAP INCOMPLETE_DAY HELD FILLED CONVERTED ATTRIBUTE_MISSING ATTRIBUTE_OUTSIDE STORE_SET"
    assert [q.name for q in Quality] == names.split()


def test_the_guide_tells_every_flag() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "nextgen.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|", guide, re.MULTILINE)
    assert told == [(str(int(flag)), flag.name) for flag in Quality]
