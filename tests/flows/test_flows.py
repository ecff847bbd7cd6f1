"""The flows order the library's calls, show pages and tell what happened; nothing more is in them."""

from __future__ import annotations

import getpass
import os
import shutil
from pathlib import Path
from typing import Any

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

pytestmark = pytest.mark.usefixtures("prefect")


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

    def train(operation: Any, work: Path, **rest: Any) -> ModelDirectory:
        return small_model(work / "trained", next(count))

    def judge(*given: Any, **rest: Any) -> Any:
        card = challenge(*given, **rest)
        return type(card)(**{**card.__dict__, "decision": decision})

    monkeypatch.setattr(retraining, "train", train)
    monkeypatch.setattr(retraining, "challenge", judge)
    config = site.operation.folder / "operation.yaml"
    config.write_text(config.read_text() + "retrain: {test_days: 100}\n")
    version = training.retrain(path, why="a test")
    assert version is not None
    assert site.registry.serving().version.id == version
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
    assert len(events) == 1

    training.rollback(path, "it was worse")
    assert site.registry.serving().version.id == before
    assert events[-1]["payload"]["version"] == before
    assert cycle.run(site.operation, ISSUE, reissue=True).record["flags"] == {
        "NO_WEATHER_FORECAST": "all", "SPUN_UP": "all",
    }  # fmt: skip


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
    """Real attribute tables have gaps; the smoke test is of the first basin."""
    site.operation.store.rename(site.models / "whole")
    gaps = site.region.isel(time=slice(0, 400)).copy(deep=True)
    gaps["aridity"][0] = float("nan")
    site.store.append(gaps, source="history")
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


def test_ingest_fails_for_what_was_refused_and_takes_the_rest(site: Site, path: str) -> None:
    (site.operation.folder / "incoming").mkdir()
    (site.operation.folder / "incoming" / "a.csv").write_text("nothing\n")
    drop(site, "b.csv", 0, 1)
    state = data.ingest(path, today=day(5), return_state=True)
    assert state.type is StateType.FAILED
    assert state.message is not None
    assert "1 deliveries could not be taken (1 were): a.csv: " in state.message
    assert "**refused** a.csv" in page("data-quality")
    span = site.store.span("prcp")
    assert span is not None
    assert span[1] == day(1)
    # Day by day until somebody mends or removes it.
    with pytest.raises(DhbvError, match=r"could not be taken \(0 were\): a\.csv"):
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
