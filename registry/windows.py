"""Component 5, Featurizer: windows as they are declared: which facts, grouped by what,
over how long, and what is said of them. Pure.

A window is closed on both sides, [t - length, t], on the moment a fact became known.
A fact without a value is counted and otherwise passed over. What was predicted without
its key or its moment has no window: every feature of it is missing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from registry.aggregates import Aggregate

TRUTH = "truth"  # the stream of the project's own truth
LONGEST_STREAM = 60
SECOND = 1_000_000  # microseconds
SCALES = ("linear", "log")
Tune = tuple[float, float] | tuple[float, float, str]


@dataclass(frozen=True)
class Events:
    """A stream of facts, fed by `POST …/events`; `known_at` and `value` say what its
    moments and values are."""

    name: str
    known_at: str = ""
    value: str = ""
    of_truth: bool = False

    @classmethod
    def from_truth(cls, *, known_at: str, value: str) -> Events:
        """The project's truth: past rows of its source, known at that column's moment,
        and what the Collector is told from then on."""
        return cls(TRUTH, known_at, value, of_truth=True)

    def stream(self, key: list[str]) -> str:
        """Where its facts lie: truth is stored once for every way to group it."""
        return truth_stream(key) if self.of_truth else self.name


@dataclass(frozen=True)
class Length:
    """How far back a window reaches, in its own unit, and between what it is tuned."""

    amount: float
    tune: Tune | None = None
    unit: ClassVar[str] = ""
    seconds: ClassVar[int] = 0

    @property
    def microseconds(self) -> int:
        return self.of(self.amount)

    def of(self, amount: float) -> int:
        """So many units in microseconds."""
        return round(amount * self.seconds * SECOND)


class Minutes(Length):
    unit, seconds = "minutes", 60


class Hours(Length):
    unit, seconds = "hours", 3600


class Days(Length):
    unit, seconds = "days", 86400


@dataclass(frozen=True)
class Window:
    """A declared window; `aggregates` by the name of their feature."""

    name: str
    key: list[str]
    events: Events
    length: Length
    aggregates: dict[str, Aggregate]
    line: int
    listed: bool = True  # False: a baseline's own, no feature of models
    kinds: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        kinds = {name: one.kind for name, one in self.aggregates.items()}
        object.__setattr__(self, "kinds", kinds)

    @property
    def stream(self) -> str:
        return self.events.stream(self.key)

    @property
    def asks_all(self) -> bool:
        """Whether an empty window falls back on the facts of all keys."""
        return any(one.falls_back for one in self.aggregates.values())

    def declared(self) -> dict[str, Any]:
        """What a model version must find unchanged, as JSON."""
        said = {name: one.text for name, one in self.aggregates.items()}
        return {"key": sorted(self.key), "events": self.stream, "features": said}


def truth_stream(key: list[str]) -> str:
    """A name that no client can post to: theirs have no colon."""
    return f"{TRUTH}:{','.join(sorted(key))}"


def snake(name: str) -> str:
    """A class's name as a feature's.

    >>> snake("RouteDelay"), snake("UAFlights")
    ('route_delay', 'ua_flights')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def duration(microseconds: int) -> str:
    """A length as a person says it.

    >>> duration(6 * 3600 * SECOND), duration(90 * 60 * SECOND), duration(SECOND // 2)
    ('6 hours', '1.5 hours', '0.5 seconds')
    """
    seconds = microseconds / SECOND
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= size * (2 if name == "day" else 1) or name == "second":
            amount = seconds / size
            return f"{amount:g} {name}{'' if amount == 1 else 's'}"
    raise AssertionError


def problem_of(declared: Mapping[str, Any], window: Window) -> str:
    """Why a version trained on `declared` cannot use the window of today; "" if it can."""
    today = window.declared()
    changed = [name for name, value in today.items() if declared.get(name) != value]
    return f"another {', '.join(changed)}" if changed else ""
