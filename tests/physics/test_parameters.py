from __future__ import annotations

import numpy as np
import pytest

from dhbv.physics.effective_rainfall import WEIGHTS
from dhbv.physics.hbv import Parameters
from dhbv.physics.parameters import (
    COMPONENT_PARAMETERS,
    OPTIONS,
    PARAMETERS,
    ROUTING_PARAMETERS,
    VARIANTS,
    Parameter,
    Variant,
    variant,
)

PUBLISHED = {
    "beta": ("1", 1, 6),
    "fc": ("mm", 50, 1000),
    "k0": ("d-1", 0.05, 0.9),
    "k1": ("d-1", 0.01, 0.5),
    "k2": ("d-1", 0.001, 0.2),
    "lp": ("1", 0.2, 1),
    "perc": ("mm d-1", 0, 10),
    "uzl": ("mm", 0, 100),
    "tt": ("degC", -2.5, 2.5),
    "cfmax": ("mm degC-1 d-1", 0.5, 10),
    "cfr": ("1", 0, 0.1),
    "cwh": ("1", 0, 0.2),
    "gamma": ("1", 0.3, 5),
    "c": ("1", 0, 1),
    "route_a": ("1", 0.1, 3),
    "route_tau": ("d", 0.5, 7),
}

HBV = {"beta", "fc", "k0", "k1", "k2", "lp", "perc", "uzl", "tt", "cfmax", "cfr", "cwh"}


def test_units_and_ranges_are_the_published_ones() -> None:
    assert {p.name: (p.unit, p.lower, p.upper) for p in PARAMETERS.values()} == PUBLISHED


def test_routing_has_its_own_table() -> None:
    assert [p.name for p in ROUTING_PARAMETERS] == ["route_a", "route_tau"]
    assert len(PARAMETERS) == len(COMPONENT_PARAMETERS) + len(ROUTING_PARAMETERS)


def test_a_day_takes_exactly_the_component_parameters_and_the_weights_of_nnr() -> None:
    assert Parameters._fields == (*(p.name for p in COMPONENT_PARAMETERS), "nn")
    assert not set(WEIGHTS) & set(Parameters._fields)


def test_symbols_are_unique_and_every_row_is_described() -> None:
    rows = list(PARAMETERS.values())
    assert len({p.symbol for p in rows}) == len(rows)
    assert all(p.description for p in rows)


@pytest.mark.parametrize("parameter", PARAMETERS.values(), ids=PARAMETERS.keys())
def test_scale_spans_the_range(parameter: Parameter) -> None:
    assert parameter.scale(0.0) == parameter.lower
    assert parameter.scale(1.0) == parameter.upper
    assert parameter.scale(0.25) == pytest.approx(0.75 * parameter.lower + 0.25 * parameter.upper)


def test_scale_keeps_shape_and_float32() -> None:
    scaled = PARAMETERS["fc"].scale(np.array([[0.0, 0.5], [0.75, 1.0]], dtype=np.float32))
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, [[50.0, 525.0], [762.5, 1000.0]])


@pytest.mark.parametrize(
    ("name", "dynamic"),
    [
        ("hbv", set()),
        ("delta", set()),
        ("delta_bt", {"beta"}),
        ("delta_gt", {"gamma"}),
        ("delta_bt_gt", {"beta", "gamma"}),
        ("delta_bt_gt_kt", {"beta", "gamma", "k0"}),
    ],
)
@pytest.mark.parametrize("option", ["", *OPTIONS])
def test_variant_has_the_published_parameters(name: str, dynamic: set[str], option: str) -> None:
    form = variant(name + option)
    curve = set() if name == "hbv" else {"gamma"}
    capillary = {"c"} if option == "+capillary" else set()
    assert form.name == name + option
    assert set(form.parameters) == HBV | curve | capillary
    assert set(form.dynamic) == dynamic
    assert len(form.parameters) == len(set(form.parameters))
    assert form.shared == (WEIGHTS if option == "+nn_peff" else ())
    assert form.of_step == (*form.parameters, *form.shared)


def test_static_and_dynamic_parameters_partition_a_variant(form: Variant) -> None:
    assert sorted(form.static + form.dynamic) == sorted(form.parameters)


def test_these_are_the_basic_variants() -> None:
    assert VARIANTS == ("hbv", "delta", "delta_bt", "delta_gt", "delta_bt_gt", "delta_bt_gt_kt")


@pytest.mark.parametrize(
    "name",
    [
        "dleta", "", "+capillary", "delta+", "delta+capillary+capillary", "delta+capillary+nn_peff",
        "delta +capillary", "nn_peff",
    ],
)  # fmt: skip
def test_unknown_variant_is_refused_with_the_choices(name: str) -> None:
    with pytest.raises(ValueError, match="unknown variant") as refusal:
        variant(name)
    assert repr(name) in str(refusal.value)
    for choice in (*VARIANTS, *OPTIONS):
        assert choice in str(refusal.value)
