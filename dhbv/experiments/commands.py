"""`dhbv experiment`: the published protocols, each one command, and the report of what they found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dhbv.experiments.assimilation import assimilation
from dhbv.experiments.invocation import (
    Name,
    Only,
    Out,
    Seed,
    Work,
    by_region,
    conduct,
    labels,
    listed,
)
from dhbv.files import refuse_overwriting
from dhbv.options import Attributes, ConfigFile, Data, Device
from dhbv.terminal import Json, say

app = typer.Typer(
    help="Experiments of the literature: temporal, ungauged basins and regions, scaling, ensembles; and their report.",
    no_args_is_help=True,
)
app.command()(assimilation)


@app.command()
def temporal(
    config: ConfigFile, data: Data, out: Out, attributes: Attributes = None, work: Work = None,
    name: Name = None, device: Device = "auto", json_file: Json = None,
) -> None:  # fmt: skip
    """Other years: trained and tested on the same basins.

    Example: dhbv experiment temporal --config configs/experiments/delta.yaml --data $CAMELS/camels_us_maurer.nc
    --out docs/benchmarks/results/delta.parquet
    """
    from dhbv.data.schema import basin_ids
    from dhbv.experiments import plans

    conduct(
        config, [data], attributes, out, work, name, device, json_file,
        lambda c, r: plans.temporal(c, basin_ids(r)),
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
    from dhbv.data.schema import basin_ids
    from dhbv.experiments import plans

    wanted = None if only is None else [f"fold_{k}" for k in listed(only, int, "--only")]
    conduct(
        config, [data], attributes, out, work, name, device, json_file,
        lambda c, r: plans.pub(c, basin_ids(r), folds=folds, seed=seed), wanted,
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
    conduct(
        config, [data], attributes, out, work, name, device, json_file,
        lambda c, r: by_region(c, r, data), labels(regions, "--regions"),
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
    from dhbv.data.schema import basin_ids
    from dhbv.experiments import plans

    shares = listed(fractions, float, "--fractions")
    conduct(
        config, [data], attributes, out, work, name, device, json_file,
        lambda c, r: plans.scaling(c, basin_ids(r), fractions=shares, held_out=held_out, seed=seed),
        labels(only),
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
    from dhbv.data.schema import basin_ids
    from dhbv.experiments import plans

    numbers = listed(seeds, int, "--seeds")
    conduct(
        config, data, attributes, out, work, name, device, json_file,
        lambda c, r: plans.ensemble(c, basin_ids(r), seeds=numbers, sources=[path.stem for path in data]),
        labels(only),
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
    from dhbv.experiments.results import SUFFIX

    refuse_overwriting({"--out": out}, results.glob(f"*{SUFFIX}"))
    for path in reporting.write(results, out):
        say(str(path))
