"""How gA's LSTM goes through a sequence; torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from dhbv.kernels.lstm import QUICKEST, How, select


def recur(
    lstm: nn.LSTM,
    x: Tensor,
    warmup: int,
    inputs: Callable[[Tensor], Tensor],
    *,
    weights: Mapping[str, Tensor] = MappingProxyType({}),
    how: How = QUICKEST,
) -> tuple[Tensor, Tensor]:
    """Hidden units of an LSTM in the warm-up, through which no gradient flows, and after it.

    Args:
        x: weather [time, basin, 3].
        warmup: days at the beginning without gradient, fewer than there are.
        inputs: from a part of the weather to what the LSTM sees of it.
        weights: those that replace the LSTM's own.

    Returns:
        [warmup, basin, hidden] and [time − warmup, basin, hidden].
    """
    layer = select(how, x.device.type, x.dtype)
    with torch.no_grad():
        past, memory = (
            layer(lstm, weights, inputs(x[:warmup]), None)
            if warmup
            else (x.new_empty(0, x.shape[1], lstm.hidden_size), None)
        )
    return past, layer(lstm, weights, inputs(x[warmup:]), memory)[0]
