"""One version of a registry: a model directory with a record of its publication, never changed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dhbv import model_directory
from dhbv.errors import DhbvError, ModelDirectoryError
from dhbv.model_directory import CARD, MANIFEST, ModelDirectory
from dhbv.registry.journal import Entry, Scores

PUBLICATION = "publication.json"
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{12}")
_REMEDY = "publish an exact copy of the model directory to mend the version, or `dhbv registry rollback`"


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """How a version came into the registry."""

    id: str
    when: str
    """UTC."""
    who: str
    why: str
    source: str
    """Where the model directory lay."""
    weights_sha256: str
    manifest_sha256: str
    scores: Scores
    """Medians by label."""

    @property
    def entry(self) -> Entry:
        """What the journal says of it."""
        return Entry(
            when=self.when, who=self.who, action="publish", why=self.why, before=self.source, after=self.id,
            scores=self.scores, manifest_sha256=self.manifest_sha256,
        )  # fmt: skip


@dataclass(frozen=True)
class Version:
    """A version by its id: the second of its publication (UTC) and the beginning of its weights' sha256."""

    id: str
    path: Path
    publication: Publication | None
    """None where it cannot be read."""

    def load(self) -> ModelDirectory:
        """The model, with every file verified down from the publication record.

        Raises:
            ModelDirectoryError: if anything is missing, damaged or not what was published; names the file.
        """
        publication = self.publication
        if publication is None:
            raise ModelDirectoryError(f"{self.path / PUBLICATION} is missing or damaged; {_REMEDY}")
        if publication.id != self.id or not fits(self.id, publication.weights_sha256):
            raise ModelDirectoryError(
                f"{self.path / PUBLICATION} is of version {publication.id} with weights "
                f"{publication.weights_sha256[:12]}…, not of {self.id}; {_REMEDY}"
            )
        if _digest_of(self.path / MANIFEST) != publication.manifest_sha256:
            raise ModelDirectoryError(
                f"{self.path / MANIFEST} is missing, damaged or replaced: its sha256 is not the one in "
                f"{PUBLICATION}; {_REMEDY}"
            )
        try:
            model = model_directory.load(self.path)
        except ModelDirectoryError as error:
            raise ModelDirectoryError(f"version {self.id}: {error}; {_REMEDY}") from error
        if model.weights_sha256 != publication.weights_sha256:
            raise ModelDirectoryError(
                f"{self.path} holds other weights than were published as {self.id}; {_REMEDY}"
            )
        return model

    def card(self) -> str:
        """The model card a person reads first."""
        return (self.path / CARD).read_text(encoding="utf-8")

    def problems(self) -> Iterator[tuple[str, str]]:
        """Every file that is not as published (an empty name is the whole folder), and what is wrong with it."""
        if self.publication is None:
            yield PUBLICATION, f"is missing or damaged; {_REMEDY}"
        elif _digest_of(self.path / MANIFEST) != self.publication.manifest_sha256:
            yield MANIFEST, f"is missing, damaged or replaced; {_REMEDY}"
            return
        try:
            expected: dict[str, str] = json.loads((self.path / MANIFEST).read_bytes())["files"]
        except (OSError, ValueError, KeyError, TypeError):
            yield MANIFEST, f"is missing or damaged; {_REMEDY}"
            return
        found = {p.name for p in self.path.iterdir()}
        for name in sorted(found - expected.keys() - {MANIFEST, PUBLICATION}):
            yield name, "is foreign: it was not published; remove it"
        broken = {name: _digest_of(self.path / name) for name in expected}
        broken = {name: digest for name, digest in broken.items() if digest != expected[name]}
        for name, digest in broken.items():
            yield name, f"{'is missing' if digest is None else 'is damaged'}; {_REMEDY}"
        if not broken and self.publication is not None:
            try:
                self.load()
            except DhbvError as error:
                yield "", str(error)


def new_id(weights_sha256: str) -> str:
    """An id for weights published now: sortable by time, bound to the weights."""
    return f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{weights_sha256[:12]}"


def is_id(text: str) -> bool:
    """Whether `text` has the form of an id, and so may be a folder's name."""
    return _ID.fullmatch(text) is not None


def fits(id: str, weights_sha256: str) -> bool:
    """Whether the id is that of these weights."""
    return id.endswith(f"-{weights_sha256[:12]}")


def read(path: Path) -> Version:
    """The version that lies at `path`."""
    try:
        publication = msgspec.json.decode((path / PUBLICATION).read_bytes(), type=Publication)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        publication = None
    return Version(path.name, path, publication)


def digest(content: bytes) -> str:
    """The sha256 that manifests and journal hold."""
    return hashlib.sha256(content).hexdigest()


def _digest_of(path: Path) -> str | None:
    """Of a file's content; None where it cannot be read."""
    try:
        return digest(path.read_bytes())
    except OSError:
        return None
