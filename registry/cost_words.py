"""Registry: costs as people write and read them: `6 × monthly_charges`, and a sentence
that says what they lead to. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from registry.decision import decide, fields_of
from registry.written import MINUS, significant, written

CELL = re.compile(rf"\s*([+{MINUS}-]?[\d.,\s]*\d)\s*(?:[×x*]\s*(\S.*?))?\s*\Z")
# A hair above each per cent: where two actions cost the same, the sum of probabilities
# that are not quite theirs would decide.
SHARES = [min(i / 100 + 1e-9, 1.0) for i in range(101)]
MOST_CLASSES = 8  # columns that a form shows


def read_number(text: str) -> float | int:
    """A number as typed; a comma may be its point.

    >>> read_number("1 200"), read_number("0,5")
    (1200, 0.5)
    """
    plain = re.sub(r"\s", "", text).replace(MINUS, "-")
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        number = float(plain)
    except ValueError:
        raise ValueError(f"{text.strip()[:40]!r}: write a number.") from None
    if not abs(number) <= 1e15:
        raise ValueError(f"{text.strip()[:40]!r}: write a number below 1e15.")
    return int(number) if number.is_integer() else number


def read_cell(text: str, *, numeric: Sequence[str]) -> Any:
    """A cell of a cost matrix as typed: money, or money × a numeric column.

    >>> read_cell("60", numeric=[])
    60
    >>> read_cell("6 x bill", numeric=["bill"])
    {'field': 'bill', 'times': 6}
    >>> read_cell("bill", numeric=["bill"])
    {'field': 'bill', 'times': 1}
    """
    if not text.strip():
        return 0
    if text.strip() in numeric:
        return {"field": text.strip(), "times": 1}
    found = CELL.match(text)
    if found is None:
        raise ValueError(
            f"{text.strip()[:40]!r}: write a number, or 6 × a numeric column."
        )
    number, field = read_number(found[1]), found[2]
    if field is None:
        return number
    if field not in numeric:
        few = ", ".join(numeric[:8]) or "none here"
        raise ValueError(f"{field[:40]} is no numeric column; these are: {few}.")
    return {"field": field, "times": number}


def write_cell(cell: Any) -> str:
    """The cell as somebody would type it.

    >>> write_cell({"field": "bill", "times": 6}), write_cell(60)
    ('6 × bill', '60')
    """
    if isinstance(cell, Mapping):
        return f"{cell['times']:g} × {cell['field']}"
    return "" if cell is None else f"{cell:.15g}"


def sentences(
    *,
    costs: Mapping[str, Any],
    classes: Sequence[str],
    positive: str,
    row: Mapping[str, Any],
    unit: str = "",
) -> list[str]:
    """What these costs lead to, in one or two sentences with numbers.

    >>> sentences(costs={"currency": "EUR", "matrix": {
    ...     "wait": {"no": 0, "yes": 200}, "call": {"no": 20, "yes": 20}}},
    ...     classes=["no", "yes"], positive="yes", row={})[0]
    'Where yes is at least 10 % likely: call. Below: wait.'
    >>> sentences(costs={"matrix": {"wait": {"no": 0, "yes": {"field": "bill", "times": 6}},
    ...     "call": {"no": 20, "yes": 20}}}, classes=["no", "yes"], positive="yes", row={})
    ['No example yet: the data has no usual bill.']
    """
    money = costs.get("currency") or "units of money"
    if (value := costs.get("error_value")) is not None:
        of = f" {unit}" if unit else ""
        return [
            f"A prediction that is 10{of} off costs {significant(10 * value, 15)} {money}; "
            "models are judged by that."
        ]
    if not costs.get("matrix"):
        return []
    known = {name: row.get(name) for name in fields_of(costs)}
    if unknown := [name for name, value in known.items() if value is None]:
        return [f"No example yet: the data has no usual {', '.join(unknown)}."]
    told = _of_two(costs, classes, positive, known) if positive else []
    shares = dict.fromkeys(classes, 1 / len(classes))
    if len(classes) == 2 and positive:
        shares = {name: 0.3 if name == positive else 0.7 for name in classes}
    found = decide(
        probabilities=shares,
        decision={"kind": "cost"},
        costs=costs,
        positive=positive,
        row=known,
    )
    likely = ", ".join(f"{name} {100 * share:.0f} %" for name, share in shares.items())
    if found and found.expected_cost is not None:
        told.append(
            f"Example: at {likely}{_given(known)} the cheapest is {found.action}, which "
            f"costs {written(f'{found.expected_cost:.2f}')} {money} on average."
        )
    return told


def _of_two(
    costs: Mapping[str, Any],
    classes: Sequence[str],
    positive: str,
    row: Mapping[str, Any],
) -> list[str]:
    """From which probability on which action is the cheapest."""
    actions = []
    for share in SHARES:
        found = decide(
            probabilities={c: share if c == positive else 1 - share for c in classes},
            decision={"kind": "cost"},
            costs=costs,
            positive=positive,
            row=row,
        )
        actions.append(found.action if found else "")
    turns = [i for i in range(1, len(actions)) if actions[i] != actions[i - 1]]
    if not turns:
        return [
            f"{actions[0]} is always the cheapest{_given(row)}: no model could change "
            "that. Check the numbers."
        ]
    if len(turns) == 1:
        low, high = actions[0], actions[-1]
        return [
            f"Where {positive} is at least {turns[0]} % likely{_given(row)}: {high}. "
            f"Below: {low}."
        ]
    spans = [f"{actions[0]} below {turns[0]} %"]
    spans += [f"{actions[turn]} from {turn} % on" for turn in turns]
    return [f"By how likely {positive} is{_given(row)}: {', '.join(spans)}."]


def _given(row: Mapping[str, Any]) -> str:
    told = [
        f"{name} is {significant(value)}"
        for name, value in row.items()
        if value is not None
    ]
    return f" (where {' and '.join(told)})" if told else ""
