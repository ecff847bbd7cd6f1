"""Any simulator calibrated at each gauge by itself, all gauges at once: what gA is measured against.

Differential evolution, Storn & Price (1997), doi:10.1023/A:1008202821328, in the form current-to-best/1/bin, because
a population is one call of a simulator that takes many runs; SCE-UA (`dhbv experiment calibrate`) asks for one run
after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dhbv.configuration import Natural, Positive, Section, Weight
from dhbv.data.schema import some
from dhbv.errors import DhbvError
from dhbv.surrogate import runs
from dhbv.surrogate.sampling import draw
from dhbv.surrogate.simulator import RUNOFF, Simulator

_FEWEST = 4
"""Members that a step needs: itself, the best and two others."""


class Evolution(Section, frozen=True):
    """How the search goes."""

    members: Positive = 40
    """Of the population of each basin."""
    generations: Positive = 60
    step: Weight = 0.6
    """F: how much of a difference between members is taken."""
    crossover: Weight = 0.9
    """Chance that a parameter is taken from the mutant."""
    warmup_days: Natural = 365
    """First days, which are not compared with observations."""
    seed: Natural = 0


class Calibrated(NamedTuple):
    """What the search found."""

    fractions: NDArray[np.float32]
    """[basin, parameter] of the ranges."""
    rmse: NDArray[np.float64]
    """[basin], mm d-1, of the days compared."""


def calibrate(
    simulator: Simulator,
    weather: NDArray[np.float32],
    flow: NDArray[np.floating],
    settings: Evolution,
    on_progress: Callable[[int, float], None] = lambda generation, rmse: None,
    *,
    names: Sequence[str] = (),
) -> Calibrated:
    """For each basin the parameters of least RMSE that its population comes upon.

    Args:
        simulator: run with all members of all basins at once.
        weather: [time, basin, input].
        flow: [time, basin] observed, mm d-1, NaN where not.
        settings: of the search.
        on_progress: called after each generation, with the median RMSE so far.
        names: of the basins, for messages; by default their positions.

    Raises:
        DhbvError: if basins have no observation to compare with, or the population is too small.
    """
    observed = flow[settings.warmup_days :].astype(np.float64)
    blind = np.flatnonzero(~np.isfinite(observed).any(0))
    if blind.size:
        nameless = [str(k) for k in range(flow.shape[1])]
        told = some([(names or nameless)[k] for k in blind.tolist()])
        raise DhbvError(
            f"basin {told}: no observed flow after the {settings.warmup_days} days of warm-up ({blind.size} of "
            f"{flow.shape[1]} basins): leave them out"
        )
    if settings.members < _FEWEST:
        raise DhbvError(
            f"a population of {settings.members} cannot evolve: it needs at least {_FEWEST} members"
        )
    basins, members = flow.shape[1], settings.members
    size = len(simulator.description.parameters)
    column = simulator.description.outputs.index(RUNOFF)

    def misfit(places: NDArray[np.float64]) -> NDArray[np.float64]:
        """RMSE [basin, member] of fractions [basin, member, parameter]."""
        made = runs.simulate(
            simulator, weather, places.reshape(-1, size), np.repeat(np.arange(basins), members)
        )[settings.warmup_days :, :, column].reshape(len(observed), basins, members)
        return np.sqrt(np.nanmean((made - observed[..., None]) ** 2, 0))

    rng = np.random.default_rng(settings.seed)
    places = draw(basins * members, size, settings.seed).astype(np.float64).reshape(basins, members, size)
    found = misfit(places)
    of_basin = np.arange(basins)
    for generation in range(1, settings.generations + 1):
        best = places[of_basin, found.argmin(1)][:, None]
        a, b = (np.take_along_axis(places, _others(rng, basins, members)[..., None], 1) for _ in range(2))
        mutant = places + settings.step * (best - places) + settings.step * (a - b)
        # Back from the wall, halfway: clipping would gather the population on it.
        mutant = np.where(mutant < 0.0, places / 2.0, np.where(mutant > 1.0, (places + 1.0) / 2.0, mutant))
        taken = rng.random(places.shape) < settings.crossover
        taken |= np.arange(size) == rng.integers(size, size=(basins, members, 1))
        trial = np.where(taken, mutant, places)
        of_trial = misfit(trial)
        better = of_trial <= found
        places = np.where(better[..., None], trial, places)
        found = np.where(better, of_trial, found)
        on_progress(generation, float(np.median(found.min(1))))
    chosen = found.argmin(1)
    return Calibrated(places[of_basin, chosen].astype(np.float32), found[of_basin, chosen])


def _others(rng: np.random.Generator, basins: int, members: int) -> NDArray[np.int64]:
    """For each member of each basin another one, [basin, member]."""
    return (np.arange(members) + rng.integers(1, members, size=(basins, members))) % members
