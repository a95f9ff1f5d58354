"""The demo's times: real moments moved by whole weeks, and told again when they run out.

Pure: the moment the story was first told for comes in as an argument, so every start
finds the same times.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

WEEK = timedelta(weeks=1)


class Turn(NamedTuple):
    """A moment at which a row is met, in which round, both from 0."""

    round: int
    row: int
    at: datetime

    def named(self, name: str) -> str:
        """A new name in every round, so that nobody is met twice."""
        return f"{name}-{self.round + 1}" if self.round else name


def shift_onto(last: datetime, *, began: datetime) -> timedelta:
    """Whole weeks that put `last` 7 to 14 days after `began`: weekday and hour stay.

    >>> day = datetime(2013, 2, 28)
    >>> shift_onto(day, began=datetime(2026, 11, 27)) + day
    datetime.datetime(2026, 12, 10, 0, 0)
    """
    weeks = -((last - began - WEEK) // WEEK)
    return weeks * WEEK


@dataclass(frozen=True)
class Real:
    """Real moments, in order, from `shift` on; after the last one they start again,
    whole weeks later."""

    moments: Sequence[datetime]
    shift: timedelta

    @property
    def period(self) -> timedelta:
        return ((self.moments[-1] - self.moments[0]) // WEEK + 1) * WEEK

    def between(self, start: datetime, end: datetime) -> Iterator[Turn]:
        """Turns later than `start`, up to `end`, in order."""
        rounds = max((start - self.shift - self.moments[-1]) // self.period, 0)
        while True:
            moved = self.shift + rounds * self.period
            first = bisect_right(self.moments, start - moved)
            last = bisect_right(self.moments, end - moved)
            for row in range(first, last):
                yield Turn(rounds, row, self.moments[row] + moved)
            if end - moved < self.moments[-1]:
                return
            rounds += 1


@dataclass(frozen=True)
class Steady:
    """Invented moments: one of `count` rows every `every` from `began` on, for ever.

    The first time round is round 1 where round 0 was the history before `began`.
    """

    began: datetime
    every: timedelta
    count: int
    first_round: int = 1

    def between(self, start: datetime, end: datetime) -> Iterator[Turn]:
        """Turns later than `start`, up to `end`, in order."""
        number = max((start - self.began) // self.every + 1, 1)
        while (at := self.began + number * self.every) <= end:
            rounds, row = divmod(number - 1, self.count)
            yield Turn(self.first_round + rounds, row, at)
            number += 1
