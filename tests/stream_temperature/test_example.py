"""The example downstream of `bmi.DeltaHbv`: by hand, and in ngen's driver against the exporter's days."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dhbv.errors import ConfigurationError, DhbvError
from dhbv.model_directory import ModelDirectory
from dhbv.stream_temperature.export import assemble
from dhbv.stream_temperature.sources import FLOOR
from tests.conftest import attribute_table
from tests.ngen.components import day_by_day, domain, spun_up
from tests.ngen.domain import START, Domain, hourly, names
from tests.ngen.rules import DriverError
from tests.small_models import small_model

EXAMPLE = Path(__file__).parents[2] / "examples" / "stream_temperature"
DOCUMENT = Path(__file__).parents[2] / "docs" / "stream_temperature.md"
DAYS, SIZE = 5, 2
WATER = "channel_water__temperature"
CSDMS = {
    "srflow": "soil_surface_water__runoff_volume_flux",
    "ssflow": "land_subsurface_water__runoff_volume_flux",
    "gwflow": "land_surface_water__baseflow_volume_flux",
}
Values = dict[str, float]


@pytest.fixture(scope="module")
def example() -> Iterator[Any]:
    sys.path.insert(0, str(EXAMPLE))
    import stream_temperature  # type: ignore[import-not-found]

    yield stream_temperature
    sys.path.remove(str(EXAMPLE))
    del sys.modules["stream_temperature"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    return small_model(tmp_path_factory.mktemp("model") / "small")


def history(days: int = 365, size: int = SIZE) -> pd.DataFrame:
    """Air temperature of the days before START, another in each catchment."""
    rng = np.random.default_rng(5)
    dates = pd.date_range(end=pd.Timestamp(START) - pd.Timedelta(days=1), periods=days, name="date")
    return pd.DataFrame(rng.normal(8.0, 6.0, (days, size)), dates, names(size))


def run_folder(folder: Path, model: ModelDirectory, *, offset: int = 0, **changes: Any) -> Domain:
    """A domain run by the example's realization; only its period is another."""
    made = domain(
        folder, model, SIZE, DAYS, config={"state": "../start.state", "utc_offset": offset, **changes}
    )
    time = json.loads(made.realization.read_text())["time"]
    content = json.loads((EXAMPLE / "realization.json").read_text()) | {"time": time}
    made.realization.write_text(json.dumps(content))
    (folder / "modules").mkdir()
    shutil.copy(EXAMPLE / "stream_temperature.py", folder / "modules")
    text = (EXAMPLE / "stream_temperature.yml").read_text()
    for name in names(SIZE):
        own = text.replace("2015-12-01 00:00:00", str(START)).replace("cat-1]", f"{name}]")
        own = own.replace("utc_offset: 0", f"utc_offset: {offset}")
        (folder / "config" / f"stream_temperature_{name}.yml").write_text(own)
    history(366).to_csv(folder / "config" / "air_temperature.csv")
    return made


@pytest.fixture
def _forgotten() -> Iterator[None]:
    """The driver imports the module from the run folder, which is gone after the test."""
    before = list(sys.path)
    yield
    sys.path[:] = before
    sys.modules.pop("stream_temperature", None)


@pytest.mark.usefixtures("_forgotten")
def test_water_temperature_in_ngen_is_that_of_the_exporters_day_before(
    model: ModelDirectory, tmp_path: Path
) -> None:
    runtime, state = spun_up(model, SIZE, tmp_path / "start.state")
    series = hourly(DAYS, SIZE)
    weather = day_by_day(series, attribute_table(SIZE)["gauge_lat"])
    _, expected = runtime.run(state, weather)
    with run_folder(tmp_path, model).open() as simulation:
        simulation.run()
        calls = simulation.adapter("cat-1").calls
        given = {n: np.array(o[WATER]).reshape(DAYS, 24) for n, o in simulation.outputs.items()}
    assert simulation.warnings == []
    assert calls.count("update") == DAYS * 24

    past = history(366).iloc[1:]
    days = pd.date_range(START, periods=DAYS)
    air = pd.concat([past, pd.DataFrame(weather[..., 1], days, names(SIZE))])
    own = {"srflow": "surface_runoff", "ssflow": "interflow", "gwflow": "baseflow", "PET": "pet", "AET": "et"}
    fluxes = xr.Dataset(
        {name: (("basin", "time"), expected[row].T) for name, row in own.items()},
        {"basin": names(SIZE), "time": days},
    )
    exported = assemble(
        fluxes, xr.DataArray(air.T.to_numpy(), {"basin": names(SIZE), "time": air.index}, ("basin", "time"))
    )
    for name, hours in given.items():
        assert (np.ptp(hours, axis=1) == 0.0).all(), "the same all day, as the runoff given out"
        of = exported.sel(basin=name)
        flow = np.array([of.srflow, of.ssflow, of.gwflow])
        source = np.maximum([of.T1, of.T30, of.T365], 0.0)
        np.testing.assert_allclose(
            hours[1:, 0], ((flow * source).sum(0) / flow.sum(0))[:-1], rtol=0, atol=1e-9
        )
        # DeltaHbv knows no flows but their sum before its first day is over: groundwater, by the floor.
        np.testing.assert_allclose(hours[0, 0], max(past[name].mean(), 0.0), rtol=0, atol=1e-9)
    assert np.ptp(np.stack([*given.values()])) > 0.5, "there is something to compare"


@pytest.mark.usefixtures("_forgotten")
def test_days_end_where_those_of_the_water_do(model: ModelDirectory, tmp_path: Path) -> None:
    spun_up(model, SIZE, tmp_path / "start.state")
    # 5 h west of UTC: the run begins at 19 h of the day before, for which the history must do.
    made = run_folder(tmp_path, model, offset=-5, max_gap=31)
    simulation = made.run()
    for outputs in simulation.outputs.values():
        water = np.array(outputs[WATER])
        changes = np.flatnonzero(np.diff(water)) + 1
        assert changes.tolist() == [5, 29, 53, 77, 101], "at local midnight"
        depth = np.array(outputs["land_surface_water__runoff_depth"])
        assert set(np.flatnonzero(np.diff(depth)) + 1) <= set(changes), "with the water"


@pytest.mark.usefixtures("_forgotten")
def test_the_order_of_the_modules_matters(model: ModelDirectory, tmp_path: Path) -> None:
    spun_up(model, SIZE, tmp_path / "start.state")
    made = run_folder(tmp_path, model)
    content = json.loads(made.realization.read_text())
    content["global"]["formulations"][0]["params"]["modules"].reverse()
    made.realization.write_text(json.dumps(content))
    with pytest.raises(DriverError, match="no forcing and no earlier module gives soil_surface_water"):
        made.run(1)


def alone(example: Any, folder: Path, past: pd.DataFrame, **changes: Any) -> Any:
    """The component on its own, initialised."""
    content = {"catchments": [*past.columns], "start_time": START, "history": "air.csv"} | changes
    lines = [f"{k}: {v if isinstance(v, dt.datetime) else json.dumps(v)}" for k, v in content.items()]
    (folder / "water.yml").write_text("\n".join(lines) + "\n")
    past.to_csv(folder / "air.csv")
    component = example.StreamTemperature()
    component.initialize(str(folder / "water.yml"))
    return component


def water(component: Any, hours: int, air: float, **flows: float) -> float:
    """Temperature after some hours of the same."""
    for _ in range(hours):
        for name, value in {CSDMS[k]: v for k, v in flows.items()}.items():
            component.set_value(name, np.array([value]))
        component.set_value("land_surface_air__temperature", np.array([air]))
        component.update()
    return float(component.get_value_ptr(WATER)[0])


@pytest.mark.parametrize(
    ("flows", "expected"),
    [
        ({"srflow": 1.0, "ssflow": 0.0, "gwflow": 0.0}, 12.0),
        ({"srflow": 0.0, "ssflow": 2.0, "gwflow": 0.0}, (30 - 1) / 30 * 6.0 + 12.0 / 30),
        ({"srflow": 0.0, "ssflow": 0.0, "gwflow": 3.0}, ((365 - 30) * 2.0 + 29 * 6.0 + 12.0) / 365),
        ({"srflow": 1.0, "ssflow": 1.0, "gwflow": 2.0}, (12.0 + 6.2 + 2 * 856.0 / 365) / 4),
        ({"srflow": 0.0, "ssflow": 0.0, "gwflow": 0.0}, 856.0 / 365),
    ],
    ids=["surface", "interflow", "baseflow", "mixed", "dry"],
)
def test_mixing_by_hand(example: Any, tmp_path: Path, flows: Values, expected: float) -> None:
    # A year of 2 °C, of which the last 29 days 6 °C; then a day of 12 °C.
    past = history(size=1)
    past.iloc[:, 0] = 2.0
    past.iloc[-29:, 0] = 6.0
    component = alone(example, tmp_path, past)
    water(component, 24, 12.0, **flows)
    assert water(component, 1, -40.0, **flows) == pytest.approx(expected, abs=1e-12)


def test_no_source_is_colder_than_ice(example: Any, tmp_path: Path) -> None:
    past = history(size=1) * 0.0 + 4.0
    component = alone(example, tmp_path, past)
    water(component, 24, -20.0, srflow=1.0, ssflow=0.0, gwflow=1.0)
    expected = 0.5 * (365 * 4.0 - 4.0 - 20.0) / 365
    assert water(component, 1, 0.0, srflow=1.0, ssflow=0.0, gwflow=1.0) == pytest.approx(expected)


def test_a_trickle_is_lifted_to_the_floor_by_groundwater(example: Any, tmp_path: Path) -> None:
    past = history(size=1) * 0.0 + 4.0
    component = alone(example, tmp_path, past)
    water(component, 24, 20.0, srflow=0.25 * FLOOR, ssflow=0.0, gwflow=0.0)
    ground = (364 * 4.0 + 20.0) / 365
    expected = 0.25 * 20.0 + 0.75 * ground
    assert water(component, 1, 0.0, srflow=0.0, ssflow=0.0, gwflow=0.0) == pytest.approx(expected)


def test_several_catchments_are_a_vector(example: Any, tmp_path: Path) -> None:
    past = history(size=3)
    component = alone(example, tmp_path, past)
    for name in component.get_input_var_names():
        component.set_value(name, np.zeros(3))
    component.update()
    np.testing.assert_allclose(component.get_value_ptr(WATER), past.mean().clip(lower=0.0))


def test_a_history_shorter_than_a_year_is_refused(example: Any, tmp_path: Path) -> None:
    with pytest.raises(
        DhbvError, match="lacks 1 of the 365 days before 2000-12-20, the first of them 1999-12-21"
    ):
        alone(example, tmp_path, history(364))
    with pytest.raises(DhbvError, match="no column 'cat-9'"):
        alone(example, tmp_path, history(), catchments=["cat-9"])
    hole = history()
    hole.iloc[7, 0] = np.nan
    with pytest.raises(DhbvError, match="holds a temperature that is no number"):
        alone(example, tmp_path, hole)
    with pytest.raises(ConfigurationError, match="floor"):
        alone(example, tmp_path, history(), floor=3)


def test_the_document_names_the_files_and_the_classes(example: Any) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in ("realization.json", "stream_temperature.py", "stream_temperature.yml"):
        assert name in text
        assert (EXAMPLE / name).is_file()
    realization = (EXAMPLE / "realization.json").read_text()
    (module, kind) = re.findall(r'"python_type": "(stream_\w+)\.(\w+)"', realization)[0]
    assert module == example.__name__
    assert hasattr(example, kind)
