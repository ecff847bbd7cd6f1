"""Making a run folder: attributes gathered, catchments' files written, the realization last."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from dhbv import model_directory
from dhbv.attributes import LATITUDE
from dhbv.data.nextgen_hours import FILE_PATTERN, Hours, catchment_ids, files_by_catchment, read_hours
from dhbv.data.schema import DataError, some
from dhbv.errors import ConfigurationError
from dhbv.files import folder_written_whole, written_whole
from dhbv.model_directory import ModelDirectory
from dhbv.nextgen import catchments, gathering, hydrofabric, realization, states
from dhbv.nextgen.realization import LAYOUTS, Forcing, Layout
from dhbv.registry import Resolved

PRECIPITATION = "atmosphere_water__liquid_equivalent_precipitation_rate"
"""The component's input; ngen finds it under this name where forcing has a rate, but not for an amount."""


@dataclass(frozen=True)
class Order:
    """What a run folder is made of; see `dhbv ngen init --help`."""

    model: Resolved
    out: Path
    attributes: Path | None = None
    gauge: str | None = None
    hydrofabric: Path | None = None
    climate: Path | None = None
    forcing: Path | None = None
    start: dt.datetime | None = None
    end: dt.datetime | None = None
    utc_offset: int = 0
    layout: str = "plain"
    multi: bool = False
    t_route: bool = False
    states: Path | None = None
    spin_up: Path | None = None


class Made(NamedTuple):
    """What was made and what is to be known of it."""

    realization: Path
    catchments: tuple[str, ...]
    gaps: list[gathering.Gap]
    notes: list[str]


def init(order: Order) -> Made:
    """Make a run folder.

    Raises:
        DhbvError: for anything that is missing or does not fit; nothing has been written then, or only
            files that a next try replaces, because the realization comes last.
    """
    layout = LAYOUTS[order.layout]
    target = order.out / layout.realization
    if target.exists():
        raise ConfigurationError(
            f"{target} exists: move it away or choose another --out; dhbv ngen update changes model and states of a run"
        )
    if order.states is not None and order.spin_up is not None:
        raise ConfigurationError("--states and --spin-up both say how to start: leave one out")
    model = model_directory.load(order.model.path)
    table = gather(order)
    refuse_incomplete(table, model)
    names = tuple(str(c) for c in table.index)
    notes: list[str] = []
    forcing = _forcing(order, layout, names)
    start, end, names_map = _window(order, forcing, names, notes)
    folder = order.out / layout.configurations
    _refuse_outside(order, layout, order.spin_up, "put the history into it")
    place = _place_model(order, layout, notes)
    if order.states is not None:
        state = states.read(order.states, model, names, start, order.utc_offset)
        state.write(folder / catchments.STATE)
    elif order.spin_up is None:
        notes.append(
            "neither --states nor --spin-up: the run starts with nearly empty stores, flow is too low for the first year"
        )
    rows = gathering.columns(table)
    contents = {
        name: catchments.content(
            name,
            {key: values[k] for key, values in rows.items()},
            model=catchments.relative(place, folder),
            start=start,
            utc_offset=order.utc_offset,
            hillslope_routing=not order.t_route,
            state=catchments.STATE if order.states is not None else None,
            spin_up=catchments.relative(order.spin_up, folder) if order.spin_up is not None else None,
        )
        for k, name in enumerate(names)
    }
    catchments.write(folder, contents, order.model.name)
    document = realization.make(
        configurations=layout.configurations,
        forcing=forcing._replace(path=Path(catchments.relative(forcing.path, order.out))),
        start=start,
        end=end,
        output=layout.output,
        multi=order.multi,
        t_route=order.t_route,
        names_map=names_map,
    )
    if order.t_route and not (order.out / realization.T_ROUTE).is_file():
        notes.append(f"t-route's own configuration is still to be put at {order.out / realization.T_ROUTE}")
    with written_whole(target) as draft:
        draft.write_text(realization.dump(document), encoding="utf-8")
    return Made(target, names, gathering.gaps(table, model.statistics), notes)


def gather(order: Order) -> pd.DataFrame:
    """Attributes under CAMELS names, one row a catchment: those given go before those computed or looked up.

    Raises:
        DataError: if nothing says which catchments there are, or a source lacks one.
    """
    found: list[pd.DataFrame] = []
    names: Sequence[str] | None = None
    if order.hydrofabric is not None:
        found.append(hydrofabric.read(order.hydrofabric))
        names = sorted(found[0].index)
    elif order.forcing is not None:
        names = catchment_ids(order.forcing)
    if order.attributes is not None:
        if order.attributes.is_dir():
            given = gathering.from_ngiab(order.attributes, names)
        else:
            given = gathering.from_table(order.attributes, names, order.gauge)
        names = names if names is not None else sorted(map(str, given.index))
        found.insert(0, given)
    if names is None:
        raise DataError("no catchments: give --hydrofabric GPKG, --forcing PATH or --attributes FILE")
    table = _side_by_side(found, names)
    if order.climate is not None:
        if LATITUDE not in table:
            raise DataError(
                f"--climate needs the latitude of each catchment: give {LATITUDE} by --attributes FILE"
            )
        found.append(gathering.climate(order.climate, table[LATITUDE], order.utc_offset))
        table = _side_by_side(found, names)
    return table


def refuse_incomplete(table: pd.DataFrame, model: ModelDirectory) -> None:
    """Raise a DataError if the model needs an attribute that no catchment has, or latitudes are missing."""
    absent = gathering.missing_columns(table, model.statistics)
    if absent:
        raise DataError(
            f"the model {model.path} was trained with {len(absent)} attributes that no catchment has: {', '.join(absent)}: "
            "give them by --attributes FILE, climate indices by --climate FILE, or use a model trained without them "
            "(configs/train/camels_ngen.yaml)"
        )
    if LATITUDE not in table or table[LATITUDE].isna().any():
        raise DataError(
            f"no attribute {LATITUDE} (degrees north) in every catchment, which Hargreaves evaporation needs: give it by "
            "--attributes FILE or --hydrofabric GPKG"
        )


def _side_by_side(tables: Sequence[pd.DataFrame], names: Sequence[str]) -> pd.DataFrame:
    """Columns of several tables; of values that repeat, the first that is known."""
    columns: dict[str, pd.Series] = {}
    for table in tables:
        rows = table.loc[list(names)]
        for name in map(str, rows.columns):
            columns[name] = columns[name].combine_first(rows[name]) if name in columns else rows[name]
    return pd.DataFrame(columns, index=pd.Index(list(names), dtype=object))


def _place_model(order: Order, layout: Layout, notes: list[str]) -> Path:
    """Where the catchments' files find the model: where it lies, or a copy in the run folder."""
    if layout.models is None:
        return order.model.path
    return copied(order.model.path, order.out / layout.models)


def copied(model: Path, folder: Path) -> Path:
    """A verified copy of a model directory under `folder`, named by its weights."""
    source = model_directory.load(model)
    place = folder / source.weights_sha256[:12]
    if not place.exists():
        with folder_written_whole(place) as draft:
            shutil.copytree(model, draft, dirs_exist_ok=True)
    model_directory.load(place)
    return place


def _refuse_outside(order: Order, layout: Layout, path: Path | None, remedy: str) -> None:
    """Raise a ConfigurationError where the run could not see `path`."""
    if layout.alone and path is not None and not path.resolve().is_relative_to(order.out.resolve()):
        raise ConfigurationError(
            f"{path} lies outside {order.out}, and NGIAB sees the run folder alone: {remedy}"
        )


def _forcing(order: Order, layout: Layout, names: Sequence[str]) -> Forcing:
    """Where ngen shall find forcing; that of all catchments must be there if it is there at all."""
    path = order.forcing if order.forcing is not None else order.out / layout.forcing
    _refuse_outside(order, layout, path, f"put the forcing at {order.out / layout.forcing}")
    if not path.exists() and order.forcing is None:
        return Forcing("NetCDF" if path.suffix else "CsvPerFeature", path, FILE_PATTERN)
    kind = realization.forcing_kind(path)
    if kind == "CsvPerFeature":
        files_by_catchment(path, names)
    elif absent := sorted(set(names) - set(catchment_ids(path))):
        raise DataError(f"{path}: no forcing for catchment {some(absent)} ({len(absent)} of {len(names)})")
    return Forcing(kind, path, FILE_PATTERN)


def _window(
    order: Order, forcing: Forcing, names: Sequence[str], notes: list[str]
) -> tuple[dt.datetime, dt.datetime, dict[str, str] | None]:
    """First and last hour, and the map of names that ngen needs for this forcing."""
    if not forcing.path.exists():
        if order.start is None or order.end is None:
            raise ConfigurationError(
                f"no forcing at {forcing.path}: give --forcing PATH, or both --start and --end and put it there later"
            )
        notes.append(f"there is no forcing yet at {forcing.path}")
        return order.start, order.end, None
    # One catchment tells the hours; `dhbv ngen check` reads them all.
    hours: Hours = read_hours(forcing.path, names[:1])
    first, last = (t.astype("datetime64[s]").item() for t in hours.time[[0, -1]])
    start, end = order.start or first, order.end or last
    if not first <= start <= end <= last:
        raise DataError(
            f"{forcing.path} covers {first}..{last}, not {start}..{end}: choose --start and --end within it"
        )
    column = hours.columns["prcp"]
    if column.unit in ("kg m-2", "mm") or column.name in (
        "APCP_surface",
        "atmosphere_water__rainfall_volume_flux",
    ):
        notes.append(
            f"precipitation is {column.name} ({column.unit}), the amount of an hour, which ngen warns of and takes as mm h-1"
        )
        return start, end, {PRECIPITATION: column.name}
    return start, end, None
