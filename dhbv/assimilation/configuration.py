"""How far an update may go from what the model and the weather say."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dhbv.configuration import NonNegative, Positive, Rate, Section

Factor = Annotated[float, msgspec.Meta(gt=1.0)]


class SpreadConfig(Section, frozen=True):
    """By how much each is thought to be wrong: the standard deviation of the logarithm of its factor; 0: not at all."""

    snow: NonNegative = 0.3
    """Snowpack and the liquid water in it, together."""
    soil_water: NonNegative = 0.1
    upper_zone: NonNegative = 1.0
    lower_zone: NonNegative = 0.5
    prcp: NonNegative = 0.5
    """Precipitation, of each block of days by itself."""


class AssimilationConfig(Section, frozen=True):
    """How the state at T0 is updated from the flow observed before it."""

    days: Annotated[int, msgspec.Meta(ge=1, le=30)] = 30
    """Days before T0 whose flow is fitted; as far back as states are kept."""
    block_days: Positive = 1
    """Days that share one factor of precipitation, counted back from T0."""
    spread: SpreadConfig = SpreadConfig()
    store_bound: Factor = 3.0
    """No store is multiplied by more, or divided by more."""
    prcp_bound: Factor = 3.0
    """Nor the precipitation of a block."""
    flow_error: Rate = 0.1
    """Standard deviation of the relative error of flow that the model is allowed, stores and weather being right."""
    memory_days: Rate = 3.0
    """A day so many days before T0 weighs 1/e of the last one."""
    largest_error: Factor = 10.0
    """An observation more than so many times what the model says, or less than that part of it, is set aside: the
    gauge is wrong."""
    least_observations: Positive = 10
    """Observed days of the window below which a basin is left alone."""
    tolerance: NonNegative = 0.01
    """A relative misfit of flow below which a basin is left alone."""
    steps: Positive = 60
    """Of the optimiser."""
