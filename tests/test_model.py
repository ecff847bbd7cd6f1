"""The differentiable model: parameters in range, warm-up, gradients, static means static."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dhbv.model import DeltaModel
from dhbv.normalisation import fit
from dhbv.physics.parameters import PARAMETERS
from tests.conftest import ATTRIBUTES, attribute_table, small_config, weather

KINDS = [
    ("lstm_mlp", "delta_bt_gt"),
    ("lstm", "delta_gt+capillary"),
    ("mlp", "hbv"),
    ("lstm_mlp", "delta_bt_gt+nn_peff"),
]


def model_of(kind: str, variant: str) -> DeltaModel:
    torch.manual_seed(0)
    config = small_config(kind, variant)
    statistics = fit(weather(200, 4), attribute_table(8), ATTRIBUTES)
    return DeltaModel(config.model, statistics).double().eval()


def inputs(days: int = 60, basins: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    attributes = torch.randn(basins, len(ATTRIBUTES), generator=generator, dtype=torch.float64)
    return torch.from_numpy(weather(days, basins)), attributes


@pytest.mark.parametrize(("kind", "variant"), KINDS)
def test_parameters_lie_in_the_tables_ranges_and_only_dynamic_ones_change(kind: str, variant: str) -> None:
    model = model_of(kind, variant)
    forcing, attributes = inputs()
    parameters = model.parameters_of(model.network(10.0 * forcing, 10.0 * attributes))
    assert set(parameters) == set(model.form.of_step)
    for name in model.form.shared:
        assert len(parameters[name].unique()) == 1
        assert parameters[name].shape == (3, 4)
    for name in model.form.parameters:
        row, value = PARAMETERS[name], parameters[name]
        assert ((value >= row.lower) & (value <= row.upper)).all()
        assert value.shape == ((60, 3, 4) if name in model.form.dynamic else (3, 4))


@pytest.mark.parametrize(("kind", "variant"), KINDS)
def test_every_weight_gets_a_gradient_that_finite_differences_confirm(kind: str, variant: str) -> None:
    model = model_of(kind, variant)
    forcing, attributes = inputs(40, 2)

    generator = torch.Generator().manual_seed(2)
    loss = (model(forcing, attributes)["runoff"] ** 2).sum()
    loss.backward()
    for weight in model.parameters():
        assert weight.grad is not None
        direction = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        slope = (weight.grad * direction).sum().item()
        with torch.no_grad():
            values = []
            for sign in (1.0, -1.0):
                weight += sign * 1e-6 * direction
                values.append((model(forcing, attributes)["runoff"] ** 2).sum().item())
                weight -= sign * 1e-6 * direction
        assert slope == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize(("kind", "variant"), KINDS)
def test_warm_up_changes_the_gradient_but_not_the_flow(kind: str, variant: str) -> None:
    model = model_of(kind, variant)
    forcing, attributes = inputs()
    with torch.no_grad():
        whole = model(forcing, attributes)["runoff"]
        warmed = model(forcing, attributes, warmup=25)["runoff"]
    torch.testing.assert_close(warmed, whole[25:], rtol=1e-12, atol=1e-12)


def test_parts_of_the_flow_add_up() -> None:
    out = model_of("lstm_mlp", "delta_bt_gt")(*inputs())
    torch.testing.assert_close(out["surface_runoff"] + out["interflow"] + out["baseflow"], out["runoff"])


def test_static_parameters_of_lstm_mlp_do_not_depend_on_the_length_of_the_run() -> None:
    model = model_of("lstm_mlp", "delta_bt_gt")
    forcing, attributes = inputs()
    long, short = (model.parameters_of(model.network(forcing[:n], attributes)) for n in (60, 17))
    assert all(torch.equal(long[name], short[name]) for name in model.form.static)


def test_static_parameters_of_lstm_are_read_on_the_day_that_is_said() -> None:
    model = model_of("lstm", "delta_gt+capillary")
    forcing, attributes = inputs()
    long = model.parameters_of(model.network(forcing, attributes, static_day=16))
    short = model.parameters_of(model.network(forcing[:17], attributes))
    for name in model.form.static:
        torch.testing.assert_close(long[name], short[name])


def test_lstm_drops_weights_once_a_sequence_and_only_in_training() -> None:
    model = model_of("lstm", "hbv")
    forcing, attributes = inputs()
    torch.manual_seed(1)
    calm = model.network(forcing, attributes).base
    assert torch.equal(calm, model.network(forcing, attributes).base)
    model.train()
    assert not torch.equal(model.network(forcing, attributes).base, model.network(forcing, attributes).base)


def test_gradients_stay_finite_over_two_hard_years() -> None:
    model = model_of("lstm_mlp", "delta_bt_gt+capillary")
    forcing = torch.from_numpy(weather(730, 3))
    forcing[:200, 0, 0] = 0.0
    forcing[:, 1, 1] -= 40.0
    forcing[::50, 2, 0] = 500.0
    forcing[:, 2, 2] = 0.0
    model(forcing, inputs()[1])["runoff"].sum().backward()
    assert all(np.isfinite(w.grad.numpy()).all() for w in model.parameters())
