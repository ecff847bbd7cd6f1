"""Asking the archive: any basins, variables, days, aggregation, units and version, as an xarray Dataset.

Only the years, basins and columns asked for are read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.compute as pc  # type: ignore[import-untyped]
import xarray as xr
from numpy.typing import NDArray

from dhbv import __version__
from dhbv.errors import DhbvError
from dhbv.fluxes import aggregation as aggregation_of
from dhbv.fluxes import places
from dhbv.fluxes import units as units_of
from dhbv.fluxes.aggregation import AGGREGATIONS
from dhbv.fluxes.archive import LATEST, Archive, Entry, What
from dhbv.fluxes.layout import ANALYSIS
from dhbv.fluxes.names import BOOKED, nearest, resolve
from dhbv.fluxes.places import Box
from dhbv.physics.variables import Variable
from dhbv.store import series
from dhbv.store.manifest import Manifest
from dhbv.store.series import Day, days_between

Units = str | Mapping[str, str] | None
Progress = Callable[[int, int], None]
_BOOKED = {v.name for v in BOOKED.values()}
_FEW = 0.25
"""Share of the archive's basins up to which looking for them pays in reading."""


_WRITERS = {
    "analysis": "append one with `dhbv forecast … --archive`, or by the cycles of an operation",
    "forecast": "the cycles of an operation write some",
}


class Asked(NamedTuple):
    """A question understood."""

    basins: list[str]
    attributes: pd.DataFrame
    """Of these basins, in their order."""
    days: NDArray[np.datetime64]
    """Unbroken, datetime64[D]; of issue where forecasts are asked for."""
    batches: Collection[int] | None
    """That count; None for all."""
    entries: dict[int, Entry]
    """Of the journal, by batch."""

    @property
    def area(self) -> NDArray[np.float64] | None:
        """km2 [basin], NaN where it is not known."""
        if "area" not in self.attributes:
            return None
        return self.attributes["area"].to_numpy(np.float64)


class Found(NamedTuple):
    """Days of the archive as arrays."""

    values: dict[str, NDArray[np.float32]]
    """[basin, time] by own name, NaN where there is no row."""
    batch: NDArray[np.int32]
    """[basin, time] in which each was written; 0 where there is none."""


def open(
    archive: Path | str,
    *,
    basins: Sequence[str] | str | Path | None = None,
    huc: str | None = None,
    box: Box | None = None,
    variables: Sequence[str] | str | None = None,
    start: Day | None = None,
    end: Day | None = None,
    aggregation: str = "daily",
    units: Units = None,
    version: str = LATEST,
    on_progress: Progress = lambda done, total: None,
) -> xr.Dataset:
    """The best estimate of past days.

    Args:
        archive: its folder.
        basins: ids, or as text one id, several separated by commas, or a file with one a line; by default all.
        huc: only basins whose hydrologic unit begins so, as far as its digits are known (huc_02: two).
        box: only basins whose outlet lies within west, south, east, north.
        variables: names of ours, CSDMS names or aliases (srflow, ssflow, gwflow, AET, PET, SWE); by default every row
            of the variable table. `booked_<store>` is what was put into a store from outside.
        start, end: first and last day; by default the archive's.
        aggregation: daily, monthly, annual, water-year, climatology (months over years) or climatology-daily.
        units: a udunits string for all variables or one for each; per time is the mean over a period (mm d-1, m3 s-1),
            else what fell in it (mm, m3). By default those of the variable table, depths where days are added up.
        version: `latest`: of each day what was written last. `champion`: what served at the time. Or the id of a
            version, or the beginning of its weights' sha256.
        on_progress: called with years read and years in all.

    Returns:
        Variables under the names as asked for, [basin, time] (or year, water_year, month, day_of_year). `days` counts
        the days with values beside `days_in_period` of the calendar, `years` those in a climatology. Daily values
        that are not converted are bit by bit those that were computed in float32. `made_by` tells the version of each
        day, the attributes of the Dataset all of them.

    Raises:
        DhbvError: for unknown basins, variables, units, versions or aggregations (tells the nearest), an empty period,
            or no archive.
    """
    source, how = Archive.existing(archive), _aggregation(aggregation)
    wanted = resolve(variables)

    def read(manifest: Manifest) -> xr.Dataset:
        asked = ask(source, manifest, "analysis", basins, huc, box, start, end, version)
        columns = list(dict.fromkeys(v.name for v in wanted.values()))
        found = daily(source, manifest, asked, columns, on_progress)
        return described(_together(found, asked, wanted, units, how), source, asked, version)

    return source.reading(read)


def ask(
    archive: Archive,
    manifest: Manifest,
    what: What,
    basins: Sequence[str] | str | Path | None,
    huc: str | None,
    box: Box | None,
    start: Day | None,
    end: Day | None,
    version: str,
) -> Asked:
    """What the arguments of `open` mean in this archive.

    Raises:
        DhbvError: as `open` does.
    """
    name, entries = str(archive.path), archive.entries(manifest)
    table = archive.attributes()
    chosen = places.choose(sorted(manifest.basins), table, name, basins, huc, box)
    mine = [e for e in entries if e.what == what]
    if not mine:
        raise DhbvError(f"{name}: no {what} in it yet: {_WRITERS[what]}")
    batches = archive.batches(mine, version)
    first = min(e.first for e in mine)
    last = max(e.last if what == "analysis" else e.first for e in mine)
    days = days_between(start or first, end or last, name)
    if days[0] > np.datetime64(last) or days[-1] < np.datetime64(first):
        raise DhbvError(f"{name}: nothing of {days[0]}..{days[-1]} in it: it holds {first}..{last}")
    return Asked(chosen, table.reindex(chosen), days, batches, {e.batch: e for e in entries})


def daily(
    archive: Archive,
    manifest: Manifest,
    asked: Asked,
    columns: Sequence[str],
    on_progress: Progress = lambda done, total: None,
) -> Found:
    """Rows of the analysis as arrays: of each day the last that counts."""
    basins, days, batches = asked.basins, asked.days, asked.batches
    values = {n: np.full((len(basins), len(days)), np.nan, np.float32) for n in columns}
    batch = np.zeros((len(basins), len(days)), np.int32)
    spans = list(series.years(days))
    few = len(basins) <= _FEW * len(manifest.basins)
    for number, (year, span) in enumerate(spans):
        on_progress(number, len(spans))
        files = manifest.of(ANALYSIS.name, year)
        where = None
        if batches is not None:
            files = [f for f in files if any(f.first <= b <= f.last for b in batches)]
            where = pc.field("batch").isin(list(batches))
        if not files:
            continue
        rows = series.located(
            archive.path, files, ANALYSIS, columns, basins, days[span], few=few, where=where
        )
        at = (rows.row, rows.time)
        batch[:, span][at] = rows.column("batch")
        for name in columns:
            values[name][:, span][at] = rows.column(name)
    on_progress(len(spans), len(spans))
    for name in _BOOKED & set(columns):
        values[name][(batch > 0) & np.isnan(values[name])] = 0.0
    return Found(values, batch)


def _together(
    found: Found, asked: Asked, wanted: Mapping[str, Variable], unit: Units, how: str
) -> xr.Dataset:
    """Daily arrays aggregated, converted and labelled."""
    there, kind = found.batch > 0, AGGREGATIONS[how]
    grouping = aggregation_of.periods(asked.days, how)
    labels, dims = grouping.labels, ("basin", kind.dim)
    told = units_for(unit, wanted, daily=grouping.single)
    columns: dict[str, Any] = {}
    count = there.astype(np.int64)
    for name, v in wanted.items():
        sums = aggregation_of.aggregate(found.values[v.name], there, v, grouping)
        if kind.over_years:
            labels, sums = aggregation_of.climatology(sums, grouping, how)
        values = units_of.convert(sums.amount, v, told[name], asked.area, asked.basins)
        columns[name] = (dims, values, metadata(v, told[name], kind.description))
        count = sums.counted
    if kind.dim == "time":
        labels = labels.astype("datetime64[ns]")
    ds = xr.Dataset(columns, {"basin": np.array(asked.basins, dtype=object), kind.dim: labels})
    if kind.over_years:
        ds["years"] = (dims, count, {"units": "1", "long_name": "years averaged, those that are whole"})
    elif not grouping.single:
        ds["days"] = (dims, count, {"units": "d", "long_name": "days with values"})
        ds["days_in_period"] = (kind.dim, grouping.whole, {"units": "d", "long_name": "days in the calendar"})
        parts = int((count < grouping.whole).sum())
        if parts:
            ds.attrs["incomplete"] = f"{parts} of {count.size} periods are not whole: days < days_in_period"
    ds.attrs["aggregation"] = how
    ds["made_by"] = (("basin", "_day"), found.batch)
    return ds


def metadata(variable: Variable, unit: str, over: str) -> dict[str, str]:
    """CF attributes of a variable in `unit`."""
    told = {"units": unit, "long_name": variable.description, "aggregation": over}
    if variable.standard_name:
        told["csdms_standard_name"] = variable.standard_name
    return told


def described(ds: xr.Dataset, source: Archive, asked: Asked, version: str) -> xr.Dataset:
    """`ds` with where the basins are and who made the values; `made_by` turns from batches into versions."""
    batches = ds["made_by"].values
    makers: dict[str, int] = {}
    code = np.zeros(int(batches.max(initial=0)) + 1, np.int16)
    for batch in np.unique(batches[batches > 0]).tolist():
        entry = asked.entries[batch]
        code[batch] = makers.setdefault(entry.version or entry.weights_sha256, len(makers) + 1)
    dims = ds["made_by"].dims
    ds = ds.drop_vars("made_by")
    if "_day" not in dims or ds.attrs["aggregation"] == "daily":
        flags = {
            "long_name": "version that made the values, 0 where there is none",
            "flag_values": np.arange(1, len(makers) + 1, dtype=np.int16), "flag_meanings": " ".join(makers),
        }  # fmt: skip
        ds["made_by"] = (tuple("time" if d == "_day" else d for d in dims), code[batches], flags)
    for name, unit in (("area", "km2"), ("latitude", "degrees_north"), ("longitude", "degrees_east")):
        if name in asked.attributes:
            ds.coords[name] = ("basin", asked.attributes[name].to_numpy(np.float64), {"units": unit})
    if "huc_02" in asked.attributes:
        units = asked.attributes["huc_02"]
        ds.coords["huc_02"] = ("basin", units.where(units.notna(), "").astype(str).to_numpy(object))
    ds["basin"].attrs = {"cf_role": "timeseries_id"}
    weights = {e.weights_sha256 for b, e in asked.entries.items() if b < len(code) and code[b]}
    ds.attrs |= {
        "Conventions": "CF-1.10",
        "title": "fluxes and stores of delta-hbv",
        "source": f"archive {source.path.name}, delta-hbv {__version__}",
        "version": version,
        "made_by": " ".join(makers),
        "weights_sha256": " ".join(sorted(weights)),
        "comment": "days are those of the weather, local or UTC; stores are as at the end of a day or period",
    }
    return ds


def _aggregation(asked: str) -> str:
    if asked not in AGGREGATIONS:
        near = nearest(asked, AGGREGATIONS, 1)
        raise DhbvError(
            f"no aggregation {asked!r} (nearest: {', '.join(near) or 'none'}): there are {', '.join(AGGREGATIONS)}"
        )
    return asked


def units_for(asked: Units, wanted: Mapping[str, Variable], *, daily: bool) -> dict[str, str]:
    """The unit of each variable by the name it was asked for."""
    usual = {name: units_of.usual(v, daily=daily) for name, v in wanted.items()}
    if asked is None:
        return usual
    if isinstance(asked, str):
        return dict.fromkeys(wanted, asked)
    rows = {name: resolve(name)[name] for name in asked}
    absent = [n for n, row in rows.items() if row not in wanted.values()]
    if absent:
        raise DhbvError(
            f"a unit is given for {absent[0]}, which is not asked for: there are {', '.join(wanted)}"
        )
    given = {row.name: asked[n] for n, row in rows.items()}
    exactly = {name.casefold(): unit for name, unit in asked.items()}
    return {n: exactly.get(n.casefold(), given.get(v.name, usual[n])) for n, v in wanted.items()}
