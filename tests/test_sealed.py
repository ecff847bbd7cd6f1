"""Sealed bytes bring back exactly what went in, or say why they cannot."""

from __future__ import annotations

import hashlib
import json
import struct

import numpy as np
import pytest
from safetensors.numpy import save

from dhbv import sealed
from dhbv.errors import StateError

MAGIC = b"testtest"
TEXT = {"names": ["über", "b"], "count": 3, "nothing": None, "deep": {"a": [1.5, "x"]}}


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "b": rng.random((2, 3)),
        "a": np.array([np.inf, -0.0, np.nan]),
        "single": rng.random(4).astype(np.float32),
        "bytes": np.arange(7, dtype=np.uint8),
        "empty": np.zeros((2, 0)),
    }


def unsealed(data: bytes, *, newest: int = 3, oldest: int = 2) -> sealed.Content:
    return sealed.unseal(data, MAGIC, what="thing", newest=newest, oldest=oldest)


def packed(payload: bytes, version: int = 3) -> bytes:
    """A payload with a header that fits it."""
    return struct.pack("<8sI32s", MAGIC, version, hashlib.sha256(payload).digest()) + payload


def test_everything_comes_back_bit_by_bit() -> None:
    content = unsealed(sealed.seal(MAGIC, 3, TEXT, arrays()))
    assert content.format == 3
    assert content.text == TEXT
    assert content.arrays.keys() == arrays().keys()
    for name, array in arrays().items():
        found = content.arrays[name]
        assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_equal_content_is_equal_bytes_in_any_order() -> None:
    whole = arrays()
    turned = dict(reversed(whole.items())) | {"b": np.asfortranarray(whole["b"])}
    every = [sealed.seal(MAGIC, 3, TEXT, a) for a in (whole, turned) for _ in range(10)]
    assert len(set(every)) == 1
    assert sealed.seal(MAGIC, 3, TEXT | {"count": 4}, whole) != every[0]


def test_any_buffer_can_be_unsealed() -> None:
    data = sealed.seal(MAGIC, 3, TEXT, arrays())
    for kind in (bytearray, memoryview):
        assert unsealed(kind(data)).text == TEXT


@pytest.mark.parametrize("length", [0, 1, 8, 43])
def test_less_than_a_header_is_truncated(length: int) -> None:
    with pytest.raises(
        StateError, match=f"the thing is truncated: {length} bytes are fewer .* from a copy, or start"
    ):
        unsealed(sealed.seal(MAGIC, 3, TEXT, arrays())[:length])


def test_any_change_is_noticed() -> None:
    data = sealed.seal(MAGIC, 3, TEXT, arrays())
    for position in range(0, len(data), 7):
        broken = bytearray(data)
        broken[position] ^= 1
        with pytest.raises(StateError, match=r"not a delta-hbv thing|has format|damaged or truncated"):
            unsealed(bytes(broken))
    for changed in (data[:-1], data + b"\0", data[:44]):
        with pytest.raises(
            StateError, match="the thing is damaged or truncated: its checksum does not match; restore"
        ):
            unsealed(changed)


def test_somebody_elses_bytes_are_named_by_their_beginning() -> None:
    with pytest.raises(StateError, match=r"not a delta-hbv thing \(they start with b'\\x89PNG"):
        unsealed(b"\x89PNG\r\n\x1a\n" + bytes(100))


@pytest.mark.parametrize(("version", "fits"), [(0, False), (1, False), (2, True), (3, True), (4, False)])
def test_formats_are_read_from_the_oldest_to_the_newest(version: int, fits: bool) -> None:
    data = sealed.seal(MAGIC, version, TEXT, arrays())
    if fits:
        assert unsealed(data).format == version
        return
    with pytest.raises(
        StateError, match=rf"the thing has format {version}, this version reads formats 2 to 3: .*spin_up"
    ):
        unsealed(data)
    with pytest.raises(StateError, match=rf"has format {version}, this version reads format 9: "):
        unsealed(data, newest=9, oldest=9)


def test_a_header_with_anything_else_behind_it_is_refused() -> None:
    without_text = save({"a": np.zeros(2)})
    other_text = save({"a": np.zeros(2)}, metadata={"other": "{}"})
    no_json = save({"a": np.zeros(2)}, metadata={"state": "{"})
    length = struct.pack("<Q", 10**6)
    for payload in (
        without_text,
        other_text,
        no_json,
        b"",
        b"\1\2\3",
        length + b"{}",
        bytes(64),
        json.dumps(TEXT).encode(),
    ):
        with pytest.raises(
            StateError, match=r"the thing is not complete: .*; restore it from a copy, or start from a spin"
        ):
            unsealed(packed(payload))
