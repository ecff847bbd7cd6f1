"""The state at T0, updated from the flow observed before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from dhbv.assimilation import window as windows
from dhbv.assimilation.configuration import AssimilationConfig
from dhbv.assimilation.window import GROUPS, Observations, Ran, Window
from dhbv.data import model_forcing, schema
from dhbv.data.schema import basin_ids
from dhbv.errors import DhbvError
from dhbv.model_directory import ModelDirectory
from dhbv.physics import hbv
from dhbv.runtime import Runtime
from dhbv.state import BASIN_AXIS, State

Float = NDArray[np.floating]


class Outcome(IntEnum):
    """What became of a basin."""

    UPDATED = 0
    TOO_FEW_OBSERVATIONS = 1
    IMPLAUSIBLE_FLOW = 2
    """Observations there are, but too many out of all proportion to what the model says."""
    FITS_ALREADY = 3
    """The flow is within the tolerance as it is."""
    NO_IMPROVEMENT = 4
    """No change within the bounds fits the flow better."""

    @property
    def words(self) -> str:
        return self.name.lower().replace("_", " ")


BOOKED = (*GROUPS, "prcp")
"""Where water may be put in or taken out."""


class Update(NamedTuple):
    """A state for one forecast, and what was done for it; all arrays [B]."""

    state: State
    """Valid at T0. Basins left alone have the undisturbed one, bit for bit."""
    outcome: NDArray[np.int8]
    """An `Outcome` each."""
    before: Float
    """Relative misfit of the undisturbed flow, 1, the last days weighing most; NaN without observations."""
    after: Float
    """Of the updated flow; never above `before`."""
    booked: dict[str, Float]
    """Water put in (below 0: taken out) by name of `BOOKED`, mm: of stores at the beginning of the window, of
    precipitation over its days."""
    moved: dict[str, Float]
    """prcp, et and runoff of the window as it was run in the end, mm: with `booked` they close the balance."""

    def of(self, outcome: Outcome) -> list[str]:
        """The basins of an outcome."""
        return [b for b, o in zip(self.state.basins, self.outcome, strict=True) if o == outcome]

    def told(self) -> str:
        """How many basins were updated, and why the others were not."""
        counts = Counter(Outcome(int(o)) for o in self.outcome)
        told = f"{counts.pop(Outcome.UPDATED, 0)} of {len(self.outcome)} basins updated"
        left = ", ".join(f"{n} {outcome.words}" for outcome, n in sorted(counts.items()))
        return f"{told}; left alone: {left}" if left else told


def update(
    model: ModelDirectory,
    state: State,
    region: xr.Dataset,
    settings: AssimilationConfig = AssimilationConfig(),  # noqa: B008 - frozen
    *,
    undisturbed: State | None = None,
) -> Update:
    """Fit the flow of the days of `region` by changing the stores of `state` and the precipitation, and run them.

    βt and γt stay as the network gave them for the weather as it was.

    Args:
        model: the model directory.
        state: undisturbed, valid at the first day of `region`.
        region: days up to T0 of the state's basins, in its order: weather without a gap, `streamflow`, NaN where it
            was not observed, and attributes.
        settings: how far it may go.
        undisturbed: the state at T0 that basins left alone keep; by default what the days make of `state`.

    Raises:
        DhbvError: if states and days do not fit together, or torch is absent.
    """
    minimise = _minimiser()
    forcing = _forcing(state, region, undisturbed)
    runtime = Runtime(
        model, state.basins, schema.attribute_columns(region), dtype=state.stores.dtype, kernel="compiled"
    )
    if undisturbed is None:
        undisturbed = runtime.run(state, forcing, outputs=())[0]
    window = windows.of_state(runtime, state, forcing)
    open_run = _run(runtime, window)
    flow = region["streamflow"].transpose("time", "basin").values.astype(runtime.dtype)
    seen = windows.observations(flow, open_run.runoff, settings)
    before = windows.misfit(open_run.runoff, seen, settings)
    outcome = _left_alone(flow, seen, before, settings)
    # Left alone from the first, a basin costs nothing and cannot be touched by rounding.
    tried = np.flatnonzero(outcome == Outcome.UPDATED)
    change = np.zeros((windows.unknowns(window, settings), len(state.basins)), runtime.dtype)
    if len(tried):
        change[:, tried] = minimise(
            _some(window, tried), Observations(*(x[:, tried] for x in seen)), settings
        )
    closed = _run(runtime, windows.changed(window, change, settings))
    after = windows.misfit(closed.runoff, seen, settings)
    outcome[tried] = np.where(after[tried] < before[tried], Outcome.UPDATED, Outcome.NO_IMPROVEMENT)
    updated = outcome == Outcome.UPDATED
    moved = {
        name: np.where(updated, value, _moved(window, open_run)[name])
        for name, value in _moved(windows.changed(window, change, settings), closed).items()
    }
    change = np.where(updated, change, 0.0)
    return Update(
        _merged(undisturbed, closed, updated),
        outcome,
        before,
        np.where(updated, after, before),
        _booked(window, change, settings),
        moved,
    )


def _minimiser() -> Callable[[Window, Observations, AssimilationConfig], Float]:
    try:
        from dhbv.assimilation.minimising import minimise
    except ImportError as error:
        raise DhbvError(
            f"states are updated from observations along gradients, which need torch ({error}): "
            "pip install 'delta-hbv[train]'"
        ) from error
    return minimise


def _forcing(state: State, region: xr.Dataset, undisturbed: State | None) -> Float:
    """The weather of the days, which must lie between the two states."""
    days = region["time"].values.astype("datetime64[D]")
    basins = tuple(basin_ids(region))
    if basins != state.basins or not len(days) or days[0] != state.time:
        first = days[0] if len(days) else "no day"
        raise DhbvError(
            f"the state is of {len(state.basins)} basins at {state.time}, the days of {len(basins)} from {first} on: "
            "give the days that follow the state, of its basins in its order"
        )
    end = days[-1] + np.timedelta64(1, "D")
    if undisturbed is not None and (undisturbed.time != end or undisturbed.basins != basins):
        raise DhbvError(
            f"the undisturbed state is of {len(undisturbed.basins)} basins at {undisturbed.time}, the days of "
            f"{len(basins)} end before {end}: give the state at their end, of the same basins"
        )
    return model_forcing(region)


def _run(runtime: Runtime, window: Window) -> Ran:
    return windows.run(window, runtime.simulate, ("et",))


def _some(window: Window, basins: NDArray[np.intp]) -> Window:
    return Window(
        window.stores[:, basins],
        window.history[..., basins],
        window.forcing[:, basins],
        {name: value[..., basins, :] for name, value in window.parameters.items()},
        window.ordinates[..., basins],
    )


def _left_alone(
    flow: Float, seen: Observations, before: Float, settings: AssimilationConfig
) -> NDArray[np.int8]:
    """Why a basin is not even tried; `UPDATED` where it is."""
    enough = settings.least_observations
    outcome = np.full(len(before), Outcome.UPDATED, np.int8)
    outcome[before <= settings.tolerance] = Outcome.FITS_ALREADY
    outcome[(seen.weight > 0.0).sum(0) < enough] = Outcome.IMPLAUSIBLE_FLOW
    outcome[np.isfinite(flow).sum(0) < enough] = Outcome.TOO_FEW_OBSERVATIONS
    return outcome


def _merged(undisturbed: State, closed: Ran, updated: NDArray[np.bool_]) -> State:
    """`undisturbed` with the water of `closed` in the basins that were updated; the LSTM's memory is the same."""
    water = {"stores": np.stack(closed.stores), "runoff": closed.history, "discharge": closed.runoff[-1]}
    merged = {}
    for name, values in water.items():
        own = getattr(undisturbed, name)
        shape = [-1 if axis == BASIN_AXIS[name] else 1 for axis in range(own.ndim)]
        merged[name] = np.where(updated.reshape(shape), values, own)
    return replace(undisturbed, **merged)


def _booked(window: Window, change: Float, settings: AssimilationConfig) -> dict[str, Float]:
    after = windows.changed(window, change, settings)
    put_in = (after.stores - window.stores).mean(-1)
    rows = hbv.Stores._fields
    booked = {name: sum(put_in[rows.index(n)] for n in group) for name, group in GROUPS.items()}
    return booked | {"prcp": (after.forcing[..., 0] - window.forcing[..., 0]).sum(0)}


def _moved(window: Window, ran: Ran) -> dict[str, Float]:
    return {"prcp": window.forcing[..., 0].sum(0), "et": ran.water["et"].sum(0), "runoff": ran.runoff.sum(0)}
