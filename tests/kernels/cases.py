"""Runs to compare two paths on: random parameters and stores, weather of every kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dhbv.kernels.forms import FORMS, OUTPUTS, Form
from dhbv.physics import hbv
from tests.conftest import drawn, weather

FULL = hbv.Stores(snowpack=300.0, snow_liquid=30.0, soil_water=600.0, upper_zone=80.0, lower_zone=150.0)


class Case(NamedTuple):
    """Everything `hbv.simulate` takes, as tensors that ask for a gradient."""

    stores: hbv.Stores
    forcing: Tensor
    parameters: dict[str, Tensor]

    def leaves(self) -> dict[str, Tensor]:
        return {**self.stores._asdict(), "forcing": self.forcing, **self.parameters}


def case(
    form: Form = FORMS["delta"],
    days: int = 70,
    basins: int = 3,
    components: int = 4,
    dynamic: Collection[str] = (),
    *,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
    change: Mapping[str, float] | None = None,
) -> Case:
    """A random case; `change` sets P, T or Ep, or a store, to one value everywhere."""
    rng = np.random.default_rng(seed)
    columns = (basins, components)
    forcing = weather(days, basins, seed)
    changed = dict(change or {})
    for k, name in enumerate(("P", "T", "Ep")):
        if name in changed:
            forcing[..., k] = changed.pop(name)
    stores = {
        name: np.full(columns, changed.pop(name)) if name in changed else rng.uniform(0.0, full, columns)
        for name, full in FULL._asdict().items()
    }
    parameters = {
        name: drawn(rng, name, *((days, *columns) if name in dynamic else columns))
        for name in form.parameters
    }
    assert not changed

    def tensor(x: np.ndarray) -> Tensor:
        return torch.tensor(x, dtype=dtype, requires_grad=True)

    return Case(
        hbv.Stores(**{name: tensor(x) for name, x in stores.items()}),
        tensor(forcing),
        {name: tensor(x) for name, x in parameters.items()},
    )


def results_and_gradients(
    simulate: Callable[..., Any], given: Case, outputs: Collection[str] = OUTPUTS
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Final stores and outputs by name, and the gradient of a random sum of them all by leaf."""
    generator = torch.Generator().manual_seed(1)
    ends, means = simulate(given.stores, given.forcing, given.parameters, tuple(outputs))
    results = {**{f"end_{name}": x for name, x in ends._asdict().items()}, **means}
    loss = sum(
        (x * torch.randn(x.shape, generator=generator, dtype=torch.float64).to(x)).sum()
        for x in results.values()
    )
    leaves = given.leaves()
    gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    found = {
        n: torch.zeros_like(leaves[n]) if g is None else g for n, g in zip(leaves, gradients, strict=True)
    }
    return {name: x.detach() for name, x in results.items()}, found


def assert_close(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor], tolerance: float) -> None:
    """Each of `ours` is like each of `theirs`, by the largest difference over the largest value."""
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        assert torch.isfinite(expected).all(), name
        assert torch.isfinite(ours[name]).all(), name
        scale = max(expected.abs().max().item(), 1e-30)
        error = (ours[name] - expected).abs().max().item() / scale
        assert error <= tolerance, f"{name}: {error:.1e} of {scale:.3g}"


def compare(
    simulate: Callable[..., Any], given: Case, outputs: Collection[str] = OUTPUTS, tolerance: float = 1e-12
) -> None:
    """The path `simulate` gives the values and gradients of the eager loop."""
    ours, our_gradients = results_and_gradients(simulate, given, outputs)
    theirs, their_gradients = results_and_gradients(hbv.simulate, given, outputs)
    assert_close(ours, theirs, tolerance)
    assert_close(our_gradients, their_gradients, tolerance)
