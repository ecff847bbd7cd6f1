"""The benchmark measures what it says and tells where; how fast that is, is no matter for a test."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

pytest.importorskip("torch")

from dhbv import cli
from dhbv.evaluation import benchmark


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"BASINS": 3, "DAYS": 40, "INFERENCE_BASINS": 5, "INFERENCE_DAYS": 50}.items():
        monkeypatch.setattr(benchmark, name, value)


@pytest.mark.parametrize(
    ("what", "key"),
    [
        ("kernels", "hbv_forward_backward_vs_eager"),
        ("training", "training_step_vs_eager"),
        ("inference", "basin_days_per_s"),
    ],
)
def test_the_table_is_written_with_its_machine(
    what: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "figures.json"
    monkeypatch.setattr("sys.argv", ["dhbv", "benchmark", what, "--rounds", "1", "--json", str(path)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 0
    result = json.loads(path.read_text())
    assert math.isfinite(result[key])
    assert result[key] > 0.0
    assert result["machine"]["cores"] >= 1
    assert result["rounds"] == 1


def test_ratio_and_milliseconds_belong_together() -> None:
    result = benchmark.kernels("cpu", 1)
    ms = result["hbv_forward_backward_ms"]
    assert result["hbv_forward_backward_vs_eager"] == pytest.approx(ms["eager"] / ms["generated"])


def test_runs_are_taken_in_turn_and_the_warm_up_is_not_counted() -> None:
    order: list[str] = []
    benchmark._alternate({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2, "cpu")
    assert order == ["a", "b"] * 3
