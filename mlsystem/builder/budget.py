"""The hard budget of a build: who may still start, and until when."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Budget:
    """`deadline` is absolute in seconds of `clock`, which tests may turn by hand.

    `reserve` are the seconds before it that belong to the refit.

    >>> Budget(deadline=60.0, clock=lambda: 50.0).until(reserve=6)
    54.0
    """

    deadline: float
    clock: Callable[[], float]

    @property
    def left(self) -> float:
        return self.deadline - self.clock()

    def until(self, *, reserve: float, limit: float = math.inf) -> float:
        """When a trial that starts now, and may take `limit` seconds, is stopped."""
        return min(self.deadline - reserve, self.clock() + limit)

    def allows(self, *, reserve: float, expected_seconds: float) -> bool:
        """Whether a trial of that length would end before the reserve."""
        return self.clock() + expected_seconds < self.until(reserve=reserve)
