"""Registry: the classes of a target, known by their own spelling however a table, a
program or a person spells them. Pure.

pandas writes True and 1.0 where a database has true and 1: `class_key` is alike for both.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

WHOLE = re.compile(r"([+-]?)(0|[1-9]\d{0,15})(?:\.0*)?")  # 01 is a code, no number
NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?", re.ASCII)
EQUAL = {"true": "1", "false": "0", "1": "true", "0": "false"}


def class_name(value: object) -> str:
    """A class as the string it is known by; the equal number or boolean is it too.

    >>> class_name(1.0), class_name(True), class_name("Yes ")
    ('1', 'true', 'Yes')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def class_key(value: object) -> str:
    """What all spellings of one class have in common: booleans in any case, and whole
    numbers with or without their point.

    >>> class_key("True"), class_key("1.0"), class_key(1), class_key("01")
    ('true', '1', '1', '01')
    """
    name = class_name(value)
    if name.lower() in {"true", "false"}:
        return name.lower()
    if found := WHOLE.fullmatch(name):
        sign = "-" if found[1] == "-" and found[2] != "0" else ""
        return f"{sign}{found[2]}"
    return name


def find_class(classes: Sequence[str], value: object) -> str | None:
    """The class that `value` names, in its own spelling, or None.

    >>> find_class(["0.0", "1.0"], True), find_class(["False", "True"], "true")
    ('1.0', 'True')
    """
    if (name := class_name(value)) in classes:
        return name
    known, key = _by_key(tuple(classes)), class_key(value)
    return known.get(key) or known.get(EQUAL.get(key, ""))


def equals(classes: Sequence[str]) -> list[bool | int | float]:
    """The booleans and numbers that name a class.

    >>> equals(["No", "Yes"]), equals(["0", "1"]), equals(["2.5", "3"])
    ([], [False, True, 0, 1], [2.5, 3])
    """
    numbers = {float(name) for name in classes if NUMBER.fullmatch(name)} | {0.0, 1.0}
    named = [int(n) if n.is_integer() else n for n in sorted(numbers)]
    return [n for n in [False, True, *named] if find_class(classes, n) is not None]


def by_class(classes: Sequence[str], given: Mapping[Any, Any]) -> dict[str, Any] | None:
    """What was said of each class, by its own spelling; None where a name is of no class,
    or two are of the same."""
    found = {find_class(classes, name): value for name, value in given.items()}
    if None in found or len(found) != len(given):
        return None
    return {str(name): value for name, value in found.items()}


def spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """Of each class its key and its name: the spelling that occurs most often.

    >>> spellings({"True": 5, "TRUE": 2, "no": 1})
    {'true': 'True', 'no': 'no'}
    """
    found: dict[str, str] = {}
    for name in sorted(counts, key=lambda name: (-counts[name], name)):
        found.setdefault(class_key(name), name)
    return found


@lru_cache(maxsize=256)
def _by_key(classes: tuple[str, ...]) -> dict[str, str]:
    """The first of those whose keys are alike: exact names are found before."""
    return {class_key(name): name for name in reversed(classes)}
