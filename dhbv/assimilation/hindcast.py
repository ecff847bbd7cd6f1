"""What updating states brings: forecasts of past days with and without it, their weather known exactly.

Beside both stands a yardstick that changes no state: the error of the last observed flow, carried on and fading.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from dhbv.assimilation.configuration import AssimilationConfig
from dhbv.assimilation.updating import Outcome, update
from dhbv.assimilation.window import LOW_FLOW
from dhbv.configuration import Period
from dhbv.data import model_forcing, schema
from dhbv.data.schema import basin_ids
from dhbv.errors import DhbvError
from dhbv.evaluation.scores import score_basins
from dhbv.model_directory import ModelDirectory
from dhbv.runtime import Runtime

LEADS = 5
"""Days ahead that are compared."""
FADING = 0.8
"""What is left of the carried error, in the logarithm of flow, each day."""

WAYS = {
    "open": "as it is",
    "updated": "updated",
    "carried": "error carried",
}  # fmt: skip
"""The forecasts that are compared."""


def draw(basins: Sequence[str], count: int, *, skip: int = 0, seed: int = 0) -> list[str]:
    """`count` of the basins, drawn at random after `skip` others, sorted.

    Raises:
        DhbvError: if there are not so many.
    """
    if skip + count > len(basins):
        raise DhbvError(f"{skip + count} basins cannot be drawn from {len(basins)}: ask for fewer")
    order = np.random.default_rng(seed).permutation(sorted(basins))
    return sorted(str(b) for b in order[skip : skip + count])


def issues_of(period: Period, settings: AssimilationConfig, every: int) -> list[dt.date]:
    """Days T0 in `period`, `every` so many days, whose window and leads lie in it.

    Raises:
        DhbvError: if it is too short for one.
    """
    room = period.days - settings.days - LEADS
    if room < 0:
        raise DhbvError(
            f"the period {period} is shorter than the {settings.days} days before an issue and the {LEADS} after it: "
            "give a longer one"
        )
    first = period.start + dt.timedelta(days=settings.days)
    return [first + dt.timedelta(days=n) for n in range(0, room + 1, every)]


def hindcast(
    model: ModelDirectory,
    region: xr.Dataset,
    issues: Sequence[dt.date],
    settings: AssimilationConfig,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> xr.Dataset:
    """Flow of the `LEADS` days from each issue on, mm d-1 [issue, basin, lead]: `WAYS` and `observed`.

    The states before each window are those of one undisturbed run, after the spin-up that the model states; `outcome`
    [issue, basin], `before` and `after` are those of each `Update`.

    Args:
        model: the model directory.
        region: weather, flow and attributes from the spin-up to the last lead.
        issues: days T0, rising.
        settings: of the updates.
        on_progress: called with issues done and in all.
    """
    days = region["time"].values.astype("datetime64[D]")
    starts = [(np.datetime64(issue) - days[0]).astype(int) - settings.days for issue in issues]
    if starts[0] < 1 or starts[-1] + settings.days + LEADS > len(days):
        raise DhbvError(
            f"the data hold {days[0]}..{days[-1]}: an issue needs {settings.days} days and a spin-up before it, and "
            f"{LEADS} days after"
        )
    basins = basin_ids(region)
    runtime = Runtime(model, basins, schema.attribute_columns(region), kernel="compiled")
    forcing = model_forcing(region)
    flow = region["streamflow"].transpose("time", "basin").values.astype(np.float64)
    begin = max(0, starts[0] - model.config.data.spin_up_days)
    state, at = runtime.spin_up(forcing[begin : starts[0]], days[begin]), starts[0]
    found = []
    for number, start in enumerate(starts):
        on_progress(number, len(starts))
        if start > at:
            state, _ = runtime.run(state, forcing[at:start], outputs=())
        at, issue = start, start + settings.days
        undisturbed, past = runtime.run(state, forcing[start:issue], outputs=("runoff",))
        window = region.isel(time=slice(start, issue))
        made = update(model, state, window, settings, undisturbed=undisturbed)
        coming = forcing[issue : issue + LEADS]
        ways = {
            name: runtime.run(s, coming, outputs=("runoff",))[1]["runoff"]
            for name, s in (("open", undisturbed), ("updated", made.state))
        }
        ways["carried"] = carried(ways["open"], past["runoff"][-1], flow[issue - 1])
        ways["observed"] = flow[issue : issue + LEADS]
        part = {name: (("basin", "lead"), values.T) for name, values in ways.items()}
        told = {"outcome": made.outcome, "before": made.before, "after": made.after}
        found.append(xr.Dataset(part | {name: ("basin", value) for name, value in told.items()}))
    on_progress(len(starts), len(starts))
    dates = pd.DatetimeIndex([str(issue) for issue in issues], name="issue")
    return xr.concat(found, dates).assign_coords(basin=basins, lead=np.arange(1, LEADS + 1))


def carried(ahead: NDArray[Any], last: NDArray[Any], seen: NDArray[Any]) -> NDArray[Any]:
    """Flow `ahead` [lead, B] with the error of the `last` day, where it was `seen` [B], carried on and fading."""
    error = np.log(np.maximum(seen, 0.0) + LOW_FLOW) - np.log(last + LOW_FLOW)
    left = FADING ** np.arange(1, len(ahead) + 1)[:, None] * np.where(np.isfinite(error), error, 0.0)
    flow: NDArray[Any] = np.maximum((ahead + LOW_FLOW) * np.exp(left) - LOW_FLOW, 0.0)
    return flow


def scored(found: xr.Dataset) -> pd.DataFrame:
    """For each way and lead the scores of each basin: nse, kge, rmse (mm d-1), and its skill 1 − rmse / rmse of `open`.

    Basins with fewer than 30 observed days ahead have none, see `dhbv.evaluation.scores.score_basins`.
    """
    tables = []
    for lead in found["lead"].values:
        day = found.sel(lead=lead).rename(issue="time").transpose("basin", "time")
        by_way = {way: score_basins(day["observed"], day[way]) for way in WAYS}
        open_rmse = by_way["open"].rmse.where(by_way["open"].rmse > 0.0)
        for way, table in by_way.items():
            kept = table[["nse", "kge", "rmse"]].assign(
                skill=1.0 - table.rmse / open_rmse, way=way, lead=int(lead)
            )
            tables.append(kept.rename_axis("basin").reset_index())
    return pd.concat(tables, ignore_index=True)


def summary(found: xr.Dataset) -> dict[str, Any]:
    """Medians over basins by way and lead, quartiles of skill, the share of basins with a lower RMSE than `open`; what was
    done; and the skill of each basin by lead."""
    table = scored(found)
    rows = []
    for (way, lead), part in table.groupby(["way", "lead"], sort=False):
        known = part[part.nse.notna()]
        medians = {name: _finite(known[name].median()) for name in ("nse", "kge", "rmse", "skill")}
        better = _finite((known.skill > 0.0).mean()) if way != "open" else None
        quartiles = [_finite(known.skill.quantile(q)) for q in (0.25, 0.75)]
        told = {"way": way, "lead": lead, "basins": len(known)}
        rows.append(told | medians | {"skill_quartiles": quartiles, "improved": better})
    outcomes = found["outcome"].values
    skill: dict[str, dict[str, list[float | None]]] = {way: {} for way in WAYS if way != "open"}
    for (way, basin), part in table[table.way != "open"].groupby(["way", "basin"]):
        skill[str(way)][str(basin)] = [_finite(value) for value in part.sort_values("lead").skill]
    return {
        "leads": rows,
        "outcomes": {o.words: int((outcomes == o).sum()) for o in Outcome},
        "misfit": {name: _finite(found[name].median()) for name in ("before", "after")},
        "skill": skill,
    }


def _finite(value: Any) -> float | None:
    """For JSON."""
    return float(value) if np.isfinite(value) else None
