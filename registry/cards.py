"""Registry: what somebody who labels sees of an item, and in what order. Pure.

A project's `card` is a list of columns, the first of which is the item itself; [] shows
every input in the schema's order and then whatever else came along. The target is never
among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry import images
from registry.errors import FieldError
from registry.schema import Field

MOST_COLUMNS = 50


@dataclass(frozen=True)
class Shown:
    """One value of a card. `kind` is the schema's; a column beside it is text, unless
    its value is an image."""

    name: str
    kind: str
    value: Any


def visible(
    payload: Mapping[str, Any], *, card: Sequence[str], target: str
) -> dict[str, Any]:
    """The part of a payload that a labeller may see, in the card's order.

    >>> visible({"age": 3, "effect": "none", "remarks": ""}, card=[], target="effect")
    {'age': 3, 'remarks': ''}
    >>> visible({"age": 3, "remarks": ""}, card=["remarks", "sky"], target="effect")
    {'remarks': ''}
    """
    names = card or payload
    return {name: payload[name] for name in names if name in payload and name != target}


def shown(
    payload: Mapping[str, Any],
    *,
    fields: Iterable[Field],
    card: Sequence[str],
    target: str,
) -> list[Shown]:
    """The values a labeller sees, each with the kind that tells how to draw it."""
    kinds = {field["name"]: field["kind"] for field in fields}
    order = card or [*kinds, *(name for name in payload if name not in kinds)]
    seen = visible(payload, card=order, target=target)
    return [
        Shown(name, kinds.get(name) or _kind_of(value), value)
        for name, value in seen.items()
    ]


def problems(card: object, *, target: str) -> list[FieldError]:
    """What is wrong with a card's layout."""
    if not isinstance(card, list) or not all(isinstance(n, str) and n for n in card):
        return [FieldError("card", "Write the names of columns.")]
    if len(card) > MOST_COLUMNS:
        return [FieldError("card", f"Write at most {MOST_COLUMNS} columns.")]
    if target in card:
        return [
            FieldError("card", f"{target} is the target: it would tell the answer.")
        ]
    if len(set(card)) < len(card):
        return [FieldError("card", "A column is there twice.")]
    return []


def _kind_of(value: object) -> str:
    return "image" if isinstance(value, str) and images.format_of(value) else "text"
