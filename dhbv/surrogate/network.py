"""The surrogate: an LSTM from weather and parameters to what a simulator makes of them; torch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dhbv.baselines.streamflow_lstm import FORGET_BIAS
from dhbv.configuration import Positive, Section
from dhbv.networks.recurrence import recur

_AT_ONCE = 64
"""Runs that share memory in `simulate`."""


class Shape(Section, frozen=True):
    """The sizes of the network."""

    hidden: Positive = 64
    """Units of the LSTM."""
    embedding: Positive = 32
    """Numbers learned from the parameters that the LSTM sees beside them."""


class Scaling(Section, frozen=True):
    """Means and standard deviations over training runs."""

    mean: tuple[float, ...]
    """Of each input."""
    std: tuple[float, ...]
    roots: tuple[bool, ...]
    """Whether the network tells the square root of an output: of all that is never negative."""
    output_mean: tuple[float, ...]
    """Of each output, or its root."""
    output_std: tuple[float, ...]


def scaling(weather: NDArray[np.float32], outputs: NDArray[np.float32]) -> Scaling:
    """Of training weather [time, basin, input] and outputs [time, run, output]."""
    roots = outputs.min((0, 1)) >= 0.0
    told = np.where(roots, np.sqrt(np.maximum(outputs, 0.0)), outputs)
    mean, std = _moments(weather)
    output_mean, output_std = _moments(told)
    return Scaling(
        mean=mean, std=std, roots=tuple(roots.tolist()), output_mean=output_mean, output_std=output_std
    )


def _moments(series: NDArray[np.float32]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    mean, std = series.mean((0, 1), dtype=np.float64), series.std((0, 1), dtype=np.float64)
    # What is the same everywhere is divided by 1, not by 0.
    std = np.where(std > 1e-6 * np.maximum(1.0, np.abs(mean)), std, 1.0)
    return tuple(mean.tolist()), tuple(std.tolist())


class Surrogate(nn.Module):
    """Outputs from weather and places of parameters in their ranges."""

    mean: Tensor
    std: Tensor
    roots: Tensor
    output_mean: Tensor
    output_std: Tensor

    def __init__(self, parameters: int, shape: Shape, scale: Scaling) -> None:
        super().__init__()
        inputs, outputs = len(scale.mean), len(scale.roots)
        self.embedding = nn.Linear(parameters, shape.embedding)
        self.lstm = nn.LSTM(inputs + parameters + shape.embedding, shape.hidden)
        self.head = nn.Linear(shape.hidden, outputs)
        with torch.no_grad():
            dict(self.lstm.named_parameters())["bias_hh_l0"][shape.hidden : 2 * shape.hidden] = FORGET_BIAS
        for name in scale.__struct_fields__:
            self.register_buffer(name, torch.tensor(getattr(scale, name)), persistent=False)

    def told(self, weather: Tensor, fractions: Tensor, warmup: int = 0) -> Tensor:
        """z-scores [time − warmup, run, output] of outputs, or their roots; see `forward`."""
        θ = 2.0 * fractions - 1.0
        seen = torch.cat([θ, torch.tanh(self.embedding(θ))], -1)

        def inputs(part: Tensor) -> Tensor:
            return torch.cat([(part - self.mean) / self.std, seen.expand(len(part), -1, -1)], -1)

        _, hidden = recur(self.lstm, weather, warmup, inputs)
        z: Tensor = self.head(hidden)
        return z

    def forward(self, weather: Tensor, fractions: Tensor, warmup: int = 0) -> Tensor:
        """Outputs [time − warmup, run, output] in their units; those whose root is told are never negative.

        Args:
            weather: [time, run, input] in its units.
            fractions: [run, parameter], 0 to 1.
            warmup: first days, which only fill the memory; no gradient flows through them.
        """
        return self.units(self.told(weather, fractions, warmup))

    def units(self, z: Tensor) -> Tensor:
        """Outputs from their z-scores."""
        plain = self.output_mean + self.output_std * z
        return torch.where(self.roots, torch.relu(plain) ** 2, plain)

    def scores_of(self, outputs: Tensor) -> Tensor:
        """z-scores of outputs, what `units` undoes."""
        plain = torch.where(self.roots, torch.sqrt(outputs.clip(0.0)), outputs)
        return (plain - self.output_mean) / self.output_std


def simulate(
    network: Surrogate,
    weather: NDArray[np.float32],
    fractions: NDArray[np.float32],
    basin: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Outputs [time, run, output] as the surrogate has them; see `dhbv.surrogate.runs.simulate`."""
    parts = []
    with torch.no_grad():
        for k in range(0, len(basin), _AT_ONCE):
            some = slice(k, k + _AT_ONCE)
            seen = torch.from_numpy(np.ascontiguousarray(weather[:, basin[some]]))
            parts.append(network(seen, torch.from_numpy(np.ascontiguousarray(fractions[some]))).numpy())
    return np.concatenate(parts, 1)
