"""The figures of an evaluation, as files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import xarray as xr

from dhbv.attributes import LATITUDE, LONGITUDE
from dhbv.evaluation import figures, score_figures
from dhbv.evaluation.evaluate import Evaluation
from dhbv.evaluation.style import save


def write_figures(
    evaluations: Mapping[str, Evaluation],
    region: xr.Dataset,
    folder: Path,
    *,
    truth: xr.Dataset | None = None,
) -> list[Path]:
    """Draw everything worth looking at into `folder`.

    Args:
        evaluations: by label, with every flux and store; the first is drawn in detail.
        region: for the basins' places, `gauge_lat` and `gauge_lon`.
        folder: made if it is not there.
        truth: the true fluxes of a synthetic region.

    Returns:
        The files written.
    """
    label, detail = next(iter(evaluations.items()))
    fluxes, observed = detail.fluxes, detail.observed
    nse = {name: e.table["nse"] for name, e in evaluations.items()}
    basin = _typical(nse[label])
    drawn = {
        f"hydrograph_{basin}": figures.hydrograph(fluxes.isel(time=slice(-730, None)), observed, basin),
        f"stores_{basin}": figures.stores_and_fluxes(fluxes, basin),
        "dynamic_parameters": figures.dynamic_parameters(fluxes, truth),
        "nse_cdf": score_figures.score_cdf(nse),
    }
    if LATITUDE in region and LONGITUDE in region:
        everywhere = pd.concat(list(nse.values()))
        everywhere = everywhere[~everywhere.index.duplicated()]
        places = region.sel(basin=list(everywhere.index))
        lat, lon = places[LATITUDE].to_series(), places[LONGITUDE].to_series()
        drawn["map"] = score_figures.basin_map(lat, lon, everywhere, "NSE (–)")
        drawn["overview"] = figures.overview(fluxes, observed, nse, basin, lat, lon)
    if truth is not None:
        drawn["recovery"] = figures.recovery(fluxes, truth)
    return [save(figure, folder / f"{name}.png") for name, figure in drawn.items()]


def _typical(nse: pd.Series) -> str:
    """The basin whose score is nearest to the median; the first where none has a score."""
    return str((nse - nse.median()).abs().fillna(float("inf")).idxmin())
