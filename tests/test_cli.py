"""The command line does the main job, keeps standard output clean and answers mistakes in one line."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import xarray as xr
import yaml

from dhbv import __version__, configuration, model_directory
from dhbv.cli import main
from dhbv.data.synthetic import synthetic_region
from dhbv.evaluation.counterfactuals import COUNTERFACTUALS
from dhbv.state import State
from tests.conftest import small_config

COMMANDS = ("train", "evaluate", "plausibility", "forecast", "demo")
BASINS = [f"syn-{k:03d}" for k in range(1, 7)]


class Result(NamedTuple):
    code: object
    out: str
    err: str


class Work(NamedTuple):
    """A folder with data, a configuration and what training made of them."""

    data: Path
    config: Path
    model: Path
    scores: Path


def dhbv(*arguments: object) -> Result:
    """What the entry point prints and leaves with; anything but a clean exit fails the test."""
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["dhbv", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
    return Result(left.value.code or 0, out.getvalue(), err.getvalue())


def write_training_config(path: Path, **changes: Any) -> Path:
    content = yaml.safe_load(configuration.dump(small_config(iterations=4)))
    content["data"] |= {"basins": BASINS[:4], "held_out": BASINS[4:]}
    path.write_text(yaml.safe_dump(content | changes), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Work:
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("cli")
    made = Work(
        folder / "region.nc", folder / "config.yaml", folder / "model", folder / "new" / "scores.json"
    )
    synthetic_region(n_basins=6, years=4, start="2000-10-01").region.to_netcdf(made.data)
    write_training_config(made.config)
    result = dhbv("train", "--config", made.config, "--data", made.data, "--out", made.model,
                  "--device", "cpu", "--json", made.scores)  # fmt: skip
    assert result.code == 0, result.err
    assert result.out == ""
    assert f"model directory: {made.model}" in result.err, "a long path stays on one line"
    return made


def mistake(*arguments: object) -> str:
    """The message of a command that must fail: exactly one line, exit code 1, nothing on standard output."""
    result = dhbv(*arguments)
    assert result.code == 1
    assert result.out == ""
    (line,) = [line for line in result.err.splitlines() if "error: " in line]
    assert result.err.rstrip().endswith(line), "the message comes last"
    assert "Traceback" not in result.err
    return line.strip().removeprefix("error: ")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example(command: str) -> None:
    result = dhbv(command, "--help")
    assert result.code == 0
    assert re.search(rf"Example:\s+dhbv {command}\b", result.out)


def test_help_lists_every_command_and_version_is_printed() -> None:
    assert all(f" {command} " in dhbv("--help").out for command in COMMANDS)
    assert dhbv("--version") == (0, f"{__version__}\n", "")


def test_a_wrong_option_is_not_success() -> None:
    assert dhbv("evaluate", "--nonsense").code != 0


def test_training_leaves_a_model_directory_with_its_scores(work: Work) -> None:
    model = model_directory.load(work.model)
    assert model.config.data.basins == tuple(BASINS[:4])
    assert set(model.scores) == {"test period", "held-out basins"}
    written = json.loads(work.scores.read_text(encoding="utf-8"))
    assert written["held-out basins"]["n_basins"] == 2
    assert written["test period"]["median"]["nse"] == model.scores["test period"]["median"]["nse"]
    assert not work.model.with_name("model.partial").exists()


def test_evaluation_prints_only_json_and_takes_basins_and_period_from_the_model(work: Work) -> None:
    result = dhbv("evaluate", work.model, "--data", work.data, "--json", "-")
    assert result.code == 0
    found = json.loads(result.out)
    scores = json.loads(work.scores.read_text(encoding="utf-8"))["test period"]
    assert found["n_basins"] == 4
    assert found["period"] == "2003-10-01..2004-09-30"
    assert found["median"]["nse"] == pytest.approx(scores["median"]["nse"], abs=1e-12)
    assert "nse" in result.err


def test_plausibility_shows_every_rule_and_leaves_with_1_where_one_is_broken(
    work: Work, tmp_path: Path
) -> None:
    synthetic_region(n_basins=3, years=9, seed=3).region.to_netcdf(tmp_path / "region.nc")
    result = dhbv(
        "plausibility", work.model, "--data", tmp_path / "region.nc", "--basins", "all", "--start", "1995-10-01",
        "--end", "2003-09-30", "--json", "-", "--table", tmp_path / "measures.csv",
    )  # fmt: skip
    rows = json.loads(result.out)["rows"]
    assert result.code == int(any(row["passed"] is False for row in rows))
    assert len(rows) == len(COUNTERFACTUALS)
    table = pd.read_csv(tmp_path / "measures.csv", index_col="basin")
    assert list(table.index) == BASINS[:3]
    assert list(table.columns) == [row["name"] for row in rows]
    assert "give a longer period or other data" in mistake("plausibility", work.model, "--data", work.data)


def test_evaluation_of_chosen_basins_and_days_writes_files(work: Work, tmp_path: Path) -> None:
    listed = tmp_path / "basins.txt"
    listed.write_text(f"{BASINS[5]}\n{BASINS[0]}\n", encoding="utf-8")
    found = []
    for k, basins in enumerate((listed, f"{BASINS[5]}, {BASINS[0]}")):
        out = tmp_path / str(k)
        result = dhbv("evaluate", work.model, "--data", work.data, "--basins", basins, "--start", "2004-01-01",
                      "--end", "2004-06-30", "--json", out / "a.json", "--table", out / "a.csv",
                      *(["--figures", out / "figures"] if k else []))  # fmt: skip
        assert result.code == 0
        assert result.out == ""
        found.append(json.loads((out / "a.json").read_text(encoding="utf-8")))
    assert found[0] == found[1]
    assert (found[0]["n_basins"], found[0]["period"]) == (2, "2004-01-01..2004-06-30")
    table = pd.read_csv(out / "a.csv", index_col="basin")
    assert table.index.tolist() == [BASINS[5], BASINS[0]]
    assert table["nse"].median() == pytest.approx(found[0]["median"]["nse"])
    assert (out / "figures" / "nse_cdf.png").is_file()


def test_all_basins_of_the_data_are_evaluated_where_asked(work: Work) -> None:
    result = dhbv("evaluate", work.model, "--data", work.data, "--basins", "all", "--json", "-")
    assert json.loads(result.out)["n_basins"] == len(BASINS)


def test_a_forecast_cut_by_a_state_is_the_unbroken_one(work: Work, tmp_path: Path) -> None:
    def run(start: str, end: str, name: str, *more: object) -> xr.Dataset:
        result = dhbv("forecast", work.model, "--data", work.data, "--basins", ",".join(BASINS[:2]),
                      "--start", start, "--end", end, "--out", tmp_path / name, *more)  # fmt: skip
        assert result.code == 0, result.err
        assert str(tmp_path / name) in result.err
        return xr.load_dataset(tmp_path / name)

    kept = tmp_path / "kept.state"
    whole = run("2003-10-01", "2004-03-31", "whole.nc", "--spin-up-days", 300)
    first = run("2003-10-01", "2003-12-31", "first.nc", "--spin-up-days", 300, "--save-state", kept)
    second = run("2004-01-01", "2004-03-31", "second.nc", "--state", kept)
    assert State.read(kept).basins == tuple(BASINS[:2])
    assert whole.attrs["start"] == "spin-up of 300 days"
    assert whole["streamflow"].attrs["units"] == "m3 s-1"
    # The stores at the beginning are those of the first.
    joined = xr.concat([first, second], "time", data_vars="minimal", coords="minimal", compat="override")
    assert joined.equals(whole)


def test_a_state_brings_its_basins(work: Work, tmp_path: Path) -> None:
    common = ("forecast", work.model, "--data", work.data)
    kept = tmp_path / "kept.state"
    dhbv(*common, "--basins", f"{BASINS[3]},{BASINS[1]}", "--start", "2003-10-01", "--end", "2003-10-01",
         "--out", tmp_path / "a.nc", "--save-state", kept)  # fmt: skip
    result = dhbv(*common, "--state", kept, "--start", "2003-10-02", "--end", "2003-10-03", "--out", tmp_path / "b.nc")  # fmt: skip
    assert result.code == 0
    assert xr.load_dataset(tmp_path / "b.nc")["basin"].values.tolist() == [BASINS[3], BASINS[1]]


def test_missing_data_are_named(work: Work, tmp_path: Path) -> None:
    missing = tmp_path / "a folder" / "[of mine]" / "none.nc"
    message = mistake("evaluate", work.model, "--data", missing)
    assert message.startswith(f"{missing}: no such file"), "brackets in a path are not markup"


def test_weather_may_be_missing_before_anything_is_run(work: Work, tmp_path: Path) -> None:
    with xr.open_dataset(work.data) as region:
        late = region.load().copy(deep=True)
    late["tmin"].loc[{"basin": BASINS[0], "time": slice("2000-10-01", "2000-11-09")}] = float("nan")
    late.to_netcdf(tmp_path / "late.nc")
    content = yaml.safe_load(work.config.read_text())
    content["data"] |= {"spin_up_days": 365, "train": {"start": "2001-10-01", "end": "2003-09-30"}}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(content))
    training = (
        "train",
        "--data",
        tmp_path / "late.nc",
        "--device",
        "cpu",
        "--out",
        tmp_path / "model",
        "--config",
    )
    assert dhbv(*training, tmp_path / "config.yaml").code == 0
    assert dhbv("evaluate", tmp_path / "model", "--data", tmp_path / "late.nc").code == 0
    running = (
        "forecast",
        tmp_path / "model",
        "--data",
        tmp_path / "late.nc",
        "--start",
        "2003-10-01",
        "--end",
        "2003-10-05",
    )
    assert dhbv(*running, "--out", tmp_path / "a.nc", "--spin-up-days", "700").code == 0
    message = r"basin syn-001, tmin: missing or infinite forcing .* first on 2000-10-01, 40 basin-days"
    assert re.search(message, mistake(*running, "--out", tmp_path / "b.nc", "--spin-up-days", "1095"))
    assert re.search(
        message, mistake("train", *training[1:-3], "--out", tmp_path / "other", "--config", work.config)
    )


def test_a_missing_model_is_named_with_the_remedy(work: Work, tmp_path: Path) -> None:
    message = mistake("evaluate", tmp_path / "none", "--data", work.data)
    assert (
        message
        == f"{tmp_path}/none is not a model directory: it has no manifest.json; `dhbv train` makes one"
    )


def test_an_unknown_key_is_named_with_its_file(work: Work, tmp_path: Path) -> None:
    config = write_training_config(tmp_path / "config.yaml", colour="blue")
    message = mistake("train", "--config", config, "--data", work.data, "--out", tmp_path / "model")
    assert message == f"{config}: top level: Object contains unknown field `colour`"


def test_an_impossible_value_is_named_with_file_and_key(work: Work, tmp_path: Path) -> None:
    config = write_training_config(tmp_path / "config.yaml", training={"iterations": -3})
    message = mistake("train", "--config", config, "--data", work.data, "--out", tmp_path / "model")
    assert message == f"{config}: training.iterations: Expected `int` >= 1 (given: -3)"


def test_an_occupied_place_is_refused_and_left_alone(work: Work, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.txt").write_text("mine", encoding="utf-8")
    message = mistake("train", "--config", work.config, "--data", work.data, "--out", tmp_path / "model")
    assert message.startswith(
        f"{tmp_path}/model already holds something: model directories are never changed"
    )
    assert [p.name for p in (tmp_path / "model").iterdir()] == ["mine.txt"]


def test_an_unknown_basin_is_named(work: Work, tmp_path: Path) -> None:
    message = mistake("evaluate", work.model, "--data", work.data, "--basins", "syn-001,syn-999")
    assert "1 unknown basin: syn-999 (nearest: " in message


def test_many_basins_may_be_named_on_the_line(work: Work) -> None:
    many = ",".join(f"{k:08d}" for k in range(100))
    assert "100 unknown basins" in mistake("evaluate", work.model, "--data", work.data, "--basins", many)


def test_no_basin_is_a_mistake(work: Work) -> None:
    message = mistake("evaluate", work.model, "--data", work.data, "--basins", " , ")
    assert message == "basins ' , ': no id in it: give ids separated by commas, or a file with one a line"


def test_the_lists_that_ship_name_basins(work: Work) -> None:
    """Their first line is a comment."""
    shipped = Path(__file__).parents[1] / "configs" / "train" / "basins_531.txt"
    message = mistake("evaluate", work.model, "--data", work.data, "--basins", shipped)
    assert "531 unknown basins: 01022500 (nearest: " in message


@pytest.mark.parametrize(
    ("start", "end", "problem"),
    [
        ("2004-01-01", "2005-01-01", "the end 2005-01-01 asked for is not within the period of the forcing, 2000-10-01.."),
        ("1999-01-01", "2003-12-31", "give data that cover it, or a shorter period"),
        ("2004-02-01", "2004-01-01", "--start, --end: the period ends (2004-01-01) before it starts (2004-02-01)"),
    ],
)  # fmt: skip
def test_an_impossible_period_is_named(
    work: Work, tmp_path: Path, start: str, end: str, problem: str
) -> None:
    out = tmp_path / "run.nc"
    message = mistake(
        "forecast", work.model, "--data", work.data, "--start", start, "--end", end, "--out", out
    )
    assert problem in message
    assert not out.exists()


def test_an_archive_that_is_none_is_refused_before_the_run(
    work: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    monkeypatch.setattr("dhbv.forecast.run", lambda *_, **__: pytest.fail("it may take long"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "text.md").touch()
    days = ("--start", "2003-10-01", "--end", "2003-10-02", "--out", tmp_path / "run.nc")
    message = mistake("forecast", work.model, "--data", work.data, *days, "--archive", tmp_path / "docs")
    assert "docs: no archive of fluxes but text.md" in message


def test_a_model_may_be_named_in_a_registry(work: Work, tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    published = dhbv("registry", "publish", work.model, "--registry", folder, "--json", "-")
    id = json.loads(published.out)["id"]
    assert mistake("evaluate", f"{folder}@champion", "--data", work.data).startswith(
        f"{folder} has no champion yet"
    )
    dhbv("registry", "promote", id, "--registry", folder, "--why", "first")
    plain = dhbv("evaluate", work.model, "--data", work.data, "--json", "-")
    for name in ("champion", id):
        named = dhbv("evaluate", f"{folder}@{name}", "--data", work.data, "--json", "-")
        assert (named.code, named.out) == (0, plain.out), named.err
        assert f"versions/{id}" in "".join(named.err.split()), "what champion stood for is told"
    for words in (
        ("train", "--config", work.config, "--data", work.data, "--out", tmp_path / "new", "--start-from"),
        ("benchmark", "bmi", "--model"),
    ):
        assert "has no version 'none'" in mistake(*words, f"{folder}@none")
    out = tmp_path / "run.nc"
    days = ("--start", "2003-10-01", "--end", "2003-10-02", "--spin-up-days", 0, "--out", out)
    assert dhbv("forecast", f"{folder}@champion", "--data", work.data, *days).code == 0
    sha = json.loads(dhbv("registry", "show", "--registry", folder, "--json", "-").out)["weights_sha256"]
    assert xr.load_dataset(out).attrs["weights_sha256"] == sha


def test_a_state_of_another_day_is_refused(work: Work, tmp_path: Path) -> None:
    common = ("forecast", work.model, "--data", work.data, "--out", tmp_path / "run.nc")
    kept = tmp_path / "kept.state"
    dhbv(*common, "--start", "2003-10-01", "--end", "2003-10-01", "--save-state", kept)
    message = mistake(*common, "--start", "2003-11-01", "--end", "2003-11-02", "--state", kept)
    assert "the state is valid at 2003-10-02, the period starts 2003-11-01" in message
    assert "cannot read the state" in mistake(
        *common, "--start", "2003-11-01", "--end", "2003-11-02", "--state", tmp_path / "none"
    )
