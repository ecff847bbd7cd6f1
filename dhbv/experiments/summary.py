"""What results say: medians and quartiles, correlations over basins, gains between models, coherence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dhbv.evaluation import scores
from dhbv.evaluation.bootstrap import Interval, median_interval
from dhbv.experiments.results import Results

SAMPLES, CONFIDENCE, SEED = 10_000, 0.95, 0
"""Of the bootstrap over basins."""

INTERNAL = ("bfi", "et", "swe", "soil_water")
"""What the model makes of a basin without having been trained on it."""


def summary(rows: pd.DataFrame) -> dict[str, Any]:
    """Medians, quartiles and correlations over the basins of `rows`, ready for JSON.

    `bfi_correlation` is that of simulated ΣQ2 / ΣQ with the attribute `baseflow_index`; `et_correlation` that of
    mean ET with mean P − mean observed Q, the evaporation that the water balance leaves. The model was trained
    on neither.
    """
    return scores.summary(
        rows,
        bfi_correlation=scores.spatial_correlation(rows["bfi"], rows["observed_bfi"]),
        et_correlation=scores.spatial_correlation(rows["et"], rows["prcp"] - rows["observed_flow"]),
    )


def summaries(results: Results) -> dict[str, dict[str, Any]]:
    """By what they are of: labels, held-out basins apart; folds and regions also taken together as `all`."""
    parts: dict[str, pd.DataFrame] = {}
    together = results.header.kind in ("pub", "pur")
    for label in results.labels:
        mixed = results.of(label)["held_out"].nunique() > 1
        for held_out in (False, True) if mixed else (None,):
            suffix = ", held out" if held_out else ""
            parts[label + suffix] = results.of(label, held_out=held_out)
    if together:
        parts["all"] = results.of()
    return {label: summary(rows) for label, rows in parts.items()}


def gain(better: pd.DataFrame, worse: pd.DataFrame, score: str = "nse") -> Interval:
    """Median over common basins of the gain of `better` over `worse`, with its paired bootstrap interval."""
    both = better[score].align(worse[score], join="inner")
    difference = (both[0] - both[1]).dropna().to_numpy(float)
    return median_interval(difference, samples=SAMPLES, seed=SEED, confidence=CONFIDENCE)


class Point(NamedTuple):
    """One training of a scaling experiment."""

    basins: int
    seconds: float
    held_out: dict[str, Any]
    """Summary over the basins that no training saw."""
    trained_on: dict[str, Any]
    """Summary over its own training basins, in the test period."""
    agreement: dict[str, float]
    """Spatial correlation over held-out basins with the training on most basins, for each of `INTERNAL`."""


def scaling(results: Results) -> list[Point]:
    """The points of the curves, from the fewest basins up."""
    trainings = sorted(results.header.trainings, key=lambda t: t.basins)
    largest = results.of(trainings[-1].label, held_out=True)
    points = []
    for t in trainings:
        unseen = results.of(t.label, held_out=True)
        agreement = {name: scores.spatial_correlation(unseen[name], largest[name]) for name in INTERNAL}
        points.append(
            Point(
                t.basins, t.seconds, summary(unseen), summary(results.of(t.label, held_out=False)), agreement
            )
        )
    return points


def gauged(results: Results, others: Mapping[str, Results]) -> pd.DataFrame | None:
    """Scores of the same model trained on the same basins, from a temporal experiment, if there is one."""
    wanted = _protocol(results)
    for other in others.values():
        if other.header.kind == "temporal" and _protocol(other) == wanted:
            rows = other.of(held_out=False)
            if set(results.table["basin"]) <= set(rows.index):
                return rows
    return None


def ungauged(results: Results, others: Mapping[str, Results]) -> dict[str, pd.DataFrame]:
    """Scores of other models on the held-out basins of `results`, all held out there too, by file stem."""
    wanted = results.of(held_out=True).index.unique()
    found = {}
    for stem, other in others.items():
        if other.header.kind in ("pub", "pur") and same_days(results, other):
            rows = other.of()
            if wanted.isin(rows.index).all():
                found[stem] = rows.loc[wanted]
    return found


def same_days(a: Results, b: Results) -> bool:
    """Whether both are trained and tested on the same periods."""
    return all(a.header.config["data"][p] == b.header.config["data"][p] for p in ("train", "test"))


def _protocol(results: Results) -> tuple[Any, ...]:
    config, data = results.header.config, results.header.config["data"]
    return config["model"], config["training"], data["train"], data["test"], sorted(results.header.sources)


def median(rows: pd.DataFrame, score: str = "nse") -> float:
    """NaN where no basin has the score."""
    return float(np.nanmedian(rows[score])) if rows[score].notna().any() else float("nan")
