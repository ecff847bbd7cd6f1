"""Bar 12 of operations for the store: 200 writers killed, two at a time at work, and no reader ever sees half an append."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhbv.store import parquet
from tests.store.test_crash import drill

pytestmark = pytest.mark.drill


def test_two_hundred_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "FILES_PER_PARTITION", 3)
    assert drill(tmp_path / "store", 200) >= 5, (
        "few kills struck amid an append: make the waits match the machine"
    )
