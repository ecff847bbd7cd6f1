"""Teaching the surrogate: random basins, parameter draws and windows, until runs it never saw fit no better."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dhbv.configuration import Fraction, Natural, Positive, Rate, Section
from dhbv.errors import ConfigurationError, DhbvError
from dhbv.surrogate.network import Scaling, Shape, Surrogate, scaling
from dhbv.surrogate.runs import Runs

_FLOOR = 0.1
"""Share of an output's overall spread added to that of each run, so that dry runs do not dominate."""


class Effort(Section, frozen=True):
    """How a surrogate is trained."""

    shape: Shape = Shape()
    iterations: Positive = 2000
    """Minibatches at most."""
    batch_runs: Positive = 64
    warmup_days: Natural = 365
    """First days of each window, which fill the memory."""
    window_days: Positive = 365
    """Days of each window that the loss sees."""
    learning_rate: Rate = 5e-3
    """Peak of a one-cycle schedule."""
    gradient_clip: Rate = 1.0
    held_out: Fraction = 0.1
    """Share of the runs that are not trained on and tell when to stop."""
    validate_every: Positive = 100
    patience: Positive = 10
    """Validations without improvement before training stops."""
    seed: Natural = 0


class Step(NamedTuple):
    """What a progress bar shows."""

    iteration: int
    loss: float
    validation: float


class Trained(NamedTuple):
    """A frozen surrogate and how its training went."""

    network: Surrogate
    scaling: Scaling
    history: list[Step]


def held_out(runs: int, share: float, seed: int) -> NDArray[np.bool_]:
    """Which of so many runs [run] are not trained on: a share at random, at least one."""
    chosen = np.zeros(runs, bool)
    chosen[np.random.default_rng(seed).permutation(runs)[: max(1, round(share * runs))]] = True
    return chosen


class _Windows:
    """Windows of runs and of the weather that drove them, drawn by position."""

    def __init__(self, runs: Runs, weather: NDArray[np.float32], known: Tensor, effort: Effort) -> None:
        days = effort.warmup_days + effort.window_days
        self.starts = len(weather) - days + 1
        if self.starts < 1:
            raise ConfigurationError(
                f"the runs have {len(weather)} days, fewer than warmup_days + window_days = {days} of the surrogate: "
                "give longer runs or shorten the window"
            )
        self.weather, self.outputs = torch.from_numpy(weather), torch.from_numpy(runs.outputs)
        self.fractions, self.basin = torch.from_numpy(runs.fractions), torch.from_numpy(runs.basin)
        self.warmup, self.offsets = effort.warmup_days, torch.arange(days)[:, None]
        # Of each run, and of all that are trained on: what an error is measured by.
        overall = self.outputs[:, known].std((0, 1), correction=0).clip(1e-6)
        self.spread = self.outputs[effort.warmup_days :].std(0, correction=0) + _FLOOR * overall

    def draw(self, among: Tensor, count: int, random: torch.Generator) -> tuple[Tensor, ...]:
        """Weather, fractions, outputs after the warm-up and spreads of `count` of the runs `among`."""
        chosen = among[torch.randint(len(among), (count,), generator=random)]
        starts = torch.randint(self.starts, (count,), generator=random)
        days = starts + self.offsets
        return (
            self.weather[days, self.basin[chosen]],
            self.fractions[chosen],
            self.outputs[days[self.warmup :], chosen],
            self.spread[chosen],
        )


def train(
    runs: Runs,
    weather: NDArray[np.float32],
    effort: Effort,
    on_progress: Callable[[Step], None] = lambda _: None,
    *,
    start_from: Trained | None = None,
) -> Trained:
    """A surrogate of the simulator that made `runs`, with the weights that fit held-out runs best, frozen.

    Args:
        runs: days before the first window's warm-up is over are never compared.
        weather: [time, basin, input], of the runs' days and basins.
        effort: how long and how.
        on_progress: called after each minibatch.
        start_from: whose weights and scaling training begins with, and whose shape it keeps.

    Raises:
        DhbvError: if there are too few runs or days, or the loss is not finite.
    """
    aside = held_out(len(runs.basin), effort.held_out, effort.seed)
    if aside.all():
        raise DhbvError(f"{len(runs.basin)} runs are too few: some must be left to train on; draw more")
    known, unseen = (torch.from_numpy(np.flatnonzero(part)) for part in (~aside, aside))
    scale = start_from.scaling if start_from else scaling(weather, runs.outputs[:, ~aside])
    # Gradients of an LSTM decay into subnormal numbers, which a CPU handles ten times slower.
    torch.set_flush_denormal(True)
    try:
        torch.manual_seed(effort.seed)
        network = Surrogate(runs.fractions.shape[1], effort.shape, scale).train()
        if start_from is not None:
            network.load_state_dict(start_from.network.state_dict())
        windows = _Windows(runs, weather, known, effort)
        random, other = (torch.Generator().manual_seed(effort.seed + k) for k in (0, 1))
        check = windows.draw(unseen, 4 * effort.batch_runs, other)
        optimiser = torch.optim.AdamW(network.parameters(), lr=effort.learning_rate, weight_decay=0.0)
        # One step more than is used: the scheduler refuses to step past its end.
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, effort.learning_rate, total_steps=effort.iterations + 1
        )
        best, stale, latest = math.inf, 0, math.nan
        weights = {k: v.clone() for k, v in network.state_dict().items()}
        history: list[Step] = []
        for iteration in range(1, effort.iterations + 1):
            value = _loss(network, windows.warmup, *windows.draw(known, effort.batch_runs, random))
            optimiser.zero_grad(set_to_none=True)
            value.backward()
            norm = nn.utils.clip_grad_norm_(network.parameters(), effort.gradient_clip)
            if not (torch.isfinite(value) and torch.isfinite(norm)):
                raise DhbvError(
                    f"the loss of the surrogate ({value.item()}) or its gradient is not finite at iteration "
                    f"{iteration}: lower its learning_rate, or look for huge values in the runs"
                )
            optimiser.step()
            schedule.step()
            if iteration % effort.validate_every == 0 or iteration == effort.iterations:
                with torch.no_grad():
                    latest = _loss(network, windows.warmup, *check).item()
                stale += 1
                if latest < best:
                    best, stale = latest, 0
                    weights = {k: v.clone() for k, v in network.state_dict().items()}
                history.append(Step(iteration, value.item(), latest))
            on_progress(Step(iteration, value.item(), latest))
            if stale >= effort.patience:
                break
        network.load_state_dict(weights)
    finally:
        torch.set_flush_denormal(False)
    return Trained(frozen(network), scale, history)


def frozen(network: Surrogate) -> Surrogate:
    """`network`, whose weights no training changes any more; gradients still flow through it."""
    network.zero_grad(set_to_none=True)
    return network.requires_grad_(False).eval()


def _loss(
    network: Surrogate, warmup: int, weather: Tensor, fractions: Tensor, outputs: Tensor, spread: Tensor
) -> Tensor:
    """Mean squared error of the z-scores, and of the outputs over the spread of their run, half each.

    The second is 1 − NSE of each run but for the floor: what gA's loss will look at; the first sees low flow too.
    """
    z = network.told(weather, fractions, warmup)
    near = ((z - network.scores_of(outputs)) ** 2).mean()
    units = (((network.units(z) - outputs) / spread) ** 2).mean()
    return 0.5 * (near + units)
