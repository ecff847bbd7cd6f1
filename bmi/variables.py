"""What `DeltaHbv` answers to by name beside its inputs: the table's rows and the component's own."""

from __future__ import annotations

from typing import NamedTuple

from dhbv.attributes import ATTRIBUTE_UNITS
from dhbv.physics.parameters import PARAMETERS
from dhbv.physics.variables import VARIABLES

RUNOFF_DEPTH = "land_surface_water__runoff_depth"
"""The main output."""
QUALITY = "quality"
INPUT_FAULTS = "input_faults"
OUTPUT_LAG = "output_lag"

ROW = {v.bmi_name: v for v in VARIABLES.values()}
"""The variable table by BMI name."""


class Own(NamedTuple):
    """A variable of the component itself."""

    unit: str
    description: str


OWN = {
    RUNOFF_DEPTH: Own("m", "water that left the catchment over the step just made"),
    QUALITY: Own("1", "what to know of that water, the sum of `bmi.quality.Quality` flags; 0 is clean"),
    INPUT_FAULTS: Own("1", "values of the weather replaced since the start"),
    OUTPUT_LAG: Own("s", "by how much the outputs come after the weather that made them"),
}

OUTPUTS = (RUNOFF_DEPTH, *ROW, QUALITY, INPUT_FAULTS, OUTPUT_LAG)
"""In the order of `get_output_var_names`."""


def unit_of(name: str) -> str:
    """The unit of an output, a parameter or an attribute."""
    if name in OWN:
        return OWN[name].unit
    if name in ROW:
        return ROW[name].unit
    return PARAMETERS[name].unit if name in PARAMETERS else ATTRIBUTE_UNITS.get(name, "1")
