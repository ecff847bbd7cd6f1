"""The shapes of gA's weights are those of the torch modules, and others are refused by name."""

from __future__ import annotations

import re

import numpy as np
import pytest

from dhbv import network_shapes
from dhbv.errors import ModelDirectoryError
from tests.conftest import small_config
from tests.small_models import small_weights

KINDS = [
    ("lstm_mlp", "delta_bt_gt"), ("lstm_mlp", "delta_gt+capillary"), ("lstm", "delta_bt"), ("lstm", "hbv"), ("mlp", "delta"),
    ("mlp", "delta+nn_peff"), ("lstm", "delta_bt+nn_peff"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "variant"), KINDS)
def test_shapes_are_those_of_the_torch_modules(kind: str, variant: str) -> None:
    pytest.importorskip("torch")
    from dhbv import networks

    config = small_config(kind, variant).model
    trained = {name: tuple(w.shape) for name, w in networks.build(config).state_dict().items()}
    assert network_shapes.expected(config) == trained


@pytest.mark.parametrize(("kind", "variant"), KINDS)
def test_weights_of_the_expected_shapes_are_accepted(kind: str, variant: str) -> None:
    network_shapes.check(small_weights(kind, variant), small_config(kind, variant).model, "here")


def test_what_does_not_fit_is_named() -> None:
    config, weights = small_config().model, small_weights()
    other = small_weights("mlp", "delta")

    def refused(changed: dict[str, np.ndarray]) -> str:
        with pytest.raises(ModelDirectoryError, match=r"^here: ") as error:
            network_shapes.check(changed, config, "here")
        return str(error.value)

    assert "head.weight has the shape [9, 8], the configuration makes it [8, 8]" in refused(
        weights | {"head.weight": np.zeros((9, 8), np.float32)}
    )
    message = refused(other | {"stray": np.zeros(1, np.float32)})
    assert re.search(
        r"kind lstm_mlp\) needs arrays that are absent \(embedding\.bias, .*\) .* \(stray\)", message
    )
    spoiled = weights["mlp.0.bias"].copy()
    spoiled[3] = np.nan
    assert "mlp.0.bias is not finite everywhere" in refused(weights | {"mlp.0.bias": spoiled})
