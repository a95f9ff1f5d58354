"""The hard budget of a build: who may still start, and until when."""

from collections.abc import Callable
from dataclasses import dataclass

SHARE = 0.5  # of the whole time is the most that a tuned trial may take


@dataclass(frozen=True, kw_only=True)
class Budget:
    """`deadline` is absolute in seconds of `clock`, which tests may turn by hand.

    `reserve` are the seconds before it that belong to the refit.

    >>> Budget(began=0, deadline=60, clock=lambda: 50.0).until(reserve=6)
    54
    """

    began: float
    deadline: float
    clock: Callable[[], float]

    @property
    def left(self) -> float:
        return self.deadline - self.clock()

    def until(self, *, reserve: float, tuned: bool = False) -> float:
        """When a trial that starts now is stopped."""
        end = self.deadline - reserve
        if tuned:
            return min(end, self.clock() + SHARE * (self.deadline - self.began))
        return end

    def allows(self, *, reserve: float, expected_seconds: float) -> bool:
        """Whether a trial of that length would end before the reserve."""
        return self.clock() + expected_seconds < self.until(reserve=reserve)
