"""Programs as C++: one function for a step, one for its adjoint, to stand in the time loop of scan.cpp."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from dhbv.kernels.forms import ENDS, OUTPUTS, STORES, WEATHER, YIELDS, Form, cotangent
from dhbv.kernels.ir import COMPARISONS, Instruction, Program, hand_over
from dhbv.physics.variables import RUNOFF

PLACEHOLDER = "// {{ step and adjoint }}\n"
"""The line of scan.cpp that the printed form replaces."""

_PATTERNS = {
    "add": "{} + {}",
    "sub": "{} - {}",
    "mul": "{} * {}",
    "div": "{} / {}",
    "neg": "-{}",
    "min": "minimum({}, {})",
    "max": "maximum({}, {})",
    "log2": "log2({})",
    "exp2": "exp2({})",
    "lt": "{} < {}",
    "le": "{} <= {}",
    "gt": "{} > {}",
    "ge": "{} >= {}",
    "eq": "{} == {}",
    "ne": "{} != {}",
    "and": "{} & {}",
    "or": "{} | {}",
    "select": "select({}, {}, {})",
}


def generated(form: Form) -> Path:
    """Where the printed C++ of a form is kept in this checkout."""
    return Path(__file__).parent / "generated" / f"{form.name}.inc"


def source(form: Form) -> str:
    """The whole C++ source of a form, from what ships with the package; needs no torch."""
    printed = _shipped(f"generated/{form.name}.inc")
    return _shipped("lanes.h") + _shipped("scan.cpp").replace(PLACEHOLDER, printed)


def lstm_source() -> str:
    """The whole C++ source of the LSTM."""
    return _shipped("lanes.h") + _shipped("lstm.cpp")


def _shipped(name: str) -> str:
    folder: Traversable = files("dhbv.kernels")
    return folder.joinpath(*name.split("/")).read_text(encoding="utf-8")


def print_form(form: Form, step: Program, adjoint: Program) -> str:
    """Step and adjoint of a form as C++, with the sizes the time loop needs to know."""
    arguments = {**_array("stores", STORES), **_array("weather", WEATHER), **_array("theta", form.parameters)}
    # The reverse loop runs each day forward first: its curves are at hand when the adjoint needs them.
    step, adjoint, count = hand_over(step, adjoint, ("log2", "exp2"))
    curves = _array("curves", (f"given_{k}" for k in range(count)))
    results = {**_array("stores", ENDS), **_array("y", YIELDS), **curves}
    cotangents = {
        **_array("d_stores", map(cotangent, ENDS)),
        **{cotangent(name): f"wanted<runoff, {k}>(d_y)" for k, name in enumerate(YIELDS)},
    }
    gradients = {
        **_array("d_stores", map(cotangent, STORES)),
        **_array("d_weather", map(cotangent, WEATHER)),
        **_array("d_theta", map(cotangent, form.parameters)),
    }
    runoff = ", ".join(str(name in RUNOFF).lower() for name in OUTPUTS)
    return "\n".join(
        [
            f"// Form {form.name}, printed by `python -m dhbv.kernels.trace --write`; do not edit.",
            f"constexpr int STORES = {len(STORES)};",
            f"constexpr int WEATHER = {len(WEATHER)};",
            f"constexpr int PARAMETERS = {len(form.parameters)};",
            f"constexpr int OUTPUTS = {len(OUTPUTS)};",
            f"constexpr int CURVES = {count};",
            f"constexpr bool RUNOFF[OUTPUTS] = {{{runoff}}};",
            "",
            "// One day: stores at its beginning → at its end, the outputs y, and curves that the adjoint can use.",
            "INLINE void step(V (&stores)[STORES], const V (&weather)[WEATHER], const V (&theta)[PARAMETERS],",
            "                 V (&y)[OUTPUTS], V (&curves)[CURVES]) {",
            *_body(step, arguments, results, "="),
            "}",
            "",
            "// Its adjoint: d_stores at the end of the day → at its beginning; adds to the other gradients.",
            "// Where `runoff` is true, of d_y only that of the runoff is read, the others are 0.",
            "template <bool runoff>",
            "INLINE void adjoint(const V (&stores)[STORES], const V (&weather)[WEATHER], const V (&theta)[PARAMETERS],",
            "                    const V (&curves)[CURVES], V (&d_stores)[STORES], const V (&d_y)[OUTPUTS], V (&d_weather)[WEATHER],",
            "                    V (&d_theta)[PARAMETERS]) {",
            *_body(adjoint, arguments | cotangents | curves, gradients, "+="),
            "}",
            "",
        ]
    )


def _array(array: str, names: Iterable[str]) -> dict[str, str]:
    """Where in a C++ array each name stands."""
    return {name: f"{array}[{k}]" for k, name in enumerate(names)}


def _body(program: Program, arguments: dict[str, str], results: dict[str, str], assign: str) -> list[str]:
    """Lines of a function: name the arguments, compute, write the results."""
    used = {n for i in program.instructions for n in i.arguments} | {n for _, n in program.results}
    lines = [
        f"const V {i.name} = {arguments[i.name]};"
        for n, i in enumerate(program.instructions)
        if i.operation == "input" and n in used
    ]
    for number, instruction in program.operations():
        kind = "M" if instruction.operation in COMPARISONS else "V"
        lines.append(f"const {kind} v{number} = {_expression(program, instruction)};")
    for name, number in program.results:
        target = results[name]
        # Stores are carried from day to day; weather and parameters gather gradients.
        operator = "=" if target.startswith("d_stores") else assign
        lines.append(f"{target} {operator} {program.operand(number, _constant)};  // {name}")
    return [f"    {line}" for line in lines]


def _expression(program: Program, instruction: Instruction) -> str:
    operands = (program.operand(n, _constant) for n in instruction.arguments)
    return _PATTERNS[instruction.operation].format(*operands)


def _constant(value: float) -> str:
    return f"all({value!r})"
