"""Options and arguments that more than one command takes, so that they are named and explained alike."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer


def model_named(model: Path | None) -> Path | None:
    """The model directory that a command's MODEL names, which may be one of a registry; a callback of its option."""
    from dhbv.registry import resolve

    return None if model is None else resolve(str(model)).path


Model = Annotated[
    Path,
    typer.Argument(
        help="Model directory, REGISTRY@champion or REGISTRY@ID.", show_default=False, callback=model_named
    ),
]
ConfigFile = Annotated[Path, typer.Option(help="Training configuration, YAML.", show_default=False)]
Data = Annotated[Path, typer.Option(help="CAMELS folder, or NetCDF of the same schema.", show_default=False)]
Attributes = Annotated[
    Path | None, typer.Option(help="CSV of static attributes; default: the one beside the data.")
]
Basins = Annotated[
    str | None, typer.Option(help="Ids separated by commas, or a file with one id a line; default: all.")
]
BasinsOfModel = Annotated[
    str | None, typer.Option(help="Ids separated by commas, a file with one id a line, or `all` in the data.")
]
Start = Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day.")]
End = Annotated[dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Fluxes = Annotated[
    Path, typer.Option(help="Archive of fluxes, or NetCDF of `dhbv forecast`.", show_default=False)
]
Version = Annotated[
    str,
    typer.Option(
        help="Of the archive: latest; champion: what served at the time; an id; or the beginning of a weights' sha256."
    ),
]
