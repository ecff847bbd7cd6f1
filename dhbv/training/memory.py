"""What the network remembers for too long, from twins of training windows that ought to come together again.

β and γ follow the weather through an LSTM, whose memory may become chaotic as training goes on: 5 mm more rain on
one day then move them by half their range half a year later, and a flood comes out lower because it rained in
spring. The score does not see it, since such days cancel. The stores are the model's long memory; the network's
shall fade.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from dhbv.configuration import FADED
from dhbv.model import DeltaModel
from dhbv.physics.parameters import PARAMETERS
from dhbv.training.sampler import Minibatch

WINDOWS = 12
"""Windows of a minibatch that are tried; more cost time and make no difference."""

_DEPTHS = (5.0, 200.0)
"""mm of rain added on one day, drawn log-uniformly: from a shower to more than any record."""
_STEADY_DEGREES = 5.0
"""At least so warm is the constant weather, that no snow piles up."""
_P, _T = 0, 1


def unforgotten(
    model: DeltaModel,
    batch: Minibatch,
    attributes: Tensor,
    *,
    warmup: int,
    total: Callable[[Tensor], Tensor] = lambda x: x,
) -> Tensor:
    """Mean over windows of what ought to be 0, a scalar in shares of the parameters' ranges.

    Root mean square of the dynamic parameters' difference, from a month after a day made wetter to the window's end;
    and of their departures from their mean in the last months of a window of constant weather.

    Args:
        model: whose network is tried.
        batch: whose first windows are used.
        attributes: [m, attribute] as the network sees them in this step.
        warmup: days at the beginning through which no gradient flows; the wetter day comes after them.
        total: adds up sums over parts of the basins that are elsewhere, see `dhbv.training.processes`.
    """
    tried = min(WINDOWS, len(attributes))
    days = batch.forcing.shape[0] - warmup
    # Drawn for all, wherever they are held, so that processes together do what one does.
    day = torch.randint(days - 2 * FADED, (tried,)).to(attributes.device)
    depth = torch.empty(tried).uniform_(*map(math.log, _DEPTHS)).exp().to(attributes)
    here = (batch.rows < tried).nonzero().flatten()
    counted = torch.full((), float(len(here) > 0 and not batch.idle)).to(attributes)
    if not len(here):
        here = here.new_zeros(1)
    rows = batch.rows[here]
    day, depth = day[rows % tried], depth[rows % tried]
    plain = batch.forcing[:, here]
    wetter = plain.clone()
    which = (warmup + day, torch.arange(len(here), device=day.device))
    rains = wetter[(*which, _T)] >= PARAMETERS["tt"].upper  # snow may be remembered: it lies there
    wetter[(*which, _P)] += depth * rains
    steady = plain.mean(0, keepdim=True)
    steady = torch.cat(
        [steady[..., :_T], steady[..., _T : _T + 1].clip(_STEADY_DEGREES), steady[..., _T + 1 :]], -1
    )
    found = model.dynamic_shares(
        torch.cat([plain, wetter, steady.expand_as(plain)], 1), attributes, rows=rows.repeat(3), warmup=warmup
    )
    before, after, still = found.flatten(2).chunk(3, 1)
    late = torch.arange(days, device=day.device)[:, None] >= day + FADED
    remembered = _root(torch.where(late, ((after - before) ** 2).mean(-1), 0.0).sum(0) / late.sum(0))
    end = still[-2 * FADED :]
    restless = _root(((end - end.mean(0)) ** 2).mean((0, 2)))
    both = (remembered + restless).sum()
    amount, count = total(torch.stack([both, torch.full_like(both, float(len(here)))]) * counted).unbind()
    return amount / count.clip(1.0)


def _root(squares: Tensor) -> Tensor:
    # The root's slope is infinite at 0, where nothing is remembered.
    return torch.sqrt(squares + 1e-10)
