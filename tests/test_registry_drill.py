"""Bar 9 of operations: 200 writers killed, two at a time at work, and nothing broken, doubled or unreadable."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

import pytest

from dhbv.errors import DhbvError
from dhbv.files import locked
from dhbv.registry import Registry
from tests.small_models import small_model

pytestmark = pytest.mark.drill

KILLS = 200
MODELS = 8
WRITER = {"who": "writer", "why": "drill"}


def write_for_ever(registry: Registry, models: list[Path], seed: int) -> None:
    """Publish, promote, roll back and remove in random order, as fast as the disk goes."""
    rng = random.Random(seed)
    while True:
        act = rng.choices(["publish", "promote", "rollback", "gc"], [5, 4, 2, 1])[0]
        try:
            if act == "publish":
                registry.publish(rng.choice(models), **WRITER)
            elif act == "promote":
                registry.promote(rng.choice(registry.versions()).id, **WRITER)
            elif act == "rollback":
                registry.rollback(**WRITER)
            else:
                registry.gc(keep=2, **WRITER)
        except DhbvError as error:
            # The other writer may have removed what this one chose, or rolled back before it.
            if not any(text in str(error) for text in ("has no version", "has no champion before")):
                raise


def start(registry: Registry, models: list[Path], seed: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            write_for_ever(registry, models, seed)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(1)
    return child


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, "a writer failed by itself; its traceback is above"


def check_everything(registry: Registry) -> set[str]:
    """Nothing is broken or doubled; a torn last line may wait for the next writer. Gives what killed writers left."""
    with locked(registry.lock_path, shared=True):
        assert [p for p in registry.verify() if "torn by a kill" not in p.what] == []
        weights = [v.load().weights_sha256 for v in registry.versions()]
        assert len(set(weights)) == len(weights)
        drafts = {p.name for p in [*registry.path.glob(".*"), *registry.versions_path.glob(".*")]}
        return drafts | {str(e) for e in registry.reign().unfinished}


def test_killed_writers_leave_a_whole_registry(tmp_path: Path) -> None:
    models = [small_model(tmp_path / f"m{seed}", seed).path for seed in range(MODELS)]
    registry, rng = Registry(tmp_path / "registry"), random.Random(0)
    registry.promote(registry.publish(models[0], **WRITER).id, **WRITER)
    writers = [start(registry, models, seed) for seed in (0, 1)]
    left: set[str] = set()
    try:
        for n in range(KILLS):
            time.sleep(rng.uniform(0.0, 0.15))
            kill(writers.pop(rng.randrange(2)))
            serving = registry.serving()
            assert serving.flag == ""
            assert serving.model.weights_sha256[:12] == serving.version.id[-12:]
            if n % 10 == 9:
                left |= check_everything(registry)
            writers.append(start(registry, models, n + 2))
    finally:
        for child in writers:
            kill(child)
    left |= check_everything(registry)
    assert len(left) >= 5, "few kills struck amid a change: make the waits match the machine"
    assert {e.action for e in registry.journal()} == {"publish", "promote", "rollback", "gc"}

    registry.gc(keep=2, **WRITER)
    assert registry.verify() == []
    assert {p.name for p in registry.path.iterdir()} == {"champion", "journal.jsonl", "lock", "versions"}
    assert {p.name for p in registry.versions_path.iterdir()} == {v.id for v in registry.versions()}
    print(f"{KILLS} kills, {len(registry.journal())} changes, {len(left)} of them seen cut off")
