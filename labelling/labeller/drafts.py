"""Component 2, Data Labeller: what was sent for a card becomes a draft, or is refused
with its cure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from labelling.collector.values import Value, check_value
from labelling.labeller import vectors
from registry import cards
from registry.models import Project
from registry.schema import check_row

MOST_ANSWERS, MOST_FIELDS, LONGEST_KEY = 20, 500, 200
LONGEST_PAYLOAD = 1_000_000  # characters
FIELDS = ("payload", "key", "overlap", "gold", "priority")


class BadExample(ValueError):
    """An item that cannot be an example, and the cure."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An example before it is stored."""

    index: int  # its place in what was sent
    key: str
    payload: dict[str, Any]
    content_hash: str
    overlap: int = 1
    gold: Value | None = None
    priority: int = 0
    reason: str = ""
    prediction_id: UUID | None = None
    vector: bytes | None = None  # None: computed when it is stored


def content_hash(payload: Mapping[str, Any], *, project: Project) -> str:
    """Of what the labeller sees: two cards of one hash look the same."""
    shown = cards.visible(payload, card=project.card, target=project.target)
    text = json.dumps(shown, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def read_draft(*, project: Project, item: Any, index: int) -> Draft:
    """`{"payload", "key"?, "overlap"?, "gold"?, "priority"?}` as a Draft."""
    if not isinstance(item, Mapping) or "payload" not in item:
        raise BadExample('Write an object with a payload: {"payload": {…}}.')
    for name in item:
        if name not in FIELDS:
            raise BadExample(f"{name}: unknown field; allowed: {', '.join(FIELDS)}.")
    payload = read_payload(project=project, payload=item["payload"])
    digest = content_hash(payload, project=project)
    key = item.get("key")
    if key is not None and (
        not isinstance(key, str) or not key.strip() or len(key) > LONGEST_KEY
    ):
        raise BadExample(f"key: write a text of at most {LONGEST_KEY} characters.")
    gold = item.get("gold")
    if gold is not None:
        try:
            gold = check_value(project=project, value=gold)
        except ValueError as error:
            raise BadExample(f"gold: {error}") from error
    return Draft(
        index=index,
        key=key or digest,
        payload=payload,
        content_hash=digest,
        overlap=_whole(item, "overlap", 1, low=1, high=MOST_ANSWERS),
        gold=gold,
        priority=_whole(item, "priority", 0, low=-1000, high=1000),
        vector=vector(project, payload),
    )


def read_payload(*, project: Project, payload: Any) -> dict[str, Any]:
    """An object of fields, or the bare value where the project has one field."""
    if not isinstance(payload, Mapping):
        if payload is None or isinstance(payload, list) or len(project.fields) != 1:
            raise BadExample("payload: write an object of fields.")
        payload = {project.fields[0]["name"]: payload}
    if not payload or len(payload) > MOST_FIELDS:
        raise BadExample(f"payload: write between 1 and {MOST_FIELDS} fields.")
    if len(json.dumps(payload)) > LONGEST_PAYLOAD:
        raise BadExample(f"payload: more than {LONGEST_PAYLOAD} characters.")
    if set(payload) == {project.target}:
        raise BadExample("payload: there is nothing in it but the target.")
    if not cards.visible(payload, card=project.card, target=project.target):
        few = ", ".join(project.card)
        raise BadExample(f"payload: labellers see {few}, and none of it is there.")
    _check_fields(project, payload)
    return dict(payload)


def _check_fields(project: Project, payload: Mapping[str, Any]) -> None:
    """What the models read has their kinds; what else labellers see is as it is."""
    fields = [field for field in project.fields if field["name"] != project.target]
    _, _, errors = check_row(fields, payload)
    if errors:
        name = errors[0].field.removeprefix("input.")
        raise BadExample(f"payload: {name}: {errors[0].message}")


def _whole(
    item: Mapping[str, Any], name: str, default: int, *, low: int, high: int
) -> int:
    value = item.get(name)
    if value is None:
        return default
    if isinstance(value, float) and value.is_integer():  # JSON knows one kind of number
        value = int(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, int)
        or not low <= value <= high
    ):
        raise BadExample(f"{name}: write a whole number from {low} to {high}.")
    return value


def vector(project: Project, payload: Mapping[str, Any]) -> bytes:
    fields = vectors.known_fields(project.fields, target=project.target)
    return vectors.pack(payload, fields)
