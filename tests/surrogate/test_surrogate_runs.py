"""Runs made here and runs out of a file are the same; a file that is wrong is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
import xarray as xr

pytest.importorskip("torch")

from dhbv.errors import DhbvError
from dhbv.surrogate import runs as running
from dhbv.surrogate import training
from dhbv.surrogate.runs import Runs
from tests.surrogate.reservoir import EFFORT, FIRST, RESERVOIR, config, region, reservoir


def some_runs(days: int = 120) -> tuple[Runs, xr.Dataset]:
    there = region(3, days)
    return running.make(RESERVOIR, there, 4, seed=1), there


def test_each_run_is_the_simulator_under_the_weather_of_its_basin() -> None:
    made, there = some_runs()
    assert made.outputs.shape == (120, 12, 1)
    assert np.bincount(made.basin).tolist() == [4, 4, 4]
    k = made.about.values(made.fractions)
    assert len(np.unique(k)) == 12, "parameters of its own"
    rain = there["prcp"].values[made.basin][..., None]
    np.testing.assert_allclose(made.outputs[..., 0].T, reservoir(k, rain), rtol=1e-5)


def test_many_runs_are_made_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, there = some_runs()
    monkeypatch.setattr(running, "_AT_ONCE", 5)
    done: list[int] = []
    parts = running.make(RESERVOIR, there, 4, seed=1, on_progress=done.append)
    np.testing.assert_array_equal(parts.outputs, whole.outputs)
    assert done == [5, 10, 12]


def test_every_other_draw_is_near_what_was_learned() -> None:
    there, centres = region(3, 20), np.array([[0.001], [0.5], [0.999]])
    made = running.make(RESERVOIR, there, 40, seed=1, around=centres)
    drawn = made.fractions.reshape(40, 3)
    plain = running.make(RESERVOIR, there, 40, seed=1).fractions.reshape(40, 3)
    np.testing.assert_array_equal(drawn[::2], plain[::2])
    assert np.abs(drawn[1::2] - centres.T)[:, [0, 2]].max() < 0.02
    assert np.abs(drawn[1::2, 1] - 0.5).mean() < 0.2
    rain = there["prcp"].values[made.basin][..., None]
    k = made.about.values(made.fractions)
    np.testing.assert_allclose(made.outputs[..., 0].T, reservoir(k, rain), rtol=1e-5)


def test_a_file_teaches_what_the_callable_does(tmp_path: Path) -> None:
    made, there = some_runs()
    running.write(made, tmp_path / "runs.nc")
    read = running.read(tmp_path / "runs.nc")
    assert read.about == made.about
    assert read.basins == made.basins
    np.testing.assert_array_equal(read.time, made.time)
    np.testing.assert_array_equal(read.basin, made.basin)
    np.testing.assert_allclose(read.fractions, made.fractions, atol=1e-7)
    np.testing.assert_array_equal(read.outputs, made.outputs)
    short = msgspec.structs.replace(EFFORT, iterations=3)
    one, other = (training.train(r, running.weather_of(r, there), short) for r in (made, read))
    for name, weight in one.network.state_dict().items():
        np.testing.assert_allclose(weight, other.network.state_dict()[name], atol=1e-5, err_msg=name)


def test_training_days_and_basins_of_a_file_alone_are_kept(tmp_path: Path) -> None:
    there = region(8, 700)
    made = running.make(RESERVOIR, there, 2, seed=1)
    kept = running.of_period(made, config(), tmp_path)
    assert kept.basins == tuple(f"b{k}" for k in range(6))
    assert (kept.time[0], kept.time[-1]) == (FIRST, np.datetime64("2001-11-04"))
    chosen = [k for k, b in enumerate(made.basin) if b < 6]
    np.testing.assert_array_equal(kept.outputs, made.outputs[:400][:, chosen])
    np.testing.assert_array_equal(kept.fractions, made.fractions[chosen])
    early = made._replace(time=made.time - np.timedelta64(5000, "D"))
    with pytest.raises(
        DhbvError, match=r"no run of a training basin in 2000-10-01..2001-11-04: it holds 1987"
    ):
        running.of_period(early, config(), tmp_path)


def test_weather_is_that_of_the_days_of_the_runs() -> None:
    made, there = some_runs()
    late = made._replace(time=made.time[10:], outputs=made.outputs[10:], basins=("b2", "b0", "b1"))
    seen = running.weather_of(late, there)
    np.testing.assert_array_equal(seen[..., 0], there["prcp"].values[[2, 0, 1], 10:].T)
    with pytest.raises(DhbvError, match="the runs are of 1 basins that the data lack: b1"):
        running.weather_of(made, there.sel(basin=["b0", "b2"]))
    with pytest.raises(
        DhbvError, match=r"the runs are of 2000-10-01..2001-01-28, the data hold 2000-10-02.."
    ):
        running.weather_of(made, there.isel(time=slice(1, None)))


def _no_parameters(ds: xr.Dataset) -> xr.Dataset:
    return ds.drop_vars("parameters")


def _flat(ds: xr.Dataset) -> xr.Dataset:
    return ds.assign(outputs=ds["outputs"].isel(output=0, drop=True))


def _gap(ds: xr.Dataset) -> xr.Dataset:
    return ds.isel(time=[0, 1, 3, 4])


def _failed(ds: xr.Dataset) -> xr.Dataset:
    outputs = ds["outputs"].copy()
    outputs[5, 3, 0] = np.nan
    return ds.assign(outputs=outputs)


def _outside(ds: xr.Dataset) -> xr.Dataset:
    return ds.assign(parameters=ds["parameters"] * 2.0)


def _other_names(ds: xr.Dataset) -> xr.Dataset:
    return ds.assign_coords(parameter=["kappa"])


def _undescribed(ds: xr.Dataset) -> xr.Dataset:
    return ds.assign_attrs(simulator="VIC")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_no_parameters, r"the variable parameters \(run, parameter\) is missing"),
        (_flat, r"the variable outputs \(run, time, output\) has the dimensions run, time"),
        (_gap, "time is not unbroken days"),
        (_failed, r"runoff of run 5 is nan on 2000-10-04 \(1 such values\): leave out runs that failed"),
        (_outside, r"parameters: k of set \d+ is .* d-1, outside 0.05..0.5"),
        (_other_names, "the coordinate parameter is kappa, the attribute simulator says k: make them agree"),
        (_undescribed, "the attribute simulator is no description of one"),
    ],
)
def test_a_file_that_is_wrong_is_told(
    spoil: Callable[[xr.Dataset], xr.Dataset], message: str, tmp_path: Path
) -> None:
    running.write(some_runs(20)[0], tmp_path / "good.nc")
    with xr.open_dataset(tmp_path / "good.nc") as good:
        spoil(good.load()).to_netcdf(tmp_path / "bad.nc")
    with pytest.raises(DhbvError, match=r"bad.nc: .*" + message):
        running.read(tmp_path / "bad.nc")


def test_what_is_no_netcdf_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.nc").write_text("no")
    with pytest.raises(DhbvError, match=r"x.nc: cannot be read as NetCDF"):
        running.read(tmp_path / "x.nc")
    with pytest.raises(DhbvError, match=r"absent.nc: cannot be read"):
        running.read(tmp_path / "absent.nc")
