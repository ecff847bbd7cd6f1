from __future__ import annotations

import pytest

from dhbv.physics import variables
from dhbv.physics.hbv import Fluxes, Stores
from dhbv.physics.parameters import PARAMETERS
from dhbv.physics.variables import VARIABLES, Variable

ROWS = pytest.mark.parametrize("variable", VARIABLES.values(), ids=VARIABLES.keys())


@pytest.mark.parametrize("name", Fluxes._fields)
def test_every_flux_of_the_day_is_a_row(name: str) -> None:
    row = VARIABLES[name]
    assert (row.kind, row.unit, row.stage, row.aggregation) == ("flux", "mm d-1", "step", "sum")


@pytest.mark.parametrize("name", Stores._fields)
def test_every_store_is_a_row(name: str) -> None:
    row = VARIABLES[name]
    assert (row.kind, row.unit, row.stage, row.aggregation) == ("store", "mm", "step", "last")


def test_the_step_makes_its_fields_and_the_snow_water_equivalent() -> None:
    assert sorted(variables.names(stage="step")) == sorted((*Fluxes._fields, *Stores._fields, "swe"))


def test_routing_makes_runoff_its_three_parts_and_a_store() -> None:
    assert variables.names(stage="routing") == (
        "runoff",
        "surface_runoff",
        "interflow",
        "baseflow",
        "routing_store",
    )
    assert VARIABLES["routing_store"].kind == "store"


def test_forcing_rows_are_the_water_that_comes_and_could_go() -> None:
    assert variables.names(stage="forcing") == ("prcp", "pet")


def test_dynamic_parameters_are_rows_with_the_tables_unit() -> None:
    names = variables.names(stage="parameter")
    assert names == ("beta", "gamma")
    assert all(VARIABLES[name].unit == PARAMETERS[name].unit for name in names)
    assert all(VARIABLES[name].aggregation == "mean" for name in names)


def test_names_aliases_and_standard_names_are_unique() -> None:
    rows = VARIABLES.values()
    called = [name for v in rows for name in (v.name, v.alias, v.standard_name) if name]
    assert len(called) == len(set(called))
    assert len({v.bmi_name for v in rows}) == len(rows)


@ROWS
def test_row_is_filed_under_its_name_and_described(variable: Variable) -> None:
    assert VARIABLES[variable.name] is variable
    assert variable.description


@ROWS
def test_unit_follows_from_the_kind(variable: Variable) -> None:
    assert variable.unit == {"flux": "mm d-1", "store": "mm", "parameter": "1"}[variable.kind]


@ROWS
def test_bmi_name_is_the_standard_name_where_there_is_one(variable: Variable) -> None:
    assert variable.bmi_name == (variable.standard_name or variable.name)


@pytest.mark.parametrize(
    ("name", "standard_name"),
    [
        ("runoff", "land_surface_water__runoff_volume_flux"),
        ("surface_runoff", "soil_surface_water__runoff_volume_flux"),
        ("interflow", "land_subsurface_water__runoff_volume_flux"),
        ("baseflow", "land_surface_water__baseflow_volume_flux"),
        ("et", "land_surface_water__evaporation_volume_flux"),
        ("pet", "land_surface_water__potential_evaporation_volume_flux"),
        ("swe", "snowpack__liquid-equivalent_depth"),
        ("melt", "snowpack_meltwater__volume_flux"),
        ("soil_water", "land_surface_soil_water__volume-per-area_storage_density"),
        ("recharge", "soil_water_sat-zone_top__recharge_volume_flux"),
    ],
)
def test_standard_names_are_those_of_csdms(name: str, standard_name: str) -> None:
    assert VARIABLES[name].standard_name == standard_name


def test_stream_temperature_models_find_their_inputs() -> None:
    aliases = {v.alias: v.name for v in VARIABLES.values() if v.alias}
    assert aliases["srflow"] == "surface_runoff"
    assert aliases["ssflow"] == "interflow"
    assert aliases["gwflow"] == "baseflow"
    assert (aliases["AET"], aliases["PET"], aliases["SWE"]) == ("et", "pet", "swe")
