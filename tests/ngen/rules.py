"""What ngen allows, and how a breach is told.

The paragraphs (§) are those of `tests/ngen/README.md`, which says what of ngen this driver repeats.
"""

from __future__ import annotations

import numpy as np

LAYER_STEP = 3600
"""Seconds of a step of the surface layer, whatever `output_interval` says (§5)."""

CALLS = frozenset({
    "initialize", "update", "update_until", "finalize",
    "get_input_item_count", "get_input_var_names", "get_output_item_count", "get_output_var_names",
    "get_var_itemsize", "get_var_nbytes", "get_var_type", "get_var_units",
    "get_start_time", "get_current_time", "get_end_time", "get_time_step", "get_time_units",
    "get_value_ptr", "get_value_at_indices", "set_value",
})  # fmt: skip
"""All that ngen ever calls for a variable of one value per catchment (§2)."""

NEVER_CALLED = frozenset({
    "get_value", "set_value_at_indices", "get_component_name", "get_var_grid", "get_var_location",
    "get_grid_type", "get_grid_rank", "get_grid_size", "get_grid_shape", "get_grid_spacing", "get_grid_origin",
    "get_grid_x", "get_grid_y", "get_grid_z", "get_grid_node_count", "get_grid_edge_count",
    "get_grid_face_count", "get_grid_edge_nodes", "get_grid_face_edges", "get_grid_face_nodes",
    "get_grid_nodes_per_face",
})  # fmt: skip
"""The rest of the BMI."""

OUTPUT_TYPES = {
    ("int", 2): np.int16, ("int", 4): np.int32, ("int", 8): np.int64,
    ("float", 4): np.float32, ("float", 8): np.float64, ("float32", 4): np.float32, ("float64", 8): np.float64,
}  # fmt: skip
"""`get_var_type` and `get_var_itemsize` of an output that ngen can read (§3)."""

INPUT_TYPES = OUTPUT_TYPES | {
    ("int16", 2): np.int16, ("int32", 4): np.int32, ("int64", 8): np.int64, ("longlong", 8): np.longlong,
    ("np.float64", 8): np.float64, ("numpy.float64", 8): np.float64, ("np.single", 4): np.float32,
}  # fmt: skip
"""The same of an input, or a parameter, that ngen can set (§3)."""

PROTOCOL_TYPES = INPUT_TYPES | {("uint8", 1): np.uint8, ("int8", 1): np.int8, ("uint64", 8): np.uint64}
"""The same of what the state-saving protocols hand over (§10)."""


class DriverError(AssertionError):
    """Where ngen aborts, or would misread the component."""


class Judge:
    """Tells breaches apart: ngen aborts on some and goes on wrongly, with at most a warning, on others.

    The second kind is an error too, unless `lenient`, where the driver goes on as ngen does and
    keeps the warnings.
    """

    def __init__(self, *, lenient: bool = False) -> None:
        self.lenient = lenient
        self.warnings: list[str] = []

    @staticmethod
    def abort(paragraph: str, message: str) -> DriverError:
        """The error to raise where ngen aborts."""
        return DriverError(f"{paragraph}: {message}")

    def misread(self, paragraph: str, message: str) -> None:
        """Raise, or note once where lenient, what ngen lets pass and should not."""
        text = f"{paragraph}: {message}"
        if not self.lenient:
            raise DriverError(text)
        if text not in self.warnings:
            self.warnings.append(text)
