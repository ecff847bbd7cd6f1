"""From what a person writes for a model to the model directory it names."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from dhbv.errors import DhbvError
from dhbv.registry.registry import CHAMPION, Registry


class Resolved(NamedTuple):
    """A model argument, with `champion` replaced by the id that it stood for."""

    name: str
    """`REGISTRY@ID`, or the path as given."""
    path: Path
    """The model directory."""


def resolve(text: str) -> Resolved:
    """The model that `text` names: a model directory, `REGISTRY@champion` or `REGISTRY@ID`.

    The champion is looked up once, so that a promotion in between does not change the model of a
    run; a version is verified here, a plain directory by whoever loads it.

    Raises:
        DhbvError: if there is no such registry or version.
        ModelDirectoryError: if the version is damaged; names the champion that would serve instead.
    """
    if Path(text).is_dir() or "@" not in text:
        return Resolved(text, Path(text))
    folder, _, which = text.rpartition("@")
    registry = Registry(folder)
    version = registry.version(which)
    try:
        version.load()
    except DhbvError as error:
        if which != CHAMPION:
            raise
        instead = registry.serving().version
        raise type(error)(f"{error}; {folder}@{instead.id} is the last champion that is whole") from None
    return Resolved(f"{folder}@{version.id}", version.path)
