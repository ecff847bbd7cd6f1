"""Numbers and their nouns."""

from __future__ import annotations

import pytest

from dhbv.wording import counted


@pytest.mark.parametrize(("number", "told"), [(0, "0 basins"), (1, "1 basin"), (2, "2 basins")])
def test_a_noun_goes_by_its_number(number: int, told: str) -> None:
    assert counted(number, "basin") == told
