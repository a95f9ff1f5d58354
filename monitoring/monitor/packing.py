"""Component 4, Monitor: folded counts as bytes, one blob a bucket."""

import zlib
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
import numpy as np

Packable = Mapping[str, Any]  # of numbers, strings, lists, arrays of counts

Part = TypeVar("Part")

ARRAY = 1  # code of the one extension type of msgpack used


def pack(parts: Packable) -> bytes:
    """Counts in their narrowest type, then msgpack, then zlib.

    >>> unpack(pack({"n": 3, "counts": np.array([0, 3])}))["counts"]
    array([0, 3])
    >>> unpack(pack({"sums": np.array([0.5, 3.0])}))["sums"]
    array([0.5, 3. ])
    """
    return zlib.compress(encode(parts), 6)


def encode(parts: Any) -> bytes:
    """Not packed: for what is small, and read often."""
    return msgspec.msgpack.encode(parts, enc_hook=_encode)


def is_packed(blob: bytes) -> bool:
    """By zlib's first byte, with which no message of msgpack begins that is not a
    number."""
    return blob[:1] == b"x"


def unpack(blob: bytes) -> dict[str, Any]:
    """What was packed; counts come back as int64, sums as floats. An empty blob is an empty dict."""
    if not blob:
        return {}
    return unpack_into(dict[str, Any], blob)


def unpack_into(kind: type[Part], blob: bytes) -> Part:
    """Only the parts that `kind` names, each of which is there."""
    raw = zlib.decompress(blob)
    return msgspec.msgpack.decode(raw, type=kind, ext_hook=_decode)


def _encode(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        narrow = np.min_scalar_type(int(value.max(initial=0))).newbyteorder("<")
        if value.dtype.kind == "f":  # sums of money, not counts
            narrow = np.dtype("<f8")
        body = narrow.str.encode() + value.astype(narrow).tobytes()  # "<u2" + counts
        return msgspec.msgpack.Ext(ARRAY, body)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be packed.")


def _decode(code: int, body: memoryview) -> Any:
    if code == ARRAY:
        data = bytes(body)
        found = np.frombuffer(data[3:], dtype=data[:3].decode())
        return found.astype(np.int64) if found.dtype.kind in "iu" else found
    raise ValueError(f"Unknown part {code} in a packed bucket.")
