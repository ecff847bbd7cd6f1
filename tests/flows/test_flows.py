"""The flows order the library's calls, show pages and tell what happened; nothing more is in them."""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType

import flows.training
from dhbv import model_directory
from dhbv.errors import DhbvError
from dhbv.evaluation.challenge import challenge
from dhbv.model_directory import ModelDirectory
from dhbv.operations import cycle, retraining
from dhbv.registry import Version
from flows import data, forecasting, monitoring, reporting, training
from flows.smoke import smoke_test
from tests.operations.conftest import BY, ISSUE, Site, day
from tests.operations.test_ingesting import drop
from tests.small_models import small_model

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.drill]


@pytest.fixture
def path(site: Site) -> str:
    return str(site.operation.folder / "operation.yaml")


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Events as they are given to Prefect."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(reporting, "emit_event", lambda **event: sent.append(event))
    return sent


def page(key: str) -> str:
    """The newest artifact of a key."""
    with get_client(sync_client=True) as client:
        found = client.request(
            "POST", "/artifacts/latest/filter", json={"artifacts": {"key": {"any_": [key]}}}
        ).json()
    return str(found[0]["data"])


def test_forecast_makes_what_is_missing_once(site: Site, path: str) -> None:
    assert [Path(p).name for p in forecasting.forecast(path)] == [str(ISSUE)]
    site.arrive(0, 1)
    assert [Path(p).name for p in forecasting.forecast(path)] == [str(day(1)), str(day(2))]
    assert forecasting.forecast(path) == []
    assert forecasting.forecast(path, reissue=True) == []
    site.serve(1)
    assert [Path(p).name for p in forecasting.forecast(path, reissue=True)] == [f"{day(2)}.2"]
    text = page(f"cycle-{day(2)}-2")
    assert f"# Forecast of {day(2)}" in text
    assert "**SPUN_UP**: all" in text


def test_backfill_makes_a_span_in_order(site: Site, path: str) -> None:
    made = forecasting.backfill(path, day(-2), day(0))
    assert [Path(p).name for p in made] == [str(day(n)) for n in (-2, -1, 0)]
    assert forecasting.backfill(path, day(-2), day(0)) == made
    starts = [c.record["start"] for c in cycle.done(site.operation)]
    assert starts[1:] == [f"state valid at {day(n)}, advanced" for n in (-2, -1)]
    with pytest.raises(DhbvError, match=rf"backfill ends \({day(-2)}\) before it starts"):
        forecasting.backfill(path, day(0), day(-2))


def test_retraining_that_is_better_serves_and_is_announced(
    site: Site, path: str, events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training and judging are tested elsewhere: here a trained model, and a judge who likes or dislikes it."""
    forecasting.forecast(path)
    before = site.registry.serving().version.id
    decision, count = "promote", iter(range(2, 9))
    told: list[str] = []

    def train(operation: Any, work: Path, **rest: Any) -> ModelDirectory:
        return small_model(work / "trained", next(count))

    def judge(*given: Any, **rest: Any) -> Any:
        card = challenge(*given, **rest)
        return type(card)(**{**card.__dict__, "decision": decision, "reasons": ("a reason", "another")})

    monkeypatch.setattr(retraining, "train", train)
    monkeypatch.setattr(retraining, "challenge", judge)
    monkeypatch.setattr(training, "say", told.append)
    config = site.operation.folder / "operation.yaml"
    config.write_text(config.read_text() + "retrain: {test_days: 100}\n")
    version = training.retrain(path, why="a test")
    assert version is not None
    assert site.registry.serving().version.id == version
    assert told[-1] == f"{version} is promoted, better than the champion: a reason; another"
    assert [(e["event"], e["payload"]) for e in events] == [
        ("dhbv.weights.promoted", {"version": version, "operation": path})
    ]
    assert site.registry.journal()[-1].why == "better than the champion; trained because a test"
    text = page("scorecard")
    assert "NSE" in text
    # The promotion brought a state, so that the forecast can be issued again at once.
    (again,) = forecasting.forecast(path, reissue=True)
    assert cycle.done(site.operation)[-1].record["start"] == f"state valid at {ISSUE}"
    assert again.endswith(".2")

    decision = "reject"
    worse = training.retrain(path, why="a test")
    assert worse not in (None, version)
    assert site.registry.serving().version.id == version
    assert told[-1] == f"{worse} is rejected, {version} goes on serving: a reason; another"
    assert len(events) == 1

    training.rollback(path, "it was worse")
    assert site.registry.serving().version.id == before
    assert events[-1]["payload"]["version"] == before
    assert cycle.run(site.operation, ISSUE, reissue=True).record["flags"] == {
        "NO_WEATHER_FORECAST": "all", "SPUN_UP": "all",
    }  # fmt: skip


def test_what_was_rolled_back_is_not_promoted_by_itself(
    site: Site, path: str, events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same data, the same champion, so the same weights, which the gate likes as before."""
    before, told = site.registry.serving().version.id, []

    def train(operation: Any, work: Path, **rest: Any) -> ModelDirectory:
        return small_model(work / "trained", 2)

    def judge(*given: Any, **rest: Any) -> Any:
        card = challenge(*given, **rest)
        return type(card)(**{**card.__dict__, "decision": "promote"})

    monkeypatch.setattr(retraining, "train", train)
    monkeypatch.setattr(retraining, "challenge", judge)
    monkeypatch.setattr(training, "say", told.append)
    config = site.operation.folder / "operation.yaml"
    config.write_text(config.read_text() + "retrain: {test_days: 100}\n")
    version = training.retrain(path, why="a test")
    assert version is not None
    assert site.registry.serving().version.id == version
    training.rollback(path, "it was worse")
    assert training.retrain(path, why="a test") == version
    assert told[-1] == f"{version} served before and was rolled back: promote it by hand"
    assert site.registry.serving().version.id == before
    assert [e["payload"]["version"] for e in events] == [version, before]
    training.promote(path, version, "it was not worse")
    assert site.registry.serving().version.id == version


def test_a_rejected_first_challenger_leaves_nothing_to_serve(
    site: Site, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retraining and forecasting both say so, and what to do."""
    shutil.rmtree(site.operation.registry)
    told: list[str] = []
    with pytest.raises(
        DhbvError,
        match=r"holds no version to forecast with: run the retrain flow, or publish one by `dhbv reg",
    ):
        forecasting.forecast(path)
    monkeypatch.setattr(training, "say", told.append)
    monkeypatch.setattr(training, "train", lambda *_: "trained")
    monkeypatch.setattr(
        training, "evaluate", lambda *_: (site.publish(2).id, "reject", "NSE too low; KGE too low")
    )
    version = training.retrain(path, why="a test")
    assert told[-1] == f"{version} is rejected, nothing serves: NSE too low; KGE too low"
    with pytest.raises(
        DhbvError, match=rf"it holds {version}; run the promote flow, or `dhbv registry promote`"
    ):
        forecasting.forecast(path)


def test_without_a_reason_nothing_is_trained(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining, "reason", lambda *_: None)
    monkeypatch.setattr(retraining, "train", lambda *_, **__: pytest.fail("trained"))
    assert training.retrain(path) is None


def test_what_does_not_run_is_not_promoted(
    site: Site, path: str, events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, version = site.registry.serving().version.id, site.publish(1)

    def broken(*_: Any) -> None:
        raise DhbvError("it does not run")

    monkeypatch.setattr(flows.training, "smoke_test", broken)
    with pytest.raises(DhbvError, match="it does not run"):
        training.promote(path, version.id, "a test")
    assert site.registry.serving().version.id == before
    assert events == []


def test_what_one_basin_lacks_is_no_fault_of_the_weights(site: Site, path: str) -> None:
    """Real attribute tables have gaps; here every basin has one."""
    site.operation.store.rename(site.models / "whole")
    gaps = site.region.isel(time=slice(0, 400)).copy(deep=True)
    for k, name in enumerate(("aridity", "aridity", "p_mean", "p_mean", "p_mean")):
        gaps[name][k] = float("nan")
    site.store.append(gaps, source="history")
    training.promote(path, site.publish(1).id, "a test")


class TestTheBasinOfTheSmokeTest:
    @pytest.fixture
    def seen(self, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        monkeypatch.setattr(flows.training, "smoke_test", lambda model, given: found.append(given))
        return found

    def join(self, site: Site, basin: str, **attributes: Any) -> None:
        """Weather, and no attributes but these."""
        like = site.region.sel(basin=["05"], time=slice(None, str(day(-1))))
        like = like.assign_coords(basin=np.array([basin], dtype=object))[["prcp", "tmin", "tmax"]]
        values = {name: ("basin", np.array([v])) for name, v in attributes.items()}
        site.store.append(like.assign(values), source="new region")

    def test_one_whose_attributes_have_not_come_is_passed_over(self, site: Site, path: str) -> None:
        self.join(site, "00")
        self.join(site, "00A", gauge_lat=44.0)
        training.promote(path, site.publish(1).id, "a test")

    def test_it_is_the_first_that_lacks_fewest(
        self, site: Site, path: str, seen: list[dict[str, Any]]
    ) -> None:
        self.join(site, "00")
        self.join(site, "00A", gauge_lat=44.0)
        training.promote(path, site.publish(1).id, "a test")
        (given,) = seen
        first = site.region.sel(basin="01")
        assert given["gauge_lat"] == first["gauge_lat"].item()
        assert given["area_gages2"] == first["area_gages2"].item() == 50.0
        assert all(v is None or type(v) in (float, str) for v in given.values())

    def test_its_failure_names_it(self, site: Site, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(*_: Any) -> None:
            raise DhbvError("config.yaml: it does not run")

        monkeypatch.setattr(flows.training, "smoke_test", broken)
        self.join(site, "00")
        with pytest.raises(
            DhbvError, match=rf"^with the attributes of basin 01 of the store {site.store.path}: config"
        ):
            training.promote(path, site.publish(1).id, "a test")

    @pytest.mark.parametrize("latitude", [{}, {"gauge_lat": -999.0}])
    def test_without_any_latitude_it_is_said(self, site: Site, path: str, latitude: dict[str, float]) -> None:
        site.operation.store.rename(site.models / "whole")
        self.join(site, "01", **latitude)
        with pytest.raises(
            DhbvError, match=r"has no basin with a latitude \(gauge_lat\) to run .* with: ingest a"
        ):
            training.promote(path, site.publish(1).id, "a test")


def test_a_model_that_needs_a_spin_up_can_be_promoted(site: Site, path: str) -> None:
    version = site.publish(1, kind="lstm")
    training.promote(path, version.id, "a test")
    assert site.registry.serving().version.id == version.id
    forecasting.forecast(path)
    assert cycle.done(site.operation)[-1].record["start"] == f"state valid at {ISSUE}"


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 10001"), OSError("No username set")])
def test_a_user_without_a_name_still_rolls_back(
    site: Site, path: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """As in a container that runs under any uid; the error is that of Python before and from 3.13 on."""

    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    site.serve(1)
    training.rollback(path, "a test")
    assert site.registry.journal()[-1].who == f"uid {os.getuid()} (flow)"


def test_ingest_takes_and_reports(site: Site, path: str) -> None:
    drop(site, "a.csv", 0, 1, prcp={("02", day(1)): -3.0})
    assert data.ingest(path, today=day(5)) == 1
    text = page("data-quality")
    assert "negative" in text
    assert "02" in text
    assert data.ingest(path, today=day(5)) == 0
    assert site.store.span("prcp") == (site.region["time"].values[0].astype("M8[D]").item(), day(1))


def test_ingest_names_what_it_passed_over(site: Site, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(data, "say", told.append)
    (site.operation.folder / "incoming").mkdir()
    (site.operation.folder / "incoming" / "j.xlsx").write_text("")
    for _ in range(2):
        assert data.ingest(path, today=day(5)) == 0
    (line,) = told
    assert line.startswith("incoming: passed over: j.xlsx; ")
    assert page("data-quality") == f"- {line}"


def test_ingest_fails_for_what_was_refused_and_takes_the_rest(site: Site, path: str) -> None:
    (site.operation.folder / "incoming").mkdir()
    (site.operation.folder / "incoming" / "a.csv").write_text("nothing\n")
    drop(site, "b.csv", 0, 1)
    state = data.ingest(path, today=day(5), return_state=True)
    assert state.type is StateType.FAILED
    assert state.message is not None
    assert "1 deliveries could not be taken, or not whole (1 were): a.csv: " in state.message
    assert "**refused** a.csv" in page("data-quality")
    span = site.store.span("prcp")
    assert span is not None
    assert span[1] == day(1)
    # Day by day until somebody mends or removes it.
    with pytest.raises(DhbvError, match=r"could not be taken, or not whole \(0 were\): a\.csv"):
        data.ingest(path, today=day(6))


def judged(site: Site) -> Version:
    """A version that the gate found better."""
    draft = site.models / "judged"
    card = {"scorecard.json": b'{"decision": "promote"}'}
    model_directory.with_files(small_model(site.models / "better", 7), draft, card)
    return site.registry.publish(draft, **BY)


class TestMonitor:
    def test_says_what_is_amiss(self, site: Site, path: str) -> None:
        found = monitoring.monitor(path, today=day(5))
        assert any(line.startswith(f"the newest weather is of {day(-1)}, 6 days ago") for line in found)
        assert any(line.startswith(f"1 cycles are missing, {ISSUE} the first") for line in found)
        forecasting.forecast(path)
        found = monitoring.monitor(path, today=day(1))
        assert found[0] == f"the forecast of {ISSUE} is flagged: SPUN_UP, NO_WEATHER_FORECAST"
        assert "missing" not in " ".join(found)
        assert "- the forecast of" in page("monitor")

    def test_basins_that_a_forecast_is_without_are_named(self, site: Site, path: str) -> None:
        site.join("06")
        forecasting.forecast(path)
        assert f"the forecast of {ISSUE} is without 06: its notes say why" in monitoring.monitor(
            path, today=day(1)
        )

    def test_damage_does_not_silence_it(self, site: Site, path: str) -> None:
        forecasting.forecast(path)
        weights = site.registry.serving().version.path / "weights.safetensors"
        weights.chmod(0o644)
        weights.write_bytes(b"")
        (site.operation.store / "manifest.json").write_text("{")
        found = monitoring.monitor(path, today=day(1))
        assert any("manifest.json" in line for line in found)
        assert any("weights.safetensors" in line for line in found)

    def test_a_damaged_cycle_is_named_and_hides_nothing(self, site: Site, path: str) -> None:
        forecasting.forecast(path)
        site.arrive(0, 0)
        (new,) = forecasting.forecast(path)
        assert not [line for line in monitoring.monitor(path, today=day(1)) if "archive" in line]
        old = cycle.done(site.operation)[0].path
        (old / "record.json").write_text("")
        shutil.rmtree(site.operation.fluxes)
        (old / "forecast.nc").write_bytes(b"")
        site.arrive(1, 1)
        forecasting.forecast(path)
        found = monitoring.monitor(path, today=day(1))
        assert found[0].startswith(f"{old / 'record.json'}: damaged (")
        assert found[1] == f"the forecast of {day(2)} is flagged: NO_WEATHER_FORECAST"
        assert found[2].startswith(
            f"the archive of fluxes lacks 1 files of cycles, {old / 'forecast.nc'} the first: what"
        )
        shutil.rmtree(new)
        (site.operation.forecasts / "cycles" / str(day(2)) / "record.json").write_text("{")
        assert (
            len([line for line in monitoring.monitor(path, today=day(1)) if "record.json: damaged" in line])
            == 2
        )

    @pytest.mark.parametrize("what", ["training", "basins", "weather"])
    def test_a_file_that_did_not_come_along_to_a_new_host_is_named(
        self, site: Site, path: str, what: str
    ) -> None:
        folder = site.operation.folder
        if what == "weather":
            Path(path).write_text(
                Path(path).read_text().replace("  days: 4\n", "  days: 4\n  weather: ahead\n")
            )
            line = (
                f"{folder / 'ahead'} is not there: look after what writes forecast.weather, or leave it out"
            )
        elif what == "training":
            (folder / "train.yaml").unlink()
            line = f"cannot read the configuration {folder / 'train.yaml'}: No such file or directory"
        else:
            text = (folder / "train.yaml").read_text()
            (folder / "train.yaml").write_text(text.replace("basins: null", "basins: ours.txt"))
            line = f"{folder / 'train.yaml'}: data.basins: cannot read the list of ids {folder / 'ours.txt'}: No such"
        found = monitoring.monitor(path, today=day(5))
        assert found[0].startswith(line)
        assert any(text.startswith(f"the newest weather is of {day(-1)}") for text in found)

    def test_what_was_found_before_an_error_counts(self, site: Site) -> None:
        def look(*_: Any) -> Iterator[str]:
            yield "one"
            raise OSError("two")

        assert monitoring._tried(look, site.operation, day(0)) == ["one", "two"]

    def test_a_better_version_that_was_never_promoted_is_named(self, site: Site, path: str) -> None:
        version = judged(site)
        line = f"{version.id} was found better and never promoted: run the promote flow"
        assert line in monitoring.monitor(path, today=day(0))
        # A kill between the journal and the pointer: promised, and not done.
        pointer = site.registry.pointer_path
        before = pointer.read_bytes()
        site.registry.promote(version.id, **BY)
        pointer.write_bytes(before)
        assert line in monitoring.monitor(path, today=day(0))
        site.registry.promote(version.id, **BY)
        assert line not in monitoring.monitor(path, today=day(0))

    def test_what_a_rollback_left_behind_is_not_to_be_promoted_again(self, site: Site, path: str) -> None:
        version = judged(site)
        site.registry.promote(version.id, **BY)
        site.registry.rollback(**BY)
        assert version.id not in site.registry.reign().champions
        assert version.id not in " ".join(monitoring.monitor(path, today=day(0)))

    def test_a_registry_that_a_kill_left_empty_hides_nothing(self, site: Site, path: str) -> None:
        shutil.rmtree(site.operation.registry)
        (site.operation.registry / "versions").mkdir(parents=True)
        found = monitoring.monitor(path, today=day(5))
        assert found[0].startswith("the newest weather is of")
        assert (
            f"{site.operation.registry} holds no version: run the retrain flow, or publish one by `dhbv registry publish`"
            in found
        )
        assert "time to retrain: there is no version yet" in found

    def test_a_damaged_scorecard_hides_nothing(self, site: Site, path: str) -> None:
        version = judged(site)
        card = version.path / "scorecard.json"
        card.chmod(0o644)
        for damaged in (b'{"decis', b"[]", b"{}", b"\xff"):
            card.write_bytes(damaged)
            found = monitoring.monitor(path, today=day(5))
            assert any(line.startswith(f"versions/{version.id}/scorecard.json: is damaged") for line in found)
            assert found[0].startswith("the newest weather is of")

    def test_all_well(self, site: Site, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
        made = cycle.run(site.operation, ISSUE)
        (made.path / "record.json").write_text(
            (made.path / "record.json")
            .read_text()
            .replace('"SPUN_UP": "all"', "")
            .replace('"NO_WEATHER_FORECAST": "all"', "")
            .replace(",\n  \n", "\n")
        )
        monkeypatch.setattr(retraining, "reason", lambda *_: None)
        assert monitoring.monitor(path, today=ISSUE) == []
        assert page("monitor") == "all is well"


ATTRIBUTES = {
    "p_mean": 3.0, "aridity": 0.8, "area_gages2": 120.0, "geol_1st_class": "Metamorphics", "gauge_lat": 40.0,
}  # fmt: skip


class TestSmoke:
    @pytest.mark.parametrize(
        ("kind", "variant"),
        [("lstm_mlp", "delta_bt_gt"), ("lstm", "delta_bt_gt"), ("lstm", "hbv"), ("mlp", "delta")],
    )
    def test_a_sound_model_passes_without_a_word(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, kind: str, variant: str
    ) -> None:
        """Also one that reads its static parameters at the end of a spin-up, and cannot start cold."""
        smoke_test(small_model(tmp_path / "m", kind=kind, variant=variant).path, ATTRIBUTES)
        assert caplog.messages == []

    def test_damaged_weights_do_not(self, tmp_path: Path) -> None:
        model = small_model(tmp_path / "m")
        weights = model.path / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
        with pytest.raises(DhbvError, match=r"weights\.safetensors"):
            smoke_test(model.path, ATTRIBUTES)

    def test_weights_that_give_nan_do_not(self, tmp_path: Path) -> None:
        from tests.small_models import small_weights

        weights = {name: w * float("nan") for name, w in small_weights().items()}
        with pytest.raises(DhbvError):
            smoke_test(small_model(tmp_path / "m", weights=weights).path, ATTRIBUTES)

    def test_an_attribute_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        less = {n: v for n, v in ATTRIBUTES.items() if n != "aridity"}
        with pytest.raises(DhbvError, match="aridity"):
            smoke_test(small_model(tmp_path / "m").path, less)
