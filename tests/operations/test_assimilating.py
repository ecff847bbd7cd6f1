"""A cycle whose state is updated from observed flow: its forecast changes, the chain does not, and nothing stops it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml

from dhbv import forecast
from dhbv.assimilation import Outcome, Update, update
from dhbv.configuration import Period
from dhbv.operations import assimilating, configuration, cycle, states
from dhbv.operations.configuration import Operation
from dhbv.operations.cycle import ANALYSIS, FORECAST, Cycle
from dhbv.plots.cycle import page
from dhbv.state import State
from tests.operations.conftest import BASINS, ISSUE, Site, day

CYCLES = 3


def operation_of(site: Site, name: str, assimilation: object, **more: object) -> Operation:
    """The same store and weights, forecasts of its own."""
    text = yaml.safe_load((site.operation.folder / "operation.yaml").read_text(encoding="utf-8"))
    text |= {"forecasts": name, "fluxes": f"{name}-fluxes"}
    text["forecast"] |= {"assimilation": assimilation} | more
    path = site.operation.folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(text), encoding="utf-8")
    return configuration.load(path)


def cycles(site: Site, operation: Operation) -> list[Cycle]:
    return [cycle.run(operation, day(n)) for n in range(CYCLES)]


def output(one: Cycle, name: str = FORECAST) -> xr.Dataset:
    with xr.open_dataset(one.path / name) as file:
        return file.load()


def files(operation: Operation) -> dict[str, bytes]:
    folder = operation.forecasts / "states"
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*.state")}


@contextmanager
def without_torch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "torch", None)
        patch.delitem(sys.modules, "dhbv.assimilation.minimising", raising=False)
        yield


@pytest.fixture
def grown(site: Site) -> Site:
    """Weather and flow of all cycles are there."""
    site.arrive(0, CYCLES)
    return site


@pytest.mark.parametrize("settings", [None, {}])
def test_it_is_off_unless_asked_for(grown: Site, settings: object) -> None:
    if settings is not None:
        pytest.importorskip("torch")
    plain = cycle.run(grown.operation, ISSUE)
    asked = cycle.run(operation_of(grown, "asked", settings), ISSUE)
    one, other = output(plain), output(asked)
    told = [name for name in other if str(name).startswith("assimilat")]
    assert bool(told) == ("assimilation" in asked.record) == (settings is not None)
    assert "assimilation" not in one.attrs
    if settings is None:
        assert (plain.path / FORECAST).stat().st_size == (asked.path / FORECAST).stat().st_size
        xr.testing.assert_identical(one.drop_attrs(deep=False), other.drop_attrs(deep=False))
        assert plain.record | {"created": ""} == asked.record | {"created": ""}


class TestOn:
    @pytest.fixture(autouse=True)
    def _torch(self) -> None:
        pytest.importorskip("torch")

    def test_the_forecast_changes_and_the_chain_does_not(self, grown: Site) -> None:
        on, off = operation_of(grown, "on", {}), operation_of(grown, "off", None)
        for ours, theirs in zip(cycles(grown, on), cycles(grown, off), strict=True):
            change = np.abs(output(ours)["runoff_member"] - output(theirs)["runoff_member"])
            assert float(change.max()) > 0.01
            xr.testing.assert_identical(
                output(ours, ANALYSIS).drop_attrs(deep=False), output(theirs, ANALYSIS).drop_attrs(deep=False)
            )
            assert ours.record["flags"] == theirs.record["flags"], "it is no degradation"
            assert ours.record["assimilation"]["undisturbed_sha256"] == theirs.record["state_sha256"]
            assert ours.record["state_sha256"] != theirs.record["state_sha256"]
        assert files(on) == files(off)

    @pytest.mark.parametrize("kept", [True, False])
    def test_it_starts_from_the_chain_thirty_days_before(
        self, grown: Site, monkeypatch: pytest.MonkeyPatch, kept: bool
    ) -> None:
        """From the state that lies there, also where the cycle's own does; else from one made as the chain's are."""
        operation, starts = operation_of(grown, "on", {}), []

        def watched(*given: Any, **more: Any) -> Update:
            starts.append(given[1:3])
            return update(*given, **more)

        made = cycle.run(operation, day(-30)).record["state_sha256"] if kept else None
        if kept:
            (path,) = (operation.forecasts / "states").glob("*/*.state")
            for n in range(-29, 1):
                later = replace(State.read(path), time=np.datetime64(day(n)))
                states.write(operation.forecasts, later, {}, None)
        monkeypatch.setattr(assimilating, "update", watched)
        cycle.run(operation, ISSUE)
        ((state, region),) = starts
        assert state.time == np.datetime64(day(-30))
        days = region["time"].values.astype("datetime64[D]")
        assert (days[0], days[-1]) == (np.datetime64(day(-30)), np.datetime64(day(-1)))
        if made is None:
            known = grown.region.sel(time=slice(None, str(day(-31))))
            one = Period(start=day(-31), end=day(-31))
            model = grown.registry.serving().model
            theirs = forecast.run(model, known, one, spin_up_days=399)[1]
            np.testing.assert_allclose(state.stores, theirs.stores, rtol=1e-12, atol=1e-12)
        else:
            with xr.open_dataset(operation.forecasts / "cycles" / str(day(-30)) / FORECAST) as file:
                assert file.attrs["state_sha256"] == made
            assert np.array_equal(state.stores, State.read(path).stores)

    def test_what_was_done_is_in_file_record_and_page(self, grown: Site) -> None:
        gone = grown.region.sel(time=slice(str(day(-30)), str(day(-1))), basin=["03"])[["streamflow"]]
        grown.store.append(0.0 * gone + 5000.0, source="a gauge gone mad")
        made = cycle.run(operation_of(grown, "on", {}), ISSUE)
        got = output(made)
        assert got["assimilation"].values[2] == Outcome.IMPLAUSIBLE_FLOW
        assert got["assimilation"].attrs["flag_meanings"].split()[2] == "implausible_flow"
        others = [k for k in range(5) if k != 2]
        assert (got["assimilation"].values[others] == Outcome.UPDATED).all()
        for name in ("snow", "soil_water", "upper_zone", "lower_zone", "prcp"):
            booked = got[f"assimilated_{name}"]
            assert booked.dims == ("basin",)
            assert booked.attrs["units"] == "mm"
            assert booked.values[2] == 0.0
        assert np.abs(got["assimilated_lower_zone"].values[others]).min() > 0.0
        before, after = (got[f"assimilation_misfit_{name}"].values for name in ("before", "after"))
        assert (after[others] < before[others]).all()
        span = f"{day(-30)}..{day(-1)}"
        note = f"states updated from observed flow of {span}: 4 of 5 basins updated; left alone: 1 implausible flow"
        assert got.attrs["assimilation"] == note
        assert made.record["notes"] == [note]
        told = made.record["assimilation"]
        assert (told["first"], told["last"]) == (str(day(-30)), str(day(-1)))
        assert told["basins"] == {"UPDATED": ["01", "02", "04", "05"], "IMPLAUSIBLE_FLOW": ["03"]}
        assert note in page(made.path)

    def test_a_new_basin_keeps_its_state_and_the_others_are_updated(self, grown: Site) -> None:
        """It has no state of thirty days before; all others are updated as without it."""
        settings = {"weather": "weather"}
        plain = operation_of(grown, "plain", {})
        before = output(cycle.run(plain, ISSUE))
        grown.join("06", -19, -1)
        content = grown.region[["prcp", "tmin", "tmax"]].sel(time=slice(str(day(0)), str(day(3))))
        content = content.sel(basin=[*BASINS, "05"]).assign_coords(
            basin=np.array([*BASINS, "06"], dtype=object)
        )
        path = grown.operation.folder / "weather" / f"{ISSUE}.nc"
        path.parent.mkdir()
        content.to_netcdf(path)
        made = cycle.run(operation_of(grown, "on", {}, **settings), ISSUE)
        off = cycle.run(operation_of(grown, "off", None, **settings), ISSUE)
        got, undisturbed = output(made), output(off)
        assert got["basin"].values.tolist() == [*BASINS, "06"]
        assert got["assimilation"].values.tolist() == [*before["assimilation"].values, -1]
        assert got["assimilation"].dtype == np.int32
        assert got["assimilation"].attrs["flag_values"].tolist()[-1] == -1
        assert got["assimilation"].attrs["flag_meanings"].split()[-1] == "not_tried"
        for name in ("snow", "soil_water", "upper_zone", "lower_zone", "prcp"):
            booked = got[f"assimilated_{name}"].values
            np.testing.assert_allclose(booked[:-1], before[f"assimilated_{name}"].values, atol=1e-6)
            assert booked[-1] == 0.0
        np.testing.assert_array_equal(got["runoff"].sel(basin="06"), undisturbed["runoff"].sel(basin="06"))
        assert float(np.abs(got["runoff"] - undisturbed["runoff"]).max()) > 0.01
        assert (
            f"5 of 5 basins updated; not tried, for want of a state of {day(-30)}: 06"
            in made.record["notes"][0]
        )

    def test_running_again_changes_nothing(self, grown: Site) -> None:
        operation = operation_of(grown, "on", {})
        first = output(cycle.run(operation, ISSUE))
        (operation.forecasts / "cycles" / str(ISSUE)).rename(grown.models / "kept")
        again = output(cycle.run(operation, ISSUE))
        xr.testing.assert_identical(first.drop_attrs(deep=False), again.drop_attrs(deep=False))


class TestHindered:
    """Whatever fails, the forecast comes out as without, and a note says why."""

    def same_as_off(self, site: Site, made: Cycle, why: str) -> None:
        off = cycle.run(operation_of(site, "off", None), made.issue)
        (note,) = made.record["notes"]
        assert note.startswith("the state is as it was, not updated from observed flow: ")
        assert why in note
        assert made.record["assimilation"] == {"failed": note.split("flow: ", 1)[1]}
        got = output(made)
        assert got.attrs["assimilation"] == note
        xr.testing.assert_identical(got.drop_attrs(deep=False), output(off).drop_attrs(deep=False))
        assert made.record["state_sha256"] == off.record["state_sha256"]

    def test_without_torch(self, grown: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        with without_torch(monkeypatch):
            made = cycle.run(operation_of(grown, "on", {}), ISSUE)
        self.same_as_off(grown, made, "pip install 'delta-hbv[train]'")

    def test_without_history(self, make_site: Callable[..., Site]) -> None:
        """The store begins a few days before T0."""
        site = make_site(known=20, forecast={"weather": "weather"})
        coming = site.region[["prcp", "tmin", "tmax"]].sel(time=slice(str(day(0)), str(day(3))))
        folder = site.operation.folder / "weather"
        folder.mkdir()
        coming.assign_coords(basin=np.array(BASINS, dtype=object)).to_netcdf(folder / f"{ISSUE}.nc")
        made = cycle.run(operation_of(site, "on", {}), ISSUE)
        self.same_as_off(site, made, f"no two days of weather before {day(-30)} to spin up over")

    def test_whatever_goes_wrong(self, grown: Site, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(assimilating, "update", broken)
        made = cycle.run(operation_of(grown, "on", {}), ISSUE)
        self.same_as_off(grown, made, "ZeroDivisionError")

    def test_without_observations_basins_are_left_alone(self, site: Site) -> None:
        pytest.importorskip("torch")
        dry = site.region[["prcp", "tmin", "tmax"]].sel(time=slice(str(day(0)), str(day(24))))
        site.store.append(dry, source="weather alone")
        made = cycle.run(operation_of(site, "on", {}), day(25))
        off = cycle.run(operation_of(site, "off", None), day(25))
        told = "0 of 5 basins updated; left alone: 5 too few observations"
        assert made.record["notes"] == [f"states updated from observed flow of {day(-5)}..{day(24)}: {told}"]
        assert made.record["state_sha256"] == off.record["state_sha256"]
        xr.testing.assert_identical(
            output(made)["runoff_member"].drop_attrs(), output(off)["runoff_member"].drop_attrs()
        )
