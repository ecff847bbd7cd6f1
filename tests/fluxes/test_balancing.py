"""Water adds up: what was computed closes, what was set is booked, what leaks is named, what was exchanged splits."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import xarray as xr

from dhbv import fluxes as fx
from dhbv import forecast
from dhbv.configuration import Period
from dhbv.data import schema
from dhbv.errors import DhbvError
from dhbv.fluxes import Archive, Balance
from dhbv.fluxes.balancing import TERMS
from dhbv.physics.water_balance import BUDGETS, STORES, WHOLE
from dhbv.runtime import Runtime
from tests.fluxes.conftest import DAY, FIRST, LAST, Run


def add(archive: Archive, fluxes: xr.Dataset, name: str) -> None:
    archive.append(fluxes, "analysis", source=name, content=name)


def balances(archive: Archive, **asked: object) -> dict[str, Balance]:
    return {b.basin: b for b in fx.balance(archive.path, **asked)}  # type: ignore[arg-type]


def test_a_run_closes_to_1e_9_before_it_is_rounded(run: Run) -> None:
    """The books themselves: in float64 each store, and all water, add up day by day."""
    f = run.fluxes
    for store, budget in BUDGETS.items():
        first = (f[store].isel(time=0) - f[f"opening_{store}"]).values[:, None]
        change = np.concatenate([first, f[store].diff("time").values], 1)
        assert abs(change - budget.net(f).values).max() < 1e-10
    stored = sum(f[s] for s in STORES)
    opening = sum(f[f"opening_{s}"] for s in STORES)
    residual = WHOLE.net(f).sum("time") - (stored.isel(time=-1) - opening)  # type: ignore[union-attr]
    assert (abs(residual) < 1e-9 * f["prcp"].sum("time")).all()


def test_the_archive_closes_to_the_rounding_of_float32(filled: Archive, run: Run) -> None:
    for basin, found in balances(filled).items():
        (segment,) = found.segments
        assert (segment.start, segment.end, segment.begins) == (FIRST, LAST, "the window begins")
        assert found.closes
        assert 0.0 < segment.rounding < 1e-3
        assert "rounding: the numbers are stored in float32, which explains up to" in found.why
        f = run.fluxes.sel(basin=basin)
        assert segment.precipitation == pytest.approx(float(f["prcp"].sum()), rel=1e-6)
        assert segment.runoff == pytest.approx(float(f["runoff"].sum()), rel=1e-6)
        assert segment.evaporation == pytest.approx(float(f["et"].sum()), rel=1e-6)
        for name, parts in TERMS.items():
            change = sum(float(f[s][-1] - f[f"opening_{s}"]) for s in parts)
            assert getattr(segment, name) == pytest.approx(change, abs=1e-3)
        terms = (
            segment.runoff
            + segment.evaporation
            + segment.snow
            + segment.soil
            + segment.zones
            + segment.routing
        )
        assert segment.precipitation + segment.booked - terms == pytest.approx(segment.residual, abs=1e-9)


def test_numbers_that_float32_holds_close_exactly(archive: Archive, run: Run) -> None:
    """Whole millimetres: nothing is rounded, so the residual is 0 and needs no reason."""
    whole = run.fluxes.isel(time=slice(0, 3)).copy(deep=True)
    for name in whole.data_vars:
        if whole[name].dtype.kind == "f" and name not in ("area",):
            whole[name][:] = 0.0
    whole["prcp"][:], whole["rain"][:], whole["runoff"][:] = 3.0, 3.0, 1.0
    whole["soil_water"][:] = np.array([2.0, 4.0, 6.0])
    whole["recharge"][:] = whole["q2"][:] = whole["percolation"][:] = 1.0
    add(archive, whole, "whole")
    for found in balances(archive).values():
        assert (found.residual, found.why, found.closes) == (0.0, "", True)
        assert found.segments[0].soil == 6.0


@pytest.mark.parametrize(("start", "end"), [("2000-02-28", "2000-03-01"), ("2000-01-01", "2000-12-31"), ("1999-11-20", "1999-11-20")])  # fmt: skip
def test_any_window_closes_from_the_stores_of_the_day_before(
    filled: Archive, run: Run, start: str, end: str
) -> None:
    for basin, found in balances(filled, start=start, end=end).items():
        (segment,) = found.segments
        assert found.closes
        assert found.left_out == 0
        before = run.fluxes["opening_soil_water"] if start == str(FIRST) else (
            run.fluxes["soil_water"].sel(time=str(dt.date.fromisoformat(start) - DAY))
        )  # fmt: skip
        change = run.fluxes["soil_water"].sel(time=end, basin=basin) - before.sel(basin=basin)
        assert segment.soil == pytest.approx(float(change), abs=1e-4)


def test_daily_appends_are_one_segment(archive: Archive, run: Run) -> None:
    """As cycles write: each day brings the stores that it began with."""
    previous = run.days("2000-03-01", "2000-03-01")
    add(archive, previous, "0")
    state = forecast.run(
        run.model, run.region, Period(start=FIRST, end=dt.date(2000, 3, 1)), spin_up_days=30
    )[1]
    for n in range(1, 6):
        day = dt.date(2000, 3, 1) + n * DAY
        one, state = forecast.run(run.model, run.region, Period(start=day, end=day), state=state)
        add(archive, one, f"{n}")
    for found in balances(archive).values():
        (segment,) = found.segments
        assert (segment.days, found.closes) == (6, True)
        assert segment.rounding < 1e-4, "handing over from day to day is no excuse"


def leak(run: Run, store: str, day: str, depth: float) -> xr.Dataset:
    """From `day` on the store of the first basin holds `depth` less, which no flux tells of."""
    leaking = run.fluxes.copy(deep=True)
    leaking[store].loc[{"basin": run.basins[0], "time": slice(day, None)}] -= depth
    return leaking


@pytest.mark.parametrize("store", STORES)
def test_a_leak_is_named(archive: Archive, run: Run, store: str) -> None:
    add(archive, leak(run, store, "2000-06-05", -0.01), "leaking")
    found = balances(archive)
    leaking = found.pop(run.basins[0])
    assert not leaking.closes
    assert leaking.residual == pytest.approx(-0.01, abs=1e-4)
    assert leaking.why == f"{store} gains 0.01 mm beyond its fluxes on 2000-06-05"
    assert all(b.closes for b in found.values())
    around = balances(archive, start="2000-06-06")[run.basins[0]]
    assert around.closes, "after it nothing leaks"


def test_rain_that_no_store_got_is_named(archive: Archive, run: Run) -> None:
    wet = run.fluxes.copy(deep=True)
    wet["prcp"].loc[{"basin": run.basins[1], "time": "2000-05-01"}] += 5.0
    add(archive, wet, "wet")
    assert balances(archive)[run.basins[1]].why == "rain and snow loses 5 mm beyond its fluxes on 2000-05-01"


def test_a_trickle_below_the_rounding_of_a_day_is_named(archive: Archive, run: Run) -> None:
    thin = run.fluxes.copy(deep=True)
    days = thin.sizes["time"]
    thin["soil_water"] = thin["soil_water"] - xr.DataArray(np.linspace(0.0, 2e-6 * days, days), dims="time")
    add(archive, thin, "thin")
    for found in balances(archive).values():
        assert not found.closes
        assert found.residual == pytest.approx(2e-6 * days, rel=0.1)
        assert "soil_water loses" in found.why


def set_store(run: Run) -> tuple[xr.Dataset, xr.Dataset]:
    """Two runs between which 12 mm were put into the soil, and a fifth of the upper zone taken away."""
    cut = dt.date(2000, 6, 1)
    before, state = forecast.run(run.model, run.region, Period(start=FIRST, end=cut - DAY), spin_up_days=30)
    runtime = Runtime(run.model, run.basins, schema.attribute_columns(run.region))
    held = runtime.standing(state)
    state = runtime.with_store(state, "soil_water", held["soil_water"] + 12.0)
    state = runtime.with_store(state, "upper_zone", 0.8 * held["upper_zone"])
    after, _ = forecast.run(run.model, run.region, Period(start=cut, end=dt.date(2000, 9, 1)), state=state)
    return before, after


def test_a_set_store_that_is_booked_closes(archive: Archive, run: Run) -> None:
    before, after = set_store(run)
    add(archive, before, "before")
    add(archive, fx.booked(after, before), "after")
    for basin, found in balances(archive).items():
        (segment,) = found.segments
        taken = 0.2 * float(before["upper_zone"].sel(basin=basin)[-1])
        assert segment.booked == pytest.approx(12.0 - taken, abs=1e-4)
        assert found.closes
    asked = fx.open(archive.path, variables=["booked_soil_water", "booked_upper_zone"], aggregation="annual")
    np.testing.assert_allclose(asked["booked_soil_water"].sel(year=2000), 12.0, rtol=1e-6)
    (segment,) = balances(archive, start="2000-06-01")[run.basins[0]].segments
    assert segment.booked > 10.0, "booked at the beginning of a window belongs to it"


def test_a_set_store_that_nobody_booked_is_named(archive: Archive, run: Run) -> None:
    before, after = set_store(run)
    add(archive, before, "before")
    add(archive, after, "after")
    for found in balances(archive).values():
        assert not found.closes
        assert (
            "soil_water begins 2000-06-01 with 12 mm more than it ended the day before, which nobody booked"
            in found.why
        )


def test_booking_needs_runs_that_follow_one_another(run: Run, other: Run) -> None:
    before, after = set_store(run)
    with pytest.raises(
        DhbvError, match=r"begins 2000-06-01 does not go on from one of 3 that ends 2000-09-01"
    ):
        fx.booked(after, after)
    with pytest.raises(DhbvError, match="of different weights: their stores are exchanged"):
        fx.booked(after.assign_attrs(weights_sha256=other.model.weights_sha256), before)


def test_another_version_splits_the_window(archive: Archive, run: Run, other: Run) -> None:
    add(archive, run.days("2000-03-01", "2000-03-10").assign_attrs(version="a"), "a")
    add(archive, other.days("2000-03-08", "2000-03-20").assign_attrs(version="b"), "b")
    add(archive, run.days("2000-03-18", "2000-03-25").assign_attrs(version="a"), "back")
    for found in balances(archive).values():
        assert [(s.version, s.days) for s in found.segments] == [("a", 7), ("b", 10), ("a", 8)]
        assert [s.begins for s in found.segments[1:]] == [
            "another version: a before", "another version: b before",
        ]  # fmt: skip
        assert found.closes
    for found in balances(archive, version="a").values():
        assert [s.days for s in found.segments] == [10, 8]
        assert found.segments[1].begins == "the days from 2000-03-11 to 2000-03-17 are missing"
        assert found.note == "7 days are not in the archive"


def test_days_amid_another_run_of_the_same_weights_split(archive: Archive, run: Run) -> None:
    """A part run anew on other weather: before it the state is the same, after it the old run's days stand again."""
    add(archive, run.fluxes, "run")
    wet = run._replace(region=run.region.assign(prcp=run.region["prcp"] + 2.0))
    state = forecast.run(
        run.model, run.region, Period(start=FIRST, end=dt.date(2000, 5, 31)), spin_up_days=30
    )[1]
    period = Period(start=dt.date(2000, 6, 1), end=dt.date(2000, 6, 10))
    add(archive, forecast.run(run.model, wet.region, period, state=state)[0], "corrected")
    for found in balances(archive).values():
        first, second = found.segments
        assert (first.end, second.start) == (dt.date(2000, 6, 10), dt.date(2000, 6, 11))
        assert second.begins == "days of another run of the same weights (run)"
        assert found.closes


def test_a_new_spin_up_splits(archive: Archive, run: Run) -> None:
    first, _ = forecast.run(
        run.model, run.region, Period(start=FIRST, end=dt.date(2000, 5, 31)), spin_up_days=30
    )
    period = Period(start=dt.date(2000, 6, 1), end=dt.date(2000, 6, 10))
    second, _ = forecast.run(run.model, run.region, period, spin_up_days=90)
    add(archive, first, "first")
    add(archive, second, "second")
    for found in balances(archive).values():
        assert [s.begins for s in found.segments] == [
            "the window begins", "the stores were filled anew (spin-up of 90 days)",
        ]  # fmt: skip
        assert found.closes


def test_a_run_that_does_not_tell_its_beginning_begins_a_day_later(archive: Archive, run: Run) -> None:
    bare = run.fluxes.drop_vars([f"opening_{s}" for s in STORES])
    add(archive, bare, "bare")
    for found in balances(archive).values():
        (segment,) = found.segments
        assert (segment.start, found.closes, found.left_out) == (FIRST + DAY, True, 1)
        assert found.note == f"the stores before {FIRST} are not known (1 days so)"


def test_a_run_in_float32_closes_as_float32_does(archive: Archive, run: Run) -> None:
    period = Period(start=dt.date(2000, 1, 1), end=dt.date(2000, 6, 1))
    add(archive, forecast.run(run.model, run.region, period, spin_up_days=30, dtype=np.float32)[0], "single")
    for found in balances(archive).values():
        assert found.closes
        assert abs(found.residual) < 1e-2
        assert "computed in float32" in found.why


def test_the_json_tells_every_term(filled: Archive, run: Run) -> None:
    content = fx.balance(filled.path, basins=run.basins[:1])[0].as_json()
    (segment,) = content["segments"]
    assert content["residual_mm"] == segment["residual_mm"]
    assert (segment["start"], segment["end"], segment["days"]) == (str(FIRST), str(LAST), 428)
    assert {"precipitation_mm", "booked_mm", "snow_mm", "zones_mm", "routing_mm", "why", "begins"} <= set(
        segment
    )
