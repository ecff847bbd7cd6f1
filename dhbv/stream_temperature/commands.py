"""`dhbv sntemp`: the water inside for models of stream temperature."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dhbv.files import refuse_overwriting
from dhbv.options import Attributes, Basins, End, Fluxes, Start, Version
from dhbv.stream_temperature.sources import FLOOR
from dhbv.terminal import say
from dhbv.wording import counted


def sntemp(
    fluxes: Fluxes,
    data: Annotated[
        Path,
        typer.Option(
            help="Weather whose air temperatures are averaged: CAMELS folder or NetCDF.", show_default=False
        ),
    ],
    out: Annotated[Path, typer.Option(help=".nc, .parquet or .csv to write.", show_default=False)],
    geometry: Annotated[
        Path | None,
        typer.Option(help="CSV of reaches: basin, then columns `name \\[unit]`, passed through as they are."),
    ] = None,
    attributes: Attributes = None,
    basins: Basins = None,
    start: Start = None,
    end: End = None,
    floor: Annotated[
        float, typer.Option(help="Least srflow + ssflow + gwflow, mm d-1; what it takes is told as `added`.")
    ] = FLOOR,
    units: Annotated[str, typer.Option(help="Of the flows: 'mm d-1', or 'm3 s-1'.")] = "mm d-1",
    version: Version = "latest",
) -> None:
    """Write what δHBV-coupled stream temperature models take: srflow, ssflow, gwflow, PET, AET, air temperature means
    over 1, 30 and 365 days, and the reaches' geometry.

    Example: dhbv sntemp --fluxes runs/1999.nc --data $CAMELS/camels_us_maurer.nc --units 'm3 s-1' --out runs/sntemp.nc
    """
    from dhbv import flux_source
    from dhbv.data import files_of, open_region
    from dhbv.data.schema import basin_ids
    from dhbv.fluxes.export import refuse_ending, save
    from dhbv.stream_temperature import export

    refuse_ending(out)
    refuse_overwriting({"--out": out}, [fluxes, *files_of(data, attributes), geometry, basins])
    water = flux_source.daily(
        fluxes, export.FLUXES, basins=basins, start=start and start.date(), end=end and end.date(), version=version
    )  # fmt: skip
    known = basin_ids(water)
    weather = open_region(data, attributes=attributes, basins=known, needs_flow=False)
    reaches = None if geometry is None else export.read_geometry(geometry)
    ds = export.assemble(water, export.air_temperature(weather), reaches, floor=floor, units=units)
    save(ds, out)
    if "incomplete" in ds.attrs:
        say(ds.attrs["incomplete"])
    low = int((ds[export.ADDED] > 0.0).sum())
    if low:
        say(f"raised to the floor of {floor:g} mm d-1: {counted(low, 'basin-day')}")
    say(f"{counted(ds.sizes['basin'], 'basin')} × {counted(ds.sizes['time'], 'day')}: {out}")
