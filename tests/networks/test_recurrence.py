"""How the networks go through a warm-up: the same output as without, and no gradient."""

from __future__ import annotations

import pytest
import torch

from dhbv import networks
from dhbv.kernels import build
from dhbv.kernels.autograd import Choice
from dhbv.kernels.lstm import How
from tests.conftest import ATTRIBUTES, small_config

KINDS = [("lstm_mlp", "delta_bt_gt"), ("lstm", "delta_gt")]

pytestmark = [
    pytest.mark.parametrize(("kind", "variant"), KINDS),
    pytest.mark.parametrize(
        "kernel",
        [
            "eager",
            pytest.param(
                "auto",
                marks=pytest.mark.skipif(build.find_compiler() is None, reason="needs a C++ compiler"),
            ),
        ],
    ),
]


def _network(kind: str, variant: str) -> networks.parameter_networks.ParameterNetwork:
    torch.manual_seed(0)
    return networks.build(small_config(kind, variant).model).double().eval()


def _inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(50, 3, 3, generator=generator, dtype=torch.float64),
        torch.randn(3, len(ATTRIBUTES), generator=generator, dtype=torch.float64),
    )


@pytest.mark.parametrize("warmup", [1, 20, 49])
@pytest.mark.parametrize("static_day", [-1, 5])
def test_a_warm_up_changes_no_logit(
    kind: str, variant: str, kernel: Choice, warmup: int, static_day: int
) -> None:
    network, how = _network(kind, variant), How(kernel)
    whole = network(*_inputs(), static_day=static_day, how=how)
    split = network(*_inputs(), warmup=warmup, static_day=static_day, how=how)
    reference = network(*_inputs(), static_day=static_day, how=How("eager"))
    split = split._replace(past=whole.past, daily=torch.cat([split.past, split.daily]))
    for one, other, plain in zip(whole, split, reference, strict=True):
        torch.testing.assert_close(other, one, rtol=0, atol=1e-13)
        torch.testing.assert_close(one, plain, rtol=0, atol=1e-13)


def test_no_gradient_flows_through_the_warm_up(kind: str, variant: str, kernel: Choice) -> None:
    network, (x, attributes) = _network(kind, variant), _inputs()
    x.requires_grad_()
    logits = network(x, attributes, warmup=20, how=How(kernel))
    assert not logits.past.requires_grad
    (logits.daily.sum() + logits.base.sum()).backward()
    assert x.grad is not None
    assert not x.grad[:20].any()
    assert x.grad[20:].abs().sum((1, 2)).min() > 0.0


def test_gradients_after_the_warm_up_are_those_of_torch(kind: str, variant: str, kernel: Choice) -> None:
    found = []
    for how in (How(kernel), How("eager")):
        network = _network(kind, variant)
        daily = network(*_inputs(), warmup=20, how=how).daily
        (daily**2).sum().backward()
        found.append({n: p.grad for n, p in network.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        scale = found[1][name].abs().max()
        assert (gradient - found[1][name]).abs().max() <= 1e-12 * scale, name
