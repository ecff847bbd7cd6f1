"""The history of a registry: one line for each change, only ever added to."""

from __future__ import annotations

import datetime as dt
import getpass
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from dhbv.files import flush

Scores = dict[str, dict[str, float | None]]
"""Median scores by label, such as `test period`."""


class Entry(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"before": "from", "after": "to"}
):
    """One line."""

    when: str
    """UTC."""
    who: str
    action: Literal["publish", "promote", "rollback", "gc"]
    why: str
    before: str | None = None
    """`from` in the file: the id that this replaced or removed; the folder that a publication copied."""
    after: str | None = None
    """`to` in the file: the id that this published or put in force."""
    scores: Scores = {}
    """Of the version published or put in force."""
    manifest_sha256: str = ""
    """Of a publication: the manifest holds the sha256 of every other file."""

    @property
    def moves(self) -> bool:
        """Whether this changes the champion."""
        return self.action in ("promote", "rollback")


class Journal(NamedTuple):
    """What a journal holds, and what in it cannot be read."""

    entries: tuple[Entry, ...]
    damaged: tuple[int, ...]
    """Numbers of whole lines that are no entry, counted from 1."""
    torn: bool
    """The last line was cut off by a kill; it counts as never written."""


class Reign(NamedTuple):
    """Who has been champion."""

    champions: tuple[str, ...]
    """In turn, the present one last; one that a rollback left behind is not among them."""
    unfinished: tuple[Entry, ...]
    """Promotions and rollbacks that a kill kept from happening."""
    served: frozenset[str]
    """All that have ever been champion, those too that a rollback left behind."""
    rolled_back: frozenset[str]
    """Those that a rollback left behind and that have not served again since."""


def login() -> str:
    """Who acts, as far as the machine knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have a number and no name
        return f"uid {os.getuid()}"


def now() -> str:
    """The time in UTC as the journal writes it."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def read(path: Path) -> Journal:
    """The journal at `path`; empty where there is none yet."""
    try:
        *lines, rest = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Journal((), (), False)
    entries, damaged = [], []
    for number, line in enumerate(lines, 1):
        try:
            entries.append(msgspec.json.decode(line, type=Entry))
        except (msgspec.DecodeError, UnicodeDecodeError):
            damaged.append(number)
    return Journal(tuple(entries), tuple(damaged), bool(rest))


def append(path: Path, entries: Sequence[Entry]) -> None:
    """Add lines, durably. A torn last line is cut off first: nothing that it promised was done.

    The caller holds the registry's lock.
    """
    if not entries:
        return
    with path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        whole = file.read().rfind(b"\n") + 1
        if whole < size:
            file.truncate(whole)
        file.write(b"".join(msgspec.json.encode(e) + b"\n" for e in entries))
        file.flush()
        os.fsync(file.fileno())
    if size == 0:
        flush(path.parent)


def publications(entries: Sequence[Entry]) -> dict[str, Entry]:
    """The publication of every version that was not removed since, by id: the first, where its weights came again."""
    there: dict[str, Entry] = {}
    for e in entries:
        if e.action == "publish" and e.after is not None:
            there.setdefault(e.after, e)
        elif e.action == "gc" and e.before is not None:
            there.pop(e.before, None)
    return there


def reign(entries: Sequence[Entry], champion: str | None) -> Reign:
    """The champions up to `champion`.

    Each move says which version it replaced. So going back from the champion, the moves that lead to it
    are those that happened; a move that nothing followed from was promised and not carried out.
    """
    happened: list[Entry] = []
    unfinished: list[Entry] = []
    expected = champion
    for move in reversed([e for e in entries if e.moves]):
        if expected is not None and move.after == expected:
            happened.insert(0, move)
            expected = move.before
        else:
            unfinished.insert(0, move)
    champions = [] if expected is None else [expected]
    served, rolled_back = set(champions), set[str]()
    for move in happened:
        assert move.after is not None
        served.add(move.after)
        if move.action == "rollback":
            while champions and champions[-1] != move.after:
                rolled_back.add(champions.pop())
        if champions[-1:] != [move.after]:
            champions.append(move.after)
        rolled_back.discard(move.after)
    return Reign(tuple(champions), tuple(unfinished), frozenset(served), frozenset(rolled_back))
