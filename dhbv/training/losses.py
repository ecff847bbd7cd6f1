"""Losses on observed flow, and on other fluxes and stores; what was not observed gives no gradient.

Both forms share their weight between Q and Q̂ = log10(√Q + 0.1), which brings out low flow
(Feng et al. 2022, eq. 1 and 2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from dhbv.configuration import TrainingConfig
from dhbv.errors import DhbvError

_SMALLEST_FLOW = 1e-6
"""mm d-1; below it √Q has no useful gradient."""
_SPREAD_FLOOR = 0.1
"""mm d-1 added to a basin's standard deviation, so that arid basins do not dominate."""
_SPREAD_FLOOR_LOW = 0.05
"""The same for Q̂."""
_FREE_SNOW, _FIRN = 5.0, 100.0
"""mm of snow that may outlive a year, and the depth that counts as 1."""


def low_flow(q: Tensor) -> Tensor:
    """Q̂ = log10(√Q + 0.1) of flow in mm d-1, any shape."""
    return torch.log10(torch.sqrt(torch.clip(q, _SMALLEST_FLOW, None)) + 0.1)


class Loss:
    """The configured loss for basins whose whole training record is `flow` [time, basin].

    Raises:
        DhbvError: if a basin has no observation at all.
    """

    def __init__(self, config: TrainingConfig, flow: Tensor, basins: tuple[str, ...]) -> None:
        empty = [name for name, seen in zip(basins, flow.isfinite().any(0).tolist(), strict=True) if not seen]
        if empty:
            raise DhbvError(
                f"no observed flow in the training period for {', '.join(empty[:5])} ({len(empty)} basins): "
                "leave them out of data.basins or choose another data.train"
            )
        self.kind, self.alpha = config.loss, config.low_flow_weight
        self.spread = _spread(flow) + _SPREAD_FLOOR
        self.spread_low = _spread(low_flow(flow)) + _SPREAD_FLOOR_LOW

    def __call__(
        self,
        simulated: Tensor,
        observed: Tensor,
        basins: Tensor,
        total: Callable[[Tensor], Tensor] = lambda x: x,
    ) -> Tensor:
        """The loss (1), a scalar, of flow [time, n] in the basins at positions [n] of the record.

        `total` adds up sums over parts of the basins that are elsewhere, see `dhbv.training.processes`.
        """
        seen = observed.isfinite()
        spread, spread_low = self.spread[basins], self.spread_low[basins]
        plain = _squares(self.kind, simulated, observed, seen, spread)
        low = _squares(self.kind, low_flow(simulated), low_flow(observed), seen, spread_low)
        plain, low, days = total(torch.stack([plain, low, seen.sum().to(plain.dtype)])).unbind()
        days = days.clip(1.0)
        return (1.0 - self.alpha) * _mean(self.kind, plain, days) + self.alpha * _mean(self.kind, low, days)


class Targets:
    """The same loss on other observed fluxes and stores, each with its weight.

    Args:
        config: `targets` holds the weights.
        observed: whole training records [time, basin] by name, NaN where not observed; a basin may have none.
    """

    def __init__(self, config: TrainingConfig, observed: Mapping[str, Tensor]) -> None:
        self.kind, self.weights = config.loss, config.targets
        self.spread = {name: _spread(series) + _SPREAD_FLOOR for name, series in observed.items()}

    def __call__(
        self,
        simulated: Mapping[str, Tensor],
        observed: Mapping[str, Tensor],
        basins: Tensor,
        total: Callable[[Tensor], Tensor] = lambda x: x,
    ) -> Tensor:
        """The weighted sum (1), a scalar, over series [time, n]; see `Loss`."""
        losses = []
        for name, weight in self.weights.items():
            seen = observed[name].isfinite()
            squares = _squares(self.kind, simulated[name], observed[name], seen, self.spread[name][basins])
            squares, days = total(torch.stack([squares, seen.sum().to(squares.dtype)])).unbind()
            losses.append(weight * _mean(self.kind, squares, days.clip(1.0)))
        return torch.stack(losses).sum()


def firn(swe: Tensor, idle: bool = False, total: Callable[[Tensor], Tensor] = lambda x: x) -> Tensor:
    """Mean over basins of the snow on the barest day of a window [time, n], in units of 100 mm.

    Where the last of it melts some days late, that is no firn yet: 5 mm are free. An `idle` window does not count.
    """
    kept = torch.relu(swe.min(0).values - _FREE_SNOW) / _FIRN
    count = torch.ones_like(kept)
    depth, basins = total(torch.stack([kept.sum(), count.sum()]) * (0.0 if idle else 1.0)).unbind()
    return depth / basins.clip(1.0)


def _squares(kind: str, simulated: Tensor, observed: Tensor, seen: Tensor, spread: Tensor) -> Tensor:
    # Replacing before subtracting keeps NaN out of the gradient too.
    error = torch.where(seen, simulated - torch.where(seen, observed, 0.0), 0.0)
    if kind == "nse":
        error = error / spread
    return (error**2).sum()


def _mean(kind: str, squares: Tensor, days: Tensor) -> Tensor:
    mean = squares / days
    # The root's slope is infinite at a perfect fit.
    return mean if kind == "nse" else torch.sqrt(mean + 1e-12)


def _spread(flow: Tensor) -> Tensor:
    """Standard deviation of each basin's observed days [basin]."""
    seen = flow.isfinite()
    days = seen.sum(0).clip(1)
    mean = torch.where(seen, flow, 0.0).sum(0) / days
    return torch.sqrt((torch.where(seen, flow - mean, 0.0) ** 2).sum(0) / days)
