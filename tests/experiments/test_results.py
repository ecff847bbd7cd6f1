"""Results files: what is written is read, others are never overwritten, nothing is lost."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")

from dhbv.errors import DhbvError
from dhbv.experiments import results
from tests.experiments import made_up


def test_a_round_trip(tmp_path: Path) -> None:
    made = made_up.results("pub", made_up.table("fold_0", 7, 0.61234567, held_out=True), folds=2, seed=0)
    made.table.loc[2, "nse"] = np.nan
    results.write(made, tmp_path / "new" / "r.parquet")
    again = results.read(tmp_path / "new" / "r.parquet")
    assert msgspec.json.encode(again.header) == msgspec.json.encode(made.header)
    assert list(again.table) == list(made.table)
    for name in made.table:
        if made.table[name].dtype.kind == "f":
            np.testing.assert_array_equal(again.table[name], made.table[name].round(4), err_msg=name)
        else:
            assert again.table[name].tolist() == made.table[name].tolist(), name
    assert again.table["basin"][0] == "00000000", "leading zeros"


def test_rows_by_label_and_by_whether_they_were_held_out() -> None:
    made = made_up.results(
        "scaling", made_up.table("2_basins", 2, 0.5), made_up.table("2_basins", 3, 0.4, held_out=True, first=2),
        made_up.table("4_basins", 4, 0.6),
    )  # fmt: skip
    assert made.labels == ("2_basins", "4_basins")
    assert list(made.of("2_basins", held_out=True).index) == ["00000002", "00000003", "00000004"]
    assert len(made.of(held_out=False)) == 6


def test_five_members_of_531_basins_are_small_enough_to_commit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    tables = [made_up.table(f"seed_{k}", 531, 0.7) for k in range(5)]
    for table in tables:
        for name in table.select_dtypes("float"):
            if name not in ("lat", "lon", "observed_bfi"):
                table[name] = rng.normal(0.7, 0.2, 531)
    results.write(made_up.results("ensemble", *tables), tmp_path / "r.parquet")
    assert (tmp_path / "r.parquet").stat().st_size < 300_000


def test_it_is_brought_up_to_date_with_more_trainings(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    folds = [made_up.table(f"fold_{k}", 4, 0.5, held_out=True, first=4 * k) for k in range(2)]
    results.write(made_up.results("pub", folds[0], folds=2), path)
    results.write(made_up.results("pub", *folds, folds=2), path)
    assert results.read(path).labels == ("fold_0", "fold_1")
    before = path.read_bytes()
    with pytest.raises(
        DhbvError, match=r"r\.parquet holds fold_0, which the work folder does not: .*\(--work\)"
    ):
        results.write(made_up.results("pub", folds[1], folds=2), path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (lambda: made_up.results("pub", made_up.table("model", 4, 0.5), seed=1), "choices"),
        (lambda: made_up.results("pur", made_up.table("model", 4, 0.5), seed=0), "kind"),
    ],
)
def test_another_experiment_is_not_overwritten(other: object, what: str, tmp_path: Path) -> None:
    results.write(made_up.results("pub", made_up.table("model", 4, 0.5), seed=0), tmp_path / "r.parquet")
    with pytest.raises(
        DhbvError, match=rf"holds another experiment \(different {what}\): choose another --out"
    ):
        results.write(other(), tmp_path / "r.parquet")  # type: ignore[operator]


def test_what_may_be_configured_since_then_stands_at_its_default(tmp_path: Path) -> None:
    made = made_up.results("pub", made_up.table("fold_0", 4, 0.5))
    older = msgspec.json.decode(msgspec.json.encode(made.header), type=results.Header)
    today = msgspec.json.decode(msgspec.json.encode(made.header.config))
    del older.config["training"]["memory_weight"], older.config["training"]["lstm_products"]
    results.write(results.Results(older, made.table), tmp_path / "r.parquet")
    assert results.read(tmp_path / "r.parquet").header.config == today
    results.refuse_other(made.header, tmp_path / "r.parquet")
    older.config["training"]["memory_weight"] = 5.0
    with pytest.raises(DhbvError, match="different config"):
        results.refuse_other(older, tmp_path / "r.parquet")
    older.config["model"] = {"form": "a baseline"}
    results.write(results.Results(older, made.table), tmp_path / "baseline.parquet")
    assert results.read(tmp_path / "baseline.parquet").header.config == older.config


def test_what_is_no_results_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DhbvError, match=r"no results \(\*\.parquet\) there; `dhbv experiment temporal"):
        results.read_all(tmp_path)
    path = tmp_path / "other.parquet"
    pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(DhbvError, match=r"other\.parquet holds no results of an experiment"):
        results.read_all(tmp_path)
    path.write_bytes(b"no parquet at all")
    with pytest.raises(DhbvError, match=r"other\.parquet cannot be read as results"):
        results.read(path)
    made = made_up.results("pub", made_up.table("model", 4, 0.5))
    later = results.Results(msgspec.structs.replace(made.header, format=2), made.table)
    results.write(later, tmp_path / "later.parquet")
    with pytest.raises(DhbvError, match="has results of format 2, this version reads 1"):
        results.read(tmp_path / "later.parquet")
