"""Where a NextGen user's data hold the attributes that models are trained with, under CAMELS names.

Two sources are known: the hydrofabric (v2.2; tables `divides` and `divide-attributes`) and the YAML
file of each catchment that NGIAB's data preprocessor writes for dHBV models (config/cat_config/dhbv2).
Climate indices come from a forcing history instead (`dhbv.data.climate`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dhbv.attributes import LATITUDE, LONGITUDE
from dhbv.nextgen.albers import CONUS

Column = NDArray[np.float64]


class Row(NamedTuple):
    """One attribute in one source."""

    attribute: str
    """Its CAMELS name."""
    sources: tuple[str, ...]
    """Columns or keys that it is made of."""
    unit: str
    """Of the sources."""
    conversion: str
    """As text; `convert` does it."""
    convert: Callable[..., Column]
    remark: str = ""


def same(value: Column) -> Column:
    return value


def tangent(degrees: Column) -> Column:
    """m km-1 of a slope in degrees."""
    return 1000.0 * np.tan(np.radians(degrees))


def scaled(factor: float) -> Callable[[Column], Column]:
    return lambda value: factor * value


TEXTURES = {
    1: (92.0, 5.0, 3.0), 2: (82.0, 12.0, 6.0), 3: (58.0, 32.0, 10.0), 4: (17.0, 70.0, 13.0),
    6: (43.0, 39.0, 18.0), 7: (58.0, 15.0, 27.0), 8: (10.0, 56.0, 34.0), 9: (32.0, 34.0, 34.0),
    10: (52.0, 6.0, 42.0), 11: (6.0, 47.0, 47.0), 12: (22.0, 20.0, 58.0),
}  # fmt: skip
"""Sand, silt and clay (%) of Noah's soil classes (STATSGO order, 1 sand to 12 clay): Cosby et al. (1984), Table 2,
doi:10.1029/WR020i006p00682, which has no silt (5); others (organic, water, bedrock, ice) have no texture."""


def texture(part: int) -> Callable[[Column], Column]:
    """The share (%) of sand (0), silt (1) or clay (2) in soil classes; NaN where a class has none."""
    return lambda classes: np.array(
        [TEXTURES.get(k, (np.nan,) * 3)[part] for k in np.nan_to_num(classes).astype(int)]
    )


def porosity(sand: Column, clay: Column) -> Column:
    """Porosity (1) from sand and clay (%): Cosby et al. (1984), Table 5."""
    return (50.5 - 0.142 * sand - 0.037 * clay) / 100.0


def conductivity(sand: Column, clay: Column) -> Column:
    """Saturated hydraulic conductivity (cm h-1) from sand and clay (%): Cosby et al. (1984), Table 5, in inches."""
    return 2.54 * 10.0 ** (-0.60 + 0.0126 * sand - 0.0064 * clay)


_SOIL = "the regression that CAMELS itself used on STATSGO's sand and clay"
_TEXTURE = "of the prevailing class alone; Cosby et al. (1984), Table 2"

DERIVED = (
    Row("soil_porosity", ("sand_frac", "clay_frac"), "%", "(50.5 − 0.142 sand − 0.037 clay) / 100", porosity, _SOIL),
    Row("soil_conductivity", ("sand_frac", "clay_frac"), "%", "2.54 · 10^(−0.60 + 0.0126 sand − 0.0064 clay)",
        conductivity, _SOIL),
)  # fmt: skip
"""Made of attributes that a source gave."""

HYDROFABRIC = (
    Row(LATITUDE, ("centroid_x", "centroid_y"), "m, EPSG:5070", "inverse Albers projection",
        lambda x, y: CONUS.inverse(x, y)[0], "the middle of the divide's bounding box where there is no centroid"),
    Row(LONGITUDE, ("centroid_x", "centroid_y"), "m, EPSG:5070", "inverse Albers projection",
        lambda x, y: CONUS.inverse(x, y)[1]),
    Row("elev_mean", ("mean.elevation",), "cm", "/ 100", scaled(0.01), "labelled m in v2.2's data model, but cm"),
    Row("slope_mean", ("mean.slope",), "degrees", "10 tan(slope)", lambda s: 0.01 * tangent(s),
        "its ground is in cm and its distances in m, so a hundred times too steep: 85° is 114 m km-1 (NGIAB's preprocessor "
        "reads 90° as flat instead); of fine ground, three to five times CAMELS's slopes"),
    Row("area_gages2", ("areasqkm",), "km2", "1", same, "of the divide alone, not of all that drains through it"),
    Row("sand_frac", ("mode.ISLTYP",), "class", "table of textures", texture(0), _TEXTURE),
    Row("silt_frac", ("mode.ISLTYP",), "class", "table of textures", texture(1), _TEXTURE),
    Row("clay_frac", ("mode.ISLTYP",), "class", "table of textures", texture(2), _TEXTURE),
)  # fmt: skip
"""Columns of `divides` and `divide-attributes`."""

NGIAB = (
    Row(LATITUDE, ("latitude",), "degrees north", "1", same),
    Row("p_mean", ("meanP",), "mm yr-1", "/ 365.25", scaled(1.0 / 365.25)),
    Row("pet_mean", ("ETPOT_Hargr",), "mm yr-1", "/ 365.25", scaled(1.0 / 365.25),
        "Hargreaves; CAMELS has Priestley-Taylor"),
    Row("aridity", ("aridity",), "1", "1", same, "of Hargreaves evaporation; CAMELS has Priestley-Taylor"),
    Row("frac_snow", ("snowfall_fraction",), "1", "1", same),
    Row("elev_mean", ("meanelevation",), "m", "1", same),
    Row("slope_mean", ("meanslope",), "degrees", "1000 tan(slope)", tangent,
        "of fine ground (MERIT), three to five times CAMELS's slopes"),
    Row("area_gages2", ("catchsize",), "km2", "1", same, "hourly files only; uparea is all that drains through it"),
    Row("sand_frac", ("SoilGrids1km_sand",), "%", "1", same, "SoilGrids; CAMELS has STATSGO"),
    Row("silt_frac", ("SoilGrids1km_silt",), "%", "1", same, "SoilGrids; CAMELS has STATSGO"),
    Row("clay_frac", ("SoilGrids1km_clay",), "%", "1", same, "SoilGrids; CAMELS has STATSGO"),
    Row("geol_porosity", ("Porosity",), "1", "1", same, "GLHYMPS, as in CAMELS"),
    Row("geol_permeability", ("permeability",), "lg(re m2)", "1", same, "GLHYMPS, as in CAMELS"),
)  # fmt: skip
"""Keys of a catchment's YAML file."""

NOT_TAKEN = {
    "mean.smcmax_soil_layers_stag": "porosity as calibrated for the National Water Model: 0.06 to 0.12 above CAMELS "
    "where both were at hand, beyond three standard deviations; soil_porosity comes from the texture",
    "geom_mean.dksat_soil_layers_stag": "conductivity as calibrated for the National Water Model: a tenth of CAMELS's "
    "and less; soil_conductivity comes from the texture",
    "mode.bexp_soil_layers_stag": "exponent of the retention curve: no CAMELS attribute",
    "mode.IVGTYP": "class of land cover in another classification than dom_land_cover, and forcing tools disagree which",
    "seasonality_P": "another index than p_seasonality, which is signed",
    "uparea": "all that drains through the divide; a divide's own water is asked for",
}
"""Columns that look usable and are not, with the reason."""


def attributes(table: pd.DataFrame, rows: tuple[Row, ...]) -> pd.DataFrame:
    """CAMELS attributes, indexed as `table`, as far as its columns go.

    Args:
        table: columns or keys of a source, one row a catchment; missing values NaN.
        rows: `HYDROFABRIC` or `NGIAB`.
    """
    made: dict[str, Column] = {}
    for row in rows:
        _make(row, table, made)
    for row in DERIVED:
        _make(row, made, made)
    return pd.DataFrame(made, index=table.index, dtype=np.float64)


def _make(row: Row, source: Mapping[str, Column] | pd.DataFrame, made: dict[str, Column]) -> None:
    if all(name in source for name in row.sources):
        made[row.attribute] = row.convert(*(np.asarray(source[name], np.float64) for name in row.sources))
