"""Runs and segments against the plainest loops."""

from __future__ import annotations

import numpy as np
import pytest

from dhbv.quality.runs import best_segments, filled, last_sums, running_total, spans


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_spans_are_the_unbroken_runs(share: float) -> None:
    mask = np.random.default_rng(0).random((5, 40)) < share
    expected = []
    for row in range(5):
        t = 0
        while t < 40:
            first = t
            while t < 40 and mask[row, t]:
                t += 1
            if t > first:
                expected.append((row, first, t - 1))
            t += 1
    rows, first, last = spans(mask)
    assert list(zip(rows, first, last, strict=True)) == expected
    np.testing.assert_array_equal(filled(mask.shape, rows, first, last), mask)


def test_overlapping_spans_are_filled_once() -> None:
    mask = filled((2, 6), np.array([0, 0]), np.array([1, 2]), np.array([3, 5]))
    assert mask.astype(int).tolist() == [[0, 1, 1, 1, 1, 1], [0] * 6]


@pytest.mark.parametrize("days", [1, 3, 12, 50])
def test_last_sums_count_the_days_there_are(days: int) -> None:
    series = np.random.default_rng(1).random((3, 12))
    series[1, 4] = np.nan
    expected = [[np.nansum(row[max(t - days + 1, 0) : t + 1]) for t in range(12)] for row in series]
    np.testing.assert_allclose(last_sums(running_total(series), days), expected, atol=1e-12)


def test_best_segments_have_the_greatest_sum_of_all() -> None:
    score = np.random.default_rng(2).normal(-0.1, 1.0, (20, 30))
    first, last, total = best_segments(score, np.inf)
    for row in range(20):
        greatest = max(score[row, a : b + 1].sum() for a in range(30) for b in range(a, 30))
        assert total[row] == pytest.approx(greatest)
        assert score[row, first[row] : last[row] + 1].sum() == pytest.approx(greatest)


def test_a_best_segment_leaves_out_days_that_say_nothing_and_may_be_none() -> None:
    first, last, total = best_segments(np.array([[-1.0, 0.0, 0.0, 2.0, 1.0, 0.0], [-1.0] * 6]), np.inf)
    assert (first[0], last[0], total[0]) == (3, 4, 3.0)
    assert total[1] == 0.0


def test_a_segment_is_cut_where_it_loses_more_than_the_drop() -> None:
    score = np.array([[5.0] * 4 + [-1.0] * 10 + [5.0] * 3])
    assert [int(x[0]) for x in best_segments(score, 10.0)] == [0, 16, 25]
    assert [int(x[0]) for x in best_segments(score, 9.0)] == [0, 3, 20]
