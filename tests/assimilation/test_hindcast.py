"""Hindcasts: the same chain as a plain run, scores by hand, a bias that updating mends, and the command."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from dhbv import forecast
from dhbv.assimilation import AssimilationConfig, Outcome
from dhbv.assimilation import hindcast as hindcasts
from dhbv.cli import app
from dhbv.configuration import Period
from dhbv.errors import DhbvError
from dhbv.model_directory import ModelDirectory
from tests.operations.conftest import BASINS, region
from tests.small_models import small_model

pytest.importorskip("torch")
SETTINGS = AssimilationConfig(steps=12)
SPAN = Period(start=dt.date(2001, 11, 1), end=dt.date(2002, 12, 31))
EVERY = 12


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    return small_model(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="module")
def run(model: ModelDirectory) -> tuple[xr.Dataset, xr.Dataset]:
    """Weather and, as observed flow, what the model says in its own chain; and that run."""
    there = region().sel(time=slice(None, str(SPAN.end)))
    fluxes, _ = forecast.run(model, there, SPAN, spin_up_days=365)
    return there.assign(streamflow=fluxes["runoff"].reindex(time=there["time"])), fluxes


@pytest.fixture(scope="module")
def issues() -> list[dt.date]:
    return hindcasts.issues_of(SPAN, SETTINGS, EVERY)


def test_issues_have_their_window_and_leads_in_the_period(issues: list[dt.date]) -> None:
    assert issues[0] == dt.date(2001, 12, 1)
    assert {(b - a).days for a, b in itertools.pairwise(issues)} == {EVERY}
    assert issues[-1] + dt.timedelta(hindcasts.LEADS - 1) <= SPAN.end
    assert issues[-1] + dt.timedelta(hindcasts.LEADS - 1 + EVERY) > SPAN.end
    short = Period(start=SPAN.start, end=SPAN.start + dt.timedelta(33))
    with pytest.raises(DhbvError, match="shorter than the 30 days before an issue and the 5 after it"):
        hindcasts.issues_of(short, SETTINGS, EVERY)


def test_other_basins_are_drawn_after_the_first() -> None:
    names = [f"{k:02d}" for k in range(20)]
    one, other = hindcasts.draw(names, 8), hindcasts.draw(names, 12, skip=8)
    assert sorted(one + other) == names
    assert one == hindcasts.draw(names[::-1], 8) != hindcasts.draw(names, 8, seed=1)
    with pytest.raises(DhbvError, match="21 basins cannot be drawn from 20"):
        hindcasts.draw(names, 15, skip=6)


def test_a_perfect_model_gains_nothing(
    model: ModelDirectory, run: tuple[xr.Dataset, xr.Dataset], issues: list[dt.date]
) -> None:
    there, fluxes = run
    found = hindcasts.hindcast(model, there, issues, SETTINGS)
    assert (found["outcome"] == Outcome.FITS_ALREADY).all()
    for way in ("open", "updated"):
        for lead in found["lead"].values:
            days = found["issue"].values + np.timedelta64(lead - 1, "D")
            np.testing.assert_allclose(
                found[way].sel(lead=lead).values.T, fluxes["runoff"].sel(time=days).values, rtol=1e-5
            )
    told = hindcasts.summary(found)
    assert told["outcomes"]["fits already"] == len(issues) * len(BASINS)
    rows = [row for row in told["leads"] if row["way"] == "open"]
    assert [row["lead"] for row in rows] == [1, 2, 3, 4, 5]
    assert all(row["nse"] > 0.999999 for row in rows)


def test_errors_of_rain_are_mended(
    model: ModelDirectory, run: tuple[xr.Dataset, xr.Dataset], issues: list[dt.date]
) -> None:
    """The river knows of rain that the rain gauges got wrong, by another factor each three weeks."""
    there, _ = run
    blocks = np.random.default_rng(0).normal(0.0, 0.5, (len(BASINS), 1 + there.sizes["time"] // 21))
    factor = np.exp(np.repeat(blocks, 21, 1)[:, : there.sizes["time"]])
    truth, _ = forecast.run(model, there.assign(prcp=there["prcp"] * factor), SPAN, spin_up_days=365)
    seen = there.assign(streamflow=truth["runoff"].reindex(time=there["time"]))
    found = hindcasts.hindcast(model, seen, issues, SETTINGS)
    table = hindcasts.scored(found)
    first = table[(table.way == "updated") & (table.lead == 1)]
    assert first["skill"].min() > 0.0
    assert first["skill"].mean() > 0.25
    one = found.sel(lead=1)
    rmse = {w: np.sqrt(((one[w] - one["observed"]) ** 2).mean("issue")).values for w in ("open", "updated")}
    np.testing.assert_allclose(first["rmse"], rmse["updated"], rtol=1e-6)
    np.testing.assert_allclose(first["skill"], 1.0 - rmse["updated"] / rmse["open"], rtol=1e-6)
    told = hindcasts.summary(found)
    by_basin = dict(zip(first["basin"], first["skill"], strict=True))
    assert {basin: by_lead[0] for basin, by_lead in told["skill"]["updated"].items()} == by_basin
    row = next(r for r in told["leads"] if (r["way"], r["lead"]) == ("updated", 1))
    assert row["improved"] == 1.0
    assert row["skill_quartiles"] == [first["skill"].quantile(0.25), first["skill"].quantile(0.75)]
    assert row["skill"] == pytest.approx(first["skill"].median())


def test_the_carried_error_fades() -> None:
    ahead, last, seen = np.full((2, 3), 1.0), np.full(3, 1.0), np.array([2.0, np.nan, 0.0])
    found = hindcasts.carried(ahead, last, seen)
    for lead, left in ((0, 0.8), (1, 0.64)):
        expected = [1.1 * (2.1 / 1.1) ** left - 0.1, 1.0, 1.1 * (0.1 / 1.1) ** left - 0.1]
        np.testing.assert_allclose(found[lead], expected)


def test_the_command_tells_and_writes(
    model: ModelDirectory, run: tuple[xr.Dataset, xr.Dataset], tmp_path: Path
) -> None:
    data, settings = tmp_path / "data.nc", tmp_path / "settings.yaml"
    named = run[0].assign_coords(basin=np.array(BASINS, dtype=object))
    named.to_netcdf(data)
    settings.write_text("steps: 3\nspread: {snow: 0.0}\n")
    words = ["experiment", "assimilation", str(model.path), "--data", str(data), "--settings", str(settings)]
    options = {
        "--basins": 4,
        "--skip": 1,
        "--start": SPAN.start,
        "--end": "2002-03-31",
        "--every": 3,
        "--json": tmp_path / "a.json",
    }
    done = CliRunner().invoke(app, [*words, *(str(w) for option in options.items() for w in option)])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads((tmp_path / "a.json").read_text())
    assert told["settings"]["steps"] == 3
    assert told["settings"]["spread"]["snow"] == 0.0
    assert len(told["basins"]) == 4
    assert told["issues"][0] == "2001-12-01"
    assert {row["way"] for row in told["leads"]} == set(hindcasts.WAYS)
    assert told["weights_sha256"] == model.weights_sha256
    assert "medians over basins" in done.output
    assert "156 fits already" in done.output
