"""The nearest donor, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dhbv import normalisation
from dhbv.baselines.transfer import coordinates, nearest
from dhbv.errors import DhbvError
from tests.conftest import ATTRIBUTES, attribute_table, weather


def test_the_nearest_by_hand() -> None:
    donors = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 2.0], [6.0, 8.0]])
    targets = np.array([[0.0, 1.0], [3.0, 4.1], [100.0, 100.0]])
    # From (0, 1) donors 0 and 2 are equally far: the first counts.
    np.testing.assert_array_equal(nearest(donors, targets), [[0], [1], [3]])
    np.testing.assert_array_equal(nearest(donors, targets, 3), [[0, 2, 1], [1, 2, 3], [3, 1, 2]])


def test_more_donors_than_there_are() -> None:
    with pytest.raises(DhbvError, match="3 donors for each ungauged basin, but only 2 basins are gauged"):
        nearest(np.zeros((2, 1)), np.zeros((1, 1)), 3)


def test_each_attribute_counts_by_its_spread_and_classes_not_at_all() -> None:
    table = attribute_table(12)
    statistics = normalisation.fit(weather(30, 12), table, ATTRIBUTES)
    where = coordinates(table, statistics)
    assert where.shape == (12, 3)
    np.testing.assert_allclose(where.mean(0), 0.0, atol=1e-12)
    np.testing.assert_allclose(where.std(0), 1.0, rtol=1e-12)
    other = {**table, "geol_1st_class": [table["geol_1st_class"][0]] * 12}
    np.testing.assert_array_equal(coordinates(other, statistics), where)
