"""What many components cost is measured of components that really run, each from its own state."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhbv.errors import DhbvError
from dhbv.model_directory import ModelDirectory
from dhbv.state import State

# pyarrow, which writes its synthetic domain, refuses numpy 1; the component itself needs no pyarrow.
pytest.importorskip("pyarrow", exc_type=ImportError)
from bmi import instances


def test_every_number_of_instances_is_measured(
    model: ModelDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    rows = instances.measure(model.path, (1, 12), said.append)
    assert [row["instances"] for row in rows] == [1, 12]
    assert all(value > 0.0 for row in rows for name, value in row.items() if name != "megabytes")
    assert said == ["1 instances", "12 instances"]


def test_each_has_a_file_and_a_state_of_its_own(model: ModelDirectory, tmp_path: Path) -> None:
    instances._configure(tmp_path, model.path, 3)
    assert sorted(p.name for p in tmp_path.glob("*.yml")) == ["0.yml", "1.yml", "2.yml"]
    assert State.read(tmp_path / "start.state").basins == ("cat-1", "cat-2", "cat-3")
    assert "cat-2" in (tmp_path / "1.yml").read_text()
    assert "state: start.state" in (tmp_path / "1.yml").read_text()
    row = instances._of(tmp_path, 2)
    assert row["hour_us"] > 0.0


@pytest.mark.parametrize("text", ["", "0", "1,x", "10,-1", "1.5"])
def test_numbers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(DhbvError, match=r"--counts .*: give whole numbers from 1 on by commas, as 1,10,100"):
        instances.parse(text)
    assert instances.parse(" 1, 20") == (1, 20)
