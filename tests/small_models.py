"""Small model directories with random weights, made by numpy alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dhbv import model_directory, network_shapes, normalisation
from dhbv.model_directory import ModelDirectory
from tests.conftest import ATTRIBUTES, attribute_table, small_config, weather


def small_weights(
    kind: str = "lstm_mlp", variant: str = "delta_bt_gt", seed: int = 0
) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    shapes = network_shapes.expected(small_config(kind, variant).model)
    return {name: rng.normal(0.0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


def small_model(
    path: Path,
    seed: int = 0,
    *,
    kind: str = "lstm_mlp",
    variant: str = "delta_bt_gt",
    weights: dict[str, NDArray[np.float32]] | None = None,
    attributes_seed: int = 1,
    nse: float = 0.7,
) -> ModelDirectory:
    """A model directory at `path`: weights by `seed`, statistics by `attributes_seed`, a score."""
    statistics = normalisation.fit(weather(400, 12), attribute_table(12, attributes_seed), ATTRIBUTES)
    scores = {"test period": {"n_basins": 12, "median": {"nse": nse, "kge": None}}}
    return model_directory.save(
        path, small_config(kind, variant), statistics, weights or small_weights(kind, variant, seed),
        data_digest="none", scores=scores,
    )  # fmt: skip
