"""Whether a run is whole is told without running it, and a whole one goes into the archive of fluxes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dhbv import fluxes
from dhbv.errors import DhbvError
from dhbv.scale import archiving
from dhbv.scale.checking import check
from dhbv.scale.chunks import Shard
from tests.scale.conftest import Nation
from tests.scale.test_national import fluxes as told
from tests.test_cli import dhbv


def test_a_whole_run_has_no_faults(nation: Nation) -> None:
    found = check(nation.folder / "second")
    found.require()
    assert (found.chunks, found.faults, found.catchments) == (5, {}, 0)
    assert check(nation.folder / "second", Shard(1, 2)).chunks == 2


def test_what_is_missing_is_named_until_it_is_made(nation: Nation, tmp_path: Path) -> None:
    out, report = tmp_path / "out", tmp_path / "check.json"
    nation.day(1, out, shard=Shard(1, 2))
    result = dhbv("scale", "check", out, "--json", report)
    assert result.code == 1
    assert "chunk 00003 (catchments 16 to 20) is not finished" in result.err
    assert f"{out}: 3 of 5 chunks (13 catchments) are missing" in result.err
    missing = json.loads(report.read_text())["missing"]
    assert [(m["chunk"], m["first"], m["last"]) for m in missing] == [
        ("00002", 11, 15), ("00003", 16, 20), ("00004", 21, 23),
    ]  # fmt: skip
    assert dhbv("scale", "check", out, "--shard", "1/2").code == 0
    nation.day(1, out, shard=Shard(2, 2))
    result = dhbv("scale", "check", out)
    assert (result.code, f"{out}: complete, 5 chunks whole" in result.err) == (0, True)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda run: (run / "states" / "00001.state").unlink(), r"states/00001.state: gone"),
        (lambda run: (run / "fluxes" / "00002.parquet").write_bytes(b""), r"fluxes/00002.parquet: damaged, its sha256"),
        (lambda run: (run / "done" / "00004.json").write_text("{"), r"done/00004.json: damaged, or of another run"),
        (lambda run: (run / "run.json").unlink(), r"run.json: No such file or directory: give the folder"),
        (lambda run: (run / "run.json").write_text('{"format": 1}'), r"run.json has format 1, this .* 2: run it anew"),
    ],
)  # fmt: skip
def test_damage_is_named(nation: Nation, tmp_path: Path, harm, message: str) -> None:  # type: ignore[no-untyped-def]
    run = tmp_path / "run"
    shutil.copytree(nation.folder / "second", run)
    harm(run)
    with pytest.raises(DhbvError, match=message):
        check(run).require()
    with pytest.raises(DhbvError):
        archiving.archive(run, tmp_path / "archive")
    assert not (tmp_path / "archive").exists()


def test_runs_of_two_days_are_asked_as_one_archive(nation: Nation, tmp_path: Path) -> None:
    nation.day(1, tmp_path / "second", fluxes="netcdf")
    into = tmp_path / "archive"
    for run in (nation.folder / "first", tmp_path / "second", tmp_path / "second"):
        result = dhbv("scale", "archive", run, "--archive", into)
        assert result.code == 0, result.err
    assert f"23 catchments of {run} are in the archive {into}" in result.err
    assert len(fluxes.Archive.existing(into).entries()) == 10, "the second time nothing was added"
    ds = fluxes.open(into, basins=["cat-7", "cat-23"], variables="runoff")
    for k, folder in enumerate(("first", "second")):
        expected = told(nation.folder / folder) if k == 0 else told_of_netcdf(tmp_path / "second")
        expected = expected.set_index("catchment")["runoff"]
        np.testing.assert_array_equal(ds["runoff"].values[:, k], expected[["cat-7", "cat-23"]])
    (balance,) = fluxes.balance(into, basins=["cat-7"])
    assert (balance.segments, balance.left_out) == ((), 2), "no run of a day tells the stores before it"


def told_of_netcdf(run: Path) -> pd.DataFrame:
    import xarray as xr

    parts = [
        xr.load_dataset(p).isel(time=0).to_dataframe().reset_index() for p in sorted(run.glob("fluxes/*.nc"))
    ]
    return pd.concat(parts).rename(columns={"basin": "catchment"})
