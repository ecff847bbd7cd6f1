"""Attributes of a CSV, of one gauge, and of a climate; what is missing or out of range is told by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dhbv.data.schema import DataError, assemble
from dhbv.model_directory import ModelDirectory
from dhbv.nextgen import gathering
from tests.nextgen.conftest import ATTRIBUTES, IDS, write_attributes


def test_a_table_by_catchment_id(tmp_path: Path) -> None:
    table = gathering.from_table(
        write_attributes(tmp_path / "a.csv", p_mean=[1.0, 2.0, 3.0]), ["cat-10", "cat-1"], None
    )
    assert table["p_mean"].tolist() == [3.0, 1.0]
    assert table["geol_1st_class"].tolist() == ["Metamorphics"] * 2
    with pytest.raises(
        DataError, match=r"no row for catchment cat-7 .*\(divide_id\) holds cat-1, cat-2, cat-10.*--gauge ID"
    ):
        gathering.from_table(tmp_path / "a.csv", ["cat-7"], None)


def test_one_gauge_for_every_catchment(tmp_path: Path) -> None:
    (tmp_path / "camels.csv").write_text("gauge_id,p_mean,geol_porostiy\n01073000,3.5,0.01\n01022500,3.1,\n")
    table = gathering.from_table(tmp_path / "camels.csv", IDS, "01073000")
    assert table.index.tolist() == list(IDS)
    assert table["p_mean"].tolist() == [3.5] * 3
    assert table["geol_porosity"].tolist() == [0.01] * 3, "CAMELS misspells it"
    with pytest.raises(DataError, match="no row for gauge 1073000: ids are text, with leading zeros"):
        gathering.from_table(tmp_path / "camels.csv", IDS, "1073000")
    with pytest.raises(DataError, match="need the catchments: give --hydrofabric GPKG or --forcing PATH"):
        gathering.from_table(tmp_path / "camels.csv", None, "01073000")


def history(path: Path, days: int, rain_every: int = 4) -> Path:
    """A made-up climate: 20 mm every fourth day, mild, at two catchments."""
    time = np.datetime64("2010-01-01") + np.arange(days)
    p = np.where(np.arange(days) % rain_every == 0, 20.0, 0.0)
    t = 10.0 + 8.0 * np.sin(2.0 * np.pi * np.arange(days) / 365.25)
    series = {
        "prcp": np.stack([p, 2.0 * p]),
        "tmin": np.stack([t - 4.0] * 2),
        "tmax": np.stack([t + 4.0] * 2),
    }
    assemble(["cat-1", "cat-2"], time, series).to_netcdf(path)
    return path


def test_a_climate_is_that_of_the_last_whole_years(tmp_path: Path) -> None:
    latitude = pd.Series({"cat-2": 43.0, "cat-1": 43.0})
    table = gathering.climate(history(tmp_path / "h.nc", 4 * 365 + 1 + 100), latitude, 0)
    assert table.index.tolist() == ["cat-2", "cat-1"]
    assert table["p_mean"].tolist() == pytest.approx([10.0, 5.0], rel=3e-3)
    assert table["low_prec_freq"].tolist() == pytest.approx([273.9, 273.9], rel=3e-3)
    assert (table["frac_snow"] == 0.0).all()
    assert (table["aridity"] == table["pet_mean"] / table["p_mean"]).all()


@pytest.mark.parametrize(("days", "fits"), [(365, True), (364, False)])
def test_a_climate_needs_a_year(tmp_path: Path, days: int, fits: bool) -> None:
    path, latitude = history(tmp_path / "h.nc", days), pd.Series({"cat-1": 43.0})
    if fits:
        assert gathering.climate(path, latitude, 0)["p_mean"].item() == pytest.approx(5.0, rel=0.01)
        return
    with pytest.raises(
        DataError, match=f"{days} days are no climate: give a history of some years as --climate FILE"
    ):
        gathering.climate(path, latitude, 0)


def test_the_climate_is_that_of_camels_where_camels_has_it(shared: Path) -> None:
    """CAMELS took Daymet over 1989-10-01..2009-09-30; here are ten years more."""
    pack = shared / "camels_us" / "camels_us_daymet.nc"
    camels = pd.read_csv(
        shared / "camels_us" / "camels_us_attributes.csv", dtype={"gauge_id": str}
    ).set_index("gauge_id")
    ids = ["01013500", "14306500"]
    table = gathering.climate(pack, camels.loc[ids, "gauge_lat"], 0)
    np.testing.assert_allclose(table["p_mean"], camels.loc[ids, "p_mean"], rtol=0.03)
    np.testing.assert_allclose(table["frac_snow"], camels.loc[ids, "frac_snow"], atol=0.02)


def test_gaps_name_attribute_problem_and_catchments(model: ModelDirectory) -> None:
    table = pd.DataFrame(ATTRIBUTES, index=list(IDS), dtype=object)
    assert gathering.gaps(table, model.statistics) == []
    table.loc["cat-2", "p_mean"] = np.nan
    table.loc["cat-10", "geol_1st_class"] = "Cheese"
    table["aridity"] = [1.5, 77.0, 99.0]
    missing, beyond, unknown = gathering.gaps(table, model.statistics)
    assert (missing.attribute, missing.problem, missing.catchments) == ("p_mean", "missing", ("cat-2",))
    assert (beyond.attribute, beyond.catchments) == ("aridity", ("cat-2", "cat-10"))
    assert beyond.problem == "outside the training range: 77 to 99"
    assert beyond.hint.startswith("trained on ")
    assert (unknown.attribute, unknown.catchments) == ("geol_1st_class", ("cat-10",))
    assert "Metamorphics" in unknown.hint
