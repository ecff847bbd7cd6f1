"""The loop in the small, on Prefect's own server: what it leaves behind tells the story it shows."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import xarray as xr

from dhbv import model_directory
from dhbv.demonstration import loop
from dhbv.errors import DhbvError
from dhbv.files import locked
from dhbv.operations import configuration, cycle
from dhbv.registry import Registry
from dhbv.store import Store
from tests.demonstration.conftest import BASINS, run, shown, small

pytest.importorskip("prefect")
pytestmark = [pytest.mark.usefixtures("in_the_small"), pytest.mark.drill]

PORTION = 3
CHECKOUT = Path(__file__).parents[2]


class Made(NamedTuple):
    out: Path
    summary: dict[str, Any]
    registry: Registry

    @property
    def cycles(self) -> list[cycle.Cycle]:
        return cycle.done(configuration.load(self.out / "operation.yaml"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, in_the_small: None) -> Made:
    """Over the remains of a demo that was killed in its midst."""
    from flows.embedded import embedded

    out = tmp_path_factory.mktemp("runs") / "demo"
    for name in (
        "registry/versions/.20260101T000000Z-0123456789ab",
        "store/daily",
        "training/trained-1.partial",
    ):
        (out / name).mkdir(parents=True)
    (out / "store" / "manifest.json").write_text("{")
    (out / "operation.yaml").write_text("training: gone.yaml\n")
    (out / ".dhbv-demo").touch()
    return Made(out, run(out, service=embedded), Registry(out / "registry"))


def day(n: int) -> dt.date:
    """`n` days after the first cycle's T0: all but the last nine days are history."""
    return dt.date(2000, 9, 22) + dt.timedelta(n)


def test_the_journal_tells_promotion_rejection_and_rollback(made: Made) -> None:
    moves = [(e.action, e.after) for e in made.registry.journal()]
    first, better, hasty = (v.id for v in made.registry.versions())
    assert moves == [
        ("publish", first), ("promote", first), ("publish", better), ("promote", better), ("publish", hasty),
        ("rollback", first), ("promote", better),
    ]  # fmt: skip
    why = [e.why for e in made.registry.journal()]
    assert why[0] == "there is no version yet"
    assert why[1] == "the first to pass the gate; trained because there is no version yet"
    # Within the same second as the first version, the history counts as new as well.
    assert "new or corrected observed basin-days since the last training (at 162)" in why[2]
    assert why[4] == "a trial at 20 times the learning rate"
    assert made.registry.verify() == []
    assert made.registry.serving().version.id == better


def test_promotion_and_rejection_are_true(made: Made) -> None:
    """Their scorecards are compared once more with the scores that they rest on."""
    cards = [json.loads((v.path / "scorecard.json").read_bytes()) for v in made.registry.versions()]
    assert [card["decision"] for card in cards] == ["promote", "promote", "reject"]
    gains = [
        np.median([b["nse_challenger"] - b["nse_champion"] for b in card["basins"].values()])
        for card in cards[1:]
    ]
    assert gains[0] > 0.01
    assert gains[1] < -0.01
    assert cards[2]["champion"] == cards[1]["challenger"]
    # The third began with the champion's weights and statistics.
    first, better, hasty = (v.load() for v in made.registry.versions())
    assert hasty.statistics == better.statistics != first.statistics
    said = (made.out / "prefect" / "flows.log").read_text()
    assert said.count("training from scratch") == 2
    assert f"training from weights {better.weights_sha256[:12]}" in said
    assert [m.config.training.iterations for m in (first, better, hasty)] == [10, 150, loop.HASTY_ITERATIONS]


def test_the_store_holds_everything_and_kept_the_fault_out(made: Made) -> None:
    store, whole = Store(made.out / "store"), small().region
    held = store.quarantined()
    assert held[["variable", "value", "reason"]].values.tolist() == [["prcp", -12.0, "negative"]]
    basin, faulty = held["basin"].item(), held["day"].item()
    history, *portions, third = store.receipts()
    assert [r.set_aside for r in portions] == [1, 0, 0], (
        "the first portion, the right value, the second portion"
    )
    assert store.history(basin, "prcp", day(1))[0].batch == portions[1].batch
    assert str(np.datetime64(faulty, "D")) == str(day(1))
    known = store.window(str(whole["time"].values[0])[:10], day(8))
    assert known.sizes == {"basin": BASINS, "time": whole.sizes["time"]}
    for name in ("prcp", "tmin", "streamflow"):
        np.testing.assert_array_equal(known[name].values, whole[name].values.astype(np.float32))
    assert history.added == 4 * BASINS * (whole.sizes["time"] - 9)
    assert third.added == 4 * BASINS * PORTION
    assert "negative" in "".join(p.read_text() for p in (made.out / "reports").iterdir())


def test_every_day_has_a_forecast_by_the_weights_that_served(made: Made) -> None:
    first, better, _ = (v.id for v in made.registry.versions())
    by = [(c.path.name, c.record["version"]) for c in made.cycles]
    assert by == [
        *((f"{day(n)}", first) for n in range(2 * PORTION + 1)),
        (f"{day(6)}.2", better),
        *((f"{day(n)}", better) for n in range(7, 10)),
        (f"{day(9)}.2", first),
        (f"{day(9)}.3", better),
    ]
    weights = {v.id: v.load().weights_sha256 for v in made.registry.versions()}
    for one in made.cycles:
        with xr.open_dataset(one.path / "forecast.nc") as file:
            assert file.attrs["weights_sha256"] == weights[one.record["version"]]
            assert file.attrs["version"] == one.record["version"]
            assert file.sizes["basin"] == BASINS
    # The day of the fault was run on what is usual, and again when the right value had come.
    assert ["FILLED" in c.record["flags"] for c in made.cycles] == [c.issue == day(2) for c in made.cycles]
    starts = {c.path.name: c.record["start"] for c in made.cycles}
    assert starts[f"{day(3)}"] == f"state valid at {day(2)}, advanced"
    assert starts[f"{day(4)}"] == f"state valid at {day(1)}, advanced"
    assert starts[f"{day(6)}.2"] == f"state valid at {day(6)}"
    # Both sets of weights went on from their own states.
    assert made.cycles[-1].record["state_sha256"] == made.cycles[-3].record["state_sha256"]
    assert made.cycles[-2].record["state_sha256"] != made.cycles[-3].record["state_sha256"]


def test_the_champion_lies_in_model(made: Made) -> None:
    model = model_directory.load(made.out / "model")
    assert model.weights_sha256 == made.registry.serving().model.weights_sha256
    with xr.open_dataset(made.out / "forecast.nc") as file:
        assert file.attrs["weights_sha256"] == model.weights_sha256
    assert made.summary["bmi_difference_mm"] <= 1e-4
    assert set(made.summary["recovery"]) == {"test period", "held-out basins"}
    assert len(list((made.out / "figures").glob("*.png"))) == 7


def test_one_screen_tells_the_story(made: Made) -> None:
    # The folder of a test has a longer path than that of a demo.
    text = shown(json.loads(json.dumps(made.summary).replace(str(made.out), "runs/demo")))
    for part in ("first training", "set aside: prcp -12 of syn-019", "promoted: median NSE", "rejected, the champion",
                 "rollback", "● serves", "dhbv registry list --registry"):  # fmt: skip
        assert part in text
    assert "left out" not in text
    assert len(text.splitlines()) <= 70
    assert json.loads(json.dumps(made.summary, allow_nan=False)) == made.summary
    assert len(made.summary["loop"]["steps"]) == loop.STEPS - 1, "all but the scheduler's start"


def test_flows_speak_to_a_log_and_leave_nothing(made: Made, capfd: pytest.CaptureFixture[str]) -> None:
    said = (made.out / "prefect" / "flows.log").read_text()
    assert "promote" in said
    assert "of 150 minibatches, loss" in said
    assert "Traceback" not in said
    servers = [p for p in Path("/proc").glob("[0-9]*/environ") if _home(p) == str(made.out / "prefect")]
    assert servers == []
    assert os.environ.get("PREFECT_HOME") != str(made.out / "prefect")


def _home(environ: Path) -> str | None:
    try:
        lines = environ.read_bytes().split(b"\0")
    except OSError:
        return None
    return next((line[13:].decode() for line in lines if line.startswith(b"PREFECT_HOME=")), None)


def test_a_killed_demo_takes_its_server_with_it(tmp_path: Path) -> None:
    program = (
        "import logging, pathlib, time\nfrom flows.embedded import embedded\n"
        f"with embedded(pathlib.Path({str(tmp_path / 'home')!r})):\n    "
        "logging.getLogger('prefect.flow_runs').info('in the log'); print('up', flush=True); time.sleep(600)"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=CHECKOUT)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    ours = [p for p in Path("/proc").glob("[0-9]*/environ") if _home(p) == str(tmp_path / "home")]
    assert len(ours) == 1, "the server"
    # In a process that had not imported Prefect before.
    assert "in the log" in (tmp_path / "home" / "flows.log").read_text()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    deadline = time.monotonic() + 30.0
    while ours[0].exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not ours[0].exists()


def test_two_demos_at_once_are_refused(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    out.mkdir()
    (out / "store").mkdir()
    with locked(out / ".dhbv-demo"), pytest.raises(DhbvError, match="another process"):
        run(out, service=pytest.fail)
    assert (out / "store").is_dir()
    shutil.rmtree(out)
