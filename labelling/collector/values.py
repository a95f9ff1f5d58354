"""Component 1, Ground-truth Collector: a value is one of the project's, or refused."""

import math
from collections.abc import Sequence
from typing import Any

from registry.classes import find_class
from registry.models import Project

Value = str | list[str] | float


def check_value(*, project: Project, value: Any) -> Value:
    """The value as it is stored; ValueError says what is allowed.

    Classes are strings, and the equal number or boolean is accepted too; several
    classes come in the project's order; a regression's number is a float.
    """
    if value is None:
        raise ValueError("value is missing.")
    if project.task == Project.Task.REGRESSION:
        return _number(value)
    if not project.classes:
        raise ValueError("This project has no classes yet: name them in its settings.")
    if project.task != Project.Task.MULTILABEL:
        return _one(project.classes, value)
    if not isinstance(value, list):
        raise ValueError("Write a list of classes, [] for none.")
    chosen = {_one(project.classes, item) for item in value}
    return [name for name in project.classes if name in chosen]


def _one(classes: Sequence[str], value: Any) -> str:
    if isinstance(value, str | int | float):  # a boolean is an integer
        found = find_class(classes, value)
        if found is not None:
            return found
    shown = ", ".join(map(repr, classes[:20])) + (", …" if len(classes) > 20 else "")
    raise ValueError(f"{_short(value)} is no class of this project: write {shown}.")


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{_short(value)} is no number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{_short(value)} is no finite number.")
    return number


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
