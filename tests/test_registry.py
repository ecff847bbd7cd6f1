"""The registry: what is published stays as it was, one version serves, and no kill or damage goes unnoticed."""

from __future__ import annotations

import getpass
import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dhbv import model_directory
from dhbv.errors import DhbvError, ModelDirectoryError
from dhbv.model_directory import CARD, CONFIG, MANIFEST, SCORES, STATISTICS, WEIGHTS, ModelDirectory
from dhbv.registry import Move, Registry, journal, resolve
from dhbv.registry import registry as registry_module
from dhbv.registry import version as versioning
from dhbv.registry.journal import publications
from dhbv.registry.version import PUBLICATION
from tests.small_models import small_model

ME = {"who": "ana", "why": "a test"}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[ModelDirectory]:
    folder = tmp_path_factory.mktemp("models")
    return [small_model(folder / f"m{seed}", seed, nse=0.6 + 0.01 * seed) for seed in range(5)]


@pytest.fixture(autouse=True)
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The disk is not waited for; what would have been waited for, in order. Renames are told too."""
    steps: list[str] = []

    def fsync(descriptor: int) -> None:
        steps.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    def told(act: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def rename(self: Path, target: Path) -> Path:
            steps.append(f"{self.name} → {target.name}")
            return act(self, target)

        return rename

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", told(Path.rename))
    monkeypatch.setattr(Path, "replace", told(Path.replace))
    return steps


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry whose clock goes on a second with each new version; nothing in it yet."""
    ticks = itertools.count()
    monkeypatch.setattr(versioning, "new_id", lambda sha256: f"20260101T0000{next(ticks):02d}Z-{sha256[:12]}")
    return Registry(tmp_path / "registry")


def publish(registry: Registry, models: list[ModelDirectory]) -> list[str]:
    return [registry.publish(m.path, **ME).id for m in models]


def crown(registry: Registry, *ids: str) -> None:
    for id in ids:
        registry.promote(id, **ME)


def champion(registry: Registry) -> str | None:
    found = registry.champion()
    return None if found is None else found.id


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {
        str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))
    }


# Publishing


def test_a_publication_is_an_exact_copy_with_a_record(
    registry: Registry, models: list[ModelDirectory]
) -> None:
    model = models[0]
    version = registry.publish(model.path, who="ana", why="first")
    assert snapshot(version.path) == snapshot(model.path) | {
        PUBLICATION: (version.path / PUBLICATION).read_bytes()
    }
    record = version.publication
    assert record is not None
    assert (record.who, record.why, record.source) == ("ana", "first", str(model.path))
    assert record.weights_sha256 == model.weights_sha256
    assert record.scores == {"test period": {"nse": 0.6, "kge": None}}
    (line,) = registry.journal()
    assert (line.action, line.who, line.why, line.before, line.after) == (
        "publish", "ana", "first", str(model.path), version.id,
    )  # fmt: skip
    assert line.scores == record.scores
    assert registry.versions() == [version]
    assert registry.load(version.id).weights_sha256 == model.weights_sha256
    assert registry.champion() is None, "publishing does not change what serves"
    assert registry.verify() == []


def test_an_id_is_the_time_and_the_weights(tmp_path: Path, models: list[ModelDirectory]) -> None:
    version = Registry(tmp_path / "registry").publish(models[0].path, **ME)
    assert re.fullmatch(r"20\d{6}T\d{6}Z-[0-9a-f]{12}", version.id)
    assert version.id.endswith(models[0].weights_sha256[:12])
    assert version.publication is not None
    assert version.id[:15] == re.sub(r"[-:]", "", version.publication.when)[:15], "both in UTC"


def test_the_same_weights_are_one_version(
    registry: Registry, models: list[ModelDirectory], tmp_path: Path
) -> None:
    first = registry.publish(models[0].path, **ME)
    lines = registry.journal()
    again = small_model(tmp_path / "again", nse=0.99)
    for n, path in enumerate((models[0].path, again.path, first.path), 2):
        assert registry.publish(path, who="bo", why="again") == first
        last = registry.journal()[-1]
        assert len(registry.journal()) == n, "that they came is told"
        assert (last.action, last.who, last.why, last.before, last.after) == (
            "publish", "bo", "again", str(path), first.id,
        )  # fmt: skip
    assert registry.versions() == [first]
    assert registry.journal()[:1] == lines
    assert publications(registry.journal()) == {first.id: lines[0]}, "which still rules"
    assert registry.verify() == []


def test_the_same_weights_in_another_model_are_refused(
    registry: Registry, models: list[ModelDirectory], tmp_path: Path
) -> None:
    (id,) = publish(registry, models[:1])
    other = small_model(tmp_path / "other", attributes_seed=7)
    with pytest.raises(DhbvError, match=f"has the weights of version {id}, but another model .* statistics"):
        registry.publish(other.path, **ME)
    assert [v.id for v in registry.versions()] == [id]


def test_what_the_manifest_does_not_list_is_not_published(registry: Registry, tmp_path: Path) -> None:
    model = small_model(tmp_path / "model")
    (model.path / "notes.txt").write_text("mine", encoding="utf-8")
    assert not (registry.publish(model.path, **ME).path / "notes.txt").exists()


@pytest.mark.parametrize("name", [WEIGHTS, STATISTICS, SCORES, CONFIG, CARD])
def test_a_damaged_model_directory_is_not_published(registry: Registry, tmp_path: Path, name: str) -> None:
    model = small_model(tmp_path / "model")
    flip(model.path / name)
    with pytest.raises(ModelDirectoryError, match=rf"model/{name} is damaged"):
        registry.publish(model.path, **ME)
    assert not registry.path.exists()


@pytest.mark.parametrize("name", ["../outside", PUBLICATION])
def test_a_manifest_cannot_write_elsewhere(registry: Registry, tmp_path: Path, name: str) -> None:
    model = small_model(tmp_path / "models" / "model")
    (model.path / name).write_bytes(b"x")
    manifest = dict(model.manifest)
    manifest["files"] = manifest["files"] | {name: hashlib.sha256(b"x").hexdigest()}
    (model.path / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(
        ModelDirectoryError, match=f"lists '{re.escape(name)}', which no model directory holds"
    ):
        registry.publish(model.path, **ME)


# Promoting and rolling back


def test_promotions_and_rollbacks_are_a_stack(registry: Registry, models: list[ModelDirectory]) -> None:
    a, b, c = publish(registry, models[:3])
    assert registry.promote(a, **ME) == Move(None, a)
    assert registry.promote(b, **ME) == Move(a, b)
    assert registry.promote(c, **ME) == Move(b, c)
    assert registry.pointer_path.read_text(encoding="ascii") == f"{c}\n"
    assert registry.rollback(**ME) == Move(c, b)
    assert registry.rollback(**ME) == Move(b, a)
    with pytest.raises(DhbvError, match=f"no champion before {a} to roll back to: promote another .* {c}, "):
        registry.rollback(**ME)
    crown(registry, b, a, c)
    assert registry.reign().champions == (a, b, a, c)
    assert [registry.rollback(**ME).after for _ in range(3)] == [a, b, a]
    assert champion(registry) == a
    assert registry.verify() == []


def test_the_journal_tells_who_when_why_and_from_which_to_which(
    registry: Registry, models: list[ModelDirectory]
) -> None:
    a, b = publish(registry, models[:2])
    crown(registry, a, b)
    registry.rollback(who="bo", why="floods too late")
    line = json.loads(registry.journal_path.read_text(encoding="utf-8").splitlines()[-1])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", line.pop("when"))
    assert line == {
        "who": "bo", "action": "rollback", "why": "floods too late", "from": b, "to": a,
        "scores": {"test period": {"nse": 0.6, "kge": None}},
    }  # fmt: skip
    assert [e.action for e in registry.journal()] == ["publish", "publish", "promote", "promote", "rollback"]


def test_promoting_the_champion_does_nothing(registry: Registry, models: list[ModelDirectory]) -> None:
    (a,) = publish(registry, models[:1])
    crown(registry, a)
    before = snapshot(registry.path)
    assert registry.promote(a, **ME) == Move(a, a)
    assert snapshot(registry.path) == before


def test_a_move_needs_a_reason(registry: Registry, models: list[ModelDirectory]) -> None:
    a, b = publish(registry, models[:2])
    crown(registry, a)
    with pytest.raises(DhbvError, match="a promote needs a reason for the journal"):
        registry.promote(b, who="ana", why=" ")
    crown(registry, b)
    with pytest.raises(DhbvError, match="a rollback needs a reason for the journal"):
        registry.rollback(who="ana", why="")
    assert champion(registry) == b


@pytest.mark.parametrize("id", ["20260101T000000Z-000000000000", "../versions", "", "nonsense"])
def test_an_unknown_version_is_named_with_those_there_are(
    registry: Registry, models: list[ModelDirectory], id: str
) -> None:
    ids = publish(registry, models)
    message = re.escape(f"has no version {id!r}: it holds {', '.join(reversed(ids))}")
    for call in (registry.load, registry.version, lambda id: registry.promote(id, **ME)):
        with pytest.raises(DhbvError, match=message):
            call(id)


def test_where_there_is_no_registry_it_is_said(registry: Registry) -> None:
    calls: list[Callable[[], object]] = [
        registry.versions, registry.champion, registry.load, registry.serving, registry.journal, registry.verify,
        lambda: registry.promote("x", **ME), lambda: registry.rollback(**ME), lambda: registry.gc(keep=1, **ME),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(DhbvError, match=r"registry is not a registry: .* `dhbv registry publish` makes"):
            call()
    assert not registry.path.exists()


def test_before_the_first_promotion_there_is_no_champion(
    registry: Registry, models: list[ModelDirectory]
) -> None:
    (a,) = publish(registry, models[:1])
    assert registry.champion() is None
    for call in (registry.load, registry.serving):
        with pytest.raises(
            DhbvError, match=rf"has no champion yet: promote a version by its id; it holds {a}"
        ):
            call()
    with pytest.raises(DhbvError, match="no champion before the first to roll back to"):
        registry.rollback(**ME)


def test_readers_change_nothing(registry: Registry, models: list[ModelDirectory]) -> None:
    a, b = publish(registry, models[:2])
    crown(registry, a, b)
    with registry.journal_path.open("ab") as file:
        file.write(b'{"when":"20')
    before = snapshot(registry.path)
    registry.versions(), registry.champion(), registry.serving(), registry.journal(), registry.verify()
    resolve(f"{registry.path}@champion")
    assert snapshot(registry.path) == before


# Damage (bar 10)


def bit_flip(version: Path, _: Path) -> str:
    flip(version / WEIGHTS)
    return WEIGHTS


def bit_flip_in_manifest(version: Path, _: Path) -> str:
    flip(version / MANIFEST)
    return MANIFEST


def truncation(version: Path, _: Path) -> str:
    path = version / WEIGHTS
    path.write_bytes(path.read_bytes()[:-100])
    return WEIGHTS


def missing_file(version: Path, _: Path) -> str:
    (version / SCORES).unlink()
    return SCORES


def missing_record(version: Path, _: Path) -> str:
    (version / PUBLICATION).unlink()
    return PUBLICATION


def record_of_another(version: Path, _: Path) -> str:
    text = (version / PUBLICATION).read_text(encoding="utf-8")
    (version / PUBLICATION).write_text(text.replace(version.name, f"20250101T000000Z-{'0' * 12}"), "utf-8")
    return PUBLICATION


def wrong_shape(version: Path, folder: Path) -> str:
    """Somebody copies a consistent model directory of another network over the version."""
    other = small_model(folder / "other", kind="mlp", variant="delta")
    for path in other.path.iterdir():
        shutil.copy(path, version)
    return MANIFEST


def wrong_normaliser(version: Path, folder: Path) -> str:
    """Statistics of other basins, of the same attributes."""
    other = small_model(folder / "other", attributes_seed=7)
    shutil.copy(other.path / STATISTICS, version)
    return STATISTICS


def wrong_normaliser_in_the_manifest_too(version: Path, folder: Path) -> str:
    wrong_normaliser(version, folder)
    manifest = json.loads((version / MANIFEST).read_bytes())
    manifest["files"][STATISTICS] = hashlib.sha256((version / STATISTICS).read_bytes()).hexdigest()
    (version / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    assert model_directory.load(version), "by itself it looks whole"
    return MANIFEST


DAMAGES = [
    bit_flip, bit_flip_in_manifest, truncation, missing_file, missing_record, record_of_another, wrong_shape,
    wrong_normaliser, wrong_normaliser_in_the_manifest_too,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
def test_damage_is_refused_and_the_last_good_champion_serves(
    registry: Registry,
    models: list[ModelDirectory],
    tmp_path: Path,
    damage: Callable[[Path, Path], str],
) -> None:
    a, b = publish(registry, models[:2])
    crown(registry, a, b)
    assert registry.serving().flag == ""
    assert registry.serving().version.id == b
    name = damage(registry.version(b).path, tmp_path)
    for which in (b, "champion"):
        with pytest.raises(ModelDirectoryError, match=rf"{b}.*{name}.*publish an exact copy of the model"):
            registry.load(which)
    serving = registry.serving()
    assert serving.version.id == a
    assert serving.model.weights_sha256 == models[0].weights_sha256
    assert serving.flag.startswith(f"{a} serves instead of the champion: ")
    assert name in serving.flag
    assert any(b in p.where and name in f"{p.where} {p.what}" for p in registry.verify())
    with pytest.raises(ModelDirectoryError, match=f"{registry.path}@{a} is the last champion that is whole"):
        resolve(f"{registry.path}@champion")

    damage(registry.version(a).path, tmp_path / "second")
    with pytest.raises(DhbvError, match=rf"nothing whole to forecast with: .*{b}.*; .*{a}"):
        registry.serving()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda d: d.__name__)
def test_an_exact_copy_mends_a_version(
    registry: Registry,
    models: list[ModelDirectory],
    tmp_path: Path,
    damage: Callable[[Path, Path], str],
) -> None:
    (a,) = publish(registry, models[:1])
    crown(registry, a)
    before = snapshot(registry.path)
    damage(registry.version(a).path, tmp_path)
    with pytest.raises(ModelDirectoryError):
        registry.promote(a, **ME)
    again = small_model(tmp_path / "again", nse=0.9)
    with pytest.raises(
        DhbvError, match=rf"{a} of these weights is damaged or gone, and {again.path} is not an exact"
    ):
        registry.publish(again.path, **ME)
    assert registry.publish(models[0].path, who="bo", why="mend").id == a
    registry.gc(keep=10, **ME)
    assert snapshot(registry.path) == before
    assert registry.serving().flag == ""


def test_a_lost_version_is_missed_and_restored(registry: Registry, models: list[ModelDirectory]) -> None:
    a, b = publish(registry, models[:2])
    crown(registry, a, b)
    before = snapshot(registry.path)
    shutil.rmtree(registry.version(b).path)
    with pytest.raises(DhbvError, match=f"champion names {b}, which is not in the registry: promote"):
        registry.champion()
    assert registry.serving().version.id == a
    assert {p.where for p in registry.verify()} == {f"versions/{b}", "champion"}
    registry.publish(models[1].path, **ME)
    assert snapshot(registry.path) == before


def test_what_a_rollback_left_does_not_serve_again(registry: Registry, models: list[ModelDirectory]) -> None:
    a, b = publish(registry, models[:2])
    crown(registry, a, b)
    registry.rollback(**ME)
    flip(registry.version(a).path / WEIGHTS)
    with pytest.raises(DhbvError, match="nothing whole to forecast with"):
        registry.serving()


def test_nothing_damaged_is_promoted_or_rolled_back_to(
    registry: Registry, models: list[ModelDirectory]
) -> None:
    a, b, c = publish(registry, models[:3])
    crown(registry, a, b)
    lines = registry.journal()
    flip(registry.version(a).path / WEIGHTS)
    flip(registry.version(c).path / STATISTICS)
    with pytest.raises(ModelDirectoryError, match=rf"version {c}: .*{STATISTICS} is damaged"):
        registry.promote(c, **ME)
    with pytest.raises(
        DhbvError, match=rf"cannot roll back to {a}: .*{WEIGHTS} is damaged.*or promote another"
    ):
        registry.rollback(**ME)
    assert champion(registry) == b
    assert registry.journal() == lines


@pytest.mark.parametrize("content", [None, b"", b"nonsense\n", b"\xff\xfe"])
def test_a_lost_pointer_is_told_and_mended_by_promoting(
    registry: Registry, models: list[ModelDirectory], content: bytes | None
) -> None:
    a, b, c = publish(registry, models[:3])
    crown(registry, a, b)
    registry.pointer_path.unlink()
    if content is not None:
        registry.pointer_path.write_bytes(content)
    fault = "is gone" if content is None else "does not hold the id of a version"
    message = rf"champion {fault}: promote a version by its id \(the journal's last promotion was to {b}\)"
    with pytest.raises(DhbvError, match=message):
        registry.champion()
    serving = registry.serving()
    assert serving.version.id == b
    assert re.search(message, serving.flag)
    assert [p.where for p in registry.verify()] == ["champion"]
    with pytest.raises(DhbvError, match=message):
        registry.gc(keep=0, **ME)
    assert registry.promote(c, **ME) == Move(b, c)
    assert registry.verify() == []
    assert [registry.rollback(**ME).after for _ in range(2)] == [b, a]


def test_a_pointer_set_by_hand_is_believed(registry: Registry, models: list[ModelDirectory]) -> None:
    a, b, c, d = publish(registry, models[:4])
    crown(registry, a, b)
    registry.pointer_path.write_text(c, encoding="ascii")
    assert champion(registry) == c
    crown(registry, d)
    assert registry.rollback(**ME) == Move(d, c)
    with pytest.raises(DhbvError, match=f"no champion before {c}"):
        registry.rollback(**ME)


# The journal


def test_a_torn_line_is_passed_over_and_mended(registry: Registry, models: list[ModelDirectory]) -> None:
    a, b = publish(registry, models[:2])
    crown(registry, a)
    whole = registry.journal_path.read_bytes()
    lines = registry.journal()
    crown(registry, b)
    torn = registry.journal_path.read_bytes()[:-1]
    registry.pointer_path.write_text(a, encoding="ascii")
    for length in range(len(whole) + 1, len(torn) + 1, 40):
        registry.journal_path.write_bytes(torn[:length])
        assert registry.journal() == lines
        assert champion(registry) == a
        assert [tuple(p) for p in registry.verify()] == [
            ("journal.jsonl", "the last line was torn by a kill and counts as never written: the next change mends it")
        ]  # fmt: skip
    assert registry.promote(b, **ME) == Move(a, b)
    assert registry.verify() == []
    assert registry.journal_path.read_bytes().startswith(whole)
    assert len(registry.journal()) == len(lines) + 1


def test_a_damaged_line_is_named_and_stops_what_depends_on_it(
    registry: Registry, models: list[ModelDirectory]
) -> None:
    a, b = publish(registry, models[:2])
    crown(registry, a, b)
    lines = registry.journal_path.read_bytes().splitlines(keepends=True)
    registry.journal_path.write_bytes(b"".join([*lines[:3], b'\xff{"' + lines[3]]))
    assert champion(registry) == b
    (problem,) = registry.verify()
    assert problem.where == "journal.jsonl"
    assert problem.what.startswith("line 4 is damaged")
    with pytest.raises(DhbvError, match=rf"no champion before {b} .*journal\.jsonl is damaged in line 4"):
        registry.rollback(**ME)
    with pytest.raises(DhbvError, match=r"nothing was removed .* not known .*is damaged in line 4"):
        registry.gc(keep=0, **ME)
    assert [v.id for v in registry.versions()] == [a, b]


def test_a_publication_that_a_kill_kept_out_is_entered_by_the_next_writer(
    registry: Registry, models: list[ModelDirectory]
) -> None:
    a, b = publish(registry, models[:2])
    first, _ = registry.journal_path.read_bytes().splitlines(keepends=True)
    whole = registry.journal()
    registry.journal_path.write_bytes(first)
    assert registry.verify() == []
    registry.promote(b, **ME)
    assert registry.journal()[:-1] == whole
    registry.journal_path.unlink()
    crown(registry, a)
    assert registry.journal()[:2] == whole


# Kills


class Killed(BaseException):
    pass


def test_a_promise_without_a_pointer_did_not_happen(
    registry: Registry, models: list[ModelDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b, c = publish(registry, models[:3])

    def cut_off(id: str) -> None:
        def kill(path: Path) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            patch.setattr(registry_module, "written_whole", kill)
            with pytest.raises(Killed):
                registry.promote(id, **ME)

    cut_off(a)
    assert registry.champion() is None
    assert registry.reign().champions == ()
    crown(registry, b)
    cut_off(c)
    cut_off(a)
    assert champion(registry) == b
    assert registry.verify() == []
    assert [e.after for e in registry.reign().unfinished] == [a, c, a]
    with pytest.raises(DhbvError, match=f"no champion before {b}"):
        registry.rollback(**ME)
    crown(registry, c)
    assert registry.reign().champions == (b, c)
    assert [e.after for e in registry.reign().unfinished] == [a, c, a]
    assert registry.reign().served == {b, c}


def test_who_served_is_told_though_a_rollback_left_it_behind(
    registry: Registry, models: list[ModelDirectory]
) -> None:
    a, b, c = publish(registry, models[:3])
    assert registry.reign().served == set()
    crown(registry, a, b)
    registry.rollback(**ME)
    assert registry.reign().champions == (a,)
    assert registry.reign().served == {a, b}
    registry.pointer_path.unlink()
    assert registry.reign().served == {a, b}
    registry.promote(c, **ME)
    assert registry.reign().served == {a, b, c}


def test_what_was_rolled_back_is_told_until_it_serves_again(
    registry: Registry, models: list[ModelDirectory]
) -> None:
    a, b, c = publish(registry, models[:3])
    crown(registry, a, b, c)
    assert registry.reign().rolled_back == set()
    registry.rollback(**ME)
    registry.rollback(**ME)
    assert registry.reign().rolled_back == {b, c}
    registry.promote(b, **ME)
    assert registry.reign().rolled_back == {c}
    registry.promote(a, **ME)
    registry.rollback(**ME)
    assert registry.reign().champions == (a, b)
    assert registry.reign().rolled_back == {a, c}, "of a champion once more it counts too"


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 10001"), OSError("No username set")])
def test_a_user_without_a_name_has_a_number(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Errors of Python before 3.13 and from then on."""

    def nameless() -> str:
        raise error

    assert journal.login() == getpass.getuser()
    monkeypatch.setattr(getpass, "getuser", nameless)
    assert journal.login() == f"uid {os.getuid()}"


WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}


def test_what_a_step_needs_is_on_the_disk_before_it(
    registry: Registry, models: list[ModelDirectory], flushed: list[str]
) -> None:
    """A power cut keeps what was flushed, and may lose or reorder the rest."""
    flushed.clear()
    (a,) = publish(registry, models[:1])
    files = [p.name for p in registry.version(a).path.iterdir()]
    steps = flushed[-len(files) - 5 :]
    assert sorted(steps[: len(files)]) == sorted(files)
    draft = steps[len(files)]
    assert draft.startswith(f".{a}.")
    assert steps[len(files) :] == [draft, f"{draft} → {a}", "versions", "journal.jsonl", registry.path.name]
    flushed.clear()
    crown(registry, a)
    pointer = flushed[1]
    assert pointer.startswith(".champion.")
    assert flushed == ["journal.jsonl", pointer, f"{pointer} → champion", registry.path.name]
    publish(registry, models[1:2])
    flushed.clear()
    (b,) = registry.gc(keep=0, **ME)
    assert flushed == ["journal.jsonl", f"{b} → .{b}.removed.{os.getpid()}", "versions"]


def killed_before(step: int, action: Callable[[], object]) -> bool:
    """Run `action` in a child that is killed just before its change number `step` to the disk; False if it has fewer."""
    child = os.fork()
    if child == 0:
        left = itertools.count(step, -1)

        def watch(event: str, args: tuple[object, ...]) -> None:
            writes = event == "open" and isinstance(args[2], int) and args[2] & WRITES
            if (writes or event in CHANGES) and next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        try:
            action()
        finally:
            os._exit(1 if sys.exc_info()[0] else 0)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), "the child failed by itself"
    return status != 0


@pytest.mark.parametrize("action", ["publish", "first promote", "promote", "rollback", "gc", "mend"])
def test_a_kill_at_any_step_leaves_the_old_or_the_new(
    registry: Registry, models: list[ModelDirectory], tmp_path: Path, action: str
) -> None:
    a, b, c, d = publish(registry, models[:4])
    if action != "first promote":
        crown(registry, a, b, c)
    if action == "mend":
        flip(registry.version(c).path / WEIGHTS)
    ids = {a, b, c, d}
    acts: dict[str, Callable[[Registry], object]] = {
        "publish": lambda r: r.publish(models[4].path, **ME),
        "first promote": lambda r: r.promote(d, **ME),
        "promote": lambda r: r.promote(d, **ME),
        "rollback": lambda r: r.rollback(**ME) if champion(r) == c else None,
        "gc": lambda r: r.gc(keep=0, **ME),
        "mend": lambda r: r.publish(models[2].path, **ME),
    }
    outcomes: dict[str, tuple[set[str | None], int]] = {
        "publish": ({c}, 5), "first promote": ({None, d}, 4), "promote": ({c, d}, 4), "rollback": ({c, b}, 4),
        "gc": ({c}, 2), "mend": ({c}, 4),
    }  # fmt: skip
    champions, count = outcomes[action]
    final = {"first promote": d, "promote": d, "rollback": b}.get(action, c)
    for step in range(200):
        trial = Registry(tmp_path / "trial")
        shutil.copytree(registry.path, trial.path)
        killed = killed_before(step, lambda trial=trial: acts[action](trial))  # type: ignore[misc]
        if action == "mend" and killed:
            assert trial.serving().version.id in (b, c)
        else:
            assert trial.verify() == [], (action, step)
            assert champion(trial) in champions
            assert {v.id for v in trial.versions()} >= {v for v in (b, c) if v in ids}
            for version in trial.versions():
                version.load()
        acts[action](trial)
        assert trial.verify() == [], (action, step)
        assert champion(trial) == final
        assert len(trial.versions()) == len({v.load().weights_sha256 for v in trial.versions()}) == count
        trial.gc(keep=99, **ME)
        assert not [p for p in trial.path.rglob("*") if p.name.startswith(".")], (action, step)
        assert {v.id for v in trial.versions()} == set(publications(trial.journal()))
        shutil.rmtree(trial.path)
        if not killed:
            break
    assert not killed
    assert step >= 3, "the kills did strike"


# Removing


def test_gc_keeps_the_newest_and_all_that_may_serve(registry: Registry, models: list[ModelDirectory]) -> None:
    a, b, c, d, e = publish(registry, models)
    crown(registry, a, b)
    assert registry.gc(keep=1, **ME) == [c, d]
    assert [v.id for v in registry.versions()] == [a, b, e]
    assert [(x.action, x.before, x.after) for x in registry.journal()[-2:]] == [
        ("gc", c, None),
        ("gc", d, None),
    ]
    assert registry.gc(keep=3, **ME) == []
    assert registry.gc(keep=0, **ME) == [e]
    assert registry.verify() == []
    assert registry.rollback(**ME) == Move(b, a)
    assert registry.gc(keep=0, **ME) == [b]
    back = registry.publish(models[1].path, **ME)
    assert back.id != b, "what was removed comes back as a new version"
    assert registry.verify() == []


def test_gc_keeps_the_way_back_to_a_whole_champion(registry: Registry, models: list[ModelDirectory]) -> None:
    a, b, c, d = publish(registry, models[:4])
    crown(registry, a, b, c, d)
    flip(registry.version(c).path / WEIGHTS)
    assert registry.gc(keep=0, **ME) == [a]
    flip(registry.version(d).path / WEIGHTS)
    assert registry.serving().version.id == b


def test_gc_removes_what_killed_writers_left(registry: Registry, models: list[ModelDirectory]) -> None:
    (a,) = publish(registry, models[:1])
    drafts = [
        registry.versions_path / f".{a}.77",
        registry.versions_path / f".{a}.broken.77",
        registry.versions_path / f".{a}.removed.77",
    ]
    for draft in drafts:
        shutil.copytree(models[1].path, draft)
    (registry.path / ".champion.77").write_text("half", encoding="utf-8")
    others = registry.versions_path / ".snapshot"
    others.mkdir()
    assert [v.id for v in registry.versions()] == [a]
    assert registry.verify() == []
    assert registry.gc(keep=5, **ME) == []
    assert sorted(p.name for p in registry.path.iterdir()) == ["journal.jsonl", "lock", "versions"]
    assert sorted(p.name for p in registry.versions_path.iterdir()) == [".snapshot", a]


# Verifying


def test_verify_names_every_broken_thing(registry: Registry, models: list[ModelDirectory]) -> None:
    a, b, c = publish(registry, models[:3])
    crown(registry, a, b)
    at = {id: registry.version(id).path for id in (a, b, c)}
    flip(at[a] / WEIGHTS)
    (at[a] / CARD).unlink()
    (at[b] / "extra.txt").write_text("x", encoding="utf-8")
    (at[b] / "folder").mkdir()
    record = (at[c] / PUBLICATION).read_text(encoding="utf-8")
    (at[c] / PUBLICATION).write_text(record.replace('"ana"', '"bob"'), encoding="utf-8")
    (registry.path / "notes").write_text("x", encoding="utf-8")
    (registry.versions_path / "latest").mkdir()
    registry.pointer_path.write_text(f"20200101T000000Z-{'0' * 12}\n", encoding="ascii")
    found = dict(registry.verify())
    expected = {
        f"versions/{a}/{WEIGHTS}": "is damaged",
        f"versions/{a}/{CARD}": "is missing",
        f"versions/{b}/extra.txt": "is foreign",
        f"versions/{b}/folder": "is foreign",
        f"versions/{c}/{PUBLICATION}": "differs from what journal.jsonl says",
        "champion": "names 20200101T000000Z-000000000000, which is not in the registry",
        "notes": "is foreign",
        "versions/latest": "is foreign",
    }
    assert set(found) == set(expected)
    for where, what in expected.items():
        assert what in found[where]


# Naming a model


def test_a_model_argument_is_a_path_or_a_version(
    registry: Registry,
    models: list[ModelDirectory],
    tmp_path: Path,
) -> None:
    a, b = publish(registry, models[:2])
    crown(registry, a)
    path = registry.version(a).path
    assert resolve(f"{registry.path}@champion") == (f"{registry.path}@{a}", path)
    assert resolve(f"{registry.path}@{b}") == (f"{registry.path}@{b}", registry.version(b).path)
    assert resolve(str(models[0].path)) == (str(models[0].path), models[0].path)
    assert resolve("no/such/model") == ("no/such/model", Path("no/such/model"))
    small_model(tmp_path / "ana@home" / "model")
    plain = str(tmp_path / "ana@home" / "model")
    assert resolve(plain) == (plain, Path(plain))
    shutil.copytree(registry.path, tmp_path / "ana@home" / "registry")
    assert resolve(f"{tmp_path}/ana@home/registry@champion").path.name == a
    with pytest.raises(DhbvError, match=f"has no version 'best': it holds {b}, {a}$"):
        resolve(f"{registry.path}@best")
    with pytest.raises(DhbvError, match="no is not a registry"):
        resolve(f"{tmp_path}/no@champion")
    flip(registry.version(b).path / WEIGHTS)
    with pytest.raises(ModelDirectoryError, match=rf"version {b}: .*{WEIGHTS} is damaged"):
        resolve(f"{registry.path}@{b}")


def test_a_resolved_champion_stays_what_it_was(registry: Registry, models: list[ModelDirectory]) -> None:
    a, b = publish(registry, models[:2])
    crown(registry, a)
    found = resolve(f"{registry.path}@champion")
    crown(registry, b)
    assert model_directory.load(found.path).weights_sha256 == models[0].weights_sha256


def test_the_registry_needs_no_torch_and_no_tables() -> None:
    code = "import sys, dhbv.registry as r; print([m for m in ('torch', 'pandas', 'xarray', 'typer') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
