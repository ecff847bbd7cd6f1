"""Configurations are read strictly, and a mistake is named with file, key, value and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhbv import network_shapes
from dhbv.attributes import PAPER_ATTRIBUTES
from dhbv.configuration import Config, ModelConfig, NetworkConfig, dump, load
from dhbv.errors import ConfigurationError
from dhbv.operations.configuration import OperationConfig

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
        ("training: {targets: {snow_depth: 1}}", r"training: targets: no flux or store 'snow_depth': there are .*swe"),
        ("training: {memory_weight: 1, window_days: 119}", r"memory_weight needs window_days of 120 or more.*not 119"),
        (
            "training: {memory_weight: 1}\nmodel: {variant: delta, network: {kind: mlp}}",
            r"training.memory_weight is of dynamic parameters, and variant 'delta' has none",
        ),
        ("training: {firn_weight: 1, window_days: 100}", r"training: firn_weight needs window_days of a year, .*not 100"),
        ("training: {iterations: 0}", r"training.iterations: Expected `int` >= 1 \(given: 0\)"),
        ("training: {learning_rate: fast}", r"training.learning_rate: Expected `float`, got `str` \(given: 'fast'\)"),
        ("training: {loss: mse}", r"training.loss: Invalid enum value 'mse' \(given: 'mse'\): give one of rmse, nse"),
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
        (
            "train: {start: 1999-10-01, end: 2008-09-30}\n  basins: [a, b, c, b]",
            "data: basins: b is there more than once: name each basin once",
        ),
        (
            "train: {start: 1999-10-01, end: 2008-09-30}\n  held_out: [a, a]",
            "data: held_out: a is there more than once",
        ),
        (
            "train: {start: 1999-10-01, end: 2008-09-30}\n  basins: []",
            "data: basins is an empty list: name some, or leave it out for all that are not held out",
        ),
        (
            "train: {start: 1999-10-01, end: 2008-09-30}\n  basins: [01013500]",
            r"data\.basins\.0: Expected `str`, got `int` \(given: \d+\): put it in quotes, without which YAML",
        ),
        (
            "train: {start: 1999-10-01, end: 2008-02-30}",
            r"some\.yaml is not valid YAML: 2008-02-30 is no date .*\n.* line 2, column 35",
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
    (tmp_path / "latin.yaml").write_bytes("# Flüsse".encode("latin-1"))
    with pytest.raises(ConfigurationError, match=r"cannot read .*latin\.yaml: 'utf-8' codec"):
        load(tmp_path / "latin.yaml", Config)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "training: {seed: 1}\nmodel: {components: 4}\ntraining: {loss: rmse}",
            "line 7: training is .* in line 5",
        ),
        (
            "training:\n  seed: 1\n  loss: rmse\n  seed: 2",
            "line 8: seed is there already, in line 6: leave one out",
        ),
        ("training: {targets: {swe: 0.1, et: 1, swe: 0.2}}", "line 5: swe is there already"),
    ],
)
def test_a_key_that_is_there_twice_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    """YAML itself would take the last in silence."""
    with pytest.raises(ConfigurationError, match=rf"some\.yaml, {message}"):
        read(tmp_path, DATA + text)


def test_a_key_may_replace_one_that_is_merged_in(tmp_path: Path) -> None:
    text = """
data:
  train: &days {start: 1999-10-01, end: 2008-09-30}
  test: {<<: *days, start: 2008-10-01, end: 2009-09-30}
"""
    assert str(read(tmp_path, text).data.test) == "2008-10-01..2009-09-30"


CONFIGS = Path(__file__).parents[1] / "configs"
SHIPPED = sorted(path.relative_to(CONFIGS) for path in CONFIGS.rglob("*.yaml"))
OF_ANOTHER_KIND = {Path("operation.yaml"): OperationConfig}
TRAININGS = [path for path in SHIPPED if path not in OF_ANOTHER_KIND]


@pytest.mark.parametrize("path", SHIPPED, ids=str)
def test_a_shipped_configuration_loads(path: Path) -> None:
    load(CONFIGS / path, OF_ANOTHER_KIND.get(path, Config))


def test_a_file_of_another_kind_is_suspected(tmp_path: Path) -> None:
    """Of two kinds one key may have the same name, and the mistake in it is not what is wrong."""
    asked = (
        r"training: Expected `object`, got `str` .*; is it another kind of configuration\? store, registry, "
        "forecasts, fluxes, sources are not among the keys that are wanted, data, model, training$"
    )
    with pytest.raises(ConfigurationError, match=asked):
        load(CONFIGS / "operation.yaml", Config)
    with pytest.raises(
        ConfigurationError, match=r"is it another kind of configuration\? data, model are not"
    ):
        load(CONFIGS / "train" / "camels_small.yaml", OperationConfig)
    for text in ("modle: {}", DATA + "modle: {}"):
        with pytest.raises(ConfigurationError, match=r"unknown field `modle`$"):
            read(tmp_path, text)


@pytest.mark.parametrize("path", TRAININGS, ids=str)
def test_a_shipped_training_names_its_basins_and_has_a_network(path: Path) -> None:
    config = load(CONFIGS / path, Config)
    assert config.data.basins
    assert network_shapes.expected(config.model)


def test_every_kind_of_network_is_shipped_in_a_configuration() -> None:
    kinds = {load(CONFIGS / path, Config).model.network.kind for path in TRAININGS}
    assert kinds == {"lstm_mlp", "lstm", "mlp"}


# Ids from a file


def listed(tmp_path: Path, text: str, keys: str = "basins: lists/ids.txt") -> Config:
    (tmp_path / "lists").mkdir(exist_ok=True)
    (tmp_path / "lists" / "ids.txt").write_text(text, encoding="utf-8")
    return read(tmp_path, f"{DATA}  {keys}\n")


def test_basins_in_a_file_are_those_of_a_list(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    text = "# gauges\n01022500\n\n  über-2 # the upper one\n7\n"
    config = listed(tmp_path, text)
    assert config == read(tmp_path, DATA + '  basins: ["01022500", über-2, "7"]\n')
    held_out = listed(tmp_path, text, 'basins: ["1"]\n  held_out: lists/ids.txt')
    assert held_out.data.held_out == config.data.basins
    assert held_out.data.basins == ("1",)


def test_what_is_kept_of_a_list_in_a_file_is_its_ids(tmp_path: Path) -> None:
    config = listed(tmp_path, "a\nb\n")
    (tmp_path / "lists" / "ids.txt").unlink()
    assert "ids.txt" not in dump(config)
    assert read(tmp_path, dump(config)) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n# b\nb\na\n", r"ids\.txt, line 4: a is there already, in line 1: leave it out$"),
        ("", r"ids\.txt has no id: give one a line$"),
        ("# a\n\n", r"ids\.txt has no id"),
        ("a\nb, c\n", r"ids\.txt, line 2: 'b, c' is more than one id: one a line$"),
        ("a\nb c\n", r"line 2: 'b c' is more than one id"),
    ],
)
def test_a_mistake_in_a_list_is_named_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    for key in ("basins", "held_out"):
        with pytest.raises(ConfigurationError, match=rf"some\.yaml: data\.{key}: .*{message}"):
            listed(tmp_path, text, f"{key}: lists/ids.txt")


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"some\.yaml: data\.basins: cannot read .*none\.txt: No such file"
    ):
        read(tmp_path, DATA + "  basins: none.txt\n")
    (tmp_path / "ids.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"cannot read the list of ids .*ids\.txt: 'utf-8' codec"):
        read(tmp_path, DATA + "  basins: ids.txt\n")


def test_basins_in_a_file_and_held_out_may_not_overlap(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="both trained on and held out: b"):
        listed(tmp_path, "a\nb\n", "basins: lists/ids.txt\n  held_out: [b]")


def test_the_configurations_of_the_531_basins_share_their_list() -> None:
    folder = Path(__file__).parents[1] / "configs" / "train"
    camels, ngen, small = (
        load(folder / f"camels_{name}.yaml", Config).data.basins for name in ("us_531", "ngen", "small")
    )
    assert camels is not None
    assert camels == ngen
    assert len(set(camels)) == 531
    assert camels[::9] == small


def test_static_variants_go_with_mlp_and_lstm() -> None:
    for kind in ("mlp", "lstm"):
        assert ModelConfig(variant="hbv", network=NetworkConfig(kind=kind)).form.dynamic == ()
