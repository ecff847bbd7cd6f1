"""The NextGen component: `DeltaHbv`, a CSDMS Basic Model Interface over `dhbv.runtime`."""

from bmi.delta_hbv import DeltaHbv

__all__ = ["DeltaHbv"]
