"""One check of an input, wherever it comes in, and it says what is wrong and how to
mend it. What the JSON Schema says is what the check does."""

import difflib
import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.classes import find_class
from registry.schema import (
    KINDS,
    as_json,
    check_fields,
    check_row,
    json_schema,
)

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA"
    "AABJRU5ErkJggg=="
)
ONE_OF_EACH: dict[str, Any] = {
    "numeric": 1.5,
    "integer": 3,
    "boolean": True,
    "categorical": "red",
    "text": "a long story",
    "image": PIXEL,
    "datetime": "2026-01-31T12:00:00Z",
}
ALL = [{"name": kind, "kind": kind} for kind in KINDS]


def test_a_row_of_every_kind_is_cleaned() -> None:
    clean, warnings, errors = check_row(ALL, ONE_OF_EACH)
    assert not warnings
    assert not errors
    moment = datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert clean == {**ONE_OF_EACH, "datetime": moment}
    assert json.loads(json.dumps(as_json(clean))) == ONE_OF_EACH


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("numeric", "12", "'12': write a number."),
        ("numeric", True, "True: write a number."),
        ("numeric", math.inf, "Write a number from -1e+300 to 1e+300."),
        ("numeric", 10**400, "Write a number from -1e+300 to 1e+300."),
        ("integer", 1.5, "1.5: write a whole number."),
        ("integer", 2**60, "Write a whole number up to 9007199254740991."),
        ("boolean", 1, "1: write true or false."),
        ("boolean", "true", "'true': write true or false."),
        ("categorical", 1, "1: write a string."),
        ("text", "x" * 100_001, "100001 characters: write at most 100000."),
        ("image", "hello", "Write a PNG, JPEG or WebP image in base64."),
        ("image", "/9j/*", "Write a PNG, JPEG or WebP image in base64."),
        ("datetime", "2026-01-31T12:00:00", "write a time with an offset"),
        ("datetime", "2026-02-30T12:00:00Z", "write a time with an offset"),
        ("datetime", "0001-01-01T00:00:00+14:00", "write a time with an offset"),
        ("datetime", "20260131", "write a time with an offset"),
        ("datetime", 1769860800, "write a time with an offset"),
    ],
)
def test_a_wrong_value_names_its_field_and_the_cure(
    kind: str, value: object, message: str
) -> None:
    _, _, errors = check_row([{"name": "x", "kind": kind}], {"x": value})
    [error] = errors
    assert error.field == "input.x"
    assert message in error.message


def test_missing_and_null_are_the_same() -> None:
    fields = [{"name": "a", "kind": "numeric"}, {"name": "b", "kind": "text"}]
    assert check_row(fields, {})[0] == {"a": None, "b": None}
    assert check_row(fields, {"a": None})[0] == {"a": None, "b": None}


def test_a_required_field_may_not_be_missing_or_null() -> None:
    fields = [{"name": "a", "kind": "numeric", "required": True}]
    for row in ({}, {"a": None}):
        _, _, errors = check_row(fields, row)
        assert errors[0].message == "This field is required."


def test_an_unknown_field_is_reported_and_refused_where_strict() -> None:
    fields = [{"name": "tenure", "kind": "integer"}]
    clean, warnings, errors = check_row(fields, {"tenur": 3})
    assert clean == {"tenure": None}
    told = {
        "field": "tenur",
        "message": "Unknown field, ignored. Did you mean tenure?",
    }
    assert warnings == [told]
    assert not errors
    _, _, errors = check_row(fields, {"tenur": 3}, strict=True)
    assert errors[0].field == "input.tenur"


def test_rows_full_of_unknown_fields_cost_one_look_for_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[str] = []
    nearest = difflib.get_close_matches

    def look(name: str, *given: Any, **how: Any) -> list[str]:
        looked.append(name)
        return nearest(name, *given, **how)

    monkeypatch.setattr(difflib, "get_close_matches", look)
    fields = [{"name": "tenure", "kind": "integer"}]
    wide = {f"tenure {i}": 1 for i in range(1_000)}
    for _ in range(20):
        _, warnings, _ = check_row(fields, wide)
    assert len(warnings) == 1_000
    assert warnings[0]["message"].endswith("Did you mean tenure?")
    assert len(looked) == len(set(looked)) < 20


def test_a_category_never_seen_is_allowed_and_told() -> None:
    fields = [{"name": "c", "kind": "categorical", "categories": ["red", "blue"]}]
    clean, warnings, errors = check_row(fields, {"c": "green"})
    assert clean == {"c": "green"}
    assert warnings == [
        {"field": "c", "message": "'green' was never seen in training."}
    ]
    assert not errors


def test_bounds_are_what_the_schema_allows() -> None:
    fields = [{"name": "n", "kind": "numeric", "minimum": 0, "maximum": 10}]
    assert not check_row(fields, {"n": 10})[2]
    _, _, errors = check_row(fields, {"n": 10.5})
    assert errors[0].message == "10.5: write a number from 0 to 10."


def test_the_bare_value_stands_for_the_one_field() -> None:
    fields = [{"name": "remarks", "kind": "text"}]
    assert check_row(fields, "hit a gull")[0] == {"remarks": "hit a gull"}
    _, _, errors = check_row(ALL, "hit a gull")
    assert errors[0].field == "input"


def test_a_class_is_also_the_equal_number_or_boolean() -> None:
    assert find_class(["0", "1"], 1.0) == "1"
    assert find_class(["0", "1"], True) == "1"
    assert find_class(["false", "true"], 0) == "false"
    assert find_class(["No", "Yes"], "Yes ") == "Yes"
    for spelt in (True, 1, "true", "TRUE", "1", 1.0):
        assert find_class(["False", "True"], spelt) == "True"
        assert find_class(["0.0", "1.0"], spelt) == "1.0"
    assert find_class(["1", "1.0"], "1.0") == "1.0"  # its own spelling first
    assert find_class(["1", "01"], "1.0") == "1"
    assert find_class(["No", "Yes"], True) is None
    assert find_class(["No", "Yes"], 1) is None


def test_a_schema_is_checked_itself() -> None:
    wrong = [
        {"name": "", "kind": "numeric"},
        {"name": "a", "kind": "colour"},
        {"name": "b", "kind": "numeric", "minimum": 2, "maximum": 1},
        {"name": "b", "kind": "text"},
    ]
    fields = [error.field for error in check_fields(wrong)]
    assert fields == [
        "fields[0].name",
        "fields[1].kind",
        "fields[2].minimum",
        "fields[3].name",
    ]
    assert not check_fields(ALL)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(value=JSON, kind=st.sampled_from(KINDS), required=st.booleans())
def test_the_check_never_raises_and_agrees_with_the_json_schema(
    value: object, kind: str, required: bool
) -> None:
    import jsonschema

    fields = [{"name": "x", "kind": kind, "required": required}]
    clean, _, errors = check_row(fields, {"x": value})
    checker = jsonschema.Draft202012Validator(json_schema(fields))
    if not errors:
        assert checker.is_valid({"x": value})
        again = json.loads(json.dumps(as_json(clean)))
        assert not check_row(fields, again)[2]
    elif kind not in {"datetime", "image"}:  # their formats say more than a schema
        assert not checker.is_valid({"x": value})
