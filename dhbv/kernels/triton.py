"""Programs as Triton: step, adjoint and the time loops around them, a whole module per form; needs no Triton.

Each instance of a kernel owns ROWS basins with COLUMNS lanes for their components and walks all days,
its stores in registers. On a GPU memory is ample and latency dear: the stores of every day are kept
for the reverse loop, so it computes nothing anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from dhbv.kernels.forms import ENDS, STORES, WEATHER, YIELDS, Form, cotangent
from dhbv.kernels.ir import Instruction, Program

_PATTERNS = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "neg": "-{}",
    "min": "tl.minimum({}, {})",
    "max": "tl.maximum({}, {})",
    "log2": "tl.log2({})",
    "exp2": "tl.exp2({})",
    "lt": "{} < {}",
    "le": "{} <= {}",
    "gt": "{} > {}",
    "ge": "{} >= {}",
    "eq": "{} == {}",
    "ne": "{} != {}",
    "and": "{} & {}",
    "or": "{} | {}",
    "select": "tl.where({}, {}, {})",
}

_MODULE = '''\
"""Form {name} for the GPU, printed by `python -m dhbv.kernels.trace --write`; do not edit."""
# ruff: noqa
# mypy: ignore-errors
# fmt: off

import triton
import triton.language as tl


@triton.jit
def step({step_arguments}):
    """One day: stores at its end, and the outputs."""
{step_body}


@triton.jit
def adjoint({adjoint_arguments}):
    """Its adjoint: gradients of stores, weather and parameters."""
{adjoint_body}


@triton.jit(do_not_specialize=["days", "basins", "components"])
def forward(
    weather, kept, {stores}, {at_ends},
    {parameters},
    {outputs},
    days, basins, components, DYNAMIC: tl.constexpr, WANTED: tl.constexpr, KEEP: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):
    basin = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    component = tl.arange(0, COLUMNS)[None, :]
    here, there = basin < basins, (basin[:, None] < basins) & (component < components)
    column, columns = basin[:, None] * components + component, basins.to(tl.int64) * components
{load_stores}
    share = tl.where(there, 1.0, 0.0).to(end_{first}.dtype) / components
{doubt_stores}
{load_static}
    day, row = basin, column
    for _ in range(days):
        if KEEP:
{keep_stores}
{load_dynamic}
{load_weather}
        {step_results} = step({step_call})
{store_outputs}
        day += basins
        row += columns
{store_ends}


@triton.jit(do_not_specialize=["days", "basins", "components"])
def reverse(
    weather, kept, {at_d_ends}, {at_d_stores}, at_d_weather,
    {parameters},
    {at_d_parameters},
    {d_outputs},
    days, basins, components, DYNAMIC: tl.constexpr, WANTED: tl.constexpr, ENDS: tl.constexpr, WEATHER: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):
    basin = (tl.program_id(0) * ROWS + tl.arange(0, ROWS)).to(tl.int64)
    component = tl.arange(0, COLUMNS)[None, :]
    here, there = basin < basins, (basin[:, None] < basins) & (component < components)
    column, columns = basin[:, None] * components + component, basins.to(tl.int64) * components
    zero = tl.load(at_{parameter} + column, mask=there, other=0.0) * 0.0
    share = tl.where(there, 1.0, 0.0).to(zero.dtype) / components
{load_d_ends}
{load_static}
{zero_gradients}
    day, row = basin + (days - 1).to(tl.int64) * basins, column + (days - 1).to(tl.int64) * columns
    for _ in range(days):
{load_kept}
{load_dynamic}
{load_weather}
{load_d_outputs}
        {adjoint_results} = adjoint({adjoint_call})
{carry_stores}
{gather_gradients}
        if WEATHER:
{store_d_weather}
        day -= basins
        row -= columns
{store_d_stores}
{store_static}
'''


def generated(form: Form) -> Path:
    """Where the printed module of a form is kept in this checkout."""
    return Path(__file__).parent / "generated" / f"{form.name}.py"


def print_form(form: Form, step: Program, adjoint: Program) -> str:
    """The module of a form: its step, its adjoint and the loops in which they stand."""
    arguments = [*STORES, *WEATHER, *form.parameters]
    cotangents = [cotangent(name) for name in (*ENDS, *YIELDS)]
    step_results = [*ENDS, *YIELDS]
    gradients = [cotangent(name) for name in arguments]
    of_parameters = list(enumerate(form.parameters))

    def lines(indent: int, items: Iterable[str]) -> str:
        return "\n".join(" " * indent + item for item in items)

    def load(name: str, at: str, there: str = "there", other: str = "1.0") -> str:
        return f"{name} = tl.load({at}, mask={there}, other={other})"

    def prefixed(prefix: str, names: Iterable[str]) -> str:
        return ", ".join(prefix + name for name in names)

    def each_parameter(text: Callable[[int, str], str], indent: int) -> str:
        return lines(indent, (text(k, name) for k, name in of_parameters))

    return _MODULE.format(
        name=form.name,
        first=STORES[0],
        parameter=form.parameters[0],
        step_arguments=", ".join(arguments),
        adjoint_arguments=", ".join([*arguments, *cotangents]),
        step_body=lines(4, _body(step)),
        adjoint_body=lines(4, _body(adjoint)),
        stores=prefixed("at_", STORES),
        at_ends=prefixed("at_", ENDS),
        at_d_ends=prefixed("at_d_", ENDS),
        at_d_stores=prefixed("at_d_", STORES),
        parameters=prefixed("at_", form.parameters),
        at_d_parameters=prefixed("at_d_", form.parameters),
        outputs=prefixed("at_", YIELDS),
        d_outputs=prefixed("at_d_", YIELDS),
        load_stores=lines(4, (load(f"end_{s}", f"at_{s} + column") for s in STORES)),
        # What is not finite makes the share NaN, and with it the basin's results: minima could lose it.
        doubt_stores=lines(4, (f"share += end_{s} - end_{s}" for s in STORES)),
        load_static=each_parameter(
            lambda k, p: f"{load(p, f'at_{p} + column')}\n    if not DYNAMIC & {1 << k}:\n        share += {p} - {p}", 4
        ),
        load_dynamic=each_parameter(
            lambda k, p: f"if DYNAMIC & {1 << k}:\n            {load(p, f'at_{p} + row')}\n            share += {p} - {p}", 8
        ),
        load_weather=lines(
            8, (load(f"{w}", f"weather + day[:, None] * 3 + {k}", "here[:, None]", "0.0") for k, w in enumerate(WEATHER))
        ),
        keep_stores=lines(
            12, (f"tl.store(kept + {k} * days * columns + row, end_{s}, mask=there)" for k, s in enumerate(STORES))
        ),
        load_kept=lines(8, (load(s, f"kept + {k} * days * columns + row") for k, s in enumerate(STORES))),
        step_results=", ".join(step_results),
        step_call=", ".join([*ENDS, *WEATHER, *form.parameters]),
        store_outputs=lines(
            8,
            (
                f"if WANTED & {1 << k}:\n            tl.store(at_{o} + day, tl.sum({o} * share, 1), mask=here)"
                for k, o in enumerate(YIELDS)
            ),
        ),
        store_ends=lines(4, (f"tl.store(at_{e} + column, {e} + (share - share), mask=there)" for e in ENDS)),
        zero_gradients=each_parameter(lambda k, p: f"sum_{p} = zero", 4),
        load_d_ends=lines(
            4,
            (
                f"d_{e} = zero\n    if ENDS & {1 << k}:\n        {load(f'd_{e}', f'at_d_{e} + column', other='0.0')}"
                for k, e in enumerate(ENDS)
            ),
        ),
        load_d_outputs=lines(
            8,
            (
                f"d_{o} = zero\n        if WANTED & {1 << k}:\n            "
                f"d_{o} = tl.load(at_d_{o} + day, mask=here, other=0.0)[:, None] * share"
                for k, o in enumerate(YIELDS)
            ),
        ),
        adjoint_results=", ".join(gradients),
        adjoint_call=", ".join([*arguments, *cotangents]),
        carry_stores=lines(8, (f"d_end_{s} = d_{s}" for s in STORES)),
        gather_gradients=each_parameter(
            lambda k, p: f"if DYNAMIC & {1 << k}:\n            tl.store(at_d_{p} + row, d_{p}, mask=there)\n"
            f"        else:\n            sum_{p} += d_{p}",
            8,
        ),
        store_d_weather=lines(
            12,
            (
                f"tl.store(at_d_weather + day * 3 + {k}, tl.sum(tl.where(there, d_{w}, 0.0), 1), mask=here)"
                for k, w in enumerate(WEATHER)
            ),
        ),
        store_d_stores=lines(4, (f"tl.store(at_d_{s} + column, d_end_{s}, mask=there)" for s in STORES)),
        store_static=each_parameter(
            lambda k, p: f"if not DYNAMIC & {1 << k}:\n        tl.store(at_d_{p} + column, sum_{p}, mask=there)", 4
        ),
    )


def _body(program: Program) -> list[str]:
    """Lines of a function: compute, and return the results in order."""
    lines = [f"v{number} = {_expression(program, i)}" for number, i in program.operations()]
    results = [_result(program, number) for _, number in program.results]
    return [*lines, f"return {', '.join(results)}"]


def _result(program: Program, number: int) -> str:
    """A result must have the shape of the others even if it is a constant."""
    instruction = program.instructions[number]
    if instruction.operation == "constant":
        return f"tl.zeros_like({STORES[0]}) + {instruction.value!r}"
    return program.operand(number)


def _expression(program: Program, instruction: Instruction) -> str:
    return _PATTERNS[instruction.operation].format(*map(program.operand, instruction.arguments))
