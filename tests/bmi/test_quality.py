"""Flags add up, come off again and stay numbers that BMI can show."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from bmi.quality import Quality, joined, without


def test_every_flag_is_a_bit_of_its_own() -> None:
    assert sorted(int(q) for q in Quality) == [2**k for k in range(len(Quality))]


def test_the_numbers_are_those_users_filter_by() -> None:
    names = "COLD_START NO_DAY GAP INCOMPLETE_DAY HELD FILLED CONVERTED ATTRIBUTE_MISSING ATTRIBUTE_OUTSIDE STORE_SET"
    assert [q.name for q in Quality] == names.split()


def test_flags_join_once() -> None:
    flags = np.array([0.0, 1.0, 17.0])
    assert joined(flags, Quality.HELD).tolist() == [16.0, 17.0, 17.0]
    assert joined(flags, np.array([2.0, 1.0, 32.0])).tolist() == [2.0, 1.0, 49.0]
    assert joined(flags, Quality(0)).tolist() == flags.tolist()
    assert joined(flags, Quality.GAP | Quality.HELD).tolist() == [20.0, 21.0, 21.0]
    assert joined(flags, Quality.HELD).dtype == np.float64


def test_flags_come_off_and_leave_the_others() -> None:
    flags = np.array([0.0, 3.0, 19.0, 512.0])
    assert without(flags, Quality.COLD_START | Quality.NO_DAY).tolist() == [0.0, 0.0, 16.0, 512.0]
    assert without(flags, Quality.NO_DAY).tolist() == [0.0, 1.0, 17.0, 512.0]
    assert without(flags, Quality.NO_DAY).dtype == np.float64


def test_all_flags_survive_as_a_floating_point_number() -> None:
    every = joined(np.zeros(1), ~Quality(0))
    assert int(every[0]) == sum(Quality)


def test_the_guide_tells_every_flag() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "nextgen.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (\d+) \| `([A-Z_]+)` \|", guide, re.MULTILINE)
    assert told == [(str(int(flag)), flag.name) for flag in Quality]
