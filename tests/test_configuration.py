"""Configurations are read strictly, and a mistake is named with file, key, value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhbv.attributes import PAPER_ATTRIBUTES
from dhbv.configuration import Config, ModelConfig, NetworkConfig, dump, load
from dhbv.errors import ConfigurationError

DATA = """
data:
  train: {start: 1999-10-01, end: 2008-09-30}
  test: {start: 1989-10-01, end: 1999-09-30}
"""


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "some.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path, Config)


def test_defaults_are_the_operational_model(tmp_path: Path) -> None:
    config = read(tmp_path, DATA)
    assert config.model.variant == "delta_bt_gt"
    assert config.model.network.kind == "lstm_mlp"
    assert config.model.components == 16
    assert len(PAPER_ATTRIBUTES) == len(set(PAPER_ATTRIBUTES)) == 35


def test_dump_and_load_give_the_same(tmp_path: Path) -> None:
    config = read(tmp_path, DATA + "training: {iterations: 7, loss: rmse}\n")
    assert read(tmp_path, dump(config)) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("training: {iteration: 5}", r"some.yaml: training: .*unknown field `iteration`"),
        ("training: {iterations: 0}", r"training.iterations: Expected `int` >= 1 \(given: 0\)"),
        ("training: {learning_rate: fast}", r"training.learning_rate: Expected `float`, got `str` \(given: 'fast'\)"),
        ("training: {loss: mse}", r"training.loss: Invalid enum value 'mse'"),
        ("model: {variant: gamma}", r"model: unknown variant 'gamma': choose one of hbv, delta"),
        ("model: {network: {kind: mlp}}", r"'mlp' sees no weather, so variant 'delta_bt_gt' .* needs kind 'lstm_mlp'"),
        ("model: {variant: delta}", r"'delta' has no dynamic parameter .* use kind 'mlp'"),
        ("model: {attributes: []}", "at least one name"),
        ("model: {network: {dropout: 1.0}}", r"model.network.dropout: Expected `float` < 1.0 \(given: 1.0\)"),
        ("nonsense: 1", r"top level: .*unknown field `nonsense`"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, DATA + text)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("train: {start: 2001-01-01, end: 2000-01-01}", "ends .2000-01-01. before it starts"),
        ("train: {start: 1995-01-01, end: 2000-01-01}", "train period .* overlaps the test period"),
        (
            "train: {start: 1999-10-01, end: 2008-09-30}\n  validation: {start: 2008-01-01, end: 2008-12-31}",
            "train period .* overlaps the validation period",
        ),
        (
            "train: {start: 1999-10-01, end: 2008-09-30}\n  basins: [a, b]\n  held_out: [b]",
            "both trained on and held out: b",
        ),
    ],
)
def test_periods_and_basins_may_not_overlap(tmp_path: Path, data: str, message: str) -> None:
    text = f"data:\n  {data}\n  test: {{start: 1989-10-01, end: 1999-09-30}}\n"
    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path, text)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read .*absent.yaml: No such file"):
        load(tmp_path / "absent.yaml", Config)
    with pytest.raises(ConfigurationError, match="not valid YAML"):
        read(tmp_path, "data: [")


def test_the_shipped_configurations_load() -> None:
    paths = sorted((Path(__file__).parents[1] / "configs" / "train").glob("*.yaml"))
    assert paths
    for path in paths:
        load(path, Config)


def test_static_variants_go_with_mlp_and_lstm() -> None:
    for kind in ("mlp", "lstm"):
        assert ModelConfig(variant="hbv", network=NetworkConfig(kind=kind)).form.dynamic == ()
