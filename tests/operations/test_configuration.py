"""What an operation's file may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhbv.errors import ConfigurationError
from dhbv.operations import configuration
from tests.operations.conftest import make_operation


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    operation = make_operation(tmp_path / "a", store="data/store")
    assert operation.store == tmp_path / "a" / "data" / "store"
    assert operation.forecasts == tmp_path / "a" / "forecasts"
    assert operation.training.model.components == 4


@pytest.mark.parametrize("quantiles", [[0.5, 0.1], [0.0, 0.5], [0.5, 0.5]])
def test_quantiles_rise_between_0_and_1(tmp_path: Path, quantiles: list[float]) -> None:
    with pytest.raises(ConfigurationError, match="quantiles must rise and lie between 0 and 1"):
        make_operation(tmp_path, forecast={"quantiles": quantiles})


def test_an_unknown_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="spinup"):
        make_operation(tmp_path, forecast={"spinup": 3})


def test_an_offset_is_one_of_the_earth(tmp_path: Path) -> None:
    assert make_operation(tmp_path, sources={"utc_offset": -5}).config.sources.utc_offset == -5
    with pytest.raises(ConfigurationError, match="utc_offset"):
        make_operation(tmp_path, sources={"utc_offset": -500})


def test_the_example_is_what_the_code_does_without_one() -> None:
    """configs/operation.yaml shows every key with its default, but for those that a first operation needs."""
    path = Path(__file__).parents[2] / "configs" / "operation.yaml"
    shown = configuration.load(path)
    plain = configuration.OperationConfig(training=shown.config.training)
    assert shown.config == plain
    assert shown.training.data.train.start
    text = path.read_text(encoding="utf-8")
    sections = (plain, plain.sources, plain.forecast, plain.retrain, plain.gate)
    absent = [f for s in sections for f in s.__struct_fields__ if f"{f}:" not in text]
    assert absent == []
