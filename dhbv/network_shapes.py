"""Which arrays gA of a configuration consists of; the names are those of the torch modules' state dict."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dhbv.configuration import ModelConfig
from dhbv.errors import ModelDirectoryError

_WEATHER = 3
"""P, T and Ep."""

SHARED = "shared"
"""The array of numbers that all basins share, in the order of the variant's `shared`."""


def expected(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The shape of every weight of `config`, by name."""
    form, network = config.form, config.network
    attributes, hidden = len(config.attributes), network.hidden
    base = len(form.parameters) * config.components + 2
    shapes: dict[str, tuple[int, ...]] = {SHARED: (len(form.shared),)} if form.shared else {}
    if network.kind == "lstm":
        return {
            **shapes,
            **_linear("input", _WEATHER + attributes, hidden),
            **_lstm(hidden, hidden),
            **_linear("head", hidden, base),
        }
    sizes = (attributes, *network.layers, base)
    for k in range(len(sizes) - 1):
        shapes |= _linear(f"mlp.{k}", sizes[k], sizes[k + 1])
    if network.kind == "lstm_mlp":
        shapes |= _linear("embedding", attributes, network.embedding)
        shapes |= _lstm(_WEATHER + network.embedding, hidden)
        shapes |= _linear("head", hidden, len(form.dynamic) * config.components)
    return shapes


def check(weights: Mapping[str, NDArray[np.float32]], config: ModelConfig, source: str) -> None:
    """Raise ModelDirectoryError, naming `source` and the array, unless `weights` are gA of `config` and finite."""
    shapes = expected(config)
    remedy = "these weights cannot run: use a model directory as `dhbv train` wrote it"
    absent, foreign = sorted(shapes.keys() - weights.keys()), sorted(weights.keys() - shapes.keys())
    if absent or foreign:
        raise ModelDirectoryError(
            f"{source}: the configured network (kind {config.network.kind}) needs arrays that are absent "
            f"({', '.join(absent) or 'none'}) or has no use for some ({', '.join(foreign) or 'none'}); {remedy}"
        )
    for name, shape in shapes.items():
        if weights[name].shape != shape:
            raise ModelDirectoryError(
                f"{source}: {name} has the shape {list(weights[name].shape)}, the configuration makes it "
                f"{list(shape)}; {remedy}"
            )
        if not np.isfinite(weights[name]).all():
            raise ModelDirectoryError(f"{source}: {name} is not finite everywhere; {remedy}")


def _linear(name: str, before: int, after: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (after, before), f"{name}.bias": (after,)}


def _lstm(before: int, hidden: int) -> dict[str, tuple[int, ...]]:
    """Four gates stacked: i, f, g, o."""
    return {
        "lstm.weight_ih_l0": (4 * hidden, before),
        "lstm.weight_hh_l0": (4 * hidden, hidden),
        "lstm.bias_ih_l0": (4 * hidden,),
        "lstm.bias_hh_l0": (4 * hidden,),
    }
