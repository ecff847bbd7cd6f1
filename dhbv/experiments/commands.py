"""`dhbv experiment`: the published protocols, each one command, and the report of what they found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.markup import escape
from rich.table import Table

from dhbv.errors import DhbvError
from dhbv.experiments.assimilation import assimilation
from dhbv.terminal import Json, console, progress_bars, say, write_json

if TYPE_CHECKING:
    import xarray as xr

    from dhbv.configuration import Config
    from dhbv.experiments.plans import Plan
    from dhbv.experiments.run import Method

app = typer.Typer(
    help="Experiments of the literature: temporal, ungauged basins and regions, scaling, ensembles; and their report.",
    no_args_is_help=True,
)
app.command()(assimilation)

T = TypeVar("T")

ConfigFile = Annotated[Path, typer.Option(help="Training configuration, YAML.", show_default=False)]
Data = Annotated[Path, typer.Option(help="CAMELS folder, or NetCDF of the same schema.", show_default=False)]
Attributes = Annotated[
    Path | None, typer.Option(help="CSV of static attributes; default: the one beside the data.")
]
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
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the draw of basins.")]
Only = Annotated[
    str | None,
    typer.Option(help="Trainings to run now, by their names in the results, as fold_0,fold_1; default: all."),
]
Protocol = Annotated[
    str, typer.Option(help="Which basins are held out: none (temporal), random folds (pub), regions (pur).")
]
Folds = Annotated[int, typer.Option(min=2, help="Random folds of the basins, for pub.")]
Repetitions = Annotated[
    int, typer.Option(min=1, help="Of SCE-UA a basin, as spotpy counts them: points kept count twice.")
]
Workers = Annotated[
    int | None, typer.Option(min=1, help="Basins calibrated at once; default: one a processor.")
]


@app.command()
def temporal(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, device: Device = "auto", json_file: Json = None,
) -> None:  # fmt: skip
    """Other years: trained and tested on the same basins.

    Example: dhbv experiment temporal --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --out docs/benchmarks/results/delta.parquet
    """
    from dhbv.experiments import plans

    _run(
        config, [data], attributes, out, work, name, device, json_file,
        lambda c, r: plans.temporal(c, _ids(r)),
    )  # fmt: skip


@app.command()
def pub(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, device: Device = "auto", json_file: Json = None,
    folds: Annotated[int, typer.Option(min=2, help="Random folds of the basins.")] = 10,
    only: Annotated[str | None, typer.Option(help="Folds to run now, as 0,1; default: all.")] = None,
    seed: Seed = 0,
) -> None:  # fmt: skip
    """Ungauged basins: each random fold is held out of one training and tested on the test period.

    Example: dhbv experiment pub --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --out docs/benchmarks/results/pub_delta.parquet --folds 10 --only 0,1
    """
    from dhbv.experiments import plans

    labels = None if only is None else [f"fold_{k}" for k in _listed(only, int, "--only")]
    _run(
        config, [data], attributes, out, work, name, device, json_file,
        lambda c, r: plans.pub(c, _ids(r), folds=folds, seed=seed), labels,
    )  # fmt: skip


@app.command()
def pur(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, device: Device = "auto", json_file: Json = None,
    regions: Annotated[
        str | None, typer.Option(help="Regions to hold out now, as north_east,south_west; default: all seven.")
    ] = None,
) -> None:  # fmt: skip
    """Ungauged regions: each of seven groups of hydrologic units (huc_02) is held out of one training.

    Example: dhbv experiment pur --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --out docs/benchmarks/results/pur_delta.parquet --regions north_west
    """
    labels = None if regions is None else _listed(regions, str, "--regions")
    _run(
        config, [data], attributes, out, work, name, device, json_file,
        lambda c, r: _by_region(c, r, data), labels,
    )  # fmt: skip


@app.command()
def scaling(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, device: Device = "auto", json_file: Json = None,
    fractions: Annotated[str, typer.Option(help="Shares of the basins to train on.")] = "0.125,0.25,0.5,1",
    held_out: Annotated[
        float, typer.Option(help="Share of the basins that no training sees; the configuration's go before it.")
    ] = 0.2,
    seed: Seed = 0, only: Only = None,
) -> None:  # fmt: skip
    """Scaling curves: skill, cost and coherence against the number of training basins, in nested subsets.

    Example: dhbv experiment scaling --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --out docs/benchmarks/results/scaling_delta.parquet
    """
    from dhbv.experiments import plans

    shares = _listed(fractions, float, "--fractions")
    _run(
        config, [data], attributes, out, work, name, device, json_file,
        lambda c, r: plans.scaling(c, _ids(r), fractions=shares, held_out=held_out, seed=seed),
        _labels(only),
    )  # fmt: skip


@app.command()
def ensemble(
    config: ConfigFile,
    data: Annotated[
        list[Path],
        typer.Option(
            help="CAMELS folder or NetCDF; give several for a member of each, on the basins they share.",
            show_default=False,
        ),
    ],
    out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, device: Device = "auto", json_file: Json = None,
    seeds: Annotated[str, typer.Option(help="Seeds of the members, in place of the configuration's.")] = "0,1,2",
    only: Only = None,
) -> None:  # fmt: skip
    """Several trainings that differ in seed, weather or both, and the mean of their flows.

    Example: dhbv experiment ensemble --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --data $CAMELS/camels_us_daymet.nc --seeds 0,1 --out docs/benchmarks/results/ensemble_delta.parquet
    """
    from dhbv.experiments import plans

    numbers = _listed(seeds, int, "--seeds")
    _run(
        config, data, attributes, out, work, name, device, json_file,
        lambda c, r: plans.ensemble(c, _ids(r), seeds=numbers, sources=[path.stem for path in data]),
        _labels(only),
    )  # fmt: skip


@app.command()
def calibrate(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, json_file: Json = None,
    repetitions: Repetitions = 10_000, processes: Workers = None,
) -> None:  # fmt: skip
    """Baseline: plain HBV calibrated at each gauge by itself (SCE-UA), tested on other years.

    Basins, days and seed are those of the configuration. Each basin is kept as soon as it is done.

    Example: dhbv experiment calibrate --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --out docs/benchmarks/results/sceua.parquet
    """
    from dhbv.baselines import site_by_site
    from dhbv.experiments import plans

    _run(
        config, [data], attributes, out, work, name or "HBV, SCE-UA", "cpu", json_file,
        lambda c, r: plans.temporal(c, _ids(r)),
        method=lambda c, r: site_by_site.calibrated(c, repetitions, _workers(processes)),
    )  # fmt: skip


@app.command()
def transfer(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, json_file: Json = None,
    protocol: Protocol = "pub", folds: Folds = 10, seed: Seed = 0,
    donors: Annotated[int, typer.Option(min=1, help="Gauged basins whose flows are averaged.")] = 1,
    repetitions: Repetitions = 10_000, processes: Workers = None,
) -> None:  # fmt: skip
    """Baseline: held-out basins with the calibrated parameters of the gauged basin whose attributes are nearest.

    The folds are those of `pub`, or the regions of `pur`. With the work folder of `calibrate` nothing is
    calibrated again.

    Example: dhbv experiment transfer --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --work runs/experiments/sceua --out docs/benchmarks/results/pub_transfer.parquet
    """
    from dhbv.baselines import site_by_site

    if protocol == "temporal":
        raise DhbvError("--protocol temporal holds out no basin to transfer parameters to: choose pub or pur")

    def plan(c: Config, r: xr.Dataset) -> Plan:
        made = _plan(protocol, c, r, data, folds, seed)
        return made._replace(
            choices=made.choices | {"donors": donors, "attributes": list(c.model.attributes)}
        )

    _run(
        config, [data], attributes, out, work, name or "HBV, SCE-UA, transferred", "cpu", json_file, plan,
        method=lambda c, r: site_by_site.transferred(c, repetitions, _workers(processes), donors),
    )  # fmt: skip


@app.command()
def lstm(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, device: Device = "auto", json_file: Json = None,
    protocol: Protocol = "temporal", folds: Folds = 10, seed: Seed = 0,
    only: Only = None,
    hidden: Annotated[int, typer.Option(min=1, help="Units.")] = 256,
    dropout: Annotated[float, typer.Option(min=0.0, max=0.99, help="On the output of the LSTM.")] = 0.4,
) -> None:  # fmt: skip
    """Baseline: a plain LSTM from weather and attributes to streamflow, with no water balance.

    Basins, days, attributes, windows and training are those of the configuration; the loss is that of NSE alone.

    Example: dhbv experiment lstm --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --out docs/benchmarks/results/lstm.parquet
    """
    from dhbv.baselines import plain_lstm

    _run(
        config, [data], attributes, out, work, name or "LSTM", device, json_file,
        lambda c, r: _plan(protocol, c, r, data, folds, seed),
        _labels(only),
        method=lambda c, r: plain_lstm.plain_lstm(c, r, hidden, dropout),
    )  # fmt: skip


@app.command()
def report(
    results: Annotated[Path, typer.Option(help="Folder of results files.")] = Path("docs/benchmarks/results"),
    out: Annotated[Path, typer.Option(help="Markdown to write; figures go to a folder of its name.")] = Path(
        "docs/benchmarks.md"
    ),
) -> None:
    """Make the tables and figures of all results, published values beside them.

    Example: dhbv experiment report --results docs/benchmarks/results --out docs/benchmarks.md
    """
    from dhbv.experiments import report as reporting

    for path in reporting.write(results, out):
        say(str(path))


def _run(
    config: Path, data: Sequence[Path], attributes: Path | None, out: Path, work: Path | None,
    name: str | None, device: str, json_file: str | None,
    plan: Callable[[Config, xr.Dataset], Plan], only: list[str] | None = None,
    method: Callable[[Config, xr.Dataset], Method] | None = None,
) -> None:  # fmt: skip
    from dhbv import configuration
    from dhbv.evaluation import scores
    from dhbv.experiments.results import SUFFIX
    from dhbv.experiments.run import Job, run
    from dhbv.experiments.summary import summaries

    if out.suffix != SUFFIX:
        raise DhbvError(f"--out {out}: results are {SUFFIX} files; name one")
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
    return config, {path.stem: open_region(path, attributes=attributes, basins=wanted) for path in data}


def _plan(protocol: str, config: Config, region: xr.Dataset, data: Path, folds: int, seed: int) -> Plan:
    """A plan of those that hold out no basin, random folds or regions."""
    from dhbv.experiments import plans

    if protocol == "temporal":
        return plans.temporal(config, _ids(region))
    if protocol == "pub":
        return plans.pub(config, _ids(region), folds=folds, seed=seed)
    if protocol == "pur":
        return _by_region(config, region, data)
    raise DhbvError(f"--protocol {protocol!r}: choose temporal, pub or pur")


def _by_region(config: Config, region: xr.Dataset, data: Path) -> Plan:
    from dhbv.experiments import plans

    if "huc_02" not in region:
        raise DhbvError(f"{data}: no attribute huc_02, by which regions are told apart: add it to the table")
    units = region["huc_02"].values.tolist()
    return plans.pur(config, _ids(region), dict(zip(_ids(region), units, strict=True)))


def _workers(asked: int | None) -> int:
    from dhbv.kernels import native

    return asked or native.processors()


def _ids(region: xr.Dataset) -> list[str]:
    return [str(b) for b in region["basin"].values]


def _labels(only: str | None) -> list[str] | None:
    return None if only is None else _listed(only, str, "--only")


def _listed(text: str, kind: Callable[[str], T], option: str) -> list[T]:
    """What an option lists, separated by commas."""
    try:
        found = [kind(word.strip()) for word in text.split(",") if word.strip()]
    except ValueError:
        found = []
    if not found:
        raise DhbvError(f"{option} {text!r}: give values separated by commas")
    return found
