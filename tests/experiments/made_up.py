"""Results made up without training, for tests."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pandas as pd

from dhbv.evaluation.scores import SCORES
from dhbv.experiments.plans import Kind
from dhbv.experiments.results import Header, Results, Trained
from dhbv.experiments.simulation import COLUMNS
from tests.conftest import small_config


def table(label: str, basins: int, nse: float, *, held_out: bool = False, first: int = 0) -> pd.DataFrame:
    """NSE spread by ±0.1 round `nse`; observed BFI from 0 to 1 and simulated half as much; ET = P − Q."""
    spread = np.linspace(-0.1, 0.1, basins)
    columns: dict[str, Any] = {"label": label, "basin": [f"{first + n:08d}" for n in range(basins)]}
    columns |= {"held_out": held_out} | dict.fromkeys(SCORES, nse + spread) | {"days": 3652}
    columns |= dict.fromkeys(COLUMNS, 10.0 + spread)
    ends = np.linspace(0.0, 1.0, basins)
    columns |= {
        "observed_bfi": ends,
        "bfi": 0.5 * ends,
        "prcp": 3.0 + ends,
        "observed_flow": 1.0 + 0.0 * ends,
    }
    columns |= {"et": 2.0 + ends, "lat": 30.0 + 15.0 * ends, "lon": -120.0 + 50.0 * ends}
    return pd.DataFrame(columns)


def results(
    kind: Kind,
    *tables: pd.DataFrame,
    name: str = "ours",
    planned: int | None = None,
    seconds: tuple[float, ...] = (),
    trained_on: tuple[int, ...] = (),
    **choices: Any,
) -> Results:
    """Of `tables`, one a training, in the order of the labels."""
    rows = pd.concat(tables, ignore_index=True)
    labels = [label for label in dict.fromkeys(rows["label"]) if label != "mean"]
    trainings = tuple(
        Trained(
            label=label, source="maurer", basins=trained_on[k] if trained_on else 20, iterations=600,
            seconds=seconds[k] if seconds else 60.0, weights_sha256=f"{k}" * 64, data_digest="d" * 64,
        )
        for k, label in enumerate(labels)
    )  # fmt: skip
    header = Header(
        name=name, kind=kind, choices=choices, config=msgspec.to_builtins(small_config()),
        sources={"maurer": "f" * 64}, planned=planned or len(labels), trainings=trainings,
        machine={"processor": "an abacus", "threads": 2, "torch": "2.9"}, code_version="0.0",
    )  # fmt: skip
    return Results(header, rows)
