"""The bootstrap of a median against its exact distribution, by formula and by counting every resample."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from dhbv.evaluation import bootstrap
from dhbv.evaluation.bootstrap import median_interval, resampled_medians


def interval(
    values: object, samples: int = 2000, confidence: float = 0.95, seed: int = 0
) -> bootstrap.Interval:
    return median_interval(np.asarray(values, float), samples=samples, seed=seed, confidence=confidence)


def test_odd_n_follows_the_closed_form() -> None:
    """P(median ≤ x(k)) = P(B ≥ (n + 1) / 2) with B binomial of n and k / n (Efron 1979)."""
    n, samples = 9, 20000
    values = np.sort(np.random.default_rng(3).normal(size=n))
    medians = resampled_medians(values, samples, seed=1)
    for k in range(1, n + 1):
        p = k / n
        exact = sum(math.comb(n, j) * p**j * (1 - p) ** (n - j) for j in range((n + 1) // 2, n + 1))
        sigma = math.sqrt(exact * (1 - exact) / samples)
        assert abs(np.mean(medians <= values[k - 1]) - exact) <= 4 * sigma + 1e-12


@pytest.mark.parametrize("values", [[-0.3, 0.1, 0.2, 0.5], [-0.2, -0.1, 0.0, 0.05, 0.4]])
def test_small_n_agrees_with_every_resample_there_is(values: list[float]) -> None:
    exact = np.array([np.median(draw) for draw in product(values, repeat=len(values))])
    found = interval(values, samples=20000, confidence=0.8)
    assert found.median == np.median(values)
    assert found.lower == pytest.approx(np.quantile(exact, 0.1, method="lower"))
    assert found.upper == pytest.approx(np.quantile(exact, 0.9, method="higher"))
    better = np.mean(exact > 0) + 0.5 * np.mean(exact == 0)
    assert found.probability == pytest.approx(better, abs=4 * 0.5 / math.sqrt(20000))


def test_it_covers_the_truth_as_often_as_it_says_and_seldom_sees_what_is_not_there() -> None:
    rng = np.random.default_rng(5)
    found = [interval(rng.normal(0.0, 0.1, 41), samples=200, confidence=0.9) for _ in range(300)]
    covered = np.mean([i.lower <= 0.0 <= i.upper for i in found])
    gains = np.mean([i.lower > 0.0 for i in found])
    # Four standard errors of 300 draws, and the percentile interval's known bias of some percent at n = 41.
    assert 0.84 <= covered <= 0.97
    assert 0.01 <= gains <= 0.09


def test_scores_of_the_same_basins_are_resampled_alike() -> None:
    values = np.random.default_rng(0).normal(size=30)
    once, twice = (resampled_medians(v, 200, seed=4) for v in (values, 2.0 * values + 1.0))
    np.testing.assert_allclose(twice, 2.0 * once + 1.0)
    assert not np.array_equal(once, resampled_medians(values, 200, seed=5))


def test_many_basins_are_drawn_in_pieces_and_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).normal(size=30)
    whole = resampled_medians(values, 101, seed=0)
    monkeypatch.setattr(bootstrap, "_AT_ONCE", 70)
    assert np.array_equal(resampled_medians(values, 101, seed=0), whole)


def test_lost_basins_are_ranks_like_any_other() -> None:
    few = interval([-np.inf] + [0.1] * 40)
    assert (few.median, few.lower, few.upper) == (0.1, 0.1, 0.1)
    half = interval([-np.inf] * 10 + [0.1] * 10)
    assert half.lower == -np.inf
    assert half.upper == 0.1
    assert interval([-np.inf] * 5).probability == 0.0


def test_ends_between_two_resamples_go_outwards() -> None:
    """Of 40 the 2.5 % and 97.5 % fall between the outermost and the next."""
    values = np.random.default_rng(8).normal(size=500)
    medians = np.sort(resampled_medians(values, 40, seed=0))
    assert (np.diff(medians[[0, 1, -2, -1]]) > 0.0).all()
    found = interval(values, samples=40)
    assert (found.lower, found.upper) == (medians[0], medians[-1])


def test_no_difference_is_a_coin_toss_and_no_basin_is_nothing() -> None:
    assert interval(np.zeros(7)) == (0.0, 0.0, 0.0, 0.5)
    assert all(math.isnan(v) for v in interval([]))
    with pytest.raises(ValueError, match="1 of 2 values are NaN: leave them out first"):
        interval([0.1, np.nan])
