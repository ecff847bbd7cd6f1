"""The cost of the component is measured in processes that really run it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bmi import benchmark
from dhbv.model_directory import ModelDirectory


def test_every_figure_is_measured(
    make_directory: Callable[..., ModelDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark, "_INSTANCES", benchmark._INSTANCES.replace("range(1000)", "range(10)"))
    monkeypatch.setattr(benchmark, "_HOURS", benchmark._HOURS.replace("range(60)", "range(8)"))
    result = benchmark.measure(make_directory().path, rounds=1)
    assert all(value > 0.0 for value in result.values())
    assert result["update_within_the_day_us"] < result["update_us"] < result["update_at_its_end_us"]
