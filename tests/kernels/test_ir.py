from __future__ import annotations

import re

import numpy as np
import pytest

from dhbv.kernels.ir import OPERATIONS, Builder, Program, evaluate, hand_over


def _program(*operations: tuple[str, ...]) -> Program:
    """Operations on x, y and numbers, each named by its place; the last is the result."""
    to = Builder()
    numbers = {"x": to.input("x"), "y": to.input("y")}
    for k, (operation, *operands) in enumerate(operations):
        arguments = [numbers[o] if o in numbers else to.constant(float(o)) for o in operands]
        numbers[f"#{k}"] = to.put(operation, *arguments)
    return to.program([("z", numbers[f"#{len(operations) - 1}"])])


def test_a_program_prints_as_it_reads() -> None:
    program = _program(("sub", "x", "y"), ("max", "#0", "0"), ("ge", "#0", "0"), ("select", "#2", "#1", "y"))
    assert str(program).splitlines() == [
        "v2 = sub(x, y)",
        "v4 = max(v2, 0.0)",
        "v5 = ge(v2, 0.0)",
        "v6 = select(v5, v4, y)",
        "z ← v6",
    ]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_means_what_numpy_does(operation: str) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.uniform(0.5, 2.0, (2, 50))
    x[:10] = y[:10]
    if operation == "select":
        program, expected = _program(("lt", "x", "y"), (operation, "#0", "x", "2")), np.where(x < y, x, 2.0)
    elif operation in ("and", "or"):
        program = _program(("lt", "x", "y"), ("lt", "x", "1"), (operation, "#0", "#1"))
        expected = OPERATIONS[operation](x < y, x < 1.0)
    else:
        operands = ("x",) if operation in ("neg", "log2", "exp2") else ("x", "y")
        program, expected = _program((operation, *operands)), OPERATIONS[operation](*(x, y)[: len(operands)])
    np.testing.assert_array_equal(evaluate(program, {"x": x, "y": y})["z"], expected)


def test_what_is_computed_twice_is_written_once() -> None:
    program = _program(
        ("mul", "x", "y"), ("mul", "y", "x"), ("sub", "x", "y"), ("add", "#0", "#1"), ("div", "#3", "#2")
    )
    assert [i.operation for _, i in program.operations()] == ["mul", "sub", "add", "div"]


def test_the_order_of_a_difference_counts() -> None:
    assert len(list(_program(("sub", "x", "y"), ("sub", "y", "x"), ("mul", "#0", "#1")).operations())) == 3


def test_what_no_result_needs_is_left_out() -> None:
    program = _program(("exp2", "x"), ("log2", "#0"), ("add", "x", "y"))
    assert [i.operation for _, i in program.operations()] == ["add"]
    assert evaluate(program, {"x": 1.0, "y": 2.0}) == {"z": 3.0}


@pytest.mark.parametrize(
    ("operations", "printed"),
    [
        ([("add", "x", "0")], "z ← x"),
        ([("sub", "x", "0")], "z ← x"),
        ([("mul", "1", "x")], "z ← x"),
        ([("mul", "x", "0")], "z ← 0.0"),
        ([("div", "x", "1")], "z ← x"),
        ([("neg", "x"), ("neg", "#0")], "z ← x"),
        ([("lt", "x", "y"), ("select", "#0", "x", "x")], "z ← x"),
        ([("mul", "3", "4"), ("add", "#0", "2")], "z ← 14.0"),
        ([("neg", "x"), ("add", "y", "#0")], "v = sub(y, x)\nz ← v"),
        ([("neg", "x"), ("add", "#0", "y")], "v = sub(y, x)\nz ← v"),
        ([("neg", "x"), ("sub", "y", "#0")], "v = add(x, y)\nz ← v"),
        ([("sub", "0", "x")], "v = neg(x)\nz ← v"),
        ([("div", "x", "2")], "v = mul(x, 0.5)\nz ← v"),
        ([("div", "x", "3")], "v = div(x, 3.0)\nz ← v"),
    ],
)
def test_folding_is_exact(operations: list[tuple[str, ...]], printed: str) -> None:
    """A division by 3 stays: a product with its rounded reciprocal would be another number."""
    assert re.sub(r"v\d+", "v", str(_program(*operations))) == printed


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(ValueError, match="no operation 'sqrt'"):
        _program(("sqrt", "x"))


def test_costly_results_are_handed_over() -> None:
    giver = _program(("mul", "x", "y"), ("exp2", "#0"), ("add", "#1", "x"))
    taker = _program(("log2", "y"), ("mul", "y", "x"), ("exp2", "#1"), ("mul", "#2", "#0"))
    giver, spared, count = hand_over(giver, taker, ("exp2", "log2"))
    assert count == 1
    assert [i.operation for _, i in spared.operations()] == ["log2", "mul"]
    inputs = {"x": 1.5, "y": 0.7}
    given = evaluate(giver, inputs)
    assert evaluate(spared, inputs | given)["z"] == evaluate(taker, inputs)["z"]
