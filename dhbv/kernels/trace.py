"""From `hbv.step` to programs: the step itself, and its adjoint from torch's own derivatives.

    python -m dhbv.kernels.trace            print the programs
    python -m dhbv.kernels.trace --write    print them as C++ and Triton into the package

The second refreshes what ships, `dhbv/kernels/generated`; a test holds it to a fresh trace.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import e, log, log2
from pathlib import Path

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

from dhbv.kernels import cpp, triton
from dhbv.kernels.forms import ENDS, FORMS, OUTPUTS, STORES, WEATHER, YIELDS, Form, cotangent
from dhbv.kernels.ir import Builder, Program
from dhbv.physics import hbv

Values = Sequence[Tensor]


def step(form: Form) -> Program:
    """One day: stores, weather and parameters → stores at its end and outputs, ENDS and YIELDS."""

    def function(stores: Values, weather: Values, parameters: Values) -> list[Tensor]:
        return _step(form, stores, weather, parameters)

    names = (STORES, WEATHER, form.parameters)
    return _program(function, names, (*ENDS, *YIELDS))


def adjoint(form: Form) -> Program:
    """Its vector–Jacobian product: arguments and `cotangent` of all results → `cotangent` of all arguments."""

    def function(stores: Values, weather: Values, parameters: Values, cotangents: Values) -> list[Tensor]:
        _, pull_back = torch.func.vjp(partial(_step, form), stores, weather, parameters)  # type: ignore[misc]
        return [gradient for group in pull_back(list(cotangents)) for gradient in group]

    arguments = (STORES, WEATHER, form.parameters)
    given = [cotangent(name) for name in (*ENDS, *YIELDS)]
    return _program(function, (*arguments, given), [cotangent(name) for group in arguments for name in group])


def _step(form: Form, stores: Values, weather: Values, parameters: Values) -> list[Tensor]:
    named = hbv.Parameters.of(dict(zip(form.parameters, parameters, strict=True)))
    end, fluxes = hbv.step(hbv.Stores(*stores), hbv.Forcing(*weather), named)
    return [*end, *(hbv.output(name, end, fluxes) for name in OUTPUTS)]


def _program(
    function: Callable[..., list[Tensor]], names: Sequence[Sequence[str]], results: Sequence[str]
) -> Program:
    """Run `function` once on groups of arrays called `names`; what it did, as a program."""
    # Two elements, lest torch take an array of one for a number; positive, lest a logarithm be NaN.
    groups = [[torch.rand(2, dtype=torch.float64) + 0.1 for _ in group] for group in names]
    graph = make_fx(function)(*groups).graph
    inputs = (name for group in names for name in group)
    return _Translator().translate(graph, inputs, results)


class _Translator:
    """Reads a graph of torch's operations into a program."""

    def __init__(self) -> None:
        self._to = Builder()
        self._numbers: dict[fx.Node, int] = {}

    def translate(self, graph: fx.Graph, inputs: Iterator[str], results: Sequence[str]) -> Program:
        numbers: list[int] = []
        for node in graph.nodes:
            if node.op == "placeholder":
                self._numbers[node] = self._to.input(next(inputs))
            elif node.op == "output":
                numbers = [self._number(x) for x in node.args[0]]
            else:
                assert node.op == "call_function", node
                assert not node.kwargs.keys() & {"alpha", "rounding_mode"}, node
                self._numbers[node] = self._call(node)
        return self._to.program(list(zip(results, numbers, strict=True)))

    def _number(self, x: object) -> int:
        return self._numbers[x] if isinstance(x, fx.Node) else self._to.constant(float(x))  # type: ignore[arg-type]

    def _call(self, node: fx.Node) -> int:
        """One operation of torch, in ours."""
        name = node.target.overloadpacket.__name__  # type: ignore[union-attr]
        put, x = self._to.put, [a if a is None else self._number(a) for a in node.args]
        match name, *x:
            case "add" | "sub" | "mul" | "div" | "neg" | "lt" | "le" | "gt" | "ge" | "eq" | "ne", *a:
                return put(name, *a)
            case "rsub", a, b:
                return put("sub", b, a)
            case "minimum" | "maximum", a, b:
                return put(name[:3], a, b)
            case "logical_and" | "logical_or", a, b:
                return put(name.removeprefix("logical_"), a, b)
            case "where", condition, a, b:
                return put("select", condition, a, b)
            case "masked_fill" | "masked_fill_", a, condition, b:
                return put("select", condition, b, a)
            case "clamp", a, *bounds:
                for operation, bound in zip(("max", "min"), bounds, strict=False):
                    a = a if bound is None else put(operation, a, bound)
                return a
            case "log", a:
                return put("mul", self._to.constant(log(2.0)), put("log2", a))
            case "pow", a, b:
                return self._power(a, b)
            case "tanh", a:
                return self._tanh(a)
            case "tanh_backward", gradient, y:
                return put("mul", gradient, put("sub", self._to.constant(1.0), put("mul", y, y)))
            case "zeros_like" | "new_zeros", *_:
                return self._to.constant(0.0)
            case "scalar_tensor" | "detach" | "clone" | "alias", a:
                return a
        raise NotImplementedError(f"the trace of hbv.step contains {node.target}: teach it to {__name__}")

    def _power(self, base: int, exponent: int) -> int:
        """x^y = exp2(y log2 x) for x > 0; x^(y−1), in derivatives, as x^y / x, which is at hand."""
        put, instruction = self._to.put, self._to.instruction(exponent)
        if instruction.operation == "sub" and self._to.value(instruction.arguments[1]) == 1.0:
            return put("div", self._power(base, instruction.arguments[0]), base)
        return put("exp2", put("mul", exponent, put("log2", base)))

    def _tanh(self, x: int) -> int:
        """tanh x = 1 − 2 / (1 + e^2x), whose exponential may run to its bounds at either end."""
        put, one = self._to.put, self._to.constant(1.0)
        exponential = put("exp2", put("mul", self._to.constant(2.0 * log2(e)), x))
        return put("sub", one, put("div", self._to.constant(2.0), put("add", one, exponential)))


def printed(form: Form) -> dict[Path, str]:
    """What ships for a form: its step and adjoint as C++ and as Triton, each with the place it is kept."""
    programs = step(form), adjoint(form)
    return {
        cpp.generated(form): cpp.print_form(form, *programs),
        triton.generated(form): triton.print_form(form, *programs),
    }


def main(arguments: Sequence[str]) -> None:
    for form in FORMS.values():
        if "--write" in arguments:
            for path, text in printed(form).items():
                path.write_text(text, encoding="utf-8")
        else:
            print(f"# {form.name}: step\n{step(form)}\n\n# {form.name}: adjoint\n{adjoint(form)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
