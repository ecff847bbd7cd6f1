"""Several processes come to the losses and weights of one, share the data, and end together."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch

from dhbv import configuration, model_directory, pipeline
from dhbv.configuration import Config, DataConfig, Period
from dhbv.data import open_region
from dhbv.data.synthetic import synthetic_region
from dhbv.errors import ConfigurationError, DhbvError
from dhbv.training.processes import Processes, _Group, one_a_gpu
from dhbv.training.sampler import Sampler, TrainingData
from tests.conftest import small_config
from tests.training import together
from tests.training.together import (
    BASINS,
    KINDS,
    bad_step,
    config_of,
    early_config,
    result_of,
    stop,
    trainer_of,
)

SAME = 1e-12
"""Relative; float64 sums in another order."""
NAMES = [f"syn-{k:03d}" for k in range(1, 7)]


class Share(Processes):
    """One of several, as far as dividing goes."""

    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """A folder with checkpoints, and what two processes came to."""
    folder = tmp_path_factory.mktemp("several")
    stop(trainer_of(config_of("lstm_mlp"), path=folder / "of-one.pt"))
    return folder, together.run("curves", folder)


def alone(config: Config, path: Path | None = None) -> dict[str, Any]:
    trainer = trainer_of(config, path=path)
    trainer.run()
    return result_of(trainer)


def assert_same(result: dict[str, Any], expected: dict[str, Any]) -> None:
    assert len(result["history"]) == len(expected["history"])
    for (i, loss, checked), (j, one, validated) in zip(result["history"], expected["history"], strict=True):
        assert i == j
        assert loss == pytest.approx(one, rel=SAME)
        assert checked == (None if validated is None else pytest.approx(validated, rel=SAME))
    for name, weight in expected["weights"].items():
        torch.testing.assert_close(result["weights"][name], weight, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_have_the_loss_curve_of_one(several: tuple[Path, list[Any]], kind: str) -> None:
    """With dropout, noise, basins without some observations, parts of unequal size."""
    _, (first, second) = several
    assert_same(first[kind], alone(config_of(kind)))
    assert first[kind]["history"] == second[kind]["history"]
    for name, weight in first[kind]["weights"].items():
        assert torch.equal(weight, second[kind]["weights"][name]), "processes drift apart"


def test_some_minibatches_left_a_process_without_a_basin(several: tuple[Path, list[Any]]) -> None:
    assert all(not all(rank["observed"]) for rank in several[1])


def test_a_checkpoint_of_two_is_taken_up_by_one_and_the_other_way_round(
    several: tuple[Path, list[Any]],
) -> None:
    folder, (first, _) = several
    unbroken = alone(config_of("lstm_mlp"))
    assert torch.load(folder / "of-several.pt", weights_only=True)["iteration"] == 4
    assert_same(alone(config_of("lstm_mlp"), folder / "of-several.pt"), unbroken)
    assert_same(first["resumed"], unbroken)


def test_all_stop_early_at_the_same_validation(several: tuple[Path, list[Any]]) -> None:
    _, (first, second) = several
    one = alone(early_config())
    assert len(one["history"]) < early_config().training.iterations
    for result in (first, second):
        assert len(result["early"]["history"]) == len(one["history"])
    assert_same(first["early"], one)


def test_all_name_the_basin_that_one_of_them_holds(several: tuple[Path, list[Any]]) -> None:
    _, (first, second) = several
    assert first["bad"].startswith("the loss is not finite at iteration 1, caused by: b4. No step was taken")
    assert first["bad"] == second["bad"] == bad_step()


def test_parts_in_turn_are_the_whole() -> None:
    for items, count in ((5, 2), (7, 3), (4, 4), (531, 8)):
        parts = [Share(rank, count).share(range(items)) for rank in range(count)]
        assert [k for part in parts for k in part] == list(range(items))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    with pytest.raises(ConfigurationError, match="3 processes cannot share 2 basins: start at most one"):
        Share(0, 3).share("ab")


def test_processes_whose_basins_hold_other_days_are_refused() -> None:
    class Second(Share):
        def gather(self, thing: Any) -> list[Any]:
            return [("1980-01-01..2008-12-31", "a"), thing]

    region = synthetic_region(n_basins=2, years=1, start="1998-10-01").region
    with pytest.raises(
        ConfigurationError,
        match=r"basin a is there for 1980-01-01\.\.2008-12-31, of basin syn-001 for 1998-10-01\.\.1999-09-30: cut",
    ):
        pipeline._refuse_other_days(region, Second(1, 2))


def test_every_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda, cpu, chosen = torch.device("cuda"), torch.device("cpu"), []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", chosen.append)
    assert (one_a_gpu(cuda), one_a_gpu(cpu)) == (2, 1)
    group = object.__new__(_Group)
    for rank in (0, 1):
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        assert group.place(cuda) == torch.device("cuda", rank)
        assert group.place(cpu) == cpu
    assert chosen == [torch.device("cuda", 0), torch.device("cuda", 1)]
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ConfigurationError, match="process 2 of this host has no GPU of its own, there are 2"):
        group.place(cuda)


def test_of_several_errors_the_first_is_told() -> None:
    store = torch.distributed.HashStore()
    groups = [object.__new__(_Group) for _ in range(3)]
    for group in groups:
        group._store = store
    assert [group.speaks() for group in groups] == [True, False, False]


def test_parts_of_minibatches_make_up_the_whole() -> None:
    config = config_of("lstm_mlp").training
    stamp = torch.arange(400)[:, None] * 10.0 + torch.arange(BASINS)
    forcing = torch.stack([stamp, stamp + 0.25, stamp + 0.5], -1)
    attributes, names = torch.arange(BASINS)[:, None] * 1.0, tuple("abcde")

    def sampler(part: range) -> Sampler:
        held = slice(part.start, part.stop)
        return Sampler(TrainingData(forcing[:, held], stamp[:, held], attributes, names, part.start), config)

    whole, parts = sampler(range(BASINS)), [sampler(range(2)), sampler(range(2, BASINS))]
    for _ in range(20):
        expected, batches = whole.draw(), [part.draw() for part in parts]
        rows = []
        for batch in batches:
            assert torch.equal(batch.attributes, expected.attributes)
            if not batch.flow.isfinite().any():
                assert batch.forcing.shape == (120, 1, 3), "a basin that counts for nothing"
                continue
            assert torch.equal(batch.forcing, expected.forcing[:, batch.rows])
            assert torch.equal(batch.flow, expected.flow[:, batch.rows])
            rows += batch.rows.tolist()
        assert sorted(rows) == [0, 1]


@pytest.mark.drill
class TestWhole:
    """From a file to a model directory."""

    @pytest.fixture(scope="class")
    @staticmethod
    def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("whole")
        synthetic_region(n_basins=6, years=4, start="1998-10-01").region.to_netcdf(folder / "region.nc")
        data = DataConfig(
            train=_period("1999-10-01", "2000-09-30"), test=_period("2001-10-01", "2002-09-30"),
            validation=_period("2000-10-01", "2001-09-30"), held_out=tuple(NAMES[-1:]), spin_up_days=365,
        )  # fmt: skip
        config = msgspec.structs.replace(small_config(iterations=20, validate_every=10), data=data)
        (folder / "config.yaml").write_text(configuration.dump(config))
        return folder

    @pytest.fixture(scope="class")
    @staticmethod
    def ranks(folder: Path) -> list[Any]:
        return together.run("made", folder)

    def test_each_process_reads_and_keeps_its_own_basins_only(self, ranks: list[Any]) -> None:
        first, second = ranks
        assert first["reads"] == [[*NAMES[:2], NAMES[5]], NAMES[:5], NAMES[5:]], "its own, then those tested"
        assert second["reads"] == [NAMES[2:5]]
        assert first["shapes"] == [(366, 2, 3), (366, 2), (730, 2, 3), (365, 2)]
        assert second["shapes"] == [(366, 3, 3), (366, 3), (730, 3, 3), (365, 3)]

    def test_the_first_process_tests_and_all_have_the_model(self, folder: Path, ranks: list[Any]) -> None:
        assert [r["labels"] for r in ranks] == [[pipeline.TEST, pipeline.HELD_OUT], []]
        assert {r["path"] for r in ranks} == {str(folder / "several")}
        assert not (folder / "several.partial").exists()

    def test_the_model_is_that_of_one_process(self, folder: Path, ranks: list[Any]) -> None:
        config = configuration.load(folder / "config.yaml", Config)
        one = pipeline.make_model(
            config, open_region(folder / "region.nc"), folder / "one", device="cpu"
        ).model
        several = model_directory.load(folder / "several")
        assert several.statistics == one.statistics
        assert several.manifest["data_digest"] == one.manifest["data_digest"]
        assert several.config == one.config
        curves = [pd.read_csv(m.path / "history.csv") for m in (several, one)]
        np.testing.assert_allclose(curves[0], curves[1], rtol=1e-5)
        for label in (pipeline.TEST, pipeline.HELD_OUT):
            medians = [m.scores[label]["median"]["nse"] for m in (several, one)]
            assert medians[0] == pytest.approx(medians[1], abs=1e-3)


@pytest.mark.drill
@pytest.mark.parametrize(
    ("work", "message"),
    [
        ("fault_in_one", r"^no observed flow in the training period for b4 \(1 basins\)"),
        (
            "one_killed",
            r"^training process 1 of 2 was killed \(SIGKILL; .* goes on from the last checkpoint$",
        ),
    ],
)
def test_an_error_in_one_ends_all_and_is_told_once(
    work: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with pytest.raises(DhbvError, match=message):
        together.run(work, tmp_path)
    assert time.monotonic() - began < 120.0, "bounded"
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.drill
def test_a_defect_in_one_leaves_its_traceback_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(
        DhbvError, match=r"a training process failed \(rank \d ended with 1\): its report is above"
    ):
        together.run("defect_in_one", tmp_path)
    assert capfd.readouterr().err.count("Traceback") == 1


@pytest.mark.drill
def test_under_torchrun_too_an_error_is_told_once(tmp_path: Path) -> None:
    start = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    done = subprocess.run(
        [sys.executable, "-m", *start, *together.command("fault_in_one", tmp_path)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stderr.count("DhbvError: no observed flow in the training period for b4") == 1
    assert "lost the others" not in done.stderr


@pytest.mark.drill
def test_processes_end_with_the_one_that_launched_them(tmp_path: Path) -> None:
    code = f"from dhbv.training.processes import launch; launch({together.command('endless', tmp_path)!r}, 2)"
    launcher = subprocess.Popen([sys.executable, "-c", code])
    files = [tmp_path / f"{rank}.pid" for rank in range(2)]
    _until(lambda: all(f.exists() and f.read_text() for f in files))
    pids = [int(f.read_text()) for f in files]
    launcher.kill()
    launcher.wait()
    _until(lambda: not any(_alive(pid) for pid in pids))


@pytest.mark.drill
def test_torchrun_starts_the_processes_of_the_command_line_too(tmp_path: Path) -> None:
    synthetic_region(n_basins=6, years=4, start="2000-10-01").region.to_netcdf(tmp_path / "region.nc")
    (tmp_path / "config.yaml").write_text(configuration.dump(small_config(iterations=4)))
    common = ["--config", "config.yaml", "--data", "region.nc", "--device", "cpu"]
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "dhbv.cli"]
    for start, rest in (
        (torchrun, ["--out", "torchrun"]),
        (["dhbv.cli"], ["--processes", "2", "--out", "launched"]),
        (["dhbv.cli"], ["--processes", "3", "--out", "three"]),
    ):
        done = subprocess.run(
            [sys.executable, "-m", *start, "train", *common, *rest],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("model directory:") == 1
        assert done.stdout == ""
    weights = [model_directory.load(tmp_path / n).weights_sha256 for n in ("torchrun", "launched")]
    assert weights[0] == weights[1]
    curves = [pd.read_csv(tmp_path / n / "history.csv") for n in ("three", "launched")]
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-5)
    again = subprocess.run(
        [sys.executable, "-m", "dhbv.cli", "train", *common, "--out", "three", "--processes", "2"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert again.returncode == 1
    assert again.stderr.count("error: three already holds something") == 1


def _period(start: str, end: str) -> Period:
    return msgspec.convert({"start": start, "end": end}, Period)


def _alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        # A process that has ended may wait for whoever adopted it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _until(condition: Any) -> None:
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline, "too late"
        time.sleep(0.1)
