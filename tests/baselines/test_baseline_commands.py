"""`dhbv experiment calibrate`, `transfer` and `lstm`: what is typed becomes the plan and the method it says."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("spotpy")

from dhbv import configuration
from dhbv.cli import main
from dhbv.data.synthetic import synthetic_region
from dhbv.experiments import run as running
from dhbv.experiments.run import Job
from tests.conftest import small_config
from tests.experiments import made_up


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    region = synthetic_region(n_basins=4, years=2, start="1999-10-01").region
    region.assign(huc_02=("basin", np.array([1, 2, 17, 17]))).to_netcdf(folder / "one.nc")
    (folder / "small.yaml").write_text(configuration.dump(small_config(seed=3)))
    return folder


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Job, Any]]:
    """Jobs in place of their runs."""
    seen: list[tuple[Job, Any]] = []

    def note(job: Job, bars: object, only: object = None) -> object:
        seen.append((job, only))
        return made_up.results("temporal", made_up.table("model", 4, 0.6))

    monkeypatch.setattr(running, "run", note)
    return seen


def dhbv(command: str, work: Path, *more: object) -> tuple[object, str]:
    common = ("--config", work / "small.yaml", "--data", work / "one.nc", "--out", work / "r.parquet")
    err = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["dhbv", "experiment", command, *map(str, (*common, *more))])
        with pytest.raises(SystemExit) as left:
            main()
    return left.value.code or 0, " ".join(err.getvalue().split())


def test_calibrate(work: Path, ran: list[tuple[Job, Any]]) -> None:
    code, err = dhbv("calibrate", work, "--repetitions", 500, "--processes", 2)
    assert code == 0, err
    ((job, only),) = ran
    assert (job.name, job.plan.kind, only) == ("HBV, SCE-UA", "temporal", None)
    assert job.method is not None
    training = job.method.config.training  # type: ignore[attr-defined]
    assert (training.repetitions, training.complexes, training.warmup_days, training.seed) == (500, 7, 60, 3)


def test_transfer(work: Path, ran: list[tuple[Job, Any]]) -> None:
    folds = dhbv("transfer", work, "--folds", 2, "--seed", 5, "--donors", 2, "--work", work / "w")
    regions = dhbv("transfer", work, "--protocol", "pur", "--name", "HBV, near")
    assert (folds[0], regions[0]) == (0, 0)
    (pub, _), (pur, _) = ran
    assert pub.plan.held_out_only
    assert (pub.plan.choices["folds"], pub.plan.choices["seed"], pub.plan.choices["donors"]) == (2, 5, 2)
    assert pub.work == work / "w"
    assert (pur.name, [t.label for t in pur.plan.trainings]) == ("HBV, near", ["north_east", "north_west"])
    assert pur.plan.choices["donors"] == 1


def test_lstm(work: Path, ran: list[tuple[Job, Any]]) -> None:
    assert dhbv("lstm", work, "--hidden", 16, "--dropout", 0.2)[0] == 0
    assert dhbv("lstm", work, "--protocol", "pub", "--folds", 3, "--only", "fold_1")[0] == 0
    (temporal, _), (pub, only) = ran
    assert temporal.method is not None
    model = temporal.method.config.model  # type: ignore[attr-defined]
    assert (model.hidden, model.dropout, model.attributes) == (16, 0.2, small_config().model.attributes)
    assert [t.label for t in temporal.plan.trainings] == ["model"]
    assert [t.label for t in pub.plan.trainings] == ["fold_0", "fold_1", "fold_2"]
    assert only == ["fold_1"]


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("transfer", ["--protocol", "temporal"], "--protocol temporal holds out no basin to transfer"),
        ("lstm", ["--protocol", "pup"], "--protocol 'pup': choose temporal, pub or pur"),
    ],
)
def test_mistakes_are_one_line(
    command: str, options: list[str], message: str, work: Path, ran: list[tuple[Job, Any]]
) -> None:
    code, err = dhbv(command, work, *options)
    assert code == 1
    assert message in err
    assert not ran
