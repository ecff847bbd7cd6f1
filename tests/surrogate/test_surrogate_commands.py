"""`dhbv surrogate`: from runs to parameters and scores, by what is typed."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

pytest.importorskip("torch")

from dhbv import configuration
from dhbv.cli import main
from dhbv.surrogate import learning
from tests.surrogate.reservoir import FIRST, RESERVOIR, config, rate, region

SIMULATOR = ("--simulator", "tests.surrogate.reservoir:RESERVOIR")


def dhbv(*words: object) -> tuple[int, str]:
    err = io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["dhbv", "surrogate", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as left:
            code = int(left.code or 0)
    return code, " ".join(err.getvalue().split())


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("surrogate")
    region().to_netcdf(folder / "region.nc")
    asked = config(iterations=60, learning_rate=5e-2, warmup_days=40)
    (folder / "c.yaml").write_text(configuration.dump(asked))
    common = given(folder)
    code, told = dhbv(
        "train", *SIMULATOR, *common, "--out", folder / "s", "--draws", 10, "--iterations", 6, "--hidden", 8,
        "--keep-runs", folder / "runs.nc", "--json", folder / "train.json",
    )  # fmt: skip
    assert code == 0, told
    assert "surrogate of reservoir" in told
    code, told = dhbv(
        "learn", folder / "s", *SIMULATOR, *common, "--out", folder / "l", "--json", folder / "l.json"
    )
    assert code == 0, told
    return folder


TRAINING = ", training days"


def given(folder: Path) -> tuple[object, ...]:
    return "--config", folder / "c.yaml", "--data", folder / "region.nc"


def test_a_file_of_runs_trains_the_same_surrogate(work: Path) -> None:
    code, told = dhbv(
        "train", "--runs", work / "runs.nc", *given(work), "--out", work / "from_file", "--iterations", 6,
        "--hidden", 8,
    )  # fmt: skip
    assert code == 0, told
    one, other = (json.loads((work / p / "card.json").read_text()) for p in ("s", "from_file"))
    assert one["days"] == other["days"] == [str(FIRST), "2001-11-04"]
    assert one["runs"] == other["runs"] == 60
    assert one["basins"] == other["basins"] == [f"b{k}" for k in range(6)]
    told_by = [(work / p / "history.csv").read_text().splitlines()[-1].split(",") for p in ("s", "from_file")]
    np.testing.assert_allclose(*np.array(told_by, float), rtol=1e-3)


def test_what_is_learned_lies_in_its_folder(work: Path) -> None:
    parameters = pd.read_csv(work / "l" / "parameters.csv", index_col="basin")
    assert list(parameters.index) == [f"b{k}" for k in range(8)]
    assert parameters["k"].between(0.05, 0.5).all()
    scores = pd.read_csv(work / "l" / "scores.csv")
    learned = {f"{what}, learned{days}" for what in ("simulator", "surrogate") for days in ("", TRAINING)}
    assert set(scores["run"]) == {*learned, "simulator, typical"}
    assert scores.loc[scores["held_out"], "basin"].unique().tolist() == ["b6", "b7"]
    about = RESERVOIR.description
    typical = np.tile(about.typical, (8, 1))
    by_hand = learning.score(
        config(warmup_days=40), region(), list(parameters.index), typical, about, learning.by_simulator(RESERVOIR)
    )  # fmt: skip
    found = scores[scores["run"] == "simulator, typical"].set_index("basin")["nse"]
    np.testing.assert_allclose(found, by_hand["nse"].loc[found.index], rtol=1e-6)
    told = json.loads((work / "l.json").read_text())
    honest = scores[(scores["run"] == "simulator, learned") & ~scores["held_out"]]
    assert told["simulator, learned"]["trained on"]["median"]["nse"] == pytest.approx(honest["nse"].median())
    assert told["simulator, learned"]["held out"]["n_basins"] == 2
    trained = scores[scores["run"] == f"simulator, learned{TRAINING}"]
    assert trained["basin"].tolist() == [f"b{k}" for k in range(6)]
    assert set(trained["days"]) != set(honest["days"]), "of other years"


def test_parameters_of_basins_anywhere(work: Path) -> None:
    there = region().drop_vars("streamflow").isel(basin=[7, 2])
    there.to_netcdf(work / "elsewhere.nc")
    code, told = dhbv("parameters", work / "l", "--data", work / "elsewhere.nc", "--out", work / "p.csv")
    assert code == 0, told
    assert "parameters of reservoir for 2 basins" in told
    whole = pd.read_csv(work / "l" / "parameters.csv", index_col="basin")
    some = pd.read_csv(work / "p.csv", index_col="basin")
    assert list(some.index) == ["b7", "b2"]
    np.testing.assert_allclose(some["k"], whole.loc[["b7", "b2"], "k"], rtol=1e-5)


def test_without_the_simulator_only_the_surrogate_is_scored(work: Path) -> None:
    code, told = dhbv("learn", work / "s", *given(work), "--out", work / "alone")
    assert code == 0, told
    scores = pd.read_csv(work / "alone" / "scores.csv")
    assert set(scores["run"]) == {"surrogate, learned", f"surrogate, learned{TRAINING}"}
    same = pd.read_csv(work / "l" / "parameters.csv")
    pd.testing.assert_frame_equal(pd.read_csv(work / "alone" / "parameters.csv"), same)


def test_fidelity_is_told_for_basins_trained_on_and_held_out(work: Path) -> None:
    code, told = dhbv("test", work / "s", *SIMULATOR, *given(work), "--draws", 2, "--json", work / "t.json")
    assert code == 0, told
    made = json.loads((work / "t.json").read_text())
    assert {k: v["runoff"]["runs"] for k, v in made.items()} == {"trained on": 12, "held out": 4}
    assert set(made["held out"]["runoff"]["nse"]) == {"5%", "25%", "50%", "75%"}


def test_where_the_simulator_never_changes_there_is_no_nse(work: Path) -> None:
    dry = region()
    dry["prcp"][:] = 0.0
    dry.to_netcdf(work / "dry.nc")
    code, told = dhbv(
        "test", work / "s", *SIMULATOR, "--config", work / "c.yaml", "--data", work / "dry.nc", "--draws", 1,
        "--json", work / "dry.json",
    )  # fmt: skip
    assert code == 0, told
    found = json.loads((work / "dry.json").read_text())["held out"]["runoff"]
    assert found == {"runs": 0, "nse": dict.fromkeys(("5%", "25%", "50%", "75%"))}


def test_a_basin_without_a_gauge_is_named_by_its_id(work: Path) -> None:
    blind = region()
    blind["streamflow"][3] = np.nan
    blind.to_netcdf(work / "blind.nc")
    code, told = dhbv(
        "calibrate", *SIMULATOR, "--config", work / "c.yaml", "--data", work / "blind.nc", "--out", work / "b"
    )
    assert code == 1
    assert (
        "error: basin b3: no observed flow after the 40 days of warm-up (1 of 6 basins): leave them out"
        in told
    )
    assert not (work / "b").exists()


def test_calibration_finds_each_basin(work: Path) -> None:
    code, told = dhbv(
        "calibrate", *SIMULATOR, *given(work), "--out", work / "c", "--members", 8, "--generations", 10,
        "--json", work / "c.json",
    )  # fmt: skip
    assert code == 0, told
    found = pd.read_csv(work / "c" / "parameters.csv", index_col="basin")["k"]
    np.testing.assert_allclose(found, rate(region()["a"].values)[:6], rtol=5e-2)
    made = json.loads((work / "c.json").read_text())
    assert made["simulator, calibrated"]["trained on"]["median"]["nse"] > 0.99
    assert made["runs"] == 88


def test_a_surrogate_is_refined_where_ga_went(work: Path) -> None:
    code, told = dhbv(
        "train", *SIMULATOR, *given(work), "--out", work / "s2", "--start-from", work / "s", "--around", work / "l",
        "--draws", 4, "--iterations", 2, "--seed", 1, "--keep-runs", work / "runs2.nc",
    )  # fmt: skip
    assert code == 0, told
    with xr.open_dataset(work / "runs2.nc") as kept:
        k, basin = kept["parameters"].values[:, 0], kept["basin"].values.astype(str)
    learned = pd.read_csv(work / "l" / "parameters.csv", index_col="basin")["k"]
    # The second and fourth draw of each basin.
    there = np.log(k / learned[basin].to_numpy()).reshape(4, 6)
    assert np.abs(there[1::2]).mean() < 0.6 * np.abs(there[::2]).mean()
    card = json.loads((work / "s2" / "card.json").read_text())
    assert card["effort"]["shape"]["hidden"] == 8
    assert card["scaling"] == json.loads((work / "s" / "card.json").read_text())["scaling"]
    code, told = dhbv(
        "test", work / "s2", *SIMULATOR, *given(work), "--draws", 2, "--around", work / "l", "--json", work / "n.json"
    )  # fmt: skip
    assert code == 0, told
    assert json.loads((work / "n.json").read_text())["held out"]["runoff"]["runs"] == 4
    code, told = dhbv(
        "train", *SIMULATOR, *given(work), "--out", work / "x", "--start-from", work / "s", "--hidden", 9
    )
    assert code == 1
    assert "--hidden 9: " in told


def test_mistakes_are_one_line(work: Path) -> None:
    common = given(work)
    code, told = dhbv("train", *common, "--out", work / "x")
    assert code == 1
    assert "error: give either --simulator MODULE:NAME, which is run here, or --runs FILE" in told
    code, told = dhbv("train", *SIMULATOR, "--runs", work / "runs.nc", *common, "--out", work / "x")
    assert code == 1
    code, told = dhbv("train", *SIMULATOR, *common, "--out", work / "s")
    assert code == 1
    assert "already holds something" in told
    code, told = dhbv(
        "train", "--runs", work / "runs.nc", "--keep-runs", work / "y", *common, "--out", work / "x"
    )
    assert code == 1
    assert "the runs are drawn and kept already" in told
    code, told = dhbv(
        "learn", work / "s", "--simulator", "dhbv.surrogate.hbv:HBV", *common, "--out", work / "x"
    )
    assert code == 1
    assert "s is of reservoir, and --simulator dhbv.surrogate.hbv:HBV is another simulator" in told
    assert not (work / "x").exists()
    assert RESERVOIR.description.name in told
