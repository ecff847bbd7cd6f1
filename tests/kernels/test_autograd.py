"""The compiled kernel against the eager loop: values and gradients, in every form and corner."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from dhbv.errors import DhbvError
from dhbv.kernels import autograd, build
from dhbv.kernels.autograd import simulate_cpp
from dhbv.kernels.forms import FORMS, OUTPUTS, Form
from dhbv.physics import hbv
from dhbv.physics.variables import RUNOFF
from tests.kernels.cases import Case, assert_close, case, compare, results_and_gradients

pytestmark = pytest.mark.skipif(build.find_compiler() is None, reason="needs a C++ compiler")

DELTA = FORMS["delta"]
PUBLISHED = {
    "none": (),
    "beta": ("beta",),
    "gamma": ("gamma",),
    "beta and gamma": ("beta", "gamma"),
    "beta, gamma and k0": ("beta", "gamma", "k0"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=lambda form: form.name)
@pytest.mark.parametrize("dynamic", ["none", "all"])
def test_every_form_equals_the_eager_loop(form: Form, dynamic: str) -> None:
    compare(simulate_cpp, case(form, dynamic=form.parameters if dynamic == "all" else ()))


@pytest.mark.parametrize("dynamic", PUBLISHED.values(), ids=list(PUBLISHED))
def test_published_dynamic_sets(dynamic: tuple[str, ...]) -> None:
    compare(simulate_cpp, case(dynamic=dynamic), RUNOFF)


@pytest.mark.parametrize("name", DELTA.parameters)
def test_each_parameter_alone_may_be_dynamic(name: str) -> None:
    compare(simulate_cpp, case(days=40, basins=2, dynamic=(name,)), RUNOFF)


@pytest.mark.parametrize("components", [1, 4, 16, 19])
@pytest.mark.parametrize("basins", [1, 5, 33])
def test_any_number_of_components_and_basins(components: int, basins: int) -> None:
    compare(simulate_cpp, case(days=35, basins=basins, components=components, dynamic=("beta", "gamma")))


@pytest.mark.parametrize("days", [1, 2, 31, 32, 33, 64, 100])
def test_any_number_of_days(days: int) -> None:
    compare(simulate_cpp, case(days=days, dynamic=("gamma",)), RUNOFF)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"P": 0.0, "Ep": 8.0, "T": 25.0, "soil_water": 1e-3}, id="dry soil"),
        pytest.param({"P": 0.0, "Ep": 8.0, "T": 25.0, "soil_water": 0.0, "upper_zone": 0.0}, id="empty soil"),
        pytest.param({"T": -45.0}, id="deep frost"),
        pytest.param({"P": 500.0}, id="500 mm a day"),
        pytest.param({"Ep": 0.0}, id="no evaporation"),
        pytest.param({"Ep": 0.0, "P": 60.0, "T": 10.0}, id="soil at field capacity"),
    ],
)
@pytest.mark.parametrize(
    "form", [f for f in FORMS.values() if "gamma" in f.parameters], ids=lambda form: form.name
)
def test_extremes(form: Form, change: dict[str, float]) -> None:
    compare(simulate_cpp, case(form, basins=2, change=change, dynamic=("beta",)))


@pytest.mark.parametrize("output", OUTPUTS)
def test_each_output_alone(output: str) -> None:
    compare(simulate_cpp, case(days=33, basins=2), (output,))


def test_final_stores_alone() -> None:
    compare(simulate_cpp, case(), ())


@pytest.mark.parametrize("components", [3, 16])
def test_float32_is_near(components: int) -> None:
    """Against float64: rounding grows over a year of days to some 1e-5 of the largest value."""
    size = {"days": 365, "basins": 4, "components": components, "dynamic": ("beta", "gamma")}
    ours = results_and_gradients(simulate_cpp, case(**size, dtype=torch.float32))  # type: ignore[arg-type]
    theirs = results_and_gradients(hbv.simulate, case(**size))  # type: ignore[arg-type]
    eager = results_and_gradients(hbv.simulate, case(**size, dtype=torch.float32))  # type: ignore[arg-type]
    for mine, reference, plain in zip(ours, theirs, eager, strict=True):
        assert_close({k: v.double() for k, v in mine.items()}, reference, 2e-4)
        assert_close({k: v.double() for k, v in plain.items()}, reference, 2e-4)
        assert_close(mine, plain, 2e-4)


def test_only_what_is_asked_for_gets_a_gradient() -> None:
    given = case(dynamic=("beta",))
    parameters = {n: p if n in ("beta", "fc") else p.detach() for n, p in given.parameters.items()}
    stores = hbv.Stores(*(s.detach() for s in given.stores))
    ends, means = simulate_cpp(stores, given.forcing.detach(), parameters, RUNOFF)
    gradients = torch.autograd.grad(
        means["q0"].sum() + ends.soil_water.sum(), [parameters["beta"], parameters["fc"]]
    )
    assert all(g.abs().max() > 0 for g in gradients)


def test_without_gradient_nothing_is_kept() -> None:
    given = case()
    with torch.no_grad():
        _, means = simulate_cpp(given.stores, given.forcing, given.parameters, RUNOFF)
    assert not any(x.requires_grad for x in means.values())


def test_a_run_in_two_parts_has_the_gradient_of_the_whole() -> None:
    """Through the stores that are handed over; a part's length is no multiple of a segment."""

    def in_parts(
        stores: hbv.Stores,
        forcing: torch.Tensor,
        parameters: dict[str, torch.Tensor],
        outputs: tuple[str, ...],
    ) -> tuple[hbv.Stores, dict[str, torch.Tensor]]:
        first = {n: v[:45] if v.ndim == 3 else v for n, v in parameters.items()}
        second = {n: v[45:] if v.ndim == 3 else v for n, v in parameters.items()}
        middle, early = simulate_cpp(stores, forcing[:45], first, outputs)
        end, late = simulate_cpp(middle, forcing[45:], second, outputs)
        return end, {name: torch.cat([early[name], late[name]]) for name in outputs}

    compare(in_parts, case(dynamic=("gamma",)))


def test_tensors_need_not_be_contiguous() -> None:
    given = case(dynamic=("beta",), components=16)
    turned = given._replace(
        parameters={
            n: p.detach().transpose(-1, -2).contiguous().transpose(-1, -2).requires_grad_()
            for n, p in given.parameters.items()
        }
    )
    ours, theirs = results_and_gradients(simulate_cpp, turned), results_and_gradients(simulate_cpp, given)
    assert_close(ours[0], theirs[0], 0.0)
    assert_close(ours[1], theirs[1], 0.0)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_changes_nothing(threads: int) -> None:
    before = torch.get_num_threads()
    given = case(basins=9, components=16)
    expected = results_and_gradients(simulate_cpp, given)
    try:
        torch.set_num_threads(threads)
        again = results_and_gradients(simulate_cpp, given)
    finally:
        torch.set_num_threads(before)
    for a, b in zip(expected, again, strict=True):
        assert_close(a, b, 0.0)


def test_a_parameter_that_is_not_finite_shows_in_its_basin_alone() -> None:
    given = case(basins=20, components=4, dynamic=("beta",))
    with torch.no_grad():
        given.parameters["uzl"][3, 2] = np.nan
        given.parameters["beta"][10, 7, 0] = np.inf
        ends, means = simulate_cpp(given.stores, given.forcing, given.parameters, OUTPUTS)
    healthy = [b for b in range(20) if b not in (3, 7)]
    for values in means.values():
        assert values[:, 3].isnan().all()
        assert values[10:, 7].isnan().all()
        assert values[:10, 7].isfinite().all()
        assert values[:, healthy].isfinite().all()
    assert ends.soil_water[3, 2].isnan()


@pytest.mark.parametrize("kernel", ["eager", "cpp"])
def test_weather_that_is_not_finite_is_the_same_error_on_every_path(kernel: autograd.Choice) -> None:
    given = case()
    with torch.no_grad():
        given.forcing[12, 1, 1] = np.nan
    with pytest.raises(DhbvError, match=r"basin 1: T is nan on day 12 \(1 such values in all\)"):
        autograd.select(kernel)(given.stores, given.forcing, given.parameters)


def test_selection_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    autograd.select.cache_clear()
    with caplog.at_level("INFO"):
        chosen = autograd.select("auto", "cpu")
        autograd.select("auto", "cpu")
    given = case(days=3)
    assert autograd.select("cpp", "cpu") is simulate_cpp
    assert_close(*(f(given.stores, given.forcing, given.parameters)[1] for f in (chosen, simulate_cpp)), 0.0)
    assert [r.message for r in caplog.records if "HBV runs" in r.message] == [
        "HBV runs through the compiled C++ kernel (kernel 'auto', device cpu)"
    ]


def test_without_a_compiler_auto_is_eager(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(build, "load", lambda form, dtype: (None, "no C++ compiler was found"))
    autograd.select.cache_clear()
    with caplog.at_level("INFO"):
        assert autograd.select("auto", "cpu") is autograd.simulate_eager
    assert "no C++ compiler was found" in caplog.text
    with pytest.raises(DhbvError, match="no C\\+\\+ compiler was found"):
        autograd.select("cpp", "cpu")
    autograd.select.cache_clear()


def _half(given: Case) -> Case:
    return Case(
        hbv.Stores(*(s.half() for s in given.stores)),
        given.forcing.half(),
        {n: p.half() for n, p in given.parameters.items()},
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_half, "there are kernels for float32 and float64, not float16"),
        (lambda given: given, "there is no kernel for the parameters "),
    ],
    ids=["dtype", "parameters"],
)
def test_auto_is_eager_for_what_has_no_kernel_and_says_so_once(
    change: Callable[[Case], Case],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    given = change(case(days=3))
    if "parameters" in reason:
        monkeypatch.setattr(autograd.build, "form_of", lambda names: None)
    autograd._lack.cache_clear()
    autograd._say_once.cache_clear()
    for _ in range(2):
        _, found = autograd.select("auto")(given.stores, given.forcing, given.parameters)
    _, expected = hbv.simulate(given.stores, given.forcing, given.parameters, RUNOFF)
    autograd._lack.cache_clear()
    assert all(torch.equal(found[name], expected[name]) for name in RUNOFF)
    assert caplog.text.count(f"HBV runs as a plain loop over days: {reason}") == 1


def test_eager_is_the_plain_loop() -> None:
    assert autograd.select("eager", "cpu") is autograd.simulate_eager
