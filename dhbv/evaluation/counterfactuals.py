"""Does a model answer as a river would when the weather is changed?

A network that has seen rain and flow together may bend β or γ so that flow fits for the wrong reason. Then
a wetter day lowers a flood, or warmth below freezing makes rivers rise. Scores do not see it; these runs do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.configuration import Period
from dhbv.data import model_forcing, schema
from dhbv.errors import DhbvError
from dhbv.evaluation.plausibility import YEAR, Row
from dhbv.model_directory import ModelDirectory
from dhbv.physics.parameters import PARAMETERS
from dhbv.physics.unit_hydrograph import MEMORY
from dhbv.runtime import OUTPUTS, Runtime
from dhbv.state import State

Array = NDArray[np.float64]

P, T, EP = range(3)
"""Columns of the weather."""

SPIN_UP = 3 * YEAR
"""Days before the first changed one that fill the stores."""

LEAST_DAYS = 5 * YEAR
"""Days after the spin-up that the rules need."""


@dataclass(frozen=True)
class Laboratory:
    """A model and basins, to be run again and again from one state with the weather changed."""

    runtime: Runtime
    region: xr.Dataset
    """The days after the spin-up, in the schema of `dhbv.data`."""
    start: State
    weather: Array
    """[time, basin, 3]: P mm d-1, T degC, Ep mm d-1."""

    @classmethod
    def build(cls, model: ModelDirectory, region: xr.Dataset, period: Period) -> Laboratory:
        """Over the basins of `region` and the days of `period`, the first three years of which are the spin-up.

        Raises:
            DhbvError: if the region lacks days of the period, or the period is too short.
        """
        needed = SPIN_UP + LEAST_DAYS
        part = region.sel(time=slice(str(period.start), str(period.end)))
        if part.sizes["time"] < period.days or period.days < needed:
            raise DhbvError(
                f"counterfactual runs need {needed} days ({needed // YEAR} years) with weather: {period} holds "
                f"{period.days}, the data {part.sizes['time']} of them; give a longer period or other data"
            )
        weather = model_forcing(part).astype(np.float64)
        basins = [str(basin) for basin in part["basin"].values]
        runtime = Runtime(model, basins, schema.attribute_columns(part), kernel="compiled")
        start = runtime.spin_up(weather[:SPIN_UP], part["time"].values[0].astype("datetime64[D]"))
        return cls(runtime, part.isel(time=slice(SPIN_UP, None)), start, weather[SPIN_UP:])

    def runoff(self, weather: Array, state: State | None = None) -> Array:
        """[time, basin] mm d-1 of weather [time, basin, 3] from a state, by default the start."""
        return self.outputs(weather, ("runoff",), state)["runoff"]

    def outputs(self, weather: Array, names: tuple[str, ...], state: State | None = None) -> dict[str, Array]:
        """Each of `names` [time, basin], in the units of the variable table."""
        found: dict[str, Array] = self.runtime.run(state or self.start, weather, names)[1]  # type: ignore[assignment]
        return found

    def at(self, days: range) -> Iterator[tuple[int, State]]:
        """Each of the days and the state at its beginning."""
        state, reached = self.start, 0
        for day in days:
            state, _ = self.runtime.run(state, self.weather[reached:day], ())
            reached = day
            yield day, state


def more_rain_more_flow(lab: Laboratory) -> Array:
    """Largest fall of a day's flow, mm d-1, after 5 and after 25 mm more rain on one of twelve days.

    Days that may bring snow are left out: a deeper pack holds back more of a later rain, and rightly so.
    """
    fall = np.zeros(len(lab.runtime.basins))
    rains = lab.weather[..., T] >= PARAMETERS["tt"].upper
    last = len(lab.weather) - YEAR
    for day, state in lab.at(range(1, last, last // 11)):
        span = lab.weather[day : day + YEAR]
        flow = lab.runoff(span, state)
        for depth in (5.0, 25.0):
            wetter = span.copy()
            wetter[0, :, P] += depth * rains[day]
            fall = np.maximum(fall, (flow - lab.runoff(wetter, state)).max(0))
    return fall


def storm_returns(lab: Laboratory) -> Array:
    """How far, as a share of what was added, the water of a storm made 2, 5 and 10 times larger comes back
    beyond all of it, or below nothing, in the two years after it."""
    basins = np.arange(len(lab.runtime.basins))
    storm = lab.weather[: -2 * YEAR, :, P].argmax(0)
    flow, beyond = lab.runoff(lab.weather), np.zeros(len(basins))
    for factor in (2.0, 5.0, 10.0):
        larger = lab.weather.copy()
        larger[storm, basins, P] *= factor
        added = larger[storm, basins, P] - lab.weather[storm, basins, P]
        share = (lab.runoff(larger) - flow).sum(0) / added
        beyond = np.maximum(beyond, np.maximum(share - 1.0, -share))
    return beyond


def wetter_past_no_smaller_flood(lab: Laboratory) -> Array:
    """By what share the largest flood shrinks when the year until ten days before it was a quarter wetter."""
    flow = lab.runoff(lab.weather)
    flood = flow[YEAR:].argmax(0) + YEAR
    day = np.arange(len(flow))[:, None]
    past = (day >= flood - YEAR) & (day < flood - 10)
    wetter = lab.weather.copy()
    wetter[..., P] *= np.where(past, 1.25, 1.0)
    around = np.abs(day - flood) <= 3
    peak = np.where(around, lab.runoff(wetter), 0.0).max(0)
    return 1.0 - peak / flow.max(0, where=around, initial=0.0)


def constant_weather_settles(lab: Laboratory) -> Array:
    """Range of flow over its mean in the last of twenty years of each basin's mean weather, frost left out."""
    mean = lab.weather.mean(0)
    mean[:, T] = np.maximum(mean[:, T], 5.0)
    flow = lab.runoff(np.repeat(mean[None], 20 * YEAR, 0))[-YEAR:]
    return np.ptp(flow, axis=0) / np.maximum(flow.mean(0), 0.01)


def stores_do_not_drift(lab: Laboratory) -> Array:
    """Change of all stored water, mm, between the fortieth and the fiftieth year of the same five years."""
    cycle = lab.weather[: 5 * YEAR]
    state, stored = lab.start, []
    for _ in range(10):
        state, _ = lab.runtime.run(state, cycle, ())
        stored.append(lab.runtime.storage(state))
    return np.abs(stored[9] - stored[7])


def drought_recedes(lab: Laboratory) -> Array:
    """Largest rise of flow from one day to the next, mm d-1, in two years without rain, once no snow melts."""
    dry = lab.weather[: 2 * YEAR].copy()
    dry[..., P] = 0.0
    found = lab.outputs(dry, ("runoff", "melt"))
    melting = found["melt"] > 0.0
    # Meltwater is on its way for as many days as the unit hydrograph is long.
    fed = np.lib.stride_tricks.sliding_window_view(melting, MEMORY + 1, axis=0).any(-1)
    rise = np.diff(found["runoff"], axis=0)[MEMORY - 1 :]
    return np.where(fed, 0.0, rise).max(0)


def frost_is_frost(lab: Laboratory) -> Array:
    """By what share Q or ET over the years changes when days stay below freezing but are 1 °C warmer; NaN
    where there are fewer than ten such days a year."""
    limit = PARAMETERS["tt"].lower - 1.0
    frozen = lab.weather[..., T] < limit
    warmer = lab.weather.copy()
    warmer[..., T] += frozen
    names = ("runoff", "et")
    before, after = (lab.outputs(w, names) for w in (lab.weather, warmer))
    change = [np.abs(after[n].sum(0) / before[n].sum(0) - 1.0) for n in names]
    return np.where(frozen.mean(0) * YEAR < 10, np.nan, np.maximum(*change))


def warming_dries(lab: Laboratory) -> Array:
    """How far the fall of Q under +3 °C lies outside 0 to 1 of the rise in Ep; NaN where Ep is given."""
    basins = len(lab.runtime.basins)
    if "pet" in lab.region:
        return np.full(basins, np.nan)
    warm = lab.region.assign({name: lab.region[name] + 3.0 for name in ("tmin", "tmax")})
    warmer = model_forcing(warm).astype(np.float64)
    rise = (warmer - lab.weather)[..., EP].sum(0)
    share = (lab.runoff(lab.weather) - lab.runoff(warmer)).sum(0) / rise
    return np.maximum(share - 1.0, -share)


def nothing_before_its_cause(lab: Laboratory) -> Array:
    """Largest change of any flux, store or parameter before a day made wet and warm."""
    day = len(lab.weather) // 2
    other = lab.weather.copy()
    other[day, :, P] += 50.0
    other[day, :, T] += 5.0
    before, after = (lab.outputs(w, OUTPUTS) for w in (lab.weather, other))
    return np.max([np.abs(after[n] - before[n])[:day].max(0) for n in OUTPUTS], axis=0)


def wet_season_evaporates(lab: Laboratory) -> Array:
    """What share of Ep is not evaporated on warm days after two months wetter than Ep; NaN where there
    are fewer than thirty."""
    months = 60
    found = lab.outputs(lab.weather, ("et",))["et"]
    past = np.cumsum(lab.weather[..., P] - 1.2 * lab.weather[..., EP], axis=0)
    wet = (past[months:] > past[:-months]) & (lab.weather[months:, :, T] > 5.0)
    et, ep = (np.where(wet, x[months:], 0.0).sum(0) for x in (found, lab.weather[..., EP]))
    return np.where(wet.sum(0) < 30, np.nan, 1.0 - et / np.maximum(ep, 1e-9))


class Counterfactual(NamedTuple):
    """One row of the table: what is changed, and how wrong the answer may be."""

    name: str
    rule: str
    reason: str
    limit: float
    """What the measure may be at most …"""
    exempt: float
    """… in all but this share of basins."""
    unit: str
    measure: Callable[[Laboratory], Array]
    """[basin], NaN where it cannot be told."""

    def judge(self, measure: pd.Series) -> Row:
        """The row of a report on what was measured, indexed by basin."""
        judged = measure.dropna()
        broken = judged[judged > self.limit].sort_values(ascending=False)
        allowed = f", in all but {self.exempt:.0%} of basins" if self.exempt else ""
        finding = "not judged: no basin has such days"
        if len(judged):
            worst = str(judged.idxmax())
            finding = (
                f"median {judged.median():.2g}, worst {judged[worst]:.2g} in {worst}; "
                f"broken in {len(broken)} of {len(judged)}"
            )
        return Row(
            name=self.name, rule=self.rule, reason=self.reason, finding=finding,
            passed=bool(len(broken) <= self.exempt * len(judged)) if len(judged) else None,
            threshold=f"≤ {self.limit:g} {self.unit}{allowed}", basins=tuple(map(str, broken.index)),
        )  # fmt: skip


# fmt: off
COUNTERFACTUALS = (
    Counterfactual("more rain", "more rain on one day lowers no later day's flow",
        "a memory of rain must not close the soil to it", 0.1, 0.0, "mm d-1 lower", more_rain_more_flow),
    Counterfactual("larger storm", "of the water added to a storm between nothing and all returns",
        "a flood outside the record is what a forecast is for", 1e-3, 0.0, "of it too much or less than none", storm_returns),
    Counterfactual("wetter past", "a wetter year gives no smaller flood",
        "wet soils flood", 0.01, 0.02, "of the peak less", wetter_past_no_smaller_flood),
    Counterfactual("constant weather", "flow settles under constant weather",
        "without change outside there is none inside", 0.01, 0.0, "of the flow up and down", constant_weather_settles),
    Counterfactual("fifty years", "stores do not drift over fifty years of the same weather",
        "water that piles up is missing in the river", 10.0, 0.0, "mm in ten years", stores_do_not_drift),
    Counterfactual("drought", "flow only recedes in two years without rain",
        "there is nothing to rise from", 1e-6, 0.0, "mm d-1 of rise", drought_recedes),
    Counterfactual("frost", "frozen days 1 °C warmer, still frozen, hardly change Q and ET",
        "below freezing nothing flows", 0.02, 0.02, "of Q or ET", frost_is_frost),
    Counterfactual("warming", "3 °C of warming lowers Q by a share of what Ep rises",
        "a river cannot lose more than the air can take", 0.1, 0.05, "of the rise in Ep outside 0 to 1", warming_dries),
    Counterfactual("cause first", "nothing changes before what changes it",
        "a forecast knows no tomorrow", 0.0, 0.0, "in any variable's unit", nothing_before_its_cause),
    Counterfactual("wet season", "warm days after wet months evaporate near Ep",
        "where water is not short, energy is the limit", 0.3, 0.1, "of Ep not evaporated", wet_season_evaporates),
)
# fmt: on
"""Every counterfactual. The limits are ours, chosen before any model was judged by them."""


class Answers(NamedTuple):
    """What the runs found."""

    rows: tuple[Row, ...]
    table: pd.DataFrame
    """The measures, one row a basin, one column a rule; NaN where a rule cannot be judged."""


def examine(
    model: ModelDirectory,
    region: xr.Dataset,
    period: Period,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Answers:
    """Every counterfactual of the table on the basins of `region` over `period`; see `Laboratory.build`.

    Args:
        model: the model directory.
        region: weather and attributes in the schema of `dhbv.data`.
        period: eight years or more, of which the first three fill the stores.
        on_progress: called with rules done and rules in all.
    """
    lab = Laboratory.build(model, region, period)
    table = pd.DataFrame(index=pd.Index(lab.runtime.basins, name="basin"))
    for done, rule in enumerate(COUNTERFACTUALS):
        on_progress(done, len(COUNTERFACTUALS))
        table[rule.name] = rule.measure(lab)
    on_progress(len(COUNTERFACTUALS), len(COUNTERFACTUALS))
    return Answers(tuple(rule.judge(table[rule.name]) for rule in COUNTERFACTUALS), table)
