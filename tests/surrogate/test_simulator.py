"""A black box: its ranges, its shapes, and where it is found."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from dhbv.configuration import parse
from dhbv.data.schema import DataError
from dhbv.errors import ConfigurationError, DhbvError
from dhbv.surrogate.inputs import inputs
from dhbv.surrogate.sampling import draw, near
from dhbv.surrogate.simulator import Description, Free, Simulator, load
from tests.surrogate.reservoir import RESERVOIR, region, reservoir

ABOUT = Description(
    name="two",
    parameters=(
        Free(name="even", unit="mm", lower=-2.0, upper=6.0),
        Free(name="ratio", unit="d", lower=1.0, upper=100.0, logarithmic=True, typical=4.0),
    ),
    inputs=("prcp",),
)
WEATHER = np.ones((3, 5, 1), np.float32)


def test_fractions_are_places_in_the_ranges_and_back() -> None:
    values = ABOUT.values(np.array([[0.0, 0.0], [0.25, 0.5], [1.0, 1.0]]))
    np.testing.assert_allclose(values, [[-2.0, 1.0], [0.0, 10.0], [6.0, 100.0]])
    some = np.random.default_rng(0).random((50, 2))
    np.testing.assert_allclose(ABOUT.fractions(ABOUT.values(some)), some, atol=1e-12)
    np.testing.assert_allclose(ABOUT.values(ABOUT.typical), [2.0, 4.0], rtol=1e-12)


def test_a_value_outside_its_range_is_told() -> None:
    with pytest.raises(DhbvError, match=r"runs.nc: even of set 1 is 6.5 mm, outside -2..6 \(2 such values\)"):
        ABOUT.fractions(np.array([[0.0, 2.0], [6.5, np.nan]]), "runs.nc")
    with pytest.raises(DhbvError, match=r"\[1, 3\] is not \[set, 2\], one column for each of even, ratio"):
        ABOUT.fractions(np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"parameters": [{"name": "k", "unit": "1", "lower": 2.0, "upper": 2.0}]}, "k: the range 2..2 is empty"),
        (
            {"parameters": [{"name": "k", "unit": "1", "lower": 0.0, "upper": 2.0, "logarithmic": True}]},
            "begins above 0, not 0",
        ),
        (
            {"parameters": [{"name": "k", "unit": "1", "lower": 0.0, "upper": 2.0, "typical": 3.0}]},
            "typical is 3, outside 0..2",
        ),
        ({"inputs": ["prcp", "prcp"]}, "inputs must be at least one, each named once"),
        ({"outputs": ["et"]}, "no output runoff, which is compared with observed streamflow, among et"),
    ],
)  # fmt: skip
def test_a_description_that_cannot_be_is_refused(content: dict[str, object], message: str) -> None:
    whole = {
        "name": "x", "inputs": ["prcp"], "parameters": [{"name": "k", "unit": "1", "lower": 0.0, "upper": 2.0}]
    }  # fmt: skip
    assert parse(whole, Description, source="x").outputs == ("runoff",)
    with pytest.raises(ConfigurationError, match=message):
        parse(whole | content, Description, source="x")


def test_a_run_is_basin_day_output() -> None:
    made = RESERVOIR(np.full((3, 1), 0.5), WEATHER)
    assert made.shape == (3, 5, 1)
    # From an empty store under a steady 1 mm: 1 − (1 − k)ⁿ.
    np.testing.assert_allclose(made[0, :, 0], 1.0 - 0.5 ** np.arange(1, 6), rtol=1e-6)


def test_wrong_shapes_and_numbers_are_told() -> None:
    with pytest.raises(
        DhbvError, match=r"parameters of shape \[3, 2\], not \[3, 1\]: give one for each of k"
    ):
        RESERVOIR(np.ones((3, 2)), WEATHER)
    with pytest.raises(DhbvError, match=r"weather of shape \[3, 5, 2\], not \[3, 5, 1\]: .* prcp"):
        RESERVOIR(np.ones((3, 1)), np.ones((3, 5, 2)))
    turned = dataclasses.replace(RESERVOIR, run=lambda p, w: reservoir(p, w).T)
    with pytest.raises(DhbvError, match=r"reservoir gave an array of shape \[5, 3\], not \[3, 5, 1\]"):
        turned(np.ones((3, 1)), WEATHER)

    def broken(p: np.ndarray, w: np.ndarray) -> np.ndarray:
        made = reservoir(p, w)
        made[1, 4] = np.nan
        return made

    with pytest.raises(
        DhbvError, match=r"runoff is nan on day 4 of row 1 \(1 such values in all\), with k 0.2"
    ):
        Simulator(RESERVOIR.description, broken)(np.full((3, 1), 0.2), WEATHER)


def test_it_is_found_by_name(tmp_path: Path) -> None:
    assert load("tests.surrogate.reservoir:RESERVOIR") is RESERVOIR
    file = tmp_path / "mine.py"
    file.write_text("from tests.surrogate.reservoir import RESERVOIR\nOTHER = 3\n")
    assert load(f"{file}:RESERVOIR") is RESERVOIR
    with pytest.raises(DhbvError, match=r"OTHER is a int in .*mine.py, not a .*Simulator; it has RESERVOIR"):
        load(f"{file}:OTHER")
    with pytest.raises(DhbvError, match=r"NONE is nothing in .*mine.py"):
        load(f"{file}:NONE")
    with pytest.raises(DhbvError, match=r"cannot import nowhere.at_all .*install it, or give the path"):
        load("nowhere.at_all:X")
    with pytest.raises(DhbvError, match=r"cannot import .*absent.py"):
        load(f"{tmp_path}/absent.py:X")
    for name in ("justaname", ".relative:X", ":X"):
        with pytest.raises(DhbvError, match=r"give package.module:NAME, or file.py:NAME"):
            load(name)


def test_a_file_may_define_classes_and_hides_no_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "json.py"
    file.write_text(
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "from tests.surrogate.reservoir import RESERVOIR\n\n\n@dataclass\nclass Store:\n    s: float = 0.0\n"
    )
    before = dict(sys.modules)
    assert load(f"{file}:RESERVOIR") is RESERVOIR
    assert all(sys.modules[name] is module for name, module in before.items())
    file.write_text("raise TypeError('a fault of the simulator')")
    with pytest.raises(TypeError, match="a fault of the simulator"):
        load(f"{file}:RESERVOIR")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("from tests.surrogate.reservoir import RESERVOIR\n")
    assert load("./mine.py:RESERVOIR") is RESERVOIR


def test_inputs_are_the_columns_asked_for() -> None:
    there = region(2, 10)
    seen = inputs(there, ("pet", "prcp", "temperature", "day_length"))
    assert seen.shape == (10, 2, 4)
    np.testing.assert_array_equal(seen[..., 1], there["prcp"].values.T)
    np.testing.assert_array_equal(seen[..., 0], 2.0)
    np.testing.assert_array_equal(seen[..., 2], 8.0)
    with pytest.raises(DataError, match="no input 'wind': a simulator may ask for prcp, "):
        inputs(there, ("wind",))


def test_draws_fill_the_ranges_evenly_and_in_no_order() -> None:
    drawn = draw(1024, 3, seed=4)
    assert drawn.min() >= 0.0
    assert drawn.max() <= 1.0
    # Of a Sobol sequence each 32nd of each range holds its share, to the point; at random it would not.
    for column in drawn.T:
        assert set(np.bincount((column * 32).astype(int).clip(0, 31))) == {32}
    halves = [drawn[:512].mean(0), drawn[512:].mean(0)]
    np.testing.assert_allclose(halves, 0.5, atol=0.06)
    assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 0.1, "neighbours tell nothing of each other"
    np.testing.assert_array_equal(drawn, draw(1024, 3, seed=4))
    assert np.isin(draw(1024, 3, seed=5)[:, 0], drawn[:, 0]).mean() < 0.01, "another seed draws other places"


def test_draws_near_a_place_stay_near_it_and_in_the_range() -> None:
    centres = np.array([[0.0, 0.5], [1.0, 0.1]])
    drawn = near(centres, 500, seed=3)
    assert drawn.shape == (1000, 2)
    assert drawn.min() >= 0.0
    assert drawn.max() <= 1.0
    first, second = drawn[::2], drawn[1::2]
    assert first[:, 0].max() < 0.02 < 0.98 < second[:, 0].min()
    # By hand: a logit of 0 with noise of 0.7 has its quartiles at 1 / (1 + exp(±0.7 · 0.674)).
    np.testing.assert_allclose(np.quantile(first[:, 1], [0.25, 0.5, 0.75]), [0.384, 0.5, 0.616], atol=0.03)
    assert np.median(second[:, 1]) == pytest.approx(0.1, abs=0.02)
    np.testing.assert_array_equal(drawn, near(centres, 500, seed=3))
