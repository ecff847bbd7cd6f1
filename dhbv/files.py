"""Files and folders that readers never see half written, and that outlive a crash, and their sha256; locks that a killed holder frees."""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dhbv.errors import DhbvError

_PAUSE = 0.005
"""Seconds between two looks at a lock."""


def draft_of(path: Path) -> Path:
    """Where a draft of `path` may lie: hidden beside it, under a name that no other process or host has taken."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A draft beside `path` to write to, which takes its place, durably, when the block ends well.

    Folders on the way are made. If the block fails the draft is removed and `path` stays as it was. A link stays, and
    leads to the new file.

    Raises:
        DhbvError: if a folder, a device or a pipe is there. A device, as /dev/stdout, would else be gone for all.
    """
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "a device or a pipe"
        raise DhbvError(f"{path} is {what}, whose place no file may take: give the path of a file")
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(path)
    try:
        yield draft
        flush(draft)
        draft.replace(path)
        flush(path.parent)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """A draft folder beside `path` to put files in, which takes its place, durably, when the block ends well.

    `path` must be free or an empty folder by then. Folders on the way are made; if the block fails nothing is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(path)
    draft.mkdir()
    try:
        yield draft
        for file in draft.iterdir():
            flush(file)
        flush(draft)
        draft.rename(path)
        flush(path.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def flush(path: Path) -> None:
    """Wait until the content of a file, or the list of names in a folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path, *, shared: bool = False, patience: float = 60.0) -> Iterator[None]:
    """Hold the lock file `path` for the block: alone, or `shared` with others that only read.

    The kernel frees it when the holder ends, however it ends. A reader needs no right to write,
    and where there is no lock file yet there is no writer to wait for.

    Raises:
        DhbvError: if others hold it for more than `patience` seconds; names the process.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY if shared else os.O_RDWR | os.O_CREAT, 0o666)
    except FileNotFoundError:
        if not shared:
            raise
        yield
        return
    try:
        deadline = time.monotonic() + patience
        while not _taken(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
                raise DhbvError(
                    f"{path} has been held for {patience:.0f} s by another process (the last writer was process "
                    f"{holder}): wait until it is done, or end it if it hangs, and try again"
                )
            time.sleep(_PAUSE)
        if not shared:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
