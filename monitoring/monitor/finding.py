"""Component 4, Monitor: the answer of one look at one rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one look at one rule says. `bad` None: nothing to judge by."""

    bad: bool | None
    message: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    coverage: float | None = None  # share of predictions whose truth is known
    limit: float | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def lasting(hours: float) -> str:
    """
    >>> lasting(5.04), lasting(80)
    ('5 hours', '3.3 days')
    """
    return f"{hours / 24:.2g} days" if hours >= 48 else f"{hours:.2g} hours"
