"""in − out = stored + leaked, and rounding does not add up over years of hours."""

from __future__ import annotations

import math

import numpy as np

from bmi.ledger import Ledger


def test_the_books_of_a_few_steps() -> None:
    ledger = Ledger(2)
    ledger.open(np.array([10.0, 0.0]))
    ledger.flow(np.array([5.0, 1.0]), np.array([2.0, 0.25]))
    ledger.close(np.array([13.0, 0.75]))
    assert {name: array.tolist() for name, array in ledger.arrays.items()} == {
        "ngen::mass_in": [5.0, 1.0],
        "ngen::mass_out": [2.0, 0.25],
        "ngen::mass_stored": [3.0, 0.75],
        "ngen::mass_leaked": [0.0, 0.0],
    }
    ledger.close(np.array([9.0, 0.0]))
    assert ledger.stored.tolist() == [-1.0, 0.0], "relative to the start, not to the last step"


def test_water_from_outside_comes_in_or_goes_out() -> None:
    ledger = Ledger(3)
    ledger.open(np.full(3, 10.0))
    ledger.book(np.array([4.0, -3.0, 0.0]))
    ledger.close(np.array([14.0, 7.0, 10.0]))
    assert ledger.into.tolist() == [4.0, 0.0, 0.0]
    assert ledger.out.tolist() == [0.0, 3.0, 0.0]
    assert (ledger.into - ledger.out - ledger.stored - ledger.leaked).tolist() == [0.0, 0.0, 0.0]


def test_arrays_are_fixed_8_byte_floats_of_their_own() -> None:
    ledger = Ledger(2)
    before = dict(ledger.arrays)
    ledger.open(np.ones(2))
    ledger.flow(np.ones(2), np.ones(2))
    ledger.end_day()
    ledger.close(np.ones(2))
    for name, array in ledger.arrays.items():
        assert array is before[name]
        assert array.dtype == np.float64
        assert array.flags.c_contiguous
        assert np.shares_memory(array, ledger.books), "so that they are saved"
    assert not any(np.shares_memory(a, b) for a in before.values() for b in before.values() if a is not b)


def test_five_more_years_of_hours_lose_less_than_a_billionth_of_a_millimetre() -> None:
    before, depths = 1e5, np.random.default_rng(0).gamma(0.3, 2.0, 5 * 8766)
    ledger = Ledger(1)
    ledger.flow(np.full(1, before), np.full(1, before))
    ledger.end_day()
    for n, depth in enumerate(depths[:, None], 1):
        ledger.flow(depth, 0.5 * depth)
        if n % 24 == 0:
            ledger.end_day()
    assert abs(ledger.into[0] - math.fsum([before, *depths])) <= 3e-11
    assert abs(ledger.out[0] - math.fsum([before, *(0.5 * depths)])) <= 3e-11
    plain = sum(depths.tolist(), before)
    assert abs(plain - math.fsum([before, *depths])) > 2e-10, "where a plain sum does"
