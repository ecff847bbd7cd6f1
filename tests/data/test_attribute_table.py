from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dhbv.data.attribute_table import join, read_attributes
from dhbv.data.schema import DataError


def _write(folder: Path, text: str) -> Path:
    file = folder / "table.csv"
    file.write_text(text)
    return file


@pytest.mark.parametrize("key", ["gauge_id", "basin"])
def test_ids_stay_text_and_categories_are_stripped(tmp_path: Path, key: str) -> None:
    file = _write(tmp_path, f"{key},dom_land_cover,huc_02,geol_porostiy\n01013500,    Mixed Forests  ,01,\n")
    table = read_attributes(file)
    assert table.index.tolist() == ["01013500"]
    assert table.loc["01013500", "dom_land_cover"] == "Mixed Forests"
    assert table.loc["01013500", "huc_02"] == "01"
    assert np.isnan(table.loc["01013500", "geol_porosity"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,x\n1,2\n", "no key column: one of gauge_id or basin .* found id, x"),
        (
            "basin;x\n1;2,5\n",
            "no key column: .* found basin;x: separate columns by commas, and give decimals a point",
        ),
        ("basin,x\n1,2\n1,3\n", "basin 1 has more than one row"),
        ("", "not an attribute table"),
        ("basin,x\n1,2\n2,3,4,5\n", "not an attribute table"),
        (
            "basin,elev_mean\n1,410.2\n2,-\n3,\n",
            "basin 2, elev_mean: '-' is no number .m.: correct it, or leave it empty",
        ),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"table\.csv: {message}"):
        read_attributes(_write(tmp_path, text))


def test_semicolons_are_told_of_only_where_they_separate(tmp_path: Path) -> None:
    late = "1,5;2,5\n1;2\n1,2;3,4,5\n"
    for separator, text, told in (
        (",", "id\n1\n", False),
        (",", "id,a;b\n1,2\n", False),
        (",", f"id,a;b\n{late}", False),
        (",", f"a;b\n{late}", True),
        (";", "id;a\n1;2\n", False),
    ):
        with pytest.raises(DataError) as refused:
            read_attributes(_write(tmp_path, text), separator)
        assert ("separate columns by commas" in str(refused.value)) == told


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not an attribute table \(.*Is a directory"):
        read_attributes(tmp_path)


def test_empty_cells_and_words_of_other_columns_pass(tmp_path: Path) -> None:
    table = read_attributes(_write(tmp_path, "basin,elev_mean,vpuid\n1,410.2,01\n2,,03W\n"))
    assert table["elev_mean"].isna().tolist() == [False, True]
    assert table["vpuid"].tolist() == ["01", "03W"]


def test_a_late_word_takes_no_number_from_a_long_table(tmp_path: Path) -> None:
    others = [f"other_{k}" for k in range(62)]  # of many columns fewer rows are read as one part
    zeros = ",0" * len(others)
    lines = [",".join(["gauge_id", "soil", *others]), *(f"{k},0.5{zeros}" for k in range(20_000))]
    (tmp_path / "a.csv").write_text("\n".join([*lines, f"last,clay{zeros}"]), encoding="utf-8")
    soil = read_attributes(tmp_path / "a.csv")["soil"]
    assert soil.notna().all()
    assert soil.iloc[[0, -1]].tolist() == ["0.5", "clay"]


def test_a_missing_table_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: no such attribute table.*--attributes FILE"):
        read_attributes(tmp_path / "nowhere.csv")


def test_tables_are_joined_by_basin(tmp_path: Path) -> None:
    first = read_attributes(_write(tmp_path, "basin,x\n01,1\n02,2\n"))
    second = read_attributes(_write(tmp_path, "basin;y\n02;20\n01;10\n"), ";")
    assert join([first, second], "both").loc["01"].tolist() == [1, 10]
