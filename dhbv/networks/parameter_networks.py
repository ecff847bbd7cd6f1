"""gA in its three forms. `dhbv.network_stream` runs the same weights day by day without torch."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dhbv.configuration import ModelConfig
from dhbv.kernels.lstm import QUICKEST, How
from dhbv.networks.recurrence import recur
from dhbv.physics import effective_rainfall

Rows = Tensor | slice
"""Which rows of a table are meant: their positions [basin], or neighbours."""
ALL = slice(None)


class Logits(NamedTuple):
    """What gA says, before the sigmoid that maps it into each parameter's range."""

    base: Tensor
    """[basin, P, M] of every parameter; those of dynamic ones are not used as they stand."""
    routing: Tensor
    """[basin, 2]"""
    past: Tensor
    """[warmup, basin, D, M] of the dynamic parameters in the warm-up, without gradient."""
    daily: Tensor
    """[time − warmup, basin, D, M] of them after it."""


def build(config: ModelConfig) -> ParameterNetwork:
    """The network that `config` describes, freshly initialised."""
    forms = {"lstm_mlp": LstmMlp, "lstm": Lstm, "mlp": Mlp}
    return forms[config.network.kind](config)


class ParameterNetwork(nn.Module):
    """What the three forms share: the sizes of their output, and what is learned for all basins at once."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.components = config.components
        self.n_parameters = len(config.form.parameters)
        self.n_base = self.n_parameters * config.components + 2
        dynamic = [config.form.parameters.index(name) for name in config.form.dynamic]
        self.dynamic: Tensor
        self.register_buffer("dynamic", torch.tensor(dynamic, dtype=torch.long), persistent=False)
        if config.form.shared:
            noise = torch.randn(len(config.form.shared)).tolist()
            self.shared = nn.Parameter(torch.tensor(effective_rainfall.beginning(noise)))

    def forward(
        self,
        x: Tensor,
        attributes: Tensor,
        *,
        rows: Rows = ALL,
        warmup: int = 0,
        static_day: int = -1,
        how: How = QUICKEST,
    ) -> Logits:
        """gA(A, x).

        Args:
            x: normalised weather [time, basin, 3].
            attributes: normalised [row, attribute].
            rows: those of the basins of `x`. Dropout is drawn for all rows, so that parts of a minibatch that
                run in several processes see the masks that the whole would.
            warmup: days at the beginning through which no gradient flows.
            static_day: the day of `x` at which `lstm` reads its static parameters.
            how: the LSTM runs.
        """
        raise NotImplementedError

    def split(self, base: Tensor) -> tuple[Tensor, Tensor]:
        """Base logits [..., P·M + 2] as those of components [..., P, M] and of routing [..., 2]."""
        return base[..., :-2].unflatten(-1, (self.n_parameters, self.components)), base[..., -2:]


class Layers(nn.ModuleList):
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
        self.mlp = Layers(sizes, config.network.dropout)

    def forward(
        self,
        x: Tensor,
        attributes: Tensor,
        *,
        rows: Rows = ALL,
        warmup: int = 0,
        static_day: int = -1,
        how: How = QUICKEST,
    ) -> Logits:
        base, routing = self.split(self.mlp(attributes)[rows])
        nothing = base.new_empty(x.shape[0], x.shape[1], 0, self.components)
        return Logits(base, routing, nothing[:warmup], nothing[warmup:])


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

    def forward(
        self,
        x: Tensor,
        attributes: Tensor,
        *,
        rows: Rows = ALL,
        warmup: int = 0,
        static_day: int = -1,
        how: How = QUICKEST,
    ) -> Logits:
        base, routing = self.split(self.mlp(attributes)[rows])
        embedding = torch.tanh(self.embedding(attributes[rows]))

        def inputs(weather: Tensor) -> Tensor:
            return torch.cat([weather, embedding.expand(len(weather), -1, -1)], -1)

        past, hidden = recur(self.lstm, x, warmup, inputs, how=how)
        center = base[:, self.dynamic]

        def daily(hidden: Tensor) -> Tensor:
            return center + self.head(hidden).unflatten(-1, (len(self.dynamic), self.components))

        with torch.no_grad():
            before = daily(past)
        return Logits(base, routing, before, daily(hidden))


class Lstm(ParameterNetwork):
    """One LSTM gives every parameter daily; static ones are read at one day (Feng et al. 2022)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        hidden = config.network.hidden
        self.dropout = config.network.dropout
        self.input = nn.Linear(3 + len(config.attributes), hidden)
        self.lstm = nn.LSTM(hidden, hidden)
        self.head = nn.Linear(hidden, self.n_base)

    def forward(
        self,
        x: Tensor,
        attributes: Tensor,
        *,
        rows: Rows = ALL,
        warmup: int = 0,
        static_day: int = -1,
        how: How = QUICKEST,
    ) -> Logits:
        # What attributes add does not change from day to day.
        of_weather, of_attributes = self.input.weight.split([x.shape[2], attributes.shape[1]], 1)
        constant = nn.functional.linear(attributes[rows], of_attributes, self.input.bias)

        def inputs(weather: Tensor) -> Tensor:
            return torch.relu_(nn.functional.linear(weather, of_weather) + constant)

        past, hidden = recur(self.lstm, x, warmup, inputs, weights=self._dropped(), how=how)
        day = static_day % len(x)
        base, routing = self.split(self.head(past[day] if day < warmup else hidden[day - warmup]))
        weight = self.head.weight[:-2].unflatten(0, (self.n_parameters, self.components))[self.dynamic]
        bias = self.head.bias[:-2].unflatten(0, (self.n_parameters, self.components))[self.dynamic]

        def daily(hidden: Tensor) -> Tensor:
            logits = nn.functional.linear(hidden, weight.flatten(0, 1), bias.flatten())
            return logits.unflatten(-1, (len(self.dynamic), self.components))

        with torch.no_grad():
            before = daily(past)
        return Logits(base, routing, before, daily(hidden))

    def _dropped(self) -> dict[str, Tensor]:
        """The LSTM's weights with dropout on input and recurrent ones, one mask for a whole sequence."""
        if not (self.training and self.dropout):
            return {}
        return {
            name: nn.functional.dropout(weight, self.dropout)
            for name, weight in self.lstm.named_parameters()
            if name.startswith("weight")
        }
