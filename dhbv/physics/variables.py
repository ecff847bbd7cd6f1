"""The table of states and fluxes: everything the model can tell, written once.

BMI variables, NetCDF metadata, documentation and tests read it; a new flux is a field of
`dhbv.physics.hbv.Fluxes` and one row here. All values are means over the components, depths
over the basin's area: stores as they stand at the end of a day, fluxes over that day.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["flux", "store", "parameter"]
Stage = Literal["forcing", "step", "routing", "parameter"]


class Variable(NamedTuple):
    """One row: what it is, where in the model's day it arises and how it aggregates in time."""

    name: str
    standard_name: str | None
    alias: str | None
    unit: str
    kind: Kind
    stage: Stage
    description: str

    @property
    def bmi_name(self) -> str:
        """CSDMS name where one exists, else our own."""
        return self.standard_name or self.name

    @property
    def aggregation(self) -> Literal["sum", "mean", "last"]:
        """How days become months: depths of fluxes add up, stores are read at the end."""
        return {"flux": "sum", "store": "last", "parameter": "mean"}[self.kind]  # type: ignore[return-value]


def _flux(
    name: str, description: str, standard_name: str | None = None, alias: str | None = None,
    stage: Stage = "step",
) -> Variable:  # fmt: skip
    return Variable(name, standard_name, alias, "mm d-1", "flux", stage, description)


def _store(
    name: str, description: str, standard_name: str | None = None, alias: str | None = None,
    stage: Stage = "step",
) -> Variable:  # fmt: skip
    return Variable(name, standard_name, alias, "mm", "store", stage, description)


# fmt: off
VARIABLES = {v.name: v for v in (
    _flux("runoff", "routed discharge Q*, the sum of its three parts", "land_surface_water__runoff_volume_flux", stage="routing"),
    _flux("surface_runoff", "routed fast flow Q0", "soil_surface_water__runoff_volume_flux", "srflow", stage="routing"),
    _flux("interflow", "routed subsurface stormflow Q1", "land_subsurface_water__runoff_volume_flux", "ssflow", stage="routing"),
    _flux("baseflow", "routed baseflow Q2", "land_surface_water__baseflow_volume_flux", "gwflow", stage="routing"),
    _flux("prcp", "precipitation P", stage="forcing"),
    _flux("pet", "potential evaporation Ep", "land_surface_water__potential_evaporation_volume_flux", "PET", stage="forcing"),
    _flux("et", "actual evaporation ET", "land_surface_water__evaporation_volume_flux", "AET"),
    _flux("rain", "rainfall, P on days at or above TT"),
    _flux("snow", "snowfall, P on days below TT"),
    _flux("melt", "snowmelt, from ice to liquid water in the pack", "snowpack_meltwater__volume_flux"),
    _flux("refreeze", "refreezing of liquid water in the pack"),
    _flux("infiltration", "water that leaves the snowpack for the soil, Isnow"),
    _flux("peff", "effective rainfall Peff, past the soil to the upper zone"),
    _flux("excess", "water above field capacity Ex, to the upper zone"),
    _flux("recharge", "all water that reaches the upper zone, Peff + Ex", "soil_water_sat-zone_top__recharge_volume_flux"),
    _flux("capillary_rise", "water drawn from the lower zone into the soil"),
    _flux("percolation", "water that passes from the upper to the lower zone"),
    _flux("q0", "fast flow Q0 before routing"),
    _flux("q1", "subsurface stormflow Q1 before routing"),
    _flux("q2", "baseflow Q2 before routing"),
    _store("snowpack", "ice in the snowpack Sp"),
    _store("snow_liquid", "liquid water in the snowpack Sliq"),
    _store("swe", "snow water equivalent, ice and liquid", "snowpack__liquid-equivalent_depth", "SWE"),
    _store("soil_water", "soil water Ss", "land_surface_soil_water__volume-per-area_storage_density"),
    _store("upper_zone", "water in the upper subsurface zone Suz"),
    _store("lower_zone", "water in the lower subsurface zone Slz"),
    _store("routing_store", "water on its way through the unit hydrograph", stage="routing"),
    Variable("beta", None, None, "1", "parameter", "parameter", "shape of the soil runoff curve β, daily where dynamic"),
    Variable("gamma", None, None, "1", "parameter", "parameter", "shape of the evaporation curve γ, daily where dynamic"),
)}
# fmt: on


ROUTED = {"surface_runoff": "q0", "interflow": "q1", "baseflow": "q2"}
"""The routed parts, which add up to `runoff`, and what each is before routing."""

RUNOFF = tuple(ROUTED.values())
"""What leaves the zones, before routing: all that training needs of a day."""

OBSERVABLE = (*ROUTED, *(v.name for v in VARIABLES.values() if v.stage == "step"))
"""Fluxes and stores, beside runoff, that can be compared with observations and learned from."""


def names(*, stage: Stage) -> tuple[str, ...]:
    """Names of the rows that arise in `stage` of the model's day, in table order."""
    return tuple(v.name for v in VARIABLES.values() if v.stage == stage)
