"""What a demo project tells: cases that are met at their moments, and what happens to
the project meanwhile. A story is data and functions; `play.py` tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from mlsystem.demo.bar import Bar
from mlsystem.demo.memory import Memory
from registry.actors import Actor
from registry.models import Project, User

REFERENCE = "demo-"  # what is asked for a story begins with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing production asks about, and what becomes of it.

    `name` is the case's own for ever: what was asked is known by it. `truth` is what
    `POST …/truth` is told at `known_at`, without its moment; without a key of its own
    it joins by the case's reference. None: nobody ever says anything.
    """

    name: str
    at: datetime
    request: Mapping[str, Any]  # what `POST …/predict` is sent: input, entity, user…
    truth: Mapping[str, Any] | None = None
    known_at: datetime | None = None

    @property
    def reference(self) -> str:
        return f"{REFERENCE}{self.name}"


@dataclass(frozen=True, kw_only=True)
class Act:
    """A stage of the demo with its share of the progress bar. `do` is called at every
    start: it looks at what is there and goes on from it."""

    name: str
    weight: float  # about its seconds on two idle cores
    do: Callable[[Telling], None]


@dataclass(frozen=True, kw_only=True)
class Beat:
    """Something that happens once, when the replay passes `at`, with the clock there."""

    name: str
    at: datetime
    do: Callable[[Telling], None]


# `cases(began, start, end)`: those later than start, up to end, in order of `at`. The
# same arguments give the same cases, in every process and at every start.
Cases = Callable[[datetime, datetime, datetime], Iterable[Case]]


def _no_beats(telling: Telling) -> Sequence[Beat]:
    del telling
    return ()


@dataclass(frozen=True, kw_only=True)
class Story:
    """A demo project from its first day on, for ever."""

    slug: str
    source: str  # where the data comes from, in sentences
    invented: str  # what of it is invented, and how its times are told
    ahead: timedelta  # how long before the first start the project was made
    acts: Sequence[Act]
    cases: Cases
    late: timedelta  # no truth comes later than this after its case
    # Cases of one batch share a request; each keeps its own moment.
    batch: timedelta = timedelta(hours=1)
    watched: timedelta = timedelta(days=3)  # so far back alert rules look, once a day
    beats: Callable[[Telling], Sequence[Beat]] = _no_beats
    ask: Mapping[str, Any] = field(default_factory=dict)  # the printed curl's body
    # Where the declared sources are of the past: how far they are moved, by the moment
    # the story began (`registry.replays`).
    moved: Callable[[datetime], Mapping[str, int]] | None = None

    @property
    def stages(self) -> dict[str, float]:
        """What the progress bar shows of it."""
        named = {f"{self.slug}: {act.name}": act.weight for act in self.acts}
        return {f"{self.slug}: installing": 4.0, **named}


@dataclass(kw_only=True)
class Telling:
    """One start of a story: where it is, who is in it, and what is remembered."""

    story: Story
    project: Project
    now: datetime
    memory: Memory
    people: dict[str, User]  # by role
    bar: Bar

    @property
    def began(self) -> datetime:
        """The moment the story was first told for: all its times hang on it."""
        return self.memory.began

    def actor(self, role: str) -> Actor:
        return Actor(user=self.people[role], role=role)
