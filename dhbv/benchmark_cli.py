"""`dhbv benchmark`: what things cost, measured side by side."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from dhbv.files import refuse_overwriting
from dhbv.options import model_named
from dhbv.terminal import Json, console, say, write_json


class Benchmark(StrEnum):
    """What `dhbv benchmark` can time."""

    kernels = "kernels"
    training = "training"
    inference = "inference"
    bmi = "bmi"
    instances = "instances"
    scale = "scale"


def benchmark(
    what: Annotated[Benchmark, typer.Argument(help="What to time.", show_default=False)],
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    rounds: Annotated[
        int | None,
        typer.Option(min=1, help="Runs of each, in turn; medians are told. By default 7, of `scale` 1."),
    ] = None,
    model: Annotated[
        Path,
        typer.Option(help="Model directory that `bmi`, `instances` and `scale` run.", callback=model_named),
    ] = Path("models/camels_us_531"),
    catchments: Annotated[int, typer.Option(min=1, help="Of the domain that `scale` draws.")] = 831_000,
    spin_up_days: Annotated[
        int,
        typer.Option(
            min=0, help="Of `scale`: time a spin-up of so many days and a day, instead of the next day."
        ),
    ] = 0,
    counts: Annotated[
        str, typer.Option(help="Numbers of BMI components in one process that `instances` makes.")
    ] = "1,10,100,1000",
    json_file: Json = None,
) -> None:
    """Time kernels, a training step or inference against the plain loop, side by side in one run; the cost of the BMI
    component in NextGen (`bmi`), and of many in one process (`instances`); or a day of a nation, states in and out, files
    written (`scale`).

    On a machine that others use too, OMP_WAIT_POLICY=passive keeps its threads from starving each other.
    Example: dhbv benchmark kernels --json kernels.json
    """
    refuse_overwriting({"--json": json_file}, [model])
    if what is Benchmark.scale:
        from dhbv.scale import benchmark as scale

        measured = scale.measure(
            model, catchments, rounds=rounds or 1, spin_up_days=spin_up_days, on_stage=say
        )
        _show(f"a day of {catchments:,} catchments", measured)
        write_json(measured, json_file)
        return
    if what is Benchmark.instances:
        from bmi import instances

        rows = instances.measure(model, instances.parse(counts), on_stage=say)
        shown = Table(*rows[0])
        for row in rows:
            shown.add_row(*map(_figure, row.values()))
        console.print(shown)
        write_json(rows, json_file)
        return
    rounds = rounds or 7
    if what is Benchmark.bmi:
        from bmi import benchmark as component

        one = component.measure(model, rounds)
        _show("a BMI component", one)
        write_json(one | {"rounds": rounds}, json_file)
        return
    from dhbv.evaluation import benchmark as benchmarks
    from dhbv.training.trainer import choose_device

    choose_device(device)
    result = benchmarks.BENCHMARKS[what.value](device, rounds)
    machine = benchmarks.machine(device)
    _show(f"{what.value} on {device}", result | machine)
    write_json(result | {"machine": machine, "rounds": rounds}, json_file)


def _show(title: str, figures: Mapping[str, Any]) -> None:
    table = Table(title=title, show_header=False)
    for name, value in figures.items():
        table.add_row(name, _figure(value))
    console.print(table)


def _figure(value: Any) -> str:
    """A measured figure for the table: numbers to four digits, alternatives side by side."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_figure(v)}" for name, v in value.items())
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
