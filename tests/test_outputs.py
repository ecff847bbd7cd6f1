"""No command lets what it writes take the place of what it reads, and it says so before it has read any of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dhbv import sealed
from tests.small_models import small_model
from tests.test_cli import mistake

ARCHIVE, REGISTRY, RESULTS = "fluxes/manifest.json", "registry/journal.jsonl", "results/a.parquet"
FILES = (
    "region.nc", "second.nc", "region_attributes.csv", "given/table.csv", "ids.txt", "kept.state", "run.nc", "reaches.csv",
    "config.yaml", "scores.csv", "learned/card.json", "cycle/forecast.nc", "cycle/analysis.nc", "cycle/record.json",
    ARCHIVE, REGISTRY, RESULTS,
)  # fmt: skip
"""Of nonsense: a command that reads one fails otherwise than expected."""
DAYS = "--start 2000-01-01 --end 2000-01-02"
TRAINED = "--config config.yaml --data region.nc"
SIMULATOR = "--simulator dhbv.surrogate.hbv:HBV"

CASES = {
    f"forecast model --data region.nc {DAYS} --basins ids.txt --state kept.state --archive fluxes --out": (
        "region.nc", "region_attributes.csv", "ids.txt", "kept.state", "model/README.md", ARCHIVE,
    ),
    f"forecast model --data region.nc {DAYS} --attributes given/table.csv --out new.nc --save-state": (
        "region.nc", "given/table.csv", "model/manifest.json", "model/weights.safetensors",
    ),
    f"train {TRAINED} --out new --json": ("config.yaml", "region.nc", "region_attributes.csv"),
    "evaluate model --data region.nc --basins ids.txt --json": ("region.nc", "ids.txt", "model/scores.json"),
    "evaluate model --data region.nc --attributes given/table.csv --table": ("given/table.csv",),
    "plausibility model --data region.nc --table": ("region.nc", "region_attributes.csv", "model/config.yaml"),
    "plausibility model --data region.nc --json": ("region.nc",),
    "demo --data region.nc --attributes given/table.csv --json": ("region.nc", "given/table.csv"),
    "benchmark bmi --model model --json": ("model/scores.json",),
    "sntemp --fluxes run.nc --data region.nc --geometry reaches.csv --out": (
        "run.nc", "region.nc", "region_attributes.csv", "reaches.csv",
    ),
    "data combine region.nc second.nc --out": ("region.nc", "second.nc", "region_attributes.csv"),
    f"data history --data region.nc {DAYS} --out": ("region.nc", "region_attributes.csv"),
    "fluxes balance --archive fluxes --json": (ARCHIVE,),
    "fluxes list --archive fluxes --json": (ARCHIVE,),
    "plot basin 01 --fluxes run.nc --data region.nc --forecast cycle/forecast.nc --out": (
        "run.nc", "region.nc", "cycle/forecast.nc",
    ),
    "plot basin 01 --fluxes fluxes --out": (ARCHIVE,),
    "plot region swe --fluxes run.nc --out": ("run.nc",),
    "plot region nse --scores scores.csv --data region.nc --basins ids.txt --out": ("scores.csv", "region.nc", "ids.txt"),
    "plot cycle cycle --fluxes fluxes --data region.nc --out": (
        "cycle/forecast.nc", "cycle/analysis.nc", "cycle/record.json", "region.nc", ARCHIVE,
    ),
    f"surrogate train {TRAINED} {SIMULATOR} --out new --keep-runs": ("config.yaml", "region.nc", "region_attributes.csv"),
    f"surrogate train {TRAINED} --runs run.nc --out new --json": ("config.yaml", "run.nc"),
    f"surrogate test learned {TRAINED} {SIMULATOR} --json": ("config.yaml", "region.nc"),
    f"surrogate learn learned {TRAINED} --out new --json": ("config.yaml", "region.nc"),
    f"surrogate calibrate {TRAINED} {SIMULATOR} --out new --json": ("config.yaml", "region.nc"),
    "surrogate parameters learned --data region.nc --out": ("region.nc", "region_attributes.csv", "learned/card.json"),
    f"experiment temporal {TRAINED} --out new.parquet --json": ("config.yaml", "region.nc", "region_attributes.csv"),
    "experiment assimilation model --data region.nc --settings config.yaml --json": ("model/README.md", "region.nc"),
    "experiment report --results results --out": (RESULTS,),
    "ngen init model --out new --attributes given/table.csv --forcing region.nc --json": ("given/table.csv", "region.nc"),
    "ngen update new --states kept.state --json": ("kept.state",),
    "registry list --registry registry --json": (REGISTRY,),
}  # fmt: skip
"""What is typed before the path, and the inputs whose paths are given there."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"this is {name}", encoding="utf-8")
    small_model(tmp_path / "model", 0, nse=0.7)
    return tmp_path


@pytest.mark.parametrize("command", CASES, ids=lambda command: command[:50])
def test_no_input_is_lost(folder: Path, command: str) -> None:
    *words, option = command.split()
    if words[0] in ("surrogate", "experiment", "train", "demo", "plausibility"):
        pytest.importorskip("torch")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for name in CASES[command]:
        message = mistake(*words, option, name)
        assert message.startswith(f"{option} {name} is "), message
        assert "which is read" in message or "is what is read" in message
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert after == before, "nothing is written, and nothing new is there"


def test_what_an_archive_gives_does_not_go_into_it(folder: Path) -> None:
    (folder / "fluxes" / "part.parquet").touch()
    message = mistake("fluxes", "get", "--archive", "fluxes", "--out", "fluxes/part.parquet")
    assert message.startswith("--out fluxes/part.parquet is there already, in fluxes, which is read")


def test_two_outputs_of_a_forecast_are_two_files(folder: Path) -> None:
    message = mistake(
        "forecast", "model", "--data", "region.nc", *DAYS.split(), "--out", "new", "--save-state", "./new"
    )
    assert message == "--save-state new: --out is written there too: give each a file of its own"


def test_a_state_takes_the_place_of_a_state_alone(folder: Path) -> None:
    """Of another run, or of the one it goes on from."""
    words = ("forecast", "model", "--data", "none.nc", *DAYS.split(), "--out", "new.nc", "--save-state")
    for path in ("run.nc", "kept.state"):
        message = f"{path} is there and no saved state: give the state another place, or remove the file"
        assert mistake(*words, path) == message
        assert (folder / path).read_text(encoding="utf-8") == f"this is {path}"
    (folder / "kept.state").write_bytes(sealed.STATE + b"and more")
    assert mistake(*words, "kept.state").startswith("none.nc: no such file")
    assert mistake(*words, "kept.state", "--state", "kept.state").startswith(
        "kept.state: the state is truncated"
    )
    assert mistake(*words, "new.state").startswith("none.nc: no such file")


def test_places_are_looked_at_before_the_run(folder: Path) -> None:
    """A run of many minutes that cannot be kept was for nothing; here it would fail for its data."""
    words = ("forecast", "model", "--data", "none.nc", *DAYS.split())
    for out in ("results", "ids.txt/run.nc"):
        message = mistake(*words, "--out", out)
        assert message.startswith(
            f"{out} is a folder, whose place" if out == "results" else f"{out} cannot be written: "
        )
    message = mistake(*words, "--out", "new.nc", "--save-state", "results")
    assert message.startswith("results is a folder, whose place no file may take")
