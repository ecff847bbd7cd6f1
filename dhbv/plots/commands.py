"""`dhbv plot`: one basin, a region, a cycle."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dhbv.errors import DhbvError
from dhbv.files import refuse_overwriting, written_whole
from dhbv.options import Basins, End, Fluxes, Start, Version
from dhbv.terminal import say

if TYPE_CHECKING:
    import xarray as xr

app = typer.Typer(help="Pictures: one basin, a region, a forecast cycle.", no_args_is_help=True)

BEFORE = 120
"""Days before a cycle that its page shows, where an archive has them."""

Observed = Annotated[
    Path | None, typer.Option("--data", help="Observed flow to draw: CAMELS folder or NetCDF.")
]


@app.command()
def basin(
    name: Annotated[str, typer.Argument(help="The basin's id.", show_default=False)],
    fluxes: Fluxes,
    out: Annotated[Path, typer.Option(help=".png, .svg or .pdf to write.", show_default=False)],
    forecast: Annotated[
        Path | None, typer.Option(help="A cycle's folder or forecast.nc, drawn after the days that were run.")
    ] = None,
    data: Observed = None,
    start: Start = None,
    end: End = None,
    version: Version = "latest",
) -> None:
    """Rain, flow by its parts, stores, evaporation and parameters of one basin, observed flow, a forecast's spread.

    Example: dhbv plot basin 01013500 --fluxes runs/1999.nc --data $CAMELS/camels_us_maurer.nc --out basin.png
    """
    from dhbv import flux_source
    from dhbv.evaluation import style
    from dhbv.plots import basin as drawing
    from dhbv.plots import cycle

    refuse_overwriting({"--out": out}, [fluxes, forecast, data])
    past = flux_source.daily(
        fluxes, drawing.VARIABLES, basins=[name], start=start and start.date(), end=end and end.date(), version=version
    )  # fmt: skip
    ahead = (
        None if forecast is None else cycle.load(forecast / cycle.FORECAST if forecast.is_dir() else forecast)
    )
    last = past["time"].values[-1] if ahead is None else ahead["time"].values[-1]
    observed = None if data is None else _observed(data, [name], last)
    style.save(drawing.draw(name, past, ahead, observed), out, palette=False)
    say(f"basin {name}: {out}")


@app.command()
def region(
    variable: Annotated[
        str, typer.Argument(help="A flux, store or parameter by any of its names; with --scores a column.")
    ],
    out: Annotated[Path, typer.Option(help=".png, .svg or .pdf to write.", show_default=False)],
    fluxes: Annotated[
        Path | None, typer.Option(help="Archive of fluxes, or NetCDF of `dhbv forecast`.")
    ] = None,
    date: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; default: the last.")
    ] = None,
    scores: Annotated[Path | None, typer.Option(help="CSV of `dhbv evaluate --table`.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="With --scores: where the basins lie, CAMELS folder or NetCDF.")
    ] = None,
    basins: Basins = None,
    version: Version = "latest",
) -> None:
    """A map of any flux, store or parameter on a day, or of a score.

    Examples: dhbv plot region swe --fluxes runs/1999.nc --date 1999-03-01 --out swe.png

    dhbv plot region nse --scores scores.csv --data $CAMELS/camels_us_maurer.nc --out nse.png
    """
    from dhbv import flux_source
    from dhbv.data import open_region
    from dhbv.evaluation import style
    from dhbv.fluxes.names import resolve
    from dhbv.plots import region as drawing

    refuse_overwriting({"--out": out}, [fluxes, scores, data, basins])
    if scores is not None:
        if fluxes is not None or date is not None:
            raise DhbvError("--scores makes a map of scores: leave --fluxes and --date out, or --scores")
        table = drawing.read_scores(scores)
        if data is None:
            raise DhbvError("--scores: a table of scores does not tell where basins lie: name --data as well")
        places = open_region(data, basins=[str(b) for b in table.index], needs_flow=False)
        figure = drawing.of_score(places, table, variable, scores.name)
    elif fluxes is None:
        raise DhbvError("there is nothing to map: name --fluxes, or --scores and --data")
    else:
        row = resolve(variable)[variable]
        day = None if date is None else date.date()
        ds = flux_source.daily(fluxes, [row.name], basins=basins, start=day, end=day, version=version)
        figure = drawing.of_day(ds, row.name, str(ds["time"].values[-1])[:10])
    style.save(figure, out, dpi=120)
    say(f"{variable}: {out}")


@app.command()
def cycle(
    folder: Annotated[
        Path, typer.Argument(help="A cycle's folder, as forecasts/cycles/2024-05-01.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="HTML to write.", show_default=False)],
    fluxes: Annotated[Path | None, typer.Option(help="Archive of fluxes, for the days before.")] = None,
    data: Observed = None,
    basins: Annotated[
        str | None, typer.Option(help="Basins to draw; default: where the forecast rises highest.")
    ] = None,
    version: Version = "latest",
) -> None:
    """A cycle as one HTML page that stands alone: figures, flags in words, every basin in numbers, provenance.

    Example: dhbv plot cycle forecasts/cycles/2024-05-01 --fluxes fluxes --out cycle.html
    """
    from dhbv import flux_source
    from dhbv.data.schema import basin_ids
    from dhbv.data.selection import ids_of
    from dhbv.plots import basin as drawing
    from dhbv.plots import cycle as pages

    refuse_overwriting(
        {"--out": out},
        [*(folder / name for name in pages.FILES), fluxes, data, basins],
    )
    ahead = pages.load(folder / pages.FORECAST)
    known = basin_ids(ahead)
    issue = ahead["time"].values[0].astype("datetime64[D]").item()
    past = None
    if fluxes is not None:
        begin, last = issue - dt.timedelta(days=BEFORE), issue - dt.timedelta(days=1)
        if _holds(fluxes, begin, last):
            past = flux_source.daily(
                fluxes, drawing.VARIABLES, basins=known, start=begin, end=last, version=version
            )
        else:
            say(f"{fluxes}: no day of {begin}..{last} analysed in it: drawn from the cycle's folder alone")
    chosen = ids_of(basins)
    observed = None if data is None else _observed(data, known, ahead["time"].values[-1])
    text = pages.page(folder, before=past, observed=observed, drawn=chosen)
    with written_whole(out) as draft:
        draft.write_text(text, encoding="utf-8")
    say(f"{out}: {len(text) / 1e6:.1f} MB, stands alone")


def _holds(fluxes: Path, first: dt.date, last: dt.date) -> bool:
    """Whether an archive has an analysis of any of these days: before the first cycle of an operation there is none."""
    from dhbv.fluxes.archive import Archive

    if not fluxes.is_dir():
        return True  # whoever reads it says what is wrong
    span = Archive.existing(fluxes).span()
    return span is not None and span[0] <= last and first <= span[1]


def _observed(data: Path, basins: list[str], last: object) -> xr.DataArray:
    """Observed flow [basin, time] up to a day, or as far as it is known, of those of `basins` that have a gauge."""
    from dhbv.data import open_source

    source = open_source(data)
    gauged = [b for b in basins if b in set(source.basins)]
    whole = source.read(gauged or basins)  # where there is none, this tells the nearest
    return whole["streamflow"].sel(time=slice(None, last))
