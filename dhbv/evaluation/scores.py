"""Scores of simulated against observed flow, basin by basin, and their summary.

NSE and KGE are those of the package `scores`; the rest is written here. Throughout, o and s are
the observed and simulated flow of one basin on its observed days, μ a mean, σ a standard deviation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from rich.table import Table
from scores.continuous import kge, nse

from dhbv.errors import DhbvError
from dhbv.physics.variables import VARIABLES

MIN_DAYS = 30
"""Observed days below which a basin is not scored."""

FLOW_FLOOR = 1e-3
"""mm d-1; flows below it count as this much where their logarithm is taken, so dry days have one."""

HIGH_FLOWS = 0.02
"""Share of days in the high segment of the flow duration curve (Yilmaz et al. 2008)."""

LOW_FLOWS = 0.3
"""Share of days in the low segment of the flow duration curve (Yilmaz et al. 2008)."""

FILTER = 0.925
"""Recession constant of the Lyne–Hollick filter for daily flow (Ladson et al. 2013)."""

REFLECTED_DAYS = 30
"""Days mirrored at either end of a record, so that the filter starts warm (Ladson et al. 2013)."""


class Score(NamedTuple):
    """One row of the table of scores."""

    name: str
    unit: str
    ideal: float
    description: str


SCORES = {
    s.name: s
    for s in (
        Score("nse", "1", 1.0, "Nash–Sutcliffe efficiency, 1 − Σ(s − o)² / Σ(o − μo)²"),
        Score("kge", "1", 1.0, "Kling–Gupta efficiency, 1 − √((r − 1)² + (β − 1)² + (γ − 1)²), 2012 form"),
        Score("kge_r", "1", 1.0, "its part r, the correlation"),
        Score("kge_beta", "1", 1.0, "its part β = μs / μo"),
        Score("kge_gamma", "1", 1.0, "its part γ = (σs / μs) / (σo / μo)"),
        Score("bias", VARIABLES["runoff"].unit, 0.0, "μs − μo"),
        Score("relative_bias", "%", 0.0, "100 (μs − μo) / μo"),
        Score("correlation", "1", 1.0, "Pearson's r of s and o"),
        Score("ubrmse", VARIABLES["runoff"].unit, 0.0, "RMSE once both means are taken off"),
        Score("rmse", VARIABLES["runoff"].unit, 0.0, "√ mean (s − o)²"),
        Score("fhv", "%", 0.0, "bias of the highest 2 % of the flow duration curve"),
        Score("flv", "%", 0.0, "bias of the lowest 30 % of the flow duration curve, in log space"),
    )
}
"""Every score with its unit, its ideal value and what it is."""


def score_basins(observed: xr.DataArray, simulated: xr.DataArray) -> pd.DataFrame:
    """Every score of the table `SCORES`, and `days`, the number of observed days, for each basin.

    Days without an observation are left out. A basin with fewer than `MIN_DAYS` observed days, or
    whose observed flow never changes, keeps its row with NaN scores; `summary` counts them. KGE and
    correlation are NaN where the simulated flow never changes.

    Sources: NSE, Nash & Sutcliffe (1970), doi:10.1016/0022-1694(70)90255-6; KGE, Kling et al. (2012),
    doi:10.1016/j.jhydrol.2012.01.011; fhv and flv, Yilmaz et al. (2008), doi:10.1029/2007WR006716.

    Args:
        observed: mm d-1, dimensions basin and time; NaN where missing.
        simulated: mm d-1, the same basins and days.

    Returns:
        Indexed by basin, a column for each score.

    Raises:
        DhbvError: the two cover different basins or days, or simulated flow is not finite on an
            observed day.
    """
    observed, simulated = _pair(observed, simulated)
    days = observed.notnull().sum("time")
    scorable = (days >= MIN_DAYS) & (observed.max("time") > observed.min("time"))
    table = pd.DataFrame(np.nan, index=observed.indexes["basin"], columns=list(SCORES))
    if scorable.any():
        scored = _scores(observed.isel(basin=scorable.values), simulated.isel(basin=scorable.values))
        table.loc[scorable.values, :] = scored
    return table.assign(days=days.values)


def _pair(observed: xr.DataArray, simulated: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Both [basin, time] in float64 with the same missing days; raises as `score_basins` says."""
    for name, flow in (("observed", observed), ("simulated", simulated)):
        if set(flow.dims) != {"basin", "time"}:
            raise DhbvError(f"{name} flow needs the dimensions basin and time, got {flow.dims}")
    observed, simulated = (flow.transpose("basin", "time").astype(float) for flow in (observed, simulated))
    for dim in ("basin", "time"):
        here, there = observed.indexes[dim], simulated.indexes[dim]
        if not here.equals(there):
            raise DhbvError(
                f"observed and simulated flow differ in {dim}: {len(here)} and {len(there)} of them, "
                f"{len(here.intersection(there))} in common; select the same ones from both first"
            )
    seen = observed.notnull().values
    bad = np.argwhere(seen & ~np.isfinite(simulated.values))
    if len(bad):
        basin, time = bad[0]
        raise DhbvError(
            f"simulated flow is not finite on {len(bad)} observed days, first in basin "
            f"{observed.indexes['basin'][basin]} on {pd.Timestamp(observed.time.values[time]):%Y-%m-%d}"
        )
    return observed, simulated.where(seen)


def _scores(o: xr.DataArray, s: xr.DataArray) -> pd.DataFrame:
    """All scores of basins that can be scored; `s` is missing where `o` is."""
    parts = kge(s, o, preserve_dims=["basin"], include_components=True, method="2012")
    bias = (s - o).mean("time")
    mean = o.mean("time")
    # The correlation of a flow that never changes would be rounding noise.
    varies = s.max("time") > s.min("time")
    columns = {
        "nse": nse(s, o, preserve_dims=["basin"]),
        "kge": parts.kge.where(varies),
        "kge_r": parts.rho.where(varies),
        "kge_beta": parts.beta,
        "kge_gamma": parts.gamma,
        "bias": bias,
        "relative_bias": 100.0 * bias / mean.where(mean != 0.0),
        "correlation": parts.rho.where(varies),
        "ubrmse": np.sqrt(((s - o - bias) ** 2).mean("time")),
        "rmse": np.sqrt(((s - o) ** 2).mean("time")),
    }
    table = pd.DataFrame({name: np.asarray(column) for name, column in columns.items()}, o.indexes["basin"])
    # From here on, each basin has its own number of days.
    flows = [(so[~np.isnan(so)], ss[~np.isnan(so)]) for so, ss in zip(o.values, s.values, strict=True)]
    table["fhv"] = [high_flow_bias(*pair) for pair in flows]
    table["flv"] = [low_flow_bias(*pair) for pair in flows]
    return table.replace([np.inf, -np.inf], np.nan)


def high_flow_bias(observed: np.ndarray, simulated: np.ndarray) -> float:
    """Bias of the high segment of the flow duration curve, %: Yilmaz et al. (2008), their %BiasFHV.

    100 Σ(s_h − o_h) / Σ o_h over the h = 1 … H highest flows of each series, H the nearest whole
    number to 2 % of the days and at least 1: volumes of the peaks, whenever they came.

    Args:
        observed, simulated: mm d-1, [time], without missing days.
    """
    count = max(1, round(HIGH_FLOWS * len(observed)))
    o, s = (np.sort(flow)[-count:].sum() for flow in (observed, simulated))
    return float(100.0 * (s - o) / o) if o != 0.0 else math.nan


def low_flow_bias(observed: np.ndarray, simulated: np.ndarray) -> float:
    """Bias of the low segment of the flow duration curve, %: Yilmaz et al. (2008), their %BiasFLV.

    −100 (Ls − Lo) / Lo with L = Σ (ln q_l − ln q_min) over the lowest 30 % of the days of each
    series: below 0 where simulated low flows fall off more steeply than observed. NaN where the
    observed low flows are all the same, as in a dry river.

    Args:
        observed, simulated: mm d-1, [time], without missing days; `FLOW_FLOOR` is the least that counts.
    """
    count = max(1, round(LOW_FLOWS * len(observed)))
    lowest = (np.log(np.maximum(np.sort(flow)[:count], FLOW_FLOOR)) for flow in (observed, simulated))
    o, s = (float((flow - flow[0]).sum()) for flow in lowest)
    return -100.0 * (s - o) / o if o > 0.0 else math.nan


def baseflow_index(streamflow: xr.DataArray) -> pd.Series:
    """Share of baseflow in observed flow, by the Lyne–Hollick filter in three passes.

    Quickflow f(k) = α f(k−1) + (1 + α)/2 (q(k) − q(k−1)), from none at the start; baseflow is q − f
    where f > 0, else q. The passes go forwards, backwards and forwards, each over the baseflow
    of the one before, with 30 days reflected at either end: Ladson et al. (2013),
    doi:10.7158/13241583.2013.11465417. Gaps are bridged by straight lines for the filter
    and count in neither sum. On CAMELS-US, 1989-10 to 2009-09, this is their `baseflow_index` to 1e-4.

    Args:
        streamflow: mm d-1, dimensions basin and time; NaN where missing.

    Returns:
        Index basin, unit 1; NaN where no flow was observed.

    Raises:
        DhbvError: the record is no longer than what is reflected.
    """
    flow = streamflow.transpose("basin", "time").values.astype(float)
    seen = ~np.isnan(flow)
    if flow.shape[1] <= REFLECTED_DAYS:
        raise DhbvError(f"a baseflow index needs more than {REFLECTED_DAYS} days, got {flow.shape[1]}")
    filled = pd.DataFrame(flow.T).interpolate(limit_direction="both").to_numpy().T
    base = np.pad(filled, ((0, 0), (REFLECTED_DAYS, REFLECTED_DAYS)), mode="reflect")
    for _ in range(3):
        # Turning the record round after each pass makes the next run the other way.
        base = _slow_part(base)[:, ::-1]
    base = base[:, ::-1][:, REFLECTED_DAYS:-REFLECTED_DAYS]
    slow, total = (np.sum(series, axis=1, where=seen) for series in (base, flow))
    return pd.Series(slow, streamflow.indexes["basin"], name="baseflow_index") / np.where(
        total > 0, total, np.nan
    )


def _slow_part(flow: np.ndarray) -> np.ndarray:
    """One forward pass of the Lyne–Hollick filter over [basin, time]."""
    slow = flow.copy()
    quick = np.zeros(len(flow))
    for day in range(1, flow.shape[1]):
        quick = FILTER * quick + 0.5 * (1.0 + FILTER) * (flow[:, day] - flow[:, day - 1])
        slow[:, day] -= np.maximum(quick, 0.0)
    return slow


def flux_baseflow_index(baseflow: xr.DataArray, runoff: xr.DataArray) -> pd.Series:
    """Share of baseflow in simulated flow, ΣQ2 / ΣQ over the days; NaN where nothing ran off.

    Args:
        baseflow, runoff: mm d-1, dimensions basin and time.

    Returns:
        Index basin, unit 1.
    """
    total = runoff.sum("time")
    return (baseflow.sum("time") / total.where(total > 0.0)).rename("baseflow_index").to_series()


def spatial_correlation(a: pd.Series | np.ndarray, b: pd.Series | np.ndarray) -> float:
    """Pearson's r over basins, both values finite; NaN with fewer than 3 such basins or no spread.

    Args:
        a, b: [basin]; two Series are matched by their index, arrays by position.
    """
    if isinstance(a, pd.Series) and isinstance(b, pd.Series):
        a, b = a.align(b, join="inner")
    x, y = np.asarray(a, float), np.asarray(b, float)
    if x.shape != y.shape:
        raise DhbvError(f"a correlation over basins needs two arrays of one shape, got {x.shape}, {y.shape}")
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < 3 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return math.nan
    return float(np.corrcoef(x, y)[0, 1])


def summary(table: pd.DataFrame, **extra: Any) -> dict[str, Any]:
    """What a version directory keeps of the table of `score_basins`, fit for strict JSON.

    Medians, means and quartiles are over scored basins, None where there are none. `extra` is added
    as it is but for numpy's numbers and arrays and for NaN.
    """
    scores = table[[name for name in SCORES if name in table]]
    scored = int(table["nse"].notna().sum())
    quartiles = scores.quantile([0.25, 0.75])
    return _plain(
        {
            "n_basins": len(table),
            "n_scored": scored,
            "median": scores.median().to_dict(),
            "mean": scores.mean().to_dict(),
            "quartiles": {name: quartiles[name].to_list() for name in scores},
            "below_zero": int((table["nse"] < 0.0).sum()),
            **extra,
        }
    )


def _plain(value: Any) -> Any:
    """`value` in Python's own types, with None for every number that is not finite."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def render(summary: Mapping[str, Any], title: str = "Simulated against observed flow") -> Table:
    """The summary as a table to read: median, quartiles and mean of each score, its unit and ideal."""
    table = Table(
        title=title,
        caption=f"{summary['n_scored']} of {summary['n_basins']} basins scored, "
        f"{summary['below_zero']} with NSE below 0",
    )
    table.add_column("score")
    for heading in ("median", "quartiles", "mean", "ideal"):
        table.add_column(heading, justify="right")
    table.add_column("unit")
    for name, median in summary["median"].items():
        score = SCORES[name]
        low, high = (_number(value) for value in summary["quartiles"][name])
        table.add_row(
            name,
            _number(median),
            f"{low} … {high}",
            _number(summary["mean"][name]),
            f"{score.ideal:g}",
            "–" if score.unit == "1" else score.unit,
        )
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}" if abs(value) < 10.0 else f"{value:.1f}"
