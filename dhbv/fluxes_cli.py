"""`dhbv fluxes`: the archived water of any basins and days, its balance, and what there is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich import box as boxes
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from dhbv.errors import DhbvError
from dhbv.files import refuse_overwriting
from dhbv.options import Basins, End, Start, Version
from dhbv.terminal import Json, console, say, write_json
from dhbv.wording import counted

if TYPE_CHECKING:
    import xarray as xr

    from dhbv.fluxes.balancing import Balance
    from dhbv.fluxes.places import Box

app = typer.Typer(help="Archived fluxes and stores: get, balance, list.", no_args_is_help=True)

T = TypeVar("T")
SHOWN = 20
"""Basins of a balance shown as a table; the JSON has all."""

_NOUNS = {"issue": "day of issue", "water_year": "water year", "day_of_year": "day"}
"""What a dimension counts, where its name does not say it."""


class How(StrEnum):
    """Aggregations; see `dhbv.fluxes.aggregation`."""

    daily = "daily"
    monthly = "monthly"
    annual = "annual"
    water_year = "water-year"
    climatology = "climatology"
    climatology_daily = "climatology-daily"


Folder = Annotated[Path, typer.Option("--archive", help="The archive's folder.", show_default=False)]
Huc = Annotated[str | None, typer.Option(help="Only basins whose hydrologic unit begins so, as 01.")]
BoxText = Annotated[
    str | None, typer.Option("--box", help="Only outlets within WEST,SOUTH,EAST,NORTH, degrees.")
]


@app.command()
def get(
    archive: Folder,
    out: Annotated[
        str, typer.Option(help=".nc, .parquet or .csv to write, or - to print CSV.", show_default=False)
    ],
    basins: Basins = None,
    huc: Huc = None,
    box: BoxText = None,
    variables: Annotated[
        str | None,
        typer.Option(help="Our names, CSDMS names or srflow, ssflow, gwflow, AET, PET, SWE, by commas."),
    ] = None,
    start: Start = None,
    end: End = None,
    aggregation: Annotated[How, typer.Option(help="How days are put together.")] = How.daily,
    units: Annotated[
        str | None, typer.Option(help="One for all, as 'm3 s-1', or runoff=m3 s-1,SWE=mm by commas.")
    ] = None,
    version: Version = "latest",
    forecasts: Annotated[
        bool, typer.Option("--forecasts", help="What was forecast, by day of issue and lead.")
    ] = False,
    leads: Annotated[
        str | None, typer.Option(help="With --forecasts: days ahead, by commas; 1 is the day of issue.")
    ] = None,
) -> None:
    """Write fluxes and stores to a file.

    Example: dhbv fluxes get --archive runs/demo/fluxes --variables srflow,ssflow,gwflow --units 'm3 s-1'
    --aggregation monthly --out flow.csv
    """
    from dhbv import fluxes
    from dhbv.fluxes.export import refuse_ending

    if leads is not None and not forecasts:
        raise DhbvError("--leads: only forecasts have leads: add --forecasts, or leave it out")
    if forecasts and aggregation is not How.daily:
        raise DhbvError(f"--aggregation {aggregation}: forecasts are told by day and lead: leave it out")
    if out != "-":
        refuse_ending(Path(out))
    refuse_overwriting({"--out": out}, [archive, basins])
    where = {"basins": basins, "huc": huc, "box": _box(box), "version": version, "units": _units(units)}
    days = {"start": start and start.date(), "end": end and end.date()}
    names = None if variables is None else [v.strip() for v in variables.split(",") if v.strip()]

    def ask(on_progress: Callable[[int, int], None]) -> xr.Dataset:
        common: dict[str, Any] = {"variables": names, "on_progress": on_progress} | where | days
        if forecasts:
            return fluxes.open_forecasts(archive, leads=_leads(leads), **common)
        return fluxes.open(archive, aggregation=aggregation.value, **common)

    ds = _watched("reading", ask)
    if out == "-":
        fluxes.table(ds).to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        fluxes.save(ds, out)
    nouns = _NOUNS | {"time": "month" if aggregation is How.monthly else "day"}
    sizes = " × ".join(counted(n, nouns.get(str(name), str(name))) for name, n in ds.sizes.items())
    told = ds.attrs.get("incomplete", "")
    say(f"{sizes}{f'; {told}' if told else ''}: {'printed' if out == '-' else out}")


@app.command()
def balance(
    archive: Folder,
    basins: Basins = None,
    huc: Huc = None,
    box: BoxText = None,
    start: Start = None,
    end: End = None,
    version: Version = "latest",
    json_file: Json = None,
) -> None:
    """Add up the water: P + booked = Q + ET + Δsnow + Δsoil + Δzones + Δrouting, all in mm, and why if it does not.

    Another version, a new spin-up and missing days split the window. Leaves with 1 where something else than rounding
    is in a residual, or no basin has a day to add up. Example: dhbv fluxes balance --archive runs/demo/fluxes
    """
    from dhbv import fluxes

    refuse_overwriting({"--json": json_file}, [archive, basins])
    found = _watched(
        "adding up",
        lambda on_progress: fluxes.balance(
            archive, basins=basins, huc=huc, box=_box(box), start=start and start.date(), end=end and end.date(),
            version=version, on_progress=on_progress,
        ),
    )  # fmt: skip
    added = [b for b in found if b.segments]
    worst = sorted(added, key=lambda b: (b.closes, -abs(b.residual)))
    console.print(_table(worst[:SHOWN], f"{archive}, mm"))
    if len(added) > SHOWN:
        say(f"… and {counted(len(added) - SHOWN, 'basin')} with smaller residuals; --json has all")
    splits = dict.fromkeys(f"{s.start}: {s.begins}" for b in found for s in b.segments[1:])
    for split in list(splits)[:SHOWN]:
        say(f"the window is split at {split}")
    open_ones = [b for b in added if not b.closes]
    for b in open_ones[:SHOWN]:
        say(f"basin {b.basin}: {b.why}")
    largest = max((abs(b.residual) for b in found), default=0.0)
    empty = f", {len(found) - len(added)} have no day to add up" if len(added) < len(found) else ""
    say(
        f"{counted(len(found), 'basin')}, {len(added) - len(open_ones)} close to within rounding{empty}; "
        f"largest residual {largest:.2g} mm"
    )
    noted = [b for b in found if b.note]
    if noted:
        say(f"days are left out of {counted(len(noted), 'basin')}, basin {noted[0].basin}: {noted[0].note}")
    write_json({"archive": str(archive), "per_basin": [b.as_json() for b in found]}, json_file)
    if open_ones or not added:
        raise typer.Exit(1)


@app.command(name="list")
def list_(archive: Folder, json_file: Json = None) -> None:
    """Tell what an archive holds: basins, days, versions and the names that can be asked for.

    Example: dhbv fluxes list --archive runs/demo/fluxes
    """
    from dhbv.fluxes.archive import Archive
    from dhbv.fluxes.names import KNOWN

    refuse_overwriting({"--json": json_file}, [archive])
    source = Archive.existing(archive)
    entries, basins = source.entries(), source.basins()
    made = Table(
        "version", "", "first", "last", "appends", title=escape(f"{archive}: {counted(len(basins), 'basin')}")
    )
    versions = []
    for what in ("analysis", "forecast"):
        for name in dict.fromkeys(e.version or e.weights_sha256[:12] for e in entries if e.what == what):
            mine = [e for e in entries if e.what == what and name == (e.version or e.weights_sha256[:12])]
            span = min(e.first for e in mine), max(e.last for e in mine)
            made.add_row(name, what, *map(str, span), str(len(mine)))
            versions.append(
                {"version": name, "what": what, "first": str(span[0]), "last": str(span[1]), "appends": len(mine)}
            )  # fmt: skip
    console.print(made)
    names = Table("variable", "alias", "unit", "description")
    for v in KNOWN.values():
        names.add_row(v.name, v.alias or "", v.unit, escape(v.description))
    console.print(names)
    write_json({"basins": basins, "versions": versions, "variables": list(KNOWN)}, json_file)


def _watched(what: str, act: Callable[[Callable[[int, int], None]], T]) -> T:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task(what, total=None)
        return act(lambda done, total: bars.update(task, completed=done, total=total))


def _table(found: list[Balance], title: str) -> Table:
    heads = ("P", "booked", "Q", "ET", "Δsnow", "Δsoil", "Δzones", "Δroute", "resid.")
    shown = Table(box=boxes.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), title=escape(title))
    shown.add_column("basin", no_wrap=True)
    for head in heads:
        shown.add_column(head, justify="right", no_wrap=True)
    for b in found:
        for s in b.segments:
            name = b.basin if s is b.segments[0] else f"↳ {s.start}"
            terms = (s.precipitation, s.booked, s.runoff, s.evaporation, s.snow, s.soil, s.zones, s.routing)
            colour = "green" if s.closes else "bold red"
            shown.add_row(escape(name), *(f"{t:.1f}" for t in terms), f"[{colour}]{s.residual:.0e}")
    return shown


def _box(text: str | None) -> Box | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(word) for word in text.split(","))
    except ValueError:
        raise DhbvError(
            f"--box {text}: write four numbers, WEST,SOUTH,EAST,NORTH, as -75,41,-70,45"
        ) from None
    return west, south, east, north


def _units(text: str | None) -> str | dict[str, str] | None:
    if text is None or "=" not in text:
        return text
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(sign for _, sign, _ in pairs):
        raise DhbvError(f"--units {text}: write one unit for all, or NAME=UNIT,NAME=UNIT")
    return {name.strip(): unit.strip() for name, _, unit in pairs}


def _leads(text: str | None) -> list[int] | None:
    try:
        return None if text is None else [int(word) for word in text.split(",")]
    except ValueError:
        raise DhbvError(f"--leads {text}: write whole days by commas, as 1,2,3") from None
