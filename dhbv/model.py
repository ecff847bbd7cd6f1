"""The whole model over sequences, differentiable: gA, HBV and routing; torch.

The same data flow as `dhbv.runtime`, for training and for gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dhbv import networks
from dhbv.configuration import ModelConfig
from dhbv.kernels.autograd import Choice, select
from dhbv.normalisation import Statistics, normalise_forcing
from dhbv.physics import hbv, unit_hydrograph
from dhbv.physics.parameters import PARAMETERS, ROUTING_PARAMETERS
from dhbv.physics.variables import ROUTED, RUNOFF


class DeltaModel(nn.Module):
    """δ-HBV: parameters learned from attributes and weather, water moved by HBV."""

    def __init__(self, config: ModelConfig, statistics: Statistics, *, kernel: Choice = "auto") -> None:
        """A fresh model; `kernel` says how HBV runs, see `dhbv.kernels.autograd.select`."""
        super().__init__()
        self.kernel = kernel
        self.form = config.form
        self.statistics = statistics
        self.network = networks.build(config)

    def parameters_of(self, logits: networks.Logits) -> dict[str, Tensor]:
        """HBV parameters by name: static [basin, M], dynamic [time, basin, M]."""
        static = torch.sigmoid(logits.base)
        daily = torch.sigmoid(logits.daily)
        fractions = {name: static[:, k] for k, name in enumerate(self.form.parameters)}
        fractions |= {name: daily[:, :, k] for k, name in enumerate(self.form.dynamic)}
        return {name: PARAMETERS[name].scale(fraction) for name, fraction in fractions.items()}

    def forward(
        self, forcing: Tensor, attributes: Tensor, *, warmup: int = 0, static_day: int = -1
    ) -> dict[str, Tensor]:
        """Runoff and its three routed parts, each [time − warmup, basin] mm d-1, from a cold start.

        Args:
            forcing: weather [time, basin, 3]: P mm d-1, T degC, Ep mm d-1.
            attributes: normalised [basin, attribute].
            warmup: days at the beginning that only fill the stores and the LSTM's memory, without gradient.
            static_day: the day at which gA kind `lstm` reads its static parameters; in training
                the last, in running the last of the spin-up.
        """
        x = normalise_forcing(forcing, self.statistics)
        logits = self.network(x, attributes, warmup=warmup, static_day=static_day)
        parameters = self.parameters_of(logits)
        routing = torch.sigmoid(logits.routing).unbind(-1)
        u = unit_hydrograph.unit_hydrograph(
            *(p.scale(f) for p, f in zip(ROUTING_PARAMETERS, routing, strict=True))
        )
        simulate = select(self.kernel, forcing.device.type)
        stores = hbv.initial_stores(parameters["fc"].detach())
        history: dict[str, Tensor | None] = dict.fromkeys(RUNOFF)
        if warmup:
            with torch.no_grad():
                past = {n: v[:warmup] if v.ndim == 3 else v for n, v in parameters.items()}
                stores, runoff = simulate(stores, forcing[:warmup], past, RUNOFF)
                history = {name: unit_hydrograph.route(runoff[name], u)[1] for name in RUNOFF}
            parameters = {n: v[warmup:] if v.ndim == 3 else v for n, v in parameters.items()}
        _, runoff = simulate(stores, forcing[warmup:], parameters, RUNOFF)
        routed = {
            name: unit_hydrograph.route(runoff[before], u, history[before])[0]
            for name, before in ROUTED.items()
        }
        return {"runoff": torch.stack(list(routed.values())).sum(0), **routed}
