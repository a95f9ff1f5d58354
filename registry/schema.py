"""Registry: the schema of an input, checked alike wherever a row comes in. Pure.

A field is `{"name", "kind", "required"?, "categories"?, "minimum"?, "maximum"?}`.
A missing field and `null` are the same. Categories tell what was seen, minimum and
maximum tell what is allowed.
"""

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from registry import images
from registry.errors import FieldError

KINDS = (
    "numeric", "integer", "boolean", "categorical", "text", "image", "datetime"
)  # fmt: skip
NUMBERS = frozenset({"numeric", "integer"})
STRINGS = frozenset({"categorical", "text", "image"})
LARGEST_INTEGER = 2**53 - 1  # what a double, and JSON elsewhere, holds exactly
LARGEST_NUMBER = 1e300  # its square is no number any more, but sums still are
LONGEST_NAME = 120  # characters of a field's
MOST_HINTS = 10  # a row: to look for the nearest name takes longer than all else
LONGEST_CATEGORY = 1_000
LONGEST_TEXT = 100_000
LONGEST_IMAGE = 8_000_000  # base64 characters, 6 MB
RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)\Z",
    re.ASCII,
)

Row = dict[str, Any]
Field = Mapping[str, Any]


def check_row(
    fields: Sequence[Field], row: object, strict: bool = False
) -> tuple[Row, list[dict[str, str]], list[FieldError]]:
    """The row with every field and proper types, then warnings, then errors.

    Where the project has one field, the bare value may stand for the object.

    >>> fields = [{"name": "tenure", "kind": "integer"}]
    >>> check_row(fields, {"tenure": 3.0, "colour": "red"})[:2]
    ({'tenure': 3}, [{'field': 'colour', 'message': 'Unknown field, ignored.'}])
    >>> check_row(fields, 7)[0]
    {'tenure': 7}
    >>> check_row(fields, {"tenure": "3"})[2]
    [FieldError(field='input.tenure', message="'3': write a whole number.")]
    """
    if not isinstance(row, Mapping):
        if len(fields) != 1:
            return {}, [], [FieldError("input", "Write an object of fields.")]
        row = {fields[0]["name"]: row}
    clean: Row = {}
    warnings: list[dict[str, str]] = []
    errors: list[FieldError] = []
    for field in fields:
        name = field["name"]
        try:
            clean[name] = check_value(field, row.get(name))
        except ValueError as error:
            errors.append(FieldError(f"input.{name}", str(error)))
            continue
        if unseen_category(field, clean[name]):
            message = f"{_short(clean[name])} was never seen in training."
            warnings.append({"field": name, "message": message})
    known = dict.fromkeys(field["name"] for field in fields)
    for place, name in enumerate(name for name in row if name not in known):
        hint = _hint(str(name), tuple(known)) if place < MOST_HINTS else ""
        if strict:
            errors.append(FieldError(f"input.{name}", f"Unknown field.{hint}"))
        else:
            warnings.append(
                {"field": str(name), "message": f"Unknown field, ignored.{hint}"}
            )
    return clean, warnings, errors


def check_value(field: Field, value: object) -> Any:
    """One value as its field's kind wants it; ValueError says what to write.

    >>> check_value({"name": "x", "kind": "datetime"}, "2026-01-31T12:00:00+01:00")
    datetime.datetime(2026, 1, 31, 11, 0, tzinfo=datetime.timezone.utc)
    """
    if value is None:
        if field.get("required"):
            raise ValueError("This field is required.")
        return None
    checked = _CHECKS[field["kind"]](value)
    low, high = field.get("minimum"), field.get("maximum")
    if field["kind"] in NUMBERS and (
        (low is not None and checked < low) or (high is not None and checked > high)
    ):
        raise ValueError(f"{_short(value)}: write a number {_range(low, high)}.")
    return checked


def unseen_category(field: Field, value: object) -> bool:
    """Whether a category was never seen: allowed, and counted."""
    return (
        field["kind"] == "categorical"
        and value is not None
        and bool(field.get("categories"))
        and value not in field["categories"]
    )


def as_json(row: Mapping[str, Any]) -> Row:
    """A checked row as JSON holds it: moments become RFC 3339 in UTC."""
    return {name: json_value(value) for name, value in row.items()}


def json_value(value: object) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value


def json_schema(fields: Sequence[Field], *, strict: bool = False) -> dict[str, Any]:
    """The JSON Schema (2020-12) of an input; what it says is what `check_row` does."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {field["name"]: property_schema(field) for field in fields},
        "additionalProperties": not strict,
    }
    required = [field["name"] for field in fields if field.get("required")]
    return schema | ({"required": required} if required else {})


def property_schema(field: Field) -> dict[str, Any]:
    """The JSON Schema of one field."""
    kind = field["kind"]
    schema: dict[str, Any] = dict(_PROPERTIES[kind])
    if not field.get("required"):
        schema["type"] = [schema["type"], "null"]
    if kind in NUMBERS:
        for bound in ("minimum", "maximum"):
            if field.get(bound) is not None:
                schema[bound] = field[bound]
    if kind == "categorical" and field.get("categories"):
        schema["examples"] = list(field["categories"])[:20]
    if field.get("unit"):
        schema["description"] = f"in {field['unit']}"
    return schema


def check_fields(fields: Sequence[Field]) -> list[FieldError]:
    """What is wrong with a schema itself."""
    errors, names = [], set()
    for index, field in enumerate(fields):
        name = field.get("name")
        place = f"fields[{index}]"
        if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
            errors.append(
                FieldError(f"{place}.name", f"Write 1 to {LONGEST_NAME} characters.")
            )
        elif name in names:
            errors.append(FieldError(f"{place}.name", f"{name} is there twice."))
        else:
            names.add(name)
        if field.get("kind") not in KINDS:
            allowed = ", ".join(KINDS)
            errors.append(FieldError(f"{place}.kind", f"Write one of {allowed}."))
        low, high = field.get("minimum"), field.get("maximum")
        if low is not None and high is not None and low > high:
            errors.append(FieldError(f"{place}.minimum", "It is above the maximum."))
    return errors


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{_short(value)}: write a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not abs(number) <= LARGEST_NUMBER:
        raise ValueError(f"Write a number from -{LARGEST_NUMBER} to {LARGEST_NUMBER}.")
    return number


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{_short(value)}: write a whole number.")
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(f"{value}: write a whole number.")
    if abs(value) > LARGEST_INTEGER:
        raise ValueError(f"Write a whole number up to {LARGEST_INTEGER}.")
    return int(value)


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{_short(value)}: write true or false.")
    return value


def _string(longest: int) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError(f"{_short(value)}: write a string.")
        if len(value) > longest:
            raise ValueError(f"{len(value)} characters: write at most {longest}.")
        return value

    return check


def _image(value: object) -> str:
    text = _string(LONGEST_IMAGE)(value)
    images.small(text)  # unpacked once; what cannot be is refused here
    return text


def _moment(value: object) -> datetime:
    cure = "write a time with an offset, as 2026-01-31T12:00:00Z."
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value}: {cure}")
        return value.astimezone(UTC)
    if not isinstance(value, str) or not RFC_3339.match(value):
        raise ValueError(f"{_short(value)}: {cure}")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{_short(value)}: {cure}") from error


_CHECKS: dict[str, Callable[[object], Any]] = {
    "numeric": _number,
    "integer": _integer,
    "boolean": _boolean,
    "categorical": _string(LONGEST_CATEGORY),
    "text": _string(LONGEST_TEXT),
    "image": _image,
    "datetime": _moment,
}
_PROPERTIES: dict[str, dict[str, Any]] = {
    "numeric": {
        "type": "number",
        "minimum": -LARGEST_NUMBER,
        "maximum": LARGEST_NUMBER,
    },
    "integer": {
        "type": "integer",
        "minimum": -LARGEST_INTEGER,
        "maximum": LARGEST_INTEGER,
    },
    "boolean": {"type": "boolean"},
    "categorical": {"type": "string", "maxLength": LONGEST_CATEGORY},
    "text": {"type": "string", "maxLength": LONGEST_TEXT},
    "image": {
        "type": "string",
        "contentEncoding": "base64",
        "pattern": f"^(?:{'|'.join(images.STARTS)})",
        "maxLength": LONGEST_IMAGE,
    },
    "datetime": {"type": "string", "format": "date-time"},
}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"from {low} to {high}"
    return f"of at least {low}" if low is not None else f"of at most {high}"


@lru_cache(maxsize=1_000)  # rows of one batch have the same fields too many
def _hint(name: str, known: tuple[str, ...]) -> str:
    if len(name) > 2 * LONGEST_NAME:
        return ""  # like none of them, and not worth keeping
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f" Did you mean {close[0]}?" if close else ""
