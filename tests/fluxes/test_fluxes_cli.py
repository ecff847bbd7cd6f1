"""`dhbv fluxes` from a person's side: files, tables, JSON and messages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import Result
from typer.testing import CliRunner

from dhbv import cli
from dhbv import fluxes as fx
from dhbv.errors import DhbvError
from dhbv.fluxes import Archive
from dhbv.fluxes.aggregation import AGGREGATIONS
from dhbv.fluxes_cli import How, app
from tests.fluxes.conftest import Run
from tests.fluxes.test_balancing import leak


def ran(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(w) for w in words])
    if isinstance(result.exception, DhbvError):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def invoke(*words: object, code: int = 0) -> str:
    return ran(*words, code=code).stdout


def test_a_csv_of_months_in_m3_s(filled: Archive, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "flow.csv"
    invoke(
        "get", "--archive", filled.path, "--basins", run.basins[2], "--variables", "srflow, SWE", "--units",
        "srflow=m3 s-1", "--aggregation", "monthly", "--start", "2000-01-01", "--end", "2000-12-31", "--out", out,
    )  # fmt: skip
    table = pd.read_csv(out, dtype={"basin": str})
    assert list(table.columns) == [
        "basin",
        "time",
        "srflow [m3 s-1]",
        "SWE [mm]",
        "days [d]",
        "days_in_period [d]",
    ]
    assert len(table) == 12
    same = fx.open(
        filled.path, basins=run.basins[2:], variables="srflow", units="m3 s-1", aggregation="monthly",
        start="2000-01-01", end="2000-12-31",
    )  # fmt: skip
    np.testing.assert_allclose(table["srflow [m3 s-1]"], same["srflow"][0])


def test_a_csv_is_printed(filled: Archive) -> None:
    lines = invoke("get", "--archive", filled.path, "--variables", "et", "--end", "1999-11-21", "--out", "-")
    assert lines.splitlines()[0] == "basin,time,et,made_by"
    assert len(lines.splitlines()) == 1 + 3 * 2


def test_what_is_not_whole_is_told_beside_what_is_printed(filled: Archive) -> None:
    words = ("get", "--archive", filled.path, "--variables", "et", "--aggregation", "monthly", "--out", "-")
    result = ran(*words)
    assert (
        "3 basins × 15 months; 6 of 45 periods are not whole: days < days_in_period: printed" in result.stderr
    )
    assert result.stdout.splitlines()[0] == "basin,time,et,days,days_in_period"


def test_a_file_of_no_known_kind_is_refused_before_anything_is_read(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fx, "open", lambda *_, **__: pytest.fail("years of it may be read"))
    with pytest.raises(
        DhbvError, match=r"a.xlsx: what is written goes by the ending: use one of .nc, .parquet, .csv"
    ):
        invoke("get", "--archive", filled.path, "--out", "a.xlsx")


def test_forecasts_by_lead(filled: Archive, run: Run, tmp_path: Path) -> None:
    filled.append(run.fluxes.isel(time=slice(0, 3)), "forecast", source="f/1", content="1")
    out = tmp_path / "ahead.nc"
    invoke(
        "get",
        "--archive",
        filled.path,
        "--forecasts",
        "--variables",
        "runoff",
        "--leads",
        "2,3",
        "--out",
        out,
    )
    with xr.open_dataset(out) as file:
        assert file["lead"].values.tolist() == [2, 3]
        assert file["runoff"].dims == ("basin", "issue", "lead")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--leads", "1"], "--leads: only forecasts have leads: add --forecasts"),
        (
            ["--forecasts", "--aggregation", "monthly"],
            "--aggregation monthly: forecasts are told by day and lead",
        ),
        (["--forecasts", "--leads", "one"], "--leads one: write whole days by commas"),
        (["--box", "1,2,3"], "--box 1,2,3: write four numbers"),
        (["--units", "runoff=mm,cm"], "--units runoff=mm,cm: write one unit for all, or NAME=UNIT"),
        (["--variables", "srflo"], "nearest: srflow"),
    ],
)
def test_mistakes_are_told(filled: Archive, words: list[str], message: str) -> None:
    with pytest.raises(DhbvError) as caught:
        invoke("get", "--archive", filled.path, "--out", "-", *words)
    assert message in str(caught.value)


def test_a_balance_as_json(filled: Archive, run: Run, tmp_path: Path) -> None:
    out = tmp_path / "balance.json"
    invoke("balance", "--archive", filled.path, "--json", out)
    content = json.loads(out.read_text())
    assert [b["basin"] for b in content["per_basin"]] == sorted(run.basins)
    assert all(abs(b["residual_mm"]) <= b["rounding_mm"] for b in content["per_basin"])


def test_a_leak_leaves_with_1(archive: Archive, run: Run, tmp_path: Path) -> None:
    archive.append(leak(run, "lower_zone", "2000-04-01", 0.5), "analysis", source="x", content="x")
    out = tmp_path / "balance.json"
    invoke("balance", "--archive", archive.path, "--json", out, code=1)
    (found,) = [b for b in json.loads(out.read_text())["per_basin"] if not b["closes"]]
    assert found["why"] == "lower_zone loses 0.5 mm beyond its fluxes on 2000-04-01"


def test_what_cannot_be_added_up_does_not_pass_for_closed(archive: Archive, run: Run, tmp_path: Path) -> None:
    """A day by itself, of a run that does not tell the stores before it, as `dhbv scale archive` appends them."""
    bare = run.fluxes.drop_vars([v for v in run.fluxes if str(v).startswith("opening_")])
    for day in (0, 1):
        archive.append(bare.isel(time=[day]), "analysis", source="x", content=str(day))
    words = ("balance", "--archive", archive.path, "--json", tmp_path / "b.json")
    told = ran(*words, code=1).stderr
    assert "3 basins, 0 close to within rounding, 3 have no day to add up" in told
    for found in json.loads((tmp_path / "b.json").read_text())["per_basin"]:
        assert (found["closes"], found["residual_mm"], found["days_left_out"]) == (None, None, 2)
        assert found["why"] == "the stores before 1999-11-20 are not known (2 days so)"
    whole = run.fluxes.isel(basin=[1], time=slice(0, 9))
    archive.append(whole, "analysis", source="x", content="whole")
    assert "3 basins, 1 close to within rounding, 2 have no day to add up" in ran(*words).stderr


def test_a_list_tells_versions_and_names(filled: Archive, run: Run) -> None:
    content = json.loads(invoke("list", "--archive", filled.path, "--json", "-"))
    assert content["basins"] == sorted(run.basins)
    assert content["versions"] == [
        {
            "version": run.model.weights_sha256[:12], "what": "analysis", "first": "1999-11-20",
            "last": "2001-01-20", "appends": 1,
        }
    ]  # fmt: skip
    assert "booked_soil_water" in content["variables"]


def test_every_aggregation_can_be_asked_for() -> None:
    assert [how.value for how in How] == list(AGGREGATIONS)


def test_a_hindcast_goes_into_an_archive_once(run: Run, tmp_path: Path) -> None:
    run.region.to_netcdf(tmp_path / "region.nc")
    words = [
        "forecast", run.model.path, "--data", tmp_path / "region.nc", "--start", "2000-02-27", "--end", "2000-03-02",
        "--spin-up-days", "60", "--out", tmp_path / "run.nc", "--archive", tmp_path / "archive",
    ]  # fmt: skip
    for _ in range(2):
        result = CliRunner().invoke(cli.app, [str(w) for w in words])
        assert result.exit_code == 0, result.output
    (entry,) = Archive(tmp_path / "archive").entries()
    assert (entry.source, entry.start, entry.served) == ("run.nc", "spin-up of 60 days", False)
    back = fx.open(tmp_path / "archive")
    with xr.open_dataset(tmp_path / "run.nc") as file:
        for name in ("et", "routing_store"):
            np.testing.assert_array_equal(back[name], file[name].sel(basin=back["basin"]))
    assert all(b.closes for b in fx.balance(tmp_path / "archive"))
