"""Is the water inside a run plausible? Each basin's budget, and a table of rules it must keep.

A model can match the flow for the wrong reasons: by losing water, by evaporating more than falls,
by piling up snow that never melts. Scores of flow do not see it; these rules do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.data.schema import some
from dhbv.evaluation.scores import flux_baseflow_index, spatial_correlation
from dhbv.evaluation.thresholds import PlausibilityLimits
from dhbv.physics.hargreaves import mean_temperature
from dhbv.physics.hbv import Stores
from dhbv.physics.variables import ROUTED, VARIABLES

WATER = tuple(v.name for v in VARIABLES.values() if v.kind in ("flux", "store"))
"""Every flux and store: what a run must keep for its budget."""

HELD = (*Stores._fields, "routing_store")
"""Stores that add up to all water in a basin."""

YEAR = 365
"""Days in which snow has a summer to melt in."""

LONG_TERM = 3 * YEAR
"""Days over which a basin's evaporation has to come from its rain, and not from water stored before."""


class Tolerance(NamedTuple):
    """Rounding that a sum over basins, components and days may leave, relative to the water in it."""

    day: float
    period: float


TOLERANCES = {"float32": Tolerance(1e-6, 1e-5), "float64": Tolerance(1e-12, 1e-11)}
"""By precision of the run. Ten years of CAMELS left 1.3e-7 and 3.5e-7, 5e-16 and 5e-16."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule found."""

    name: str
    rule: str
    threshold: str
    reason: str
    """Why there is such a rule."""
    passed: bool | None
    """None: it could not be judged; `finding` says why."""
    finding: str
    basins: tuple[str, ...] = ()
    """Those that break it."""


@dataclass(frozen=True)
class Case:
    """A run to be judged: budgets as `water_budget` gives them, on the same basins."""

    budget: pd.DataFrame
    champion: pd.DataFrame | None
    baseflow_index: pd.Series | None
    """The attribute, index basin."""
    days: int
    tolerance: Tolerance
    limits: PlausibilityLimits


def water_budget(fluxes: xr.Dataset, weather: xr.Dataset) -> pd.DataFrame:
    """Each basin's water over the days of a run, as far as the rules need it; NaN where a run has NaN.

    Args:
        fluxes: `WATER` of a run, dimensions basin and time; stores are as at each day's end.
        weather: `tmin` and `tmax`, degC, the same basins and days.

    Returns:
        Indexed by basin: `not_finite` values among all, the `least` value (mm or mm d-1) and in which
        variable, `day_residual` and `period_residual` |P − ET − Q − ΔS| relative to the water there,
        `parts_residual` |Q0 + Q1 + Q2 − Q| relative to the largest Q, `et_excess` ET − Ep relative to the
        largest Ep, `et_over_p`, `bfi`, `coldest` day degC, `most_swe` mm, and `firn`: mm of
        snow on the barest day of the last year.
    """
    order = [fluxes[name].transpose("basin", "time").values for name in WATER]
    water = {name: values.astype(np.float64) for name, values in zip(WATER, order, strict=True)}
    finite = {name: np.isfinite(values) for name, values in water.items()}
    least = np.stack([np.where(finite[name], water[name], np.inf).min(1) for name in WATER])
    p, et, pet, q, swe = (water[name] for name in ("prcp", "et", "pet", "runoff", "swe"))
    tmin, tmax = (weather[name].transpose("basin", "time").values for name in ("tmin", "tmax"))
    held = np.sum([water[name] for name in HELD], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        made = np.diff(held, axis=1) - (p - et - q)[:, 1:]
        table = {
            "not_finite": np.sum([(~seen).sum(1) for seen in finite.values()], axis=0),
            "least": least.min(0),
            "least_of": np.array(WATER)[least.argmin(0)],
            "day_residual": _largest(np.abs(made)) / _at_least_1(_largest(held + p)),
            "period_residual": np.abs(made.sum(1)) / _at_least_1(held[:, 0] + p[:, 1:].sum(1)),
            "parts_residual": _largest(np.abs(sum(water[part] for part in ROUTED) - q))
            / _at_least_1(_largest(q)),
            "et_excess": _largest(et - pet) / _at_least_1(_largest(pet)),
            "et_over_p": et.sum(1) / p.sum(1),
            "bfi": flux_baseflow_index(fluxes["baseflow"].astype(float), fluxes["runoff"].astype(float)),
            "coldest": mean_temperature(tmin, tmax).min(1),
            "most_swe": _largest(swe),
            "firn": swe[:, -YEAR:].min(1),
        }
    return pd.DataFrame({name: np.asarray(column) for name, column in table.items()}, fluxes.indexes["basin"])


def judge(case: Case) -> tuple[Row, ...]:
    """A row for each rule, in the order of the table `RULES`."""
    return tuple(
        Row(name=rule.name, rule=rule.rule, reason=rule.reason, **rule.check(case)._asdict())
        for rule in RULES
    )


class _Found(NamedTuple):
    threshold: str
    passed: bool | None
    finding: str
    basins: tuple[str, ...] = ()


def _finite(case: Case) -> _Found:
    count = case.budget["not_finite"]
    return _each("0 values", count > 0, f"{int(count.sum())} values are NaN or infinite")


def _not_negative(case: Case) -> _Found:
    least, of = case.budget["least"], case.budget["least_of"]
    worst = str(least.idxmin())
    said = f"least value {least[worst]:.3g}, of {of[worst]} in {worst}"
    return _each("≥ 0", ~(least >= 0.0), said)


def _mass_of_days(case: Case) -> _Found:
    return _at_most(case.budget["day_residual"], case.tolerance.day, "of the largest water held")


def _mass_of_period(case: Case) -> _Found:
    return _at_most(case.budget["period_residual"], case.tolerance.period, "of the water that came")


def _parts(case: Case) -> _Found:
    return _at_most(case.budget["parts_residual"], case.tolerance.day, "of the largest runoff")


def _et_within_pet(case: Case) -> _Found:
    return _at_most(case.budget["et_excess"], case.tolerance.day, "of the largest Ep above it")


def _et_over_p(case: Case) -> _Found:
    threshold = f"ET / P ≤ {case.limits.et_over_p:g}"
    if case.days < LONG_TERM:
        return _Found(threshold, None, f"not judged: {case.days} days, needs {LONG_TERM}")
    ratio = case.budget["et_over_p"]
    return _each(threshold, ~(ratio <= case.limits.et_over_p), f"largest ET / P {ratio.max():.3f}")


def _bfi_band(case: Case) -> _Found:
    limits, bfi = case.limits, case.budget["bfi"]
    outside = ~bfi.between(limits.bfi_lowest, limits.bfi_highest)
    said = f"median {bfi.median():.2f}; outside in {int(outside.sum())} of {len(bfi)} basins{_some(outside)}"
    return _Found(
        f"{limits.bfi_lowest:g} to {limits.bfi_highest:g} in all but {limits.bfi_outside:.0%} of basins",
        bool(outside.mean() <= limits.bfi_outside), said, _names(outside),
    )  # fmt: skip


def _bfi_correlation(case: Case) -> _Found:
    loss = case.limits.bfi_correlation_loss
    threshold = f"r ≥ {'0' if case.champion is None else 'champion’s'} − {loss:g}"
    if case.baseflow_index is None:
        return _Found(threshold, None, "not judged: the region has no attribute baseflow_index")
    r = spatial_correlation(case.budget["bfi"], case.baseflow_index)
    than = 0.0
    if case.champion is not None:
        than = spatial_correlation(case.champion["bfi"], case.baseflow_index)
    if np.isnan(r) or np.isnan(than):
        return _Found(threshold, None, "not judged: fewer than 3 basins, or all alike")
    # A correlation is nobody's fault alone: named are those furthest from the attribute, if it fell.
    passed = r >= than - loss
    away = (case.budget["bfi"] - case.baseflow_index).abs().nlargest(5)
    against = "" if case.champion is None else f", champion’s {than:.3f}"
    said = f"r = {r:.3f}{against}"
    if passed:
        return _Found(threshold, True, said)
    basins = tuple(map(str, away.index))
    return _Found(threshold, False, f"{said}; furthest off: {', '.join(basins)}", basins)


def _frostless(case: Case) -> _Found:
    limits, swe = case.limits, case.budget["most_swe"]
    mild = case.budget["coldest"] >= limits.frost
    threshold = f"SWE ≤ {limits.frostless_swe:g} mm where no day is below {limits.frost:g} degC"
    if not mild.any():
        return _Found(threshold, None, "not judged: every basin has frost")
    said = f"{int(mild.sum())} basins without frost hold at most {swe[mild].max():.3g} mm"
    return _each(threshold, mild & ~(swe <= limits.frostless_swe), said)


def _firn(case: Case) -> _Found:
    limit, firn = case.limits.firn, case.budget["firn"]
    kept = ~(firn <= limit)
    if case.champion is None:
        threshold = f"≤ {limit:g} mm in all but {case.limits.firn_basins:.0%} of basins"
    else:
        threshold = f"≤ champion’s + {limit:g} mm where the champion keeps ≤ {limit:g} mm"
    if case.days < YEAR:
        return _Found(threshold, None, f"not judged: {case.days} days, needs {YEAR}")
    if case.champion is None:
        said = f"more in {int(kept.sum())} of {len(firn)} basins{_some(kept)}"
        return _Found(threshold, bool(kept.mean() <= case.limits.firn_basins), said, _names(kept))
    before = case.champion["firn"]
    new = (before <= limit) & ~(firn <= before + limit)
    return _each(threshold, new, f"{int(kept.sum())} basins keep more than {limit:g} mm of snow all year")


class Rule(NamedTuple):
    """One row of the table of rules."""

    name: str
    rule: str
    reason: str
    check: Callable[[Case], _Found]


# fmt: off
RULES = (
    Rule("finite", "every flux and store is a number on every day",
         "one NaN in a store never leaves it", _finite),
    Rule("not negative", "no flux and no store is ever negative",
         "each outflow is bounded by its store; rivers and snowpacks have no debts", _not_negative),
    Rule("mass, each day", "P − ET − Q = ΔS on each day, routing store included",
         "HBV neither makes nor loses water", _mass_of_days),
    Rule("mass, whole period", "P − ET − Q = ΔS over the period",
         "a leak too small to see in a day adds up", _mass_of_period),
    Rule("parts of runoff", "Q0 + Q1 + Q2 = Q on each day",
         "stream-temperature models are given the parts", _parts),
    Rule("ET below potential", "0 ≤ ET ≤ Ep on each day",
         "there is no energy to evaporate more", _et_within_pet),
    Rule("ET over P", "long-term evaporation does not exceed precipitation",
         "what evaporates must have fallen before (Budyko 1974)", _et_over_p),
    Rule("baseflow fraction", "baseflow is a plausible share of runoff",
         "a river of baseflow alone, or of none, fits the mean and misses droughts and floods", _bfi_band),
    Rule("baseflow pattern", "the baseflow fraction varies over basins as observed, no worse than the champion’s",
         "the sharpest published test of a flux not trained on (Feng et al. 2022)", _bfi_correlation),
    Rule("snow where cold", "no snow lies in basins without frost",
         "a threshold TT far too high makes snow of winter rain", _frostless),
    Rule("no new firn", "snow melts in summer wherever it did with the champion",
         "snow that never melts is water the river never gets back", _firn),
)
# fmt: on
"""Every rule, why it is there, and how it is checked."""


def _each(threshold: str, broken: pd.Series, said: str) -> _Found:
    """A rule that every basin must keep."""
    if broken.any():
        said = f"{said}; broken in {int(broken.sum())} of {len(broken)} basins{_some(broken)}"
    return _Found(threshold, not broken.any(), said, _names(broken))


def _at_most(share: pd.Series, limit: float, of: str) -> _Found:
    return _each(f"≤ {limit:g} {of}", ~(share <= limit), f"largest {share.max():.2g}")


def _names(broken: pd.Series) -> tuple[str, ...]:
    return tuple(str(basin) for basin in broken.index[broken.to_numpy(bool)])


def _some(broken: pd.Series) -> str:
    """What ends a sentence that counts basins: their names, if any."""
    return f": {some(_names(broken))}" if broken.any() else ""


def _largest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each basin over its days."""
    largest: NDArray[np.float64] = values.max(1)
    return largest


def _at_least_1(depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """A dry basin's rounding is measured against 1 mm, not against nothing."""
    return np.maximum(depth, 1.0)
