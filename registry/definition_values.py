"""What a declared value may be; each check answers a cure, "" where all is well. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from registry import catalogue, moments
from registry.schema import KINDS

Check = Callable[[object], str]
TASKS = ("binary", "multiclass", "regression")
SILENCES = ("negative", "unknown")
SLUG = re.compile(r"[a-z][a-z0-9-]{0,49}\Z")


def wrong(checks: Mapping[str, Check], given: Mapping[str, Any]) -> list[str]:
    """What is wrong with some named values: "margin '2 %': write a number …".

    >>> wrong({"margin": at_least(0)}, {"margin": "2 %", "slice": []})
    ["margin '2 %': write a number of at least 0", 'slice: write some of margin']
    """
    found = []
    for name, value in given.items():
        if name not in checks:
            found.append(f"{name}: write some of {', '.join(sorted(checks))}")
        elif cure := checks[name](value):
            found.append(f"{name} {value!r:.60}: {cure}")
    return found


def is_number(value: object) -> bool:
    whole = isinstance(value, int | float) and not isinstance(value, bool)
    return whole and math.isfinite(value)  # type: ignore[arg-type]


def number(value: object) -> str:
    return "" if is_number(value) else "write a number"


def at_least(low: float) -> Check:
    def check(value: object) -> str:
        fits = is_number(value) and value >= low  # type: ignore[operator]
        return "" if fits else f"write a number of at least {low:g}"

    return check


def probability(value: object) -> str:
    fits = is_number(value) and 0 <= value <= 1  # type: ignore[operator]
    return "" if fits else "write a number from 0 to 1"


def flag(value: object) -> str:
    return "" if isinstance(value, bool) else "write True or False"


def text(value: object) -> str:
    return "" if isinstance(value, str) else "write a text"


def name(value: object) -> str:
    return "" if isinstance(value, str) and value.strip() else "write a column's name"


def names(value: object) -> str:
    fits = isinstance(value, list) and not any(name(one) for one in value)
    return "" if fits else 'write a list of names, as ["kitchen"]'


def one_of(*allowed: str) -> Check:
    def check(value: object) -> str:
        return "" if value in allowed else f"write one of {', '.join(allowed)}"

    return check


def optional(check: Check) -> Check:
    return lambda value: "" if value is None else check(value)


def zone(value: object) -> str:
    try:
        moments.zone(str(value))
    except ValueError:
        return "write a time zone of IANA's, as Europe/Zurich"
    return ""


def span(value: object) -> str:
    fits = isinstance(value, timedelta) and value > timedelta(0)
    return "" if fits else "write a span of time, as hours(30) or days(2)"


def slug(value: object) -> str:
    fits = isinstance(value, str) and SLUG.match(value)
    return "" if fits else "write up to 50 of a-z, 0-9 and -, a letter first"


def _two_names(value: object) -> str:
    fits = isinstance(value, list) and len(value) == 2 and not names(value)
    return "" if fits else "write two names: below the threshold, and from it on"


def _band(value: Any) -> str:
    fits = isinstance(value, list) and len(value) == 2
    fits = fits and not any(map(probability, value)) and value[0] <= value[1]
    return "" if fits else "write two probabilities, the lower first"


def as_json(value: Any) -> Any:
    """A declared value as a JSON column gives it back: lists, not tuples."""
    if isinstance(value, Mapping):
        return {name: as_json(item) for name, item in value.items()}
    return [as_json(one) for one in value] if isinstance(value, list | tuple) else value


def metric(task: str, value: object) -> str:
    return one_of(*(known.key for known in catalogue.metrics_for(task)))(value)


PROJECT: dict[str, Check] = {
    "slug": slug,
    "task": one_of(*TASKS),
    "target": name,
    "name": text,
    "description": text,
    "unit": text,
    "positive": text,
    "classes": names,
    "entity": names,
    "time": name,
    "group": name,
    "horizon": span,
    "silence": one_of(*SILENCES),
    "zone": zone,
    "strict": flag,
}
GATE: dict[str, Check] = {
    "margin": at_least(0),
    "slices": names,
    "worst_slice_margin": at_least(0),
    "max_latency_us": optional(at_least(0)),
    "max_artifact_mb": optional(at_least(0)),
    "approval": flag,
}
DECISION: dict[str, Check] = {
    "threshold": probability,
    "actions": _two_names,
    "abstain": _band,
    "otherwise": name,
}
FIELD: dict[str, Check] = {
    "kind": one_of(*KINDS),
    "required": flag,
    "unit": text,
    "minimum": optional(number),
    "maximum": optional(number),
    "categories": names,
    "learn": flag,
}
