"""The guide tells every flag as it is."""

from __future__ import annotations

import re
from pathlib import Path

from dhbv.operations.cycle import Degraded

GUIDE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_every_flag_is_in_the_guide() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: int(bit) for name, bit in rows} == {str(f.name): int(f) for f in Degraded}
