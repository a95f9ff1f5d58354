"""Rollouts as plain forms: targets and plans as rows of fields, and back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from registry.errors import FieldError, InvalidInput
from registry.web import strict_json
from registry.web.pages import whole_number
from serving.variants import value_text

MOST_ROWS = 60
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
    found: list[dict[str, Any]] = []
    for row in rows_of(form, "target"):
        values = [value.strip() for value in row.get("values", "").splitlines()]
        values = [value for value in values if value]
        if not values:
            continue
        target: dict[str, Any] = {"to": row.get("to", "candidate")}
        if name := row.get("attribute", "").strip():
            target |= {"attribute": name, "in": values}
        else:
            target["users"] = values
        if share := row.get("percent", "").strip():
            target["percent"] = number(share, f"Target {len(found) + 1}, share")
        found.append(target)
    return found


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
    """Steps from the rows of a form; a row without a share is no step."""
    steps: list[dict[str, Any]] = []
    for row in rows_of(form, "step"):
        share = row.get("percent", "").strip()
        if not share:
            continue
        place = f"Step {len(steps) + 1}"
        steps.append(
            {
                "percent": number(share, f"{place}, share"),
                "hours": number(row.get("hours", ""), f"{place}, hours"),
                "min_n": _least(row.get("min_n", "").strip(), place),
            }
        )
    return steps


def _least(text: str, place: str) -> int:
    found = whole_number(text or "0")
    if found is None:
        raise _wrong(f"{place}, answers", "write a whole number.")
    return found


def plan_as_form(plan: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The same as fields, for what takes an edit back."""
    return {
        f"step-{place}-{name}": value_text(step.get(name, 0))
        for place, step in enumerate(plan)
        for name in ("percent", "hours", "min_n")
    }


def number(text: str, what: str) -> float:
    """A finite number, with a point or a comma."""
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        raise _wrong(what, "write a number.") from None
    if abs(found) > 1e9 or found != found:  # not a number, or none to work with
        raise _wrong(what, "write a number.")
    return found


def rows_of(form: Form, name: str) -> Iterator[dict[str, str]]:
    """The fields `name-0-…`, `name-1-…` as one dict each, in order."""
    rows: dict[int, dict[str, str]] = {}
    for key in form:
        parts = key.split("-")
        place = whole_number(parts[1]) if len(parts) == 3 else None
        if parts[0] == name and place is not None and place < MOST_ROWS:
            rows.setdefault(place, {})[parts[2]] = form[key]
    for place in sorted(rows):
        yield rows[place]


def _wrong(what: str, message: str) -> InvalidInput:
    return InvalidInput(f"{what}: {message}", errors=[FieldError(what, message)])
