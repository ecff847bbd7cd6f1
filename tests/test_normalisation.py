"""Statistics describe training data alone; missing values become the mean."""

from __future__ import annotations

import numpy as np
import pytest

from dhbv.errors import DhbvError
from dhbv.normalisation import fit, normalise_attributes, normalise_forcing
from tests.conftest import ATTRIBUTES, attribute_table, weather


def test_normalised_training_data_have_mean_0_and_spread_1() -> None:
    forcing, table = weather(500, 6), attribute_table(40)
    statistics = fit(forcing, table, ATTRIBUTES)
    x = normalise_forcing(forcing, statistics).reshape(-1, 3)
    a = normalise_attributes(table, statistics).values
    np.testing.assert_allclose(x.mean(0), 0.0, atol=1e-12)
    np.testing.assert_allclose(x.std(0), 1.0)
    np.testing.assert_allclose(a.mean(0), 0.0, atol=1e-12)
    np.testing.assert_allclose(a.std(0), 1.0)


def test_rain_is_normalised_by_the_papers_transform() -> None:
    statistics = fit(weather(100, 2), attribute_table(5), ATTRIBUTES)
    x = normalise_forcing(np.array([[4.0, 1.0, 2.0]]), statistics)
    expected = (np.log10(np.sqrt(4.0) + 0.1) - statistics.forcing_mean[0]) / statistics.forcing_std[0]
    assert x[0, 0] == pytest.approx(expected)


def test_torch_and_numpy_agree() -> None:
    torch = pytest.importorskip("torch")
    forcing = weather(50, 3)
    statistics = fit(forcing, attribute_table(5), ATTRIBUTES)
    there = normalise_forcing(torch.from_numpy(forcing), statistics).numpy()
    np.testing.assert_allclose(there, normalise_forcing(forcing, statistics), rtol=1e-12)


def test_an_attribute_that_is_the_same_everywhere_does_no_harm() -> None:
    table = attribute_table(5) | {"aridity": [0.1] * 5}
    statistics = fit(weather(100, 2), table, ATTRIBUTES)
    assert np.isfinite(normalise_attributes(table, statistics).values).all()


def test_missing_training_values_do_not_count() -> None:
    table = attribute_table(5) | {"aridity": [1.0, None, 3.0, float("nan"), 2.0]}
    statistics = fit(weather(100, 2), table, ATTRIBUTES)
    assert statistics.attributes[1].mean == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"aridity": [None] * 5}, "aridity has no value in any training basin"),
        ({"p_mean": [1.0, 2.0, object(), 3.0, 4.0]}, "attribute p_mean must be a number"),
        (
            {"aridity": ["0.4", "-", "1.2", "", "0.9"]},
            "attribute aridity has numbers and words, as '-': correct the words",
        ),
        ({"aridity": [0.4, "dry", 1.2, None, 0.9]}, "attribute aridity has numbers and words, as 'dry'"),
    ],
)
def test_useless_attributes_are_named(change: dict[str, list[object]], message: str) -> None:
    with pytest.raises(DhbvError, match=message):
        fit(weather(100, 2), attribute_table(5) | change, ATTRIBUTES)


def test_an_attribute_without_column_is_named_with_the_remedy() -> None:
    with pytest.raises(DhbvError, match=r"lacks elev_mean: add the columns, or list .* model.attributes"):
        fit(weather(100, 2), attribute_table(5), (*ATTRIBUTES, "elev_mean"))


def test_text_where_training_had_numbers_is_an_error() -> None:
    statistics = fit(weather(100, 2), attribute_table(5), ATTRIBUTES)
    with pytest.raises(DhbvError, match="aridity must be a number"):
        normalise_attributes(attribute_table(5) | {"aridity": ["wet"] * 5}, statistics)


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), ""])
def test_a_number_where_training_had_classes_is_an_error(missing: object) -> None:
    """As a missing value it would be the training mean in every basin."""
    table = attribute_table(5)
    statistics = fit(weather(100, 2), table, ATTRIBUTES)
    classes = table[ATTRIBUTES[3]]
    found = normalise_attributes(table | {ATTRIBUTES[3]: [missing, *classes[1:]]}, statistics)
    assert found.missing == {ATTRIBUTES[3]: 1}
    for number in (2, 2.0, np.float32(2.0)):
        with pytest.raises(
            DhbvError, match=rf"{ATTRIBUTES[3]} must be the name of a class, as '.+', not the number 2"
        ):
            normalise_attributes(table | {ATTRIBUTES[3]: [missing, *classes[1:4], number]}, statistics)


def test_what_is_guessed_is_told_for_each_basin_and_attribute() -> None:
    statistics = fit(weather(100, 2), attribute_table(12), ATTRIBUTES)
    row = statistics.attributes[0]
    table = attribute_table(5)
    for name in ATTRIBUTES[1:3]:
        table[name] = [next(a.mean for a in statistics.attributes if a.name == name)] * 5
    table[row.name] = [row.lower, row.upper, row.lower - 1e-9, row.upper + 1e-9, None]
    table[ATTRIBUTES[1]][0] = float("nan")
    table[ATTRIBUTES[3]][1:3] = ["Moon rock", None]
    found = normalise_attributes(table, statistics)
    assert found.names == ATTRIBUTES
    assert found.beyond.tolist() == [
        [False] * 4,
        [False] * 4,
        [True, *[False] * 3],
        [True, *[False] * 3],
        [False] * 4,
    ]
    expected = np.zeros((5, 4), dtype=bool)
    expected[4, 0] = expected[0, 1] = expected[1, 3] = expected[2, 3] = True
    assert np.array_equal(found.unknown, expected)
    assert (found.values[expected] == 0.0).all()
    assert found.missing == {ATTRIBUTES[0]: 1, ATTRIBUTES[1]: 1, ATTRIBUTES[3]: 2}
    assert found.outside == {ATTRIBUTES[0]: 2}


def test_attributes_without_a_guess_have_empty_counts() -> None:
    statistics = fit(weather(100, 2), attribute_table(12), ATTRIBUTES)
    found = normalise_attributes(attribute_table(12), statistics)
    assert (found.missing, found.outside) == ({}, {})
