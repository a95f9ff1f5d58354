"""Serializers that take exactly what the schema says: no unknown field, no text where
a number belongs, no moment without an offset."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from registry import moments
from registry.errors import NotFound
from registry.schema import RFC_3339

LAST_VERSION = 2**31 - 1  # that a database counts to
ARTICLES = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
}


class StrictSerializer(serializers.Serializer):
    """For everything that comes in: an unknown field is 400 with its name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            self._check(data)
        return super().to_internal_value(data)

    def _check(self, data: Mapping[str, Any]) -> None:
        known = [name for name, field in self.fields.items() if not field.read_only]
        errors: dict[str, list[str]] = {
            name: [f"Unknown field; known are {', '.join(known)}."]
            for name in data
            if name not in known
        }
        for name in known:
            value = data.get(name, empty)
            if message := wrong_type(self.fields[name], value):
                errors[name] = [message]
        if errors:
            raise serializers.ValidationError(errors)


class StrictQuery(StrictSerializer):
    """Query parameters are text by nature; numbers and flags have one spelling."""

    def _check(self, data: Mapping[str, Any]) -> None:
        known = ", ".join(self.fields) or "none"
        errors = {
            name: [f"Unknown parameter; known are {known}."]
            for name in data
            if name not in self.fields
        }
        for name, field in self.fields.items():
            if message := _misspelt(field, data.get(name)):
                errors[name] = [message]
        if errors:
            raise serializers.ValidationError(errors)


SPELLINGS: tuple[tuple[type[serializers.Field], re.Pattern[str], str], ...] = (
    (serializers.BooleanField, re.compile(r"true|false"), "Write true or false."),
    (serializers.IntegerField, re.compile(r"-?[0-9]{1,19}"), "Write a whole number."),
    (
        serializers.FloatField,
        re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?"),
        "Write a number.",
    ),
)


def _misspelt(field: serializers.Field, text: str | None) -> str:
    for kind, pattern, message in SPELLINGS:
        if text is not None and isinstance(field, kind):
            return "" if pattern.fullmatch(text) else message
    return ""


class Moment(serializers.DateTimeField):
    """RFC 3339 with an offset; a time without one is refused, and so is one outside of
    the years that can be reckoned with."""

    default_error_messages = {
        "invalid": "Write a time as 2024-05-01T12:00:00Z.",
        "naive": "Write the offset, as in 2024-05-01T12:00:00Z.",
        "overflow": moments.BOUNDS,
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("input_formats", ["iso-8601"])
        super().__init__(**kwargs)

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str):
            return super().to_internal_value(value)
        found = super().to_internal_value(value.upper())  # RFC 3339: t and z too
        if not RFC_3339.match(value):  # ISO 8601 has many more spellings
            self.fail("invalid")
        return found

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("naive")
        try:
            return moments.within(value)
        except ValueError:
            self.fail("overflow")


@extend_schema_field(
    {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": LAST_VERSION},
            {"type": "string", "pattern": r"^[a-z][a-z0-9-]{0,49}/[1-9][0-9]{0,8}$"},
        ]
    }
)
class ModelNumber(serializers.Field):
    """A version by its number, or as answers name it: `churn/3`. 404: of no version."""

    default_error_messages = {
        "shape": "Write a version's number, as 3, or its name, as {name}/3."
    }

    def to_internal_value(self, data: Any) -> int:
        project = str(self.context["project"])
        slug, slash, digits = str(data).rpartition("/")
        number = int(digits) if re.fullmatch(r"[0-9]{1,10}", digits) else 0
        if not 1 <= number <= LAST_VERSION or (slash and not slug):
            self.fail("shape", name=project)
        if slash and slug != project:
            raise NotFound(f"There is no model {slug[:60]}/{number} here.")
        return number

    def to_representation(self, value: Any) -> Any:
        return value


def wrong_type(field: serializers.Field, value: Any, place: str = "") -> str:
    """What is wrong with the JSON type of a value, "" if nothing; looks into lists."""
    if value is empty or value is None:
        return ""
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return _first_wrong(field.child, enumerate(value))
    if isinstance(field, serializers.DictField) and isinstance(value, Mapping):
        return _first_wrong(field.child, value.items())
    for kinds, expected in EXPECTED:
        if isinstance(field, kinds):
            return "" if _is(value, expected) else _say(expected, value)
    return ""


def _first_wrong(child: serializers.Field, items: Any) -> str:
    for place, item in items:
        if item is None and not child.allow_null:
            return f"[{place}] is null."
        if message := wrong_type(child, item):
            return f"[{place}]: {message}"
    return ""


def _is(value: Any, expected: type) -> bool:
    if expected is bool or isinstance(value, bool):
        return isinstance(value, bool) and expected is bool
    if expected is int:
        return isinstance(value, int) or (
            isinstance(value, float) and value.is_integer()
        )
    return isinstance(value, (int, float) if expected is float else expected)


def _say(expected: type, value: Any) -> str:
    given = {bool: "true or false", int: "a number", float: "a number", str: "a text"}
    got = given.get(type(value), "a list" if isinstance(value, list) else "an object")
    return f"Expected {ARTICLES[expected]}, got {got}."


# In this order: the more special class first.
EXPECTED: tuple[tuple[Any, type], ...] = (
    (serializers.BooleanField, bool),
    (serializers.IntegerField, int),
    ((serializers.FloatField, serializers.DecimalField), float),
    (serializers.MultipleChoiceField, list),
    (
        (
            serializers.CharField,
            serializers.ChoiceField,
            serializers.DateTimeField,
            serializers.DateField,
            serializers.UUIDField,
            serializers.DurationField,
        ),
        str,
    ),
)
