"""What the demo gives without its loop: model, forecast, figures, recovery, on one screen."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import xarray as xr

from dhbv import model_directory
from dhbv.demonstration import demo, region
from dhbv.demonstration.product import RECOVERED
from dhbv.errors import DhbvError
from tests.demonstration.conftest import BASINS, run, shown, small

pytestmark = pytest.mark.usefixtures("in_the_small")


@pytest.fixture(autouse=True, scope="module")
def _shorter(in_the_small: None) -> Any:
    """What the weights are worth does not matter here."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_TRAINING", "_REAL_TRAINING"):
            patch.setattr(region, name, msgspec.structs.replace(getattr(region, name), iterations=3))
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, _shorter: None) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("runs") / "demo"
    return out, run(out)


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list) else [value]


def test_model_forecast_and_figures_are_there(made: tuple[Path, dict[str, Any]]) -> None:
    out, summary = made
    assert all(Path(path).exists() for path in summary["made"])
    model = model_directory.load(out / "model")
    assert len(model.config.data.held_out) == 12
    with xr.open_dataset(out / "forecast.nc") as fluxes:
        assert fluxes.attrs["weights_sha256"] == model.weights_sha256
        assert fluxes.sizes["basin"] == BASINS
        assert fluxes.sizes["time"] == model.config.data.test.days
        assert fluxes["time"].to_index().is_monotonic_increasing
        assert not fluxes["runoff"].isnull().any()
        assert {"streamflow", "beta", "latitude"} <= set(fluxes.variables)
    figures = {p.stem.split("_")[0] for p in (out / "figures").glob("*.png")}
    assert figures == {"hydrograph", "stores", "dynamic", "nse", "map", "overview", "recovery"}


def test_figures_told_are_finite_and_plain(made: tuple[Path, dict[str, Any]]) -> None:
    _, summary = made
    assert all(math.isfinite(leaf) for leaf in leaves(summary) if isinstance(leaf, float))
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["region"] == "synthetic"
    assert set(summary["evaluations"]) == set(summary["recovery"]) == {"test period", "held-out basins"}
    for found in summary["recovery"].values():
        assert set(found) == set(RECOVERED)
        assert all(-1.0 <= r <= 1.0 for r in found.values())


def test_bmi_gives_the_forecast_and_water_is_kept(made: tuple[Path, dict[str, Any]]) -> None:
    _, summary = made
    assert summary["bmi_difference_mm"] <= 1e-4
    assert summary["water_balance_mm"] <= 1e-2


def test_one_screen_tells_it_and_what_was_left_out(made: tuple[Path, dict[str, Any]]) -> None:
    out, summary = made
    text = shown(summary)
    assert f"δ-HBV on {BASINS} basins (synthetic)" in text
    parts = (
        "median NSE",
        "median KGE",
        "correlation with the true beta",
        "water balance",
        "BMI hour by hour",
    )
    for part in parts:
        assert part in text
    assert "test period" in text
    assert "forecast.nc" in text.replace("\n", "")
    assert "left out: the operational loop, which needs Prefect: pip install 'delta-hbv[flows]'" in text
    assert "journal" not in text
    assert len(text.splitlines()) <= 40
    assert not (out / "registry").exists()


def test_a_second_run_replaces_the_first_and_real_data_tell_no_recovery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = small().region.isel(basin=slice(0, 7))
    data["streamflow"][2] = float("nan")
    data.to_netcdf(tmp_path / "region.nc")
    monkeypatch.setattr(region, "MOST_BASINS", 3)
    monkeypatch.setattr(demo.report, "write_figures", lambda _e, _r, folder, truth: [folder / f"{truth}.png"])
    out = tmp_path / "demo"
    (out / "figures").mkdir(parents=True)
    (out / "figures" / "old.png").touch()
    (out / demo.MARK).touch()
    summary = run(out, tmp_path / "region.nc", service=pytest.fail)
    assert summary["made"][2].endswith("None.png"), "no truth is drawn"
    assert not (out / "figures" / "old.png").exists()
    assert summary["basins"] == 3, "every second of the six gauged ones"
    assert summary["region"] == str(tmp_path / "region.nc")
    assert summary["recovery"] is None
    assert summary["bmi_difference_mm"] <= 1e-4
    text = shown(summary)
    assert "correlation with the true" not in text
    assert "whose gate promotes nothing on fewer than 10 basins with flow" in text


@pytest.mark.parametrize(("basins", "held_out"), [(2, 1), (7, 1), (10, 5), (14, 7), (36, 6)])
def test_the_gate_gets_its_five_held_out_basins(
    monkeypatch: pytest.MonkeyPatch, basins: int, held_out: int
) -> None:
    monkeypatch.setattr(region, "HELD_OUT_EVERY", 6)
    data = small().region.isel(basin=slice(0, basins), time=slice(0, 1826))
    data = region._config(data, region._MODEL, region._TRAINING).data
    assert len(data.held_out) == held_out
    assert len(data.basins or ()) == basins - held_out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.isel(time=slice(0, 1000)), "at least 5 years of days, the data hold 1000 days"),
        (lambda r: r.isel(basin=slice(0, 1)), "at least 2 basins with observed flow on 80 % of the days"),
    ],
)
def test_too_few_days_or_basins_are_an_error(
    tmp_path: Path, change: Callable[[xr.Dataset], xr.Dataset], message: str
) -> None:
    change(small().region).to_netcdf(tmp_path / "region.nc")
    with pytest.raises(DhbvError, match=message):
        run(tmp_path / "demo", tmp_path / "region.nc")


@pytest.mark.parametrize("name", ["registry", "bmi", "figures", "forecast.nc"])
def test_what_no_demo_has_made_is_not_replaced(tmp_path: Path, name: str) -> None:
    """`dhbv demo --out .` in a checkout of this project would else remove its package `bmi`."""
    (tmp_path / "site" / name).mkdir(parents=True)
    with pytest.raises(DhbvError, match=f"holds {name}, which no demo has made: choose another folder"):
        run(tmp_path / "site")
    assert (tmp_path / "site" / name).is_dir()
