"""docs/fluxes.md tells of every variable what the table says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhbv.fluxes.names import BOOKED
from dhbv.physics.variables import VARIABLES, Variable

PAGE = Path(__file__).parents[2] / "docs" / "fluxes.md"


def rows() -> dict[str, list[str]]:
    """The cells after the name, by name."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    cells = ([c.strip().strip("`") for c in line.strip("|").split("|")] for line in lines)
    return {name: rest for name, *rest in cells}


@pytest.mark.parametrize("v", list(VARIABLES.values()), ids=lambda v: v.name)
def test_every_variable_is_there_as_it_is(v: Variable) -> None:
    *told, equation = rows()[v.name]
    assert told == [v.alias or "", v.standard_name or "", v.unit, v.aggregation]
    assert len(equation) > 3


@pytest.mark.parametrize("v", list(BOOKED.values()), ids=lambda v: v.name)
def test_what_is_booked_is_there(v: Variable) -> None:
    assert rows()[v.name] == [v.unit, v.aggregation]


def test_there_is_no_other() -> None:
    variables = {name for name in rows() if "/" not in name and "." not in name}
    assert variables == {*VARIABLES, *(v.name for v in BOOKED.values())}
