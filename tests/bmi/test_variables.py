"""Every name the component answers to is there once, with its unit."""

from __future__ import annotations

import pytest

from bmi.variables import OUTPUTS, OWN, ROW, RUNOFF_DEPTH, unit_of
from dhbv.physics.parameters import PARAMETERS
from dhbv.physics.variables import VARIABLES


def test_outputs_are_the_main_one_all_rows_of_the_table_and_the_components_own() -> None:
    assert OUTPUTS[0] == RUNOFF_DEPTH
    assert set(OUTPUTS) == {v.bmi_name for v in VARIABLES.values()} | {
        RUNOFF_DEPTH, "quality", "input_faults", "output_lag",
    }  # fmt: skip
    assert len(set(OUTPUTS)) == len(OUTPUTS) == len(VARIABLES) + 4
    assert {name: row.name for name, row in ROW.items()} == {v.bmi_name: v.name for v in VARIABLES.values()}


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        (RUNOFF_DEPTH, "m"), ("quality", "1"), ("output_lag", "s"), ("lower_zone", "mm"), ("rain", "mm d-1"),
        ("fc", "mm"), ("route_tau", "d"), ("gauge_lat", "degrees_north"), ("an_attribute_of_ones_own", "1"),
    ],
)  # fmt: skip
def test_units(name: str, unit: str) -> None:
    assert unit_of(name) == unit


def test_a_parameter_that_is_an_output_too_has_one_unit() -> None:
    for name in PARAMETERS.keys() & ROW.keys():
        assert unit_of(name) == PARAMETERS[name].unit


def test_every_variable_of_the_components_own_is_described() -> None:
    assert all(own.description and own.unit for own in OWN.values())
