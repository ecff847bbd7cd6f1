"""Landscapes of basins that do not exist: the attributes that CAMELS tells of real ones.

Values are drawn from smooth fields and from the climate, within the ranges that CAMELS shows:
dry land is bare, steep land has thin soil, sand conducts. Rock properties are the class means
of GLHYMPS (Gleeson et al. 2014, doi:10.1002/2014GL059856).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from dhbv.attributes import LATITUDE, LONGITUDE
from dhbv.data.weather import LATITUDES, LONGITUDES, Array, Places, smooth_field

_ROCKS = (
    ("Unconsolidated sediments", -13.0, 0.22),
    ("Siliciclastic sedimentary rocks", -15.2, 0.19),
    ("Carbonate sedimentary rocks", -11.8, 0.06),
    ("Metamorphics", -14.1, 0.01),
    ("Acid plutonic rocks", -14.1, 0.01),
    ("Basic volcanic rocks", -12.5, 0.09),
)
"""Class, lg of permeability in m2, porosity; neighbours in this order also lie side by side."""

_CARBONATE = 2


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(−x))."""
    return 1.0 / (1.0 + np.exp(-x))


def draw_places(rng: np.random.Generator, basins: int) -> Places:
    """Places scattered over the conterminous United States."""
    lat, lon = rng.uniform(*LATITUDES, basins), rng.uniform(*LONGITUDES, basins)
    elevation = np.clip(np.exp(6.0 + 0.9 * smooth_field(rng, lat, lon)), 10.0, 3300.0)
    return Places(lat, lon, elevation)


def draw_landscape(rng: np.random.Generator, places: Places, climate: pd.DataFrame) -> pd.DataFrame:
    """All attributes but the climate, one row per basin, that go with `places` and `climate`."""
    lat, lon, elevation = places

    def field() -> Array:
        return smooth_field(rng, lat, lon)

    table = pd.DataFrame({LATITUDE: lat, LONGITUDE: lon, "elev_mean": elevation})
    height = np.log(elevation) - 6.0
    slope = np.clip(np.exp(3.2 + 0.8 * height + 0.3 * field()), 1.0, 220.0)
    table["slope_mean"] = slope
    table["area_gages2"] = np.clip(np.exp(5.8 + 1.1 * rng.normal(size=len(lat))), 10.0, 1e4)
    steep = (np.log(slope) - 3.2) / 0.9
    return pd.concat(
        [table, _vegetation(climate, lat, field(), field()), _soil(steep, field(), field(), field(), field()),
         _geology(field(), field(), field())],
        axis=1,
    )  # fmt: skip


def _vegetation(climate: pd.DataFrame, lat: Array, wild: Array, noise: Array) -> pd.DataFrame:
    aridity, snow = climate["aridity"].to_numpy(), climate["frac_snow"].to_numpy()
    forest = sigmoid(3.0 * (1.1 - aridity) + 1.5 * wild)
    lai_max = 0.7 + 4.6 * sigmoid(3.0 * (forest - 0.5) + 0.3 * noise)
    evergreen = sigmoid(8.0 * (snow - 0.25))
    wooded = [forest > 0.65, forest > 0.3]
    cover = np.select(
        [wooded[0] & (snow > 0.25), wooded[0] & (lat > 41.0), wooded[0], wooded[1] & (wild > 0.0), wooded[1],
         aridity > 1.8, wild < -0.5],
        ["Evergreen Needleleaf Forest", "Mixed Forests", "Deciduous Broadleaf Forest", "Woody Savannas",
         "cropland/natural vegetation mosaic", "Open Shrublands", "Croplands"],
        "Grasslands",
    )  # fmt: skip
    return pd.DataFrame(
        {
            "frac_forest": forest,
            "lai_max": lai_max,
            "lai_diff": lai_max * (0.85 - 0.5 * evergreen),
            "gvf_max": 0.35 + 0.55 * sigmoid(4.0 * (forest - 0.3)),
            "gvf_diff": 0.12 + 0.35 * (1.0 - evergreen) * sigmoid(noise),
            "dom_land_cover_frac": 0.45 + 0.55 * sigmoid(1.2 + noise),
            "dom_land_cover": cover.astype(object),
            "root_depth_50": 0.12 + 0.12 * sigmoid(3.0 * (forest - 0.5) + 0.5 * wild),
        }
    )


def _soil(steep: Array, deep: Array, sandy: Array, clayey: Array, noise: Array) -> pd.DataFrame:
    sand = np.clip(36.0 + 14.0 * sandy, 8.0, 80.0)
    clay = np.clip(20.0 + 7.0 * clayey - 0.2 * (sand - 36.0), 3.0, 45.0)
    depth = 0.6 + 0.9 * sigmoid(1.0 - 0.9 * steep + 0.7 * deep)
    porosity = 0.44 - 0.0008 * (sand - 36.0) + 0.01 * noise
    return pd.DataFrame(
        {
            "soil_depth_pelletier": np.clip(np.exp(1.2 - 1.0 * steep + 0.8 * deep), 0.3, 50.0),
            "soil_depth_statsgo": depth,
            "soil_porosity": porosity,
            "soil_conductivity": np.exp(0.25 + 0.028 * (sand - 36.0)),
            "max_water_content": 0.92 * depth * porosity,
            "sand_frac": sand,
            "silt_frac": np.clip(98.0 - sand - clay, 1.0, None),
            "clay_frac": clay,
        }
    )


def _geology(rock: Array, purity: Array, noise: Array) -> pd.DataFrame:
    names, permeability, porosity = (np.array(column) for column in zip(*_ROCKS, strict=True))
    # Equal shares of a standard normal field, in the order of the table.
    first = np.digitize(rock, [-0.97, -0.43, 0.0, 0.43, 0.97])
    second = (first + np.where(noise > 0.0, 1, -1)) % len(_ROCKS)
    share = 0.45 + 0.55 * sigmoid(1.0 + 1.5 * purity)
    rest = np.where(share > 0.97, 0.0, 0.8 * (1.0 - share))
    mixed = permeability[first] * (1.0 - rest) + permeability[second] * rest
    return pd.DataFrame(
        {
            "geol_1st_class": names[first].astype(object),
            "glim_1st_class_frac": share,
            # As in CAMELS: a basin of one rock has no second.
            "geol_2nd_class": np.where(rest > 0.0, names[second], "").astype(object),
            "glim_2nd_class_frac": rest,
            "carbonate_rocks_frac": share * (first == _CARBONATE) + rest * (second == _CARBONATE),
            "geol_porosity": porosity[first] * (1.0 - rest) + porosity[second] * rest,
            "geol_permeability": mixed + 0.15 * noise,
        }
    )
