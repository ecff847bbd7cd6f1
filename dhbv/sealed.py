"""Named arrays and a little text as bytes that are refused when anything in them has changed.

MAGIC, a format number, the sha256 of the rest, then safetensors: plain arrays with a small text
header, no pickle. Equal content is equal bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from dhbv.errors import StateError

STATE, COMPONENT = b"dHBVstat", b"dHBVhour"
_KINDS = {
    STATE: "a state of the daily model: name it as `state` in a BMI configuration, or as --state of `dhbv forecast`",
    COMPONENT: "what a NextGen component saved of itself: let the framework restore it (`serialization_state`)",
}
"""What else of ours the bytes may be, and where that belongs."""

_MAGIC_BYTES = 8
_HEADER = struct.Struct(f"<{_MAGIC_BYTES}sI32s")
_REMEDY = "restore it from a copy, or start from a spin-up"


class Content(NamedTuple):
    """What was sealed."""

    format: int
    text: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def seal(magic: bytes, format: int, text: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Content as bytes that `unseal` turns back bit by bit; `magic` (8 bytes) says whose they are."""
    # One entry: safetensors writes several in random order, and equal content shall be equal bytes.
    metadata = {"state": json.dumps(text)}
    payload = save({name: np.ascontiguousarray(a) for name, a in arrays.items()}, metadata=metadata)
    return _HEADER.pack(magic, format, hashlib.sha256(payload).digest()) + payload


def unseal(data: bytes, magic: bytes, *, what: str, newest: int, oldest: int) -> Content:
    """What `seal` packed.

    Args:
        data: the bytes.
        magic: whose they must be.
        what: what to call them in messages, for example `state`.
        newest: the format this version writes.
        oldest: the oldest format it can still read.

    Raises:
        StateError: if the bytes are empty, truncated, damaged, somebody else's or of another format.
    """
    if len(data) < _HEADER.size:
        raise StateError(f"the {what} is truncated: {len(data)} bytes are fewer than its header; {_REMEDY}")
    found, version, checksum = _HEADER.unpack_from(data)
    if found != magic and found in _KINDS:
        raise StateError(f"these bytes are no {what}, but {_KINDS[found]}")
    if found != magic:
        raise StateError(f"these bytes are not a delta-hbv {what} (they start with {found!r}); {_REMEDY}")
    if not oldest <= version <= newest:
        readable = f"format {newest}" if oldest == newest else f"formats {oldest} to {newest}"
        raise StateError(
            f"the {what} has format {version}, this version reads {readable}: start from a spin-up, by `spin_up` "
            "in a BMI configuration or `dhbv forecast --spin-up-days 1095 --save-state FILE`"
        )
    payload = bytes(data[_HEADER.size :])
    if hashlib.sha256(payload).digest() != checksum:
        raise StateError(f"the {what} is damaged or truncated: its checksum does not match; {_REMEDY}")
    try:
        return Content(version, _text(payload), load(payload))
    except (SafetensorError, struct.error, KeyError, TypeError, ValueError) as error:
        raise StateError(f"the {what} is not complete: {error}; {_REMEDY}") from error


def _text(payload: bytes) -> dict[str, Any]:
    """The text of safetensors bytes, which its numpy loader does not hand out."""
    (length,) = struct.unpack_from("<Q", payload)
    text: dict[str, Any] = json.loads(json.loads(payload[8 : 8 + length])["__metadata__"]["state"])
    return text
