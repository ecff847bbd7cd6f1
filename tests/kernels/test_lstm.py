"""The compiled LSTM against torch's own: values and gradients, in every size and corner."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dhbv.kernels import build, lstm
from dhbv.kernels.lstm import How, Layer, run_torch
from tests.conftest import small_config
from tests.kernels.cases import assert_close
from tests.training.test_trainer import trainer_of

needs_compiler = pytest.mark.skipif(build.find_compiler() is None, reason="needs a C++ compiler")


def compiled(dtype: torch.dtype = torch.float64, products: lstm.Products = "float32") -> Layer:
    layer = lstm.select(How("auto", products), "cpu", dtype)
    assert layer is not run_torch
    return layer


class Case:
    """An LSTM, inputs and a memory to begin with, all of which ask for a gradient."""

    def __init__(
        self,
        days: int,
        basins: int,
        inputs: int,
        hidden: int,
        *,
        scale: float = 1.0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        torch.manual_seed(0)
        self.lstm = nn.LSTM(inputs, hidden).to(dtype)
        with torch.no_grad():
            for weight in self.lstm.parameters():
                weight.mul_(scale)
        self.x = torch.randn(days, basins, inputs, dtype=dtype, requires_grad=True)
        self.memory = tuple(torch.randn(basins, hidden, dtype=dtype, requires_grad=True) for _ in range(2))

    def results(self, layer: Layer) -> dict[str, Tensor]:
        h, (h_end, c_end) = layer(self.lstm, {}, self.x, self.memory)  # type: ignore[arg-type]
        return {"h": h, "h_end": h_end, "c_end": c_end}

    def gradients(self, layer: Layer, only: tuple[str, ...] = ("h", "h_end", "c_end")) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(1)
        found = self.results(layer)
        loss = sum(
            (
                found[n] * torch.randn(found[n].shape, generator=generator, dtype=torch.float64).to(found[n])
            ).sum()
            for n in only
        )
        leaves = {"x": self.x, "h_before": self.memory[0], "c_before": self.memory[1]}
        leaves |= dict(self.lstm.named_parameters())
        return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


def compare(case: Case, layer: Layer, tolerance: float = 1e-12) -> None:
    assert_close(case.results(layer), case.results(run_torch), tolerance)
    assert_close(case.gradients(layer), case.gradients(run_torch), tolerance)


@needs_compiler
@pytest.mark.parametrize("hidden", [1, 5, 8, 16, 33, 64])
@pytest.mark.parametrize("inputs", [1, 19])
def test_any_width(hidden: int, inputs: int) -> None:
    compare(Case(11, 7, inputs, hidden), compiled())


@needs_compiler
@pytest.mark.parametrize("basins", [1, 2, 5, 6, 7, 13, 100])
def test_any_number_of_basins(basins: int) -> None:
    compare(Case(4, basins, 3, 5), compiled())


@needs_compiler
@pytest.mark.parametrize("days", [1, 2, 150])
def test_any_number_of_days(days: int) -> None:
    """150 days of 60 basins are more than the reverse pass has at hand at once."""
    compare(Case(days, 60, 5, 32), compiled())


@needs_compiler
def test_more_rows_and_inputs_than_fit_a_cache() -> None:
    compare(Case(6, 70, 110, 100), compiled())


@needs_compiler
@pytest.mark.parametrize("only", ["h", "h_end", "c_end"])
def test_gradient_through_one_result_alone(only: str) -> None:
    case = Case(9, 4, 3, 5)
    assert_close(case.gradients(compiled(), (only,)), case.gradients(run_torch, (only,)), 1e-12)


@needs_compiler
def test_float32_is_near() -> None:
    case = Case(365, 20, 19, 64, dtype=torch.float32)
    ours, theirs = case.gradients(compiled(torch.float32)), case.gradients(run_torch)
    assert_close(ours, theirs, 1e-5)


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [50.0, 1e4])
def test_saturated_gates_are_finite_and_right(dtype: torch.dtype, size: float) -> None:
    case = Case(20, 5, 3, 5, dtype=dtype)
    with torch.no_grad():
        for name in ("bias_ih_l0", "weight_ih_l0", "weight_hh_l0"):
            weight = getattr(case.lstm, name)
            weight.copy_(size * weight.sign())
    compare(case, compiled(dtype), 1e-12 if dtype == torch.float64 else 1e-3)


@needs_compiler
def test_what_is_not_finite_shows_in_its_basin_alone() -> None:
    case = Case(10, 8, 3, 20)
    with torch.no_grad():
        case.x[4, 6, 1] = np.nan
        h = case.results(compiled())["h"]
    assert h[4:, 6].isnan().all()
    assert h[:4].isfinite().all()
    assert h[:, [0, 1, 2, 3, 4, 5, 7]].isfinite().all()


@needs_compiler
def test_a_weight_that_is_not_finite_shows() -> None:
    case = Case(3, 2, 3, 5)
    with torch.no_grad():
        case.lstm.weight_ih_l0[2 * 5 + 3, 1] = np.nan
        h = case.results(compiled())["h"]
    assert h[0, :, 3].isnan().all()
    assert h[1].isnan().all()


@needs_compiler
def test_the_number_of_threads_changes_nothing() -> None:
    case = Case(40, 23, 5, 40, dtype=torch.float32)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(case.gradients(compiled(torch.float32)))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert_close(found[0], other, 0.0)


@needs_compiler
def test_inputs_need_not_be_contiguous() -> None:
    case = Case(9, 4, 6, 5)
    given = case.gradients(compiled())
    case.x = case.x.detach().transpose(0, 2).contiguous().transpose(0, 2).requires_grad_()
    assert_close(case.gradients(compiled()), given, 0.0)


@needs_compiler
def test_weights_that_replace_the_own_get_the_gradient() -> None:
    case = Case(5, 3, 2, 5)
    other = (2.0 * case.lstm.weight_hh_l0.detach()).requires_grad_()
    found = [
        torch.autograd.grad(layer(case.lstm, {"weight_hh_l0": other}, case.x, None)[0].sum(), other)[0]
        for layer in (compiled(), run_torch)
    ]
    assert_close({"w": found[0]}, {"w": found[1]}, 1e-12)


@needs_compiler
def test_two_graphs_at_once_do_not_share_what_they_keep() -> None:
    def gradient(case: Case) -> Tensor:
        return torch.autograd.grad(case.results(compiled())["h"].sum(), case.x)[0]

    case, other = Case(30, 4, 3, 5), Case(30, 4, 3, 5, scale=2.0)
    expected = gradient(case), gradient(other)
    first, second = case.results(compiled())["h"].sum(), other.results(compiled())["h"].sum()
    once = torch.autograd.grad(first, case.x, retain_graph=True)[0]
    later = torch.autograd.grad(second, other.x)[0]
    again = torch.autograd.grad(first, case.x)[0]
    assert torch.equal(once, expected[0])
    assert torch.equal(later, expected[1])
    assert torch.equal(again, expected[0])


@needs_compiler
def test_memory_is_handed_on_and_nothing_is_kept_without_gradient() -> None:
    lstm._Workspace._spare.clear()
    case = Case(30, 4, 3, 5)
    with torch.no_grad():
        assert not case.results(compiled())["h"].requires_grad
    assert not lstm._Workspace._spare
    case.gradients(compiled())
    [spare] = lstm._Workspace._spare
    case.gradients(compiled())
    assert lstm._Workspace._spare[0] is spare


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_products_in_bfloat16_are_near(dtype: torch.dtype) -> None:
    case = Case(60, 10, 19, 33, dtype=dtype)
    exact, rough = case.gradients(compiled(dtype)), case.gradients(compiled(dtype, "bfloat16"))
    assert_close(rough, exact, 2e-2)
    assert all(not torch.equal(rough[name], exact[name]) for name in ("weight_ih_l0", "weight_hh_l0"))
    assert all(g.dtype == dtype for g in rough.values())


@needs_compiler
def test_training_multiplies_as_it_is_configured() -> None:
    losses = {}
    for products in ("float32", "bfloat16"):
        trainer = trainer_of(small_config("lstm", iterations=4, lstm_products=products))
        trainer.run()
        losses[products] = [loss for _, loss, _ in trainer.history]
    assert losses["bfloat16"] != losses["float32"]
    np.testing.assert_allclose(losses["bfloat16"], losses["float32"], rtol=1e-2)


def test_eager_is_torchs_own() -> None:
    assert lstm.select(How("eager"), "cpu", torch.float32) is run_torch


@pytest.mark.parametrize(
    ("device", "dtype", "reason"),
    [
        ("cuda", torch.float32, "the C++ kernel cannot run on cuda"),
        ("cpu", torch.float16, "there are kernels for float32 and float64, not float16"),
        ("cpu", torch.bfloat16, "there are kernels for float32 and float64, not bfloat16"),
    ],
)
def test_what_has_no_kernel_is_torchs_own_and_says_so_once(
    device: str, dtype: torch.dtype, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    lstm.select.cache_clear()
    with caplog.at_level("INFO"):
        assert lstm.select(How(), device, dtype) is run_torch
        lstm.select(How(), device, dtype)
    assert [r.message for r in caplog.records] == [f"LSTM runs as torch has it: {reason}"]


def test_without_a_compiler_it_is_torchs_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(build, "load_lstm", lambda dtype: (None, "no C++ compiler was found"))
    lstm.select.cache_clear()
    with caplog.at_level("INFO"):
        assert lstm.select(How(), "cpu", torch.float32) is run_torch
    assert "LSTM runs as torch has it: no C++ compiler was found" in caplog.text
    lstm.select.cache_clear()
