"""The state that a cycle's forecast starts from, where the configuration asks for it updated from observed flow.

Each cycle updates anew, from the undisturbed state some days before T0, and for its own forecast alone: the chain of
states and the analysis never see it, go on conserving water, and errors of updates do not pile up.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from dhbv.assimilation import AssimilationConfig, Outcome, Update, update
from dhbv.assimilation.updating import BOOKED
from dhbv.data.schema import some
from dhbv.errors import DhbvError
from dhbv.operations import weather
from dhbv.operations.analysis import DAY, Analysis, state_at
from dhbv.operations.configuration import Operation
from dhbv.physics.variables import VARIABLES
from dhbv.registry import Serving
from dhbv.state import State, joined
from dhbv.store import Store

_log = logging.getLogger("dhbv")

_WHAT = {
    "snow": "snowpack and the liquid water in it",
    "prcp": VARIABLES["prcp"].description,
} | {name: VARIABLES[name].description for name in BOOKED if name in VARIABLES and name != "prcp"}

_NOT_TRIED = {f"assimilated_{name}": 0.0 for name in BOOKED} | {"assimilation": -1}
"""Values of the variables in basins that were not there at the beginning of the window; NaN of others."""


class Assimilated(NamedTuple):
    """What a forecast starts from, and how that came about."""

    state: State
    variables: xr.Dataset
    """[basin], for the forecast's file; none of them where nothing could be updated."""
    record: dict[str, Any]
    """For the cycle's record."""
    note: str


def assimilate(
    operation: Operation, serving: Serving, store: Store, analysis: Analysis
) -> Assimilated | None:
    """The state at T0 updated from observed flow; None where the configuration does not ask for it.

    Whatever hinders it is told, and the forecast starts from the undisturbed state.
    """
    settings = operation.config.forecast.assimilation
    if settings is None:
        return None
    try:
        return _assimilated(operation, serving, store, analysis, settings)
    # Anything: a forecast without the update is worth more than none.
    except Exception as error:
        _log.warning("the state is not updated from observed flow: %s", error, exc_info=True)
        why = f"{error}" or type(error).__name__
        note = f"the state is as it was, not updated from observed flow: {why}"
        nothing = xr.Dataset(coords={"basin": list(analysis.state.basins)})
        return Assimilated(analysis.state, nothing, {"failed": why}, note)


def _assimilated(
    operation: Operation, serving: Serving, store: Store, analysis: Analysis, settings: AssimilationConfig
) -> Assimilated:
    issue = analysis.state.time.astype(object)
    first = issue - settings.days * DAY
    # Usually it lies there; of new weights, or after a gap, it is made as the chain's own would have been.
    start = state_at(operation, serving, store, first).state
    both = [b for b in analysis.state.basins if b in start.basins]
    days = weather.known(store, both, first, issue - DAY, fill_days=settings.days)
    if not days.basins:
        raise DhbvError("; ".join(days.lacking) or f"no basin forecast for has a state of {first}")
    late = [b for b in analysis.state.basins if b not in days.basins]
    start, undisturbed = (s.select(days.basins) if late else s for s in (start, analysis.state))
    made = update(serving.model, start, days.region, settings, undisturbed=undisturbed)
    state = joined([made.state, analysis.state.select(late)], analysis.state.basins) if late else made.state
    period = f"{first}..{issue - DAY}"
    note = f"states updated from observed flow of {period}: {made.told()}"
    if late:
        note += f"; not tried, for want of a state of {first}: {some(late)}"
    record = {
        "first": str(first),
        "last": str(issue - DAY),
        "undisturbed_sha256": analysis.state.sha256,
        "basins": {outcome.name: made.of(outcome) for outcome in Outcome if made.of(outcome)},
    }
    variables = _variables(made, period).reindex(basin=list(state.basins), fill_value=_NOT_TRIED)
    return Assimilated(state, variables, record, note)


def _variables(made: Update, period: str) -> xr.Dataset:
    """What was done in each basin, with units."""
    content: dict[str, Any] = {}
    for name, depth in made.booked.items():
        when = f"over {period}" if name == "prcp" else f"at the beginning of {period}"
        told = f"water put in by the update of the state (below 0: taken out) {when}: {_WHAT[name]}"
        content[f"assimilated_{name}"] = (depth, {"units": "mm", "long_name": told})
    for name, values in (("before", made.before), ("after", made.after)):
        told = f"relative misfit of the flow of {period} {name} the update of the state"
        content[f"assimilation_misfit_{name}"] = (values, {"units": "1", "long_name": told})
    content["assimilation"] = (
        made.outcome.astype(np.int32),
        {
            "long_name": f"whether the state was updated from the flow of {period}",
            "flag_values": np.array([*(int(o) for o in Outcome), _NOT_TRIED["assimilation"]], np.int32),
            "flag_meanings": " ".join([*(o.name.lower() for o in Outcome), "not_tried"]),
        },
    )
    variables = {name: ("basin", values, attrs) for name, (values, attrs) in content.items()}
    return xr.Dataset(variables, {"basin": list(made.state.basins)})
