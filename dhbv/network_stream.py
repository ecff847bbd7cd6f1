"""gA day by day in numpy: what `dhbv.networks` trains, without torch.

The names of the weights are those of the torch modules' state dict.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from dhbv.configuration import ModelConfig

Float = NDArray[np.floating]


class NetworkWeights:
    """Weights of gA as a stream needs them: in one precision, transposed, shared by all streams of a model."""

    def __init__(
        self, weights: Mapping[str, NDArray[np.float32]], config: ModelConfig, dtype: np.dtype
    ) -> None:
        self.named = {name: value.astype(dtype) for name, value in weights.items()}
        self.config, self.dtype = config, dtype
        kind, hidden = config.network.kind, config.network.hidden
        if kind == "mlp":
            return
        w_input = self.named["lstm.weight_ih_l0"]
        self.input = np.ascontiguousarray((w_input[:, :3] if kind == "lstm_mlp" else w_input).T)
        self.recurrent = np.ascontiguousarray(self.named["lstm.weight_hh_l0"].T)
        self.head = np.ascontiguousarray(self.named["head.weight"].T)
        # σ(z) = (1 + tanh(z/2)) / 2: one tanh serves all four gates (i, f, g, o) and cannot overflow.
        gate = np.full((4, hidden), 0.5, dtype)
        gate[2] = 1.0
        self.gate_scale = gate.reshape(-1)


class NetworkStream:
    """gA for B basins whose normalised attributes are given once.

    `base` logits [B, P·M + 2] hold every parameter of the variant and the two of routing. They
    come from the attributes alone, except in kind `lstm`, where they are read off the LSTM.
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
        self.base: Float | None = None if self.kind == "lstm" else _mlp(a, w, "mlp")
        if self.kind == "lstm_mlp":
            embedding = np.tanh(a @ w["embedding.weight"].T + w["embedding.bias"])
            w_input = w["lstm.weight_ih_l0"]
            self._constant = embedding @ w_input[:, 3:].T + w["lstm.bias_ih_l0"] + w["lstm.bias_hh_l0"]
        elif self.kind == "lstm":
            w_embed = w["input.weight"]
            self._embed = np.ascontiguousarray(w_embed[:, :3].T)
            self._embed_constant = a @ w_embed[:, 3:].T + w["input.bias"]
            self._constant = w["lstm.bias_ih_l0"] + w["lstm.bias_hh_l0"]

    def step(self, x: Float, hidden: Float, cell: Float) -> tuple[Float, Float]:
        """One day of the LSTM: normalised weather [B, 3], memory [B, H] → memory at its end."""
        if self.kind == "mlp":
            return hidden, cell
        if self.kind == "lstm":
            x = np.maximum(x @ self._embed + self._embed_constant, 0.0)
        w = self._weights
        gates = np.tanh((x @ w.input + hidden @ w.recurrent + self._constant) * w.gate_scale)
        n = self.hidden_size
        i, f, g, o = gates[:, :n], gates[:, n : 2 * n], gates[:, 2 * n : 3 * n], gates[:, 3 * n :]
        cell = (0.5 + 0.5 * f) * cell + (0.5 + 0.5 * i) * g
        return (0.5 + 0.5 * o) * np.tanh(cell), cell

    def read_base(self, hidden: Float) -> Float:
        """Base logits [B, P·M + 2] that kind `lstm` gives on a day: to be frozen."""
        base: Float = hidden @ self._weights.head + self._weights.named["head.bias"]
        return base

    def split(self, base: Float) -> tuple[Float, Float]:
        """Base logits as those of the components [B, P, M] and of routing [B, 2]."""
        return base[:, :-2].reshape(self._shape), base[:, -2:]

    def daily(self, hidden: Float, base: Float) -> Float:
        """Logits [B, D, M] of the D dynamic parameters on a day."""
        components, _ = self.split(base)
        if self.kind == "mlp":
            return components[:, :0]
        head = self.read_base(hidden)
        if self.kind == "lstm":
            return self.split(head)[0][:, self._dynamic]
        return components[:, self._dynamic] + head.reshape(len(head), len(self._dynamic), -1)


def _mlp(x: Float, weights: Mapping[str, Float], name: str) -> Float:
    """Linear layers `name`.0, `name`.1, … with ReLU between them."""
    depth = sum(key.startswith(f"{name}.") and key.endswith(".weight") for key in weights)
    for layer in range(depth):
        x = x @ weights[f"{name}.{layer}.weight"].T + weights[f"{name}.{layer}.bias"]
        if layer < depth - 1:
            x = np.maximum(x, 0.0)
    return x
