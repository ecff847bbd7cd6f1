"""Straight-line code between the traced step and the printed kernels: small, printable, testable.

A `Program` is a list of instructions without branches, each an operation on earlier ones. Printers
turn it into C++ or Triton line by line; `evaluate` runs it with numpy, which is how it is tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "neg": np.negative,
    "min": np.minimum,
    "max": np.maximum,
    "log2": np.log2,
    "exp2": np.exp2,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "select": np.where,
}
"""What an instruction may be, besides "input" and "constant", and what it means."""

COMPARISONS = ("lt", "le", "gt", "ge", "eq", "ne", "and", "or")
"""Operations whose result is a truth value."""

_COMMUTATIVE = ("add", "mul", "min", "max", "eq", "ne", "and", "or")


class Instruction(NamedTuple):
    """One operation on the results of earlier instructions, given by their numbers."""

    operation: str
    arguments: tuple[int, ...] = ()
    name: str = ""
    """Of an input."""
    value: float = 0.0
    """Of a constant."""


class Program(NamedTuple):
    """Instructions in order, and the name and instruction number of each result."""

    instructions: tuple[Instruction, ...]
    results: tuple[tuple[str, int], ...]

    def operations(self) -> Iterator[tuple[int, Instruction]]:
        """The instructions that compute something, with their numbers."""
        for number, instruction in enumerate(self.instructions):
            if instruction.operation not in ("input", "constant"):
                yield number, instruction

    def operand(self, number: int, constant: Callable[[float], str] = repr) -> str:
        """How a printer refers to a result: an input's name, a constant or v and its number."""
        instruction = self.instructions[number]
        if instruction.operation == "input":
            return instruction.name
        if instruction.operation == "constant":
            return constant(instruction.value)
        return f"v{number}"

    def __str__(self) -> str:
        lines = [
            f"v{number} = {i.operation}({', '.join(map(self.operand, i.arguments))})"
            for number, i in self.operations()
        ]
        return "\n".join(lines + [f"{name} ← {self.operand(number)}" for name, number in self.results])


class Builder:
    """Writes a program, never the same instruction twice and none that a constant can replace.

    Folds only what is exact for finite numbers, so that the program computes the same bits.
    """

    def __init__(self) -> None:
        self._instructions: list[Instruction] = []
        self._numbers: dict[Instruction, int] = {}

    def input(self, name: str) -> int:
        return self._put(Instruction("input", name=name))

    def constant(self, value: float) -> int:
        return self._put(Instruction("constant", value=float(value)))

    def put(self, operation: str, *arguments: int) -> int:
        """The number of the result of `operation` on the results numbered `arguments`."""
        if operation not in OPERATIONS:
            raise ValueError(f"no operation {operation!r}")
        values = [self.value(n) for n in arguments]
        if all(v is not None for v in values) and operation not in COMPARISONS:
            return self.constant(OPERATIONS[operation](*values))
        simpler = self._simplify(operation, arguments)
        if simpler is not None:
            return simpler
        if operation in _COMMUTATIVE:
            arguments = tuple(sorted(arguments, key=lambda n: (self.value(n) is not None, n)))
        return self._put(Instruction(operation, arguments))

    def value(self, number: int) -> float | None:
        """The value, if the result is a constant."""
        instruction = self._instructions[number]
        return instruction.value if instruction.operation == "constant" else None

    def instruction(self, number: int) -> Instruction:
        return self._instructions[number]

    def program(self, results: Sequence[tuple[str, int]]) -> Program:
        """The program of these results, without instructions that none of them needs."""
        needed = {number for _, number in results}
        for number in range(len(self._instructions) - 1, -1, -1):
            if number in needed:
                needed.update(self._instructions[number].arguments)
        kept = [n for n, i in enumerate(self._instructions) if n in needed or i.operation == "input"]
        new = {old: n for n, old in enumerate(kept)}
        return Program(
            tuple(
                i._replace(arguments=tuple(new[a] for a in i.arguments))
                for i in (self._instructions[n] for n in kept)
            ),
            tuple((name, new[number]) for name, number in results),
        )

    def _put(self, instruction: Instruction) -> int:
        if instruction not in self._numbers:
            self._numbers[instruction] = len(self._instructions)
            self._instructions.append(instruction)
        return self._numbers[instruction]

    def _simplify(self, operation: str, arguments: tuple[int, ...]) -> int | None:
        """The number of an equal, cheaper result, if there is one."""
        first, last = arguments[0], arguments[-1]
        match operation, self.value(first), self.value(last):
            case ("add", 0.0, _) | ("mul", 1.0, _):
                return last
            case ("add" | "sub", _, 0.0) | ("mul" | "div", _, 1.0):
                return first
            case ("mul", 0.0, _) | ("mul", _, 0.0) | ("div", 0.0, _):
                return self.constant(0.0)
            case ("sub", 0.0, _):
                return self.put("neg", last)
            case ("div", _, float() as divisor) if np.frexp(divisor)[0] == 0.5:
                return self.put("mul", first, self.constant(1.0 / divisor))
        match operation, self._negated(first), self._negated(last):
            case ("neg", int() as x, _):
                return x
            case ("add", _, int() as x):
                return self.put("sub", first, x)
            case ("add", int() as x, _):
                return self.put("sub", last, x)
            case ("sub", _, int() as x):
                return self.put("add", first, x)
        if operation == "select" and arguments[1] == arguments[2]:
            return last
        return None

    def _negated(self, number: int) -> int | None:
        """x, if the result is −x."""
        instruction = self._instructions[number]
        return instruction.arguments[0] if instruction.operation == "neg" else None


def hand_over(giver: Program, taker: Program, operations: Sequence[str]) -> tuple[Program, Program, int]:
    """Spare `taker` some work: results of costly `operations` that `giver` computes from the same inputs.

    Returns:
        The giver with further results called given_0, given_1, …; the taker with inputs of these
        names instead of the operations; and how many there are.
    """
    known: dict[Instruction, int] = {}
    given = {
        meaning: number
        for number, meaning in enumerate(_meanings(giver, known))
        if giver.instructions[number].operation in operations
    }
    shared = [meaning for meaning in _meanings(taker, known) if meaning in given]
    to = Builder()
    numbers: list[int] = []
    for instruction, meaning in zip(taker.instructions, _meanings(taker, known), strict=True):
        operation, arguments, name, value = instruction
        if operation == "input":
            numbers.append(to.input(name))
        elif operation == "constant":
            numbers.append(to.constant(value))
        elif meaning in given:
            numbers.append(to.input(f"given_{shared.index(meaning)}"))
        else:
            numbers.append(to.put(operation, *(numbers[a] for a in arguments)))
    results = [(f"given_{k}", given[meaning]) for k, meaning in enumerate(shared)]
    return (
        giver._replace(results=(*giver.results, *results)),
        to.program([(name, numbers[number]) for name, number in taker.results]),
        len(shared),
    )


def _meanings(program: Program, known: dict[Instruction, int]) -> list[int]:
    """A number for each instruction, the same for those of any program that compute the same from inputs."""
    meanings: list[int] = []
    for instruction in program.instructions:
        arguments = tuple(meanings[a] for a in instruction.arguments)
        if instruction.operation in _COMMUTATIVE:
            arguments = tuple(sorted(arguments))
        meanings.append(known.setdefault(instruction._replace(arguments=arguments), len(known)))
    return meanings


def evaluate(program: Program, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The results by name, from numpy arrays or numbers for every input."""
    values: list[Any] = []
    for operation, arguments, name, value in program.instructions:
        if operation == "input":
            values.append(inputs[name])
        elif operation == "constant":
            values.append(value)
        else:
            values.append(OPERATIONS[operation](*(values[n] for n in arguments)))
    return {name: values[number] for name, number in program.results}
