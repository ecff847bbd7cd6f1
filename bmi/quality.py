"""What a forecaster should know about the water just given out, as bit flags; kept as int64, shown as float64."""

from __future__ import annotations

from enum import IntFlag


class Quality(IntFlag):
    """Values of the output `quality`; 0 is a clean run, several add up."""

    COLD_START = 1
    """Started with nearly empty stores, or spun up over less than a year: flow is too low. A state does not tell whether
    it was made so."""
    NO_DAY = 2
    """No day has been run since the start: fluxes other than runoff are not known yet."""
    GAP = 4
    """The state, or the history it was spun up over, is of another date than the start."""
    INCOMPLETE_DAY = 8
    """The day did not have its 24 hours of weather, or one temperature in all of them, under which Hargreaves gives no
    evaporation."""
    HELD = 16
    """A value of the weather could not be true, or was not set; the last good one stood in."""
    FILLED = 32
    """The same, with no rain, no evaporation or the last day's temperature in its place."""
    CONVERTED = 64
    """A temperature came in kelvin and was converted."""
    ATTRIBUTE_MISSING = 128
    """A static attribute is missing, or its class unknown: the training mean stands in."""
    ATTRIBUTE_OUTSIDE = 256
    """A static attribute lies outside the range of the training basins."""
    STORE_SET = 512
    """Somebody set a store during the run."""
