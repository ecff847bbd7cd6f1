"""What `dhbv forecast` does with a domain too large for one array, and `dhbv scale`, which looks after such runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from dhbv.configuration import Period
from dhbv.data.nextgen_hours import NETCDF_SUFFIXES, is_nextgen
from dhbv.data.schema import DataError
from dhbv.errors import DhbvError
from dhbv.model_directory import ModelDirectory
from dhbv.scale.chunks import WHOLE, Shard
from dhbv.scale.forcing import is_zarr
from dhbv.terminal import Json, progress_bars, say, write_json
from dhbv.wording import counted

app = typer.Typer(
    help="Runs over a whole hydrofabric: check, archive, or draw a domain to try them on.",
    no_args_is_help=True,
)

Run = Annotated[Path, typer.Argument(help="Folder that `dhbv forecast --out` wrote.", show_default=False)]
ShardText = Annotated[
    str | None, typer.Option(metavar="I/N|vpu:NAME", help="Only the I-th of N parts, or a VPU.")
]


@app.command()
def check(run: Run, shard: ShardText = None, json_file: Json = None) -> None:
    """Tell whether a run is complete and undamaged, whichever shards made it, and name the chunks that are missing.

    Leaves with 1 where one is. Example: dhbv scale check runs/2026-10-02
    """
    from dhbv.scale import checking

    found = checking.check(run, WHOLE if shard is None else Shard.parse(shard))
    missing = [
        {"chunk": c.name, "first": c.first + 1, "last": c.stop, "vpu": c.vpu, "why": why}
        for c, why in found.faults.items()
    ]
    content = {"run": found.identity.sha256, "chunks": found.chunks, "missing": missing}
    write_json(content, json_file)
    for why in found.faults.values():
        say(why)
    found.require()
    say(f"{run}: complete, {counted(found.chunks, 'chunk')} whole")


@app.command()
def archive(
    run: Run,
    into: Annotated[Path, typer.Option("--archive", help="Archive of fluxes.", show_default=False)],
) -> None:
    """Append a complete run to an archive of `dhbv fluxes`. Example:

    dhbv scale archive runs/2026-10-02 --archive fluxes
    """
    from dhbv.scale import archiving

    with progress_bars() as bars:
        task = bars.add_task("archiving", total=None, note="")
        count = archiving.archive(
            run, into, on_progress=lambda done, total: bars.update(task, completed=done, total=total)
        )
    say(f"{counted(count, 'catchment')} of {run} are in the archive {into}")


@app.command()
def domain(
    catchments: Annotated[int, typer.Option(min=1, help="How many.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for table and forcing.", show_default=False)],
    start: Annotated[
        dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="First day of forcing, UTC.")
    ] = dt.datetime(2026, 10, 1),
    days: Annotated[int, typer.Option(min=1, help="Days of hourly forcing.")] = 2,
    zarr: Annotated[bool, typer.Option("--zarr", help="Forcing as Zarr instead of NetCDF.")] = False,
    vpus: Annotated[
        str | None, typer.Option(help="VPUs to divide them among, by commas, as 01,02,03N.")
    ] = None,
) -> None:
    """Draw catchments that do not exist, to try a national run on: a table of attributes, and hourly forcing. Example:

    dhbv scale domain --catchments 10000 --out runs/domain --vpus 01,02
    """
    from dhbv.scale.domain import write_domain

    names = [name.strip() for name in (vpus or "").split(",") if name.strip()]
    with progress_bars() as bars:
        task = bars.add_task("drawing", total=catchments, note="")
        made = write_domain(
            out, catchments, start=start.date(), days=days, zarr=zarr, vpus=names,
            on_progress=lambda done, total: bars.update(task, completed=done),
        )  # fmt: skip
    say(f"--data {made.forcing} --attributes {made.attributes}")


def is_domain(data: Path) -> bool:
    """Whether `data` is forcing of NextGen, to be run chunk by chunk, rather than a region."""
    if data.is_dir():
        return is_zarr(data)
    try:
        return data.suffix.lower() in NETCDF_SUFFIXES and data.is_file() and is_nextgen(data)
    except DataError:
        return False  # whoever reads it says what is wrong


def refuse(given: Mapping[str, object], reason: str) -> None:
    """Raise DhbvError if any option by name has a value."""
    names = [name for name, value in given.items() if value is not None]
    if names:
        raise DhbvError(f"{', '.join(names)}: {reason}")


def forecast(
    model: ModelDirectory,
    data: Path,
    attributes: Path | None,
    period: Period,
    out: Path,
    *,
    state: Path | None,
    spin_up_days: int,
    chunk: int | None,
    shard: str | None,
    fluxes: str | None,
    on_progress: Callable[[int, int, str], None],
) -> str:
    """Run a domain; see `dhbv.scale.national.run`. `on_progress` also gets a note on the rate.

    Returns:
        One line on what was done.

    Raises:
        DhbvError: as `run`.
    """
    from dhbv.scale import national
    from dhbv.scale.output import FORMATS

    if attributes is None:
        raise DhbvError(
            f"{data} is NextGen forcing and holds no attributes: give --attributes TABLE.parquet (or CSV)"
        )
    taken = WHOLE if shard is None else Shard.parse(shard)
    clock = national.Rate()
    ran = national.run(
        model, data, attributes, period, out, states=state, spin_up_days=spin_up_days,
        chunk=chunk, shard=taken, fluxes=fluxes or next(iter(FORMATS)),
        on_progress=lambda done, total: on_progress(done, total, clock.note(done)),
    )  # fmt: skip
    before = f", {ran.skipped} finished before" if ran.skipped else ""
    part = f" (shard {taken})" if taken != WHOLE else ""
    return (
        f"{counted(ran.catchments + ran.skipped, 'catchment')} × {counted(ran.days, 'day')}{part}{before}, {ran.start}: {out}, in "
        f"{ran.opening_s + ran.seconds:.1f} s"
    )
