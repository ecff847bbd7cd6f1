"""How a model directory becomes the folder of a version, durably and all at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from dhbv.errors import ModelDirectoryError
from dhbv.files import flush, folder_written_whole
from dhbv.model_directory import MANIFEST, ModelDirectory
from dhbv.registry import version
from dhbv.registry.version import PUBLICATION, Publication


def contents(model: ModelDirectory) -> dict[str, bytes]:
    """Every file of a model directory by name, as its manifest vouches for them; nothing else in it.

    Raises:
        ModelDirectoryError: if a name is no plain file's, or a file changed since `model` was loaded.
    """
    files: dict[str, str] = model.manifest["files"]
    for name in files:
        if Path(name).name != name or name in (MANIFEST, PUBLICATION):
            raise ModelDirectoryError(
                f"{model.path / MANIFEST} lists {name!r}, which no model directory holds: train the model again"
            )
    found = {name: (model.path / name).read_bytes() for name in (*files, MANIFEST)}
    for name, sha256 in files.items():
        if version.digest(found[name]) != sha256:
            raise ModelDirectoryError(f"{model.path / name} changed while it was read: publish again")
    return found


def store(target: Path, files: Mapping[str, bytes], record: Publication) -> None:
    """Make the folder `target` of `files` and the publication record; a broken one in its place gives way."""
    publication = msgspec.json.format(msgspec.json.encode(record), indent=1)
    with folder_written_whole(target) as draft:
        for name, content in {**files, PUBLICATION: publication}.items():
            (draft / name).write_bytes(content)
        if target.exists():
            target.rename(target.with_name(f".{target.name}.broken.{os.getpid()}"))


def remove(folder: Path) -> None:
    """Take a version away: first out of sight at once, then its files."""
    hidden = folder.with_name(f".{folder.name}.removed.{os.getpid()}")
    folder.rename(hidden)
    flush(folder.parent)
    shutil.rmtree(hidden)


def sweep(folder: Path) -> None:
    """Remove what killed writers left in the folder of versions. The caller holds the lock."""
    for path in folder.glob(".*"):
        if version.is_id(path.name[1:].partition(".")[0]):
            shutil.rmtree(path)
