"""The demo from its first day to its figures."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from bmipy import Bmi
from rich.progress import Progress

from dhbv import pipeline
from dhbv.demonstration import loop, region
from dhbv.demonstration.product import forecast_and_stream, largest_residual, recovery
from dhbv.errors import DhbvError
from dhbv.evaluation import report
from dhbv.files import locked
from dhbv.model_directory import ModelDirectory
from dhbv.runtime import OUTPUTS

MARK = ".dhbv-demo"
"""Lies where a demo was made, which the next one may replace; held while one is made."""
MADE = ("model", "model.partial", "figures", "bmi", "forecast.nc")
NO_FLOWS = "the operational loop, which needs Prefect: pip install 'delta-hbv[flows]'"
FEW_BASINS = "the operational loop, whose gate promotes nothing on fewer than {} basins with flow"


def run(
    out: Path,
    data: Path | None,
    attribute_file: Path | None,
    component: type[Bmi],
    service: loop.Service | None,
    bars: Progress,
) -> dict[str, Any]:
    """Run it all into the folder `out` and return the figures that `render` shows.

    Args:
        out: `model/`, `forecast.nc`, `figures/` and an operation are made in it; an earlier demo's are replaced,
            whole or not.
        data: a source that `open_region` reads; None makes a synthetic region.
        attribute_file: of the data.
        component: the BMI class that streams.
        service: runs the flows of the loop; None leaves it out, and the model is trained at once.
        bars: for progress.

    Raises:
        DhbvError: if the data are too short or hold too few gauged basins, another demo is at work in `out`, or
            `out` holds something by the name of what a demo makes that none has made.
    """
    began = time.perf_counter()
    chosen = region.choose(data, attribute_file)
    _refuse_others(out)
    out.mkdir(parents=True, exist_ok=True)
    with locked(out / MARK, patience=0.0):
        for name in (*MADE, *loop.MADE):
            shutil.rmtree(out / name, ignore_errors=True)
            (out / name).unlink(missing_ok=True)
        left_out = NO_FLOWS if service is None else ""
        if service is not None and not loop.enough(chosen.data):
            service, left_out = None, FEW_BASINS.format(2 * region.LEAST_HELD_OUT)
        looped = None
        if service is None:
            model = _train(out, chosen, bars)
        else:
            looped = _loop(out, chosen, service, bars)
            model = looped.champion
        return _product(out, model, chosen, component, bars) | {
            "loop": None if looped is None else looped.summary,
            "left_out": left_out,
            "seconds": round(time.perf_counter() - began, 1),
        }


def _refuse_others(out: Path) -> None:
    """An operation, or a folder `model`, `figures` or `bmi`, that no demo has made here is not replaced."""
    there = [name for name in (*loop.MADE, *MADE) if (out / name).exists()]
    if there and not (out / MARK).exists():
        raise DhbvError(f"{out} holds {there[0]}, which no demo has made: choose another folder (--out)")


def _train(out: Path, chosen: region.Region, bars: Progress) -> ModelDirectory:
    training = bars.add_task("training", total=chosen.config.training.iterations, note="")
    return pipeline.make_model(
        chosen.config, chosen.data, out / "model",
        on_training=lambda p: bars.update(training, completed=p.iteration, note=f"loss {p.loss:.4f}"),
    ).model  # fmt: skip


def _loop(out: Path, chosen: region.Region, service: loop.Service, bars: Progress) -> loop.Looped:
    task = bars.add_task("loop", total=loop.STEPS, note="")
    done: list[str] = []

    def tell(step: str, line: str) -> None:
        if not line:
            done.append(step)
        bars.update(task, completed=len(done) - 1, note=f"{step}: {line}" if line else step)

    looped = loop.run(out, chosen.data, chosen.config, service, tell)
    bars.update(task, completed=loop.STEPS, note="")
    return looped


def _product(
    out: Path, model: ModelDirectory, chosen: region.Region, component: type[Bmi], bars: Progress
) -> dict[str, Any]:
    """Test, forecast, stream and draw."""
    testing = bars.add_task("testing", total=None, note="")
    evaluations = pipeline.assess(
        model, chosen.data, outputs=OUTPUTS,
        on_progress=lambda done, total: bars.update(testing, completed=done, total=total),
    )  # fmt: skip
    data, truth = model.config.data, chosen.truth
    difference = forecast_and_stream(out, model, chosen.data, data.test, component)
    figures = report.write_figures(evaluations, chosen.data, out / "figures", truth=truth)
    found = None if truth is None else {label: recovery(e, truth) for label, e in evaluations.items()}
    return {
        "region": chosen.name,
        "basins": chosen.data.sizes["basin"],
        "train": str(data.train),
        "evaluations": {label: e.summary for label, e in evaluations.items()},
        "recovery": found,
        "water_balance_mm": largest_residual(evaluations[pipeline.TEST]),
        "bmi_difference_mm": difference,
        "made": [str(out / "model"), str(out / "forecast.nc"), *map(str, figures)],
    }
