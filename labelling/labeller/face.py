"""Component 2, Data Labeller: how an item looks to who labels it: the item itself, what
folds out beside it, and the answers with their keys."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from registry import cards, images
from registry.models import Project
from registry.written import MINUS

KEYS = "1234567890"
SHORT = 2  # characters; buttons that say no more stand closer
LONG = 280  # characters; above it the type is smaller
TINY = 128  # pixels; below it an image is shown with hard edges
ITSELF = ("text", "image")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One value, ready to be shown."""

    name: str
    kind: str  # text, image or fact
    text: str = ""
    source: str = ""  # of an image
    tiny: bool = False

    @property
    def long(self) -> bool:
        return len(self.text) > LONG


@dataclass(frozen=True, kw_only=True)
class Face:
    itself: list[Piece]
    beside: list[Piece]

    @property
    def facts(self) -> bool:
        """Whether the item is a row of a table."""
        return all(piece.kind == "fact" for piece in self.itself)


def face_of(project: Project, payload: Mapping[str, Any]) -> Face:
    """Texts and images are the item itself, or what the project's card names first;
    the rest folds out. A row without either is shown whole."""
    seen = cards.shown(
        payload, fields=project.fields, card=project.card, target=project.target
    )
    units = {field["name"]: field.get("unit", "") for field in project.fields}
    pieces = [_piece(one, units.get(one.name, "")) for one in seen]
    chosen = [one for one in pieces if one.kind in ITSELF]
    if not chosen:
        return Face(itself=pieces, beside=[])
    if project.card and pieces[0].kind in ITSELF:
        chosen = pieces[:1]
    return Face(itself=chosen, beside=[one for one in pieces if one not in chosen])


def _piece(one: cards.Shown, unit: str) -> Piece:
    name = one.name.replace("_", " ")
    if one.kind == "image" and isinstance(one.value, str):
        with suppress(ValueError):  # what is no image is shown as words
            kind, *sides = images.size(one.value)
            return Piece(
                name=name,
                kind="image",
                source=f"data:image/{kind.lower()};base64,{one.value}",
                tiny=max(sides) <= TINY,
            )
    text = say(one.value)
    if one.kind == "text":
        return Piece(name=name, kind="text", text=text)
    return Piece(
        name=name, kind="fact", text=f"{text} {unit}" if text and unit else text
    )


def say(value: Any) -> str:
    """A value as people write it: nothing invented, nothing cut.

    >>> say(1990), say(-7.0), say(True), say(None), say(["a", "b"])
    ('1990', '\u22127', 'yes', '', 'a, b')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int | float):
        return str(value).replace("-", MINUS)
    if isinstance(value, list):
        return ", ".join(map(say, value))
    return str(value)


def choices(project: Project) -> list[dict[str, str]]:
    """The classes with their keys."""
    if not project.is_classification:
        return []
    keys = keys_of(project.classes)
    short = "yes" if max(map(len, project.classes), default=0) <= SHORT else ""
    return [
        {"value": name, "key": key, "shown": key.replace("shift+", "⇧"), "short": short}
        for name, key in zip(project.classes, keys, strict=True)
    ]


def keys_of(classes: Sequence[str]) -> list[str]:
    """1…9, 0, and with Shift ten more; classes that are digits are their own keys.

    >>> keys_of(["ham", "spam"]), keys_of(["0", "1", "2"])
    (['1', '2'], ['0', '1', '2'])
    """
    if all(len(name) == 1 and name in KEYS for name in classes):
        return list(classes)
    return [
        ("shift+" if place >= len(KEYS) else "") + KEYS[place % 10]
        if place < 2 * len(KEYS)
        else ""
        for place in range(len(classes))
    ]
