"""The compiled kernel on numpy arrays, without torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dhbv.errors import DhbvError
from dhbv.kernels import build, native
from dhbv.kernels.forms import FORMS, OUTPUTS
from dhbv.physics import hbv
from tests.kernels.cases import case

needs_compiler = pytest.mark.skipif(build.find_compiler() is None, reason="needs a C++ compiler")

Arguments = tuple[hbv.Stores, np.ndarray, dict[str, np.ndarray]]


def _arguments(**size: Any) -> Arguments:
    given = case(FORMS["delta"], **size)
    return (
        hbv.Stores(*(x.detach().numpy() for x in given.stores)),
        given.forcing.detach().numpy(),
        {name: x.detach().numpy() for name, x in given.parameters.items()},
    )


@needs_compiler
@pytest.mark.parametrize("components", [1, 16])
def test_equals_the_plain_loop(components: int) -> None:
    arguments = _arguments(days=50, components=components, dynamic=("beta", "gamma"))
    ends, means = native.simulate(*arguments, OUTPUTS)
    expected_ends, expected = hbv.simulate(*arguments, OUTPUTS)
    for mine, other in zip((*ends, *means.values()), (*expected_ends, *expected.values()), strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-12 * max(np.abs(other).max(), 1e-30))
    assert list(means) == list(OUTPUTS)


@needs_compiler
def test_water_is_conserved_in_float32() -> None:
    arguments = _arguments(days=365, basins=5, components=16)
    stores, forcing, parameters = arguments
    single = (
        hbv.Stores(*(x.astype(np.float32) for x in stores)),
        forcing.astype(np.float32),
        {n: x.astype(np.float32) for n, x in parameters.items()},
    )
    ends, means = native.simulate(*single, ("et", "q0", "q1", "q2"))
    before, after = (sum(x.astype(float).mean(-1) for x in s) for s in (stores, ends))
    lost = sum(x.astype(float).sum(0) for x in means.values())
    np.testing.assert_allclose(after + lost, before + forcing[..., 0].sum(0), rtol=1e-5)


@needs_compiler
def test_inputs_are_left_as_they_were() -> None:
    arguments = _arguments()
    before = [x.copy() for x in (*arguments[0], arguments[1], *arguments[2].values())]
    native.simulate(*arguments)
    for old, new in zip(before, (*arguments[0], arguments[1], *arguments[2].values()), strict=True):
        np.testing.assert_array_equal(old, new)


def test_without_a_kernel_it_is_plain_numpy(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(build, "load", lambda form, dtype: (None, "no C++ compiler was found"))
    native._say_once.cache_clear()
    arguments = _arguments(days=5)
    for _ in range(2):
        _, means = native.simulate(*arguments)
    np.testing.assert_array_equal(means["q0"], hbv.simulate(*arguments)[1]["q0"])
    assert caplog.text.count("HBV runs as plain numpy: no C++ compiler was found") == 1


def _no_day(x: Arguments) -> Arguments:
    return x[0], x[1][:0], x[2]


def _other_store(x: Arguments) -> Arguments:
    return x[0]._replace(soil_water=x[0].soil_water[:, :2]), x[1], x[2]


def _short_parameter(x: Arguments) -> Arguments:
    return x[0], x[1], x[2] | {"beta": np.ones((3, *x[2]["beta"].shape))}


def _single_parameter(x: Arguments) -> Arguments:
    return x[0], x[1], x[2] | {"beta": x[2]["beta"].astype(np.float32)}


def _with_nan(x: Arguments) -> Arguments:
    weather = x[1].copy()
    weather[7, 2, 0] = np.nan
    return x[0], weather, x[2]


def _with_negative(x: Arguments) -> Arguments:
    weather = x[1].copy()
    weather[3, 1, 2] = -0.5
    return x[0], weather, x[2]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_no_day, r"at least one day, not \[0, 3, 3\]"),
        (_other_store, r"store \w+ must have the shape"),
        (
            _short_parameter,
            r"parameter beta must have the shape \[3, 4\] \(static\) or \[70, 3, 4\] \(dynamic\), not",
        ),
        (_single_parameter, "beta is float32, the weather float64: all must be of one dtype"),
        (_with_nan, "basin 2: P is nan on day 7"),
        (_with_negative, r"basin 1: Ep is -0.5 on day 3 \(1 such values in all\)"),
    ],
)
def test_a_mistake_is_named(spoil: Callable[[Arguments], Arguments], message: str) -> None:
    with pytest.raises(DhbvError, match=message):
        native.simulate(*spoil(_arguments()))


def test_an_unknown_output_is_named() -> None:
    with pytest.raises(DhbvError, match="unknown output 'runoff': choose from et, rain"):
        native.simulate(*_arguments(), ("runoff",))


def test_no_torch_is_imported() -> None:
    code = "import dhbv.kernels.native, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
