"""The traced programs against `hbv.step` and torch's own derivative of it; what ships against both."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dhbv.kernels import trace
from dhbv.kernels.forms import ENDS, FORMS, OUTPUTS, STORES, WEATHER, YIELDS, Form, cotangent, form_of
from dhbv.kernels.ir import evaluate
from dhbv.physics import hbv
from dhbv.physics.effective_rainfall import HIDDEN, WEIGHTS
from dhbv.physics.parameters import OPTIONS, VARIANTS, variant
from tests.kernels.cases import Case, case

EVERY_FORM = pytest.mark.parametrize("form", FORMS.values(), ids=lambda form: form.name)


def _arguments(given: Case) -> dict[str, torch.Tensor]:
    """The first day, every argument of the shape [basin, component]."""
    shape = given.stores.soil_water.shape
    weather = {name: given.forcing[0, :, k, None].expand(shape) for k, name in enumerate(WEATHER)}
    return {**given.stores._asdict(), **weather, **given.parameters}


def _step(form: Form, *arguments: torch.Tensor) -> tuple[torch.Tensor, ...]:
    named = dict(zip((*STORES, *WEATHER, *form.parameters), arguments, strict=True))
    stores, weather, parameters = (
        {name: named[name] for name in group} for group in (STORES, WEATHER, form.parameters)
    )
    end, fluxes = hbv.step(hbv.Stores(**stores), hbv.Forcing(**weather), hbv.Parameters.of(parameters))
    return (*end, *(hbv.output(name, end, fluxes) for name in OUTPUTS))


@EVERY_FORM
def test_step_is_the_step(form: Form) -> None:
    arguments = _arguments(case(form, days=1, basins=200, components=16))
    found = evaluate(trace.step(form), {n: x.detach().numpy() for n, x in arguments.items()})
    for name, expected in zip((*ENDS, *YIELDS), _step(form, *arguments.values()), strict=True):
        np.testing.assert_allclose(
            found[name], expected.detach().numpy(), rtol=1e-12, atol=1e-12, err_msg=name
        )


@EVERY_FORM
def test_adjoint_is_the_derivative_of_torch(form: Form) -> None:
    arguments = _arguments(case(form, days=1, basins=200, components=16))
    results, pull_back = torch.func.vjp(lambda *x: _step(form, *x), *arguments.values())
    given = tuple(torch.randn(x.shape, dtype=x.dtype) for x in results)
    inputs = {n: x.detach().numpy() for n, x in arguments.items()}
    inputs |= {cotangent(n): x.numpy() for n, x in zip((*ENDS, *YIELDS), given, strict=True)}
    found = evaluate(trace.adjoint(form), inputs)
    for name, expected in zip(arguments, pull_back(given), strict=True):
        expected = expected.detach().numpy()
        error = np.abs(found[cotangent(name)] - expected).max() / np.abs(expected).max()
        assert error <= 1e-12, name


@EVERY_FORM
def test_a_power_is_computed_once(form: Form) -> None:
    """Each curve needs one logarithm and one exponential, each tanh of NNr one exponential, in the adjoint too."""
    network = WEIGHTS[0] in form.parameters
    powers = (not network) + ("gamma" in form.parameters)
    for program in (trace.step(form), trace.adjoint(form)):
        operations = [i.operation for _, i in program.operations()]
        assert operations.count("log2") == powers
        assert operations.count("exp2") == powers + network * (HIDDEN + 1)


@EVERY_FORM
def test_what_ships_is_a_fresh_trace(form: Form) -> None:
    for path, text in trace.printed(form).items():
        assert path.read_text(encoding="utf-8") == text, (
            f"run `python -m dhbv.kernels.trace --write` for {path.name}"
        )


def test_an_operation_that_is_not_understood_is_named() -> None:
    with pytest.raises(NotImplementedError, match=r"aten\.sin"):
        trace._program(lambda x: [torch.sin(x[0])], [["x"]], ["y"])


@pytest.mark.parametrize("option", ["", *OPTIONS])
@pytest.mark.parametrize("base", VARIANTS)
def test_every_variant_has_a_form(base: str, option: str) -> None:
    parameters = variant(base + option).of_step
    form = form_of(parameters)
    assert form is not None
    assert set(form.parameters) == set(parameters)
    assert form_of(parameters[1:]) is None
