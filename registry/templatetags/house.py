"""What the frame of every page asks for: its places, what can be undone, tiny charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template

from registry.web import places, undo

register = template.Library()


@register.simple_tag(takes_context=True)
def loop_places(context: Any) -> list[places.Place]:
    """The six places of the project at hand, in the loop's order."""
    return places.of_project(context["project"], context["request"].actor)[0]


@register.simple_tag(takes_context=True)
def more_places(context: Any) -> list[places.Place]:
    """The project's other places."""
    return places.of_project(context["project"], context["request"].actor)[1]


@register.simple_tag(takes_context=True)
def other_projects(context: Any) -> list[dict[str, str]]:
    """Where else this person may go."""
    return places.others(context["user"], context["project"])


@register.filter
def offered(message: Any) -> dict[str, Any] | None:
    """What a message offers to take back."""
    return undo.offered(message)


@register.filter
def sparkline(values: Sequence[float | None], height: int = 24) -> str:
    """The points of a polyline, 4 apart, from bottom to top of `height`; gaps close.

    >>> sparkline([1, 3, 2], 12)
    '0,11 4,1 8,6'
    """
    known = [(x, y) for x, y in enumerate(values or ()) if y is not None]
    if len(known) < 2:
        return ""
    low, high = min(y for _, y in known), max(y for _, y in known)
    span = (high - low) or 1.0
    drawn = [
        (4 * x, round(height - 1 - (height - 2) * (y - low) / span, 1))
        for x, y in known
    ]
    return " ".join(f"{x},{y:g}" for x, y in drawn)


@register.filter
def sparkwidth(values: Sequence[float | None]) -> int:
    """The width of its drawing.

    >>> sparkwidth([1, 3, 2])
    8
    """
    return max(4 * (len(values or ()) - 1), 4)
