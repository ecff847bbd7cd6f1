"""A component starts from a state file, a history or nothing, and says which and what is amiss."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bmi import start
from bmi.configuration import BmiConfig
from bmi.quality import Quality
from dhbv.data import nextgen
from dhbv.errors import ConfigurationError, DhbvError, StateError
from dhbv.model_directory import ModelDirectory
from dhbv.physics.hargreaves import potential_evaporation
from dhbv.runtime import Runtime
from dhbv.state import State
from tests.bmi.components import START, day_of_year, names
from tests.conftest import attribute_table, weather

SIZE = 3
LATITUDE = np.array(attribute_table(SIZE)["gauge_lat"], dtype=np.float64)


@pytest.fixture(scope="module")
def runtime(model: ModelDirectory) -> Runtime:
    return Runtime(model, names(SIZE), attribute_table(SIZE))


@pytest.fixture(scope="module")
def state(runtime: Runtime) -> State:
    return runtime.spin_up(weather(60, SIZE), START - 60)


def config_of(**changes: Any) -> BmiConfig:
    content = {"model": "m", "catchments": tuple(names(SIZE)), "attributes": "a.csv"}
    return BmiConfig(**(content | {"start_time": dt.datetime(2000, 12, 20)} | changes))


def first(folder: Path, runtime: Runtime, latitude: Any = LATITUDE, **changes: Any) -> start.Start:
    return start.first_state(config_of(**changes), folder, runtime, latitude, START)


# Nothing


def test_a_cold_start_is_flagged_and_told(
    runtime: Runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    given = first(tmp_path, runtime)
    assert given.state.to_bytes() == runtime.cold_state(START).to_bytes()
    assert given.quality == Quality.COLD_START
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    text = record.getMessage()
    assert text.startswith(
        "cat-1, cat-2, cat-3: cold start with nearly empty stores at 2000-12-20; flow is too low"
    )
    assert "Give a saved state as `state`, or a forcing history as `spin_up`" in text
    assert "\n" not in text


def test_a_model_that_needs_a_spin_up_does_not_start_cold(
    make_directory: Callable[..., ModelDirectory], tmp_path: Path
) -> None:
    needy = Runtime(make_directory("lstm"), names(SIZE), attribute_table(SIZE))
    with pytest.raises(
        StateError, match="start it from a spin-up over a forcing history, or from a saved state"
    ):
        first(tmp_path, needy)


# A state file


def test_a_state_of_the_day_is_taken_as_it_is(
    runtime: Runtime, state: State, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state.write(tmp_path / "s" / "a.state")
    given = first(tmp_path, runtime, state="s/a.state")
    assert given.state.to_bytes() == state.to_bytes()
    assert given.quality == Quality(0)
    assert not caplog.records


def test_a_batch_in_single_precision_gives_its_catchments(model: ModelDirectory, tmp_path: Path) -> None:
    every = ["cat-9", "cat-2", "cat-1", "cat-7"]
    table = {n: [c[k] for k in (2, 1, 0, 2)] for n, c in attribute_table(SIZE).items()}
    batch = Runtime(model, every, table, dtype=np.float32).spin_up(weather(60, 4), START - 60)
    batch.write(tmp_path / "batch.state")
    two = {name: column[:2] for name, column in attribute_table(SIZE).items()}
    runtime = Runtime(model, names(2), two)
    given = start.first_state(
        config_of(catchments=tuple(names(2)), state="batch.state"), tmp_path, runtime, LATITUDE[:2], START
    )
    assert given.state.basins == ("cat-1", "cat-2")
    assert given.state.stores.dtype == np.float64
    assert np.array_equal(given.state.stores, batch.stores[:, [2, 1]].astype(np.float64))
    assert np.array_equal(given.state.discharge, batch.discharge[[2, 1]].astype(np.float64))


@pytest.mark.parametrize("days", [-31, -1, 1, 2, 31])
def test_a_gap_is_told_and_flagged(
    runtime: Runtime, state: State, tmp_path: Path, caplog: pytest.LogCaptureFixture, days: int
) -> None:
    replace(state, time=START - days).write(tmp_path / "a.state")
    given = first(tmp_path, runtime, state="a.state")
    assert given.quality == Quality.GAP
    assert np.array_equal(given.state.stores, state.stores)
    (record,) = caplog.records
    side = "before" if days > 0 else "after"
    assert (
        f"a.state is valid at {START - days}, {abs(days)} days {side} the run starts;" in record.getMessage()
    )
    assert record.getMessage().endswith("the run goes on, flagged in `quality`")


@pytest.mark.parametrize(("days", "allowed"), [(32, 31), (-32, 31), (1, 0), (-1, 0), (400, 399)])
def test_a_gap_beyond_what_is_allowed_is_refused(
    runtime: Runtime, state: State, tmp_path: Path, days: int, allowed: int
) -> None:
    replace(state, time=START - days).write(tmp_path / "a.state")
    with pytest.raises(
        ConfigurationError,
        match=rf"a\.state is valid at {START - days}, {abs(days)} days \w+ the run starts, and max_gap is {allowed}: "
        "give a state or a history up to the start, correct start_time, or raise max_gap",
    ):
        first(tmp_path, runtime, state="a.state", max_gap=allowed)
    assert first(tmp_path, runtime, state="a.state", max_gap=abs(days)).quality == Quality.GAP


def test_a_state_that_does_not_fit_is_named_with_the_remedy(
    runtime: Runtime, state: State, tmp_path: Path
) -> None:
    replace(state, weights="cd" * 32).write(tmp_path / "theirs.state")
    state.select(["cat-1", "cat-3"]).write(tmp_path / "few.state")
    (tmp_path / "damaged.state").write_bytes(state.to_bytes()[:-1])
    (tmp_path / "folder.state").mkdir()
    cases = {
        "theirs": r"theirs\.state: .* do not fit other weights; use the model that made it, or spin this one up",
        "few": r"few\.state: the state has no basin cat-2 \(1 of 3 absent\).* or spin up",
        "damaged": r"damaged\.state: the state is damaged or truncated: .* restore it from a copy",
        "absent": r"cannot read the state .*absent\.state: No such file",
        "folder": r"cannot read the state .*folder\.state: Is a directory",
    }
    for name, message in cases.items():
        with pytest.raises(StateError, match=message):
            first(tmp_path, runtime, state=f"{name}.state")


def test_a_state_that_was_replaced_is_read_anew(runtime: Runtime, state: State, tmp_path: Path) -> None:
    path = tmp_path / "a.state"
    state.write(path)
    first(tmp_path, runtime, state="a.state")
    changed = replace(state, discharge=state.discharge + 1.0)
    changed.write(path)
    os.utime(path, (2e9, 2e9))
    given = first(tmp_path, runtime, state="a.state").state
    assert np.array_equal(given.discharge, changed.discharge)


# A history


def history_of(forcing: np.ndarray, end: np.datetime64, *, pet: bool = False) -> xr.Dataset:
    """Days of P, tmin, tmax (± 5 degC about T) and, where asked, pet of a forcing [day, N, 3], up to before `end`."""
    p, t, ep = np.moveaxis(forcing, -1, 0)
    variables = {"prcp": p, "tmin": t - 5.0, "tmax": t + 5.0} | ({"pet": ep} if pet else {})
    days = (end - len(p)) + np.arange(len(p))
    return xr.Dataset(
        # basin first, as the data schema has it, and in single precision, as files have it
        {name: (("basin", "time"), values.T.astype(np.float32)) for name, values in variables.items()},
        coords={"basin": names(p.shape[1]), "time": days.astype("datetime64[ns]")},
    )


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Callable[[xr.Dataset], list[Any]]:
    """Have a history read; the list gets what was asked for."""

    def serve(history: xr.Dataset) -> list[Any]:
        asked: list[Any] = []

        def read(path: Path, catchments: Any, *, utc_offset: int = 0) -> xr.Dataset:
            asked.append((path, tuple(catchments), utc_offset))
            return history

        monkeypatch.setattr(nextgen, "read_forcing", read)
        return asked

    return serve


def days_before(forcing: np.ndarray, end: np.datetime64, *, pet: bool = False) -> np.ndarray:
    """The same forcing as the core sees it, by hand."""
    p, _, ep = np.moveaxis(forcing.astype(np.float32).astype(np.float64), -1, 0)
    lowest, highest = (
        x.astype(np.float32).astype(np.float64) for x in (forcing[..., 1] - 5.0, forcing[..., 1] + 5.0)
    )
    if not pet:
        of_year = [[day_of_year(end - len(p) + k)] for k in range(len(p))]
        ep = potential_evaporation(lowest, highest, LATITUDE, of_year)
    return np.stack([p, 0.5 * (lowest + highest), ep], -1)


@pytest.mark.parametrize("pet", [False, True])
@pytest.mark.parametrize("latitude", [LATITUDE, None])
def test_a_history_spins_up_as_the_daily_core_does(
    runtime: Runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    served: Callable[[xr.Dataset], list[Any]], pet: bool, latitude: Any,
) -> None:  # fmt: skip
    forcing = weather(400, SIZE)
    asked = served(history_of(forcing, START, pet=pet))
    if latitude is None and not pet:
        with pytest.raises(
            DhbvError, match=r"history .*h\.nc has no variable pet, which .* pet: input needs: add it, or"
        ):
            first(tmp_path, runtime, latitude, spin_up="h.nc", utc_offset=-5)
        return
    given = first(tmp_path, runtime, latitude, spin_up="h.nc", utc_offset=-5)
    assert asked == [(tmp_path / "h.nc", tuple(names(SIZE)), -5)]
    assert given.quality == Quality(0)
    assert not caplog.records
    expected = runtime.spin_up(days_before(forcing, START, pet=pet), START - 400)
    assert given.state.time == expected.time == START
    np.testing.assert_allclose(given.state.stores, expected.stores, rtol=0, atol=1e-9)
    np.testing.assert_allclose(given.state.discharge, expected.discharge, rtol=0, atol=1e-9)
    assert given.state.discharge.min() > 0.0


def test_a_history_is_cut_where_the_run_starts(
    runtime: Runtime, tmp_path: Path, served: Callable[[xr.Dataset], list[Any]]
) -> None:
    forcing = weather(400, SIZE)
    served(history_of(forcing, START + 20))
    given = first(tmp_path, runtime, spin_up="h.nc")
    expected = runtime.spin_up(days_before(forcing, START + 20)[:-20], START - 380)
    assert given.state.time == START
    np.testing.assert_allclose(given.state.stores, expected.stores, rtol=0, atol=1e-9)
    assert given.quality == Quality(0)


@pytest.mark.parametrize(("days", "quality"), [(364, Quality.COLD_START), (365, Quality(0))])
def test_less_than_a_year_is_flagged_as_a_cold_start(
    runtime: Runtime, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    served: Callable[[xr.Dataset], list[Any]], days: int, quality: Quality,
) -> None:  # fmt: skip
    served(history_of(weather(days, SIZE), START))
    assert first(tmp_path, runtime, spin_up="h.nc").quality == quality
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == (1 if quality else 0)
    assert all("h.nc has only 364 days: a start is flagged as cold below 365" in text for text in told)


def test_a_history_that_ends_early_is_a_gap(
    runtime: Runtime,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    served: Callable[[xr.Dataset], list[Any]],
) -> None:
    served(history_of(weather(370, SIZE), START - 3))
    assert first(tmp_path, runtime, spin_up="h.nc").quality == Quality.GAP
    assert f"ends before {START - 3}, 3 days before the run starts" in caplog.text
    with pytest.raises(
        ConfigurationError, match=r"h\.nc ends before 2000-12-17, 3 days before .* max_gap is 2"
    ):
        first(tmp_path, runtime, spin_up="h.nc", max_gap=2)


def test_a_history_after_the_start_is_refused(
    runtime: Runtime, tmp_path: Path, served: Callable[[xr.Dataset], list[Any]]
) -> None:
    served(history_of(weather(10, SIZE), START + 10))
    with pytest.raises(ConfigurationError, match=r"h\.nc has no day before 2000-12-20, where the run starts"):
        first(tmp_path, runtime, spin_up="h.nc")


def test_a_history_is_read_from_a_file(runtime: Runtime, tmp_path: Path) -> None:
    forcing = weather(370, SIZE)
    history = history_of(forcing, START)
    units = {"prcp": "mm d-1", "tmin": "degC", "tmax": "degC"}
    for name, unit in units.items():
        history[name].attrs["units"] = unit
    history.isel(basin=[2, 0, 1]).to_netcdf(tmp_path / "h.nc")
    given = first(tmp_path, runtime, spin_up="h.nc")
    expected = runtime.spin_up(days_before(forcing, START), START - 370)
    np.testing.assert_allclose(given.state.stores, expected.stores, rtol=0, atol=1e-9)
    with pytest.raises(DhbvError, match=r"nowhere\.nc: no such file"):
        first(tmp_path, runtime, spin_up="nowhere.nc")


# What is said of attributes and dates


def test_attributes_are_flagged_for_each_catchment(model: ModelDirectory) -> None:
    table = attribute_table(4)
    lower, upper = next((a.lower, a.upper) for a in model.statistics.attributes if a.name == "p_mean")
    middle = 0.5 * (lower + upper)
    table |= {name: [middle_of(model, name)] * 4 for name in ("aridity", "area_gages2")}
    table["p_mean"] = [middle, upper + 1.0, None, lower - 1.0]
    table["geol_1st_class"][3] = "Moon rock"
    flags = start.attribute_flags(Runtime(model, names(4), table).attributes)
    missing, outside = float(Quality.ATTRIBUTE_MISSING), float(Quality.ATTRIBUTE_OUTSIDE)
    assert flags.tolist() == [0.0, outside, missing, missing + outside]


def middle_of(model: ModelDirectory, name: str) -> float:
    return next(a.mean for a in model.statistics.attributes if a.name == name)


def test_days_of_the_year_are_those_of_the_calendar() -> None:
    for text in (
        "1999-12-31",
        "2000-02-29",
        "2000-03-01",
        "2000-12-31",
        "2001-01-01",
        "1900-12-31",
        "2100-03-01",
    ):
        day = np.datetime64(text, "D")
        assert start.day_of_year(day) == day_of_year(day)
