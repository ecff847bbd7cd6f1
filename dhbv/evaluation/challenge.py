"""May a new model take the champion's place? Both run the same days they were not trained on.

A challenger is promoted only if it is shown to be better; a draw keeps the champion, because a change
has its cost: every saved state belongs to its weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from dhbv import forecast, model_directory
from dhbv.configuration import Period
from dhbv.data.schema import some
from dhbv.errors import DhbvError
from dhbv.evaluation import scores
from dhbv.evaluation.bootstrap import median_interval
from dhbv.evaluation.plausibility import (
    TOLERANCES,
    WATER,
    Case,
    Row,
    judge,
    water_budget,
)
from dhbv.evaluation.scorecard import Check, Comparison, Scorecard
from dhbv.evaluation.thresholds import GateConfig
from dhbv.model_directory import ModelDirectory

ALL, HELD_OUT = "all basins", "held-out basins"
"""Groups compared, both over the held-out days."""

COMPARED = ("nse", "kge")

BASINS_AT_ONCE = 200
"""Basins run together: every flux and store of ten years is a gigabyte for a thousand basins."""


def challenge(
    challenger: ModelDirectory,
    champion: ModelDirectory | None,
    region: xr.Dataset,
    period: Period,
    *,
    held_out: Sequence[str] = (),
    smoke: Callable[[Path], None] | None = None,
    gate: GateConfig = GateConfig(),  # noqa: B008 (immutable)
) -> Scorecard:
    """Judge `challenger` against `champion` on `region` over `period`.

    Each model runs after the spin-up its own configuration states. A challenger that trained on these
    days or basins, has the champion's weights, gives NaN, breaks a rule of `dhbv.evaluation.plausibility`
    or fails its smoke test is rejected, whatever its scores. A basin that the champion can be scored
    on and the challenger cannot counts as lost, worse than any difference.

    Args:
        challenger: as it lies on disk, where it is read and tested again.
        champion: None where there is none yet: then `gate.floor` stands in for it.
        region: weather, flow and attributes in the schema of `dhbv.data`.
        period: days held out from training.
        held_out: basins of the region held out from training, compared by themselves as well.
        smoke: runs the model at a path as it will be run in service, and raises if it cannot.
        gate: the thresholds.

    Raises:
        DhbvError: if the region lacks a basin of `held_out`, days of the period or an attribute.
    """
    basins = [str(basin) for basin in region["basin"].values]
    absent = [basin for basin in held_out if basin not in basins]
    if absent:
        raise DhbvError(
            f"the region lacks {len(absent)} of {len(held_out)} held-out basins: {some(absent)}; "
            "correct held_out, or give a region that has them"
        )
    ours = _run(challenger, region, period, gate)
    theirs = None if champion is None else _run(champion, region, period, gate)
    table = _paired(ours, theirs, held_out)
    groups = {ALL: table} | ({HELD_OUT: table[table["held_out"]]} if held_out else {})
    comparisons = tuple(
        _compare(group, score, rows, champion is not None, gate)
        for group, rows in groups.items()
        for score in COMPARED
    )
    observed_bfi = region["baseflow_index"].to_series() if "baseflow_index" in region else None
    rows = judge(Case(ours, theirs, observed_bfi, period.days, TOLERANCES[gate.precision], gate.plausibility))
    checks = (
        *_provenance(challenger, champion, period, held_out),
        *_skill(comparisons, table, champion is not None, gate),
        _ships(challenger, smoke),
    )
    refused = [c.finding for c in checks if not c.passed] + [
        _broken(row) for row in rows if row.passed is False
    ]
    return Scorecard(
        decision="reject" if refused else "promote",
        reasons=tuple(refused or [c.finding for c in checks]),
        challenger=challenger.weights_sha256,
        champion=None if champion is None else champion.weights_sha256,
        period=str(period),
        table=table,
        comparisons=comparisons,
        checks=checks,
        plausibility=rows,
        notes=tuple(_notes(champion, table, period, held_out, smoke)),
        gate=gate,
    )


def _run(model: ModelDirectory, region: xr.Dataset, period: Period, gate: GateConfig) -> pd.DataFrame:
    """NSE, KGE and the water budget of each basin; a basin with a flow that is no number has no score."""
    parts = []
    for first in range(0, region.sizes["basin"], BASINS_AT_ONCE):
        part = region.isel(basin=slice(first, first + BASINS_AT_ONCE))
        fluxes, _ = forecast.run(
            model, part, period, spin_up_days=model.config.data.spin_up_days, outputs=WATER, dtype=gate.precision
        )  # fmt: skip
        days = part.sel(time=fluxes["time"])
        usable = (abs(fluxes["runoff"]) < np.inf).all("time")
        scored = scores.score_basins(days["streamflow"].where(usable), fluxes["runoff"])
        parts.append(scored[list(COMPARED)].join(water_budget(fluxes, days)))
    return pd.concat(parts)


def _paired(ours: pd.DataFrame, theirs: pd.DataFrame | None, held_out: Sequence[str]) -> pd.DataFrame:
    """Both models' scores side by side, a row each basin; without a champion its columns are NaN."""
    table = pd.DataFrame(index=ours.index.astype(str).rename("basin"))
    for name in (*COMPARED, "bfi"):
        table[f"{name}_challenger"] = ours[name].to_numpy()
        table[f"{name}_champion"] = np.nan if theirs is None else theirs[name].to_numpy()
    for name in COMPARED:
        table[f"{name}_gain"] = table[f"{name}_challenger"] - table[f"{name}_champion"]
    return table.assign(held_out=table.index.isin(list(held_out)))


def _compare(group: str, score: str, table: pd.DataFrame, against: bool, gate: GateConfig) -> Comparison:
    ours, theirs = table[f"{score}_challenger"], table[f"{score}_champion"]
    compared = (theirs if against else ours).notna()
    gains = (ours - theirs)[compared] if against else pd.Series(dtype=float)
    lost = gains.isna()
    interval = median_interval(
        gains.where(~lost, -np.inf), samples=gate.samples, seed=gate.seed, confidence=gate.confidence
    )
    return Comparison(
        group=group, score=score, basins=int(compared.sum()), lost=int(lost.sum()),
        challenger=float(ours[compared].median()), champion=float(theirs[compared].median()),
        gain=interval.median, lower=interval.lower, upper=interval.upper, probability=interval.probability,
    )  # fmt: skip


def _provenance(
    challenger: ModelDirectory, champion: ModelDirectory | None, period: Period, held_out: Sequence[str]
) -> Iterator[Check]:
    """Is it another model, and were days and basins really held out?"""
    if champion is not None:
        identical = challenger.weights_sha256 == champion.weights_sha256
        said = "the weights are identical to the champion's, byte for byte: there is nothing to promote"
        yield Check(
            name="new weights", passed=not identical,
            finding=said if identical else "the weights are not the champion's",
        )  # fmt: skip
    seen = _days_seen(challenger, period)
    yield Check(
        name="held-out days", passed=not seen,
        finding=f"the challenger was trained or stopped on {seen} of these {period.days} days: judge it on later ones"
        if seen
        else f"the challenger has seen none of the {period.days} days",
    )  # fmt: skip
    if held_out:
        known = sorted(set(held_out) & set(challenger.config.data.basins or ()))
        yield Check(
            name="held-out basins", passed=not known,
            finding=f"the challenger was trained on {len(known)} of the {len(held_out)} held-out basins: {some(known)}"
            if known
            else f"the challenger has seen none of the {len(held_out)} held-out basins",
        )  # fmt: skip


def _skill(
    comparisons: Sequence[Comparison], table: pd.DataFrame, against: bool, gate: GateConfig
) -> Iterator[Check]:
    for c in comparisons:
        name = f"{c.score.upper()}, {c.group}"
        if c.basins < gate.min_basins:
            said = (
                f"{name}: {c.basins} basins have a score, {gate.min_basins} are the least that show anything"
            )
            yield Check(name=name, passed=False, finding=said)
        elif against:
            first = (c.group, c.score) == (ALL, "nse")
            needed = gate.margin if first else -gate.tolerance
            passed = c.lower > needed if first else c.lower >= needed
            verdict = _verdict(c, first, passed)
            lost = f"; {c.lost} basins lost" if c.lost else ""
            said = (
                f"{name}: median gain {c.gain:+.3f} ({gate.confidence:.0%} interval {c.lower:+.3f} … {c.upper:+.3f}, "
                f"{c.basins} basins{lost}), {verdict}: the lower end must be {'above' if first else 'at least'} {needed:+g}"
            )
            yield Check(name=name, passed=passed, finding=said)
        elif c.score == "nse":
            passed = c.challenger > gate.floor
            said = (
                f"{name}: median {c.challenger:.3f} over {c.basins} basins, the floor is above {gate.floor:g}"
            )
            yield Check(name=name, passed=passed, finding=said)
    if against:
        yield _worst_served(table, gate)


def _verdict(c: Comparison, to_gain: bool, passed: bool) -> str:
    if passed:
        return "better" if to_gain else "not worse"
    if c.upper < 0.0:
        return "worse"
    return "not shown to be better" if to_gain else "not shown to be no worse"


def _worst_served(table: pd.DataFrame, gate: GateConfig) -> Check:
    """Basins the challenger has no score for count as the worst of all."""
    both = table[table["nse_champion"].notna()]
    ours, theirs = (
        # "lower" is a basin's own score: between −inf and a number there is nothing to interpolate.
        float(both[column].fillna(-np.inf).quantile(gate.worst, "lower")) if len(both) else np.nan
        for column in ("nse_challenger", "nse_champion")
    )
    said = f"worst-served {gate.worst:.0%} of basins: NSE at most {ours:.3f}, champion {theirs:.3f}"
    return Check(
        name="worst-served basins", passed=bool(ours >= theirs - gate.worst_loss),
        finding=f"{said}; it may fall by {gate.worst_loss:g}",
    )  # fmt: skip


def _ships(challenger: ModelDirectory, smoke: Callable[[Path], None] | None) -> Check:
    """The very directory that will be shipped: whole, still the one judged, and it runs."""
    name = "directory as shipped"
    try:
        if model_directory.load(challenger.path).weights_sha256 != challenger.weights_sha256:
            return Check(
                name=name, passed=False, finding=f"{challenger.path.name} was replaced while it was judged"
            )
        if smoke is not None:
            smoke(challenger.path)
    # Whatever a smoke test raises speaks against the model, and must not take the scorecard with it.
    except Exception as error:
        said = f"{challenger.path.name} cannot be shipped: {type(error).__name__}: {error}"
        return Check(name=name, passed=False, finding=said)
    tested = "the smoke test passed" if smoke is not None else "no smoke test was given"
    return Check(name=name, passed=True, finding=f"the directory is whole; {tested}")


def _broken(row: Row) -> str:
    return f"{row.name}: {row.finding} (rule: {row.rule}; {row.threshold})"


def _notes(
    champion: ModelDirectory | None,
    table: pd.DataFrame,
    period: Period,
    held_out: Sequence[str],
    smoke: Callable[[Path], None] | None,
) -> Iterator[str]:
    unscored = table.index[table[["nse_challenger", "nse_champion"]].isna().all(axis=1)]
    if len(unscored):
        yield (
            f"{len(unscored)} of {len(table)} basins have no score of either model (under {scores.MIN_DAYS} observed "
            f"days, or a flow that never changes) and were left out: {some([str(b) for b in unscored])}"
        )
    if smoke is None:
        yield "no smoke test was given: run the directory once as it will be run in service before it is promoted"
    if champion is None:
        return
    new = table.index[table["nse_champion"].isna() & table["nse_challenger"].notna()]
    if len(new):
        yield f"{len(new)} basins have a score of the challenger alone and were left out: {some([str(b) for b in new])}"
    if seen := _days_seen(champion, period):
        yield f"the champion was trained or stopped on {seen} of these {period.days} days, which favours it"
    known = sorted(set(held_out) & set(champion.config.data.basins or ()))
    if known:
        yield f"the champion was trained on {len(known)} of the held-out basins, which favours it: {some(known)}"


def _days_seen(model: ModelDirectory, period: Period) -> int:
    """Days of `period` that training or early stopping saw; these two never overlap."""
    data = model.config.data
    spans = [data.train] + ([data.validation] if data.validation is not None else [])
    shared = ((min(s.end, period.end) - max(s.start, period.start)).days + 1 for s in spans)
    return sum(max(0, days) for days in shared)
