"""What the processes of test_processes.py run: small trainings whose results each leaves in a folder."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dhbv.configuration import Config
from dhbv.errors import DhbvError
from dhbv.normalisation import fit, normalise_attributes
from dhbv.training.processes import ALONE, Processes, join, launch
from dhbv.training.sampler import TrainingData
from dhbv.training.trainer import Progress, Trainer, Validation
from tests.conftest import ATTRIBUTES, attribute_table, small_config, weather

BASINS = 5
STEPS = 12
KINDS = {
    "lstm_mlp": ("lstm_mlp", "delta_bt_gt", "nse"),
    "lstm": ("lstm", "delta_bt_gt", "rmse"),
    "mlp": ("mlp", "delta", "rmse"),
}
"""gA, physics and loss of the trainings compared."""


class Stopped(Exception):
    """Stands for an end between two minibatches."""


def trainer_of(
    config: Config, processes: Processes = ALONE, *, path: Path | None = None, poison: float | None = None
) -> Trainer:
    """A trainer in float64 on this process's part of five basins; `poison` takes the place of b4's flow."""
    forcing = weather(400, BASINS)
    statistics = fit(forcing, attribute_table(BASINS), ATTRIBUTES)
    attributes = normalise_attributes(attribute_table(BASINS), statistics).values
    flow = 0.3 * np.cumsum(forcing[..., 0] * 0.1, 0) / np.arange(1, 401)[:, None] + 0.2 * forcing[..., 0]
    flow[::7, 1] = np.nan
    if poison is not None:
        flow[:, 4] = poison
    mine = list(processes.share(range(BASINS)))
    series = [torch.from_numpy(np.ascontiguousarray(a[:, mine])) for a in (forcing, flow)]
    names = tuple(f"b{k}" for k in range(BASINS))
    torch.set_default_dtype(torch.float64)
    try:
        return Trainer(
            config, statistics, TrainingData(*series, torch.from_numpy(attributes), names, first=mine[0]),
            validation=Validation(series[0][-200:], series[1][-100:]), checkpoint_path=path,
            identity="this training", processes=processes,
        )  # fmt: skip
    finally:
        torch.set_default_dtype(torch.float32)


def config_of(name: str, **training: Any) -> Config:
    kind, variant, loss = KINDS[name]
    return small_config(
        kind,
        variant,
        **{"loss": loss, "iterations": STEPS, "batch_basins": 2, "validate_every": 4} | training,
    )


def result_of(trainer: Trainer) -> dict[str, Any]:
    return {"history": trainer.history, "weights": trainer.model.state_dict()}


def curves(group: Processes, folder: Path) -> dict[str, Any]:
    """Trainings of all kinds; one stopped at a checkpoint; one that goes on from the checkpoint in `folder`."""
    results = {}
    for name in KINDS:
        trainer = trainer_of(config_of(name), group)
        trainer.run()
        results[name] = result_of(trainer)
    sampler = trainer_of(config_of("mlp"), group).sampler
    results["observed"] = [bool(sampler.draw().flow.isfinite().any()) for _ in range(STEPS)]
    stop(trainer_of(config_of("lstm_mlp"), group, path=folder / "of-several.pt"))
    resumed = trainer_of(config_of("lstm_mlp"), group, path=folder / "of-one.pt")
    resumed.run()
    results["resumed"] = result_of(resumed)
    early = trainer_of(early_config(), group)
    early.run()
    results["early"] = result_of(early)
    results["bad"] = bad_step(group)
    return results


def early_config() -> Config:
    return config_of("lstm_mlp", iterations=60, validate_every=1, patience=3, learning_rate=0.5)


def stop(trainer: Trainer) -> None:
    """Train until after the first checkpoint, then not on."""

    def at_6(progress: Progress) -> None:
        if progress.iteration == 6:
            raise Stopped

    try:
        trainer.run(at_6)
    except Stopped:
        return
    raise AssertionError("nothing stopped the training")


def made(group: Processes, folder: Path) -> dict[str, Any]:
    """A whole model directory from a source that notes what is read of it, and by whom."""
    from dhbv import pipeline
    from dhbv.configuration import load
    from dhbv.data import Source, open_source

    reads: list[list[str]] = []
    shapes: list[tuple[int, ...]] = []
    whole = open_source(folder / "region.nc")

    def read(basins: Sequence[str]) -> Any:
        reads.append(list(basins))
        return whole.read(basins)

    class Noted(Trainer):
        def __init__(self, *arguments: Any, **rest: Any) -> None:
            super().__init__(*arguments, **rest)
            assert self.validation is not None
            shapes.extend(tuple(t.shape) for t in (*self.data[:2], *self.validation))

    pipeline.Trainer = Noted  # type: ignore[misc]
    model = pipeline.make_model(
        load(folder / "config.yaml", Config), Source(whole.basins, read), folder / "several", device="cpu",
        processes=group,
    )  # fmt: skip
    return {
        "reads": reads,
        "shapes": shapes,
        "labels": list(model.evaluations),
        "path": str(model.model.path),
    }


def fault_in_one(group: Processes, folder: Path) -> None:
    trainer_of(config_of("lstm_mlp"), group, poison=float("nan"))


def bad_step(group: Processes = ALONE) -> str:
    """What is said of a minibatch with an absurd flow in b4."""
    try:
        trainer_of(config_of("lstm_mlp", batch_basins=BASINS), group, poison=1e200).run()
    except DhbvError as error:
        return str(error)
    raise AssertionError("an absurd flow was trained on")


def defect_in_one(group: Processes, folder: Path) -> None:
    trainer = trainer_of(config_of("lstm_mlp"), group)

    def fails(progress: Progress) -> None:
        if group.rank == 1 and progress.iteration == 2:
            raise ZeroDivisionError("a defect")

    trainer.run(fails)


def one_killed(group: Processes, folder: Path) -> None:
    trainer = trainer_of(config_of("lstm_mlp"), group)

    def dies(progress: Progress) -> None:
        if group.rank == 1 and progress.iteration == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    trainer.run(dies)


def endless(group: Processes, folder: Path) -> None:
    (folder / f"{group.rank}.pid").write_text(str(os.getpid()))
    trainer_of(config_of("lstm_mlp", iterations=10**6, patience=10**6), group).run()


WORK: dict[str, Callable[[Processes, Path], Any]] = {
    f.__name__: f for f in (curves, made, fault_in_one, defect_in_one, one_killed, endless)
}


def command(name: str, folder: Path) -> list[str]:
    root = Path(__file__).parents[2]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); from tests.training.together import main; main()"
    return [sys.executable, "-c", code, name, str(folder)]


def run(name: str, folder: Path, count: int = 2) -> list[Any]:
    """What each process returned."""
    launch(command(name, folder), count)
    return [torch.load(folder / f"{name}-{rank}.pt", weights_only=False) for rank in range(count)]


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    with join() as group:
        torch.save(WORK[name](group, folder), folder / f"{name}-{group.rank}.pt")
