"""gA in its three forms. `dhbv.network_stream` runs the same weights day by day without torch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dhbv.configuration import ModelConfig


class Logits(NamedTuple):
    """What gA says, before the sigmoid that maps it into each parameter's range."""

    base: Tensor
    """[basin, P, M] of every parameter; those of dynamic ones are not used as they stand."""
    routing: Tensor
    """[basin, 2]"""
    daily: Tensor
    """[time, basin, D, M] of the dynamic parameters."""


def build(config: ModelConfig) -> ParameterNetwork:
    """The network that `config` describes, freshly initialised."""
    forms = {"lstm_mlp": LstmMlp, "lstm": Lstm, "mlp": Mlp}
    return forms[config.network.kind](config)


class ParameterNetwork(nn.Module):
    """What the three forms share: the sizes of their output."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.components = config.components
        self.n_parameters = len(config.form.parameters)
        self.n_base = self.n_parameters * config.components + 2
        dynamic = [config.form.parameters.index(name) for name in config.form.dynamic]
        self.dynamic: Tensor
        self.register_buffer("dynamic", torch.tensor(dynamic, dtype=torch.long), persistent=False)

    def forward(self, x: Tensor, attributes: Tensor, *, warmup: int = 0, static_day: int = -1) -> Logits:
        """gA(A, x).

        Args:
            x: normalised weather [time, basin, 3].
            attributes: normalised [basin, attribute].
            warmup: days at the beginning through which no gradient flows.
            static_day: the day of `x` at which `lstm` reads its static parameters.
        """
        raise NotImplementedError

    def split(self, base: Tensor) -> tuple[Tensor, Tensor]:
        """Base logits [..., P·M + 2] as those of components [..., P, M] and of routing [..., 2]."""
        return base[..., :-2].unflatten(-1, (self.n_parameters, self.components)), base[..., -2:]


class _Mlp(nn.ModuleList):
    """Linear layers with ReLU and dropout between them."""

    def __init__(self, sizes: list[int], dropout: float) -> None:
        super().__init__(nn.Linear(n, m) for n, m in itertools.pairwise(sizes))
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self
        for layer in hidden:
            x = nn.functional.dropout(torch.relu(layer(x)), self.dropout, self.training)
        y: Tensor = last(x)
        return y


class Mlp(ParameterNetwork):
    """Attributes alone; nothing dynamic."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        sizes = [len(config.attributes), *config.network.layers, self.n_base]
        self.mlp = _Mlp(sizes, config.network.dropout)

    def forward(self, x: Tensor, attributes: Tensor, *, warmup: int = 0, static_day: int = -1) -> Logits:
        base, routing = self.split(self.mlp(attributes))
        return Logits(base, routing, base.new_empty(x.shape[0], x.shape[1], 0, self.components))


class LstmMlp(Mlp):
    """An MLP for everything static; an LSTM adds daily departures to the dynamic parameters."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        network = config.network
        self.embedding = nn.Linear(len(config.attributes), network.embedding)
        self.lstm = nn.LSTM(3 + network.embedding, network.hidden)
        self.head = nn.Linear(network.hidden, len(self.dynamic) * self.components)
        # Training starts from static parameters and departs from them where that pays.
        nn.init.zeros_(self.head.bias)
        nn.init.normal_(self.head.weight, std=0.01)

    def forward(self, x: Tensor, attributes: Tensor, *, warmup: int = 0, static_day: int = -1) -> Logits:
        base, routing = self.split(self.mlp(attributes))
        embedding = torch.tanh(self.embedding(attributes)).expand(x.shape[0], -1, -1)
        hidden = _recur(self.lstm, torch.cat([x, embedding], -1), warmup)
        departure = self.head(hidden).unflatten(-1, (len(self.dynamic), self.components))
        return Logits(base, routing, base[:, self.dynamic] + departure)


class Lstm(ParameterNetwork):
    """One LSTM gives every parameter daily; static ones are read at one day (Feng et al. 2022)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        hidden = config.network.hidden
        self.dropout = config.network.dropout
        self.input = nn.Linear(3 + len(config.attributes), hidden)
        self.lstm = nn.LSTM(hidden, hidden)
        self.head = nn.Linear(hidden, self.n_base)

    def forward(self, x: Tensor, attributes: Tensor, *, warmup: int = 0, static_day: int = -1) -> Logits:
        both = torch.cat([x, attributes.expand(x.shape[0], -1, -1)], -1)
        hidden = _recur(self.lstm, torch.relu(self.input(both)), warmup, self._dropped())
        base, routing = self.split(self.head(hidden[static_day]))
        weight = self.head.weight[:-2].unflatten(0, (self.n_parameters, self.components))[self.dynamic]
        bias = self.head.bias[:-2].unflatten(0, (self.n_parameters, self.components))[self.dynamic]
        daily = nn.functional.linear(hidden, weight.flatten(0, 1), bias.flatten())
        return Logits(base, routing, daily.unflatten(-1, (len(self.dynamic), self.components)))

    def _dropped(self) -> dict[str, Tensor]:
        """The LSTM's weights with dropout on input and recurrent ones, one mask for a whole sequence."""
        if not (self.training and self.dropout):
            return {}
        return {
            name: nn.functional.dropout(weight, self.dropout)
            for name, weight in self.lstm.named_parameters()
            if name.startswith("weight")
        }


def _recur(
    lstm: nn.LSTM, x: Tensor, warmup: int, weights: Mapping[str, Tensor] = MappingProxyType({})
) -> Tensor:
    """Output [time, basin, hidden] of an LSTM with some `weights` replaced, without gradient in the warm-up."""

    def run(part: Tensor, memory: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        result: tuple[Tensor, tuple[Tensor, Tensor]] = torch.func.functional_call(
            lstm, dict(weights), (part, memory)
        )
        return result

    if not warmup:
        return run(x, None)[0]
    with torch.no_grad():
        past, memory = run(x[:warmup], None)
    return torch.cat([past, run(x[warmup:], memory)[0]])
