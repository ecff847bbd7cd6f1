"""What is broken in a registry, by file, with the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from dhbv.errors import DhbvError
from dhbv.registry import journal as journals
from dhbv.registry.version import PUBLICATION, is_id

if TYPE_CHECKING:
    from dhbv.registry.registry import Registry


class Problem(NamedTuple):
    """Something broken: the file or folder, relative to the registry, and what to do about it."""

    where: str
    what: str


def problems(registry: Registry) -> Iterator[Problem]:
    """Everything broken in `registry`. What killed writers left is hidden and not broken, see `Registry.gc`."""
    journal = journals.read(registry.journal_path)
    published = journals.publications(journal.entries)
    versions = registry.versions()
    for version in versions:
        where, record = registry.relative(version.path), version.publication
        for name, what in version.problems():
            yield Problem(f"{where}/{name}" if name else where, what)
        if record is not None and published.get(version.id, record.entry) != record.entry:
            what = f"differs from what {registry.journal_path.name} says: one of the two was changed"
            yield Problem(f"{where}/{PUBLICATION}", what)
    for id in published.keys() - {v.id for v in versions}:
        what = "is gone, though never removed by gc: publish an exact copy of the model directory to mend it"
        yield Problem(registry.relative(registry.versions_path / id), what)
    try:
        registry.champion()
    except DhbvError as error:
        yield Problem(registry.relative(registry.pointer_path), str(error))
    for number in journal.damaged:
        what = f"line {number} is damaged, what it recorded is unknown: restore it from a copy, or delete it"
        yield Problem(registry.relative(registry.journal_path), what)
    if journal.torn:
        what = "the last line was torn by a kill and counts as never written: the next change mends it"
        yield Problem(registry.relative(registry.journal_path), what)
    ours = {registry.versions_path, registry.pointer_path, registry.journal_path, registry.lock_path}
    for path in sorted([*registry.path.iterdir(), *registry.versions_path.iterdir()]):
        known = path in ours or (path.parent == registry.versions_path and is_id(path.name))
        if not known and not path.name.startswith("."):
            yield Problem(registry.relative(path), "is foreign: remove it")
