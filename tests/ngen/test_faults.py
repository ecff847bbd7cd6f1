"""Weather that cannot be true never reaches the nexus: it is mended as configured, counted, flagged, or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bmi.quality import Quality
from dhbv.model_directory import ModelDirectory
from tests.ngen.components import domain, spun_up
from tests.ngen.domain import FREEZING, hourly
from tests.ngen.driver import Simulation
from tests.ngen.rules import DriverError
from tests.small_models import small_model

Columns = dict[str, NDArray[np.float64]]
RAIN, TEMPERATURE = "precip_rate", "TMP_2maboveground"
DAYS = 5
HOUR = 30


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    return small_model(tmp_path_factory.mktemp("model") / "small")


@pytest.fixture(scope="module")
def state(model: ModelDirectory) -> str:
    path = model.path.parent / "start.state"
    spun_up(model, 1, path)
    return str(path)


@pytest.fixture
def run(model: ModelDirectory, state: str, tmp_path: Path) -> Callable[..., Simulation]:
    """A run over weather: run(columns of cat-1, **configuration), from full stores."""
    count = iter(range(10))

    def make(columns: Columns, **config: object) -> Simulation:
        folder = tmp_path / f"run-{next(count)}"
        return domain(
            folder, model, series={"cat-1": columns}, config={"state": state} | config,
            output_variables=["quality", "input_faults"],
        ).run()  # fmt: skip

    return make


def weather() -> Columns:
    """Days whose hours around `HOUR` are wet."""
    columns = dict(hourly(DAYS, 1)["cat-1"])
    columns[RAIN] = columns[RAIN].copy()
    columns[RAIN][HOUR - 6 : HOUR + 6] += 1.0 / 3600.0
    return columns


def changed(column: str, hours: int | slice, value: Any) -> Columns:
    columns = weather()
    columns[column] = columns[column].copy()
    columns[column][hours] = value
    return columns


def test_clean_weather_raises_no_flag(run: Callable[..., Simulation]) -> None:
    outputs = run(weather()).outputs["cat-1"]
    assert set(outputs["quality"][48:]) <= {0.0, 256.0}, "nothing but attributes outside training"
    assert set(outputs["input_faults"]) == {0.0}


KINDS = {
    "NaN": np.nan, "-9999": -9999.0, "-999": -999.0, "inf": np.inf, "-inf": -np.inf, "huge": 1e30, "fill": 9.96921e36,
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "column", "length"),
    [(kind, column, length) for kind in KINDS for column, length in ((RAIN, 3), (TEMPERATURE, 6))]
    + [("NaN", RAIN, 1), ("NaN", TEMPERATURE, 1), ("-9999", TEMPERATURE, 24)],
)
def test_a_missing_value_is_held_counted_and_flagged(
    run: Callable[..., Simulation], kind: str, column: str, length: int
) -> None:
    given = run(changed(column, slice(HOUR, HOUR + length), KINDS[kind]))
    held = run(changed(column, slice(HOUR, HOUR + length), weather()[column][HOUR - 1]))
    check(given, held, Quality.HELD, length)


def check(given: Simulation, expected: Simulation, flag: Quality, faults: int) -> None:
    """The water of the expected run, every replaced value counted, the day's water flagged."""
    assert given.warnings == []
    assert given.flow == expected.flow
    flow = np.array(given.flow["nex-1"])
    assert np.isfinite(flow).all()
    assert (flow > 0.0).all()
    outputs = given.outputs["cat-1"]
    assert outputs["input_faults"][-1] == faults
    assert expected.outputs["cat-1"]["input_faults"][-1] == 0.0
    quality = np.array(outputs["quality"], int)
    end_of_day = 24 * (HOUR // 24 + 1)
    assert (quality[end_of_day : end_of_day + 23] & flag).all()
    assert not (quality[: HOUR - 1] & flag).any()
    last_hour = 24 * ((HOUR + faults - 1) // 24 + 2)
    assert not (quality[last_hour:] & flag).any(), "clean days are not flagged"


@pytest.mark.parametrize("value", [-1e-6, -0.001, -0.2])
def test_negative_rain_is_none(run: Callable[..., Simulation], value: float) -> None:
    given = run(changed(RAIN, slice(HOUR, HOUR + 3), value))
    check(given, run(changed(RAIN, slice(HOUR, HOUR + 3), 0.0)), Quality.FILLED, 3)


def test_kelvin_taken_for_celsius_are_converted(run: Callable[..., Simulation]) -> None:
    plain = weather()
    mistaken = {RAIN: plain[RAIN], f"{TEMPERATURE} [degC]": plain[TEMPERATURE]}
    given, expected = run(mistaken), run(plain)
    np.testing.assert_allclose(given.flow["nex-1"], expected.flow["nex-1"], rtol=1e-12)
    outputs = given.outputs["cat-1"]
    assert outputs["input_faults"][-1] == 24 * DAYS
    assert (np.array(outputs["quality"], int)[24:] & Quality.CONVERTED).all()


def test_celsius_declared_as_kelvin_does_no_harm(run: Callable[..., Simulation]) -> None:
    """-266 degC after udunits: no weather has it."""
    plain = weather()
    wrong = {RAIN: plain[RAIN], TEMPERATURE: plain[TEMPERATURE] - FREEZING}
    given = run(wrong)
    assert np.isfinite(given.flow["nex-1"]).all()
    assert given.outputs["cat-1"]["input_faults"][-1] == 24 * DAYS


@pytest.mark.parametrize("hours", [1, 6, 24, 72])
def test_missing_weather_of_all_kinds_is_never_silent(run: Callable[..., Simulation], hours: int) -> None:
    """Rain held for three hours, temperature for a day; then no rain at the last day's temperature."""
    columns = changed(RAIN, slice(HOUR, HOUR + hours), np.nan)
    columns[TEMPERATURE] = changed(TEMPERATURE, slice(HOUR, HOUR + hours), np.nan)[TEMPERATURE]
    given = run(columns)
    flow = np.array(given.flow["nex-1"])
    assert np.isfinite(flow).all()
    assert (flow > 0.0).all()
    quality = np.array(given.outputs["cat-1"]["quality"], int)
    for day in range((HOUR + hours - 1) // 24 - HOUR // 24 + 1):
        end = 24 * (HOUR // 24 + 1 + day)
        assert (quality[end : end + 23] & (Quality.HELD | Quality.FILLED)).all()
    assert bool((quality & Quality.FILLED).any()) == (hours > 3)
    assert given.outputs["cat-1"]["input_faults"][-1] == 2 * hours


def test_a_long_gap_has_no_rain(run: Callable[..., Simulation]) -> None:
    given = run(changed(RAIN, slice(HOUR, HOUR + 60), np.nan))
    expected = changed(RAIN, slice(HOUR, HOUR + 60), 0.0)
    expected[RAIN][HOUR : HOUR + 3] = weather()[RAIN][HOUR - 1]
    assert given.flow == run(expected).flow


def test_nothing_but_faults_from_the_start_gives_finite_water(run: Callable[..., Simulation]) -> None:
    for bad in (np.nan, -9999.0, np.inf):
        columns = {name: np.full(24 * DAYS, bad) for name in (RAIN, TEMPERATURE)}
        given = run(columns)
        flow = np.array(given.flow["nex-1"])
        assert np.isfinite(flow).all()
        assert (flow >= 0.0).all()
        quality = np.array(given.outputs["cat-1"]["quality"], int)
        assert (quality[24:] & Quality.FILLED).all()


@pytest.mark.parametrize(
    ("key", "columns", "message"),
    [
        ("missing", changed(RAIN, HOUR, np.nan), r"precipitation_rate is nan mm h-1 at 2000-12-21T06"),
        ("missing", changed(TEMPERATURE, HOUR, -9999.0), r"air__temperature is -10272(\.\d+)? degC at 2000-12-21T06"),
        ("negative", changed(RAIN, HOUR, -0.001), r"precipitation_rate is -3\.6 mm h-1 at 2000-12-21T06"),
        ("kelvin", changed(TEMPERATURE, HOUR, 280.0 + FREEZING), r"air__temperature is 280 degC at 2000-12-21T06"),
    ],
)  # fmt: skip
def test_a_refused_fault_ends_the_run_and_says_where(
    run: Callable[..., Simulation], key: str, columns: Columns, message: str
) -> None:
    with pytest.raises(
        DriverError, match=rf"(?s)§9: update raised.*catchment cat-1: .*{message}.*inputs.{key}"
    ):
        run(columns, inputs={key: "refuse"})
