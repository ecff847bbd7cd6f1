"""What a running model carries from day to day, as a value; to and from bytes.

Bytes are MAGIC, a format number, the sha256 of the rest, then safetensors: plain arrays with
a small text header, no pickle. Everything needed to go on exactly is inside, the date too.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from dhbv.errors import StateError
from dhbv.files import written_whole

MAGIC = b"dHBVstat"
FORMAT = 1
_HEADER = struct.Struct(f"<{len(MAGIC)}sI32s")


@dataclass(frozen=True, eq=False)
class State:
    """The model between two days, for B basins and M components."""

    weights: str
    """sha256 of the weights that made it; no others can continue it."""
    basins: tuple[str, ...]
    time: np.datetime64
    """Valid at 00:00 UTC of this day, the first one not yet run."""
    stores: NDArray[np.floating]
    """[5, B, M] mm, in the order of `dhbv.physics.hbv.Stores`."""
    runoff: NDArray[np.floating]
    """[14, 3, B] mm d-1: Q0, Q1, Q2 of the last 14 days, oldest first; the routing store."""
    hidden: NDArray[np.floating]
    """[B, H] output of the LSTM."""
    cell: NDArray[np.floating]
    """[B, H] memory of the LSTM."""
    frozen: NDArray[np.floating]
    """[B, K] static parameters' logits frozen at the end of the spin-up; K = 0 where they need no weather."""

    def to_bytes(self) -> bytes:
        """The state as bytes that `from_bytes` turns back bit by bit."""
        text = json.dumps({"weights": self.weights, "basins": self.basins, "time": str(self.time)})
        arrays = {name: np.ascontiguousarray(getattr(self, name)) for name in _ARRAYS}
        # One entry: safetensors writes several in random order, and equal states shall be equal bytes.
        payload = save(arrays, metadata={"state": text})
        return _HEADER.pack(MAGIC, FORMAT, hashlib.sha256(payload).digest()) + payload

    def write(self, path: Path) -> None:
        """Put the state in a file, all at once."""
        with written_whole(path) as draft:
            draft.write_bytes(self.to_bytes())

    @classmethod
    def read(cls, path: Path) -> State:
        """The state in a file.

        Raises:
            StateError: if it cannot be read, or for any reason of `from_bytes`; names the file.
        """
        try:
            return cls.from_bytes(path.read_bytes())
        except OSError as error:
            raise StateError(f"cannot read the state {path}: {error.strerror}") from error
        except StateError as error:
            raise StateError(f"{path}: {error}") from None

    @classmethod
    def from_bytes(cls, data: bytes) -> State:
        """The state in `data`.

        Raises:
            StateError: if the bytes are empty, truncated, damaged, no state or of another format.
        """
        remedy = "restore it from a copy, or start from a spin-up"
        if len(data) < _HEADER.size:
            raise StateError(f"the state is truncated: {len(data)} bytes are fewer than its header; {remedy}")
        magic, version, checksum = _HEADER.unpack_from(data)
        if magic != MAGIC:
            raise StateError(f"these bytes are not a delta-hbv state (they start with {magic!r}); {remedy}")
        if version != FORMAT:
            raise StateError(f"the state has format {version}, this version reads format {FORMAT}: {remedy}")
        payload = bytes(data[_HEADER.size :])
        if hashlib.sha256(payload).digest() != checksum:
            raise StateError(f"the state is damaged or truncated: its checksum does not match; {remedy}")
        try:
            arrays = load(payload)
            text = _metadata(payload)
            return cls(
                weights=text["weights"],
                basins=tuple(text["basins"]),
                time=np.datetime64(text["time"], "D"),
                **{name: arrays[name] for name in _ARRAYS},
            )
        except (SafetensorError, KeyError, ValueError) as error:
            raise StateError(f"the state is not complete: {error}; {remedy}") from error


_ARRAYS = tuple(f.name for f in fields(State) if f.name not in ("weights", "basins", "time"))


def _metadata(payload: bytes) -> dict[str, Any]:
    """The text of safetensors bytes, which its numpy loader does not hand out."""
    (length,) = struct.unpack_from("<Q", payload)
    text: dict[str, Any] = json.loads(json.loads(payload[8 : 8 + length])["__metadata__"]["state"])
    return text
