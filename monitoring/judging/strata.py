"""Two versions compared within hours or days alone, and never across them.

Days differ, and so does a candidate's share: it had one answer in a hundred on the easy
day, and every second one on the hard day. Over all answers it looks worse than a live
version that is the same model. Within an hour both met the same. Pure: sums in, numbers
out.
"""

import math

from monitoring.evaluator.moments import Moments
from monitoring.judging.statistics import ALIKE, Difference, share_arm


class _Arm:
    """One version's part in the variance, Σ w² s² / n over strata."""

    def __init__(self) -> None:
        self.whole = Moments()
        self.all = 0.0  # Σ w² / n
        self.alone = 0.0  # the same of strata with one row
        self.spread = 0.0  # Σ w² s² / n of the others

    def add(self, part: Moments, weight: float) -> None:
        self.whole = self.whole.merge(part)
        share = weight * weight / part.n
        self.all += share
        if part.n > 1:
            self.spread += share * part.variance
        else:
            self.alone += share

    @property
    def squared(self) -> float:
        """A row alone has no spread of its own: it gets that of all rows, which is
        rather too wide."""
        return self.spread + self.alone * self.whole.variance

    @property
    def is_flat(self) -> bool:
        """All numbers are alike: of how far the next ones may lie they say nothing."""
        return self.squared <= (ALIKE * self.whole.mean) ** 2 * self.all

    def squared_beside(self, other: "_Arm") -> float:
        """Of a flat arm the spread is the other's, between strata too: rather too wide.
        A baseline that always answers alike has the same loss for ever."""
        return self.all * other.whole.variance if self.is_flat else self.squared

    @property
    def unseen(self) -> float:
        """The same as `squared`, of what a share varies beyond what was counted."""
        hits, n = round(self.whole.mean * self.whole.n), self.whole.n
        return self.all * max(share_arm(hits, n).variance - self.whole.variance, 0.0)


class Strata:
    """Σ w (candidate − live) / Σ w over strata with n and m rows, w = n m / (n + m):
    the weights under which rows of equal spread say most (Cochran, Biometrics 10,
    1954). One stratum gives Welch's difference.

    >>> found = Strata()
    >>> found.add(Moments.of([10.0, 11.0]), Moments.of([10.0, 11.0, 9.0]))  # an easy day
    >>> found.add(Moments.of([20.0, 21.0, 19.0]), Moments.of([20.0]))  # a hard one
    >>> round(found.difference().value, 2)  # 15.5 − 12.5 over all rows
    0.31
    """

    def __init__(self) -> None:
        self.candidate, self.live = _Arm(), _Arm()
        self.weight = 0.0
        self.sum = 0.0

    def add(self, candidate: Moments, live: Moments) -> None:
        """A stratum in which only one of both has rows tells of no difference."""
        if not candidate.n or not live.n:
            return
        weight = candidate.n * live.n / (candidate.n + live.n)
        self.weight += weight
        self.sum += weight * (candidate.mean - live.mean)
        self.candidate.add(candidate, weight)
        self.live.add(live, weight)

    @property
    def known(self) -> int:
        """Rows of the version that has fewer."""
        return min(self.candidate.whole.n, self.live.whole.n)

    def difference(self) -> Difference | None:
        """Candidate − live; None below two rows of either, or where each one's are all
        alike."""
        ours, theirs = self.candidate, self.live
        if self.known < 2 or (ours.is_flat and theirs.is_flat):
            return None
        squared = ours.squared_beside(theirs) + theirs.squared_beside(ours)
        return self._difference(squared)

    def difference_of_shares(self) -> Difference | None:
        """The same of zeros and ones, whose spread is never quite nothing."""
        if self.known < 2:
            return None
        arms = (self.candidate, self.live)
        return self._difference(sum(arm.squared + arm.unseen for arm in arms))

    def _difference(self, squared: float) -> Difference:
        n = self.candidate.whole.n + self.live.whole.n
        error = math.sqrt(squared) / self.weight
        return Difference(self.sum / self.weight, error, n, even=4 * self.weight)
