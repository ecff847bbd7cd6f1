"""Files and folders that readers never see half written, and that outlive a crash, and their sha256; locks that a killed holder frees."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
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
            Or if the draft cannot be written; says why in words, and names `path`.
    """
    path = _place_of_a_file(path)
    draft = draft_of(path)
    with _told_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield draft
            flush(draft)
            draft.replace(path)
            flush(path.parent)
        finally:
            draft.unlink(missing_ok=True)


def refuse_unwritable(path: Path) -> None:
    """Raise the DhbvError of `written_whole` before there is anything to write; nothing is left, no folder made."""
    path = _place_of_a_file(path)
    probe = draft_of(_nearest_there(path) / path.name)
    # Done rather than asked for: root is told that it may write what it may not.
    with _told_of(path):
        probe.touch(exist_ok=False)
        probe.unlink()


def refuse_overwriting(outputs: Mapping[str, Path | str | None], inputs: Iterable[Path | str | None]) -> None:
    """Refuse outputs that cannot be written, or would cost what is read, before anything is computed.

    Args:
        outputs: files to write by the option that names each; None and `-`, which is standard output, are passed over.
        inputs: files and folders that are read; None is passed over.

    Raises:
        DhbvError: if an output is an input, or there already in a folder that is one, or two are the same; or
            `refuse_unwritable` does.
    """
    # Of ids separated by commas, where a file of ids may be, many make too long a name to ask Path for.
    read = [Path(p) for p in inputs if p is not None and os.access(p, os.F_OK)]
    taken: dict[Path, str] = {}
    for option, output in outputs.items():
        if output is None or str(output) == "-":
            continue
        path = Path(output)
        refuse_unwritable(path)
        _refuse_input(option, path, read)
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise DhbvError(f"{option} {path}: {other} is written there too: give each a file of its own")


def _refuse_input(option: str, path: Path, read: Iterable[Path]) -> None:
    if not path.exists():
        return
    for source in read:
        if path.samefile(source):
            raise DhbvError(
                f"{option} {path} is what is read, and would be lost: give {option} another place"
            )
        if source.is_dir() and path.resolve().is_relative_to(source.resolve()):
            raise DhbvError(
                f"{option} {path} is there already, in {source}, which is read: give {option} a place outside"
            )


def _place_of_a_file(path: Path) -> Path:
    """Where a link leads, else `path`; raises the DhbvError of `written_whole` if no file may take the place."""
    with _told_of(path):
        path = path.resolve() if path.is_symlink() else path
        if path.exists() and not path.is_file():
            what = "a folder" if path.is_dir() else "a device or a pipe"
            raise DhbvError(f"{path} is {what}, whose place no file may take: give the path of a file")
        return path


def _nearest_there(path: Path) -> Path:
    """The folder of `path`, or the nearest on the way that is there."""
    return next(place for place in path.absolute().parents if os.path.lexists(place))


@contextmanager
def _told_of(path: Path) -> Iterator[None]:
    """What the system says of `path`, its draft, a name that nobody gave, or folders on the way, in words."""
    try:
        yield
    except OSError as error:
        name = None if error.filename is None else Path(os.fsdecode(error.filename))
        if name is None or not (name in (path, *path.parents) or name.name.startswith(f".{path.name}.")):
            raise
        folder = _nearest_there(path)
        if error.errno in (errno.EACCES, errno.EPERM):
            why = f"no permission in {folder}"
        elif not folder.is_dir():
            why = f"{folder} is no folder"
        else:
            why = f"{error.strerror}, in {folder}"
        raise DhbvError(
            f"{path} cannot be written: {why}: choose another place, or make this one writable"
        ) from error


@contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """A draft folder beside `path` to put files in, which takes its place, durably, when the block ends well.

    `path` must be free or an empty folder by then. Folders on the way are made; if the block fails nothing is left.
    """
    draft = draft_of(path)
    with _told_of(path):
        path.parent.mkdir(parents=True, exist_ok=True)
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
