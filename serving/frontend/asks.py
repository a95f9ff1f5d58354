"""Component 9, Front-end: one request read strictly; every wrong field is named."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry import moments
from registry.errors import FieldError, InvalidInput
from registry.identifiers import sent_key
from registry.models import Project
from registry.schema import Field, check_value

KNOWN = (
    "input", "entity", "reference", "user", "attributes", "explain", "at", "test",
)  # fmt: skip
LONGEST = 200  # characters of a reference or a user
MOST_ATTRIBUTES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a client wants to know, in our types. `input` is not yet checked."""

    input: Any
    at: datetime
    entity: str = ""  # canonical
    entity_parts: Mapping[str, Any] = field(default_factory=dict)  # by column
    reference: str = ""
    user: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    explain: bool = False
    test: bool = False


def read(
    request: object, *, project: Project, fields: Sequence[Field], now: datetime
) -> Ask:
    """The request as an Ask; InvalidInput names everything that is wrong with it.
    `fields` are those that its input will be checked by."""
    if not isinstance(request, Mapping):
        raise InvalidInput('Send an object such as {"input": {…}}.')
    errors = [
        FieldError(str(name), f"Unknown field; known are {', '.join(KNOWN)}.")
        for name in request
        if name not in KNOWN
    ]
    readers = {
        "reference": _word,
        "user": _word,
        "attributes": _attributes,
        "explain": _flag,
        "test": _flag,
        "at": _moment,
    }
    found: dict[str, Any] = {"at": now}
    for name, reader in readers.items():
        value = request.get(name)
        if value is None:
            continue
        try:
            found[name] = reader(value)
        except ValueError as error:
            errors.append(FieldError(name, str(error)))
    try:
        found |= _subject(request, project, fields)
    except InvalidInput as error:
        errors += error.errors
    if errors:
        first = errors[0]
        raise InvalidInput(f"{first.field}: {first.message}", errors=errors)
    return Ask(**found)


def _subject(
    request: Mapping[str, Any], project: Project, fields: Sequence[Field]
) -> dict[str, Any]:
    """The input, and whom it is about: said, or to be read from the input."""
    given, entity = request.get("input"), request.get("entity")
    if given is None and entity is None:
        raise _wrong("input", "Give an input, or an entity to look it up.")
    columns = list(project.entity)
    if entity is None and columns and isinstance(given, Mapping):
        named = {name: given[name] for name in columns if given.get(name) is not None}
        if len(named) < len(columns):
            return {"input": given}
        read = {field["name"] for field in fields}
        given = {k: v for k, v in given.items() if k in read or k not in columns}
        entity = named
    if entity is None:
        return {"input": given}
    key = sent_key(columns, entity)
    parts = entity if isinstance(entity, Mapping) else dict.fromkeys(columns, entity)
    return {
        "input": {} if given is None else given,
        "entity": key,
        "entity_parts": parts,
    }


def _word(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
        raise ValueError(f"Write a string of 1 to {LONGEST} characters.")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("Write true or false.")
    return value


def _moment(value: object) -> datetime:
    moment: datetime = check_value({"name": "at", "kind": "datetime"}, value)
    return moments.within(moment)


def _attributes(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or len(value) > MOST_ATTRIBUTES:
        raise ValueError(f"Write an object of at most {MOST_ATTRIBUTES} attributes.")
    for name, part in value.items():
        fits = isinstance(part, str | int | float) or part is None
        if not fits or len(str(name)) > LONGEST or len(str(part)) > LONGEST:
            raise ValueError(
                f"{str(name)[:40]}: write a string, number or boolean of at most "
                f"{LONGEST} characters."
            )
    return value


def _wrong(name: str, message: str) -> InvalidInput:
    return InvalidInput(f"{name}: {message}", errors=[FieldError(name, message)])
