"""`dhbv experiment assimilation`: what updating states from observed flow brings to forecasts of past days."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from dhbv.files import refuse_overwriting
from dhbv.options import Attributes, Data, Model
from dhbv.terminal import Json, console, progress_bars, say, write_json


def assimilation(
    model: Model,
    data: Data,
    attributes: Attributes = None,
    settings: Annotated[
        Path | None, typer.Option(help="YAML of how states are updated, as `forecast.assimilation`.")
    ] = None,
    basins: Annotated[int, typer.Option(min=1, help="How many of the model's basins are drawn.")] = 60,
    skip: Annotated[
        int, typer.Option(min=0, help="Of the draw, left out before them: other basins, to tune on.")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw.")] = 0,
    start: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day; default: of the test period.")
    ] = None,
    end: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day; default: of the test period.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Days between two issues.")] = 30,
    json_file: Json = None,
) -> None:
    """Forecasts of 1 to 5 days with states as they are and updated, their weather known exactly.

    Example: dhbv experiment assimilation models/camels_us_531 --data $CAMELS/camels_us_maurer.nc --json found.json
    """
    import msgspec

    from dhbv import __version__, configuration, model_directory
    from dhbv.assimilation import hindcast as hindcasts
    from dhbv.assimilation.configuration import AssimilationConfig
    from dhbv.configuration import Period
    from dhbv.data import files_of, open_region, open_source
    from dhbv.store.digest import digest_of

    made = model_directory.load(model)
    refuse_overwriting({"--json": json_file}, [*made.files, *files_of(data, attributes), settings])
    how = AssimilationConfig() if settings is None else configuration.load(settings, AssimilationConfig)
    test = made.config.data.test
    period = Period(start=start.date() if start else test.start, end=end.date() if end else test.end)
    issues = hindcasts.issues_of(period, how, every)
    known = made.config.data.basins or open_source(data, attributes=attributes).basins
    drawn = hindcasts.draw(known, basins, skip=skip, seed=seed)
    region = open_region(data, attributes=attributes, basins=drawn)
    region = region.sel(time=slice(None, str(period.end)))
    with progress_bars(16) as bars:
        task = bars.add_task("forecasts", total=len(issues), note=f"{len(drawn)} basins")
        found = hindcasts.hindcast(
            made, region, issues, how, on_progress=lambda done, total: bars.update(task, completed=done)
        )
    told = hindcasts.summary(found)
    console.print(_table(told))
    say(", ".join(f"{count} {outcome}" for outcome, count in told["outcomes"].items()))
    content = {
        "weights_sha256": made.weights_sha256,
        "code_version": __version__,
        "data_digest": digest_of(region),
        "settings": msgspec.to_builtins(how),
        "basins": drawn,
        "issues": [str(issue) for issue in issues],
    }
    write_json(content | told, json_file)


def _table(told: dict[str, Any]) -> Table:
    from dhbv.assimilation.hindcast import WAYS

    table = Table(title="medians over basins; skill and improved against the states as they are")
    table.add_column("", no_wrap=True)
    for heading in ("lead (d)", "basins", "NSE", "KGE", "RMSE (mm d⁻¹)", "skill", "quartiles", "improved"):
        table.add_column(heading)
    for row in told["leads"]:
        improved = "–" if row["improved"] is None else f"{100 * row['improved']:.0f} %"
        found = (row[name] for name in ("nse", "kge", "rmse", "skill"))
        numbers = ("–" if value is None else f"{value:.3f}" for value in found)
        ends = " … ".join("–" if q is None else f"{q:.2f}" for q in row["skill_quartiles"])
        table.add_row(WAYS[row["way"]], str(row["lead"]), str(row["basins"]), *numbers, ends, improved)
    return table
