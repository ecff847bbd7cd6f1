"""Whenever a writer is killed, the store is as before the append or as after it, for every reader at every moment."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dhbv.data.schema import assemble
from dhbv.store import Store, parquet
from dhbv.store import manifest as manifests
from tests.store.conftest import flow

BASINS = ("a", "b", "c")
FIRST, DAYS = np.datetime64("1999-12-25"), 14
WINDOW = ("1999-12-25", "2000-01-07")
"""An append has files in two years, and attributes; all of them carry one number."""


def block(number: int) -> object:
    shape = (len(BASINS), DAYS)
    ds = assemble(
        BASINS, FIRST + np.arange(DAYS), {n: np.full(shape, number) for n in ("prcp", "streamflow")}
    )
    return ds.assign(slope_mean=("basin", np.full(len(BASINS), float(number))))


def number_of(store: Store) -> int:
    """The one number that everything in the store is; fails if it is not one."""
    ds = store.window(*WINDOW)
    found = {float(v) for name in ("prcp", "streamflow", "slope_mean") for v in ds[name].values.flat}
    assert len(found) == 1, f"half an append is visible: {found}"
    return int(found.pop())


def fork(act: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(1)
    return child


def kill(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, "a process failed by itself; its traceback is above"


def test_a_kill_at_any_step_leaves_before_or_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer is killed after each of its system calls that can be told from outside, one after another."""
    monkeypatch.setattr(parquet, "FILES_PER_PARTITION", 2)
    store = Store(tmp_path / "store")
    for n in range(1, 4):
        store.append(block(n), source=f"{n}")
    outcomes, step = [], 0
    finished = False
    while not finished:
        step += 1
        before = number_of(store)

        def act(step: int = step, before: int = before) -> None:
            count = 0

            def told(event: str, args: tuple[object, ...]) -> None:
                nonlocal count
                changes = event in ("os.rename", "os.remove", "os.truncate", "os.mkdir")
                if changes or (event == "open" and isinstance(args[2], int) and args[2] & os.O_CREAT):
                    count += 1
                    if count == step:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(told)
            store.append(block(before + 1), source=f"{before + 1}")

        status = os.waitpid(fork(act), 0)[1]
        assert status in (0, signal.SIGKILL)
        finished = status == 0
        outcomes.append(number_of(store) - before)
        receipts = store.receipts()
        assert receipts[-1].source == str(number_of(store))
        for receipt in receipts[-2:]:
            then = store.window(*WINDOW, as_of=receipt.when)
            assert set(then["prcp"].values.flat) == {float(receipt.source)}
    assert set(outcomes) == {0, 1}
    assert outcomes[-1] == 1
    assert len(outcomes) > 10, "the steps of an append were seen"
    store.append(flow([9.0], basins="z"), source="last")
    live = {f.name for f in manifests.read(store.path).files}
    store.append(flow([8.0], basins="z"), source="swept")
    there = {str(p.relative_to(store.path)) for p in store.path.rglob("*.parquet*")}
    live |= {f.name for f in manifests.read(store.path).files}
    assert there <= live, "the leftovers of killed writers are gone"
    assert not list(store.path.glob(".manifest*"))


def test_data_are_on_the_disk_before_they_are_in_force(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a power cut as well a manifest names nothing that is not whole."""
    steps: list[str] = []
    replace = Path.replace

    def fsync(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        steps.append("flush " + re.sub(r"^\.(.+)\.[0-9a-f]{16}$", r"\1", name))

    def renamed(self: Path, target: Path) -> Path:
        steps.append(f"rename {target.name}")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", renamed)
    store.append(flow([1.0, 2.0], [3.0, 4.0]), source="test")
    file = "00000001.parquet"
    assert steps == [
        *(f"flush {file}", f"rename {file}", "flush year=2000"),
        *(f"flush {file}", f"rename {file}", "flush year=2001"),
        *("flush journal.jsonl", "flush store"),
        *("flush manifest.json", "rename manifest.json", "flush store"),
    ]


def write_for_ever(store: Store) -> None:
    while True:
        # Two writers never give one number: the parity is theirs.
        store.append(block(2 * len(store.receipts()) + os.getpid() % 2), source=f"{os.getpid()}")


def read_for_ever(store: Store) -> None:
    last = 0
    while True:
        number_of(store)
        batches = len(store.receipts())
        assert batches >= last, "the store went back"
        last = batches


def leftovers(store: Store) -> bool:
    """Whether there are files, or lines of the journal, that the manifest does not put in force."""
    manifest = manifests.read(store.path)
    there = {str(p.relative_to(store.path)) for p in store.path.rglob("*.parquet*")}
    journal = (store.path / manifests.JOURNAL).stat().st_size
    return bool(there - {f.name for f in manifest.files}) or journal > manifest.journal_size


def drill(path: Path, kills: int) -> int:
    """Kill one of two writers again and again while a reader looks on; how many were seen cut off amid an append."""
    store, rng = Store(path), random.Random(0)
    store.append(block(1), source="first")
    left = 0
    writers = [fork(lambda: write_for_ever(store)) for _ in range(2)]
    reader = fork(lambda: read_for_ever(store))
    try:
        for _ in range(kills):
            time.sleep(rng.uniform(0.0, 0.3))
            kill(writers.pop(rng.randrange(2)))
            number_of(store)
            left += leftovers(store)
            writers.append(fork(lambda: write_for_ever(store)))
    finally:
        for child in (*writers, reader):
            kill(child)
    receipts = store.receipts()
    assert [r.batch for r in receipts] == list(range(1, len(receipts) + 1))
    assert [r.when for r in receipts] == sorted(r.when for r in receipts)
    for receipt in receipts[:: max(1, len(receipts) // 20)]:
        ds = store.window(*WINDOW, as_of=receipt.when)
        assert len(set(ds["prcp"].values.flat)) == 1
    print(f"{kills} kills, {len(receipts)} appends, {left} seen cut off")
    return left


@pytest.mark.drill
def test_readers_see_whole_appends_while_writers_die(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "FILES_PER_PARTITION", 3)
    drill(tmp_path / "store", 8)
