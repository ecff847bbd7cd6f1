"""The demo makes what it promises and tells it on one screen, here in the small."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import xarray as xr
from rich.console import Console
from rich.progress import Progress

from bmi import DeltaHbv
from dhbv import model_directory
from dhbv.data.synthetic import SyntheticRegion, synthetic_region
from dhbv.errors import DhbvError

demonstration = pytest.importorskip("dhbv.demonstration", exc_type=ImportError)

BASINS = 12


def run(out: Path, data: Path | None = None) -> dict[str, Any]:
    with Progress(console=Console(file=io.StringIO())) as bars:
        summary: dict[str, Any] = demonstration.run(out, data, None, DeltaHbv, bars)
    return summary


def shown(summary: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(demonstration.render(summary))
    return console.export_text()


def small(**_: object) -> SyntheticRegion:
    return synthetic_region(n_basins=BASINS, years=4)


@pytest.fixture(scope="module", autouse=True)
def _small() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        training = {"iterations": 3, "batch_basins": 4, "warmup_days": 30, "window_days": 60}
        network = msgspec.structs.replace(demonstration._MODEL.network, hidden=8, layers=(16,))
        for name in ("_TRAINING", "_REAL_TRAINING"):
            patch.setattr(
                demonstration, name, msgspec.structs.replace(getattr(demonstration, name), **training)
            )
        for name in ("_MODEL", "_REAL_MODEL"):
            smaller = msgspec.structs.replace(getattr(demonstration, name), components=4, network=network)
            patch.setattr(demonstration, name, smaller)
        patch.setattr(demonstration, "synthetic_region", small)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
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
    assert len(model.config.data.held_out) == 2
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
        assert set(found) == set(demonstration.RECOVERED)
        assert all(-1.0 <= r <= 1.0 for r in found.values())


def test_bmi_gives_the_forecast_and_water_is_kept(made: tuple[Path, dict[str, Any]]) -> None:
    _, summary = made
    assert summary["bmi_difference_mm"] <= 1e-4
    assert summary["water_balance_mm"] <= 1e-2


def test_one_screen_tells_it(made: tuple[Path, dict[str, Any]]) -> None:
    _, summary = made
    text = shown(summary)
    assert f"δ-HBV on {BASINS} basins (synthetic)" in text
    for part in (
        "median NSE",
        "median KGE",
        "correlation with the true beta",
        "water balance",
        "BMI hour by hour",
    ):
        assert part in text
    assert "test period" in text
    assert "forecast.nc" in text.replace("\n", "")
    assert len(text.splitlines()) <= 40


def test_a_second_run_replaces_the_first_and_real_data_tell_no_recovery(
    made: tuple[Path, dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    region = small().region.isel(basin=slice(0, 7))
    region["streamflow"][2] = float("nan")
    region.to_netcdf(tmp_path / "region.nc")
    monkeypatch.setattr(demonstration, "MOST_BASINS", 3)
    monkeypatch.setattr(
        demonstration.report, "write_figures", lambda _e, _r, folder, truth: [folder / f"{truth}.png"]
    )
    out = tmp_path / "demo"
    (out / "figures").mkdir(parents=True)
    (out / "figures" / "old.png").touch()
    summary = run(out, tmp_path / "region.nc")
    assert summary["made"][2].endswith("None.png"), "no truth is drawn"
    assert not (out / "figures" / "old.png").exists()
    assert summary["basins"] == 3, "every second of the six gauged ones"
    assert summary["region"] == str(tmp_path / "region.nc")
    assert summary["recovery"] is None
    assert summary["bmi_difference_mm"] <= 1e-4
    assert "correlation with the true" not in shown(summary)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r.isel(time=slice(0, 1000)), "at least 4 years of days, the data hold 1000 days"),
        (lambda r: r.isel(basin=slice(0, 1)), "at least 2 basins with observed flow on 80 % of the days"),
    ],
)
def test_too_few_days_or_basins_are_an_error(
    tmp_path: Path, change: Callable[[xr.Dataset], xr.Dataset], message: str
) -> None:
    change(small().region).to_netcdf(tmp_path / "region.nc")
    with pytest.raises(DhbvError, match=message):
        run(tmp_path / "demo", tmp_path / "region.nc")
