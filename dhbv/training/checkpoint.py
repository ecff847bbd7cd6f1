"""Everything a training needs to go on exactly after being killed, in one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from dhbv.errors import DhbvError
from dhbv.files import written_whole


def write(path: Path, content: dict[str, Any]) -> None:
    """Put `content` (tensors, numbers, text) in place of what was at `path`, all at once."""
    with written_whole(path) as draft:
        torch.save(content, draft)


def read(path: Path, *, identity: str) -> dict[str, Any] | None:
    """The checkpoint at `path`, or None where there is none.

    Args:
        path: the file.
        identity: names configuration and data; a checkpoint of another training is refused.

    Raises:
        DhbvError: if it is damaged or belongs to another configuration or other data.
    """
    if not path.exists():
        return None
    try:
        content: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
        its_identity = content["identity"]
    except Exception as error:  # torch raises many kinds for a damaged file
        raise DhbvError(
            f"the checkpoint {path} is damaged ({error}): remove {path.parent} to start anew"
        ) from error
    if its_identity != identity:
        raise DhbvError(
            f"the checkpoint {path} belongs to another configuration or other data: "
            f"go on with those, or remove {path.parent} to start anew"
        )
    return content
