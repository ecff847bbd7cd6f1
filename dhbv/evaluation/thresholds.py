"""What a new model must show before it serves, as an operation sets it.

Apart from what judges by it: an operation is read where nothing is judged, and without the extra `analysis`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from dhbv.configuration import Natural, NonNegative, Positive, Section, Weight


class PlausibilityLimits(Section, frozen=True):
    """What water may do in a model that shall serve."""

    et_over_p: NonNegative = 1.1
    """Evaporation over precipitation in the long term; above 1 water would come from nowhere but old stores."""
    bfi_lowest: Weight = 0.05
    """Baseflow over runoff of a basin; CAMELS-US has 0.09 to 0.85 between its 1st and 99th percentile."""
    bfi_highest: Weight = 0.95
    bfi_outside: Weight = 0.1
    """Share of basins whose baseflow fraction may lie outside."""
    bfi_correlation_loss: NonNegative = 0.05
    """By how much the correlation over basins with the attribute `baseflow_index` may fall short of the
    champion's (of 0 where there is none)."""
    frost: float = 0.0
    """degC; a basin whose daily mean temperature never falls below has no frost, and holds no snow."""
    frostless_swe: NonNegative = 5.0
    """mm of snow water equivalent on any day in a basin without frost."""
    firn: NonNegative = 50.0
    """mm of snow that outlives the last year. Where the champion keeps no more than this, the
    challenger may keep so much more than it."""
    firn_basins: Weight = 0.1
    """Share of basins that may keep more than `firn` where there is no champion to compare with."""


class GateConfig(Section, frozen=True):
    """What a challenger must show."""

    margin: NonNegative = 0.002
    """The median gain in NSE over all basins must be shown to be larger: the lower end of its interval.
    Basins next to each other see the same weather, so that the interval is somewhat too narrow, and
    models that differ by rounding alone must not pass."""
    tolerance: NonNegative = 0.01
    """Every other score must be shown to be worse by no more: KGE, and both scores of held-out basins, again the lower
    end of the interval of the median gain. Few held-out basins make a wide interval, and a draw is then refused."""
    worst: Annotated[float, msgspec.Meta(gt=0.0, lt=0.5)] = 0.1
    """Quantile of NSE over basins that stands for the worst served …"""
    worst_loss: NonNegative = 0.05
    """… and by how much it may fall: a gain of many must not be paid for by a few."""
    floor: float = 0.0
    """Median NSE that a first champion must exceed; 0 is as good as the mean flow."""
    min_basins: Annotated[int, msgspec.Meta(ge=5)] = 5
    """Basins with scores below which nothing is shown, and nothing promoted."""
    confidence: Annotated[float, msgspec.Meta(gt=0.5, lt=1.0)] = 0.95
    """Of the intervals, two-sided."""
    samples: Positive = 2000
    """Bootstrap resamples of basins."""
    seed: Natural = 0
    precision: Literal["float32", "float64"] = "float32"
    """Of the runs: float32 as batches run, float64 as the stream runs, at twice the time."""
    plausibility: PlausibilityLimits = PlausibilityLimits()
