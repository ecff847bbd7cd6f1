"""`dhbv forecast` takes a domain, `dhbv benchmark scale` measures one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dhbv.scale import benchmark
from tests.scale.conftest import CATCHMENTS, Nation, content
from tests.small_models import small_model
from tests.test_cli import Result, dhbv


def forecast(nation: Nation, out: Path, *more: object) -> Result:
    return dhbv(
        "forecast", nation.model.path, "--data", nation.domain.forcing, "--start", "2026-10-02", "--end", "2026-10-02",
        "--out", out, "--state", nation.folder / "first", "--chunk", 5, *more,
    )  # fmt: skip


def test_two_shards_are_the_day(nation: Nation, tmp_path: Path) -> None:
    table = ("--attributes", nation.domain.attributes)
    first = forecast(nation, tmp_path / "out", *table, "--shard", "1/2")
    assert first.code == 0, first.err
    assert "10 catchments × 1 day (shard 1/2), state of" in first.err
    second = forecast(nation, tmp_path / "out", *table)
    assert f"{CATCHMENTS} catchments × 1 day, 10 finished before" in second.err
    assert content(tmp_path / "out") == content(nation.folder / "second")


def test_fluxes_may_be_netcdf(nation: Nation, tmp_path: Path) -> None:
    result = forecast(
        nation, tmp_path / "out", "--attributes", nation.domain.attributes, "--format", "netcdf"
    )
    assert result.code == 0, result.err
    assert sorted(p.name for p in (tmp_path / "out" / "fluxes").iterdir()) == [
        f"0000{k}.nc" for k in range(5)
    ]


def test_a_drawn_domain_is_run_by_vpu(nation: Nation, tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    drawn = dhbv(
        "scale", "domain", "--catchments", 9, "--out", tmp_path, "--days", 1, "--vpus", "01, 02", "--zarr"
    )
    assert drawn.code == 0, drawn.err
    line = drawn.err.strip().splitlines()[-1]
    assert line == f"--data {tmp_path / 'forcings.zarr'} --attributes {tmp_path / 'attributes.parquet'}"
    result = dhbv(
        "forecast", nation.model.path, *line.split(), "--start", "2026-10-01", "--end", "2026-10-01", "--out",
        tmp_path / "out", "--spin-up-days", 0, "--shard", "vpu:02",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert "4 catchments × 1 day (shard vpu:02), cold start" in result.err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ((), "is NextGen forcing and holds no attributes: give --attributes TABLE.parquet"),
        (("--attributes", "x.csv", "--shard", "3/2"), "--shard 3/2: write it as 2/8, the second of eight parts"),
        (("--attributes", "x.csv", "--shard", "0/2"), "--shard 0/2: write it as 2/8"),
        (("--attributes", "x.csv", "--format", "csv"), "--format csv: fluxes are written as parquet or netcdf"),
        (("--attributes", "x.csv", "--save-state", "s", "--basins", "a"), "--basins, --save-state: not with NextGen"),
        (("--attributes", "x.csv", "--archive", "a"), "--archive: not with NextGen forcing"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(nation: Nation, tmp_path: Path, more: tuple[str, ...], message: str) -> None:
    result = forecast(nation, tmp_path / "out", *more)
    assert result.code == 1
    assert message in result.err
    assert "Traceback" not in result.err


def test_a_region_takes_no_chunks(nation: Nation, tmp_path: Path) -> None:
    result = dhbv("forecast", nation.model.path, "--data", tmp_path / "region.nc", "--start", "2026-10-02", "--end",
                  "2026-10-02", "--out", tmp_path / "a.nc", "--shard", "1/2", "--chunk", 3, "--format", "netcdf")  # fmt: skip
    assert "--chunk, --shard, --format: only with NextGen forcing" in result.err


def test_benchmark_measures_a_day_with_states(tmp_path: Path) -> None:
    model, told = small_model(tmp_path / "model"), tmp_path / "scale.json"
    result = dhbv("benchmark", "scale", "--model", model.path, "--catchments", 30, "--json", told)
    assert result.code == 0, result.err
    measured = json.loads(told.read_text())
    assert measured["catchments"] == 30
    assert 0.0 < measured["seconds"] < measured["process_seconds"]
    assert 0.05 < measured["peak_gb"] < 2.0
    assert all(size > 0 for size in measured["bytes"].values())
    assert measured["bytes"]["forcing"] > 30 * 48 * 16, "two days"
    assert set(measured["busy_seconds"]) == {"reading", "computing", "writing"}
    assert measured["again"]["cpu_seconds"] > 0.0


def test_benchmark_measures_a_spin_up(tmp_path: Path) -> None:
    measured = benchmark.measure(small_model(tmp_path / "model").path, 20, spin_up_days=3)
    assert measured["spin_up_days"] == 3
    assert measured["start"] == "spin-up of 3 days"
    assert "again" not in measured
