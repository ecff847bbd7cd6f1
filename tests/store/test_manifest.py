"""The journal holds whole lines or an error is raised."""

from __future__ import annotations

import resource

import pytest

from dhbv.store import Store
from dhbv.store import manifest as manifests
from tests.store.conftest import flow


@pytest.mark.parametrize("room", [0, 1, 40])
def test_a_line_for_which_there_is_no_room_is_an_error(store: Store, room: int) -> None:
    """As on a full disk: the kernel writes a part, and says so by its length alone."""
    store.append(flow([1.0], [2.0]), source="first")
    manifest = manifests.read(store.path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (manifest.journal_size + room, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            manifests.record(store.path, manifest, store.receipts()[0])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [r.source for r in store.receipts()] == ["first"]
    store.append(flow([3.0], [2.0]), source="second")
    assert [r.source for r in store.receipts()] == ["first", "second"]


def test_what_a_killed_writer_left_is_written_over(store: Store) -> None:
    store.append(flow([1.0], [2.0]), source="first")
    with (store.path / manifests.JOURNAL).open("ab") as file:
        file.write(b"x" * 1000)
    store.append(flow([3.0], [2.0]), source="second")
    assert [r.source for r in store.receipts()] == ["first", "second"]
    assert (store.path / manifests.JOURNAL).stat().st_size == manifests.read(store.path).journal_size
