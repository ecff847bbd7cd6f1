"""Data: every source read into one schema, checked, and turned into the model's arrays."""

from dhbv.data.forcing import model_forcing
from dhbv.data.region import Source, files_of, open_region, open_source
from dhbv.data.schema import DataError

__all__ = ["DataError", "Source", "files_of", "model_forcing", "open_region", "open_source"]
