"""What is told of results, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from dhbv.experiments import summary
from tests.experiments import made_up


def test_medians_and_correlations() -> None:
    rows = made_up.table("model", 9, 0.6)
    told = summary.summary(rows)
    assert told["median"]["nse"] == pytest.approx(0.6)
    assert told["quartiles"]["nse"] == pytest.approx([0.55, 0.65])
    assert told["bfi_correlation"] == pytest.approx(1.0), "half as much everywhere is the same pattern"
    assert told["et_correlation"] == pytest.approx(1.0)
    rows["et"] = -rows["et"]
    rows["observed_bfi"] = np.nan
    told = summary.summary(rows)
    assert told["et_correlation"] == pytest.approx(-1.0)
    assert told["bfi_correlation"] is None


def test_folds_are_taken_together_and_held_out_basins_apart() -> None:
    folds = [made_up.table(f"fold_{k}", 5, 0.5 + 0.2 * k, held_out=True, first=5 * k) for k in range(2)]
    told = summary.summaries(made_up.results("pub", *folds))
    assert list(told) == ["fold_0", "fold_1", "all"]
    assert told["all"]["n_basins"] == 10
    assert told["all"]["median"]["nse"] == pytest.approx(0.6)
    subset = [made_up.table("4_basins", 4, 0.7), made_up.table("4_basins", 3, 0.5, held_out=True, first=4)]
    told = summary.summaries(made_up.results("scaling", *subset))
    assert {label: s["median"]["nse"] for label, s in told.items()} == {
        "4_basins": pytest.approx(0.7), "4_basins, held out": pytest.approx(0.5)
    }  # fmt: skip


def test_a_gain_is_paired_by_basin() -> None:
    worse = made_up.table("a", 9, 0.6).set_index("basin")
    better = worse.assign(nse=worse["nse"] + 0.02)[::-1]
    interval = summary.gain(better, worse)
    assert (interval.lower, interval.median, interval.upper) == pytest.approx((0.02, 0.02, 0.02))
    assert summary.gain(worse, better).median == pytest.approx(-0.02)
    unscored = better.assign(nse=better["nse"].where(better.index != "00000004"))
    assert summary.gain(unscored, worse).median == pytest.approx(0.02)


def test_scaling_goes_up_and_ends_in_agreement_with_itself() -> None:
    tables = [
        made_up.table(label, n, nse, held_out=held_out, first=first)
        for label, n, nse, held_out, first in (
            ("8_basins", 8, 0.7, False, 0), ("8_basins", 5, 0.6, True, 8),
            ("2_basins", 2, 0.8, False, 0), ("2_basins", 5, 0.4, True, 8),
        )
    ]  # fmt: skip
    tables[3]["bfi"] = 1.0 - tables[3]["bfi"]
    made = made_up.results("scaling", *tables, trained_on=(8, 2), seconds=(40.0, 30.0))
    few, many = summary.scaling(made)
    assert (few.basins, few.seconds, many.basins, many.seconds) == (2, 30.0, 8, 40.0)
    assert few.held_out["median"]["nse"] == pytest.approx(0.4)
    assert few.trained_on["median"]["nse"] == pytest.approx(0.8)
    assert few.agreement["bfi"] == pytest.approx(-1.0)
    assert many.agreement == pytest.approx(dict.fromkeys(summary.INTERNAL, 1.0))


def test_the_gauged_twin_is_the_same_model_on_all_its_basins() -> None:
    held_out = made_up.results("pub", made_up.table("fold_0", 5, 0.5, held_out=True))
    twin = made_up.results("temporal", made_up.table("model", 9, 0.7))
    assert summary.gauged(held_out, {"a": held_out}) is None
    found = summary.gauged(held_out, {"a": held_out, "b": twin})
    assert found is not None
    assert summary.median(found) == pytest.approx(0.7)
    lacking = made_up.results("temporal", made_up.table("model", 3, 0.7))
    assert summary.gauged(held_out, {"b": lacking}) is None
    other = made_up.results("temporal", made_up.table("model", 9, 0.7))
    other.header.config["training"]["seed"] = 5
    assert summary.gauged(held_out, {"b": other}) is None


def test_others_are_compared_on_the_same_held_out_basins_and_days() -> None:
    held_out = made_up.table("2_basins", 3, 0.5, held_out=True, first=2)
    ours = made_up.results("scaling", made_up.table("2_basins", 2, 0.8), held_out)
    theirs = made_up.results("pub", made_up.table("fold_0", 9, 0.4, held_out=True))
    rows = summary.ungauged(
        ours, {"theirs": theirs, "gauged": made_up.results("temporal", made_up.table("model", 9, 0.7))}
    )
    assert {stem: list(table.index) for stem, table in rows.items()} == {
        "theirs": [f"{k:08d}" for k in (2, 3, 4)]
    }
    lacking = made_up.results("pub", made_up.table("fold_0", 4, 0.4, held_out=True))
    assert summary.ungauged(ours, {"lacking": lacking}) == {}
    for period in ("train", "test"):
        other = made_up.results("pub", made_up.table("fold_0", 9, 0.4, held_out=True))
        other.header.config["data"][period] = {"start": "1980-10-01", "end": "1989-09-30"}
        assert summary.ungauged(ours, {"other": other}) == {}, period
