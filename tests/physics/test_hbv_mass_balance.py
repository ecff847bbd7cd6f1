"""No day makes or loses water: bar 3 of the operations, store by store."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from dhbv.physics.effective_rainfall import WEIGHTS
from dhbv.physics.hbv import Fluxes, Forcing, Parameters, Stores, step
from dhbv.physics.parameters import OPTIONS, PARAMETERS, VARIANTS, Variant, variant

Values = NDArray[np.floating]

BASINS, COMPONENTS = 2, 3

forms = st.sampled_from([base + option for base in VARIANTS for option in ("", *OPTIONS)]).map(variant)
fractions = arrays(
    np.float64,
    (len(PARAMETERS) + len(WEIGHTS), BASINS, COMPONENTS),
    elements=st.sampled_from([0.0, 1.0]) | st.floats(0.0, 1.0),
)
days = st.tuples(
    st.sampled_from([0.0, 500.0]) | st.floats(0.0, 500.0),
    st.sampled_from([-40.0, 0.0, 45.0]) | st.floats(-40.0, 45.0),
    st.sampled_from([0.0, 15.0]) | st.floats(0.0, 15.0),
)
weathers = st.lists(st.lists(days, min_size=BASINS, max_size=BASINS), min_size=1, max_size=20).map(np.array)
waters = st.tuples(
    *(
        arrays(np.float64, (BASINS, COMPONENTS), elements=st.just(0.0) | st.floats(0.0, most))
        for most in Stores(2000.0, 400.0, 1500.0, 1000.0, 5000.0)
    )
).map(lambda values: Stores(*values))


def _made(before: Stores, after: Stores, f: Fluxes, p: Values) -> dict[str, Values]:
    """Water made, mm, by each store and by the whole; 0 where the budget closes."""
    gain = Stores(*(b - a for a, b in zip(before, after, strict=True)))
    return {
        "precipitation": f.rain + f.snow - p,
        "snowpack": gain.snowpack - (f.snow + f.refreeze - f.melt),
        "snow_liquid": gain.snow_liquid - (f.melt - f.refreeze - f.infiltration),
        "soil_water": gain.soil_water
        - (f.rain + f.infiltration + f.capillary_rise - f.peff - f.excess - f.et),
        "recharge": f.recharge - (f.peff + f.excess),
        "upper_zone": gain.upper_zone - (f.recharge - f.percolation - f.q0 - f.q1),
        "lower_zone": gain.lower_zone - (f.percolation - f.capillary_rise - f.q2),
        "total": sum(gain) - (p - f.et - f.q0 - f.q1 - f.q2),
    }


def _check_day(stores: Stores, weather: Values, parameters: Parameters, tolerance: Values | float) -> Stores:
    forcing = Forcing(*(weather[:, i, None] for i in range(3)))
    after, fluxes = step(stores, forcing, parameters)
    for name, value in (after._asdict() | fluxes._asdict()).items():
        assert np.isfinite(value).all(), name
        assert (value >= 0.0).all(), name
    exact = [Stores(*(v.astype(np.float64) for v in s)) for s in (stores, after)]
    made = _made(*exact, Fluxes(*(v.astype(np.float64) for v in fluxes)), forcing.p.astype(np.float64))
    for name, value in made.items():
        assert (np.abs(value) <= tolerance).all(), name
    assert (fluxes.et <= forcing.ep).all()
    assert (after.soil_water <= parameters.fc + fluxes.capillary_rise + tolerance).all()
    return after


def _scaled(names: tuple[str, ...], fractions: Values) -> dict[str, Values]:
    """Parameters over their ranges, weights of NNr over −5 to 5, where it is all or nothing on many days."""
    table = dict(zip((*PARAMETERS, *WEIGHTS), fractions, strict=True))
    rows = {name: PARAMETERS.get(name) for name in names}
    return {n: 10.0 * table[n] - 5.0 if row is None else row.scale(table[n]) for n, row in rows.items()}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(form=forms, fractions=fractions, weather=weathers, stores=waters)
def test_every_day_closes_in_float64(
    form: Variant, fractions: Values, weather: Values, stores: Stores
) -> None:
    parameters = Parameters.of(_scaled(form.of_step, fractions))
    for day in weather:
        stores = _check_day(stores, day, parameters, 1e-9)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(form=forms, fractions=fractions, weather=weathers, stores=waters)
def test_every_day_closes_in_float32_to_a_millionth_of_the_water(
    form: Variant, fractions: Values, weather: Values, stores: Stores
) -> None:
    scaled = _scaled(form.of_step, fractions)
    parameters = Parameters.of({name: value.astype(np.float32) for name, value in scaled.items()})
    stores = Stores(*(value.astype(np.float32) for value in stores))
    for day in weather.astype(np.float32):
        most = np.maximum(np.max(stores, axis=0), day[:, :1]).astype(np.float64)
        stores = _check_day(stores, day, parameters, 1e-6 * most)


def test_a_year_without_rain_dries_the_basin_and_makes_no_water(
    form: Variant, draw_parameters: Callable[..., dict[str, Values]], draw_stores: Callable[..., Stores]
) -> None:
    parameters = Parameters.of(draw_parameters(form.of_step, 4, 16))
    stores = first = draw_stores(4, 16)
    for n in range(365):
        t = 25.0 * np.sin(2.0 * np.pi * n / 365.0)
        stores = _check_day(stores, np.tile([0.0, t, max(0.4 * t, 0.0)], (4, 1)), parameters, 1e-9)
    assert (sum(stores) <= sum(first)).all()
