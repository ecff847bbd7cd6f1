"""What the store consists of at one moment, and the list of everything that was ever appended."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from dhbv.data.schema import DataError
from dhbv.files import flush, written_whole

T = TypeVar("T")

FORMAT = 1
MANIFEST, JOURNAL = "manifest.json", "journal.jsonl"


class DataFile(msgspec.Struct, frozen=True):
    """One live Parquet file."""

    kind: str
    partition: int
    """The calendar year of daily values; 0 for what is not split."""
    name: str
    """Path within the store."""
    first: int
    """The first batch with a row in it."""
    last: int
    rows: int
    sha256: str
    spans: dict[str, tuple[dt.date, dt.date]] = {}
    """First and last day with a value, for each daily variable that has one."""
    footer_sha256: str = ""
    """Of a kind that is read in part."""


class Manifest(msgspec.Struct, frozen=True):
    """The live files. Replaced as a whole, so that a reader has all of an append or nothing of it."""

    format: int = FORMAT
    batches: int = 0
    """Appends so far; they are numbered from 1."""
    journal_size: int = 0
    """Bytes of the journal that count; a killed writer may have left more."""
    last_when: dt.datetime | None = None
    """UTC, of the last append."""
    basins: dict[str, int] = {}
    """Every basin that has a value or an attribute, and the batch it came with."""
    files: tuple[DataFile, ...] = ()

    def there(self, last: int | None = None) -> list[str]:
        """The basins, sorted; of the batches up to `last`, by default of all."""
        return sorted(b for b, batch in self.basins.items() if last is None or batch <= last)

    def of(self, kind: str, partition: int | None = None) -> list[DataFile]:
        """The files of a kind, of one partition or of all."""
        return [f for f in self.files if f.kind == kind and partition in (None, f.partition)]


class Receipt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an append did, counted in cells (one variable of one basin on one day). A line of the journal."""

    batch: int | None
    """Its number; None where nothing was new, so that nothing was written."""
    when: dt.datetime
    """UTC."""
    source: str
    content: str = ""
    """sha256 of the file it came from, where it came from one."""
    added: int = 0
    corrected: int = 0
    unchanged: int = 0
    """Duplicates: known already with the same value, or set aside already."""
    set_aside: int = 0
    """Newly in quarantine."""
    attributes: int = 0
    """Attribute values added or corrected."""


def read(folder: Path) -> Manifest:
    """The manifest in `folder`; that of an empty store where there is none yet.

    Raises:
        DataError: if it is damaged, or written by a version of delta-hbv that this one does not know.
    """
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return Manifest()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: damaged ({error}): restore the store's folder from a backup") from None
    if manifest.format != FORMAT:
        raise DataError(
            f"{path}: a store of format {manifest.format}, this delta-hbv reads format {FORMAT}: use the version "
            "that wrote it"
        )
    return manifest


def write(folder: Path, manifest: Manifest) -> None:
    """Put `manifest` in force. The caller holds the store's lock and has written all that it names."""
    with written_whole(folder / MANIFEST) as draft:
        draft.write_bytes(msgspec.json.encode(manifest))


def receipts(folder: Path, manifest: Manifest) -> list[Receipt]:
    """Every append to a store that wrote something, oldest first: batch n at n - 1; see `lines`."""
    return lines(folder, manifest, Receipt)


def lines(folder: Path, manifest: Manifest, kind: type[T]) -> list[T]:
    """The journal, a line of type `kind` for each batch: n at n - 1.

    Raises:
        DataError: if the journal is damaged.
    """
    path = folder / JOURNAL
    if not manifest.batches:
        return []
    try:
        with path.open("rb") as file:
            written = file.read(manifest.journal_size).splitlines()
        decoder = msgspec.json.Decoder(kind)
        entries = [decoder.decode(line) for line in written]
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: damaged ({error}): restore the store's folder from a backup") from None
    if len(entries) != manifest.batches:
        raise DataError(
            f"{path}: holds {len(entries)} of {manifest.batches} appends: restore the store's folder from a backup"
        )
    return entries


def record(folder: Path, manifest: Manifest, entry: msgspec.Struct) -> int:
    """Add a line to the journal, durably, over what a killed writer may have left; the new size in bytes.

    Raises:
        DataError: if the journal is damaged; OSError: if the line cannot be written whole, as on a full disk.
    """
    path = folder / JOURNAL
    line = msgspec.json.encode(entry) + b"\n"
    # A file of Python's: os.write may stop in the middle of a line and say so by its length alone.
    with path.open("ab") as file:
        if os.fstat(file.fileno()).st_size < manifest.journal_size:
            raise DataError(f"{path}: cut off: restore the store's folder from a backup")
        file.truncate(manifest.journal_size)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    if not manifest.journal_size:
        flush(folder)
    return manifest.journal_size + len(line)


def known_at(entries: Sequence[Receipt], when: dt.datetime) -> int:
    """The number of the last batch that came at `when` or before."""
    return sum(e.when <= when for e in entries)


def sweep(folder: Path, manifest: Manifest, kinds: Sequence[str]) -> None:
    """Remove files that are not, or no longer, live. The caller holds the store's lock.

    A reader that is still at an older manifest notices and begins again.
    """
    live = {f.name for f in manifest.files}
    for kind in kinds:
        for path in (folder / kind).glob("**/*.parquet*"):
            if str(path.relative_to(folder)) not in live:
                path.unlink()
    for path in folder.glob(f".{MANIFEST}.*"):
        path.unlink()
