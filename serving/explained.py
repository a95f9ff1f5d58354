"""Answers as bars: what each feature adds, and how probable each class is."""

from collections.abc import Mapping
from typing import Any

MOST_CLASSES = 12  # shown; the others are improbable


def bars(explanation: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Contributions as bars, the longest is 100 wide."""
    parts = (explanation or {}).get("contributions") or []
    longest = max((abs(part["contribution"]) for part in parts), default=0) or 1
    return [
        {**part, "width": round(100 * abs(part["contribution"]) / longest)}
        for part in parts
    ]


def shares(probabilities: Mapping[str, float] | None) -> list[tuple[str, float]]:
    """Classes with their probabilities, the most probable first.

    >>> shares({"a": 0.2, "b": 0.8})
    [('b', 0.8), ('a', 0.2)]
    """
    found = sorted((probabilities or {}).items(), key=lambda pair: -pair[1])
    return found[:MOST_CLASSES]
