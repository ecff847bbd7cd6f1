"""The benchmark measures what it says and tells where; how fast that is, is no matter for a test."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

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


def test_without_the_peer_there_is_no_column_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hydrodl2", None)
    assert set(benchmark.kernels("cpu", 1)["hbv_forward_backward_ms"]) == {"eager", "generated"}


def test_an_installed_peer_gets_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in that takes what hydrodl2 1.4 takes and gives what it gives."""
    seen: dict[str, Any] = {}

    class Peer:
        learnable_param_count = 12 * benchmark.COMPONENTS + 2

        def __init__(self, config: dict[str, Any], device: torch.device) -> None:
            seen["config"] = config

        def __call__(
            self, inputs: dict[str, torch.Tensor], parameters: torch.Tensor
        ) -> dict[str, torch.Tensor]:
            seen["sizes"] = tuple(inputs["x_phy"].shape), tuple(parameters.shape)
            return {"streamflow": parameters.mean(-1, keepdim=True)}

    monkeypatch.setitem(sys.modules, "hydrodl2", SimpleNamespace(load_model={"hbv": Peer}.__getitem__))
    result = benchmark.kernels("cpu", 1)
    ms = result["hbv_forward_backward_ms"]
    assert result["hbv_forward_backward_vs_hydrodl2"] == pytest.approx(ms["hydrodl2"] / ms["generated"])
    assert seen["sizes"] == ((40, 3, 3), (40, 3, 12 * 16 + 2))
    assert seen["config"]["nmul"] == 16
    assert seen["config"]["dynamic_params"] == {"Hbv": ["parBETA", "parBETAET"]}


def test_runs_are_taken_in_turn_and_the_warm_up_is_not_counted() -> None:
    order: list[str] = []
    benchmark._alternate({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2, "cpu")
    assert order == ["a", "b"] * 3
