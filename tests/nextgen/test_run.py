"""A run folder is run as ngen runs it, and gives the water of the runtime over the same days."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dhbv import model_directory
from dhbv.data.nextgen import read_forcing
from dhbv.model_directory import ModelDirectory
from dhbv.nextgen import gathering
from dhbv.nextgen.realization import Realization
from dhbv.physics.hargreaves import mean_temperature, potential_evaporation
from dhbv.runtime import Runtime
from tests.nextgen.conftest import ATTRIBUTES, IDS, write_attributes, write_hydrofabric, write_netcdf_forcing
from tests.nextgen.test_setup import saved_state
from tests.ngen.driver import Simulation
from tests.small_models import small_model
from tests.test_cli import dhbv

Run = Callable[..., Path]


def simulated(folder: Path, hydrofabric: Path) -> Simulation:
    with Simulation(Realization(folder).path, hydrofabric, root=folder) as simulation:
        return simulation.run()


def water(
    model: ModelDirectory, forcing: Path, *, routed: bool, ids: tuple[str, ...] = IDS, utc_offset: int = 0
) -> np.ndarray:
    """The runtime's runoff, mm d-1 [day, catchment], from empty stores."""
    ds = read_forcing(forcing, ids, utc_offset=utc_offset)
    p, tmin, tmax = (
        ds[n].transpose("time", "basin").values.astype(np.float64) for n in ("prcp", "tmin", "tmax")
    )
    ep = potential_evaporation(tmin, tmax, ATTRIBUTES["gauge_lat"], ds["time"].dt.dayofyear.values[:, None])
    runtime = Runtime(model, ids, {k: [v] * len(ids) for k, v in ATTRIBUTES.items()})
    weather = np.stack([p, mean_temperature(tmin, tmax), ep], -1)
    names = ("runoff",) if routed else ("q0", "q1", "q2")
    day = ds["time"].values[0].astype("datetime64[D]")
    return sum(runtime.run(runtime.cold_state(day), weather, names)[1].values())  # type: ignore[return-value]


FORMS = [((), True), (("--multi",), True), (("--t-route",), False), (("--layout", "ngiab"), True), (("--layout", "ngiab", "--multi", "--t-route"), False)]  # fmt: skip


@pytest.mark.parametrize(("options", "routed"), FORMS, ids=[" ".join(f[0]) or "plain" for f in FORMS])
def test_every_form_gives_the_runtimes_water(
    run: Run, model: ModelDirectory, tmp_path: Path, options: tuple[str, ...], routed: bool
) -> None:
    place = (
        write_netcdf_forcing(tmp_path / "run" / "forcings" / "forcings.nc") if "ngiab" in options else None
    )
    folder = run(*options, *(("--forcing", place) if place else ()))
    if "--t-route" in options:
        (folder / "config").mkdir(exist_ok=True)
        (folder / "config" / "troute.yaml").write_text("{}\n")
    assert dhbv("ngen", "check", folder).code == 0
    done = simulated(folder, write_hydrofabric(tmp_path / "h.gpkg"))
    expected = water(model, place or tmp_path / "forcing", routed=routed)
    assert expected[1].max() > 1e-3, "there is water to compare"
    for k, name in enumerate(IDS):
        depth = 1000.0 * np.array(done.depth[name]).reshape(3, 24).sum(1)
        assert depth[0] == 0.0, "outputs lag by a day"
        np.testing.assert_allclose(depth[1:], expected[:-1, k], rtol=1e-4, atol=1e-7)
    assert not done.warnings


def test_a_local_day_ends_at_local_midnight(run: Run, model: ModelDirectory, tmp_path: Path) -> None:
    folder = run("--utc-offset", -5, "--start", "2015-12-01T05:00:00")
    done = simulated(folder, write_hydrofabric(tmp_path / "h.gpkg"))
    expected = water(model, tmp_path / "forcing", routed=True, utc_offset=-5)
    depth = 1000.0 * np.array(done.depth["cat-10"])
    assert (depth[:24] == 0.0).all()
    np.testing.assert_allclose(depth[24:48].sum(), expected[0, 2], rtol=1e-4, atol=1e-7)


def test_an_update_takes_effect_in_the_next_run(run: Run, model: ModelDirectory, tmp_path: Path) -> None:
    folder, hydrofabric = run(), write_hydrofabric(tmp_path / "h.gpkg")
    before = simulated(folder, hydrofabric).depth["cat-1"]
    other = small_model(tmp_path / "other", seed=11)
    assert dhbv("ngen", "update", folder, "--model", other.path).code == 0
    after = simulated(folder, hydrofabric).depth["cat-1"]
    assert before != after
    expected = water(other, tmp_path / "forcing", routed=True)
    np.testing.assert_allclose(1000.0 * np.sum(after[24:48]), expected[0, 0], rtol=1e-4, atol=1e-7)


def test_the_real_domain_with_the_model_that_ships(shared: Path, tmp_path: Path) -> None:
    domain, model = shared / "ngen_01073000", Path(__file__).parents[2] / "models" / "camels_us_531"
    folder = tmp_path / "oyster"
    result = dhbv("ngen", "init", model, "--attributes", shared / "camels_us" / "camels_us_attributes.csv",
                  "--gauge", "01073000", "--hydrofabric", domain / "gauge_01073000.gpkg",
                  "--forcing", domain / "forcing.nc", "--end", "2015-12-04T23:00:00", "--out", folder)  # fmt: skip
    assert result.code == 0, result.err
    assert dhbv("ngen", "check", folder).code == 0
    done = simulated(folder, domain / "gauge_01073000.gpkg")
    assert len(done.catchments) == 5
    depth = np.array([np.sum(d) for d in done.depth.values()])
    assert (depth > 0.0).all()
    assert (depth < 0.02).all(), "30 mm of rain on empty stores"
    volume = depth @ [c.area * 1e6 for c in done.catchments.values()]
    assert sum(np.sum(f) for f in done.flow.values()) * 3600.0 == pytest.approx(volume)
    table = gathering.from_table(
        shared / "camels_us" / "camels_us_attributes.csv", list(done.catchments), "01073000"
    )
    assert gathering.gaps(table, model_directory.load(model).statistics) == []


def test_a_state_is_taken_up(run: Run, model: ModelDirectory, tmp_path: Path) -> None:
    """A run from a saved state starts with that state's water, and not cold."""
    write_attributes(tmp_path / "attributes.csv")
    state = saved_state(tmp_path / "s", model, "2015-12-01")
    cold, warm = run(name="cold"), run("--states", state, name="warm")
    hydrofabric = write_hydrofabric(tmp_path / "h.gpkg")
    a, b = simulated(cold, hydrofabric), simulated(warm, hydrofabric)
    assert a.depth == b.depth, "the state saved here is a cold one"
    assert a.outputs["cat-1"]["quality"][-1] != b.outputs["cat-1"]["quality"][-1]
