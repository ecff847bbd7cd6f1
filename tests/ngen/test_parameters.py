"""Attributes, parameters and stores set by a realization; potential evaporation from a module before."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dhbv.model_directory import ModelDirectory
from dhbv.runtime import Runtime
from tests.conftest import attribute_table
from tests.ngen.components import (
    ALL,
    BALANCE,
    advance,
    by_day,
    day_by_day,
    domain,
    many,
    spun_up,
)
from tests.ngen.domain import area, hourly
from tests.ngen.probes import DEPTH, EP
from tests.ngen.rules import DriverError
from tests.small_models import small_model

DAYS = 6


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    return small_model(tmp_path_factory.mktemp("model") / "small")


def expected(model: ModelDirectory, state: Any, parameters: dict[str, list[float]]) -> np.ndarray:
    runtime = Runtime(model, ["cat-1"], attribute_table(1), parameters=parameters)
    _, water = runtime.run(state, day_by_day(hourly(DAYS, 1), attribute_table(1)["gauge_lat"]))
    return water["runoff"]


@pytest.mark.parametrize("value", [3.5, [3.5]])
def test_an_attribute_set_is_an_attribute_configured(
    model: ModelDirectory, tmp_path: Path, value: object
) -> None:
    spun_up(model, 1, tmp_path / "start.state")
    config = {"state": str(tmp_path / "start.state")}
    plain = domain(tmp_path / "plain", model, days=DAYS, config=config).run()
    configured = domain(tmp_path / "c", model, days=DAYS, config=config, attributes={"p_mean": 3.5}).run()
    given = domain(tmp_path / "s", model, days=DAYS, config=config, model_params={"p_mean": value}).run()
    assert given.outputs == configured.outputs
    assert given.depth != plain.depth
    assert given.warnings == []


def test_an_attribute_comes_from_the_hydrofabric(model: ModelDirectory, tmp_path: Path) -> None:
    wanted = {"area_gages2": {"source": "hydrofabric", "from": "areasqkm"}}
    configured = domain(tmp_path / "c", model, days=2, attributes={"area_gages2": area(0)}).run()
    assert domain(tmp_path / "s", model, days=2, model_params=wanted).run().outputs == configured.outputs


def test_a_latitude_changes_the_evaporation(model: ModelDirectory, tmp_path: Path) -> None:
    configured = domain(tmp_path / "c", model, days=2, attributes={"gauge_lat": 31.0}).run()
    given = domain(tmp_path / "s", model, days=2, model_params={"gauge_lat": 31.0}).run()
    assert given.outputs == configured.outputs
    assert given.outputs != domain(tmp_path / "p", model, days=2).run().outputs


@pytest.mark.parametrize(
    "values", [{"fc": 60.0}, {"k0": 0.9, "uzl": 0.0}, {"route_a": 2.5, "route_tau": 5.0}, {"beta": 1.5}]
)
def test_a_parameter_set_is_the_runtimes_parameter(
    model: ModelDirectory, tmp_path: Path, values: dict[str, float]
) -> None:
    _, state = spun_up(model, 1, tmp_path / "start.state")
    config = {"state": str(tmp_path / "start.state")}
    given = domain(tmp_path / "s", model, days=DAYS, config=config, model_params=values).run()
    listed = {name: [value] for name, value in values.items()}
    water = expected(model, state, listed)
    np.testing.assert_allclose(by_day(given.depth)[1:], water[:-1], rtol=0.0, atol=1e-9)
    assert np.abs(water - expected(model, state, {})).max() > 1e-3
    if "beta" in values:
        np.testing.assert_allclose(given.outputs["cat-1"]["beta"], values["beta"], rtol=1e-12)
    # The books close with the parameters too; by a tolerance of the driver.
    assert len(given.mass("cat-1")) == 24 * DAYS


def test_an_attribute_and_a_parameter_together(model: ModelDirectory, tmp_path: Path) -> None:
    both = {"p_mean": 0.5, "fc": 60.0, "k2": 0.15}
    given = domain(tmp_path / "both", model, days=3, model_params=both).run()
    half = domain(
        tmp_path / "half", model, days=3, model_params={"k2": 0.15, "fc": 60.0}, attributes={"p_mean": 0.5}
    ).run()
    assert given.outputs == half.outputs


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("fc", 5000.0, r"fc.*5000"),
        ("k0", -1.0, r"k0.*-1"),
        ("route_tau", float("nan"), r"route_tau.*nan"),
        ("field_capacity", 200.0, r"no variable 'field_capacity'"),
    ],
)
def test_an_impossible_parameter_ends_the_run_before_any_water(
    model: ModelDirectory, tmp_path: Path, name: str, value: float, message: str
) -> None:
    place = domain(tmp_path, model, days=2, model_params={name: value})
    with pytest.raises(DriverError, match=rf"(?s)§9: .*{message}"):
        place.run(1)


@pytest.mark.parametrize("name", ["p_mean", "fc", "gauge_lat"])
def test_what_is_static_cannot_be_set_once_water_flows(
    model: ModelDirectory, tmp_path: Path, name: str
) -> None:
    component, twin = many(tmp_path, model, 1), many(tmp_path, model, 1)
    for each in (component, twin):
        advance(each, hourly(2, 1), 0, 5)
    with pytest.raises(DriverError, match=rf"(?s)§9: set_value raised.*{re.escape(name)}.*update"):
        component.set(name, [55.0], component.parameter_slot(name))
    rest = [advance(each, hourly(2, 1), 5, 48).tobytes() for each in (component, twin)]
    assert rest[0] == rest[1]


@pytest.mark.parametrize("name", ["lower_zone", "snowpack__liquid-equivalent_depth", "upper_zone"])
def test_a_store_set_at_any_time_changes_the_water_and_the_books_close(
    model: ModelDirectory, tmp_path: Path, name: str
) -> None:
    spun_up(model, 1, tmp_path / "start.state")
    config = {"state": str(tmp_path / "start.state")}
    plain = domain(tmp_path / "plain", model, days=DAYS, config=config).run()
    with domain(tmp_path / "set", model, days=DAYS, config=config).open() as simulation:
        simulation.run(30)
        model_ = simulation.adapter("cat-1")
        model_.set(name, [400.0], model_.parameter_slot(name))
        assert model_.pointer(name)[0] == pytest.approx(400.0, rel=1e-12)
        simulation.run()
    assert simulation.depth["cat-1"][:48] == plain.depth["cat-1"][:48]
    assert simulation.depth["cat-1"][48:] != plain.depth["cat-1"][48:]
    into = simulation.mass("cat-1")[:, 0] - plain.mass("cat-1")[:, 0]
    out = simulation.mass("cat-1")[:, 1] - plain.mass("cat-1")[:, 1]
    assert abs(into[30] - out[30]) > 10.0, "what was added or taken is booked"


def test_a_store_may_be_a_parameter_of_the_realization(model: ModelDirectory, tmp_path: Path) -> None:
    given = domain(tmp_path / "a", model, days=3, model_params={"lower_zone": 200.0}).run()
    plain = domain(tmp_path / "b", model, days=3).run()
    assert np.sum(given.depth["cat-1"]) > 2.0 * np.sum(plain.depth["cat-1"])
    assert given.depth["cat-1"][:24] == plain.depth["cat-1"][:24]


@pytest.mark.parametrize("first", ["lower_zone", "p_mean"])
def test_a_store_and_an_attribute_may_be_set_in_any_order(
    model: ModelDirectory, tmp_path: Path, first: str
) -> None:
    """ngen sets what a realization lists in an order of its own."""
    values = {"lower_zone": 200.0, "p_mean": 3.5, "fc": 300.0}
    ordered = {first: values[first]} | values
    given = domain(tmp_path / "a", model, days=3, model_params=ordered).run()
    configured = domain(
        tmp_path / "b", model, days=3, attributes={"p_mean": 3.5}, model_params={"fc": 300.0, "lower_zone": 200.0}
    ).run()  # fmt: skip
    assert given.depth == configured.depth


def chain(**last: Any) -> list[dict[str, Any]]:
    common = {"init_config": "./config/{{id}}.yml", "allow_exceed_end_time": True}
    return [
        common | {
            "python_type": "tests.ngen.probes.Evaporation", "model_type_name": "pet", "main_output_variable": EP,
            "init_config": "./evaporation.json",
        },
        common | {
            "python_type": "bmi.DeltaHbv", "model_type_name": "delta_hbv", "main_output_variable": DEPTH,
            "mass_balance": BALANCE,
        } | last,
    ]  # fmt: skip


def test_potential_evaporation_comes_from_a_module_before(model: ModelDirectory, tmp_path: Path) -> None:
    """The probe gives mm d-1, the component wants mm h-1."""
    size = 3
    runtime, state = spun_up(model, size, tmp_path / "start.state")
    series = hourly(DAYS, size)
    hours = np.stack([0.01 * np.maximum(s["TMP_2maboveground"] - 268.15, 0.0) for s in series.values()], -1)
    days = day_by_day(series, None, ep=hours.reshape(DAYS, 24, size).sum(1))
    _, water = runtime.run(state, days)
    (tmp_path / "evaporation.json").write_text("{}", encoding="utf-8")
    place = domain(
        tmp_path, model, size, DAYS, config={"pet": "input", "state": "../start.state"}, modules=chain(),
        output_variables=[EP, *ALL, "TMP_2maboveground"],
    )  # fmt: skip
    with place.open() as simulation:
        simulation.run()
        states = simulation.save()
    assert simulation.warnings == []
    np.testing.assert_allclose(by_day(simulation.depth)[1:], water["runoff"][:-1], rtol=0.0, atol=1e-9)
    for k, name in enumerate(series):
        np.testing.assert_allclose(simulation.outputs[name][EP], 24.0 * hours[:, k], rtol=1e-12)
    assert set(states) == {f"{name}:{kind}" for name in series for kind in ("pet", "delta_hbv")}


def test_without_a_module_before_the_missing_input_is_named(model: ModelDirectory, tmp_path: Path) -> None:
    place = domain(tmp_path, model, config={"pet": "input"})
    with pytest.raises(DriverError, match=f"§6: no forcing and no earlier module gives {EP}"):
        place.run(1)
