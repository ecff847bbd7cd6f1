"""`dhbv experiment`: what is typed becomes the plan it says; mistakes are one line."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import xarray as xr

pytest.importorskip("torch")

from dhbv import configuration
from dhbv.cli import main
from dhbv.configuration import Config
from dhbv.data.synthetic import synthetic_region
from dhbv.experiments import run as running
from dhbv.experiments.run import Job
from tests.conftest import small_config
from tests.experiments import made_up


class Ran(Exception):
    pass


def dhbv(*arguments: object) -> tuple[object, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        patch.setattr(sys, "argv", ["dhbv", "experiment", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
    return left.value.code or 0, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    region = synthetic_region(n_basins=6, years=2, start="1999-10-01").region
    region = region.assign(huc_02=("basin", np.array([1, 2, 17, 17, 3, 3])))
    region.to_netcdf(folder / "one.nc")
    region.isel(basin=slice(1, 6)).to_netcdf(folder / "two.nc")
    region.drop_vars("huc_02").to_netcdf(folder / "nowhere.nc")
    (folder / "small.yaml").write_text(configuration.dump(small_config()))
    return folder


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Job, Any]]:
    """Jobs in place of their runs."""
    seen: list[tuple[Job, Any]] = []

    def note(job: Job, bars: object, only: object = None) -> object:
        seen.append((job, only))
        return made_up.results("pub", made_up.table("fold_0", 5, 0.6, held_out=True), planned=10)

    monkeypatch.setattr(running, "run", note)
    return seen


def common(work: Path, data: str = "one.nc") -> list[object]:
    return ["--config", work / "small.yaml", "--data", work / data, "--out", work / "r.parquet"]


def test_folds(work: Path, ran: list[tuple[Job, Any]]) -> None:
    code, out, err = dhbv("pub", *common(work), "--folds", 3, "--only", "0,2", "--seed", 7, "--json", "-")
    assert code == 0, err
    ((job, only),) = ran
    assert only == ["fold_0", "fold_2"]
    assert job.plan.choices == {"folds": 3, "seed": 7}
    assert (job.name, job.work) == ("small", Path("runs/experiments/r"))
    assert json.loads(out)["all"]["median"]["nse"] == pytest.approx(0.6)
    assert "1 of 10 trainings done" in err


def test_regions(work: Path, ran: list[tuple[Job, Any]]) -> None:
    code, _, err = dhbv("pur", *common(work), "--regions", "north_west", "--name", "δ", "--work", work / "w")
    assert code == 0, err
    ((job, only),) = ran
    assert only == ["north_west"]
    assert (job.name, job.work) == ("δ", work / "w")
    assert [t.label for t in job.plan.trainings] == ["north_east", "south_east", "north_west"]
    code, _, err = dhbv("pur", *common(work, "nowhere.nc"))
    assert code == 1
    assert "no attribute huc_02, by which regions are told apart" in err


def test_fractions_and_other_years(work: Path, ran: list[tuple[Job, Any]]) -> None:
    parts = ("--fractions", "0.5,1", "--held-out", 0.33, "--only", "4_basins")
    assert dhbv("scaling", *common(work), *parts)[0] == 0
    assert dhbv("temporal", *common(work), "--device", "cpu")[0] == 0
    (scaling, part), (temporal, only) = ran
    assert part == ["4_basins"]
    assert [t.label for t in scaling.plan.trainings] == ["2_basins", "4_basins"]
    assert [t.label for t in temporal.plan.trainings] == ["model"]
    assert only is None
    assert temporal.device == "cpu"


def test_members_of_several_data_sets_share_their_basins(work: Path, ran: list[tuple[Job, Any]]) -> None:
    code, _, err = dhbv(
        "ensemble", *common(work), "--data", work / "two.nc", "--seeds", "4,5", "--only", "one_seed_5"
    )
    assert code == 0, err
    assert ran[0][1] == ["one_seed_5"]
    assert "5 of 6 basins are in all of one, two; the others are left out" in err
    job = ran[0][0]
    expected = [f"syn-{k:03d}" for k in range(2, 7)]
    assert [t.label for t in job.plan.trainings] == ["one_seed_4", "one_seed_5", "two_seed_4", "two_seed_5"]
    for t in job.plan.trainings:
        assert list(t.config.data.basins or ()) == expected
    for region in job.regions.values():
        assert isinstance(region, xr.Dataset)
        assert region["basin"].values.tolist() == expected


def test_held_out_basins_stay_so_with_several_data_sets(work: Path, ran: list[tuple[Job, Any]]) -> None:
    small = small_config()
    data = msgspec.structs.replace(
        small.data, basins=("syn-001", "syn-002", "syn-003"), held_out=("syn-005",)
    )
    path = work / "held_out.yaml"
    path.write_text(configuration.dump(Config(data=data, model=small.model, training=small.training)))
    options = [
        "--config",
        path,
        "--data",
        work / "one.nc",
        "--data",
        work / "two.nc",
        "--out",
        work / "h.parquet",
    ]
    code, _, err = dhbv("ensemble", *options)
    assert code == 0, err
    chosen = ran[0][0].plan.trainings[0].config.data
    assert chosen.basins == ("syn-002", "syn-003")
    assert chosen.held_out == ("syn-005",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pub", "--only", "a"], "--only 'a': give values separated by commas"),
        (["pub", "--only", ","], "--only ',': give values separated by commas"),
        (["scaling", "--fractions", "half"], "--fractions 'half': give values separated by commas"),
        (["ensemble", "--seeds", "0"], "an ensemble needs two members that differ"),
        (["temporal", "--out", "r.csv"], "--out r.csv: results are .parquet files; name one"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], message: str, work: Path, ran: list[tuple[Job, Any]]
) -> None:
    code, _, err = dhbv(arguments[0], *common(work), *arguments[1:])
    assert code == 1
    assert message in err
    assert not ran


def test_a_report_without_results_is_refused(tmp_path: Path) -> None:
    code, _, err = dhbv("report", "--results", tmp_path, "--out", tmp_path / "page.md")
    assert code == 1
    assert "no results (*.parquet) there" in err
    assert not (tmp_path / "page.md").exists()
