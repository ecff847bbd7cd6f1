"""The command line, `dhbv`. Thin: each command reads its arguments, calls the library and reports."""

from __future__ import annotations

import datetime as dt
import logging
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from dhbv import __version__, benchmark_cli, fluxes_cli, registry_cli
from dhbv.baselines import commands as baseline_commands
from dhbv.data import commands as data_commands
from dhbv.errors import DhbvError
from dhbv.experiments import commands as experiment_commands
from dhbv.files import refuse_overwriting, written_whole
from dhbv.nextgen import commands as nextgen_commands
from dhbv.options import Attributes, BasinsOfModel, ConfigFile, Data, Device, End, Model, Start, model_named
from dhbv.plots import commands as plot_commands
from dhbv.scale import commands as scale_commands
from dhbv.stream_temperature import commands as stream_temperature_commands
from dhbv.surrogate import commands as surrogate_commands
from dhbv.terminal import Json, console, progress_bars, say, write_json
from dhbv.wording import counted

app = typer.Typer(
    help="δ-HBV: train, evaluate and run a differentiable HBV with learned parameters.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


def _print_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    pass


app.add_typer(data_commands.app, name="data")
app.add_typer(registry_cli.app, name="registry")
app.add_typer(nextgen_commands.app, name="ngen")
for _baseline in baseline_commands.COMMANDS:
    experiment_commands.app.command()(_baseline)
app.add_typer(experiment_commands.app, name="experiment")
app.add_typer(fluxes_cli.app, name="fluxes")
app.add_typer(plot_commands.app, name="plot")
app.add_typer(scale_commands.app, name="scale")
app.add_typer(surrogate_commands.app, name="surrogate")


@app.command()
def train(
    config: ConfigFile,
    data: Data,
    out: Annotated[Path, typer.Option(help="Where the model directory shall be.", show_default=False)],
    attributes: Attributes = None,
    device: Device = "auto",
    processes: Annotated[
        int, typer.Option(min=1, help="How many train together, each on its own basins: one a GPU.")
    ] = 1,
    start_from: Annotated[
        Path | None,
        typer.Option(help="Model directory whose weights training begins with.", callback=model_named),
    ] = None,
    json_file: Json = None,
) -> None:
    """Train a model, test it and write its model directory.

    After a kill the same command goes on where it was, with any number of processes. Example:

    dhbv train --config configs/train/camels_small.yaml --data $CAMELS/camels_us_maurer.nc --out runs/small

    Over several hosts torchrun starts the processes: torchrun --nnodes 2 --nproc-per-node 4 … -m dhbv.cli train …
    """
    from dhbv import configuration, model_directory, pipeline
    from dhbv.data import files_of, open_region, open_source
    from dhbv.training.processes import join, launch, started

    refuse_overwriting({"--json": json_file}, [config, *files_of(data, attributes)])
    settings = configuration.load(config, configuration.Config)
    if processes > 1 and not started():
        launch([sys.executable, "-m", "dhbv.cli", *sys.argv[1:]], processes)
        return
    wanted = (*settings.data.basins, *settings.data.held_out) if settings.data.basins else None
    total = settings.training.iterations
    with ExitStack() as stack:
        group = stack.enter_context(join())
        # One process reads everything once; several read each its own part.
        region: Any = (
            open_region(data, attributes=attributes, basins=wanted, needed=settings.data.reach)
            if group.count == 1
            else open_source(data, attributes=attributes, needed=settings.data.reach)
        )
        first = None if start_from is None else model_directory.load(start_from)
        bars = stack.enter_context(progress_bars(quiet=group.rank > 0))
        training = bars.add_task("training", total=total, note="")
        testing = bars.add_task("testing", total=None, note="")
        there = region["basin"] if group.count == 1 else region.basins
        size = min(settings.training.batch_basins, len(settings.data.basins or there))

        def on_training(p: Any) -> None:
            speed = bars.tasks[training].speed or 0.0
            checked = "" if p.validation is None else f", validation {p.validation:.4f}"
            note = f"loss {p.loss:.4f}{checked}, {size * speed:.0f} basins/s"
            bars.update(training, completed=p.iteration, note=note)

        made = pipeline.make_model(
            settings, region, out, device=device, processes=group,
            start_from=first, on_training=on_training,
            on_testing=lambda done, days: bars.update(testing, completed=done, total=days),
        )  # fmt: skip
    if group.rank > 0:
        return
    for label, evaluation in made.evaluations.items():
        _show(evaluation.summary, f"{label} {evaluation.summary['period']}")
    say(f"model directory: {out}  weights {made.model.weights_sha256[:12]}…")
    write_json({label: e.summary for label, e in made.evaluations.items()}, json_file)


@app.command()
def evaluate(
    model: Model,
    data: Data,
    attributes: Attributes = None,
    basins: BasinsOfModel = None,
    start: Start = None,
    end: End = None,
    json_file: Json = None,
    table: Annotated[Path | None, typer.Option(help="CSV of every basin's scores.")] = None,
    figures: Annotated[Path | None, typer.Option(help="Folder for figures.")] = None,
) -> None:
    """Score a model against observed flow: by default its training basins over its test period.

    Example: dhbv evaluate runs/small --data $CAMELS/camels_us_maurer.nc --json -
    """
    from dhbv import model_directory
    from dhbv.data import files_of, open_region
    from dhbv.evaluation import evaluate as evaluation
    from dhbv.runtime import OUTPUTS

    directory = model_directory.load(model)
    refuse_overwriting(
        {"--json": json_file, "--table": table}, [*directory.files, *files_of(data, attributes), basins]
    )
    asked = _basins(basins, directory.config.data.basins)
    period = _period(start, end, directory.config.data.test)
    needed = period.after_spin_up(directory.config.data.spin_up_days)
    region = open_region(data, attributes=attributes, basins=asked, end=str(period.end), needed=needed)
    with progress_bars() as bars:
        task = bars.add_task("running", total=None, note="")
        result = evaluation.evaluate(
            directory, region, period, outputs=OUTPUTS if figures else ("runoff", "baseflow"),
            on_progress=lambda done, days: bars.update(task, completed=done, total=days),
        )  # fmt: skip
    _show(result.summary, f"{model} {period}")
    _write_table(result.table, table)
    if figures is not None:
        from dhbv.evaluation import report

        report.write_figures({str(period): result}, region, figures)
        say(f"figures: {figures}")
    write_json(result.summary, json_file)


@app.command()
def plausibility(
    model: Model,
    data: Data,
    attributes: Attributes = None,
    basins: BasinsOfModel = None,
    start: Start = None,
    end: End = None,
    json_file: Json = None,
    table: Annotated[Path | None, typer.Option(help="CSV of every basin's measures.")] = None,
) -> None:
    """Change the weather and see whether a model answers as a river would: more rain, larger storms, warmth, drought.

    By default on its training basins over its test period, of which the first three years are the spin-up.
    Leaves with 1 where a rule is broken. Example:

    dhbv plausibility models/camels_us_531 --data $CAMELS/camels_us_maurer.nc --json -
    """
    import msgspec

    from dhbv import model_directory
    from dhbv.data import files_of, open_region
    from dhbv.evaluation import counterfactuals

    directory = model_directory.load(model)
    refuse_overwriting(
        {"--json": json_file, "--table": table}, [*directory.files, *files_of(data, attributes), basins]
    )
    asked = _basins(basins, directory.config.data.basins)
    period = _period(start, end, directory.config.data.test)
    region = open_region(
        data, attributes=attributes, basins=asked, end=str(period.end), needs_flow=False, needed=period
    )
    with progress_bars() as bars:
        task = bars.add_task("examining", total=None, note="")
        answers = counterfactuals.examine(
            directory, region, period,
            on_progress=lambda done, rules: bars.update(task, completed=done, total=rules),
        )  # fmt: skip
    shown = Table("rule", "limit", "found", "", title=f"{model} {period}")
    for row in answers.rows:
        verdict = {True: "[green]kept", False: "[bold red]broken", None: "–"}[row.passed]
        shown.add_row(row.rule, row.threshold, row.finding, verdict)
    console.print(shown)
    _write_table(answers.table, table)
    write_json({"period": str(period), "rows": msgspec.to_builtins(answers.rows)}, json_file)
    if any(row.passed is False for row in answers.rows):
        raise typer.Exit(1)


_REGION, _DOMAIN = (
    "Of a region (CAMELS, or NetCDF of the same schema)",
    "Of NextGen forcing (a whole hydrofabric)",
)


@app.command()
def forecast(
    model: Model,
    data: Annotated[
        Path,
        typer.Option(
            help="CAMELS folder, NetCDF of the same schema, or NextGen's hourly forcing (NetCDF or Zarr).",
            show_default=False,
        ),
    ],
    start: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="First day.", show_default=False)],
    end: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="Last day.", show_default=False)],
    out: Annotated[
        Path,
        typer.Option(
            help="Of a region the NetCDF to write, of NextGen forcing a folder.", show_default=False
        ),
    ],
    attributes: Annotated[
        Path | None,
        typer.Option(
            help="Table of static attributes: CSV, of NextGen forcing Parquet too. Default: the one beside the data of a "
            "region; NextGen forcing has none."
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            help="What to start from: a region's saved state, or the folder of the NextGen run before; else a spin-up."
        ),
    ] = None,
    spin_up_days: Annotated[
        int,
        typer.Option(
            min=0, help="Days run before the start to fill the stores, as far as the data reach back."
        ),
    ] = 1095,
    basins: Annotated[
        str | None,
        typer.Option(
            help="Ids separated by commas, a file with one id a line, or `all` in the data; default: the state's, or all.",
            rich_help_panel=_REGION,
        ),
    ] = None,
    save_state: Annotated[
        Path | None,
        typer.Option(help="Where to save the state after the last day.", rich_help_panel=_REGION),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(
            help="Archive of fluxes to append the run to, see `dhbv fluxes`.", rich_help_panel=_REGION
        ),
    ] = None,
    chunk: Annotated[
        int | None,
        typer.Option(
            min=1, help="Catchments at once; default: 20,000, fewer of many days.", rich_help_panel=_DOMAIN
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N|vpu:NAME", help="Run only the I-th of N parts, or one VPU.", rich_help_panel=_DOMAIN
        ),
    ] = None,
    fluxes: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="parquet|netcdf",
            help="Of the files of fluxes; default: parquet.",
            rich_help_panel=_DOMAIN,
        ),
    ] = None,
) -> None:
    """Run a period and write every flux and store (mm d-1, mm). Of a region: as one CF NetCDF, with discharge in m3 s-1.

    Example: dhbv forecast runs/small --data $CAMELS/camels_us_maurer.nc --start 1998-10-01
    --end 1999-09-30 --out runs/1999.nc --save-state runs/1999.state

    Of NextGen forcing with any number of catchments: chunk by chunk into a folder. After a kill the same command goes on
    where it was; `dhbv scale check` tells whether all is there. Example: dhbv forecast models/camels_us_531 --data
    forcings.nc --attributes table.parquet --start 2026-10-02 --end 2026-10-02 --state runs/2026-10-01
    --out runs/2026-10-02 --shard 1/4
    """
    from dhbv import forecast as forecasting
    from dhbv import model_directory
    from dhbv.data import files_of, open_region
    from dhbv.state import State, refuse_other_file

    directory = model_directory.load(model)
    period = _period(start, end, None)
    if scale_commands.is_domain(data):
        given = {"--basins": basins, "--save-state": save_state, "--archive": archive}
        scale_commands.refuse(
            given, f"not with NextGen forcing ({data}), which is run whole, its states kept in --out"
        )
        with progress_bars() as bars:
            task = bars.add_task("running", total=None, note="")
            said = scale_commands.forecast(
                directory, data, attributes, period, out, state=state, spin_up_days=spin_up_days, chunk=chunk, shard=shard,
                fluxes=fluxes, on_progress=lambda done, total, note: bars.update(task, completed=done, total=total, note=note),
            )  # fmt: skip
        say(said)
        return
    only = {"--chunk": chunk, "--shard": shard, "--format": fluxes}
    scale_commands.refuse(only, f"only with NextGen forcing, and {data} is none")
    read = [*directory.files, *files_of(data, attributes), basins, archive]
    refuse_overwriting({"--out": out}, [*read, state])
    # Of the state that a run starts from the next may take the place: it is read whole before.
    refuse_overwriting({"--out": out, "--save-state": save_state}, read)
    if save_state is not None:
        refuse_other_file(save_state)
    begin = None if state is None else State.read(state)
    asked = _basins(basins, begin.basins if begin else None)
    needed = period.after_spin_up(0 if begin else spin_up_days)
    region = open_region(
        data, attributes=attributes, basins=asked, end=str(period.end), needs_flow=False, needed=needed
    )
    if archive is not None:
        from dhbv.fluxes.archive import Archive

        Archive(archive)  # made, or refused before the run
    with progress_bars() as bars:
        task = bars.add_task("running", total=None, note="")
        told, last = forecasting.run(
            directory, region, period, state=begin, spin_up_days=spin_up_days,
            on_progress=lambda done, days: bars.update(task, completed=done, total=days),
        )  # fmt: skip
    forecasting.write(told, out)
    size = f"{counted(told.sizes['basin'], 'basin')} × {counted(told.sizes['time'], 'day')}"
    say(f"{size}, {told.attrs['start']}: {out}")
    if archive is not None:
        from dhbv.fluxes import archive_run

        entry = archive_run(archive, told, out.name)
        say(f"in the archive {archive} as append {entry.batch}: {entry.first}..{entry.last}")
    if save_state is not None:
        last.write(save_state)
        say(f"state valid at {last.time}: {save_state}")


@app.command()
def demo(
    data: Annotated[Path | None, typer.Option(help="Real basins instead of the synthetic region.")] = None,
    attributes: Attributes = None,
    out: Annotated[Path, typer.Option(help="Folder for everything it makes.")] = Path("runs/demo"),
    json_file: Json = None,
) -> None:
    """The main job in a few minutes: a season arrives, weights are trained, promoted, rejected and rolled back, and
    forecasts made; the champion is tested on held-out years and basins, streamed through BMI, drawn.

    Without Prefect the loop is left out. Example: dhbv demo   or, on real basins:
    dhbv demo --data $CAMELS/camels_us_maurer.nc
    """
    from importlib.util import find_spec

    from bmi import DeltaHbv
    from dhbv import demonstration
    from flows.embedded import embedded

    refuse_overwriting({"--json": json_file}, [data, attributes])
    service = embedded if find_spec("prefect") else None
    with progress_bars() as bars:
        summary = demonstration.run(out, data, attributes, DeltaHbv, service, bars)
    console.print(demonstration.render(summary))
    write_json(summary, json_file)


app.command()(benchmark_cli.benchmark)
app.command()(stream_temperature_commands.sntemp)


def _write_table(content: Any, target: Path | None) -> None:
    """A table of basins as CSV."""
    if target is not None:
        with written_whole(target) as draft:
            content.to_csv(draft, index_label="basin", lineterminator="\n")


def _show(summary: dict[str, Any], title: str) -> None:
    from dhbv.evaluation import scores

    console.print(scores.render(summary, escape(title)))


def _basins(text: str | None, default: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Basin ids from `--basins`; None for `all`."""
    from dhbv.data.selection import ids_of

    return default if text is None else ids_of(text)


def _period(start: dt.datetime | None, end: dt.datetime | None, default: Any) -> Any:
    from dhbv.configuration import Period

    first, last = start.date() if start else default.start, end.date() if end else default.end
    try:
        return Period(start=first, end=last)
    except ValueError as error:
        raise DhbvError(f"--start, --end: {error}") from None


def main() -> None:
    """The entry point: a mistake of the user's is one line, a defect of ours a traceback."""
    logging.basicConfig(format="%(levelname)s %(message)s")
    try:
        app()
    except (DhbvError, OSError) as error:
        console.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
