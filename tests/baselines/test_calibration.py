"""SCE-UA finds the flow of basins whose parameters are known, from training days alone, and is not done twice."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("spotpy")

from dhbv.baselines import calibration
from dhbv.baselines.calibration import Calibrated, Record, Sceua, calibrate, calibrate_basin
from dhbv.baselines.plain_hbv import FREE, simulate
from dhbv.errors import DhbvError
from dhbv.physics import hbv
from dhbv.physics.unit_hydrograph import route, unit_hydrograph
from tests.conftest import weather

DAYS, WARMUP = 700, 200
QUICK = Sceua(repetitions=1500, warmup_days=WARMUP)


class Killed(Exception):
    pass


def truth(seed: int) -> dict[str, list[float]]:
    rng = np.random.default_rng(seed)
    return {p.name: [p.scale(x)] for p, x in zip(FREE, rng.uniform(0.2, 0.8, len(FREE)), strict=True)}


def record(seed: int) -> Record:
    days = weather(DAYS, 1, seed).astype(np.float32)
    return Record(days[:, 0], simulate(truth(seed), days)["runoff"][:, 0])


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    return {"a": record(1), "b": record(2)}


@pytest.fixture(scope="module")
def found(records: dict[str, Record], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Calibrated]:
    return calibrate(records, QUICK, tmp_path_factory.mktemp("basins"), processes=2)


def nse(simulated: NDArray[np.floating], observed: NDArray[np.floating]) -> float:
    return float(1.0 - np.mean((simulated - observed) ** 2) / np.var(observed))


def test_a_run_is_that_of_the_equations() -> None:
    """Two columns with other parameters each, against numpy day by day and routing flux by flux."""
    days = weather(200, 2).astype(np.float32)
    both = {p.name: np.float32([*truth(1)[p.name], *truth(2)[p.name]]) for p in FREE}
    ran = simulate(both, days, ("baseflow", "et", "soil_water"))
    columns = {name: value[:, None] for name, value in both.items() if not name.startswith("route_")}
    _, plain = hbv.simulate(
        hbv.initial_stores(columns["fc"]), days, columns, ("q0", "q1", "q2", "et", "soil_water")
    )
    u = unit_hydrograph(both["route_a"], both["route_tau"])
    parts = [route(plain[name], u)[0] for name in ("q0", "q1", "q2")]
    np.testing.assert_allclose(ran["runoff"], sum(parts), rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(ran["baseflow"], parts[2], rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(ran["et"], plain["et"], rtol=2e-4, atol=2e-4)
    np.testing.assert_allclose(ran["soil_water"], plain["soil_water"], rtol=2e-4, atol=2e-4)


def test_the_flow_of_known_parameters_is_found(
    records: dict[str, Record], found: dict[str, Calibrated]
) -> None:
    for basin, one in found.items():
        flow = records[basin].flow
        θ = {name: [value] for name, value in one.parameters.items()}
        again = simulate(θ, records[basin].weather[:, None])["runoff"][:, 0]
        assert nse(again[WARMUP:], flow[WARMUP:]) > 0.95
        rmse = np.sqrt(np.mean((again[WARMUP:] - flow[WARMUP:]) ** 2))
        assert one.rmse == pytest.approx(rmse, rel=1e-5)
        assert one.runs > 200
        for p in FREE:
            assert p.lower <= one.parameters[p.name] <= p.upper
    # And in weather that was not calibrated on.
    other = weather(DAYS, 1, seed=9).astype(np.float32)
    for seed, one in zip((1, 2), found.values(), strict=True):
        θ = {name: [value] for name, value in one.parameters.items()}
        pair = (simulate(x, other)["runoff"][WARMUP:, 0] for x in (θ, truth(seed)))
        assert nse(*pair) > 0.9


def test_a_basin_hangs_on_nothing_but_itself(
    records: dict[str, Record], found: dict[str, Calibrated], tmp_path: Path
) -> None:
    """Alone, in this process, and with the generators of others left as they were."""
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    alone = calibrate({"b": records["b"]}, QUICK, tmp_path)["b"]
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002
    assert alone.parameters == found["b"].parameters
    assert alone.runs == found["b"].runs


def test_the_search_goes_to_the_ends_of_the_ranges() -> None:
    asked = calibration._ranges()
    assert [(r.name, r.minbound, r.maxbound) for r in asked] == [(p.name, p.lower, p.upper) for p in FREE]


def test_days_of_warm_up_and_days_without_observation_do_not_count(records: dict[str, Record]) -> None:
    few = Sceua(repetitions=300, warmup_days=WARMUP)
    flow = records["a"].flow.copy()
    flow[WARMUP::7] = np.nan
    clean = calibrate_basin("a", Record(records["a"].weather, flow), few)
    flow = flow.copy()
    flow[:WARMUP] = 1e6
    poisoned = calibrate_basin("a", Record(records["a"].weather, flow), few)
    assert poisoned.parameters == clean.parameters
    assert poisoned.rmse == clean.rmse


def test_another_seed_searches_elsewhere(records: dict[str, Record]) -> None:
    one, two = (
        calibrate_basin("a", records["a"], Sceua(repetitions=250, warmup_days=WARMUP, seed=s)) for s in (0, 1)
    )
    assert one.parameters != two.parameters


def test_what_is_done_is_not_done_again(
    records: dict[str, Record], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = Sceua(repetitions=250, warmup_days=WARMUP)
    whole = calibrate(records, few, tmp_path / "whole")
    seen: list[str] = []
    make = calibration.calibrate_basin

    def counted(basin: str, record: Record, settings: Sceua) -> Calibrated:
        if basin == "b" and not seen.count("b"):
            seen.append(basin)
            raise Killed
        seen.append(basin)
        return make(basin, record, settings)

    monkeypatch.setattr(calibration, "calibrate_basin", counted)
    with pytest.raises(Killed):
        calibrate(records, few, tmp_path)
    told: list[str] = []
    resumed = calibrate(records, few, tmp_path, on_basin=told.append)
    assert seen == ["a", "b", "b"]
    assert told == ["a", "b"]
    assert _parameters(resumed) == _parameters(whole)
    assert list(calibrate(dict(reversed(records.items())), few, tmp_path)) == ["b", "a"]
    assert seen == ["a", "b", "b"]


def _parameters(found: Mapping[str, Calibrated]) -> dict[str, dict[str, float]]:
    return {basin: one.parameters for basin, one in found.items()}


def other_settings(records: dict[str, Record]) -> tuple[dict[str, Record], Sceua]:
    return records, Sceua(repetitions=211, warmup_days=WARMUP)


def other_flow(records: dict[str, Record]) -> tuple[dict[str, Record], Sceua]:
    changed = records["a"]._replace(flow=records["a"].flow + np.float32(1.0))
    return {**records, "a": changed}, Sceua(repetitions=210, warmup_days=WARMUP)


@pytest.mark.parametrize("change", [other_settings, other_flow])
def test_basins_calibrated_otherwise_are_refused(
    change: object, records: dict[str, Record], tmp_path: Path
) -> None:
    calibrate({"a": records["a"]}, Sceua(repetitions=210, warmup_days=WARMUP), tmp_path)
    assert callable(change)
    with pytest.raises(DhbvError, match=r"a\.json was calibrated with other settings or other data"):
        calibrate(*change(records), tmp_path)


def test_a_damaged_basin_and_one_without_flow_are_told(records: dict[str, Record], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DhbvError, match=r"a\.json cannot be read as a calibrated basin"):
        calibrate(records, QUICK, tmp_path)
    flow = records["a"].flow.copy()
    flow[WARMUP:] = np.nan
    with pytest.raises(DhbvError, match="basin c: no observed flow in the 700 training days after 200"):
        calibrate({"c": records["a"]._replace(flow=flow)}, QUICK, tmp_path)
    assert not (tmp_path / "c.json").exists()


@pytest.fixture(autouse=True)
def quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """spotpy prints a line a loop; none of it may come through."""
    yield
    assert "SCE-UA" not in capfd.readouterr().out
