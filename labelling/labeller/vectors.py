"""Component 2, Data Labeller: what the ranker knows of an item, as bytes. Pure.

Computed once, at import, without any heavy library: numbers, pixels of small images and
the time of day lie dense, words and categories as hashed counts. What needs all items
at once (inverse document frequency, scale) is added when the queue is ranked.
"""

import json
import math
import re
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise
from typing import Any
from zlib import crc32

from registry import images

FORMAT = 1  # another one makes every stored vector old
BUCKETS = 2**16
LONGEST = 2_000  # words of a text that count
SIDE, COLOURS = 16, 4  # an image is 16×16 grey and 4×4 in colour
IMAGE_WIDTH = SIDE * SIDE + 3 * COLOURS * COLOURS
WIDTHS = {"numeric": 1, "integer": 1, "boolean": 1, "datetime": 3, "image": IMAGE_WIDTH}
WORD = re.compile(r"\w+")
UNSPACED = 0x2E80  # from here on scripts put no spaces between words
NAN = math.nan
Field = Mapping[str, Any]


def known_fields(fields: Sequence[Field], *, target: str) -> list[Field]:
    """What a vector is made of: never of the target."""
    return [field for field in fields if field["name"] != target]


def layout_of(fields: Sequence[Field]) -> str:
    """A name for the places in a vector; another schema has another one.

    >>> layout_of([{"name": "a", "kind": "text"}]) == layout_of([])
    False
    """
    names = [FORMAT, *([field["name"], field["kind"]] for field in fields)]
    return sha256(json.dumps(names).encode()).hexdigest()[:12]


def widths(fields: Sequence[Field]) -> list[tuple[str, int]]:
    """Kind and number of dense places of each field that has some.

    >>> widths([{"name": "a", "kind": "integer"}, {"name": "b", "kind": "text"}])
    [('integer', 1)]
    """
    kinds = [field["kind"] for field in fields]
    return [(kind, WIDTHS[kind]) for kind in kinds if kind in WIDTHS]


def pack(payload: Mapping[str, Any], fields: Sequence[Field]) -> bytes:
    """An item as bytes: float32 for the dense places, then uint32 buckets, then
    float32 counts. What cannot be read is missing, never an error.

    >>> len(pack({"a": 1.5}, [{"name": "a", "kind": "numeric"}]))
    4
    """
    dense = array("f")
    counts: Counter[int] = Counter()
    for field in fields:
        name, kind = field["name"], field["kind"]
        value = payload.get(name)
        if kind in WIDTHS:
            dense.extend(_dense(kind, value))
        elif value is not None and kind == "text":
            counts.update(_bucket(name, word) for word in words(str(value)))
        elif value is not None:
            counts[_bucket(name, f"={value}")] += 1
    buckets = array("I", sorted(counts))
    return (
        dense.tobytes()
        + buckets.tobytes()
        + array("f", (counts[bucket] for bucket in buckets)).tobytes()
    )


def words(text: str) -> list[str]:
    """Words and pairs of neighbours; pairs of characters where there are no spaces.

    >>> words("Bird struck, bird")
    ['bird', 'struck', 'bird struck', 'bird', 'struck bird']
    >>> words("日本語")
    ['日本', '本語']
    """
    found: list[str] = []
    before = ""
    for word in WORD.findall(text.casefold())[:LONGEST]:
        if ord(word[0]) >= UNSPACED and len(word) > 1:
            found.extend(a + b for a, b in pairwise(word[:LONGEST]))
            before = ""
            continue
        found.append(word)
        if before:
            found.append(f"{before} {word}")
        before = word
    return found


def _bucket(name: str, word: str) -> int:
    return crc32(f"{name}:{word}".encode()) % BUCKETS


def _dense(kind: str, value: Any) -> list[float]:
    if kind == "image":
        return _pixels(value)
    if kind == "datetime":
        return _moment(value)
    if isinstance(value, bool | int | float) and abs(value) < 1e30:
        return [float(value)]
    return [NAN]


def _moment(value: Any) -> list[float]:
    """Days since 1970, and the time of day as a point of the clock's face."""
    try:
        moment = datetime.fromisoformat(value).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return [NAN, NAN, NAN]
    seconds = moment.timestamp()
    angle = 2 * math.pi * (seconds % 86_400) / 86_400
    return [seconds / 86_400, math.sin(angle), math.cos(angle)]


def _pixels(value: Any) -> list[float]:
    """0 to 1; an image that cannot be read is nothing but missing places."""
    from PIL import Image

    try:
        image = Image.fromarray(images.small(value))
    except (TypeError, AttributeError, ValueError):
        return [NAN] * IMAGE_WIDTH
    grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    colour = image.convert("RGB").resize((COLOURS, COLOURS), Image.Resampling.BOX)
    return [place / 255 for place in grey.tobytes() + colour.tobytes()]
