"""The training loop: minibatch → loss → gradient → step, validated, checkpointed, resumable."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from dhbv.configuration import Config
from dhbv.errors import ConfigurationError, DhbvError
from dhbv.model import DeltaModel
from dhbv.normalisation import Statistics
from dhbv.physics.variables import ROUTED
from dhbv.physics.weather import check_weather
from dhbv.training import checkpoint
from dhbv.training.losses import Loss, Targets, firn
from dhbv.training.memory import unforgotten
from dhbv.training.processes import ALONE, Processes
from dhbv.training.sampler import Minibatch, Sampler, TrainingData


class Validation(NamedTuple):
    """Days of the training basins held here that are not trained on."""

    forcing: Tensor
    """[spin-up + days, basin, 3]"""
    flow: Tensor
    """[days, basin] mm d-1, NaN where not observed."""


class Progress(NamedTuple):
    """What a progress bar shows after each minibatch."""

    iteration: int
    loss: float
    validation: float | None
    """The latest validation loss."""


class Trainer:
    """Trains one model; `run` may be called anew after a kill and gives the same weights.

    Args:
        config: the whole configuration.
        statistics: of the training data.
        data: training basins and days, on the device to train on; of several processes each its own.
        validation: for early stopping; none means every iteration is run.
        checkpoint_path: where to keep what is needed to resume; none keeps nothing.
        identity: names configuration and data in the checkpoint.
        processes: that train together; each must hold other basins, and all call `run`. They come to the same
            losses and weights as one, to rounding, and may take up each other's checkpoint, whatever their number.

    Raises:
        DhbvError: if weather is not finite, or a basin has no observed flow; the message names it.
    """

    def __init__(
        self,
        config: Config,
        statistics: Statistics,
        data: TrainingData,
        *,
        validation: Validation | None = None,
        checkpoint_path: Path | None = None,
        identity: str = "",
        processes: Processes = ALONE,
    ) -> None:
        # Gradients of an LSTM decay into subnormal numbers, which a CPU handles ten times slower. Threads
        # inherit this when they are first made, so it comes before anything that makes them.
        torch.set_flush_denormal(True)
        torch.manual_seed(config.training.seed)
        held = data.basins[data.held]
        check_weather(data.forcing.cpu().numpy(), held)
        self.config, self.settings = config, config.training
        self.data, self.validation = data, validation
        self.checkpoint_path, self.identity = checkpoint_path, identity
        self.processes = processes
        self.model = DeltaModel(config.model, statistics).to(data.forcing.device)
        self.model.products = self.settings.lstm_products
        self.loss = Loss(self.settings, data.flow, held)
        self.targets = Targets(self.settings, data.targets)
        compared = {*self.settings.targets, *(("swe",) if self.settings.firn_weight else ())}
        self.outputs = tuple(sorted(compared.difference(ROUTED)))
        self.sampler = Sampler(data, self.settings)
        self.optimiser = self._optimiser()
        self.schedule = self._schedule()
        self.iteration = 0
        self.history: list[tuple[int, float, float | None]] = []
        self.best_loss = math.inf
        self.best_weights: dict[str, Tensor] | None = None
        self.stale = 0

    def run(self, on_progress: Callable[[Progress], None] = lambda _: None) -> DeltaModel:
        """Train to the end and return the model, with the best validated weights where there are any.

        Raises:
            DhbvError: if a loss or gradient is not finite; the message names the basins, and the
                weights are those before the failing step.
        """
        try:
            self._train(on_progress)
        finally:
            torch.set_flush_denormal(False)
        if self.best_weights is not None:
            self.model.load_state_dict(self.best_weights)
        return self.model.eval()

    def _train(self, on_progress: Callable[[Progress], None]) -> None:
        self._resume()
        latest = self.history[-1][2] if self.history else None
        while self.iteration < self.settings.iterations and self.stale < self.settings.patience:
            value = self.step(self.sampler.draw())
            # At the end too, which is where the falling rate has brought the weights.
            due = (
                self.iteration % self.settings.validate_every == 0
                or self.iteration == self.settings.iterations
            )
            if due:
                latest = self._validate()
            self.history.append((self.iteration, value, latest if due else None))
            if due:
                self._save()
            on_progress(Progress(self.iteration, value, latest))

    def step(self, batch: Minibatch) -> float:
        """One optimiser step on one minibatch; the loss before it."""
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        value = self._loss(batch, self.processes.total)
        if not torch.isfinite(value):
            raise DhbvError(self._diagnosis("loss", batch))
        value.backward()
        self.processes.add_gradients(self.model.parameters())
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.gradient_clip)
        if not torch.isfinite(norm):
            raise DhbvError(self._diagnosis("gradient", batch))
        self.optimiser.step()
        if self.schedule is not None:
            self.schedule.step()
        self.iteration += 1
        return value.item()

    def _loss(self, batch: Minibatch, total: Callable[[Tensor], Tensor] = ALONE.total) -> Tensor:
        attributes = batch.attributes
        if self.settings.attribute_noise:
            attributes = attributes + self.settings.attribute_noise * torch.randn_like(attributes)
        settings = self.settings
        simulated = self.model(
            batch.forcing, attributes, rows=batch.rows, warmup=settings.warmup_days, outputs=self.outputs
        )
        loss = self.loss(simulated["runoff"], batch.flow, batch.basins, total)
        if settings.targets:
            loss = loss + self.targets(simulated, batch.targets, batch.basins, total)
        if settings.firn_weight:
            loss = loss + settings.firn_weight * firn(simulated["swe"], batch.idle, total)
        if settings.memory_weight:
            memory = unforgotten(self.model, batch, attributes, warmup=settings.warmup_days, total=total)
            loss = loss + settings.memory_weight * memory
        return loss

    def _diagnosis(self, what: str, batch: Minibatch) -> str:
        """Which basins of a minibatch make the loss or its gradient non-finite, tried one by one."""
        guilty = []
        for k in range(len(batch.basins)):
            self.optimiser.zero_grad(set_to_none=True)
            value = self._loss(batch.one(k))
            if torch.isfinite(value):
                value.backward()
                gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
                if all(g.isfinite().all() for g in gradients):
                    continue
            guilty.append(self.data.basins[self.data.first + int(batch.basins[k])])
        guilty = [name for names in self.processes.gather(guilty) for name in names]
        named = ", ".join(guilty[:10]) or "no single basin alone; the weights themselves may have diverged"
        return (
            f"the {what} is not finite at iteration {self.iteration + 1}, caused by: {named}. No step was taken. "
            "Look at these basins' forcing and flow, or lower training.learning_rate"
        )

    def _validate(self) -> float | None:
        """The loss on the validation days; remembers the best weights."""
        if self.validation is None:
            return None
        self.model.eval()
        forcing, flow = self.validation
        spin_up = len(forcing) - len(flow)
        everyone = torch.arange(flow.shape[1], device=flow.device)
        with torch.no_grad():
            simulated = self.model(
                forcing, self.data.attributes, rows=self.data.held, warmup=spin_up,
                static_day=max(spin_up - 1, 0),
            )["runoff"]  # fmt: skip
            value = self.loss(simulated, flow, everyone, self.processes.total).item()
        self.stale += 1
        if value < self.best_loss:
            self.best_loss, self.stale = value, 0
            self.best_weights = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        return value

    def _optimiser(self) -> torch.optim.Optimizer:
        rate = self.settings.learning_rate
        if self.settings.optimiser == "adadelta":
            return torch.optim.Adadelta(self.model.parameters(), lr=rate)
        return torch.optim.AdamW(self.model.parameters(), lr=rate, weight_decay=self.settings.weight_decay)

    def _schedule(self) -> torch.optim.lr_scheduler.OneCycleLR | None:
        if self.settings.optimiser == "adadelta":
            return None
        # One step more than is used: the scheduler refuses to step past its end.
        return torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser, self.settings.learning_rate, total_steps=self.settings.iterations + 1
        )

    def _save(self) -> None:
        if self.checkpoint_path is None or self.processes.rank:
            return
        device = self.data.forcing.device
        content: dict[str, Any] = {
            "identity": self.identity,
            "iteration": self.iteration,
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else None,
            "random": {
                "torch": torch.get_rng_state(),
                "sampler": self.sampler.generator.get_state(),
                "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            },
            "history": self.history,
            "best_loss": self.best_loss,
            "best_weights": self.best_weights,
            "stale": self.stale,
        }
        checkpoint.write(self.checkpoint_path, content)

    def _resume(self) -> None:
        path, device = self.checkpoint_path, self.data.forcing.device
        if path is None:
            return
        content = self.processes.from_first(lambda: checkpoint.read(path, identity=self.identity))
        if content is None:
            return
        self.iteration = content["iteration"]
        self.model.load_state_dict(content["model"])
        self.optimiser.load_state_dict(content["optimiser"])
        if self.schedule is not None:
            self.schedule.load_state_dict(content["schedule"])
        torch.set_rng_state(content["random"]["torch"])
        self.sampler.generator.set_state(content["random"]["sampler"])
        # A training may go on elsewhere, where the same numbers cannot be had.
        if device.type == "cuda" and content["random"]["cuda"] is not None:
            torch.cuda.set_rng_state(content["random"]["cuda"], device)
        self.history = [tuple(row) for row in content["history"]]
        self.best_loss, self.best_weights = content["best_loss"], content["best_weights"]
        self.stale = content["stale"]


def choose_device(name: str) -> torch.device:
    """The device called `auto` (a GPU where there is one), `cpu` or `cuda`.

    Raises:
        ConfigurationError: if it is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name not in ("cpu", "cuda"):
        raise ConfigurationError(f"unknown device {name!r}: choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError("device 'cuda' was asked for, but torch finds no GPU: use cpu or auto")
    return torch.device(name)
