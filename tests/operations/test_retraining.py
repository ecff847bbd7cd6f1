"""When a challenger is trained, on which days, and how it comes to serve."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from dhbv.configuration import Period
from dhbv.errors import DhbvError
from dhbv.operations import cycle, states
from dhbv.registry import journal
from tests.operations.conftest import BASINS, BY, FIRST, ISSUE, KNOWN, Site, day, make_operation
from tests.small_models import small_model

# What is judged with is not installed with the core.
retraining = pytest.importorskip("dhbv.operations.retraining", exc_type=ImportError)

MakeSite = Callable[..., Site]
NEVER = {"every_days": 9999, "new_basin_days": 10**9, "skill_loss": 1e9, "test_days": 100}


def now(days: float = 0.0) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(days)


class TestReason:
    def test_nothing_published(self, tmp_path: Path) -> None:
        assert retraining.reason(make_operation(tmp_path), now()) == "there is no version yet"

    def test_none(self, make_site: MakeSite) -> None:
        assert retraining.reason(make_site(retrain=NEVER).operation, now(30)) is None

    def test_a_publication_that_was_killed_before_its_line_in_the_journal(self, make_site: MakeSite) -> None:
        site = make_site(retrain=NEVER | {"every_days": 90})
        site.registry.journal_path.unlink()
        assert retraining.reason(site.operation, now(89.5)) is None
        assert retraining.reason(site.operation, now(90.1)) == "the last training was 90 days ago (every 90)"
        (record,) = site.registry.versions_path.glob("*/publication.json")
        record.chmod(0o644)
        record.write_text("{")
        assert retraining.reason(site.operation, now()) == "no version can be read"

    def test_a_training_whose_version_was_removed_counts(self, make_site: MakeSite) -> None:
        """The journal alone knows of it."""
        site = make_site(retrain=NEVER | {"every_days": 90})
        newest = site.publish(1)
        later = now(50).isoformat(timespec="seconds")
        lines = site.registry.journal_path.read_text().splitlines()
        (at,) = (k for k, line in enumerate(lines) if newest.id in line)
        lines[at] = json.dumps(json.loads(lines[at]) | {"when": later})
        site.registry.journal_path.write_text("\n".join(lines) + "\n")
        shutil.rmtree(newest.path)
        assert retraining.reason(site.operation, now(91)) is None

    def test_a_training_that_came_to_known_weights_counts(
        self, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As where no new flow comes, and the same challenger is rejected again."""
        with monkeypatch.context() as then:
            then.setattr(journal, "now", lambda: now(-91).isoformat(timespec="seconds"))
            site = make_site(retrain=NEVER | {"every_days": 90, "skill_loss": 0.05, "rest_days": 7})
        assert retraining.reason(site.operation, now()) == "the last training was 91 days ago (every 90)"
        champion = site.registry.champion()
        challenger = small_model(site.operation.folder / "work" / "trained", 0)
        card = retraining.judge(site.operation, challenger)
        assert retraining.publish(site.operation, challenger, card, **BY) == champion
        assert retraining.reason(site.operation, now()) is None
        assert retraining.reason(site.operation, now(89.5)) is not None, "lost skill, after the rest"
        assert retraining.reason(site.operation, now(90.1)) == "the last training was 90 days ago (every 90)"
        assert site.registry.verify() == []

    def test_the_schedule(self, make_site: MakeSite) -> None:
        operation = make_site(retrain=NEVER | {"every_days": 90}).operation
        assert retraining.reason(operation, now(89.5)) is None
        assert retraining.reason(operation, now(90.1)) == "the last training was 90 days ago (every 90)"

    def test_new_observations(self, make_site: MakeSite) -> None:
        site = make_site(retrain=NEVER | {"new_basin_days": 20})
        site.arrive(0, 2)
        assert retraining.reason(site.operation, now()) is None
        site.arrive(3, 3)
        said = retraining.reason(site.operation, now())
        assert said == "20 new or corrected observed basin-days since the last training (at 20)"

    def test_lost_skill_after_a_rest(self, make_site: MakeSite) -> None:
        site = make_site(retrain=NEVER | {"skill_loss": 0.05, "rest_days": 7})
        assert retraining.reason(site.operation, now()) is None
        said = retraining.reason(site.operation, now(7.1))
        assert said is not None
        # The weights are random and claim 0.7.
        assert said.startswith(f"the champion's median NSE over {day(-100)}..{day(-1)} is ")
        assert said.endswith("; it was 0.700 when it was made")


class TestNewBasins:
    """Until their record is long enough they hinder no training, trial or look at the champion."""

    @pytest.fixture
    def joined(self, make_site: MakeSite) -> Site:
        site = make_site(retrain=NEVER | {"skill_loss": 0.05, "rest_days": 7})
        site.join("06")
        site.join("07", -60, -1)
        like = site.region.sel(basin=["05"], time=slice(None, str(day(-1)))).drop_vars("streamflow")
        site.store.append(like.assign_coords(basin=np.array(["08"], dtype=object)), source="never gauged")
        return site

    LACKING = (
        f"left out: the store lacks the weather of {KNOWN} of the {KNOWN} days {FIRST}..{day(-1)} in basin 06, 07: at most 60 "
        "are filled; ingest the missing days, raise retrain.fill_days, or leave these basins out of the training "
        "configuration",
        f"left out: the store has no observed flow of {FIRST}..{day(-101)} in basin 08: ingest it, or leave these basins "
        "out of the training configuration",
    )

    def test_they_are_left_out_of_the_trial_by_name(self, joined: Site) -> None:
        challenger = small_model(joined.operation.folder / "work" / "trained", 5)
        card = retraining.judge(joined.operation, challenger)
        assert card.table.index.tolist() == list(BASINS)
        assert tuple(note for note in card.notes if note.startswith("left out")) == self.LACKING

    def test_the_champion_is_looked_at_without_them(
        self, joined: Site, caplog: pytest.LogCaptureFixture
    ) -> None:
        said = retraining.reason(joined.operation, now(7.1))
        assert said is not None
        assert said.startswith(f"the champion's median NSE over {day(-100)}..{day(-1)} is ")
        assert "in basin 06, 07: at most 60" in caplog.text

    @pytest.mark.parametrize("named", [False, True])
    def test_they_are_left_out_of_the_training_by_name(
        self, joined: Site, monkeypatch: pytest.MonkeyPatch, named: bool
    ) -> None:
        pytest.importorskip("torch")
        from dhbv import pipeline

        if named:
            path = joined.operation.folder / "train.yaml"
            content = yaml.safe_load(path.read_text())
            content["data"] |= {"basins": [*BASINS, "08"], "held_out": ["06", "07"]}
            path.write_text(yaml.safe_dump(content))
        seen, told = [], []

        class Enough(Exception):
            pass

        def make_model(config: Any, region: Any, out: Path, **rest: Any) -> None:
            seen.append((config.data, region["basin"].values.tolist()))
            raise Enough

        monkeypatch.setattr(pipeline, "make_model", make_model)
        with pytest.raises(Enough):
            retraining.train(joined.operation, joined.operation.folder / "training", say=told.append)
        ((data, basins),) = seen
        assert basins == list(BASINS)
        assert data.basins == (BASINS if named else None)
        assert data.held_out == ()
        assert tuple(told[:2]) == self.LACKING

    def test_too_few_are_refused(self, make_site: MakeSite) -> None:
        site = make_site(retrain=NEVER, gate={"min_basins": 6})
        challenger = small_model(site.operation.folder / "work" / "trained", 5)
        # Few as they are, all have a record.
        retraining.judge(site.operation, challenger)
        site.join("06")
        with pytest.raises(
            DhbvError,
            match=rf"5 basins have a record of {FIRST}..{day(-1)}, 6 \(gate.min_basins\) are the least .* in basin 06: at most 60 "
            r".* raise retrain.fill_days.*; or let training begin later \(data.train.start",
        ):
            retraining.judge(site.operation, challenger)

    def test_days_before_training_need_no_weather(self, make_site: MakeSite) -> None:
        """A store may begin long before; what is not trained on is needed to spin up at most."""
        site = make_site(retrain=NEVER)
        old = site.region.sel(basin=["05"], time=slice(None, str(FIRST + dt.timedelta(99))))
        old = old.assign_coords(time=old["time"] - np.timedelta64(100, "D"))
        site.store.append(old, source="an older gauge")
        spans = retraining.spans_of(site.operation, site.store)
        record = retraining._record(site.operation, site.store, spans)
        assert record.lacking == ()
        assert record.region["time"].values[0] == np.datetime64(FIRST)


class TestSpans:
    def test_the_newest_days_are_kept_for_testing(self, make_site: MakeSite) -> None:
        site = make_site(retrain=NEVER)
        spans = retraining.spans_of(site.operation, site.store)
        assert spans.test == Period(start=day(-100), end=day(-1))
        assert spans.train == Period(start=FIRST, end=day(-101))

    def test_the_configured_start_counts(self, make_site: MakeSite) -> None:
        site = make_site(retrain=NEVER)
        text = (site.operation.folder / "train.yaml").read_text().replace("2000-10-01", "2001-10-01")
        (site.operation.folder / "train.yaml").write_text(text)
        assert retraining.spans_of(site.operation, site.store).train.start == dt.date(2001, 10, 1)

    def test_too_short_a_history_is_refused(self, make_site: MakeSite) -> None:
        site = make_site(retrain=NEVER | {"test_days": KNOWN - 60})
        with pytest.raises(DhbvError, match="fewer than the 120 days of one training window are left"):
            retraining.spans_of(site.operation, site.store)


def test_promotion_brings_the_state_first(site: Site) -> None:
    cycle.run(site.operation, ISSUE)
    version = site.publish(1)
    move = retraining.promote(site.operation, version, **BY, issue=ISSUE)
    assert move.after == version.id
    found = states.latest(site.operation.forecasts, version.load().weights_sha256, BASINS, ISSUE)
    assert found.state is not None
    assert found.state.time == np.datetime64(ISSUE)
    assert set(found.flags) == set(BASINS)


def test_without_a_state_nothing_is_promoted(site: Site) -> None:
    before = site.registry.serving().version.id
    version = site.publish(1)
    with pytest.raises(DhbvError, match="at most 3 are filled"):
        retraining.promote(site.operation, version, **BY, issue=day(9))
    assert site.registry.serving().version.id == before


def test_a_rollback_without_a_champion_before_is_refused(site: Site) -> None:
    with pytest.raises(DhbvError, match="no champion before"):
        retraining.rollback(site.operation, **BY, issue=ISSUE)


def test_a_rollback_without_a_state_changes_nothing(site: Site) -> None:
    serving = site.serve(1).id
    with pytest.raises(DhbvError, match="at most 3 are filled"):
        retraining.rollback(site.operation, **BY, issue=day(9))
    assert site.registry.serving().version.id == serving


def test_the_trial_is_of_the_newest_days_and_lies_in_the_version(make_site: MakeSite) -> None:
    site = make_site(retrain=NEVER)
    smoked: list[Path] = []
    challenger = small_model(site.operation.folder / "work" / "trained", 5)
    card = retraining.judge(site.operation, challenger, smoke=smoked.append)
    # Training of these models ended on the eve of the second last year.
    assert card.period == f"{day(-100)}..{day(-1)}"
    assert card.champion == site.registry.serving().model.weights_sha256
    assert smoked == [challenger.path]
    version = retraining.publish(site.operation, challenger, card, **BY)
    assert json.loads((version.path / retraining.SCORECARD[0]).read_bytes())["decision"] == card.decision
    assert {p.name for p in version.path.iterdir()} >= set(retraining.SCORECARD)
    assert version.load().weights_sha256 == challenger.weights_sha256
    assert not challenger.path.exists()
    assert site.registry.verify() == []


class TestTraining:
    @pytest.fixture(autouse=True)
    def _torch(self) -> None:
        pytest.importorskip("torch")

    def test_a_warm_start_begins_with_the_champion(
        self, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dhbv import pipeline

        site, seen = make_site(retrain=NEVER), []

        class Enough(Exception):
            pass

        def make_model(config: Any, region: Any, out: Path, **rest: Any) -> None:
            seen.append((config, region, out, rest["start_from"]))
            raise Enough

        monkeypatch.setattr(pipeline, "make_model", make_model)
        work = site.operation.folder / "training"
        for warm in (True, False):
            operation = make_operation(site.operation.folder, retrain=NEVER | {"warm_start": warm})
            with pytest.raises(Enough):
                retraining.train(operation, work)
        (config, region, out, champion), (*_, other, scratch) = seen
        assert champion.weights_sha256 == site.registry.serving().model.weights_sha256
        assert scratch is None
        assert config.data.train == Period(start=FIRST, end=day(-101))
        assert config.data.test == Period(start=day(-100), end=day(-1))
        assert region.sizes == {"basin": 5, "time": KNOWN}
        assert out != other

    def test_a_killed_training_goes_on_unless_data_have_come(
        self, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dhbv.training import trainer

        site = make_site(retrain=NEVER)
        work = site.operation.folder / "training"
        steps: list[int] = []
        step = trainer.Trainer.step

        def dies(self: Any, batch: Any) -> float:
            steps.append(1)
            if len(steps) == 5:
                raise KeyboardInterrupt
            return float(step(self, batch))

        text = (site.operation.folder / "train.yaml").read_text()
        (site.operation.folder / "train.yaml").write_text(
            text.replace("validate_every: 100", "validate_every: 2")
        )
        monkeypatch.setattr(trainer.Trainer, "step", dies)
        with pytest.raises(KeyboardInterrupt):
            retraining.train(site.operation, work)
        (partial,) = work.glob("trained-*.partial")
        made = retraining.train(site.operation, work)
        # Six in all: four were done, of the fifth nothing was kept.
        assert len(steps) == 5 + 2
        assert made.config.data.train.end == day(-101)
        assert not partial.exists()
        steps[:] = steps[:1]
        site.store.append(site.region.sel(time=[str(day(-300))])[["prcp"]] + 1.0, source="correction")
        with pytest.raises(KeyboardInterrupt):
            retraining.train(site.operation, work)
        (other,) = work.glob("trained-*.partial")
        assert other != partial
        assert not made.path.exists()

    def test_one_that_was_finished_and_never_published_is_taken_as_it_is(
        self, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dhbv import pipeline

        site, told = make_site(retrain=NEVER), []
        work = site.operation.folder / "training"
        made = retraining.train(site.operation, work)
        made.path.with_name(f"{made.path.name}.partial").mkdir()
        (work / "trained-000000000000").mkdir()

        class Anew(Exception):
            pass

        def make_model(*given: Any, **rest: Any) -> None:
            raise Anew

        monkeypatch.setattr(pipeline, "make_model", make_model)
        again = retraining.train(site.operation, work, say=told.append)
        assert (again.path, again.weights_sha256) == (made.path, made.weights_sha256)
        assert (
            told[-1] == f"{made.path.name} was trained already, by a run that ended before it was published"
        )
        assert not (work / "trained-000000000000").exists()
        weights = made.path / "weights.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
        with pytest.raises(Anew):
            retraining.train(site.operation, work)
        assert not made.path.exists(), "training needs the place"

    @pytest.mark.drill
    def test_where_there_are_two_gpus_two_processes_make_the_same_challenger(
        self, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from dhbv.training import processes

        site, told = make_site(retrain=NEVER), []
        one = retraining.train(site.operation, site.operation.folder / "one")
        monkeypatch.setattr(processes, "one_a_gpu", lambda device: 2)
        work = site.operation.folder / "two"
        two = retraining.train(site.operation, work, device="cpu", say=told.append)
        assert "2 processes train, one a GPU" in told
        assert two.manifest["data_digest"] == one.manifest["data_digest"]
        assert two.statistics == one.statistics
        for name, weight in one.weights.items():
            np.testing.assert_allclose(two.weights[name], weight, rtol=1e-3, atol=1e-5)
        assert {path.name for path in work.iterdir()} == {"lock", two.path.name}

    def test_two_at_once_are_refused(self, make_site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
        import dhbv.files

        site = make_site(retrain=NEVER)
        work = site.operation.folder / "training"
        work.mkdir()
        monkeypatch.setattr(
            dhbv.files.locked.__wrapped__, "__kwdefaults__", {"shared": False, "patience": 0.0}
        )
        with dhbv.files.locked(work / "lock"), pytest.raises(DhbvError, match="lock has been held"):
            retraining.train(site.operation, work)
