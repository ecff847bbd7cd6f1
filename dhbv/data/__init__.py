"""Data: every source read into one schema, checked, and turned into the model's arrays."""

from dhbv.data.forcing import model_forcing
from dhbv.data.region import open_region
from dhbv.data.schema import DataError

__all__ = ["DataError", "model_forcing", "open_region"]
