r"""The one door through which JSON comes in, stricter than the standard library's.

Refused with the place: NaN and Infinity, duplicate keys, NUL and lone surrogates,
integers beyond 64 bits, floats beyond the double's range, more than 32 levels.

>>> parse(b'{"a": [1, 2.5, null]}')
{'a': [1, 2.5, None]}
>>> parse(b'{"a": [1, NaN]}')
Traceback (most recent call last):
...
registry.web.strict_json.NotJson: $.a[1]: NaN is not JSON; send null or leave it out.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any

from rest_framework.parsers import BaseParser

from registry.errors import FieldError, InvalidInput, TooLarge

MAX_DEPTH = 32
MAX_BODY = 10 * 2**20
INT64 = range(-(2**63), 2**63)

# What may be wrong although the text is well formed; only then values are walked.
SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|[0-9]{19}|[eE]\+?[0-9]{3}", re.ASCII)
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
ALL_SQUARE = bytes.maketrans(b"{}", b"[]")
BAD_TEXT = re.compile("[\x00\ud800-\udfff]")


class NotJson(InvalidInput):
    """The body is not the JSON we read; `errors` holds the place."""

    title = "Not strict JSON"

    def __init__(self, message: str, *, place: str = "$") -> None:
        super().__init__(f"{place}: {message}", errors=[FieldError(place, message)])


class _Flaw:
    """Stands in the parsed value where something must not be."""

    def __init__(self, message: str) -> None:
        self.message = message


def parse(data: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a UTF-8 JSON text, or NotJson with the place."""
    text = _text(data)
    if _too_deep(data, max_depth):
        raise NotJson(f"Nested deeper than {max_depth} levels.")
    found: list[_Flaw] = []

    def flaw(message: str) -> _Flaw:
        found.append(_Flaw(message))
        return found[-1]

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any] | _Flaw:
        value = dict(items)
        if len(value) == len(items):
            return value
        times = Counter(name for name, _ in items)
        twice = next(name for name, count in times.items() if count > 1)
        return flaw(f"The key {_short(twice)} occurs twice.")

    def constant(word: str) -> _Flaw:
        return flaw(f"{word} is not JSON; send null or leave it out.")

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=constant)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise NotJson(f"{error.msg}.", place=place) from None
    except ValueError:  # Python refuses to read integers of thousands of digits
        raise NotJson("An integer has more digits than 64 bits hold.") from None
    if found or SUSPECT.search(data):
        for place, message in _flaws(value, "$"):
            raise NotJson(message, place=place)
    return value


def _text(data: bytes) -> str:
    if not data.strip():
        raise NotJson("The body is empty; send JSON.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson("Not UTF-8.", place=f"byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise NotJson("A byte order mark is not JSON.", place="byte 0")
    return text


def _too_deep(data: bytes, limit: int) -> bool:
    """Whether brackets nest deeper than `limit`, found without recursion.

    Strings are cut out; then each pass removes the innermost pairs.
    """
    if data.count(b"[") + data.count(b"{") <= limit:
        return False
    brackets = STRING.sub(b"", data).translate(ALL_SQUARE, NOT_BRACKETS)
    rest = brackets
    for _ in range(limit):
        rest = rest.replace(b"[]", b"")
        if not rest:
            return False
    depth = 0
    for bracket in brackets:  # deep, or unbalanced: then the parser says where
        depth += 1 if bracket == ord("[") else -1
        if depth > limit or depth < 0:
            return depth > limit
    return False


def _flaws(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Everything the grammar allows and we do not, with its place."""
    if isinstance(value, dict):
        for name, item in value.items():
            inner = f"{place}.{_short(name, quote=False)}"
            if BAD_TEXT.search(name):
                yield inner, "A key holds a NUL or half of a surrogate pair."
            yield from _flaws(item, inner)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flaws(item, f"{place}[{index}]")
    elif message := _flaw_of(value):
        yield place, message


def _flaw_of(value: Any) -> str:
    if isinstance(value, _Flaw):
        return value.message
    if isinstance(value, str) and BAD_TEXT.search(value):
        return "Text may not hold NUL or half of a surrogate pair."
    if isinstance(value, float) and math.isinf(value):
        return "The number is too large for a 64-bit float."
    if isinstance(value, int) and value not in INT64:
        return "The integer does not fit into 64 bits."
    return ""


def _short(name: str, *, quote: bool = True) -> str:
    shown = name[:40].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    return json.dumps(shown, ensure_ascii=False) if quote else shown


def read(stream: IO[bytes], *, limit: int = MAX_BODY) -> bytes:
    """All of a request's body, or 413 before more than `limit` is in memory."""
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise TooLarge(f"The body is larger than {limit // 2**20} MB.")
    return data


class StrictJSONParser(BaseParser):
    """DRF's parser for `application/json`."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Any = None,
    ) -> Any:
        view = (parser_context or {}).get("view")
        return parse(read(stream, limit=getattr(view, "body_limit", MAX_BODY)))


class AnyTypeJSONParser(StrictJSONParser):
    """JSON whatever the Content-Type says, as clients of the V2 protocol send it."""

    media_type = "*/*"
