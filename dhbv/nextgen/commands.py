"""`dhbv ngen`: run folders for NextGen are made, examined and brought up to date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from dhbv.errors import DhbvError
from dhbv.files import refuse_overwriting
from dhbv.terminal import Json, console, say, write_json
from dhbv.wording import counted

if TYPE_CHECKING:
    from dhbv.nextgen.findings import Component, Finding
    from dhbv.nextgen.gathering import Gap

app = typer.Typer(help="NextGen: make, check and update the folder of a run.", no_args_is_help=True)

HOURS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]


class LayoutName(StrEnum):
    """Forms of a run folder."""

    plain = "plain"
    ngiab = "ngiab"


Folder = Annotated[Path, typer.Argument(help="Run folder.", show_default=False)]
States = Annotated[
    Path | None,
    typer.Option(help="Saved state of all catchments, of the model's weights, valid at the start."),
]


@app.command()
def init(
    model: Annotated[
        str, typer.Argument(help="Model directory, REGISTRY@champion or REGISTRY@ID.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="Run folder to make.", show_default=False)],
    attributes: Annotated[
        Path | None,
        typer.Option(
            help="CSV of CAMELS attributes by catchment id, or NGIAB's folder config/cat_config/dhbv2. It goes before "
            "all else."
        ),
    ] = None,
    gauge: Annotated[
        str | None, typer.Option(help="Take this gauge's row of --attributes for every catchment.")
    ] = None,
    hydrofabric: Annotated[
        Path | None, typer.Option(help="GeoPackage: which catchments there are, and its divide-attributes.")
    ] = None,
    climate: Annotated[
        Path | None, typer.Option(help="Forcing history of some years, for climate indices.")
    ] = None,
    forcing: Annotated[
        Path | None, typer.Option(help="NetCDF file or folder of <id>.csv; default: that of the layout.")
    ] = None,
    start: Annotated[
        dt.datetime | None, typer.Option(formats=HOURS, help="First hour, UTC; default: the forcing's.")
    ] = None,
    end: Annotated[
        dt.datetime | None, typer.Option(formats=HOURS, help="Last hour, UTC; default: the forcing's.")
    ] = None,
    states: States = None,
    spin_up: Annotated[
        Path | None, typer.Option(help="Forcing history up to the start, to fill the stores without a state.")
    ] = None,
    utc_offset: Annotated[
        int,
        typer.Option(
            min=-12, max=14, help="Hours by which local time, which divides the days, is ahead of UTC."
        ),
    ] = 0,
    layout: Annotated[
        LayoutName, typer.Option(help="plain, or NextGen In A Box's config/, forcings/ and outputs/.")
    ] = LayoutName.plain,
    multi: Annotated[bool, typer.Option("--multi", help="Put the module in a bmi_multi.")] = False,
    t_route: Annotated[
        bool,
        typer.Option("--t-route", help="t-route takes the water on; runoff passes no unit hydrograph then."),
    ] = False,
    json_file: Json = None,
) -> None:
    """Write the realization and one configuration for each catchment.

    Example: dhbv ngen init models/camels_us_531 --attributes camels_us_attributes.csv --gauge 01073000
    --hydrofabric gauge_01073000.gpkg --forcing forcing/ --out runs/oyster
    """
    from dhbv.nextgen.setup import Order
    from dhbv.nextgen.setup import init as make
    from dhbv.registry import resolve

    refuse_overwriting({"--json": json_file}, [attributes, hydrofabric, climate, forcing, states, spin_up])
    order = Order(
        model=resolve(model), out=out, attributes=attributes, gauge=gauge, hydrofabric=hydrofabric, climate=climate,
        forcing=forcing, start=start, end=end, utc_offset=utc_offset, layout=layout.value, multi=multi,
        t_route=t_route, states=states, spin_up=spin_up,
    )  # fmt: skip
    made = make(order)
    _show_gaps(made.gaps, len(made.catchments))
    for note in made.notes:
        say(f"note: {note}")
    say(f"{counted(len(made.catchments), 'catchment')}, model {order.model.name}: {made.realization}")
    say(f"next: dhbv ngen check {out}")
    content = {
        "realization": str(made.realization), "model": order.model.name, "catchments": list(made.catchments),
        "notes": made.notes, "gaps": [gap._asdict() for gap in made.gaps],
    }  # fmt: skip
    write_json(content, json_file)


@app.command()
def check(folder: Folder, json_file: Json = None) -> None:
    """Examine a run folder: what would stop ngen or spoil its results; leaves with 1 where a run would fail.

    Example: dhbv ngen check runs/oyster
    """
    from dhbv.nextgen.examining import examine

    findings = examine(folder, component())
    console.print(_table(findings, str(folder)))
    write_json([f._asdict() for f in findings], json_file)
    failing = [f for f in findings if f.verdict == "fails"]
    if failing:
        raise DhbvError(
            f"{folder}: {counted(len(failing), 'finding')} would make the run fail: {failing[0].result}"
        )
    say(f"{folder}: nothing stops this run")


@app.command()
def update(
    folder: Folder,
    model: Annotated[
        str | None,
        typer.Option(help="Model directory, REGISTRY@champion or REGISTRY@ID; default: the present."),
    ] = None,
    states: States = None,
    json_file: Json = None,
) -> None:
    """Put other weights, states or both in force in all catchments at once; nothing changes if they do not fit.

    Example: dhbv ngen update runs/oyster --model registry@champion --states cycle.state
    """
    from dhbv.nextgen.update import update as put_in_force
    from dhbv.registry import resolve

    refuse_overwriting({"--json": json_file}, [states])
    resolved = None if model is None else resolve(model)
    done = put_in_force(folder, model=resolved, state=states)
    _show_gaps(done.gaps, len(done.catchments))
    say(f"{counted(len(done.catchments), 'catchment')}, now in {done.configurations}")
    content = {
        "configurations": str(done.configurations), "model": resolved.name if resolved else None,
        "catchments": list(done.catchments), "gaps": [gap._asdict() for gap in done.gaps],
    }  # fmt: skip
    write_json(content, json_file)


def component() -> Component:
    """What `bmi.DeltaHbv` accepts."""
    from bmi import configuration as accepted
    from bmi.variables import OUTPUTS
    from dhbv import configuration
    from dhbv.nextgen.findings import Component

    return Component(
        load=lambda path: configuration.load(path, accepted.BmiConfig),
        attributes=accepted.attribute_columns,
        outputs=OUTPUTS,
    )


def _show_gaps(gaps: Sequence[Gap], catchments: int) -> None:
    if not gaps:
        return
    table = Table("attribute", "problem", "catchments", "", title="attributes to know of")
    for gap in gaps:
        table.add_row(gap.attribute, gap.problem, f"{len(gap.catchments)} of {catchments}", gap.hint)
    console.print(table)


def _table(findings: Sequence[Finding], title: str) -> Table:
    table = Table("check", "", "result", "remedy", title=escape(title))
    marks = {"ok": "[green]ok", "note": "[yellow]note", "fails": "[bold red]fails"}
    previous = ""
    for f in findings:
        table.add_row(
            f.check if f.check != previous else "", marks[f.verdict], escape(f.result), escape(f.remedy)
        )
        previous = f.check
    return table
