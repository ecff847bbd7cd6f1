"""`DeltaHbv` in ngen gives the runtime's water: lagged by a day, at the right nexus, none lost."""

from __future__ import annotations

import csv
import datetime as dt
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bmi import DeltaHbv
from dhbv import model_directory
from dhbv.model_directory import ModelDirectory
from dhbv.physics.variables import VARIABLES
from dhbv.runtime import Runtime
from tests.conftest import attribute_table
from tests.ngen import forcing, hydrofabric
from tests.ngen.components import (
    advance,
    by_day,
    configuration,
    day_by_day,
    domain,
    many,
    spun_up,
)
from tests.ngen.domain import START, Domain, area, hourly, names
from tests.ngen.driver import Simulation
from tests.ngen.probes import DEPTH
from tests.small_models import small_model

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "models" / "camels_us_531"
DAYS = 14
SIZE = 3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelDirectory:
    return small_model(tmp_path_factory.mktemp("model") / "small")


def typical(model: ModelDirectory) -> dict[str, str | float]:
    """Attributes of an average training basin in New England."""
    means = {a.name: a.categories[0] if a.categories else a.mean for a in model.statistics.attributes}
    return means | {"gauge_lat": 43.1}


def test_hourly_water_is_the_runtimes_one_day_later(model: ModelDirectory, tmp_path: Path) -> None:
    runtime, state = spun_up(model, SIZE, tmp_path / "start.state")
    series = hourly(DAYS, SIZE)
    after, expected = runtime.run(state, day_by_day(series, attribute_table(SIZE)["gauge_lat"]))
    simulation = domain(tmp_path, model, SIZE, DAYS, config={"state": "../start.state"}).run()
    given = by_day(simulation.depth)
    assert expected["runoff"].max() > 1.0, "there is water to compare"
    np.testing.assert_allclose(given[1:], expected["runoff"][:-1], rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(
        given[0], state.discharge, rtol=0.0, atol=1e-9, err_msg="of the day before the start"
    )
    for depth in simulation.depth.values():
        assert (np.ptp(np.reshape(depth, (-1, 24)), axis=1) == 0.0).all(), "a day's water runs off evenly"
    assert simulation.warnings == []

    for k, (name, outputs) in enumerate(simulation.outputs.items()):
        at_the_end = {key: np.array(values)[23::24] for key, values in outputs.items()}
        for row in VARIABLES.values():
            np.testing.assert_allclose(
                at_the_end[row.bmi_name], expected[row.name][:, k], rtol=0, atol=1e-9, err_msg=row.name
            )
        into, out, stored, leaked = simulation.mass(name).T
        rain = 3600.0 * series[name]["precip_rate"]
        assert (np.abs(into - out - stored - leaked) <= 1e-9).all()
        np.testing.assert_allclose(into, np.cumsum(rain), rtol=1e-12)
        lost = 1000.0 * np.sum(simulation.depth[name]) + expected["et"][:, k].sum()
        np.testing.assert_allclose(out[-1], lost, rtol=1e-12)
        held = runtime.storage(after)[k] + after.discharge[k] - runtime.storage(state)[k] - state.discharge[k]
        np.testing.assert_allclose(stored[-1], held, rtol=0.0, atol=1e-9)
        assert (leaked == 0.0).all()
        assert (np.diff(out) >= 0.0).all()


def test_from_nothing_the_first_day_gives_nothing(model: ModelDirectory, tmp_path: Path) -> None:
    simulation = domain(tmp_path, model, 1, 3).run()
    depth = np.array(simulation.depth["cat-1"])
    assert (depth[:24] == 0.0).all()
    assert (depth[24:] > 0.0).all()
    assert not any(simulation.flow["nex-1"][:24])


def test_the_nexus_gets_the_volume_that_left_the_catchments(model: ModelDirectory, tmp_path: Path) -> None:
    spun_up(model, SIZE, tmp_path / "start.state")
    simulation = domain(tmp_path, model, SIZE, 5, config={"state": "../start.state"}).run()
    volume = [np.sum(simulation.depth[name]) * area(k) * 1e6 for k, name in enumerate(names(SIZE))]
    for nexus, expected in (("nex-1", volume[0] + volume[1]), ("nex-2", volume[2])):
        assert 3600.0 * np.sum(simulation.flow[nexus]) == pytest.approx(expected, rel=1e-12)
        assert expected > 1e4
    folder = simulation.write()
    with (folder / "nex-1_output.csv").open() as file:
        assert sum(float(row[2]) for row in csv.reader(file)) == pytest.approx(
            np.sum(simulation.flow["nex-1"])
        )
    with (folder / "cat-3.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row[DEPTH]) for row in rows] == simulation.depth["cat-3"]
    assert len(rows) == 120


def test_netcdf_forcing_is_the_same(model: ModelDirectory, tmp_path: Path) -> None:
    plain = domain(tmp_path / "a", model, 2, 3).run()
    assert domain(tmp_path / "b", model, 2, 3, provider="NetCDF").run().outputs == plain.outputs
    cached = domain(tmp_path / "c", model, 2, 3, cache_input_variable_metadata=True)
    assert cached.run().outputs == plain.outputs


def test_a_run_may_start_and_end_at_any_hour(model: ModelDirectory, tmp_path: Path) -> None:
    """The rest of the day first, flagged as incomplete; days are those of the calendar."""
    runtime, state = spun_up(model, 1, tmp_path / "start.state")
    series = hourly(4, 1)
    simulation = domain(
        tmp_path, model, 1, 4, series=series, first=7, config={"state": "../start.state"}
    ).run(60)
    seen = {c: v.copy() for c, v in series["cat-1"].items()}
    seen["precip_rate"][:7] = 0.0
    seen["TMP_2maboveground"][:7] = seen["TMP_2maboveground"][7]
    _, expected = runtime.run(state, day_by_day({"cat-1": seen}, attribute_table(1)["gauge_lat"]))
    depth = 1000.0 * np.array(simulation.depth["cat-1"])
    np.testing.assert_allclose(depth[17:41].sum(), expected["runoff"][0, 0], rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(depth[41:60], expected["runoff"][1, 0] / 24.0, rtol=0.0, atol=1e-9)
    quality = np.array(simulation.outputs["cat-1"]["quality"], int)
    assert (quality[17:40] & 8).all(), "incomplete day"
    assert not (quality[42:] & 8).any()


def test_fifty_objects_are_one_object_of_fifty(model: ModelDirectory, tmp_path: Path) -> None:
    size, days = 50, 2
    spun_up(model, size, tmp_path / "start.state")
    series = hourly(days, size)
    together = advance(many(tmp_path, model, size, state="../start.state"), series, 0, 24 * days)
    alone = domain(tmp_path, model, size, days, config={"state": "../start.state"}).run()
    for k, outputs in enumerate(alone.outputs.values()):
        np.testing.assert_allclose(np.array([*outputs.values()]).T, together[:, :, k], rtol=1e-12, atol=1e-15)


def test_finalize_is_called_once_and_silent_and_may_be_called_again(
    model: ModelDirectory, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place = domain(tmp_path, model)
    with place.open() as simulation:
        simulation.run(30)
        capfd.readouterr()
    component = simulation.adapter("cat-1")
    assert component.calls.count("finalize") == 1
    assert capfd.readouterr() == ("", "")
    # t-route's class is finalized twice; an object may also never have been initialised.
    for bmi in (component._model, DeltaHbv()):
        bmi.finalize()
        bmi.finalize()
    assert capfd.readouterr() == ("", "")


def test_a_run_needs_no_torch(model: ModelDirectory, tmp_path: Path) -> None:
    place = domain(tmp_path, model, provider="NetCDF")
    script = (
        "import sys; from pathlib import Path; from tests.ngen.driver import Simulation; "
        "r, c, n = map(Path, sys.argv[1:]); s = Simulation(r, c, n); s.run(); s.close(); "
        "assert s.depth['cat-1'][-1] > 0.0; "
        "print(*{'torch', 'prefect', 'pydantic', 'matplotlib', 'typer'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, place.realization, place.catchments, str(place.nexuses)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


def test_the_sample_domain_runs_as_it_is(shared: Path, tmp_path: Path) -> None:
    """The realization that ran in ngen itself, not changed by a letter."""
    shutil.copytree(shared.parent / "ngen" / "sample", tmp_path, dirs_exist_ok=True)
    shipped = model_directory.load(SHIPPED)
    (tmp_path / "config").mkdir()
    start = dt.datetime(2015, 12, 1)
    text = configuration(tmp_path, shipped, ["cat-1"], typical(shipped), start_time=start)
    (tmp_path / "config" / "cat-1.yml").write_text(text, encoding="utf-8")
    place = Domain(
        tmp_path, tmp_path / "realization.json", tmp_path / "catchments.geojson", tmp_path / "nexus.geojson"
    )
    simulation = place.run()
    assert simulation.steps == 72
    assert simulation.warnings == []
    runtime = Runtime(shipped, ["cat-1"], {k: [v] for k, v in typical(shipped).items()})
    series = {
        "cat-1": _columns(forcing.read_csv(tmp_path / "forcing" / "cat-1.csv", start, simulation.judge))
    }
    days = day_by_day(series, [43.1], start)
    _, expected = runtime.run(runtime.cold_state(np.datetime64(start, "D")), days)
    np.testing.assert_allclose(by_day(simulation.depth)[1:], expected["runoff"][:2], rtol=0.0, atol=1e-9)
    rows = (simulation.write() / "cat-1.csv").read_text().splitlines()
    assert rows[0] == "Time Step,Time,runoff_m,baseflow"
    assert rows[-1].startswith("71,2015-12-03 23:00:00,")


def _columns(weather: forcing.Forcing) -> dict[str, np.ndarray]:
    return {name: weather.series[name].values for name in ("precip_rate", "TMP_2maboveground")}


@pytest.mark.parametrize("provider", ["CsvPerFeature", "NetCDF"])
def test_a_real_domain_of_five_divides_runs_with_the_shipped_model(
    shared: Path, tmp_path: Path, provider: str
) -> None:
    real = shared / "ngen_01073000"
    shipped, start = model_directory.load(SHIPPED), dt.datetime(2015, 12, 1)
    known = hydrofabric.catchments(real / "gauge_01073000.gpkg")
    # The realization of a synthetic domain, with the real domain's places put in.
    place = domain(tmp_path, shipped, config={"start_time": start}, output_variables=[DEPTH])
    text = place.realization.read_text()
    text = text.replace("2000-12-20", "2015-12-01").replace("2000-12-23", "2015-12-30")
    text = text.replace("./forcing/", str(real / "forcing"))
    if provider == "NetCDF":
        text = text.replace("CsvPerFeature", "NetCDF").replace(
            str(real / "forcing"), str(real / "forcing.nc")
        )
    place.realization.write_text(text)
    for name in known:
        config = configuration(tmp_path, shipped, [name], typical(shipped), start_time=start)
        (tmp_path / "config" / f"{name}.yml").write_text(config, encoding="utf-8")
    with Simulation(place.realization, real / "gauge_01073000.gpkg", root=tmp_path) as simulation:
        simulation.run()
    assert simulation.steps == 720
    assert simulation.warnings == []
    assert set(simulation.flow) == {"nex-11223", "nex-11224", "nex-11225"}
    runtime = Runtime(shipped, list(known), {k: [v] * len(known) for k, v in typical(shipped).items()})
    series = {
        n: _columns(forcing.read_csv(real / "forcing" / f"{n}.csv", start, simulation.judge)) for n in known
    }
    days = day_by_day(series, [43.1] * len(known), start)
    _, expected = runtime.run(runtime.cold_state(np.datetime64(start, "D")), days)
    # Single precision in the NetCDF file.
    tolerance = 1e-9 if provider == "CsvPerFeature" else 1e-5
    given = by_day(simulation.depth)
    np.testing.assert_allclose(given[1:], expected["runoff"][:-1], rtol=0.0, atol=tolerance)
    assert given.max() > 0.01
    volume = sum(3600.0 * np.sum(flow) for flow in simulation.flow.values())
    assert volume == pytest.approx(
        sum(given[:, k].sum() * c.area * 1e3 for k, c in enumerate(known.values()))
    )


def test_the_days_tested_cross_the_end_of_a_leap_year() -> None:
    last = START + dt.timedelta(days=DAYS - 1)
    assert START.timetuple().tm_yday < 366
    assert last.year == START.year + 1
