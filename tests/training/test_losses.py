"""Losses against plain arithmetic, and the treatment of what was not observed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dhbv.configuration import TrainingConfig
from dhbv.errors import DhbvError
from dhbv.training.losses import Loss, Targets, firn, low_flow

NAN = float("nan")
RECORD = torch.tensor([[1.0, 4.0], [3.0, 0.0], [2.0, NAN], [6.0, 8.0]], dtype=torch.float64)
BASINS = ("a", "b")
EVERYONE = torch.tensor([0, 1])


def loss_of(kind: str, alpha: float = 0.0) -> Loss:
    return Loss(TrainingConfig(loss=kind, low_flow_weight=alpha), RECORD, BASINS)


def test_rmse_by_hand() -> None:
    simulated = torch.tensor([[1.0, 3.0], [1.0, 0.0], [2.0, 99.0], [7.0, 8.0]], dtype=torch.float64)
    expected = math.sqrt((0 + 1 + 4 + 0 + 0 + 1 + 0) / 7)
    assert loss_of("rmse")(simulated, RECORD, EVERYONE).item() == pytest.approx(expected)


def test_nse_form_by_hand() -> None:
    simulated = RECORD.nan_to_num(5.0) + 1.0
    spread = [np.std([1, 3, 2, 6]), np.std([4, 0, 8])]
    expected = (4 / (spread[0] + 0.1) ** 2 + 3 / (spread[1] + 0.1) ** 2) / 7
    assert loss_of("nse")(simulated, RECORD, EVERYONE).item() == pytest.approx(expected)


def test_low_flow_weight_mixes_in_the_transformed_flow() -> None:
    simulated = RECORD.nan_to_num(5.0) + 1.0
    plain, low = (loss_of("rmse", alpha)(simulated, RECORD, EVERYONE).item() for alpha in (0.0, 1.0))
    seen = RECORD.isfinite()
    error = (torch.log10(torch.sqrt(simulated) + 0.1) - torch.log10(torch.sqrt(RECORD) + 0.1))[seen]
    # the guard of the root at 0 is worth 1e-3 here
    assert low == pytest.approx(error.square().mean().sqrt().item(), rel=5e-3)
    assert loss_of("rmse", 0.25)(simulated, RECORD, EVERYONE).item() == pytest.approx(
        0.75 * plain + 0.25 * low
    )


def test_basins_are_scaled_by_their_own_record_whatever_their_order() -> None:
    loss = loss_of("nse")
    simulated = RECORD.nan_to_num(5.0) + 1.0
    swapped = loss(simulated[:, [1, 0]], RECORD[:, [1, 0]], torch.tensor([1, 0]))
    assert swapped.item() == pytest.approx(loss(simulated, RECORD, EVERYONE).item())


@pytest.mark.parametrize("kind", ["rmse", "nse"])
def test_a_window_without_observation_gives_no_gradient_and_no_nan(kind: str) -> None:
    simulated = torch.ones(4, 2, dtype=torch.float64, requires_grad=True)
    observed = torch.full((4, 2), NAN, dtype=torch.float64)
    observed[:, 1] = 2.0
    loss_of(kind, 0.25)(simulated, observed, EVERYONE).backward()
    assert simulated.grad is not None
    assert (simulated.grad[:, 0] == 0.0).all()
    assert (simulated.grad[:, 1] < 0.0).all()
    simulated.grad = None
    loss_of(kind, 0.25)(simulated, torch.full_like(observed, NAN), EVERYONE).backward()
    assert (simulated.grad == 0.0).all()


@pytest.mark.parametrize("kind", ["rmse", "nse"])
def test_a_dry_river_and_a_perfect_fit_have_finite_gradients(kind: str) -> None:
    simulated = torch.zeros(4, 2, dtype=torch.float64, requires_grad=True)
    for observed in (torch.zeros(4, 2, dtype=torch.float64), RECORD):
        simulated.grad = None
        loss_of(kind, 0.25)(simulated, observed, EVERYONE).backward()
        assert simulated.grad.isfinite().all()


def test_low_flow_is_the_papers_transform() -> None:
    assert low_flow(torch.tensor(0.81)).item() == pytest.approx(0.0, abs=1e-6)


def test_a_basin_never_observed_is_named() -> None:
    with pytest.raises(DhbvError, match="no observed flow in the training period for b"):
        Loss(TrainingConfig(), torch.tensor([[1.0, NAN], [2.0, NAN]]), BASINS)


def test_targets_add_up_by_their_weights_over_what_was_seen() -> None:
    config = TrainingConfig(loss="nse", targets={"swe": 0.5, "et": 2.0})
    snow = torch.tensor([[10.0, NAN], [30.0, NAN]], dtype=torch.float64)
    et = torch.tensor([[1.0, 2.0], [NAN, 4.0]], dtype=torch.float64)
    observed = {"swe": snow, "et": et}
    simulated = {"swe": snow.nan_to_num(7.0) + 3.0, "et": et.nan_to_num(7.0) - 1.0}
    swe = 2 * (3.0 / (10.0 + 0.1)) ** 2 / 2
    evaporation = (1.0 / (0.0 + 0.1)) ** 2 / 3 + 2 * (1.0 / (1.0 + 0.1)) ** 2 / 3
    value = Targets(config, observed)(simulated, observed, EVERYONE)
    assert value.item() == pytest.approx(0.5 * swe + 2.0 * evaporation)


def test_a_target_never_seen_costs_nothing() -> None:
    config = TrainingConfig(loss="nse", targets={"swe": 1.0})
    nothing = {"swe": torch.full((4, 2), NAN, dtype=torch.float64)}
    snow = torch.ones(4, 2, dtype=torch.float64, requires_grad=True)
    value = Targets(config, nothing)({"swe": snow}, nothing, EVERYONE)
    value.backward()
    assert value.item() == 0.0
    assert snow.grad is not None
    assert (snow.grad == 0.0).all()


def test_targets_and_firn_of_two_halves_are_those_of_the_whole() -> None:
    """Sums over basins that are elsewhere come by `total`; an idle half adds nothing."""
    config = TrainingConfig(loss="rmse", targets={"swe": 1.0})
    record = {"swe": torch.tensor([[10.0, 4.0], [30.0, NAN]], dtype=torch.float64)}
    snow = torch.tensor([[60.0, 205.0], [80.0, 300.0]], dtype=torch.float64)
    whole = Targets(config, record)({"swe": snow}, record, EVERYONE)
    sums = torch.tensor([(205.0 - 4.0) ** 2, 1.0], dtype=torch.float64)
    left = {"swe": record["swe"][:, :1]}
    half = Targets(config, left)({"swe": snow[:, :1]}, left, torch.tensor([0]), lambda x: x + sums)
    assert half.item() == pytest.approx(whole.item())
    there = torch.tensor([2.0, 1.0], dtype=torch.float64)
    assert firn(snow[:, :1], total=lambda x: x + there).item() == pytest.approx(firn(snow).item())
    assert firn(snow[:, :1], True, lambda x: x + there).item() == pytest.approx(2.0)


def test_firn_is_what_the_barest_day_keeps() -> None:
    snow = torch.tensor([[300.0, 5.0], [105.0, 90.0], [200.0, 40.0]], dtype=torch.float64, requires_grad=True)
    value = firn(snow)
    value.backward()
    assert value.item() == pytest.approx((105.0 - 5.0) / 100.0 / 2)
    assert snow.grad is not None
    assert snow.grad.flatten().nonzero().flatten().tolist() == [2]
