"""What several test folders need: small models with random weights, random weather, real data if present."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dhbv.configuration import Config, parse
from dhbv.model_directory import ModelDirectory
from dhbv.physics.parameters import PARAMETERS

if find_spec("torch") is None:
    # The core runs and is tested without torch; what trains is not.
    collect_ignore_glob = [
        "training/*", "networks/*", "kernels/*", "test_model.py", "test_pipeline.py", "demonstration/*", "experiments/*",
    ]  # fmt: skip

ATTRIBUTES = ("p_mean", "aridity", "area_gages2", "geol_1st_class")
CLASSES = ("Evaporites", "Metamorphics", "Siliciclastic sedimentary rocks")


@pytest.fixture(autouse=True)
def ieee_numbers() -> Iterator[None]:
    """Subnormal numbers for the next test, whatever a trainer that was never run has left."""
    yield
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_flush_denormal(False)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; tests that need it are skipped in a plain clone."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data beside the checkout are not here")
    return folder


def weather(days: int, basins: int, seed: int = 0) -> NDArray[np.float64]:
    """Random weather [days, basins, 3]: wet and dry days, cold and warm seasons, P, T, Ep."""
    rng = np.random.default_rng(seed)
    p = rng.gamma(0.5, 12.0, (days, basins)) * (rng.random((days, basins)) < 0.4)
    season = -np.cos(2.0 * np.pi * np.arange(days) / 365.25)[:, None]
    t = 6.0 + 12.0 * season + rng.normal(0.0, 4.0, (days, basins))
    ep = np.clip(2.0 + 2.0 * season + rng.normal(0.0, 0.5, (days, basins)), 0.0, None)
    return np.stack([p, t, ep], -1)


def drawn(rng: np.random.Generator, name: str, *shape: int) -> NDArray[np.float64]:
    """Random values of all that a day's step takes: parameters over their ranges, weights of NNr about 0."""
    row = PARAMETERS.get(name)
    return rng.normal(size=shape) if row is None else row.scale(rng.uniform(size=shape))


def attribute_table(basins: int, seed: int = 1) -> dict[str, list[object]]:
    """A table of the attributes the small models need, and a latitude."""
    rng = np.random.default_rng(seed)
    table: dict[str, list[object]] = {name: list(rng.normal(2.0, 1.0, basins)) for name in ATTRIBUTES[:3]}
    table[ATTRIBUTES[3]] = [CLASSES[k] for k in rng.integers(0, len(CLASSES), basins)]
    table["gauge_lat"] = list(rng.uniform(25.0, 60.0, basins))
    return table


def small_config(kind: str = "lstm_mlp", variant: str = "delta_bt_gt", **training: object) -> Config:
    """A configuration whose model has 4 components and narrow layers."""
    content = {
        "data": {
            "train": {"start": "2000-10-01", "end": "2003-09-30"},
            "test": {"start": "2003-10-01", "end": "2004-09-30"},
            "spin_up_days": 365,
        },
        "model": {
            "variant": variant,
            "components": 4,
            "attributes": list(ATTRIBUTES),
            "network": {"kind": kind, "hidden": 8, "layers": [16], "embedding": 3, "dropout": 0.2},
        },
        "training": {"iterations": 6, "batch_basins": 4, "warmup_days": 60, "window_days": 60} | training,
    }
    return parse(content, Config, source="small_config")


@pytest.fixture
def make_directory(tmp_path: Path) -> Callable[..., ModelDirectory]:
    """A maker of model directories with random weights: make_directory(kind, variant, seed)."""
    from tests.small_models import small_model

    def make(kind: str = "lstm_mlp", variant: str = "delta_bt_gt", seed: int = 0) -> ModelDirectory:
        return small_model(tmp_path / f"{kind}-{variant}-{seed}", seed, kind=kind, variant=variant)

    return make
