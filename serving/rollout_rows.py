"""Targets and plans of a rollout as rows of plain fields, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from registry.errors import FieldError, InvalidInput
from registry.web import strict_json
from registry.web.pages import whole_number
from serving.variants import value_text

MOST_ROWS = 60
PLACE = re.compile(r"(targets|plan)\[(\d+)\](?:\.(\w+))?")  # as verbs name them
CELLS = {"targets": ("target", "values"), "plan": ("step", "percent")}
# A row with none of these says nothing: "gets" of a target is always chosen.
TELLING = {"targets": ("values",), "plan": ("percent", "hours", "min_n")}
Form = Mapping[str, str]  # what was posted, by name
DEFAULT_PLAN = (
    {"percent": 5, "hours": 24, "min_n": 200},
    {"percent": 25, "hours": 24, "min_n": 1000},
    {"percent": 50, "hours": 24, "min_n": 2000},
)


def targets_of(form: Form) -> list[dict[str, Any]]:
    """Targets from the rows of a form, one value a line; a row without values is no
    target. An undo carries them whole."""
    if whole := form.get("targets", ""):
        given = strict_json.parse(whole.encode())
        return given if isinstance(given, list) else [given]
    return [_target(place, row) for place, row in _written(form, "targets")]


def _target(place: int, row: Mapping[str, str]) -> dict[str, Any]:
    values = [value.strip() for value in row["values"].splitlines()]
    target: dict[str, Any] = {"to": row.get("to", "candidate")}
    if name := row.get("attribute", "").strip():
        target |= {"attribute": name, "in": [value for value in values if value]}
    else:
        target["users"] = [value for value in values if value]
    if share := row.get("percent", "").strip():
        target["percent"] = number(share, f"target-{place}-percent")
    return target


def targets_as_form(targets: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The same whole, in one field, for what takes an edit back."""
    return {"targets": json.dumps(list(targets))} if targets else {}


def target_rows(targets: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Each target as the words of its row."""
    return [_target_row(target) for target in targets]


def _target_row(target: Mapping[str, Any]) -> dict[str, str]:
    values = [value_text(value) for value in target.get("users") or target["in"]]
    return {
        "to": target["to"],
        "attribute": target.get("attribute", ""),
        "values": "\n".join(values),
        "told": ", ".join(values),
        "percent": f"{target['percent']:g}" if "percent" in target else "",
    }


def plan_of(form: Form) -> list[dict[str, Any]]:
    """Steps from the rows of a form; a row without anything is no step."""
    return [
        {
            "percent": _share(row.get("percent", "").strip(), f"step-{place}-percent"),
            "hours": number(row.get("hours", ""), f"step-{place}-hours"),
            "min_n": _least(row.get("min_n", "").strip(), f"step-{place}-min_n"),
        }
        for place, row in _written(form, "plan")
    ]


def _share(text: str, cell: str) -> float:
    if not text:
        raise _wrong(cell, "Write the share, or empty the whole row.")
    return number(text, cell)


def _least(text: str, cell: str) -> int:
    found = whole_number(text or "0")
    if found is None:
        raise _wrong(cell, "Write a whole number.")
    return found


def plan_as_form(plan: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The same as fields, for what takes an edit back."""
    return {
        f"step-{place}-{name}": value_text(step.get(name, 0))
        for place, step in enumerate(plan)
        for name in ("percent", "hours", "min_n")
    }


def number(text: str, cell: str) -> float:
    """A finite number, with a point or a comma."""
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        raise _wrong(cell, "Write a number.") from None
    if abs(found) > 1e9 or found != found:  # not a number, or none to work with
        raise _wrong(cell, "Write a number.")
    return found


def rows_of(form: Form, name: str) -> dict[int, dict[str, str]]:
    """The fields `name-0-…`, `name-1-…` as one dict each, by place."""
    rows: dict[int, dict[str, str]] = {}
    for key in form:
        parts = key.split("-")
        place = whole_number(parts[1]) if len(parts) == 3 else None
        if parts[0] == name and place is not None and place < MOST_ROWS:
            rows.setdefault(place, {})[parts[2]] = form[key]
    return dict(sorted(rows.items()))


def _written(form: Form, what: str) -> list[tuple[int, dict[str, str]]]:
    """The rows that say something; the others are dropped."""
    rows = rows_of(form, CELLS[what][0]).items()
    return [
        (place, row)
        for place, row in rows
        if any(row.get(cell, "").strip() for cell in TELLING[what])
    ]


def cell_of(field: str, form: Form) -> str:
    """The cell a verb speaks of, though rows without anything were dropped.

    >>> cell_of("plan[0].hours", {"step-0-percent": "", "step-1-percent": "5"})
    'step-1-hours'
    """
    found = PLACE.fullmatch(field)
    if found is None:
        return field
    what, index, part = found[1], int(found[2]), found[3]
    name, needed = CELLS[what]
    written = _written(form, what)
    if index >= len(written):
        return field
    part = needed if part in {None, "users", "in"} else part
    return f"{name}-{written[index][0]}-{part}"


def _wrong(cell: str, message: str) -> InvalidInput:
    return InvalidInput(message, errors=[FieldError(cell, message)])
