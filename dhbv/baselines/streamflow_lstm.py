"""A plain LSTM from weather and attributes to streamflow, all basins together, with no model of water in it.

As Kratzert et al. (2019), doi:10.5194/hess-23-5089-2019, but that every day of a window is learned from and not
the last alone: an LSTM of one layer, dropout on its output, one linear layer; the NSE loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor, nn

from dhbv.attributes import LATITUDE
from dhbv.configuration import Config, DataConfig, Fraction, Positive, Section, TrainingConfig
from dhbv.data.schema import DataError
from dhbv.errors import ConfigurationError, DhbvError
from dhbv.networks.recurrence import recur
from dhbv.physics.hargreaves import day_length
from dhbv.training import checkpoint
from dhbv.training.losses import Loss
from dhbv.training.sampler import Minibatch, Sampler, TrainingData
from dhbv.training.trainer import Progress

Float = NDArray[np.float32]

DAY_LENGTH = "day_length"
WEATHER = ("prcp", "tmin", "tmax", "srad", "vp")
"""What it may see of a day, beside its length; `srad` and `vp` where the data have them."""

FORGET_BIAS = 3.0
"""Of the forget gate at first, so that the memory reaches back a year from the start."""


class LstmConfig(Section, frozen=True):
    """The network."""

    attributes: tuple[str, ...]
    inputs: tuple[str, ...]
    """Weather of each day."""
    hidden: Positive = 256
    dropout: Fraction = 0.4
    """On the LSTM's output."""
    form: str = "plain LSTM on streamflow"


class StreamflowConfig(Section, frozen=True):
    """The whole configuration."""

    data: DataConfig
    model: LstmConfig
    training: TrainingConfig


class Scaling(Section, frozen=True):
    """Means and standard deviations over training basins and days."""

    mean: tuple[float, ...]
    """Of each input."""
    std: tuple[float, ...]
    flow_mean: float
    """mm d-1"""
    flow_std: float


def configure(config: Config, inputs: tuple[str, ...], hidden: int, dropout: float) -> StreamflowConfig:
    """Basins, days, attributes and training of a δ model's configuration; the loss is that of NSE alone.

    Raises:
        ConfigurationError: if the configuration asks for Adadelta or early stopping.
    """
    if config.data.validation is not None:
        raise ConfigurationError(
            "data.validation: the plain LSTM is trained to the end and stops at no validation: leave it out"
        )
    if config.training.optimiser != "adamw":
        raise ConfigurationError(
            "training.optimiser: the plain LSTM is trained by adamw: choose it, and a learning rate to match"
        )
    training = msgspec.structs.replace(
        config.training, loss="nse", low_flow_weight=0.0, targets={}, firn_weight=0.0, memory_weight=0.0
    )
    model = LstmConfig(attributes=config.model.attributes, inputs=inputs, hidden=hidden, dropout=dropout)
    return StreamflowConfig(data=config.data, model=model, training=training)


def inputs_of(region: xr.Dataset) -> tuple[str, ...]:
    """Names of the inputs that `region` can give."""
    return (*(name for name in WEATHER if name in region), DAY_LENGTH)


def inputs(region: xr.Dataset, names: tuple[str, ...]) -> Float:
    """Weather [time, basin, input] in the units of the schema, day length in hours.

    Raises:
        DataError: if an input is missing or not finite.
    """
    columns = []
    for name in names:
        if name == DAY_LENGTH:
            columns.append(_day_length(region))
        elif name not in region:
            raise DataError(
                f"no variable {name}, which this LSTM sees: give data that have it, or train anew"
            )
        else:
            columns.append(region[name].transpose("time", "basin").values)
    seen: Float = np.stack(columns, -1).astype(np.float32)
    bad = np.argwhere(~np.isfinite(seen))
    if bad.size:
        day, basin, column = bad[0]
        raise DataError(
            f"basin {region['basin'].values[basin]}: {names[column]} is {seen[day, basin, column]} on "
            f"{np.datetime_as_string(region['time'].values[day], 'D')}: fill the forcing"
        )
    return seen


def _day_length(region: xr.Dataset) -> NDArray[np.float64]:
    """Hours between sunrise and sunset, [time, basin]."""
    if LATITUDE not in region:
        raise DataError(f"no attribute {LATITUDE}, which the length of the day needs: add it to the table")
    return day_length(region[LATITUDE].values, region["time"].dt.dayofyear.values[:, None])


def scaling(seen: Float, flow: Float) -> Scaling:
    """Of training inputs [time, basin, input] and flow [time, basin]."""
    mean, std = seen.mean((0, 1), dtype=np.float64), seen.std((0, 1), dtype=np.float64)
    # What is the same everywhere is divided by 1, not by 0.
    std = np.where(std > 1e-6 * np.maximum(1.0, np.abs(mean)), std, 1.0)
    observed = flow[np.isfinite(flow)].astype(np.float64)
    return Scaling(
        mean=tuple(mean.tolist()), std=tuple(std.tolist()),
        flow_mean=float(observed.mean()), flow_std=float(observed.std()),
    )  # fmt: skip


def normalised(seen: Float, scale: Scaling) -> Float:
    """z-scores of inputs."""
    z: Float = ((seen - np.asarray(scale.mean)) / np.asarray(scale.std)).astype(np.float32)
    return z


class StreamflowLSTM(nn.Module):
    """Flow from normalised weather and attributes."""

    def __init__(self, config: LstmConfig, scale: Scaling) -> None:
        super().__init__()
        self.lstm = nn.LSTM(len(config.inputs) + len(config.attributes), config.hidden)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.hidden, 1)
        self.flow_mean, self.flow_std = scale.flow_mean, scale.flow_std
        with torch.no_grad():
            dict(self.lstm.named_parameters())["bias_hh_l0"][config.hidden : 2 * config.hidden] = FORGET_BIAS

    def forward(self, x: Tensor, attributes: Tensor, warmup: int = 0) -> Tensor:
        """Flow [time − warmup, basin], mm d-1, which may come out a little below 0.

        Args:
            x: [time, basin, input]
            attributes: [basin, attribute]
            warmup: first days, which only fill the memory; no gradient flows through them.
        """
        joined = torch.cat([x, attributes.expand(len(x), -1, -1)], -1)
        _, hidden = recur(self.lstm, joined, warmup, lambda part: part)
        flow: Tensor = self.flow_mean + self.flow_std * self.head(self.dropout(hidden)).squeeze(-1)
        return flow


class Learned(NamedTuple):
    """A network and how its training went."""

    network: StreamflowLSTM
    history: list[tuple[int, float]]
    """Iteration and loss."""


def train(
    config: StreamflowConfig,
    scale: Scaling,
    data: TrainingData,
    *,
    checkpoint_path: Path,
    identity: str,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Learned:
    """Run all iterations; after a kill the same call goes on and gives the same weights.

    Args:
        config: the whole configuration.
        scale: of the training data.
        data: with normalised inputs in place of the forcing, on the device to train on.
        checkpoint_path: what is needed to go on.
        identity: names configuration and data in the checkpoint.
        on_progress: called after each minibatch.

    Raises:
        DhbvError: if a basin has no observed flow, or a loss or gradient is not finite.
    """
    settings, device = config.training, data.forcing.device
    # Gradients of an LSTM decay into subnormal numbers, which a CPU handles ten times slower.
    torch.set_flush_denormal(True)
    try:
        torch.manual_seed(settings.seed)
        network = StreamflowLSTM(config.model, scale).to(device).train()
        loss, sampler = Loss(settings, data.flow, data.basins), Sampler(data, settings)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        # One step more than is used: the scheduler refuses to step past its end.
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, settings.learning_rate, total_steps=settings.iterations + 1
        )
        history: list[tuple[int, float]] = []
        parts: dict[str, Any] = {"network": network, "optimiser": optimiser, "schedule": schedule}
        kept = checkpoint.read(checkpoint_path, identity=identity)
        if kept is not None:
            for name, part in parts.items():
                part.load_state_dict(kept[name])
            torch.set_rng_state(kept["torch"])
            # A training may go on elsewhere, where the same numbers cannot be had.
            if device.type == "cuda" and kept["cuda"] is not None:
                torch.cuda.set_rng_state(kept["cuda"], device)
            sampler.generator.set_state(kept["sampler"])
            history = [tuple(row) for row in kept["history"]]
        for iteration in range(len(history) + 1, settings.iterations + 1):
            value = _loss(network, loss, sampler.draw(), settings)
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            norm = nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_clip)
            if not math.isfinite(value.item()) or not torch.isfinite(norm):
                raise DhbvError(
                    f"the loss of the LSTM ({value.item()}) or its gradient is not finite at iteration {iteration}; no "
                    "step was taken: lower training.learning_rate"
                )
            optimiser.step()
            schedule.step()
            history.append((iteration, value.item()))
            if iteration % settings.validate_every == 0:
                content = {name: part.state_dict() for name, part in parts.items()}
                random = {
                    "torch": torch.get_rng_state(),
                    "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
                    "sampler": sampler.generator.get_state(),
                }
                checkpoint.write(
                    checkpoint_path, content | random | {"identity": identity, "history": history}
                )
            on_progress(Progress(iteration, value.item(), None))
    finally:
        torch.set_flush_denormal(False)
    return Learned(network.eval(), history)


def _loss(network: StreamflowLSTM, loss: Loss, batch: Minibatch, settings: TrainingConfig) -> Tensor:
    attributes = batch.attributes
    if settings.attribute_noise:
        attributes = attributes + settings.attribute_noise * torch.randn_like(attributes)
    simulated = network(batch.forcing, attributes, settings.warmup_days)
    return loss(simulated, batch.flow, batch.basins)


def simulate(network: StreamflowLSTM, x: Float, attributes: Float, at_once: int = 32) -> Float:
    """Flow [time, basin], mm d-1, none below 0, from normalised inputs; `at_once` basins share memory."""
    device = network.head.weight.device
    parts = []
    with torch.no_grad():
        for k in range(0, x.shape[1], at_once):
            some, of = (
                torch.from_numpy(a).to(device) for a in (x[:, k : k + at_once], attributes[k : k + at_once])
            )
            parts.append(network(some, of).clip(0.0).cpu().numpy())
    return np.concatenate(parts, 1)
