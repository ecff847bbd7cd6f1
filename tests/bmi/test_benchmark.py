"""The cost of the component is measured in processes that really run it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bmi import benchmark
from dhbv.cli import app
from dhbv.model_directory import ModelDirectory

FIGURES = {"import_s", "import_mb", "update_us", "update_within_the_day_us", "update_at_its_end_us"}

CLOCKED = """
import time
import bmi

class Component:
    "Takes 1 µs an hour and 25 µs at the end of a day; a second where nobody should look."
    hours, clock = 0, 0.0

    def initialize(self, config):
        Component.clock += 1.0

    def set_value(self, name, values):
        Component.clock += 1.0

    def update(self):
        Component.hours += 1
        Component.clock += 25e-6 if Component.hours % 24 == 0 else 1e-6

bmi.DeltaHbv = Component
time.thread_time = lambda: Component.clock
"""


def test_every_figure_is_measured(
    make_directory: Callable[..., ModelDirectory], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(benchmark, "_HOURS", benchmark._HOURS.replace("range(60 * 24)", "range(8 * 24)"))
    # What it measures runs without torch, and so does the command.
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "dhbv.evaluation.benchmark", raising=False)
    made, model = tmp_path / "figures.json", str(make_directory().path)
    done = CliRunner().invoke(
        app, ["benchmark", "bmi", "--rounds", "1", "--model", model, "--json", str(made)]
    )
    assert done.exit_code == 0, done.output
    figures = json.loads(made.read_text())
    assert figures.pop("rounds") == 1
    assert set(figures) == FIGURES
    assert all(value > 0.0 for value in figures.values())


def test_an_hour_is_the_update_alone_and_a_day_has_one_end(
    make_directory: Callable[..., ModelDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "_HOURS", CLOCKED + benchmark._HOURS)
    result = benchmark.measure(make_directory().path, rounds=1)
    assert result["update_us"] == pytest.approx((23 * 1.0 + 25.0) / 24, rel=1e-5)
    assert result["update_within_the_day_us"] == pytest.approx(1.0, rel=1e-5)
    assert result["update_at_its_end_us"] == pytest.approx(25.0, rel=1e-5)
