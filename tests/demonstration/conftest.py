"""A demo in the small: few basins, five years, small networks, short portions."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console
from rich.progress import Progress

from dhbv.data.synthetic import SyntheticRegion, synthetic_region

if find_spec("torch") is None:
    # Nothing is trained without torch.
    collect_ignore_glob = ["test_*"]

BASINS = 36
"""Two thirds are enough to train weights that are better elsewhere too, a third to show it."""


def small(**_: object) -> SyntheticRegion:
    return synthetic_region(n_basins=BASINS, years=5)


def run(out: Path, data: Path | None = None, *, service: Any = None) -> dict[str, Any]:
    from bmi import DeltaHbv
    from dhbv import demonstration

    with Progress(console=Console(file=io.StringIO())) as bars:
        summary: dict[str, Any] = demonstration.run(out, data, None, DeltaHbv, service, bars)
    return summary


def shown(summary: dict[str, Any], width: int = 120) -> str:
    from dhbv import demonstration

    console = Console(file=io.StringIO(), width=width, record=True)
    console.print(demonstration.render(summary))
    return console.export_text()


@pytest.fixture(scope="session")
def in_the_small() -> Iterator[None]:
    """Little of everything: basins, years, minibatches, portions."""
    from dhbv.demonstration import loop, region

    with pytest.MonkeyPatch.context() as patch:
        training = {
            "iterations": 150,
            "batch_basins": 30,
            "warmup_days": 240,
            "window_days": 180,
            "learning_rate": 1e-2,
        }
        network = msgspec.structs.replace(region._MODEL.network, hidden=8, layers=(32,))
        for name in ("_TRAINING", "_REAL_TRAINING"):
            patch.setattr(region, name, msgspec.structs.replace(getattr(region, name), **training))
        for name in ("_MODEL", "_REAL_MODEL"):
            smaller = msgspec.structs.replace(getattr(region, name), components=4, network=network)
            patch.setattr(region, name, smaller)
        patch.setattr(region, "synthetic_region", small)
        patch.setattr(region, "HELD_OUT_EVERY", 3)
        patch.setattr(loop, "PORTION_DAYS", 3)
        patch.setattr(loop, "FIRST_ITERATIONS", 10)
        yield
