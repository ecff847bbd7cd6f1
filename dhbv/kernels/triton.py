"""Programs as Triton: step and adjoint in their time loops, a module for each form; needs no Triton.

The loops stand in scan.triton, which reads as the module will: `$step` is where the step goes, and a
line `$stores: …` is repeated for every store with its `$name`, `$index` and `$bit` (1 << index).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from string import Template

from dhbv.kernels.forms import OUTPUTS, STORES, WEATHER, Form
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

_REPEATED = re.compile(r"( *)\$(\w+): (.*)")
_FUNCTION = re.compile(r"( *)\$(step|adjoint)")


def generated(form: Form) -> Path:
    """Where the printed module of a form is kept in this checkout."""
    return Path(__file__).parent / "generated" / f"{form.name}.py"


def print_form(form: Form, step: Program, adjoint: Program) -> str:
    """The module of a form: its step, its adjoint and the loops in which they stand."""
    names = {"stores": STORES, "weather": WEATHER, "parameters": form.parameters, "outputs": OUTPUTS}
    bodies = {"step": _body(step), "adjoint": _body(adjoint)}
    template = (files("dhbv.kernels") / "scan.triton").read_text(encoding="utf-8").replace("$form", form.name)
    return "\n".join(line for text in template.splitlines() for line in _expand(text, names, bodies)) + "\n"


def _expand(text: str, names: dict[str, tuple[str, ...]], bodies: dict[str, list[str]]) -> Iterator[str]:
    """The lines for which one line of the template stands."""
    if found := _REPEATED.fullmatch(text):
        indent, group, pattern = found.groups()
        for index, name in enumerate(names[group]):
            yield indent + Template(pattern).substitute(name=name, index=index, bit=1 << index)
    elif found := _FUNCTION.fullmatch(text):
        yield from (found[1] + line for line in bodies[found[2]])
    else:
        yield text


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
