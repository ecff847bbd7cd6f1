"""Baselines as experiments: results like those of δ models, nothing seen that is held back, nothing done twice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from rich.progress import Progress

pytest.importorskip("torch")
pytest.importorskip("spotpy")

from dhbv.baselines import calibration, plain_hbv, plain_lstm, site_by_site, streamflow_lstm
from dhbv.configuration import Config, DataConfig, Period
from dhbv.data import model_forcing
from dhbv.data.synthetic import synthetic_region
from dhbv.errors import ConfigurationError, DhbvError
from dhbv.experiments import plans, report, results, summary
from dhbv.experiments.plans import Plan
from dhbv.experiments.results import Results
from dhbv.experiments.run import Job, Method, run
from tests.conftest import small_config

DATA = DataConfig(
    train=Period(start=dt.date(1997, 10, 1), end=dt.date(1998, 9, 30)),
    test=Period(start=dt.date(1998, 10, 1), end=dt.date(1999, 3, 31)),
    spin_up_days=365,
)
REPETITIONS = 220


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def region() -> xr.Dataset:
    made = synthetic_region(n_basins=4, years=4, start="1995-10-01").region
    return made.assign(
        huc_02=("basin", np.array([1, 2, 17, 17])), baseflow_index=("basin", np.linspace(0.2, 0.8, 4))
    )


def config() -> Config:
    small = small_config("mlp", "delta", iterations=3, batch_basins=3, validate_every=1)
    return msgspec.structs.replace(small, data=DATA)


def ids(region: xr.Dataset) -> list[str]:
    return [str(b) for b in region["basin"].values]


def calibrated(region: xr.Dataset) -> Method:
    return site_by_site.calibrated(config(), REPETITIONS, 1)


def transferred(region: xr.Dataset, donors: int = 1) -> Method:
    return site_by_site.transferred(config(), REPETITIONS, 1, donors)


def lstm(region: xr.Dataset) -> Method:
    return plain_lstm.plain_lstm(config(), region, 8, 0.3)


def go(
    plan: Plan, region: xr.Dataset, folder: Path, method: Method, name: str = "out", work: str = "work"
) -> Results:
    job = Job(name, config(), plan, {"one": region}, folder / work, folder / f"{name}.parquet", "cpu", method)
    return run(job, Progress(disable=True))


def temporal(region: xr.Dataset) -> Plan:
    return plans.temporal(config(), ids(region))


def pub(region: xr.Dataset) -> Plan:
    return plans.pub(config(), ids(region), folds=2)


def weights(made: Results) -> list[str]:
    return [t.weights_sha256 for t in made.header.trainings]


def poisoned(region: xr.Dataset, keep: Callable[[xr.Dataset], xr.DataArray]) -> xr.Dataset:
    """`region` with another flow wherever `keep` is false."""
    flow = region["streamflow"]
    return region.assign(streamflow=flow.where(keep(region), 20.0 * flow + 7.0))


def wetter(region: xr.Dataset, keep: Callable[[xr.Dataset], xr.DataArray]) -> xr.Dataset:
    rain = region["prcp"]
    return region.assign(prcp=rain.where(keep(region), rain + 2.0))


def in_training(region: xr.Dataset) -> xr.DataArray:
    time = region["time"]
    inside = (time >= np.datetime64(str(DATA.train.start))) & (time <= np.datetime64(str(DATA.train.end)))
    return inside & xr.ones_like(region["streamflow"], bool)


@pytest.mark.parametrize("method", [calibrated, lstm])
def test_flow_and_weather_of_other_years_change_nothing(
    method: Callable[[xr.Dataset], Method], region: xr.Dataset, tmp_path: Path
) -> None:
    region = region.isel(basin=[1, 2])
    clean = go(temporal(region), region, tmp_path / "a", method(region))
    other = wetter(poisoned(region, in_training), in_training)
    seen = go(temporal(region), other, tmp_path / "b", method(region))
    assert weights(seen) == weights(clean)
    assert [t.data_digest for t in seen.header.trainings] == [t.data_digest for t in clean.header.trainings]
    assert (seen.of()["rmse"] > clean.of()["rmse"]).all(), "the poison is in what is scored"
    # And flow of training days does count.
    changed = region.assign(streamflow=region["streamflow"] * (1.0 + in_training(region)))
    assert weights(go(temporal(region), changed, tmp_path / "c", method(region))) != weights(clean)


@pytest.mark.parametrize("method", [transferred, lstm])
def test_flow_of_held_out_basins_changes_nothing(
    method: Callable[[xr.Dataset], Method], region: xr.Dataset, tmp_path: Path
) -> None:
    plan = pub(region)
    held_out = plan.trainings[0].config.data.held_out
    other = poisoned(region, lambda r: ~r["basin"].isin(list(held_out)))
    one = plan._replace(trainings=plan.trainings[:1])
    clean = go(one, region, tmp_path / "a", method(region))
    seen = go(one, other, tmp_path / "b", method(region))
    assert weights(seen) == weights(clean)
    assert tuple(clean.of().index) == held_out
    assert clean.of()["held_out"].all()
    assert clean.of()["nse"].notna().all()
    columns = ["prcp", *(["et", "swe", "soil_water", "bfi"] if method is transferred else [])]
    pd.testing.assert_frame_equal(seen.of()[columns], clean.of()[columns])


def test_an_ungauged_basin_takes_after_its_twin(region: xr.Dataset, tmp_path: Path) -> None:
    """Two basins in all things alike but that one has no gauge: it runs as its twin does."""
    twin = region.isel(basin=[0]).assign_coords(basin=np.array(["twin"], object))
    both = xr.concat([region, twin], "basin")
    data = msgspec.structs.replace(DATA, basins=tuple(ids(region)), held_out=("twin",))
    given = msgspec.structs.replace(config(), data=data)
    plan = plans.temporal(given, ids(both))._replace(held_out_only=True)
    gauged = go(temporal(region), region, tmp_path, calibrated(region), "gauged").of().loc["syn-001"]
    alone = go(plan, both, tmp_path, transferred(both), "twin").of().loc["twin"]
    shown = ["nse", "kge", "bfi", "et", "swe", "soil_water", "prcp", "observed_flow"]
    pd.testing.assert_series_equal(alone[shown], gauged[shown], check_names=False, rtol=1e-5)
    # With all as donors it is the mean over them, in each basin's own weather.
    other = region.isel(basin=[1]).assign_coords(basin=np.array(["other"], object))
    both = xr.concat([both, other], "basin")
    data = msgspec.structs.replace(data, held_out=("twin", "other"))
    plan = plans.temporal(msgspec.structs.replace(given, data=data), ids(both))._replace(held_out_only=True)
    every = go(plan, both, tmp_path, transferred(both, 4), "mean").of()
    parameters = [
        msgspec.json.decode((tmp_path / "work" / "basins" / f"{b}.json").read_bytes())["parameters"]
        for b in ids(region)
    ]
    for basin in ("twin", "other"):
        part = both.sel(basin=[basin], time=slice("1997-10-01", "1999-03-31"))
        weather = model_forcing(part)
        runs = [
            plain_hbv.simulate({n: [v] for n, v in p.items()}, weather, ("et",))["et"][365:].mean()
            for p in parameters
        ]
        assert every.loc[basin, "et"] == pytest.approx(np.mean(runs), rel=1e-4)
        assert np.ptp(runs) > 0.01
        assert every.loc[basin, "prcp"] == pytest.approx(weather[365:, 0, 0].mean(), rel=1e-4)


def test_calibrated_basins_serve_every_fold_and_are_not_calibrated_again(
    region: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    make = calibration.calibrate_basin

    def counted(basin: str, *rest: object) -> calibration.Calibrated:
        if len(seen) == 2:
            seen.append("killed")
            raise Killed
        seen.append(basin)
        return make(basin, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(calibration, "calibrate_basin", counted)
    with pytest.raises(Killed):
        go(temporal(region), region, tmp_path, calibrated(region), "a")
    assert not (tmp_path / "a.parquet").exists()
    whole = go(temporal(region), region, tmp_path, calibrated(region), "a")
    assert seen == [*ids(region)[:2], "killed", *ids(region)[2:]]
    plan = plans.pub(config(), ids(region), folds=4)
    made = go(plan, region, tmp_path, transferred(region), "b")
    assert len(seen) == 5
    assert sorted(made.table["basin"]) == ids(region)
    assert made.header.trainings[0].basins == 3
    # A gauged basin is best with its own: the report sets the two beside each other.
    assert summary.gauged(made, {"a": whole}) is not None
    assert whole.header.trainings[0].iterations >= 4 * REPETITIONS * 0.9
    spent = whole.header.trainings[0].seconds
    assert spent > 0.0
    # All folds together cost what the basins did: none is calibrated for each.
    assert sum(t.seconds for t in made.header.trainings) == pytest.approx(spent, abs=0.25)


def test_an_lstm_that_is_trained_is_not_trained_again(
    region: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = go(pub(region), region, tmp_path, lstm(region))
    assert first.table["bfi"].isna().all()
    assert first.table["et"].isna().all()
    assert first.header.trainings[0].iterations == 3
    card, _ = plain_lstm.load(tmp_path / "work" / "fold_0")
    assert card.config.model.inputs[-1] == "day_length"
    assert (tmp_path / "work" / "fold_0" / "history.csv").read_text().startswith("iteration,loss\n1,")

    def never(*_: object, **__: object) -> streamflow_lstm.Learned:
        raise Killed

    monkeypatch.setattr(streamflow_lstm, "train", never)
    (tmp_path / "work" / "fold_1.nc").unlink()
    again = go(pub(region), region, tmp_path, lstm(region))
    pd.testing.assert_frame_equal(again.table, first.table)
    with pytest.raises(DhbvError, match="fold_0 was trained with another configuration"):
        go(pub(region), region, tmp_path, plain_lstm.plain_lstm(config(), region, 9, 0.3), "wider")
    other = poisoned(region, lambda r: ~in_training(r))
    with pytest.raises(DhbvError, match="fold_0 was trained with another data"):
        go(pub(region), other, tmp_path, lstm(region), "other")
    path = tmp_path / "work" / "fold_0" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(DhbvError, match=r"weights\.safetensors is damaged"):
        go(pub(region), region, tmp_path, lstm(region))


def test_the_report_shows_them_together(region: xr.Dataset, tmp_path: Path) -> None:
    go(temporal(region), region, tmp_path, calibrated(region), "HBV, SCE-UA", "site")
    go(pub(region), region, tmp_path, transferred(region), "HBV, transferred", "site")
    go(temporal(region), region, tmp_path, lstm(region), "LSTM", "lstm")
    report.write(tmp_path, tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text()
    assert "| gain of ↓ over → |" in page
    assert "plain LSTM on streamflow" in page
    assert "HBV, M = 1, SCE-UA at each gauge" in page
    assert "the same basins, trained on (other years), have a median NSE of" in page
    shown = next(line for line in page.splitlines() if line.startswith("| LSTM | 4 |"))
    assert "| – |" in shown, "an LSTM has no baseflow"
    assert results.read(tmp_path / "LSTM.parquet").header.kind == "temporal"


def test_a_period_the_data_lack_is_told(region: xr.Dataset, tmp_path: Path) -> None:
    short = region.sel(time=slice("1998-01-01", None))
    with pytest.raises(
        ConfigurationError, match=r"the data hold 1998-01-01.*not all of the period 1997-10-01"
    ):
        go(temporal(region), short, tmp_path, calibrated(region))
