"""The parameter table: symbol, name, unit, range and source, written once.

Ranges as in Feng et al. (2022), doi:10.1029/2022WR032404, and its released configuration;
capillary rise from Song et al. (2024). Bounds, configuration, model cards and tests read this.
"""

from __future__ import annotations

from typing import NamedTuple

from dhbv.physics import effective_rainfall
from dhbv.physics.arrays import Array


class Parameter(NamedTuple):
    """One row of the table; a network output y becomes lower + sigmoid(y) · (upper − lower)."""

    name: str
    symbol: str
    unit: str
    lower: float
    upper: float
    description: str

    def scale(self, fraction: Array) -> Array:
        """The value, in `unit`, at `fraction` (0 to 1, any shape) of the range."""
        return self.lower + fraction * (self.upper - self.lower)


COMPONENT_PARAMETERS = (
    Parameter("beta", "β", "1", 1.0, 6.0, "shape of the soil runoff curve"),
    Parameter("fc", "θFC", "mm", 50.0, 1000.0, "field capacity of the soil"),
    Parameter("k0", "θK0", "d-1", 0.05, 0.9, "recession of fast flow"),
    Parameter("k1", "θK1", "d-1", 0.01, 0.5, "recession of interflow"),
    Parameter("k2", "θK2", "d-1", 0.001, 0.2, "recession of baseflow"),
    Parameter("lp", "θLP", "1", 0.2, 1.0, "fraction of FC below which evaporation is reduced"),
    Parameter("perc", "θPERC", "mm d-1", 0.0, 10.0, "percolation to the lower zone"),
    Parameter("uzl", "θUZL", "mm", 0.0, 100.0, "upper-zone storage above which fast flow starts"),
    Parameter("tt", "θTT", "degC", -2.5, 2.5, "temperature of snowfall and of melt"),
    Parameter("cfmax", "θDD", "mm degC-1 d-1", 0.5, 10.0, "degree-day factor"),
    Parameter("cfr", "θrfz", "1", 0.0, 0.1, "refreezing as a fraction of the degree-day factor"),
    Parameter("cwh", "θCWH", "1", 0.0, 0.2, "liquid water a snowpack holds, per unit of its ice"),
    Parameter("gamma", "γ", "1", 0.3, 5.0, "shape of the evaporation curve"),
    Parameter("c", "C", "1", 0.0, 1.0, "capillary rise from the lower zone"),
)
"""Parameters that each of the M parallel components has for itself."""

ROUTING_PARAMETERS = (
    Parameter("route_a", "θa", "1", 0.1, 3.0, "shape of the gamma unit hydrograph"),
    Parameter("route_tau", "θτ", "d", 0.5, 7.0, "time scale of the gamma unit hydrograph"),
)
"""Parameters of the whole basin; always static."""

PARAMETERS = {p.name: p for p in (*COMPONENT_PARAMETERS, *ROUTING_PARAMETERS)}


class Variant(NamedTuple):
    """A form of the model: which parameters it has and which of them change from day to day."""

    name: str
    parameters: tuple[str, ...]
    dynamic: tuple[str, ...]
    shared: tuple[str, ...] = ()
    """Names of learned numbers that are the same in all basins and components: weights of NNr."""

    @property
    def static(self) -> tuple[str, ...]:
        return tuple(name for name in self.parameters if name not in self.dynamic)

    @property
    def of_step(self) -> tuple[str, ...]:
        """All that a day's step takes beside stores and weather."""
        return (*self.parameters, *self.shared)


_PLAIN = tuple(p.name for p in COMPONENT_PARAMETERS if p.name not in ("gamma", "c"))
_DYNAMIC: dict[str, tuple[str, ...]] = {
    "delta": (),
    "delta_bt": ("beta",),
    "delta_gt": ("gamma",),
    "delta_bt_gt": ("beta", "gamma"),
    "delta_bt_gt_kt": ("beta", "gamma", "k0"),  # with capillary rise the δ 1.1p of Song et al. (2024)
}
CAPILLARY = "+capillary"
NN_PEFF = "+nn_peff"
"""A network in place of the soil's runoff curve, see `dhbv.physics.effective_rainfall`."""
OPTIONS = (CAPILLARY, NN_PEFF)
VARIANTS = ("hbv", *_DYNAMIC)
"""Names of the basic variants; each may be followed by one of `OPTIONS`."""


def variant(name: str) -> Variant:
    """The variant called `name`, for example `delta_bt_gt`, `delta_gt+capillary` or `delta+nn_peff`.

    Raises:
        ValueError: if there is no such variant; the message lists those there are.
    """
    base, plus, option = name.partition("+")
    option = plus + option
    if base not in VARIANTS or option not in ("", *OPTIONS):
        raise ValueError(
            f"unknown variant {name!r}: choose one of {', '.join(VARIANTS)}, "
            f"each optionally followed by {' or '.join(map(repr, OPTIONS))}"
        )
    parameters = _PLAIN if base == "hbv" else (*_PLAIN, "gamma")
    if option == CAPILLARY:
        parameters = (*parameters, "c")
    shared = effective_rainfall.WEIGHTS if option == NN_PEFF else ()
    return Variant(name, parameters, _DYNAMIC.get(base, ()), shared)
