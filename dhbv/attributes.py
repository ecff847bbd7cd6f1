"""Static attributes of a basin by their CAMELS names (Addor et al. 2017, doi:10.5194/hess-21-5293-2017)."""

from __future__ import annotations

LATITUDE, LONGITUDE = "gauge_lat", "gauge_lon"
"""Degrees north, as Hargreaves needs it, and east."""

PAPER_ATTRIBUTES = (
    "p_mean", "pet_mean", "p_seasonality", "frac_snow", "aridity",
    "high_prec_freq", "high_prec_dur", "low_prec_freq", "low_prec_dur",
    "elev_mean", "slope_mean", "area_gages2",
    "frac_forest", "lai_max", "lai_diff", "gvf_max", "gvf_diff",
    "dom_land_cover_frac", "dom_land_cover", "root_depth_50",
    "soil_depth_pelletier", "soil_depth_statsgo", "soil_porosity", "soil_conductivity",
    "max_water_content", "sand_frac", "silt_frac", "clay_frac",
    "geol_1st_class", "glim_1st_class_frac", "geol_2nd_class", "glim_2nd_class_frac",
    "carbonate_rocks_frac", "geol_porosity", "geol_permeability",
)  # fmt: skip
"""The 35 attributes of Feng et al. (2022), Table A1, by their CAMELS names."""

HISTORY = "history_"
"""Begins the names of attributes that only a gauge's own record can tell, see `dhbv.data.history`."""

HISTORY_ATTRIBUTES = {
    "history_q_mean": "mm d-1",
    "history_runoff_ratio": "1",
    "history_runoff_ratio_cold": "1",
    "history_runoff_ratio_warm": "1",
    "history_q05": "mm d-1",
    "history_q95": "mm d-1",
    "history_slope_fdc": "1",
    "history_no_flow": "1",
    "history_flashiness": "1",
    "history_recession": "d-1",
    "history_centroid": "d",
}
"""What gz sees of past flow beside the attributes that gA sees, and its units."""

ATTRIBUTE_UNITS = {
    **{name: unit for name, unit in HISTORY_ATTRIBUTES.items() if unit != "1"},
    **dict.fromkeys(("p_mean", "pet_mean"), "mm d-1"),
    **dict.fromkeys(("high_prec_freq", "low_prec_freq"), "d yr-1"),
    **dict.fromkeys(("high_prec_dur", "low_prec_dur"), "d"),
    LATITUDE: "degrees_north",
    LONGITUDE: "degrees_east",
    "elev_mean": "m",
    "slope_mean": "m km-1",
    "area_gages2": "km2",
    "soil_depth_pelletier": "m",
    "soil_depth_statsgo": "m",
    "soil_conductivity": "cm h-1",
    "max_water_content": "m",
    **dict.fromkeys(("sand_frac", "silt_frac", "clay_frac"), "%"),
    "root_depth_50": "m",
    "geol_permeability": "lg(re m2)",
}
"""Units of attributes that have one (Addor et al. 2017, Tables 1 to 6; past flow: `dhbv.data.history`)."""
