"""What a definition says of windows: which facts, by what key, how far back. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar

from registry import definition_values as values
from registry.aggregates import Aggregate, Global, Mean
from registry.definition_base import NAME, Declared
from registry.definition_parts import Feature, GroupMean
from registry.windows import (
    LONGEST_STREAM,
    SCALES,
    TRUTH,
    Events,
    Length,
    Minutes,
    Window,
    snake,
)

_Class = TypeVar("_Class", bound=type)


class Windowed(Declared):
    """The part of a definition that declares windows."""

    target: str
    task: str

    @property
    def windows(self) -> list[Window]:
        """In the order of their declaration, those of baselines too."""
        return [one for one in self.computed if isinstance(one, Window)]

    @property
    def truth_windows(self) -> list[Window]:
        return [window for window in self.windows if window.events.of_truth]

    @property
    def truth_known_at(self) -> str:
        """The column that says when a past row's target became known; "" if none."""
        known = [window.events.known_at for window in self.truth_windows]
        return known[0] if known else ""

    def window(self, declared: _Class) -> _Class:
        """Decorates a class with key, events, window and aggregates. Its features are
        named after both: RouteDelay's `mean` is route_delay_mean."""
        line, what = self._line(), f"window {declared.__name__}"
        name, given = snake(declared.__name__), vars(declared)
        aggregates = {
            f"{name}_{attribute}": value
            for attribute, value in given.items()
            if isinstance(value, Aggregate)
        }
        if not aggregates:
            self._refuse(line, what, "give it aggregates such as mean = Mean()")
        key, events, length = (given.get(n) for n in ("key", "events", "window"))
        self._check_key(key, line, what)
        if not isinstance(events, Events):
            self._refuse(
                line, what, 'give events = Events("name") or Events.from_truth'
            )
        if not isinstance(length, Length):
            self._refuse(line, what, "give window = Minutes(n), Hours(n) or Days(n)")
        self._check_length(length, line, what)
        self._add_window(Window(name, list(key), events, length, aggregates, line))  # type: ignore[arg-type]
        return declared

    def _add_window(self, window: Window) -> None:
        what = f"window {window.name}"
        self._named("window", window.name, [w.name for w in self.windows], window.line)
        self._check_events(window, what)
        taken = self._feature_names()
        for feature in window.aggregates:
            self._named("feature", feature, taken, window.line)
        self.computed.append(window)

    def _check_key(self, key: object, line: int, what: str) -> None:
        fits = isinstance(key, list | tuple) and key and len(set(key)) == len(key)
        if not fits or not all(isinstance(name, str) for name in key):  # type: ignore[attr-defined]
            self._refuse(line, what, 'give a list of columns: key = ["carrier"]')

    def _check_length(self, length: Length, line: int, what: str) -> None:
        if length.amount <= 0:
            self._refuse(line, what, "its length is more than 0")
        if length.tune is None:
            return
        low, high, scale = (*length.tune, "linear")[:3]
        if (
            not 0 < low < high
            or scale not in SCALES
            or not low <= length.amount <= high
        ):
            cure = f'write tune=(low, high, "log") around {length.amount:g}'
            self._refuse(line, what, cure)

    def _check_events(self, window: Window, what: str) -> None:
        events, line = window.events, window.line
        if len(window.stream) > LONGEST_STREAM:
            self._refuse(line, what, "group by fewer or shorter columns")
        if not events.of_truth:
            if events.name == TRUTH or not NAME.match(events.name):
                self._refuse(line, what, "name the events by a-z, 0-9, _ and -")
            others = [w for w in self.windows if w.stream == window.stream]
            if any(sorted(w.key) != sorted(window.key) for w in others):
                cure = "these events have another key: give them another name"
                self._refuse(line, what, cure)
            return
        if events.value != self.target:
            self._refuse(line, what, f'write value="{self.target}", the target')
        if not events.known_at:
            self._refuse(line, what, "known_at= names the column of past rows' moment")
        if self.truth_known_at not in {"", events.known_at}:
            cure = f"truth is known at one moment: {self.truth_known_at}"
            self._refuse(line, what, cure)

    def _feature_names(self) -> list[str]:
        names = []
        for one in self.computed:
            names += [one.name] if isinstance(one, Feature) else list(one.aggregates)
        return names

    def _group_mean(
        self, name: str, what: GroupMean, line: int
    ) -> tuple[str, dict[str, Any]]:
        """A mean by group; with `over`, that of a window of the baseline's own."""
        where, columns = f"baseline {name}", what.columns
        keys = [columns] if isinstance(columns, str) else list(columns)
        self._check_key(keys, line, where)
        if what.over is not None and (cure := values.span(what.over)):
            self._refuse(line, f"{where}: over={what.over!r}", cure)
        if what.over is None:
            return "group_mean", {"keys": keys}
        if self.task != "regression":
            self._refuse(line, where, "over= is the mean of numbers: leave it out")
        if not self.truth_known_at:
            cure = "declare a window with Events.from_truth before it"
            self._refuse(line, where, cure)
        window = snake(name).replace(" ", "_")
        self._add_window(
            Window(
                window,
                keys,
                Events.from_truth(known_at=self.truth_known_at, value=self.target),
                Minutes(what.over / timedelta(minutes=1)),
                {f"{window}_mean": Mean(default=Global())},
                line,
                listed=False,
            )
        )
        return "recent_mean", {"keys": keys, "window": window}
