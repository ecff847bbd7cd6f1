"""gA learned through the frozen surrogate, and judged by the simulator itself; torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn

from dhbv import pipeline
from dhbv.baselines.testing import days_of
from dhbv.configuration import Config, ModelConfig, Period
from dhbv.data import schema
from dhbv.errors import ConfigurationError, DhbvError
from dhbv.evaluation import scores
from dhbv.networks.parameter_networks import Layers
from dhbv.normalisation import Statistics, normalise_attributes
from dhbv.surrogate import network as networks
from dhbv.surrogate import runs
from dhbv.surrogate.inputs import inputs
from dhbv.surrogate.network import Surrogate
from dhbv.surrogate.simulator import RUNOFF, Description, Simulator
from dhbv.training.losses import Loss, Targets
from dhbv.training.sampler import Minibatch, Sampler, TrainingData
from dhbv.training.trainer import Progress

Simulate = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""From weather [time, basin, input] and fractions [basin, parameter] to outputs [time, basin, output]."""


class ParameterMap(nn.Module):
    """gA from attributes alone (kind `mlp`), to places of a simulator's parameters in their ranges."""

    def __init__(self, config: ModelConfig, parameters: int) -> None:
        super().__init__()
        sizes = [len(config.attributes), *config.network.layers, parameters]
        self.mlp = Layers(sizes, config.network.dropout)

    def forward(self, attributes: Tensor) -> Tensor:
        """Fractions [basin, parameter] of normalised attributes [basin, attribute]."""
        return torch.sigmoid(self.mlp(attributes))


class Learned(NamedTuple):
    """A gA and what its inputs are normalised by."""

    network: ParameterMap
    statistics: Statistics
    data_digest: str
    """sha256 of exactly the data learned from."""
    history: list[tuple[int, float]]
    """Iteration and loss."""


def learn(
    config: Config,
    region: xr.Dataset,
    surrogate: Surrogate,
    about: Description,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Learned:
    """gA from the training basins and days of `region`, by gradients through `surrogate`, which stays as it is.

    Args:
        config: its basins, days, attributes, layers, losses and training; the network is of kind `mlp`.
        region: with every training basin.
        surrogate: frozen.
        about: the simulator it mimics.
        on_progress: called after each minibatch.

    Raises:
        ConfigurationError: if the configuration asks for a target that the simulator has no output for, another
            kind of network or optimiser; DhbvError: if the data lack something, or a loss is not finite.
    """
    settings = _settings(config, about).training
    statistics, seen, digest = pipeline.prepare(_settings(config, about), region)
    part, _ = days_of(region, seen.basins, config.data.train)
    data = seen._replace(forcing=torch.from_numpy(inputs(part, about.inputs)))
    # Gradients of an LSTM decay into subnormal numbers, which a CPU handles ten times slower.
    torch.set_flush_denormal(True)
    try:
        torch.manual_seed(settings.seed)
        network = ParameterMap(config.model, len(about.parameters)).train()
        loss, sampler = _Loss(config, data, about), Sampler(data, settings)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        # One step more than is used: the scheduler refuses to step past its end.
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, settings.learning_rate, total_steps=settings.iterations + 1
        )
        history: list[tuple[int, float]] = []
        for iteration in range(1, settings.iterations + 1):
            value = loss(network, surrogate, sampler.draw())
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            norm = nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_clip)
            if not math.isfinite(value.item()) or not torch.isfinite(norm):
                raise DhbvError(
                    f"the loss of gA ({value.item()}) or its gradient through the surrogate is not finite at iteration "
                    f"{iteration}: lower training.learning_rate"
                )
            optimiser.step()
            schedule.step()
            history.append((iteration, value.item()))
            on_progress(Progress(iteration, value.item(), None))
    finally:
        torch.set_flush_denormal(False)
    return Learned(network.eval(), statistics, digest, history)


def fractions(
    network: ParameterMap, statistics: Statistics, region: xr.Dataset, basins: Sequence[str]
) -> NDArray[np.float32]:
    """What gA says of `basins` of `region`: [basin, parameter] of the ranges."""
    columns = schema.attribute_columns(region.sel(basin=list(basins)))
    attributes = normalise_attributes(columns, statistics).values.astype(np.float32)
    with torch.no_grad():
        return np.asarray(network(torch.from_numpy(attributes)).numpy())


def score(
    config: Config, region: xr.Dataset, basins: Sequence[str], places: NDArray[np.floating],
    about: Description, simulate: Simulate, period: Period | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Scores over `period`, by default that of testing, of `basins` run with parameters at `places` [basin, parameter].

    Args:
        config: its test period and spin-up.
        region: weather and flow.
        basins: to be run.
        places: fractions of the ranges.
        about: the simulator.
        simulate: that simulator, or its surrogate; see `by_simulator` and `by_surrogate`.

    Returns:
        Every score of `dhbv.evaluation.scores`, a row a basin.
    """
    part, spin_up = days_of(region, basins, period or config.data.test, config.data.spin_up_days)
    made = simulate(inputs(part, about.inputs), places.astype(np.float32))
    tested = part.isel(time=slice(spin_up, None))
    runoff = made[spin_up:, :, about.outputs.index(RUNOFF)].T
    flow = xr.DataArray(
        runoff, dims=("basin", "time"), coords={n: tested[n].values for n in ("basin", "time")}
    )
    return scores.score_basins(tested["streamflow"], flow)


def by_simulator(simulator: Simulator) -> Simulate:
    """The honest way to run learned parameters."""
    return lambda weather, places: runs.simulate(simulator, weather, places, np.arange(len(places)))


def by_surrogate(surrogate: Surrogate) -> Simulate:
    """As gA saw the world while it learned."""
    return lambda weather, places: networks.simulate(surrogate, weather, places, np.arange(len(places)))


class _Loss:
    """The configured loss of runoff, and of the other outputs that are targets, on a minibatch."""

    def __init__(self, config: Config, data: TrainingData, about: Description) -> None:
        self.settings, self.outputs = config.training, about.outputs
        self.flow = Loss(config.training, data.flow, data.basins)
        self.targets = Targets(config.training, data.targets)

    def __call__(self, network: ParameterMap, surrogate: Surrogate, batch: Minibatch) -> Tensor:
        attributes = batch.attributes
        if self.settings.attribute_noise:
            attributes = attributes + self.settings.attribute_noise * torch.randn_like(attributes)
        made = surrogate(batch.forcing, network(attributes), self.settings.warmup_days)
        simulated = dict(zip(self.outputs, made.unbind(-1), strict=True))
        loss = self.flow(simulated[RUNOFF], batch.flow, batch.basins)
        if self.settings.targets:
            loss = loss + self.targets(simulated, batch.targets, batch.basins)
        return loss


def _settings(config: Config, about: Description) -> Config:
    """`config` without what belongs to our own physics alone."""
    training = config.training
    absent = [name for name in training.targets if name not in about.outputs]
    if absent:
        raise ConfigurationError(
            f"training.targets: {about.name} has no output {absent[0]}: it has {', '.join(about.outputs)}"
        )
    if config.model.network.kind != "mlp":
        raise ConfigurationError(
            f"model.network.kind is {config.model.network.kind!r}: parameters learned through a surrogate are static; "
            "set it to mlp, and model.variant to hbv"
        )
    if config.data.validation is not None:
        raise ConfigurationError(
            "data.validation: gA is learned through a surrogate to the end and stops at no validation: leave it out"
        )
    if training.optimiser != "adamw":
        raise ConfigurationError("training.optimiser: gA is learned through a surrogate by adamw: choose it")
    return msgspec.structs.replace(config, training=msgspec.structs.replace(training, firn_weight=0.0))
