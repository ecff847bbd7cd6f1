"""gA day by day in numpy: what `dhbv.networks` trains, without torch.

The names of the weights are those of the torch modules' state dict.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dhbv.configuration import ModelConfig
from dhbv.network_shapes import SHARED

Float = NDArray[np.floating]


class NetworkWeights:
    """Weights of gA as a stream needs them: in one precision, transposed, shared by all streams of a model."""

    def __init__(
        self, weights: Mapping[str, NDArray[np.float32]], config: ModelConfig, dtype: np.dtype
    ) -> None:
        self.named = {name: value.astype(dtype) for name, value in weights.items()}
        self.config, self.dtype = config, dtype
        kind = config.network.kind
        if kind == "mlp":
            return
        w_input, w_hidden = _gates(self.named["lstm.weight_ih_l0"]), _gates(self.named["lstm.weight_hh_l0"])
        if kind == "lstm_mlp":
            w_input, self.embedded = w_input[:, :3], w_input[:, 3:].T
        # Input and memory side by side are one product a day.
        self.lstm = np.ascontiguousarray(np.concatenate([w_input, w_hidden], 1).T)
        self.lstm_bias = _gates(self.named["lstm.bias_ih_l0"] + self.named["lstm.bias_hh_l0"])
        self.head = np.ascontiguousarray(self.named["head.weight"].T)


class NetworkStream:
    """gA for B basins whose normalised attributes are given once.

    `base` logits [B, P·M + 2] hold every parameter of the variant and the two of routing. They
    come from the attributes alone, except in kind `lstm`, where they are read off the LSTM.
    `shared` has the learned numbers of all basins, by name, as [B, M].
    """

    def __init__(self, weights: NetworkWeights, attributes: Float) -> None:
        w, config = weights.named, weights.config
        a = attributes.astype(weights.dtype)
        form = config.form
        self._weights = weights
        self.kind = config.network.kind
        self.hidden_size = 0 if self.kind == "mlp" else config.network.hidden
        self.frozen_size = len(form.parameters) * config.components + 2 if self.kind == "lstm" else 0
        self._dynamic = np.array([form.parameters.index(name) for name in form.dynamic], dtype=int)
        self._shape = (a.shape[0], len(form.parameters), config.components)
        columns = self._shape[::2]
        self.shared = {
            name: np.full(columns, x) for name, x in zip(form.shared, w.get(SHARED, ()), strict=True)
        }
        self.base: Float | None = None if self.kind == "lstm" else _mlp(a, w, "mlp")
        if self.base is not None and self.kind == "lstm_mlp":
            embedding = np.tanh(a @ w["embedding.weight"].T + w["embedding.bias"])
            self._constant = embedding @ weights.embedded + weights.lstm_bias
            b_head = w["head.bias"].reshape(len(form.dynamic), -1)
            self._daily_constant = self.split(self.base)[0][:, self._dynamic] + b_head
        elif self.kind == "lstm":
            w_embed = w["input.weight"]
            self._embed = np.ascontiguousarray(w_embed[:, :3].T)
            self._embed_constant = a @ w_embed[:, 3:].T + w["input.bias"]
            self._constant = weights.lstm_bias

    def step(self, x: Float, hidden: Float, cell: Float) -> tuple[Float, Float]:
        """One day of the LSTM: normalised weather [B, 3], memory [B, H] → memory at its end."""
        if self.kind == "mlp":
            return hidden, cell
        if self.kind == "lstm":
            x = np.maximum(x @ self._embed + self._embed_constant, 0.0)
        tanh = np.tanh(np.concatenate([x, hidden], 1) @ self._weights.lstm + self._constant)
        n = self.hidden_size
        σ = 0.5 + 0.5 * tanh[:, : 3 * n]
        i, f, o, g = σ[:, :n], σ[:, n : 2 * n], σ[:, 2 * n :], tanh[:, 3 * n :]
        cell = f * cell + i * g
        return o * np.tanh(cell), cell

    def read_base(self, hidden: Float) -> Float:
        """Base logits [B, P·M + 2] that kind `lstm` gives on a day: to be frozen."""
        base: Float = hidden @ self._weights.head + self._weights.named["head.bias"]
        return base

    def split(self, base: Float) -> tuple[Float, Float]:
        """Base logits as those of the components [B, P, M] and of routing [B, 2]."""
        return base[:, :-2].reshape(self._shape), base[:, -2:]

    def daily(self, hidden: Float) -> Float:
        """Logits [B, D, M] of the D dynamic parameters on a day."""
        if self.kind == "lstm_mlp":
            return self._daily_constant + (hidden @ self._weights.head).reshape(self._daily_constant.shape)
        if self.kind == "lstm":
            return self.split(self.read_base(hidden))[0][:, self._dynamic]
        return np.empty((len(hidden), 0, self._shape[2]), hidden.dtype)


def _gates(rows: Float) -> Float:
    """Rows [4H, ...] of the gates i, f, g, o in the order i, f, o, g, those of a σ halved.

    σ(z) = (1 + tanh(z / 2)) / 2: one tanh serves all four and cannot overflow.
    """
    i, f, g, o = np.split(rows, 4)
    return np.concatenate([0.5 * i, 0.5 * f, 0.5 * o, g])


def _mlp(x: Float, weights: Mapping[str, Float], name: str) -> Float:
    """Linear layers `name`.0, `name`.1, … with ReLU between them."""
    depth = sum(key.startswith(f"{name}.") and key.endswith(".weight") for key in weights)
    for layer in range(depth):
        x = x @ weights[f"{name}.{layer}.weight"].T + weights[f"{name}.{layer}.bias"]
        if layer < depth - 1:
            x = np.maximum(x, 0.0)
    return x
