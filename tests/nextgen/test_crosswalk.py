"""Attributes under CAMELS names from a hydrofabric and from NGIAB's files, with the units of CAMELS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dhbv import configuration
from dhbv.configuration import Config
from dhbv.data.schema import ATTRIBUTE_UNITS, DataError
from dhbv.nextgen import crosswalk, gathering, hydrofabric
from tests.nextgen.conftest import IDS, write_hydrofabric

NGIAB_FILE = """### Single-catchment configuration ###
catchment_id: cat-1555522
aridity: 1.190800666809082
meanP: 953.1089477539062
ETPOT_Hargr: 1134.94921875
meanslope: 2.1287403106689453
SoilGrids1km_sand: 24.83499526977539
SoilGrids1km_clay: 28.048128128051758
SoilGrids1km_silt: 47.22759246826172
meanelevation: 297.62042236328125
permeability: -15.050000190734863
snowfall_fraction: 0.039620291441679
Porosity: 0.21676476299762726
uparea: 9.76140022277832
catchsize: 9.761400035999982
start_time: 2020-01-01 00:00:00
latitude: 39.14351071467265
"""


def test_divide_attributes_become_camels_attributes(tmp_path: Path) -> None:
    table = hydrofabric.read(write_hydrofabric(tmp_path / "h.gpkg"))
    assert sorted(table.index) == sorted(IDS)
    kansas, utah, coast = (table.loc[name] for name in IDS)
    assert kansas["gauge_lat"] == pytest.approx(39.14351071467265)
    assert utah["gauge_lon"] == pytest.approx(-111.59267938862689)
    assert kansas["elev_mean"] == pytest.approx(305.94258), "cm in the source"
    assert kansas["slope_mean"] == pytest.approx(31.1, abs=0.1), (
        "1.8 degrees; 2.1 by another model of the ground"
    )
    assert utah["slope_mean"] == pytest.approx(1000.0 * np.tan(np.radians(7.61)), abs=0.2)
    assert np.isnan(coast["slope_mean"])
    assert kansas["area_gages2"] == 4.0
    assert kansas[["sand_frac", "silt_frac", "clay_frac"]].tolist() == [32.0, 34.0, 34.0], "clay loam"
    assert utah[["sand_frac", "silt_frac", "clay_frac"]].tolist() == [17.0, 70.0, 13.0], "silt loam"
    assert np.isnan(coast[["sand_frac", "soil_porosity"]].astype(float)).all(), "water has no texture"
    assert kansas["soil_porosity"] == pytest.approx(0.505 - 0.00142 * 32 - 0.00037 * 34)


@pytest.mark.parametrize("geometry", ["geom", "the_geometry"])
def test_a_hydrofabric_without_divide_attributes_still_tells_where_and_how_large(
    tmp_path: Path, geometry: str
) -> None:
    table = hydrofabric.read(write_hydrofabric(tmp_path / "h.gpkg", None, geometry=geometry))
    assert set(table.columns) == {"gauge_lat", "gauge_lon", "area_gages2"}
    assert table.loc["cat-1", "gauge_lat"] == pytest.approx(42.73199831717915, abs=1e-9), (
        "the middle of its box"
    )


def test_what_is_no_hydrofabric_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such hydrofabric"):
        hydrofabric.read(tmp_path / "none.gpkg")
    (tmp_path / "text.gpkg").write_text("nothing of the kind, but long enough to look at" * 40)
    with pytest.raises(DataError, match="not readable as a GeoPackage"):
        hydrofabric.read(tmp_path / "text.gpkg")
    with pytest.raises(DataError, match=r"EPSG:3338, and only 5070 can be read .*give gauge_lat"):
        hydrofabric.read(write_hydrofabric(tmp_path / "alaska.gpkg", projection=3338))


def test_ngiabs_files_become_camels_attributes(tmp_path: Path) -> None:
    (tmp_path / "cat-1555522.yml").write_text(NGIAB_FILE, encoding="utf-8")
    (row,) = gathering.from_ngiab(tmp_path, None).to_dict("records")
    assert row["p_mean"] == pytest.approx(953.1089477539062 / 365.25)
    assert row["pet_mean"] / row["p_mean"] == pytest.approx(row["aridity"], rel=1e-4), "one source, one ratio"
    assert row["slope_mean"] == pytest.approx(1000.0 * np.tan(np.radians(2.12874)), rel=1e-5)
    assert row["sand_frac"] + row["silt_frac"] + row["clay_frac"] == pytest.approx(100.0, abs=0.2)
    assert (row["elev_mean"], row["area_gages2"]) == pytest.approx((297.62042, 9.7614), rel=1e-6)
    assert (row["geol_porosity"], row["geol_permeability"]) == pytest.approx((0.2167648, -15.05), rel=1e-5)
    assert row["gauge_lat"] == 39.14351071467265
    assert row["frac_snow"] == 0.039620291441679
    with pytest.raises(DataError, match=r"no file <id>.yml for catchment cat-7"):
        gathering.from_ngiab(tmp_path, ["cat-7"])


def test_every_class_of_soil_is_whole() -> None:
    assert set(crosswalk.TEXTURES) == set(range(1, 13)) - {5}
    assert all(sum(parts) == 100.0 for parts in crosswalk.TEXTURES.values())


def test_regressions_are_those_behind_camels(shared: Path) -> None:
    camels = pd.read_csv(shared / "camels_us" / "camels_us_attributes.csv")
    sand, clay = camels["sand_frac"].to_numpy(), camels["clay_frac"].to_numpy()
    porosity, conductivity = crosswalk.porosity(sand, clay), crosswalk.conductivity(sand, clay)
    assert np.median(np.abs(porosity - camels["soil_porosity"])) < 2e-3
    assert np.median(np.abs(conductivity / camels["soil_conductivity"] - 1.0)) < 0.06


@pytest.mark.parametrize("rows", [crosswalk.HYDROFABRIC, crosswalk.NGIAB])
def test_the_table_names_camels_attributes_once_each(rows: tuple[crosswalk.Row, ...], shared: Path) -> None:
    known = set(pd.read_csv(shared / "camels_us" / "camels_us_attributes.csv", nrows=0).columns) | {
        "geol_porosity"
    }
    names = [row.attribute for row in rows]
    assert len(set(names)) == len(names)
    assert set(names) <= known
    made = set(names) | {row.attribute for row in crosswalk.DERIVED}
    assert all(set(row.sources) <= made for row in crosswalk.DERIVED)
    assert not {source for row in rows for source in row.sources} & set(crosswalk.NOT_TAKEN)


def test_the_training_configuration_asks_only_for_what_a_hydrofabric_user_has() -> None:
    config = configuration.load(Path(__file__).parents[2] / "configs" / "train" / "camels_ngen.yaml", Config)
    hydro = {row.attribute for row in (*crosswalk.HYDROFABRIC, *crosswalk.DERIVED)}
    climate = {name for name in ATTRIBUTE_UNITS if name in ("p_mean", "high_prec_freq", "low_prec_freq",
               "high_prec_dur", "low_prec_dur")} | {"p_seasonality", "frac_snow"}  # fmt: skip
    assert set(config.model.attributes) <= hydro | climate
    assert "pet_mean" not in config.model.attributes, "CAMELS's is of another formula than a history's"
    assert config.data.basins is not None
    assert len(config.data.basins) == 531


def test_the_guide_shows_the_table() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "nextgen.md").read_text(encoding="utf-8")
    for row in (*crosswalk.HYDROFABRIC, *crosswalk.NGIAB, *crosswalk.DERIVED):
        sources = ", ".join(f"`{name}`" for name in row.sources)
        line = f"| `{row.attribute}` | {sources} | {row.unit} | {row.conversion} | {row.remark} |"
        assert line in guide
    assert all(f"- `{name}`: {why}." in guide for name, why in crosswalk.NOT_TAKEN.items())
