"""Cycles: each from the one before it, once; what is missing; what is degraded, and told."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from dhbv import __version__, forecast
from dhbv.configuration import Period
from dhbv.errors import DhbvError
from dhbv.operations import cycle, states, weather
from dhbv.operations.cycle import ANALYSIS, FORECAST, RECORD, Cycle, Degraded
from dhbv.state import State
from dhbv.store import Store
from tests.operations.conftest import BASINS, BY, ISSUE, KNOWN, Site, day, runner

STAND_IN = {"NO_WEATHER_FORECAST": "all"}
"""The flags of a cycle that has no weather forecast and no other fault."""
MakeSite = Callable[..., Site]


def state_of(site: Site, n: int) -> State:
    weights = site.registry.serving().model.weights_sha256
    found = states.latest(site.operation.forecasts, weights, BASINS, day(n)).state
    assert found is not None
    assert found.time == np.datetime64(day(n))
    return found


def state_path(site: Site, n: int) -> Path:
    (path,) = (site.operation.forecasts / "states").glob(f"*/{day(n)}.state")
    return path


def output(one: Cycle, name: str = FORECAST) -> xr.Dataset:
    with xr.open_dataset(one.path / name) as file:
        return file.load()


def content(one: Cycle) -> dict[str, object]:
    """A record without its time."""
    return {k: v for k, v in one.record.items() if k != "created"}


def arrays(state: State) -> list[np.ndarray]:
    return [
        state.stores, state.runoff, state.discharge, state.hidden, state.cell, state.frozen,
    ]  # fmt: skip


def test_a_first_cycle_spins_up_and_the_next_goes_on_from_its_state(site: Site) -> None:
    first = cycle.run(site.operation, ISSUE)
    assert first.record["start"] == "spin-up of 400 days"
    assert first.record["flags"] == STAND_IN | {"SPUN_UP": "all"}
    site.arrive(0, 0)
    second = cycle.run(site.operation, day(1))
    assert second.record["start"] == f"state valid at {ISSUE}, advanced"
    assert second.record["flags"] == STAND_IN
    assert output(second)["time"].values[0] == np.datetime64(day(1))
    assert output(second).sizes["time"] == 4


def test_daily_states_are_those_of_one_long_run(site: Site) -> None:
    days = 5
    for n in range(days + 1):
        if n:
            site.arrive(n - 1, n - 1)
        cycle.run(site.operation, day(n))
    model = site.registry.serving().model
    known = site.region.sel(time=slice(None, str(day(days - 1))))
    fluxes, long = forecast.run(model, known, Period(start=day(0), end=day(days - 1)), spin_up_days=400)
    for ours, theirs in zip(arrays(state_of(site, days)), arrays(long), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    daily = [output(c, ANALYSIS)["runoff"].values[:, 0] for c in cycle.done(site.operation)[1:]]
    np.testing.assert_array_equal(np.stack(daily, 1), fluxes["runoff"].values.astype(np.float32))


def test_a_short_history_is_flagged(make_site: MakeSite) -> None:
    site = make_site(forecast={"spin_up_days": 3000})
    record = cycle.run(site.operation, ISSUE).record
    assert record["start"] == f"spin-up of {KNOWN} days"
    assert record["flags"] == STAND_IN | {"SPUN_UP": "all", "SHORT_SPIN_UP": "all"}


def test_without_weights_it_is_said_how_to_come_by_some(site: Site) -> None:
    """An operation before its first retraining, and one whose only version nobody promoted."""
    shutil.rmtree(site.operation.registry)
    registry = str(site.operation.registry)
    for _ in range(2):
        with pytest.raises(DhbvError) as refused:
            cycle.run(site.operation, ISSUE)
        assert str(refused.value) == (
            f"{registry} holds no version to forecast with: run the retrain flow, or publish one by `dhbv registry "
            "publish` and run the promote flow"
        )
        site.registry.versions_path.mkdir(parents=True, exist_ok=True)
    version = site.publish(1)
    with pytest.raises(DhbvError) as refused:
        cycle.run(site.operation, ISSUE)
    assert str(refused.value).endswith(
        f"{registry} has no champion yet: promote a version by its id; it holds {version.id}; run the promote flow, or "
        "`dhbv registry promote`"
    )


def test_no_history_is_refused_and_leaves_nothing(site: Site) -> None:
    with pytest.raises(
        DhbvError, match="no two days of weather before 1999-01-01 to spin up over: ingest a history first"
    ):
        cycle.run(site.operation, dt.date(1999, 1, 1))
    assert list((site.operation.forecasts / "cycles").iterdir()) == []
    assert not (site.operation.forecasts / "states").exists()


@pytest.mark.parametrize("gap", [1, 3])
def test_missing_days_are_filled_with_the_usual_weather_and_flagged(site: Site, gap: int) -> None:
    cycle.run(site.operation, ISSUE)
    site.arrive(0, gap - 1, without=("02", "05"))
    made = cycle.run(site.operation, day(gap))
    assert made.record["flags"] == STAND_IN | {"FILLED": ["02", "05"]}
    quality = output(made)["quality"]
    both = Degraded.FILLED | Degraded.NO_WEATHER_FORECAST
    assert quality.values.tolist() == [8, both, 8, 8, both]
    assert quality.attrs["flag_meanings"].split() == [str(f.name).lower() for f in Degraded]
    assert quality.attrs["flag_masks"].tolist() == [int(f) for f in Degraded]


def test_too_many_missing_days_are_refused(site: Site) -> None:
    """Where they are missing in all basins, and nothing is left to forecast."""
    cycle.run(site.operation, ISSUE)
    with pytest.raises(
        DhbvError,
        match=r"weather of 4 of the 400 days 2002-09-05\.\.2003-10-09 in basin 01, 02, 03, 04, 05: at most 3",
    ):
        cycle.run(site.operation, day(4))
    assert [c.issue for c in cycle.done(site.operation)] == [ISSUE]
    assert not list((site.operation.forecasts / "cycles").glob(".*"))


def test_what_fills_a_gap_is_the_mean_of_the_same_dates(site: Site) -> None:
    site.arrive(0, 0, without=("03",))
    known = weather.known(site.store, BASINS, day(-5), day(0), fill_days=3)
    assert known.filled == {"03": 1}
    dates = site.region["time"].dt.dayofyear.values
    all_days = site.region["time"].values
    there = (all_days < np.datetime64(ISSUE)) & (np.abs(dates - day(0).timetuple().tm_yday) <= 7)
    for name in ("prcp", "tmin", "tmax"):
        values = site.region[name].sel(basin="03").values
        means = [values[there & (dates == d)].mean() for d in np.unique(dates[there])]
        filled = known.region[name].sel(basin="03").values
        assert filled[-1] == pytest.approx(np.mean(means), rel=1e-5)
        known_days = slice(str(day(-5)), str(day(-1)))
        np.testing.assert_array_equal(filled[:-1], site.region[name].sel(basin="03", time=known_days).values)


def test_weather_that_does_not_come_is_not_silence(make_site: MakeSite) -> None:
    """With wait_days a cycle is made without new weather, flagged, until too many days are missing."""
    site = make_site(forecast={"wait_days": 0})
    cycle.run(site.operation, ISSUE)
    assert cycle.missing(site.operation, day(3)) == [day(1), day(2), day(3)]
    for issue in cycle.missing(site.operation, day(3)):
        assert cycle.run(site.operation, issue).record["flags"] == STAND_IN | {"FILLED": "all"}
    site.operation.forecasts.joinpath("states").rename(site.operation.forecasts / "gone")
    assert cycle.missing(site.operation, day(4)) == [day(4)]
    with pytest.raises(DhbvError, match="lacks the weather of 4 of the 400 days"):
        cycle.run(site.operation, day(4))


def test_without_wait_days_cycles_follow_the_data(site: Site) -> None:
    assert cycle.missing(site.operation, day(9)) == [ISSUE]
    cycle.run(site.operation, ISSUE)
    assert cycle.missing(site.operation, day(9)) == []


@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_state_gives_way_to_an_older_one(site: Site, damage: str) -> None:
    cycle.run(site.operation, ISSUE)
    site.arrive(0, 1)
    cycle.run(site.operation, day(1))
    sound = output(cycle.run(site.operation, day(2)))
    again = site.operation.forecasts / "cycles"
    for name in (str(day(2)),):
        (again / name).rename(site.models / name)
    state_path(site, 2).unlink()
    broken = state_path(site, 1)
    bytes_ = bytearray(broken.read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    broken.write_bytes({"flip": bytes(bytes_), "cut": bytes(bytes_[:-9]), "empty": b""}[damage])
    made = cycle.run(site.operation, day(2))
    assert made.record["start"] == f"state valid at {ISSUE}, advanced"
    assert made.record["flags"] == STAND_IN | {"STATE_DAMAGED": "all"}
    assert any(broken.name in note for note in made.record["notes"])
    np.testing.assert_array_equal(output(made)["runoff"].values, sound["runoff"].values)


def test_with_all_states_damaged_it_spins_up(site: Site) -> None:
    cycle.run(site.operation, ISSUE)
    site.arrive(0, 0)
    state_path(site, 0).write_bytes(b"")
    record = cycle.run(site.operation, day(1)).record
    assert record["flags"] == STAND_IN | {"SPUN_UP": "all", "STATE_DAMAGED": "all"}


def test_a_new_basin_alone_is_spun_up(site: Site) -> None:
    cycle.run(site.operation, ISSUE)
    site.arrive(0, 0)
    old = state_of(site, 0)
    states.write(site.operation.forecasts, old.select([b for b in BASINS if b != "02"]), {}, None)
    made = cycle.run(site.operation, day(1))
    assert made.record["start"] == f"state valid at {ISSUE}, advanced; spin-up of 400 days in basin 02"
    assert made.record["flags"] == STAND_IN | {"SPUN_UP": ["02"]}
    model = site.registry.serving().model
    known = site.region.sel(time=slice(None, str(day(0))))
    advanced, ours = forecast.run(model, known, Period(start=day(0), end=day(0)), state=old)
    _, theirs = forecast.run(model, known, Period(start=day(0), end=day(0)), spin_up_days=399)
    state = state_of(site, 1)
    assert state.basins == BASINS
    for basin in BASINS:
        whole = (theirs if basin == "02" else ours).select([basin])
        for got, wanted in zip(arrays(state.select([basin])), arrays(whole), strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)
    analysis = output(made, ANALYSIS)
    assert analysis["basin"].values.tolist() == list(BASINS)
    np.testing.assert_allclose(analysis["runoff"].values[0], advanced["runoff"].values[0], rtol=1e-6)
    site.arrive(1, 1)
    assert cycle.run(site.operation, day(2)).record["flags"] == STAND_IN


def test_a_new_basin_joins_a_state_that_is_there(site: Site) -> None:
    """As when weights are promoted and a basin comes before the forecast."""
    cycle.run(site.operation, ISSUE)
    sound = state_of(site, 0)
    (site.operation.forecasts / "cycles" / str(ISSUE)).rename(site.models / "kept")
    states.write(site.operation.forecasts, sound.select(BASINS[:4]), {"01": 1}, None)
    made = cycle.run(site.operation, ISSUE)
    assert made.record["start"] == "spin-up of 400 days in basin 05"
    assert made.record["flags"] == STAND_IN | {"SPUN_UP": ["05"], "FILLED": ["01"]}
    for got, wanted in zip(arrays(state_of(site, 0)), arrays(sound), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


class TestLeftOut:
    """What a forecaster wants: the forecast of all others, and the name of the one that cannot be made, and why."""

    def told(self, made: Cycle, basin: str, why: str, caplog: pytest.LogCaptureFixture) -> None:
        assert made.record["left_out"] == [basin]
        (note,) = made.record["notes"]
        assert note.startswith("left out: ")
        assert why in note
        assert note in caplog.text
        got = output(made)
        assert got.attrs["left_out"] == basin
        assert got["basin"].values.tolist() == list(BASINS)
        assert made.record["basins"] == len(BASINS)

    @pytest.fixture
    def alone(self, site: Site) -> np.ndarray:
        """Runoff of the second cycle of the others, had nothing happened."""
        cycle.run(site.operation, ISSUE)
        site.arrive(0, 0)
        one = cycle.run(site.operation, day(1))
        runoff = output(one)["runoff_member"].values
        one.path.rename(site.models / "kept")
        state_path(site, 1).unlink()
        return runoff

    def same(self, made: Cycle, runoff: np.ndarray) -> None:
        np.testing.assert_array_equal(output(made)["runoff_member"].values, runoff)

    def test_attributes_alone_stop_no_other(
        self, site: Site, alone: np.ndarray, caplog: pytest.LogCaptureFixture
    ) -> None:
        site.join("06")
        made = cycle.run(site.operation, day(1))
        why = f"basin 06 has no state of these weights, and no two days of weather before {day(1)} to spin up over: ingest"
        self.told(made, "06", why, caplog)
        self.same(made, alone)
        assert made.record["flags"] == STAND_IN
        assert made.record["start"] == f"state valid at {ISSUE}, advanced"
        assert state_of(site, 1).basins == BASINS

    def test_one_that_only_the_configuration_knows_stops_no_other(
        self, site: Site, alone: np.ndarray, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = site.operation.folder / "train.yaml"
        content = yaml.safe_load(path.read_text())
        content["data"]["basins"] = [*BASINS, "66"]
        path.write_text(yaml.safe_dump(content))
        made = cycle.run(site.operation, day(1))
        self.told(
            made, "66", "knows nothing of basin 66: ingest its attributes and weather, or correct", caplog
        )
        self.same(made, alone)

    def test_one_without_a_latitude_stops_no_other(
        self, site: Site, alone: np.ndarray, caplog: pytest.LogCaptureFixture
    ) -> None:
        like = site.region.sel(basin=["05"], time=slice(None, str(day(0))))
        like = like.assign_coords(basin=np.array(["06"], dtype=object))
        site.store.append(like[["prcp", "tmin", "tmax"]], source="weather before attributes")
        made = cycle.run(site.operation, day(1))
        self.told(made, "06", "no latitude (gauge_lat) of basin 06", caplog)
        self.same(made, alone)

    def test_a_gap_that_nothing_can_fill_stops_no_other(
        self, make_site: MakeSite, caplog: pytest.LogCaptureFixture
    ) -> None:
        """No day of the same dates is known, in a history of a few days."""
        site = make_site(forecast={"fill_days": 60})
        cycle.run(site.operation, ISSUE)
        site.arrive(0, 0)
        site.join("06", -52, -50)
        site.join("06", -1, 0)
        made = cycle.run(site.operation, day(1))
        self.told(made, "06", "no weather of any year to fill missing days of basin 06 in", caplog)

    def test_a_short_history_is_spun_up_over_and_flagged(self, make_site: MakeSite) -> None:
        site = make_site(forecast={"weather": "weather"})
        cycle.run(site.operation, ISSUE)
        site.arrive(0, 0)
        site.join("06", -59, 0)
        site.join("07", -19, 0)
        known = site.store.window(day(-400), day(0))
        ahead = site.region[["prcp", "tmin", "tmax"]].sel(
            basin=[*BASINS, "05", "05"], time=slice(str(day(1)), str(day(4)))
        )
        path = site.operation.folder / "weather" / f"{day(1)}.nc"
        path.parent.mkdir()
        ahead.assign_coords(basin=np.array([*BASINS, "06", "07"], dtype=object)).to_netcdf(path)
        made = cycle.run(site.operation, day(1))
        assert (
            made.record["start"]
            == f"state valid at {ISSUE}, advanced; spin-up of 20 to 60 days in basin 06, 07"
        )
        assert made.record["flags"] == {"SPUN_UP": ["06", "07"], "SHORT_SPIN_UP": ["06", "07"]}
        assert made.record["left_out"] == []
        assert "left_out" not in output(made).attrs
        assert output(made, ANALYSIS)["basin"].values.tolist() == [*BASINS, "06", "07"]
        model = site.registry.serving().model
        (path,) = (site.operation.forecasts / "states").glob(f"*/{day(1)}.state")
        state = State.read(path)
        assert state.basins == (*BASINS, "06", "07")
        for basin, days in (("06", 60), ("07", 20)):
            own = known.sel(basin=[basin]).isel(time=slice(-days, None))
            _, straight = forecast.run(model, own, Period(start=day(0), end=day(0)), spin_up_days=days - 1)
            for got, wanted in zip(arrays(state.select([basin])), arrays(straight), strict=True):
                np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)
        site.arrive(1, 1)
        site.join("06", 1, 1)
        site.join("07", 1, 1)
        ahead = ahead.assign_coords(time=ahead["time"] + np.timedelta64(1, "D"))
        ahead = ahead.assign_coords(basin=np.array([*BASINS, "06", "07"], dtype=object))
        ahead.to_netcdf(site.operation.folder / "weather" / f"{day(2)}.nc")
        assert cycle.run(site.operation, day(2)).record["flags"] == {}

    def test_without_a_past_year_it_has_no_weather_ahead_but_a_state(
        self, site: Site, alone: np.ndarray, caplog: pytest.LogCaptureFixture
    ) -> None:
        site.join("06", -59, 0)
        made = cycle.run(site.operation, day(1))
        self.told(made, "06", "dates in basin 06: give forecast.weather, or ingest a year of history", caplog)
        self.same(made, alone)
        weights = site.registry.serving().model.weights_sha256
        found = states.latest(site.operation.forecasts, weights, [*BASINS, "06"], day(1))
        assert found.state is not None
        assert found.state.basins == (*BASINS, "06")
        assert found.flags["06"] == Degraded.SPUN_UP | Degraded.SHORT_SPIN_UP

    def test_one_whose_weather_ends_is_back_when_it_has_come(
        self, site: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        cycle.run(site.operation, ISSUE)
        site.arrive(0, 3, without=("04",))
        made = cycle.run(site.operation, day(4))
        assert made.record["left_out"] == ["04"]
        assert output(made)["basin"].values.tolist() == ["01", "02", "03", "05"]
        (note,) = made.record["notes"]
        assert (
            f"lacks the weather of 4 of the 400 days {day(-396)}..{day(3)} in basin 04: at most 3 are filled"
            in note
        )
        assert "raise forecast.fill_days" in note
        site.arrive(0, 4)
        made = cycle.run(site.operation, day(5))
        assert made.record["left_out"] == made.record["notes"] == []
        assert made.record["flags"] == STAND_IN | {"SPUN_UP": ["04"]}

    def test_a_state_at_hand_serves_the_others(self, site: Site) -> None:
        """As after a promotion, or where the cycle's folder was taken away."""
        cycle.run(site.operation, ISSUE)
        (site.operation.forecasts / "cycles" / str(ISSUE)).rename(site.models / "kept")
        site.join("06")
        made = cycle.run(site.operation, ISSUE)
        assert made.record["start"] == f"state valid at {ISSUE}"
        assert made.record["left_out"] == ["06"]
        assert not (made.path / ANALYSIS).exists()

    def test_of_a_history_with_a_long_gap_nothing_is_made_up(self, site: Site) -> None:
        """A state of the days after it alone would be of nearly empty stores."""
        cycle.run(site.operation, ISSUE)
        site.arrive(0, 0)
        site.join("06", -300, -101)
        site.join("06", -90, 0)
        (note,) = cycle.run(site.operation, day(1)).record["notes"]
        assert (
            f"the store lacks the weather of 10 of the 301 days {day(-300)}..{day(0)} in basin 06: at most 3"
            in note
        )

    def test_at_the_first_day_of_all_gaps_are_filled(self, site: Site) -> None:
        site.join("06", -399, -1)
        assert weather.histories(site.store, ["06"], day(-400), day(-1), fill_days=3).by_first == {
            day(-400): ["06"]
        }
        assert weather.histories(site.store, ["06"], day(-400), day(-1), fill_days=0).by_first == {
            day(-399): ["06"]
        }

    def test_a_single_day_is_no_history(self, site: Site) -> None:
        """It would be run from empty stores; some models could not be run at all."""
        site.join("06", -1, -1)
        site.join("07", -2, -1)
        found = weather.histories(site.store, ["06", "07"], day(-400), day(-1), fill_days=3)
        assert found.by_first == {day(-2): ["07"]}
        assert found.lacking[0].startswith(
            "basin 06 has no state of these weights, and no two days of weather"
        )

    def test_basins_without_a_common_year_give_way_to_the_others(self) -> None:
        whole = np.array([[1, 1, 0, 0, 1], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0]], bool)
        assert weather._comparable(whole).tolist() == [True, True, False, False, True]
        assert weather._comparable(whole[:, :2]).tolist() == [True, True]
        assert not weather._comparable(whole[:0]).any()


class TestLateWeather:
    """What a forecaster expects: the state is that of the weather as it is known now."""

    def correct(self, site: Site, n: int, basin: str = "03", *, name: str = "prcp") -> None:
        cell = site.region.sel(time=[str(day(n))], basin=[basin])[[name]] + 7.0
        site.store.append(cell, source="correction")

    def straight(self, site: Site, n: int) -> State:
        """The state of one run over the weather that the store knows now, from the first cycle's."""
        known = site.store.window(day(-1), day(n - 1), basins=BASINS)
        period = Period(start=day(0), end=day(n - 1))
        model = site.registry.serving().model
        first = state_of(site, 0)
        return forecast.run(model, known, period, state=first)[1]

    def same(self, site: Site, n: int) -> None:
        for ours, theirs in zip(arrays(state_of(site, n)), arrays(self.straight(site, n)), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)

    def until(self, site: Site, n: int) -> Cycle:
        made = cycle.run(site.operation, ISSUE)
        for k in range(1, n + 1):
            site.arrive(k - 1, k - 1)
            made = cycle.run(site.operation, day(k))
        return made

    def test_corrected_days_are_run_again(self, site: Site) -> None:
        self.until(site, 4)
        self.correct(site, 2)
        site.arrive(4, 4)
        made = cycle.run(site.operation, day(5))
        assert made.record["start"] == f"state valid at {day(2)}, advanced"
        assert made.record["notes"] == [f"the weather from {day(2)} on has come or was corrected in basin 03"]
        assert made.record["flags"] == STAND_IN
        assert output(made, ANALYSIS)["time"].values[0] == np.datetime64(day(2))
        self.same(site, 5)
        # The next one has nothing to mend.
        site.arrive(5, 5)
        made = cycle.run(site.operation, day(6))
        assert made.record["start"] == f"state valid at {day(5)}, advanced"
        assert made.record["notes"] == []
        self.same(site, 6)

    def test_a_state_in_between_that_was_never_mended_is_passed_over(self, site: Site) -> None:
        self.until(site, 4)
        self.correct(site, 1)
        site.arrive(4, 4)
        cycle.run(site.operation, day(5))
        self.correct(site, 3)
        site.arrive(5, 5)
        made = cycle.run(site.operation, day(6))
        assert made.record["start"] == f"state valid at {day(1)}, advanced"
        self.same(site, 6)

    def test_of_several_corrections_the_first_day_counts(self, site: Site) -> None:
        self.until(site, 4)
        self.correct(site, 3, "01")
        self.correct(site, 1, "04")
        site.arrive(4, 4)
        made = cycle.run(site.operation, day(5))
        assert made.record["start"] == f"state valid at {day(1)}, advanced"
        assert made.record["notes"][0].endswith("in basin 01, 04")
        self.same(site, 5)

    def test_a_day_that_was_filled_and_has_come(self, site: Site) -> None:
        cycle.run(site.operation, ISSUE)
        site.arrive(0, 0, without=("04",))
        assert cycle.run(site.operation, day(1)).record["flags"] == STAND_IN | {"FILLED": ["04"]}
        site.arrive(0, 1)
        made = cycle.run(site.operation, day(2))
        assert made.record["flags"] == STAND_IN
        assert made.record["start"] == f"state valid at {ISSUE}, advanced"
        self.same(site, 2)

    def test_without_a_state_early_enough_it_spins_up(self, site: Site) -> None:
        self.until(site, 1)
        self.correct(site, -2)
        site.arrive(1, 1)
        made = cycle.run(site.operation, day(2))
        assert made.record["flags"] == STAND_IN | {"SPUN_UP": "all"}

    @pytest.mark.parametrize(("older", "start"), [(0, 0), (1, states.KEPT - 1)])
    def test_thirty_days_back_are_mended_and_what_is_older_changes_nothing(
        self, site: Site, older: int, start: int
    ) -> None:
        """To the very edge: the day of the oldest state is run again, the day before it lies in that state."""
        cycle.run(site.operation, ISSUE)
        newest = states.KEPT - 1
        site.arrive(0, newest - 1)
        for n in range(1, newest + 1):
            later = State(**{**state_of(site, 0).__dict__, "time": np.datetime64(day(n))})
            states.write(site.operation.forecasts, later, {}, site.store.receipts()[-1].when)
        self.correct(site, -older)
        site.arrive(newest, newest)
        made = cycle.run(site.operation, day(newest + 1))
        assert made.record["start"] == f"state valid at {day(start)}, advanced"
        assert bool(made.record["notes"]) == (older == 0)
        assert made.record["flags"] == STAND_IN

    @pytest.mark.parametrize(("n", "name"), [(-states.KEPT - 1, "prcp"), (0, "streamflow")])
    def test_what_is_too_old_or_no_weather_changes_nothing(self, site: Site, n: int, name: str) -> None:
        self.until(site, 1)
        self.correct(site, n, name=name)
        site.arrive(1, 1)
        made = cycle.run(site.operation, day(2))
        assert made.record["start"] == f"state valid at {day(1)}, advanced"
        assert made.record["notes"] == []

    def test_a_store_that_was_made_anew_is_trusted(self, site: Site) -> None:
        self.until(site, 1)
        site.operation.store.rename(site.models / "lost")
        site.store.append(site.region.sel(time=slice(None, str(day(1)))), source="again")
        assert cycle.run(site.operation, day(2)).record["start"] == f"state valid at {day(1)}, advanced"

    def restored(self, site: Site) -> None:
        """A cycle of six basins, then the store as it was when there were five, with the days of these since."""
        path = site.operation.folder / "train.yaml"
        content = yaml.safe_load(path.read_text())
        content["data"]["basins"] = [*BASINS, "06"]
        path.write_text(yaml.safe_dump(content))
        backup = site.models / "backup"
        shutil.copytree(site.operation.store, backup)
        site.arrive(0, 0)
        site.join("06", -500, 0)
        assert cycle.run(site.operation, day(1)).record["left_out"] == []
        shutil.rmtree(site.operation.store)
        shutil.copytree(backup, site.operation.store)
        site.arrive(0, 1)

    def test_what_a_backup_of_the_store_did_not_know_has_come_since(self, site: Site) -> None:
        self.restored(site)
        site.join("06", -500, 1)
        made = cycle.run(site.operation, day(2))
        every = "01, 02, 03, 04, 05 and 1 more"
        assert made.record["notes"] == [
            f"the weather from {day(2 - states.KEPT)} on has come or was corrected in basin {every}"
        ]
        assert made.record["left_out"] == []
        known = site.store.window(day(-398), day(1), basins=[*BASINS, "06"])
        model = site.registry.serving().model
        _, straight = forecast.run(model, known, Period(start=day(1), end=day(1)), spin_up_days=399)
        (path,) = (site.operation.forecasts / "states").glob(f"*/{day(2)}.state")
        for ours, theirs in zip(arrays(State.read(path)), arrays(straight), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)

    def test_a_basin_that_only_the_state_still_knows_stops_no_other(self, site: Site) -> None:
        self.restored(site)
        made = cycle.run(site.operation, day(2))
        assert made.record["left_out"] == ["06"]
        assert any("knows nothing of basin 06" in note for note in made.record["notes"])

    def test_where_all_basins_are_new_all_has_come(self, site: Site) -> None:
        since = site.store.receipts()[-1].when
        site.join("06", -3)
        found = weather.corrected(site.store, ["06"], day(-10), day(-1), since)
        assert found == weather.Corrected(day(-3), ["06"])
        assert weather.corrected(site.store, ["06"], day(-10), day(-4), since) is None

    def test_where_the_store_knew_no_basin_all_has_come(self, site: Site) -> None:
        """All that it had was set aside."""
        store, days = (
            Store(site.models / "store"),
            site.region[["prcp"]].sel(time=slice(str(day(0)), str(day(1)))),
        )
        held = store.append(days, quarantine=xr.full_like(days, "strange", dtype=object), source="first")
        assert store.basins() == ()
        store.append(days.isel(time=[1]), source="second")
        found = weather.corrected(store, BASINS, day(-5), day(5), held.when)
        assert found == weather.Corrected(day(1), list(BASINS))


class TestDamage:
    """One bad entry among the cycles stops none that comes after it."""

    @pytest.mark.parametrize("content", [b"", b'{"issue": "20', b"[]", b"\xff", None])
    def test_a_damaged_record_is_told_by_whoever_needs_it(self, site: Site, content: bytes | None) -> None:
        old = cycle.run(site.operation, ISSUE)
        path = old.path / RECORD
        path.unlink() if content is None else path.write_bytes(content)
        assert cycle.missing(site.operation, day(0)) == []
        site.arrive(0, 0)
        assert cycle.missing(site.operation, day(0)) == [day(1)]
        assert cycle.run(site.operation, day(1)).record["start"] == f"state valid at {ISSUE}, advanced"
        assert cycle.run(site.operation, ISSUE) == old
        with pytest.raises(
            DhbvError,
            match=r"record\.json: damaged \(.*\): restore the cycle from a copy, or remove its folder and run",
        ):
            cycle.run(site.operation, ISSUE, reissue=True)
        # What it says helps.
        shutil.rmtree(old.path)
        assert cycle.run(site.operation, ISSUE).record["start"] == f"state valid at {ISSUE}"

    def test_what_is_no_cycle_is_left_alone(self, site: Site) -> None:
        cycles = site.operation.forecasts / "cycles"
        folders = [f"{ISSUE} (copy)", f"{ISSUE}.old", ".keep", "2003-02-30", "2003"]
        for name in folders:
            (cycles / name).mkdir(parents=True)
        files = [".DS_Store", "2003-10-05"]
        for name in files:
            (cycles / name).write_text("mine")
        (cycles / f".{ISSUE}").mkdir()
        (cycles / f".{ISSUE}.2").mkdir()
        made = cycle.run(site.operation, ISSUE)
        assert cycle.done(site.operation) == [made]
        assert {p.name for p in cycles.iterdir()} == {*folders, *files, str(ISSUE)}
        assert cycle.missing(site.operation, ISSUE) == []


def test_missing_cycles_are_made_in_order_once_each(site: Site) -> None:
    cycle.run(site.operation, ISSUE)
    site.arrive(0, 4)
    due = cycle.missing(site.operation, day(0))
    assert due == [day(n) for n in range(1, 6)]
    said: list[str] = []
    for issue in due:
        cycle.run(site.operation, issue, say=said.append)
    assert said == [f"{day(n)}: state valid at {day(n - 1)}, advanced" for n in range(1, 6)]
    assert cycle.missing(site.operation, day(0)) == []
    assert [(c.issue, c.number) for c in cycle.done(site.operation)] == [(day(n), 1) for n in range(6)]


def test_running_again_changes_nothing(site: Site) -> None:
    first = cycle.run(site.operation, ISSUE)
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in first.path.iterdir()}
    assert cycle.run(site.operation, ISSUE) == first
    assert cycle.run(site.operation, ISSUE, reissue=True) == first
    assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in first.path.iterdir()} == before


def test_made_anew_it_is_the_same(site: Site) -> None:
    """Also after a kill between the cycle and its state: the next cycle starts further back, same water."""
    cycle.run(site.operation, ISSUE)
    site.arrive(0, 1)
    cycle.run(site.operation, day(1))
    first = cycle.run(site.operation, day(2))
    fluxes, record = output(first), content(first)
    first.path.rename(site.models / "kept")
    state_path(site, 2).unlink()
    assert content(cycle.run(site.operation, day(2))) == record
    cycle.done(site.operation)[-1].path.rename(site.models / "kept2")
    for n in (1, 2):
        state_path(site, n).unlink()
    again = cycle.run(site.operation, day(2))
    assert again.record["start"] == f"state valid at {ISSUE}, advanced"
    np.testing.assert_array_equal(output(again)["runoff"].values, fluxes["runoff"].values)
    assert again.record["state_sha256"] == record["state_sha256"]


def test_reissued_with_other_weights(site: Site) -> None:
    retraining = pytest.importorskip("dhbv.operations.retraining", exc_type=ImportError)
    first = cycle.run(site.operation, ISSUE)
    version = site.publish(1)
    retraining.promote(site.operation, version, **BY, issue=ISSUE)
    assert cycle.run(site.operation, ISSUE) == first
    again = cycle.run(site.operation, ISSUE, reissue=True)
    assert (again.path.name, again.number) == (f"{ISSUE}.2", 2)
    assert again.record["version"] == version.id
    assert again.record["start"] == f"state valid at {ISSUE}"
    assert not (again.path / ANALYSIS).exists()
    # How the state came about was told at promotion to nobody who reads forecasts.
    assert again.record["flags"] == STAND_IN | {"SPUN_UP": "all"}
    assert not np.allclose(output(again)["runoff"].values, output(first)["runoff"].values)
    assert cycle.missing(site.operation, ISSUE) == []


def test_a_rollback_goes_on_from_the_old_weights_last_state(site: Site) -> None:
    retraining = pytest.importorskip("dhbv.operations.retraining", exc_type=ImportError)
    cycle.run(site.operation, ISSUE)
    retraining.promote(site.operation, site.publish(1), **BY, issue=ISSUE)
    site.arrive(0, 1)
    cycle.run(site.operation, day(1))
    newer = cycle.run(site.operation, day(2))
    retraining.rollback(site.operation, **BY, issue=day(2))
    again = cycle.run(site.operation, day(2), reissue=True)
    assert again.record["version"] != newer.record["version"]
    assert again.record["flags"] == STAND_IN
    known = site.region.sel(time=slice(None, str(day(1))))
    _, long = forecast.run(
        site.registry.serving().model, known, Period(start=day(0), end=day(1)), spin_up_days=400
    )
    for ours, theirs in zip(arrays(state_of(site, 2)), arrays(long), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_a_damaged_champion_is_replaced_and_flagged(site: Site) -> None:
    old = site.registry.serving().version
    cycle.run(site.operation, ISSUE)
    bad = site.serve(1).path / "weights.safetensors"
    bad.chmod(0o644)
    damaged = bytearray(bad.read_bytes())
    damaged[-1] ^= 1
    bad.write_bytes(damaged)
    site.arrive(0, 0)
    record = cycle.run(site.operation, day(1)).record
    assert record["version"] == old.id
    assert record["flags"] == STAND_IN | {"NOT_CHAMPION": "all"}
    assert "serves instead of the champion" in record["notes"][0]


def test_a_replay_of_old_days_keeps_its_states(site: Site) -> None:
    """Even where thirty newer states are there."""
    cycle.run(site.operation, ISSUE)
    state = state_of(site, 0)
    for n in range(1, states.KEPT + 1):
        newer = State(**{**state.__dict__, "time": np.datetime64(day(n))})
        states.write(site.operation.forecasts, newer, {}, None)
    cycle.run(site.operation, day(-5))
    assert cycle.run(site.operation, day(-4)).record["start"] == f"state valid at {day(-5)}, advanced"


def test_only_the_newest_states_are_kept(site: Site) -> None:
    cycle.run(site.operation, ISSUE)
    state = state_of(site, 0)
    for n in range(1, states.KEPT + 3):
        newer = State(**{**state.__dict__, "time": np.datetime64(day(n))})
        path = states.write(site.operation.forecasts, newer, {"01": 1, "02": 0}, None)
    assert len(list(path.parent.glob("*.state"))) == len(list(path.parent.glob("*.json"))) == states.KEPT
    assert json.loads(path.with_suffix(".json").read_text()) == {"flags": {"01": 1}, "known": None}


class TestProvenance:
    """Bar 16."""

    def test_every_output_says_what_made_it(self, site: Site) -> None:
        first = cycle.run(site.operation, ISSUE)
        site.arrive(0, 0)
        made = cycle.run(site.operation, day(1))
        serving = site.registry.serving()
        attrs, record = output(made).attrs, made.record
        before = hashlib.sha256(state_of(site, 0).to_bytes()).hexdigest()
        after = hashlib.sha256(state_of(site, 1).to_bytes()).hexdigest()
        for told in (attrs, record, output(made, ANALYSIS).attrs):
            assert told["weights_sha256"] == serving.model.weights_sha256
            assert told["version"] == serving.version.id
            assert told["code_version"] == __version__
            assert told["start"] == f"state valid at {ISSUE}, advanced"
        assert attrs["state_sha256"] == record["state_sha256"] == after
        assert attrs["forcing_sha256"] == record["forcing_sha256"]
        known = site.store.digest(
            day(0), day(0), basins=BASINS, variables=("prcp", "tmin", "tmax", "streamflow")
        )
        analysis = output(made, ANALYSIS).attrs
        assert analysis["state_sha256"] == record["analysis"]["state_sha256"] == before
        assert analysis["forcing_sha256"] == record["analysis"]["forcing_sha256"] == known
        assert first.record["state_sha256"] == before
        assert output(first, ANALYSIS).attrs["state_sha256"] == "none: spun up"

    def test_other_weather_has_another_digest(self, site: Site) -> None:
        first = cycle.run(site.operation, ISSUE).record
        (site.operation.forecasts / "cycles" / str(ISSUE)).rename(site.models / "kept")
        same = cycle.run(site.operation, ISSUE).record
        assert same["forcing_sha256"] == first["forcing_sha256"]
        (site.operation.forecasts / "cycles" / str(ISSUE)).rename(site.models / "kept2")
        past = site.region.sel(time=[f"{ISSUE.year - 1}-{ISSUE:%m-%d}"], basin=["02"])[["prcp"]] + 1.0
        site.store.append(past, source="correction")
        assert cycle.run(site.operation, ISSUE).record["forcing_sha256"] != first["forcing_sha256"]


class TestWeatherAhead:
    def file(self, site: Site, members: int | None = None, *, days: int = 4) -> Path:
        """A weather forecast for the first cycle: what came, changed by member."""
        come = site.region[["prcp", "tmin", "tmax"]].sel(time=slice(str(day(0)), str(day(days - 1))))
        come = come.assign_coords(basin=np.array(BASINS, dtype=object))
        if members is not None:
            scale = xr.DataArray(np.linspace(0.0, 2.0, members), dims="member")
            come = come.assign(prcp=come["prcp"] * scale).assign_coords(member=np.arange(members))
        path = site.operation.folder / "weather" / f"{ISSUE}.nc"
        path.parent.mkdir()
        come.to_netcdf(path)
        return path

    def test_one_forecast_is_run_as_it_is(self, make_site: MakeSite) -> None:
        site = make_site(forecast={"weather": "weather"})
        path = self.file(site)
        made = cycle.run(site.operation, ISSUE)
        assert made.record["weather"] == f"weather forecast {path.name}"
        assert made.record["flags"] == {"SPUN_UP": "all"}
        period = Period(start=day(0), end=day(3))
        straight, _ = forecast.run(
            site.registry.serving().model, site.region, period, state=state_of(site, 0)
        )
        got = output(made)
        assert got["runoff"].dims == ("basin", "time")
        np.testing.assert_array_equal(got["runoff"].values, straight["runoff"].values.astype(np.float32))
        np.testing.assert_array_equal(
            got["streamflow"].values, straight["streamflow"].values.astype(np.float32)
        )

    def test_quantiles_of_an_ensemble(self, make_site: MakeSite) -> None:
        site = make_site(forecast={"weather": "weather", "quantiles": [0.1, 0.5, 0.9]})
        self.file(site, members=7)
        made = cycle.run(site.operation, ISSUE)
        got = output(made)
        assert made.record["members"] == 7
        assert got["runoff_member"].sizes == {"member": 7, "basin": 5, "time": 4}
        state, model = state_of(site, 0), site.registry.serving().model
        runs = []
        for factor in np.linspace(0.0, 2.0, 7):
            changed = site.region.assign(prcp=site.region["prcp"] * factor)
            fluxes, _ = forecast.run(model, changed, Period(start=day(0), end=day(3)), state=state)
            runs.append(fluxes)
        for name in ("runoff", "soil_water", "streamflow"):
            every = np.stack([run[name].values for run in runs])
            for k, q in enumerate((0.1, 0.5, 0.9)):
                ours = got[name].sel(quantile=q).transpose("basin", "time").values
                np.testing.assert_allclose(
                    ours, np.quantile(every, q, axis=0), rtol=1e-5, atol=1e-6, err_msg=f"{name} {k}"
                )
        members = np.stack([run["runoff"].values for run in runs])
        ours = got["runoff_member"].transpose("member", "basin", "time").values
        np.testing.assert_allclose(ours, members, rtol=1e-5, atol=1e-6)
        assert got["runoff"].attrs["units"] == "mm d-1"
        assert got.attrs["Conventions"] == "CF-1.10"

    def test_past_years_stand_in(self, site: Site) -> None:
        got = output(cycle.run(site.operation, ISSUE))
        assert got.attrs["weather"] == "weather of the same dates in 3 past years (2000..2002)"
        assert got["member"].values.tolist() == [2002, 2001, 2000]
        model, state = site.registry.serving().model, state_of(site, 0)
        past = site.region.sel(time=slice(f"2001-{day(0):%m-%d}", f"2001-{day(3):%m-%d}"))
        past = past.assign_coords(time=np.datetime64(day(0), "ns") + np.arange(4) * np.timedelta64(1, "D"))
        fluxes, _ = forecast.run(model, past, Period(start=day(0), end=day(3)), state=state)
        np.testing.assert_allclose(
            got["runoff_member"].sel(member=2001).transpose("basin", "time").values,
            fluxes["runoff"].values, rtol=1e-6,
        )  # fmt: skip

    def test_a_forecast_that_lacks_days_is_refused(self, make_site: MakeSite) -> None:
        site = make_site(forecast={"weather": "weather"})
        self.file(site, days=3)
        with pytest.raises(
            DhbvError,
            match=r"basin 01, .*, lacks 15 values of the days 2003-10-06\.\.2003-10-09: write it anew",
        ):
            cycle.run(site.operation, ISSUE)

    def test_a_basin_that_the_forecast_lacks_stops_no_other(self, make_site: MakeSite) -> None:
        site = make_site(forecast={"weather": "weather"})
        path = self.file(site)
        with xr.open_dataset(path) as file:
            less = file.load().isel(basin=[0, 1, 3, 4])
        less.to_netcdf(path)
        less["prcp"][{"basin": 0, "time": 2}] = np.nan
        less.to_netcdf(path, "w")
        made = cycle.run(site.operation, ISSUE)
        assert output(made)["basin"].values.tolist() == ["02", "04", "05"]
        assert made.record["left_out"] == ["01", "03"]
        absent, broken = made.record["notes"]
        assert absent == f"left out: the weather forecast {path} lacks basin 03: write those to come with it"
        assert f"{path}, basin 01, lacks 1 values of the days 2003-10-06..2003-10-09: write it anew" in broken
        assert state_of(site, 0).basins == BASINS, "they are there for the next cycle"


def test_two_runs_at_once_give_one_cycle(site: Site) -> None:
    children = [runner(site.operation, ISSUE) for _ in range(2)]
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0]
    assert [p.name for p in (site.operation.forecasts / "cycles").iterdir()] == [str(ISSUE)]
    assert sorted(p.name for p in cycle.done(site.operation)[0].path.iterdir()) == [
        ANALYSIS,
        FORECAST,
        RECORD,
    ]
