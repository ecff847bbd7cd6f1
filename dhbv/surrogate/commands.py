"""`dhbv surrogate`: an LSTM learns a simulator, gA learns through it, and the simulator itself is the judge."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from dhbv.errors import DhbvError
from dhbv.files import refuse_overwriting, written_whole
from dhbv.options import Attributes, Data
from dhbv.terminal import Json, console, progress_bars, say, write_json
from dhbv.wording import counted

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    from dhbv.configuration import Config
    from dhbv.surrogate.simulator import Description

app = typer.Typer(
    help="Learn parameters of a simulator that has no gradient, through an LSTM that mimics it (docs/surrogate.md).",
    no_args_is_help=True,
)

ConfigFile = Annotated[
    Path,
    typer.Option(
        help="Training configuration, YAML: basins, days, attributes, training; network kind mlp.",
        show_default=False,
    ),
]
Asked = Annotated[
    str, typer.Option(metavar="MODULE:NAME", help="Or FILE.py:NAME, a `Simulator`.", show_default=False)
]
Maybe = Annotated[str | None, typer.Option(metavar="MODULE:NAME", help="Or FILE.py:NAME, a `Simulator`.")]
Folder = Annotated[Path, typer.Argument(help="Folder of `dhbv surrogate train`.", show_default=False)]
Out = Annotated[Path, typer.Option(help="Folder to write; must be free.", show_default=False)]
Seed = Annotated[int, typer.Option(min=0, help="Of draws, weights and windows.")]

TEST_SEED = 1_000_000
"""Added to the seed of what is tested with, so that nobody trained on the same draws."""


@app.command()
def train(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None,
    simulator: Maybe = None,
    runs: Annotated[
        Path | None, typer.Option(help="NetCDF of runs made elsewhere, in place of --simulator.")
    ] = None,
    keep_runs: Annotated[
        Path | None, typer.Option(help="NetCDF to write the runs of --simulator to.")
    ] = None,
    draws: Annotated[int, typer.Option(min=2, help="Parameter sets a basin.")] = 100,
    iterations: Annotated[int, typer.Option(min=1, help="Minibatches at most.")] = 2000,
    hidden: Annotated[
        int | None, typer.Option(min=1, help="Units of the LSTM; default: 64, or those of --start-from.")
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option(help="Surrogate whose weights training begins with.")
    ] = None,
    around: Annotated[
        Path | None,
        typer.Option(help="Folder of `dhbv surrogate learn`: half of the draws are near what it learned."),
    ] = None,
    seed: Seed = 0, json_file: Json = None,
) -> None:  # fmt: skip
    """Train the LSTM on runs under the weather of training basins and days; no observed flow is read.

    gA finds where a surrogate errs in its favour. So train again where it went, with --start-from, --around and
    another --seed, and learn again, until simulator and surrogate agree on what was learned.

    Example: dhbv surrogate train --simulator examples/surrogate/gr4j.py:GR4J --config examples/surrogate/camels.yaml
    --data $CAMELS/camels_us_maurer.nc --out runs/surrogates/gr4j
    """
    from dhbv.model_directory import refuse_occupied
    from dhbv.surrogate import directory, network, training
    from dhbv.surrogate import runs as running
    from dhbv.surrogate import simulator as simulators

    refuse_occupied(out)
    _refuse_overwriting({"--json": json_file, "--keep-runs": keep_runs}, data, attributes, config, runs)
    if (simulator is None) == (runs is None):
        raise DhbvError(
            "give either --simulator MODULE:NAME, which is run here, or --runs FILE of runs made elsewhere"
        )
    if runs is not None and (keep_runs or around):
        raise DhbvError("--keep-runs and --around: the runs are drawn and kept already, in --runs")
    asked = None if simulator is None else simulators.load(simulator)
    given = None if runs is None else running.read(runs)
    shape, first = network.Shape() if hidden is None else network.Shape(hidden=hidden), None
    if start_from is not None:
        before = directory.load_surrogate(start_from)
        about = asked.description if asked else given.about if given else before.card.about
        directory.refuse_other(before, about, start_from, str(simulator or runs))
        shape, first = before.card.effort.shape, training.Trained(before.network, before.card.scaling, [])
        if hidden not in (None, shape.hidden):
            raise DhbvError(f"--hidden {hidden}: {start_from} has {shape.hidden}; leave it out")
    settings, region = _open(config, data, attributes)
    part = _days(settings, region, settings.data.basins or ())
    effort = training.Effort(
        iterations=iterations, shape=shape, seed=seed,
        warmup_days=settings.training.warmup_days, window_days=settings.training.window_days,
    )  # fmt: skip
    with progress_bars(11) as bars:
        if asked is not None:
            task = bars.add_task("simulating", total=draws * part.sizes["basin"], note=asked.description.name)
            learned_from = running.make(
                asked, part, draws, seed, lambda done: bars.update(task, completed=done),
                around=None if around is None else _learned(around, asked.description, part),
            )  # fmt: skip
            if keep_runs is not None:
                running.write(learned_from, keep_runs)
        else:
            assert given is not None
            assert runs is not None
            learned_from = running.of_period(given, settings, runs)
        weather = running.weather_of(learned_from, part)
        task = bars.add_task("training", total=iterations, note="")

        def on_training(step: training.Step) -> None:
            note = f"loss {step.loss:.4f}, held-out runs {step.validation:.4f}"
            bars.update(task, completed=step.iteration, note=note)

        began = time.perf_counter()
        made = training.train(learned_from, weather, effort, on_training, start_from=first)
        seconds = round(time.perf_counter() - began, 1)
    lines = ["iteration,loss,validation", *(f"{s.iteration},{s.loss},{s.validation}" for s in made.history)]
    card = directory.save(
        out,
        directory.SurrogateCard(
            about=learned_from.about, effort=effort, scaling=made.scaling, basins=learned_from.basins,
            days=(str(learned_from.time[0]), str(learned_from.time[-1])), runs=len(learned_from.basin),
            runs_digest=learned_from.digest, seconds=seconds,
        ),
        made.network, {"history.csv": ("\n".join(lines) + "\n").encode()},
    )  # fmt: skip
    say(f"surrogate of {card.about.name}: {out}  weights {card.weights_sha256[:12]}…, {seconds} s")
    best = min(made.history, key=lambda s: s.validation)
    write_json({"iteration": best.iteration, "validation": best.validation, "seconds": seconds}, json_file)


@app.command("test")
def examine(
    surrogate: Folder, simulator: Asked, config: ConfigFile, data: Data, attributes: Attributes = None,
    draws: Annotated[int, typer.Option(min=1, help="Parameter sets a basin, none of them trained on.")] = 10,
    around: Annotated[
        Path | None, typer.Option(help="Folder of `dhbv surrogate learn`: draws are near what it learned.")
    ] = None,
    seed: Seed = 0, json_file: Json = None,
) -> None:  # fmt: skip
    """How near the surrogate comes: its runs beside the simulator's, with fresh draws, in the test period.

    Example: dhbv surrogate test runs/surrogates/gr4j --simulator examples/surrogate/gr4j.py:GR4J
    --config examples/surrogate/camels.yaml --data $CAMELS/camels_us_maurer.nc
    """
    from dhbv.surrogate import directory, fidelity
    from dhbv.surrogate import simulator as simulators

    _refuse_overwriting({"--json": json_file}, data, attributes, config)
    kept, asked = directory.load_surrogate(surrogate), simulators.load(simulator)
    directory.refuse_other(kept, asked.description, surrogate, f"--simulator {simulator}")
    settings, region = _open(config, data, attributes)
    told = {}
    with progress_bars() as bars:
        task = bars.add_task("testing", total=2, note="")
        for label, basins in _groups(settings).items():
            bars.update(task, note=label)
            if basins:
                there = region.sel(basin=list(basins))
                table = fidelity.examine(
                    settings, region, basins, asked, kept.network, draws, seed + TEST_SEED,
                    None if around is None else _learned(around, asked.description, there),
                )  # fmt: skip
                told[label] = fidelity.summary(table)
            bars.advance(task)
    shown = Table(title=escape(f"{surrogate}: NSE of the surrogate's runs against the simulator's"))
    for heading in ("basins", "output", "runs", "5 %", "25 %", "median", "75 %"):
        shown.add_column(heading)
    for label, outputs in told.items():
        for name, row in outputs.items():
            shown.add_row(label, name, str(row["runs"]), *map(_score, row["nse"].values()))
    console.print(shown)
    write_json(told, json_file)


@app.command()
def learn(
    surrogate: Folder, config: ConfigFile, data: Data, out: Out, attributes: Attributes = None,
    simulator: Maybe = None, json_file: Json = None,
) -> None:  # fmt: skip
    """Learn gA through the frozen surrogate, then run the simulator itself with what was learned, in other years.

    Writes gA, `parameters.csv` of all basins in their units, and `scores.csv`. Without --simulator only the surrogate
    can be scored: run yours with the parameters. Example:

    dhbv surrogate learn runs/surrogates/gr4j --simulator examples/surrogate/gr4j.py:GR4J
    --config examples/surrogate/camels.yaml --data $CAMELS/camels_us_maurer.nc --out runs/surrogates/gr4j_learned
    """
    import numpy as np
    import pandas as pd

    from dhbv.model_directory import refuse_occupied
    from dhbv.surrogate import directory, learning
    from dhbv.surrogate import simulator as simulators

    refuse_occupied(out)
    _refuse_overwriting({"--json": json_file}, data, attributes, config)
    kept = directory.load_surrogate(surrogate)
    about = kept.card.about
    asked = None if simulator is None else simulators.load(simulator)
    if asked is not None:
        directory.refuse_other(kept, asked.description, surrogate, f"--simulator {simulator}")
    settings, region = _open(config, data, attributes)
    with progress_bars() as bars:
        task = bars.add_task("learning", total=settings.training.iterations, note="")
        began = time.perf_counter()
        learned = learning.learn(
            settings, region, kept.network, about,
            lambda p: bars.update(task, completed=p.iteration, note=f"loss {p.loss:.4f}"),
        )  # fmt: skip
        seconds = round(time.perf_counter() - began, 1)
        everyone = [*(settings.data.basins or ()), *settings.data.held_out]
        places = learning.fractions(learned.network, learned.statistics, region, everyone)
        ways: dict[str, tuple[learning.Simulate, NDArray[np.floating]]] = {}
        if asked is not None:
            honest = learning.by_simulator(asked)
            ways["simulator, learned"] = honest, places
            ways["simulator, typical"] = honest, np.tile(about.typical, (len(everyone), 1))
        ways["surrogate, learned"] = learning.by_surrogate(kept.network), places
        task = bars.add_task("testing", total=len(ways), note="")
        tables, seen = {}, list(settings.data.basins or ())
        for label, (simulate, given) in ways.items():
            tables[label] = learning.score(settings, region, everyone, given, about, simulate)
            if given is places:
                # What the surrogate promises and the simulator gives may be compared without the test period.
                tables[f"{label}, training days"] = learning.score(
                    settings, region, seen, places[: len(seen)], about, simulate, settings.data.train
                )
            bars.advance(task)
    scores = pd.concat(tables, names=["run", "basin"])
    scores["held_out"] = scores.index.get_level_values("basin").isin(settings.data.held_out)
    card = directory.LearnedCard(
        about=about, config=settings, statistics=learned.statistics, surrogate_sha256=kept.card.weights_sha256,
        data_digest=learned.data_digest, seconds=seconds,
    )  # fmt: skip
    lines = ["iteration,loss", *(f"{iteration},{loss}" for iteration, loss in learned.history)]
    extra = {
        "parameters.csv": _parameters(about, everyone, places),
        "scores.csv": scores.to_csv(lineterminator="\n").encode(),
        "history.csv": ("\n".join(lines) + "\n").encode(),
    }
    directory.save(out, card, learned.network, extra)
    _show(scores, f"{about.name}: {settings.data.test}", json_file, {"seconds": seconds})
    say(f"gA and the parameters of {counted(len(everyone), 'basin')}: {out}, {seconds} s")


@app.command()
def parameters(
    learned: Annotated[Path, typer.Argument(help="Folder of `dhbv surrogate learn`.", show_default=False)],
    data: Data,
    out: Annotated[Path, typer.Option(help="CSV to write.", show_default=False)],
    attributes: Attributes = None,
) -> None:
    """Parameters of any basins, gauged or not, by the gA that was learned, in their units.

    Example: dhbv surrogate parameters runs/surrogates/gr4j_learned --data region.nc --out parameters.csv
    """
    from dhbv.data import open_region
    from dhbv.data.schema import basin_ids
    from dhbv.surrogate import directory, learning

    _refuse_overwriting({"--out": out}, data, attributes, learned)
    card, network = directory.load_map(learned)
    region = open_region(data, attributes=attributes, needs_flow=False)
    basins = basin_ids(region)
    places = learning.fractions(network, card.statistics, region, basins)
    with written_whole(out) as draft:
        draft.write_bytes(_parameters(card.about, basins, places))
    say(f"parameters of {card.about.name} for {counted(len(basins), 'basin')}: {out}")


@app.command()
def calibrate(
    simulator: Asked, config: ConfigFile, data: Data, out: Out, attributes: Attributes = None,
    members: Annotated[int, typer.Option(min=4, help="Of the population of each basin.")] = 40,
    generations: Annotated[int, typer.Option(min=1, help="Of the search.")] = 60,
    json_file: Json = None,
) -> None:  # fmt: skip
    """Baseline: the simulator calibrated at each gauge by itself, by differential evolution, tested in other years.

    Example: dhbv surrogate calibrate --simulator examples/surrogate/gr4j.py:GR4J
    --config examples/surrogate/camels.yaml --data $CAMELS/camels_us_maurer.nc --out runs/surrogates/gr4j_calibrated
    """
    import pandas as pd

    from dhbv.data.forcing import observed_flow
    from dhbv.model_directory import refuse_occupied
    from dhbv.surrogate import calibration, learning
    from dhbv.surrogate import simulator as simulators
    from dhbv.surrogate.inputs import inputs

    refuse_occupied(out)
    _refuse_overwriting({"--json": json_file}, data, attributes, config)
    asked = simulators.load(simulator)
    settings, region = _open(config, data, attributes)
    basins = list(settings.data.basins or ())
    part = _days(settings, region, basins)
    search = calibration.Evolution(
        members=members, generations=generations, warmup_days=settings.training.warmup_days,
        seed=settings.training.seed,
    )  # fmt: skip
    with progress_bars(11) as bars:
        task = bars.add_task("calibrating", total=generations, note="")
        began = time.perf_counter()
        found = calibration.calibrate(
            asked, inputs(part, asked.description.inputs), observed_flow(part), search,
            lambda done, rmse: bars.update(task, completed=done, note=f"median RMSE {rmse:.4f} mm/d"),
            names=basins,
        )  # fmt: skip
        seconds = round(time.perf_counter() - began, 1)
    about, honest = asked.description, learning.by_simulator(asked)
    table = learning.score(settings, region, basins, found.fractions, about, honest)
    scores = pd.concat({"simulator, calibrated": table}, names=["run", "basin"]).assign(held_out=False)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in (
        ("parameters.csv", _parameters(about, basins, found.fractions)),
        ("scores.csv", scores.to_csv(lineterminator="\n").encode()),
    ):
        with written_whole(out / name) as draft:
            draft.write_bytes(content)
    runs = members * (generations + 1)
    _show(scores, f"{about.name}: {settings.data.test}", json_file, {"seconds": seconds, "runs": runs})
    say(f"{counted(len(basins), 'basin')}, {runs} runs each: {out}, {seconds} s")


def _refuse_overwriting(
    outputs: Mapping[str, Path | str | None], data: Path, attributes: Path | None, *more: Path | None
) -> None:
    from dhbv.data import files_of

    refuse_overwriting(outputs, [*files_of(data, attributes), *more])


def _open(config: Path, data: Path, attributes: Path | None) -> tuple[Config, xr.Dataset]:
    """The configuration, with every training basin named, and its basins' data."""
    import msgspec

    from dhbv import configuration
    from dhbv.data import open_region
    from dhbv.data.schema import basin_ids

    settings = configuration.load(config, configuration.Config)
    wanted = (*settings.data.basins, *settings.data.held_out) if settings.data.basins else None
    region = open_region(data, attributes=attributes, basins=wanted, needed=settings.data.reach)
    if settings.data.basins is None:
        there = tuple(basin_ids(region))
        named = msgspec.structs.replace(
            settings.data, basins=tuple(b for b in there if b not in settings.data.held_out)
        )
        settings = msgspec.structs.replace(settings, data=named)
    return settings, region


def _learned(folder: Path, about: Description, region: xr.Dataset) -> NDArray[np.float32]:
    """Places of the parameters that the gA in `folder` gives the basins of `region`."""
    from dhbv.data.schema import basin_ids
    from dhbv.surrogate import directory, learning

    kept = directory.load_map(folder)
    directory.refuse_other(kept, about, folder, "--simulator")
    return learning.fractions(kept.network, kept.card.statistics, region, basin_ids(region))


def _days(settings: Config, region: xr.Dataset, basins: Any) -> xr.Dataset:
    """Training days of `basins`."""
    from dhbv.baselines.testing import days_of

    return days_of(region, list(basins), settings.data.train)[0]


def _groups(settings: Config) -> dict[str, tuple[str, ...]]:
    return {"trained on": settings.data.basins or (), "held out": settings.data.held_out}


def _parameters(about: Description, basins: list[str], places: NDArray[np.floating]) -> bytes:
    """A CSV of parameters in their units, a row a basin."""
    import pandas as pd

    columns = [p.name for p in about.parameters]
    table = pd.DataFrame(about.values(places), pd.Index(basins, name="basin"), columns)
    return table.to_csv(lineterminator="\n", float_format="%.6g").encode()


def _show(scores: pd.DataFrame, title: str, json_file: str | None, more: dict[str, Any]) -> None:
    """Medians over basins of each way of running, held-out ones apart."""
    from dhbv.evaluation import scores as scoring

    told: dict[str, Any] = {}
    shown = Table(title=escape(f"{title}, medians over basins"))
    for heading in ("", "basins", "", "NSE", "25 %", "75 %", "KGE"):
        shown.add_column(heading)
    for (run, held_out), rows in scores.groupby(["run", "held_out"], sort=False):
        summary = scoring.summary(rows)
        label = "held out" if held_out else "trained on"
        told.setdefault(str(run), {})[label] = summary
        cells = (summary["median"]["nse"], *summary["quartiles"]["nse"], summary["median"]["kge"])
        shown.add_row(str(run), label, str(len(rows)), *map(_score, cells))
    console.print(shown)
    write_json(told | more, json_file)


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
