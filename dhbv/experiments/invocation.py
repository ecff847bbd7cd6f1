"""What every command of experiments shares: its options, the data it opens, the run and the table it ends with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from dhbv.errors import DhbvError
from dhbv.files import refuse_overwriting
from dhbv.terminal import console, progress_bars, say, write_json

if TYPE_CHECKING:
    import xarray as xr

    from dhbv.configuration import Config
    from dhbv.experiments.plans import Plan
    from dhbv.experiments.run import Method

T = TypeVar("T")

Out = Annotated[
    Path, typer.Option(help="Results file (.parquet); brought up to date where it is.", show_default=False)
]
Work = Annotated[
    Path | None,
    typer.Option(help="Folder of the trainings, which are gone on with; default: runs/experiments/<name of --out>."),
]  # fmt: skip
Name = Annotated[
    str | None, typer.Option(help="Of the model in tables and figures; default: the name of --config.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of the draw of basins.")]
Only = Annotated[
    str | None,
    typer.Option(help="Trainings to run now, by their names in the results, as fold_0,fold_1; default: all."),
]


def conduct(
    config: Path, data: Sequence[Path], attributes: Path | None, out: Path, work: Path | None,
    name: str | None, device: str, json_file: str | None,
    plan: Callable[[Config, xr.Dataset], Plan], only: list[str] | None = None,
    method: Callable[[Config, xr.Dataset], Method] | None = None,
) -> None:  # fmt: skip
    """Open the data, run what `plan` makes of configuration and data, print medians over basins.

    Args:
        only: labels of the trainings to run now; None runs all.
        method: how a training is made and tested; None trains δ-HBV.

    Raises:
        DhbvError: if the configuration, the data, the plan or `out` are refused.
    """
    from dhbv import configuration
    from dhbv.data import files_of
    from dhbv.evaluation import scores
    from dhbv.experiments.results import SUFFIX
    from dhbv.experiments.run import Job, run
    from dhbv.experiments.summary import summaries

    if out.suffix != SUFFIX:
        raise DhbvError(f"--out {out}: results are {SUFFIX} files; name one")
    read = [config, *(file for path in data for file in files_of(path, attributes))]
    refuse_overwriting({"--out": out, "--json": json_file}, read)
    settings = configuration.load(config, configuration.Config)
    settings, regions = _open(settings, data, attributes)
    first = next(iter(regions.values()))
    made = plan(settings, first)
    folder = work or Path("runs/experiments") / out.stem
    job = Job(
        name or config.stem, settings, made, regions, folder, out, device, method and method(settings, first)
    )
    with progress_bars(16) as bars:
        results = run(job, bars, only)
    told = summaries(results)
    table = Table(title=escape(f"{job.name}, {made.kind}: medians over basins"))
    shown = ("nse", "kge", "fhv", "flv")
    for heading in ("", "basins", *(scores.SCORES[s].name.upper() for s in shown), "BFI r"):
        table.add_column(heading)
    for label, summary in told.items():
        cells = [summary["median"][s] for s in shown] + [summary["bfi_correlation"]]
        table.add_row(label, str(summary["n_basins"]), *("–" if c is None else f"{c:.3f}" for c in cells))
    console.print(table)
    done = len(results.header.trainings)
    say(f"{done} of {results.header.planned} trainings done: {out}")
    write_json(told, json_file)


def _open(
    config: Config, data: Sequence[Path], attributes: Path | None
) -> tuple[Config, dict[str, xr.Dataset]]:
    """The data sets by name, all with the basins of the first that all have, and `config` for these basins."""
    import msgspec

    from dhbv.data import open_region, open_source

    wanted = (*config.data.basins, *config.data.held_out) if config.data.basins else None
    if len(data) > 1:
        there = {path.stem: open_source(path, attributes=attributes).basins for path in data}
        asked = wanted or there[data[0].stem]
        wanted = tuple(b for b in asked if all(b in set(basins) for basins in there.values()))
        if len(wanted) < len(asked):
            say(
                f"{len(wanted)} of {len(asked)} basins are in all of {', '.join(there)}; the others are left out"
            )
        held_out = tuple(b for b in config.data.held_out if b in wanted)
        kept = msgspec.structs.replace(
            config.data, basins=tuple(b for b in wanted if b not in held_out), held_out=held_out
        )
        config = msgspec.structs.replace(config, data=kept)
    return config, {
        path.stem: open_region(path, attributes=attributes, basins=wanted, needed=config.data.reach)
        for path in data
    }


def by_region(config: Config, region: xr.Dataset, data: Path) -> Plan:
    """The plan of ungauged regions; `data` is where `region` is from, for the message that it lacks units."""
    from dhbv.data.schema import basin_ids
    from dhbv.experiments import plans

    if "huc_02" not in region:
        raise DhbvError(f"{data}: no attribute huc_02, by which regions are told apart: add it to the table")
    units = region["huc_02"].values.tolist()
    return plans.pur(config, basin_ids(region), dict(zip(basin_ids(region), units, strict=True)))


def labels(only: str | None, option: str = "--only") -> list[str] | None:
    """Names of the trainings to run now; None for all."""
    return None if only is None else listed(only, str, option)


def listed(text: str, kind: Callable[[str], T], option: str) -> list[T]:
    """What an option lists, separated by commas."""
    try:
        found = [kind(word.strip()) for word in text.split(",") if word.strip()]
    except ValueError:
        found = []
    if not found:
        raise DhbvError(f"{option} {text!r}: give values separated by commas")
    return found
