"""A synthetic region whose parameters, fluxes and stores are known: the twin experiment.

Weather and landscapes are drawn, true parameters are smooth functions of the attributes, and β
and γ also of the weather of the last month; one HBV per basin (M = 1) then makes the water. A
network that sees P, T, Ep and the attributes can learn all of it. No file is needed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from dhbv.attributes import LATITUDE
from dhbv.data.climate import climate_indices
from dhbv.data.forcing import model_forcing
from dhbv.data.landscape import draw_landscape, draw_places, sigmoid
from dhbv.data.schema import assemble, attributes, with_attributes
from dhbv.data.weather import Array, generate
from dhbv.physics import variables
from dhbv.physics.hargreaves import mean_temperature
from dhbv.physics.hbv import initial_stores, simulate
from dhbv.physics.parameters import PARAMETERS
from dhbv.physics.unit_hydrograph import route, unit_hydrograph

SPIN_UP_YEARS = 2
"""Simulated before the region starts, and discarded."""

FLOW_NOISE = 0.02
"""Standard deviation of the log of observed over true flow."""

MEMORY_DAYS = 30
"""β and γ follow the mean weather of so many days."""

_TYPICAL = {
    "slope_mean": (35.0, 30.0),
    "frac_forest": (0.6, 0.3),
    "elev_mean": (600.0, 500.0),
    "lai_max": (3.2, 1.5),
    "gvf_max": (0.72, 0.17),
    "root_depth_50": (0.18, 0.04),
    "area_gages2": (600.0, 800.0),
    "soil_depth_statsgo": (1.2, 0.25),
    "soil_porosity": (0.44, 0.02),
    "soil_conductivity": (1.5, 0.6),
    "sand_frac": (36.0, 15.0),
    "clay_frac": (20.0, 9.0),
    "geol_permeability": (-13.8, 1.2),
    "geol_porosity": (0.12, 0.08),
}
"""Centre and spread of attributes; fixed, so that one truth holds for every region."""

_TRUTH: dict[str, tuple[float, dict[str, float]]] = {
    "beta": (-0.9, {"slope_mean": -0.4, "frac_forest": 0.4}),
    "fc": (-1.1, {"soil_depth_statsgo": 0.7, "soil_porosity": 0.4}),
    "k0": (-0.6, {"slope_mean": 0.5}),
    "k1": (-1.0, {"soil_conductivity": 0.4, "slope_mean": 0.3}),
    "k2": (-1.8, {"geol_permeability": -0.7}),
    "lp": (0.5, {"clay_frac": 0.5}),
    "perc": (-1.5, {"geol_permeability": 0.6, "geol_porosity": 0.3}),
    "uzl": (-1.2, {"soil_depth_statsgo": 0.4, "sand_frac": 0.3}),
    "tt": (0.0, {"elev_mean": 0.4}),
    "cfmax": (-1.0, {"frac_forest": -0.4}),
    "cfr": (0.0, {"lai_max": 0.3}),
    "cwh": (0.0, {"gvf_max": -0.3}),
    "gamma": (-1.4, {"root_depth_50": -0.4, "lai_max": -0.2}),
    "route_a": (0.4, {"slope_mean": -0.3}),
    "route_tau": (-1.8, {"area_gages2": 0.5}),
}
"""Each parameter as the logit of its place in the range: a constant and weights of scaled attributes."""


class SyntheticRegion(NamedTuple):
    """What a model may see, and what it should find."""

    region: xr.Dataset
    """Of the schema, with the 35 attributes of the paper, `gauge_lat` and `gauge_lon`."""
    truth: xr.Dataset
    """Every flux and store of the variable table, daily `beta` and `gamma`, and the static parameters."""


def synthetic_region(
    n_basins: int = 60, years: int = 12, seed: int = 0, start: str = "1995-10-01"
) -> SyntheticRegion:
    """Basins `syn-001`, … with `years` of weather and flow from `start`; the same for the same seed."""
    rng = np.random.default_rng(seed)
    first = pd.Timestamp(start)
    days = pd.date_range(
        first - pd.DateOffset(years=SPIN_UP_YEARS), first + pd.DateOffset(years=years), inclusive="left"
    )
    kept = days >= first
    basins = [f"syn-{i + 1:03d}" for i in range(n_basins)]
    places = draw_places(rng, n_basins)
    weather = generate(rng, places, days.day_of_year.to_numpy())
    location = pd.DataFrame({LATITUDE: places.lat}, index=basins)
    whole = assemble(basins, days.to_numpy(), weather._asdict(), location)
    # The truth runs on what a model will see, float32 weather included.
    forcing = model_forcing(whole).astype(np.float64)

    climate = climate_indices(
        weather.prcp[:, kept],
        mean_temperature(weather.tmin, weather.tmax)[:, kept],
        forcing[kept, :, 2].T,
        days[kept].day_of_year.to_numpy(),
    )
    table = pd.concat([climate, draw_landscape(rng, places, climate)], axis=1).set_index(pd.Index(basins))
    region = with_attributes(whole.isel(time=kept), table)
    truth = _simulate(forcing, _true_parameters(attributes(region), forcing), kept, region)
    noise = np.exp(FLOW_NOISE * rng.normal(size=truth["runoff"].shape) - 0.5 * FLOW_NOISE**2)
    observed = assemble(basins, days[kept].to_numpy(), {"streamflow": truth["runoff"].values * noise})
    region = region.assign(streamflow=observed["streamflow"]).assign_attrs(source=f"synthetic, seed {seed}")
    return SyntheticRegion(region, truth)


def _true_parameters(table: pd.DataFrame, forcing: Array) -> dict[str, Array]:
    """True parameters by name: [basin], but `beta` and `gamma` [time, basin]."""
    scaled = {name: (table[name].to_numpy() - centre) / spread for name, (centre, spread) in _TYPICAL.items()}
    logits = {
        # Bounded, so that no basin of an extreme attribute sits at the edge of a range.
        name: constant + 1.5 * np.tanh(sum(w * scaled[a] for a, w in weights.items()))
        for name, (constant, weights) in _TRUTH.items()
    }
    p, t, ep = np.moveaxis(forcing, -1, 0)
    wet = np.tanh(running_mean(p - ep, MEMORY_DAYS) / 3.0)
    warm = np.tanh((running_mean(t, MEMORY_DAYS) - 10.0) / 10.0)
    # Wet soils connect and run off sooner; plants draw freely in the warm season and while it is wet.
    logits["beta"] = logits["beta"] - 0.9 * wet
    logits["gamma"] = logits["gamma"] - 1.0 * warm - 0.5 * wet
    return {name: PARAMETERS[name].scale(sigmoid(logit)) for name, logit in logits.items()}


def running_mean(series: Array, days: int) -> Array:
    """Mean of [time, basin] over the last `days`, today included; at the start over those there are."""
    total = np.cumsum(series, 0)
    total[days:] = total[days:] - total[:-days]
    return total / np.minimum(np.arange(1, len(series) + 1), days)[:, None]


def _simulate(
    forcing: Array, parameters: dict[str, Array], kept: np.ndarray, region: xr.Dataset
) -> xr.Dataset:
    """The water of one HBV per basin, over the days that are `kept` [time], as a Dataset."""
    component = {n: v[..., None] for n, v in parameters.items() if not n.startswith("route_")}
    _, daily = simulate(
        initial_stores(component["fc"]), forcing, component, outputs=variables.names(stage="step")
    )
    u = unit_hydrograph(parameters["route_a"], parameters["route_tau"])
    for after, before in variables.ROUTED.items():
        daily[after], _ = route(daily[before], u)
    daily["runoff"] = daily["surface_runoff"] + daily["interflow"] + daily["baseflow"]
    # Water that has left the zones and not yet arrived.
    daily["routing_store"] = np.cumsum(daily["q0"] + daily["q1"] + daily["q2"] - daily["runoff"], 0)
    daily["prcp"], daily["pet"] = forcing[..., 0], forcing[..., 2]
    daily |= {name: parameters[name] for name in ("beta", "gamma")}

    truth = xr.Dataset(coords={"basin": region["basin"], "time": region["time"]})
    for name, row in variables.VARIABLES.items():
        attrs = {"units": row.unit, "long_name": row.description}
        truth[name] = (("basin", "time"), daily[name][kept].T, attrs)
    for name, value in parameters.items():
        if name not in truth:
            attrs = {"units": PARAMETERS[name].unit, "long_name": PARAMETERS[name].description}
            truth[name] = ("basin", value, attrs)
    return truth
