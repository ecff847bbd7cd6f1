"""The forms of the step that kernels are generated for, and the order of what goes in and out.

A form is a set of parameters, weights of NNr among them. Which of them change from day to day is no part of it: a kernel
reads each with its own stride over time, 0 for a static one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dhbv.errors import DhbvError
from dhbv.physics import hbv, variables
from dhbv.physics.parameters import OPTIONS, variant

STORES = hbv.Stores._fields
WEATHER = hbv.Forcing._fields
OUTPUTS = variables.names(stage="step")
"""All that a kernel can tell of a day: fluxes and stores, in the order of the variable table."""

ENDS = tuple(f"end_{name}" for name in STORES)
YIELDS = tuple(f"y_{name}" for name in OUTPUTS)
"""What stores at the end of the day and outputs are called within a program."""


class Form(NamedTuple):
    """A name, also of the shipped source, and the parameters in the order the kernel takes them."""

    name: str
    parameters: tuple[str, ...]


def _form(name: str) -> Form:
    found = variant(name)
    ordered = tuple(p for p in hbv.Parameters._fields if p in found.parameters)
    return Form(name.replace("+", "_"), (*ordered, *found.shared))


FORMS = {
    form.name: form for form in (_form(base + option) for option in ("", *OPTIONS) for base in ("hbv", "delta"))
}  # fmt: skip


def form_of(parameters: Iterable[str]) -> Form | None:
    """The form that has exactly these parameters, if one is shipped."""
    names = frozenset(parameters)
    return next((form for form in FORMS.values() if frozenset(form.parameters) == names), None)


def lacking(parameters: Iterable[str]) -> str:
    """That there is no such form, in words."""
    return f"there is no kernel for the parameters {', '.join(parameters)}"


def required_form(parameters: Iterable[str]) -> Form:
    """As `form_of`, where there must be one.

    Raises:
        DhbvError: if no kernel is generated for these parameters.
    """
    names = tuple(parameters)
    form = form_of(names)
    if form is None:
        raise DhbvError(f"{lacking(names)}: choose kernel 'eager'")
    return form


def cotangent(name: str) -> str:
    """What the derivative of the loss with respect to `name` is called within an adjoint."""
    return f"d_{name}"
