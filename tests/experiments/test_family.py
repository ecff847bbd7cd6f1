"""The family of configurations: the models of the papers, all else alike, so that they can be compared."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from dhbv import configuration
from dhbv.attributes import HISTORY_ATTRIBUTES, PAPER_ATTRIBUTES
from dhbv.configuration import Config, NetworkConfig

FOLDER = Path(__file__).parents[2] / "configs" / "experiments"

BOTH = ("beta", "gamma")
FAMILY = {
    "hbv_m1": ("hbv", 1, (), "mlp"),
    "hbv": ("hbv", 16, (), "mlp"),
    "delta": ("delta", 16, (), "mlp"),
    "delta_bt": ("delta_bt", 16, ("beta",), "lstm_mlp"),
    "delta_gt": ("delta_gt", 16, ("gamma",), "lstm_mlp"),
    "delta_bt_gt": ("delta_bt_gt", 16, BOTH, "lstm_mlp"),
    "delta_bt_gt_daymet": ("delta_bt_gt", 16, BOTH, "lstm_mlp"),
    "delta_bt_gt_fading": ("delta_bt_gt", 16, BOTH, "lstm_mlp"),
    "delta_bt_gt_capillary": ("delta_bt_gt+capillary", 16, BOTH, "lstm_mlp"),
    "delta_bt_gt_kt_capillary": ("delta_bt_gt_kt+capillary", 16, (*BOTH, "k0"), "lstm_mlp"),
    "delta_bt_gt_kt_capillary_fading": ("delta_bt_gt_kt+capillary", 16, (*BOTH, "k0"), "lstm_mlp"),
    "delta_bt_gt_short": ("delta_bt_gt", 16, BOTH, "lstm_mlp"),
    "delta_nn_peff": ("delta+nn_peff", 16, (), "mlp"),
    "delta_bt_gt_nn_peff": ("delta_bt_gt+nn_peff", 16, BOTH, "lstm_mlp"),
    "delta_bt_gt_lstm": ("delta_bt_gt", 16, BOTH, "lstm"),
    "delta_bt_gt_gz": ("delta_bt_gt", 16, BOTH, "lstm_mlp"),
}
BASINS = {"delta_bt_gt_daymet": 483}
MEMORY = {"delta_bt_gt_fading": 5.0, "delta_bt_gt_kt_capillary_fading": 5.0}
ITERATIONS = {"delta_bt_gt_short": 3000}
ATTRIBUTES = {"delta_bt_gt_gz": (*PAPER_ATTRIBUTES, *HISTORY_ATTRIBUTES)}
NETWORKS = {"delta_bt_gt_lstm": NetworkConfig(kind="lstm", hidden=256, dropout=0.5)}
"""Where one differs from the others beside its model."""


@pytest.fixture(scope="module")
def found() -> dict[str, Config]:
    """All but the plain LSTM's, which has no water in it."""
    paths = set(FOLDER.glob("*.yaml")) - {FOLDER / "lstm.yaml"}
    return {path.stem: configuration.load(path, Config) for path in paths}


def test_the_family_is_that_of_the_papers(found: dict[str, Config]) -> None:
    told = {
        n: (c.model.variant, c.model.components, c.model.form.dynamic, c.model.network.kind)
        for n, c in found.items()
    }
    assert told == FAMILY


def test_all_else_is_alike(found: dict[str, Config]) -> None:
    first = found["delta_bt_gt"]
    for name, config in found.items():
        basins = config.data.basins or ()
        assert len(basins) == BASINS.get(name, 531), name
        assert set(basins) <= set(first.data.basins or ()), name
        assert msgspec.structs.replace(config.data, basins=first.data.basins) == first.data, "one protocol"
        recipe = msgspec.structs.replace(
            first.training, memory_weight=MEMORY.get(name, 0.0), iterations=ITERATIONS.get(name, 6000)
        )
        assert config.training == recipe, "one recipe"
        assert config.model.attributes == ATTRIBUTES.get(name, PAPER_ATTRIBUTES), name
        network = NETWORKS.get(
            name, msgspec.structs.replace(first.model.network, kind=config.model.network.kind)
        )
        assert config.model.network == network, "one size of network"


def test_the_shipped_recipe_is_one(found: dict[str, Config]) -> None:
    ours, fewer = (
        configuration.load(FOLDER.parent / "train" / f"camels_us_{n}.yaml", Config) for n in (531, 483)
    )
    assert msgspec.structs.replace(fewer, data=ours.data) == ours
    richer = configuration.load(FOLDER.parent / "train" / "camels_us_531_kt_capillary.yaml", Config)
    assert richer.model.variant == "delta_bt_gt_kt+capillary"
    same = msgspec.structs.replace(richer.model, variant=ours.model.variant)
    assert msgspec.structs.replace(richer, model=same) == ours
    noisier = configuration.load(FOLDER.parent / "train" / "camels_us_531_dropout.yaml", Config)
    usual = found["delta_bt_gt"]
    assert noisier.model == usual.model, "dropout of the experiments"
    noise = msgspec.structs.replace(ours.training, attribute_noise=usual.training.attribute_noise)
    assert (noisier.training, noisier.data) == (noise, ours.data)
    assert fewer.data == found["delta_bt_gt_daymet"].data
    assert ours.data == found["delta_bt_gt"].data
    assert configuration.load(FOLDER / "lstm.yaml", Config).data == ours.data


def test_recipes_are_chosen_without_the_test_years(found: dict[str, Config]) -> None:
    whole = found["delta_bt_gt"].data
    recipes = [configuration.load(path, Config).data for path in (FOLDER.parent / "recipe").glob("*.yaml")]
    assert recipes
    for data in recipes:
        assert whole.train.start <= data.train.start < data.test.start < data.test.end <= whole.train.end
        assert sorted((*(data.basins or ()), *data.held_out)) == sorted(whole.basins or ())
        assert len(data.held_out) == 106
