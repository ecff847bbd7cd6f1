"""Hours become P as a sum, T as the middle of the range, Ep by Hargreaves or as a sum."""

from __future__ import annotations

import numpy as np
import pytest

from bmi.day import Day
from dhbv.physics.hargreaves import extraterrestrial_radiation, potential_evaporation


def gathered(p: np.ndarray, t: np.ndarray, ep: np.ndarray | None = None) -> Day:
    """A day of hourly p, t, ep [hour, N]."""
    day = Day(p.shape[1])
    for hour in range(len(p)):
        day.add(1, p[hour], t[hour], t[hour], None if ep is None else ep[hour])
    return day


def test_hours_become_a_sum_a_middle_and_hargreaves() -> None:
    rng = np.random.default_rng(0)
    p, t, latitude = (
        rng.gamma(0.3, 2.0, (24, 3)),
        rng.normal(-4.0, 8.0, (24, 3)),
        np.array([-20.0, 44.0, 61.0]),
    )
    day = gathered(p, t)
    lowest, highest = t.min(0), t.max(0)
    expected = [p.sum(0), (lowest + highest) / 2.0, potential_evaporation(lowest, highest, latitude, 366)]
    np.testing.assert_allclose(
        day.forcing(extraterrestrial_radiation(latitude, 366)), np.stack(expected, -1), rtol=1e-13
    )
    assert day.hours == 24


def test_evaporation_grows_with_the_radiation_of_the_day() -> None:
    day = gathered(np.ones((24, 1)), np.linspace(5.0, 20.0, 24)[:, None])
    weak, strong = (float(day.forcing(np.array([radiation]))[0, 2]) for radiation in (10.0, 40.0))
    assert strong == pytest.approx(4.0 * weak, rel=1e-12)


def test_evaporation_that_is_given_is_summed() -> None:
    ep = np.random.default_rng(1).uniform(0.0, 0.3, (24, 2))
    day = gathered(np.zeros((24, 2)), np.full((24, 2), 9.0), ep)
    np.testing.assert_allclose(day.forcing(None), np.stack([[0, 0], [9, 9], ep.sum(0)], -1), rtol=1e-13)


def test_a_part_of_a_day_is_what_was_seen() -> None:
    day = gathered(np.array([[2.0], [3.0]]), np.array([[-1.0], [7.0]]), np.array([[0.5], [0.25]]))
    assert day.hours == 2
    assert day.forcing(None).tolist() == [[5.0, 3.0, 0.75]]


def test_a_whole_day_comes_in_one_step_with_its_own_range() -> None:
    day = Day(2)
    day.add(24, np.array([24.0, 12.0]), np.array([-3.0, 4.0]), np.array([5.0, 4.0]), np.array([2.4, 0.0]))
    assert day.forcing(None).tolist() == [[24.0, 1.0, 2.4], [12.0, 4.0, 0.0]]
    assert day.hours == 24


def test_an_emptied_day_remembers_nothing_and_keeps_its_arrays() -> None:
    day = gathered(np.full((5, 2), 7.0), np.array([[-40.0, 50.0]] * 5), np.ones((5, 2)))
    sums = day.sums
    day.empty()
    assert day.hours == 0
    assert day.sums is sums
    day.add(1, np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0]), np.array([0.5, 0.5]))
    assert day.forcing(None).tolist() == [[1.0, 4.0, 0.5], [2.0, 5.0, 0.5]]
