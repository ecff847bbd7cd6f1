"""The whole model over sequences, differentiable: gA, HBV and routing; torch.

The same data flow as `dhbv.runtime`, for training and for gradients.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dhbv import networks
from dhbv.configuration import ModelConfig
from dhbv.kernels.autograd import Choice, select
from dhbv.kernels.lstm import How, Products
from dhbv.normalisation import Statistics, normalise_forcing
from dhbv.physics import hbv, unit_hydrograph
from dhbv.physics.parameters import PARAMETERS, ROUTING_PARAMETERS
from dhbv.physics.variables import ROUTED, RUNOFF


class DeltaModel(nn.Module):
    """δ-HBV: parameters learned from attributes and weather, water moved by HBV."""

    def __init__(self, config: ModelConfig, statistics: Statistics, *, kernel: Choice = "auto") -> None:
        """A fresh model; `kernel` says how HBV and LSTM run, see `dhbv.kernels.autograd.select`."""
        super().__init__()
        self.kernel = kernel
        self.products: Products = "float32"
        """The precision of the compiled LSTM's products, see `dhbv.kernels.lstm.How`."""
        self.form = config.form
        self.statistics = statistics
        self.network = networks.build(config)

    def parameters_of(self, logits: networks.Logits) -> dict[str, Tensor]:
        """All that HBV takes, by name, after the warm-up: static and shared [basin, M], dynamic [time, basin, M]."""
        # Unbound at once: the gradient of one slice would be as large as the whole, for each slice.
        found = dict(zip(self.form.parameters, logits.base.unbind(1), strict=True))
        found |= zip(self.form.dynamic, logits.daily.unbind(2), strict=True)
        values = {name: PARAMETERS[name].scale(torch.sigmoid(value)) for name, value in found.items()}
        if self.form.shared:
            of_all = (number.expand_as(values["fc"]) for number in self.network.shared.unbind())
            values |= zip(self.form.shared, of_all, strict=True)
        return values

    def dynamic_shares(
        self, forcing: Tensor, attributes: Tensor, *, rows: networks.Rows = networks.ALL, warmup: int = 0
    ) -> Tensor:
        """The dynamic parameters as shares of their ranges, [time − warmup, basin, D, M]; arguments as in `forward`."""
        x = normalise_forcing(forcing, self.statistics)
        how = How(self.kernel, self.products)
        return torch.sigmoid(self.network(x, attributes, rows=rows, warmup=warmup, how=how).daily)

    def forward(
        self,
        forcing: Tensor,
        attributes: Tensor,
        *,
        rows: networks.Rows = networks.ALL,
        warmup: int = 0,
        static_day: int = -1,
        outputs: Sequence[str] = (),
    ) -> dict[str, Tensor]:
        """Runoff, its three routed parts and `outputs`, each [time − warmup, basin], from a cold start.

        Args:
            forcing: weather [time, basin, 3]: P mm d-1, T degC, Ep mm d-1.
            attributes: normalised [row, attribute].
            rows: those of the basins, in their order.
            warmup: days at the beginning that only fill the stores and the LSTM's memory, without gradient.
            static_day: the day at which gA kind `lstm` reads its static parameters; in training
                the last, in running the last of the spin-up.
            outputs: further fluxes and stores of the step, by name in the variable table.
        """
        x = normalise_forcing(forcing, self.statistics)
        how = How(self.kernel, self.products)
        logits = self.network(x, attributes, rows=rows, warmup=warmup, static_day=static_day, how=how)
        parameters = self.parameters_of(logits)
        routing = torch.sigmoid(logits.routing).unbind(-1)
        u = unit_hydrograph.unit_hydrograph(
            *(p.scale(f) for p, f in zip(ROUTING_PARAMETERS, routing, strict=True))
        )[:, None]  # the same for all parts of runoff
        simulate = select(self.kernel, forcing.device.type)
        stores = hbv.initial_stores(parameters["fc"].detach())
        history = None
        if warmup:
            with torch.no_grad():
                past = self.parameters_of(logits._replace(daily=logits.past))
                stores, runoff = simulate(stores, forcing[:warmup], past, RUNOFF)
                recent = torch.stack([runoff[name][-unit_hydrograph.MEMORY :] for name in RUNOFF], 1)
                history = unit_hydrograph.route(recent, u)[1]
        more = tuple(name for name in outputs if name not in RUNOFF)
        _, water = simulate(stores, forcing[warmup:], parameters, (*RUNOFF, *more))
        parts = unit_hydrograph.route(torch.stack([water[name] for name in RUNOFF], 1), u, history)[0]
        return water | {"runoff": parts.sum(1), **dict(zip(ROUTED, parts.unbind(1), strict=True))}
