"""What enters and leaves each store in a day, by the names of the variable table: the books of the water.

P − ET − Q = Δstored in the whole, and each store for itself; what one store loses another gains.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from dhbv.physics.arrays import Array


class Budget(NamedTuple):
    """The fluxes of one store, or of all water."""

    gains: tuple[str, ...]
    losses: tuple[str, ...]

    def net(self, fluxes: Mapping[str, Array]) -> Array:
        """What the store gains in all, mm d-1."""
        return sum(fluxes[n] for n in self.gains) - sum(fluxes[n] for n in self.losses)


WHOLE = Budget(("prcp",), ("et", "runoff"))
"""P comes in, ET and Q leave; all else moves within."""

BUDGETS = {
    "snowpack": Budget(("snow", "refreeze"), ("melt",)),
    "snow_liquid": Budget(("melt",), ("refreeze", "infiltration")),
    "soil_water": Budget(("rain", "infiltration", "capillary_rise"), ("recharge", "et")),
    "upper_zone": Budget(("recharge",), ("percolation", "q0", "q1")),
    "lower_zone": Budget(("percolation",), ("capillary_rise", "q2")),
    "routing_store": Budget(("q0", "q1", "q2"), ("runoff",)),
}
"""Of each store that holds water by itself; `swe` is the sum of the first two."""

STORES = tuple(BUDGETS)
