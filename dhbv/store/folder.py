"""A folder of Parquet files that only ever grows, by one writer at a time, under readers that take no lock.

What the data store and the archive of fluxes have in common: files are added and put in force by replacing the
manifest, and what a batch was is a line of the journal.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, TypeVar

import msgspec
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from dhbv.data.schema import DataError
from dhbv.files import locked
from dhbv.store import manifest as manifests
from dhbv.store import parquet
from dhbv.store.manifest import Manifest
from dhbv.store.parquet import Kind

T = TypeVar("T")
Table = tuple[Kind, int, pa.Table]
"""Rows of one batch for one partition."""


class Folder:
    """The folder `path`, which is made where there is none.

    Raises:
        DataError: if the folder holds something else.
    """

    kinds: ClassVar[tuple[Kind, ...]]
    what: ClassVar[str]
    """Its name in messages."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if self.path.exists() and not (self.path / manifests.MANIFEST).exists():
            own = {"lock", manifests.MANIFEST, manifests.JOURNAL, *(k.name for k in self.kinds)}
            others = [p.name for p in self.path.iterdir()] if self.path.is_dir() else ["a file"]
            others = [n for n in others if n not in own and not n.startswith(f".{manifests.MANIFEST}")]
            if others:
                raise DataError(
                    f"{self.path}: no {self.what} but {others[0]}: name {_a(self.what)}, or a new or empty folder"
                )
        self.path.mkdir(parents=True, exist_ok=True)

    def basins(self) -> tuple[str, ...]:
        """Every basin that has a value or an attribute, sorted."""
        return tuple(manifests.read(self.path).there())

    @contextmanager
    def _writing(self) -> Iterator[Manifest]:
        """The only writer; what killed ones left is swept away first."""
        with locked(self.path / "lock"):
            manifest = manifests.read(self.path)
            manifests.sweep(self.path, manifest, [k.name for k in self.kinds])
            try:
                yield manifest
            except FileNotFoundError as error:
                raise self._gone(manifest, error) from None

    def _commit(
        self, manifest: Manifest, batch: int, when: dt.datetime, line: msgspec.Struct, tables: Sequence[Table]
    ) -> None:
        """Data first, then the journal, then the manifest that puts both in force."""
        files, basins = list(manifest.files), dict(manifest.basins)
        for kind, partition, table in tables:
            present = [f for f in files if f.kind == kind.name and f.partition == partition]
            files = [f for f in files if f not in present]
            files += parquet.add(self.path, present, kind, partition, table)
            if kind.tells_basins:
                for basin in pc.unique(table["basin"]).to_pylist():
                    basins.setdefault(basin, batch)
        size = manifests.record(self.path, manifest, line)
        manifests.write(
            self.path,
            Manifest(batches=batch, journal_size=size, last_when=when, basins=basins, files=tuple(files)),
        )

    def _time(self, manifest: Manifest, at: dt.datetime | None) -> dt.datetime:
        """When an append comes: now, but after the last one, or `at`, not before it."""
        last = manifest.last_when
        if at is None:
            now = dt.datetime.now(dt.UTC)
            # After a clock that ran ahead each append still has a time of its own: what came since can be told.
            return now if last is None else max(now, last + dt.timedelta(microseconds=1))
        at = utc(at, "at")
        if last is not None and at < last:
            raise DataError(
                f"{self.path}: the last append is of {last.isoformat()}, this one would be of {at.isoformat()}: append "
                "in the order in which things became known"
            )
        return at

    def reading(self, use: Callable[[Manifest], T]) -> T:
        """What `use` makes of the present manifest; again if a writer removed files from under it."""
        while True:
            manifest = manifests.read(self.path)
            try:
                return use(manifest)
            except FileNotFoundError as error:
                if manifests.read(self.path) == manifest:
                    raise self._gone(manifest, error) from None

    def _gone(self, manifest: Manifest, error: FileNotFoundError) -> DataError:
        missing = [f.name for f in manifest.files if not (self.path / f.name).exists()]
        return DataError(
            f"{self.path}: {', '.join(missing) or error} is gone: restore it from a backup of the {self.what}"
        )


def utc(time: dt.datetime, name: str) -> dt.datetime:
    """`time` in UTC.

    Raises:
        DataError: if it has no time zone.
    """
    if time.tzinfo is None:
        raise DataError(f"{name} {time} has no time zone: give it one, e.g. datetime.now(timezone.utc)")
    return time.astimezone(dt.UTC)


def _a(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"
