"""Asking the archive for what was forecast, by day of issue and lead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc  # type: ignore[import-untyped]
import xarray as xr

from dhbv.errors import DhbvError
from dhbv.fluxes import units as units_of
from dhbv.fluxes.archive import LATEST, Archive
from dhbv.fluxes.layout import FORECAST
from dhbv.fluxes.names import resolve
from dhbv.fluxes.places import Box
from dhbv.fluxes.query import Asked, Progress, Units, ask, described, metadata, units_for
from dhbv.physics.variables import VARIABLES, Variable
from dhbv.store import parquet, series
from dhbv.store.manifest import Manifest
from dhbv.store.series import Day


def open_forecasts(
    archive: Path | str,
    *,
    basins: Sequence[str] | str | Path | None = None,
    huc: str | None = None,
    box: Box | None = None,
    variables: Sequence[str] | str | None = None,
    start: Day | None = None,
    end: Day | None = None,
    leads: Sequence[int] | None = None,
    units: Units = None,
    version: str = LATEST,
    on_progress: Progress = lambda done, total: None,
) -> xr.Dataset:
    """What was forecast.

    Args:
        start, end: first and last day of issue; by default the archive's.
        leads: days ahead, 1 for the day of issue itself; by default all.
        archive, basins, huc, box, variables, units, version, on_progress: as of `dhbv.fluxes.open`; of a forecast
            that was issued again `latest` is the last.

    Returns:
        Variables [basin, issue, lead], or [basin, issue, lead, quantile] of ensembles; NaN where none was issued.

    Raises:
        DhbvError: as `dhbv.fluxes.open` does.
    """
    source, wanted = Archive.existing(archive), resolve(variables)
    booked = [name for name, v in wanted.items() if v.name not in VARIABLES]
    if booked:
        raise DhbvError(f"{booked[0]} is known of days that were analysed alone: nothing is booked ahead")
    told = units_for(units, wanted, daily=True)

    def read(manifest: Manifest) -> xr.Dataset:
        asked = ask(source, manifest, "forecast", basins, huc, box, start, end, version)
        frame = _rows(source, manifest, asked, leads, wanted, on_progress)
        ds = _grid(frame, asked, wanted)
        for name, v in wanted.items():
            amount = units_of.Amount(ds[name].values, ds[name].values)
            values = units_of.convert(amount, v, told[name], asked.area, asked.basins)
            ds[name] = (ds[name].dims, values, metadata(v, told[name], "each day"))
        ds.attrs["aggregation"] = "daily"
        return described(ds, source, asked, version)

    return source.reading(read)


def _rows(
    source: Archive,
    manifest: Manifest,
    asked: Asked,
    leads: Sequence[int] | None,
    wanted: Mapping[str, Variable],
    on_progress: Progress,
) -> pd.DataFrame:
    """Rows (basin, issue, lead, quantile, batch, variables), of each issue the last that counts."""
    names = ["basin", "issue", "lead", "quantile", "batch", *dict.fromkeys(v.name for v in wanted.values())]
    where = (pc.field("issue") >= asked.days[0].item()) & (pc.field("issue") <= asked.days[-1].item())
    where &= pc.field("basin").isin(asked.basins)
    if asked.batches is not None:
        where &= pc.field("batch").isin(list(asked.batches))
    spans, tables = list(series.years(asked.days)), []
    for number, (year, _) in enumerate(spans):
        on_progress(number, len(spans))
        files = manifest.of(FORECAST.name, year)
        tables.append(parquet.read(source.path, files, FORECAST, names, where).to_pandas())
    on_progress(len(spans), len(spans))
    frame = pd.concat(tables, ignore_index=True)
    # One that was issued again takes the place of the whole of the one before, of leads too that it lacks.
    frame = frame[frame["batch"] == frame.groupby(["basin", "issue"])["batch"].transform("max")]
    if leads is not None:
        frame = frame[frame["lead"].isin([int(k) for k in leads])]
    if frame.empty:
        raise DhbvError(
            f"{source.path}: no forecast of these basins and leads was issued {asked.days[0]}..{asked.days[-1]}"
        )
    return frame


def _grid(frame: pd.DataFrame, asked: Asked, wanted: Mapping[str, Variable]) -> xr.Dataset:
    """Rows as arrays [basin, issue, lead, quantile]; `made_by` [basin, issue] is the batch."""
    issued = frame["issue"].to_numpy().astype("datetime64[D]")
    lead, quantile = frame["lead"].to_numpy(), frame["quantile"].to_numpy(np.float32)
    axes = {
        "basin": np.array(asked.basins, dtype=object),
        "issue": np.unique(issued),
        "lead": np.unique(lead),
        "quantile": np.unique(quantile),
    }
    place = (
        pd.Index(axes["basin"]).get_indexer(pd.Index(frame["basin"].astype(object))),
        np.searchsorted(axes["issue"], issued),
        np.searchsorted(axes["lead"], lead),
        np.searchsorted(axes["quantile"], quantile),
    )
    shape = tuple(len(axis) for axis in axes.values())
    ds = xr.Dataset(coords=axes | {"issue": axes["issue"].astype("datetime64[ns]")})
    for name, v in wanted.items():
        values = np.full(shape, np.nan, np.float32)
        values[place] = frame[v.name].to_numpy()
        ds[name] = (tuple(axes), values)
    made_by = np.zeros(shape[:2], np.int32)
    made_by[place[:2]] = frame["batch"].to_numpy()
    ds["made_by"] = (("basin", "issue"), made_by)
    ds["lead"].attrs = {"units": "d", "long_name": "days ahead, 1 on the day of issue"}
    ds["issue"].attrs = {"standard_name": "forecast_reference_time"}
    return ds.isel(quantile=0, drop=True) if np.isnan(axes["quantile"]).all() else ds
