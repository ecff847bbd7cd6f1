"""A run over a period is the runtime's, may be cut anywhere, and comes back from NetCDF with its meaning."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from dhbv import forecast, model_directory
from dhbv.configuration import Period
from dhbv.data import model_forcing, schema
from dhbv.data.synthetic import synthetic_region
from dhbv.errors import DhbvError, StateError
from dhbv.model_directory import ModelDirectory
from dhbv.physics.variables import VARIABLES
from dhbv.runtime import Runtime
from dhbv.state import State

Make = Callable[..., ModelDirectory]
BEFORE = 500
"""Days the region reaches back before the period."""
YEAR = Period(start=dt.date(2001, 2, 12), end=dt.date(2002, 3, 18))


@pytest.fixture(scope="module")
def region() -> xr.Dataset:
    return synthetic_region(n_basins=3, years=3, start="1999-10-01").region


def days(period: Period) -> slice:
    return slice(str(period.start), str(period.end))


def test_values_are_the_runtimes(make_directory: Make, region: xr.Dataset) -> None:
    model = make_directory()
    fluxes, last = forecast.run(model, region, YEAR, spin_up_days=200)
    runtime = Runtime(model, list(region["basin"].values), schema.attribute_columns(region))
    weather = model_forcing(region.sel(time=slice("2000-07-27", str(YEAR.end))))
    state = runtime.spin_up(weather[:200], np.datetime64("2000-07-27"))
    end, expected = runtime.run(state, weather[200:])
    assert fluxes.sizes == {"basin": 3, "time": YEAR.days}
    assert set(VARIABLES) < set(fluxes)
    # A forecast runs HBV compiled, the stream as plain numpy.
    for name, values in expected.items():
        np.testing.assert_allclose(fluxes[name].transpose("time", "basin"), values, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(last.stores, end.stores, rtol=1e-9, atol=1e-9)
    assert np.array_equal(last.hidden, end.hidden)
    assert last.time == np.datetime64("2002-03-19")


@pytest.mark.parametrize(
    ("asked", "start"),
    [
        (90, "spin-up of 90 days"),
        (9999, f"spin-up of {BEFORE} days"),
        (0, "cold start: stores nearly empty"),
    ],
)
def test_spin_up_is_as_long_as_asked_or_as_the_data_and_is_stated(
    make_directory: Make, region: xr.Dataset, asked: int, start: str
) -> None:
    seen: list[tuple[int, int]] = []
    fluxes, _ = forecast.run(
        make_directory(), region, YEAR, spin_up_days=asked, on_progress=lambda *p: seen.append(p)
    )
    spin_up = min(asked, BEFORE)
    assert fluxes.attrs["start"] == start
    total = spin_up + YEAR.days
    assert seen == [(spin_up, total), (spin_up + 365, total), (total, total)]


@pytest.mark.parametrize("kind", ["lstm_mlp", "lstm"])
def test_two_pieces_with_a_state_between_are_one_run_bitwise(
    make_directory: Make, region: xr.Dataset, kind: str
) -> None:
    model = make_directory(kind)
    whole, end = forecast.run(model, region, YEAR)
    cut = dt.date(2001, 7, 1)
    first, state = forecast.run(model, region, Period(start=YEAR.start, end=cut - dt.timedelta(days=1)))
    state = State.from_bytes(state.to_bytes())
    second, last = forecast.run(model, region, Period(start=cut, end=YEAR.end), state=state)
    assert second.attrs["start"] == "state valid at 2001-07-01"
    for name in VARIABLES:
        assert np.array_equal(np.concatenate([first[name], second[name]], 1), whole[name])
    assert last.to_bytes() == end.to_bytes()


def test_a_state_of_another_precision_is_taken(make_directory: Make, region: xr.Dataset) -> None:
    """As a run over a domain leaves them, in single precision."""
    model, cut = make_directory(), dt.date(2001, 7, 1)
    _, state = forecast.run(model, region, Period(start=YEAR.start, end=cut - dt.timedelta(days=1)))
    rest = Period(start=cut, end=YEAR.end)
    single = state.astype(np.float32)
    fluxes, last = forecast.run(model, region, rest, state=single)
    expected, _ = forecast.run(model, region, rest, state=single.astype(np.float64))
    assert last.stores.dtype == fluxes["runoff"].dtype == np.float64
    assert np.array_equal(fluxes["runoff"], expected["runoff"])


def test_a_state_of_another_day_or_other_basins_is_refused(make_directory: Make, region: xr.Dataset) -> None:
    model = make_directory()
    _, state = forecast.run(model, region, Period(start=YEAR.start, end=YEAR.start))
    with pytest.raises(
        DhbvError, match="valid at 2001-02-13, the period starts 2001-02-12: start the period"
    ):
        forecast.run(model, region, YEAR, state=state)
    later = Period(start=dt.date(2001, 2, 13), end=YEAR.end)
    with pytest.raises(StateError, match="holds 3 basins"):
        forecast.run(model, region.isel(basin=[0, 1]), later, state=state)


@pytest.mark.parametrize(("start", "end"), [("1999-09-30", "2000-01-01"), ("2002-01-01", "2002-10-01"), ("2009-01-01", "2009-01-02")])  # fmt: skip
def test_a_period_outside_the_data_is_an_error(
    make_directory: Make, region: xr.Dataset, start: str, end: str
) -> None:
    period = Period(start=dt.date.fromisoformat(start), end=dt.date.fromisoformat(end))
    held = rf"hold 1999-10-01\.\.\S+ of the period {start}\.\.{end}: give data that cover it, or a shorter"
    with pytest.raises(DhbvError, match=held):
        forecast.run(make_directory(), region, period)


def test_days_with_a_gap_are_an_error(make_directory: Make, region: xr.Dataset) -> None:
    """Counted from the first, all after the gap would be dated wrong."""
    holed = region.isel(time=np.delete(np.arange(region.sizes["time"]), [100, 101]))
    with pytest.raises(DhbvError, match="days are missing between 2000-01-08 and 2000-01-11: fill the gap"):
        forecast.run(make_directory(), holed, YEAR)


def test_a_lstm_model_without_history_is_an_error(make_directory: Make, region: xr.Dataset) -> None:
    with pytest.raises(StateError, match="spin-up"):
        forecast.run(make_directory("lstm"), region, YEAR, spin_up_days=0)


def test_only_chosen_outputs_are_kept_in_the_precision_asked(
    make_directory: Make, region: xr.Dataset
) -> None:
    fluxes, _ = forecast.run(make_directory(), region, YEAR, outputs=("swe",), dtype=np.float32)
    assert set(fluxes.data_vars) == {"swe"}
    assert fluxes["swe"].dtype == np.float32


def test_discharge_is_runoff_times_area(make_directory: Make, region: xr.Dataset) -> None:
    fluxes, _ = forecast.run(make_directory(), region, YEAR)
    expected = fluxes["runoff"] * region["area_gages2"] / 86.4
    np.testing.assert_allclose(fluxes["streamflow"], expected, rtol=1e-12)
    assert fluxes["streamflow"].dims == ("basin", "time")


def test_netcdf_comes_back_with_values_units_and_provenance(
    make_directory: Make, region: xr.Dataset, tmp_path: Path
) -> None:
    model = make_directory()
    fluxes, _ = forecast.run(model, region, YEAR)
    path = tmp_path / "new" / "run.nc"
    forecast.write(fluxes, path)
    assert [p.name for p in path.parent.iterdir()] == ["run.nc"], "no draft is left"
    with xr.open_dataset(path) as back:
        assert set(back) == set(fluxes)
        for name, row in VARIABLES.items():
            assert back[name].attrs["units"] == row.unit
            assert back[name].dtype == np.float32
            np.testing.assert_allclose(back[name], fluxes[name], rtol=1e-6, atol=1e-30)
        assert back["streamflow"].attrs["units"] == "m3 s-1"
        assert back["basin"].values.tolist() == region["basin"].values.tolist()
        assert np.array_equal(back["time"], region["time"].sel(time=days(YEAR)))
        assert back.attrs["weights_sha256"] == model.weights_sha256
        assert back.attrs["start"] == f"spin-up of {BEFORE} days"


def test_netcdf_follows_cf(make_directory: Make, region: xr.Dataset, tmp_path: Path) -> None:
    fluxes, _ = forecast.run(make_directory(), region, YEAR)
    forecast.write(fluxes, tmp_path / "run.nc")
    with netCDF4.Dataset(tmp_path / "run.nc") as file:
        assert file.Conventions == "CF-1.10"
        assert file.featureType == "timeSeries"
        assert file["time"].units.startswith("days since 2001-02-12")
        assert (file["time"].calendar, file["time"].standard_name) == ("standard", "time")
        assert file["time"][:].tolist() == list(range(YEAR.days))
        assert file["basin"].cf_role == "timeseries_id"
        assert file["latitude"].units == "degrees_north"
        assert file["longitude"].standard_name == "longitude"
        for name in ("runoff", "streamflow", "swe"):
            assert set(file[name].coordinates.split()) == {"latitude", "longitude"}
        assert file["swe"].cell_methods == "time: point"
        assert file["runoff"].cell_methods == "time: mean"
        assert file["streamflow"].standard_name == "water_volume_transport_in_river_channel"
        assert "days are those of the weather" in file.comment


def test_a_run_that_cannot_be_written_leaves_the_old_file(
    make_directory: Make, region: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fluxes, _ = forecast.run(make_directory(), region, YEAR, outputs=("runoff",))
    path = tmp_path / "run.nc"
    forecast.write(fluxes, path)
    before = path.read_bytes()

    def fail(self: xr.Dataset, draft: Path, **_: object) -> None:
        Path(draft).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", fail)
    with pytest.raises(OSError, match="no space left"):
        forecast.write(fluxes, path)
    assert path.read_bytes() == before
    assert not list(tmp_path.glob(".run.nc*"))


def test_area_scales_discharge_and_leaves_every_depth_as_it_was(
    make_directory: Make, region: xr.Dataset, tmp_path: Path
) -> None:
    model = make_directory()
    area = model.config.model.attributes.index("area_gages2")
    weights = {name: w.copy() for name, w in model.weights.items()}
    for name in ("mlp.0.weight", "embedding.weight"):
        weights[name][:, area] = 0.0  # gA does not look at the area
    blind = model_directory.save(
        tmp_path / "blind", model.config, model.statistics, weights, data_digest="none", scores={}
    )
    larger = region.assign(area_gages2=10.0 * region["area_gages2"])
    (here, _), (there, _) = (forecast.run(blind, r, YEAR) for r in (region, larger))
    for name in VARIABLES:
        assert np.array_equal(here[name], there[name])
    np.testing.assert_allclose(there["streamflow"], 10.0 * here["streamflow"])
