"""Judging a rollout: the tests that stay right however often one looks.

Pure: sums in, numbers out. An arm is the `Moments` of one number per sticky unit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy import special

from monitoring.evaluator.moments import Moments
from registry.intervals import wilson

TUNED_FOR = 5000  # units, half in each arm, at which a sequence is narrowest
MOST_TIMES = 100.0  # as many rows: beyond, nobody waits
SUSPICIOUS = 0.001  # below this the split itself is broken
ALIKE = 1e-9  # of a mean: numbers that differ by less are the same, rounded


@dataclass(frozen=True)
class Difference:
    """A difference of means between two arms, before any interval."""

    value: float
    standard_error: float
    n: int  # units in both arms
    even: float | None = None  # worth as much as so many, half in each arm; else n

    @property
    def clock(self) -> float:
        """What a sequence counts instead of time. It has to grow as information does,
        and of 9 900 answers beside 100 most say nothing about the difference."""
        return self.n if self.even is None else self.even


@dataclass(frozen=True)
class Interval:
    """A difference with bounds; an open side is infinite. `p` where the test has one."""

    value: float
    low: float
    high: float
    p: float | None = None


def goodness_of_fit(observed: Sequence[float], expected: Sequence[float]) -> float:
    """p of Pearson's chi-squared test; `expected` is scaled to the observed total.

    >>> round(goodness_of_fit([44000, 45000], [1, 1]), 4)
    0.0008
    """
    scale = sum(observed) / sum(expected)
    pairs = [(o, e * scale) for o, e in zip(observed, expected, strict=True)]
    if any(e == 0 and o > 0 for o, e in pairs):
        return 0.0
    used = [(o, e) for o, e in pairs if e > 0]
    if len(used) < 2 or scale == 0:
        return 1.0
    statistic = sum((o - e) ** 2 / e for o, e in used)
    return float(special.chdtrc(len(used) - 1, statistic))


def sample_ratio_mismatch(counts: Sequence[int], shares: Sequence[float]) -> bool:
    """Whether units are split so unlike the plan that no verdict may be given."""
    return sum(counts) > 0 and goodness_of_fit(counts, shares) < SUSPICIOUS


def difference(candidate: Moments, live: Moments) -> Difference | None:
    """Candidate − live with Welch's standard error; None below two units an arm."""
    if candidate.n < 2 or live.n < 2:
        return None
    squared = candidate.variance / candidate.n + live.variance / live.n
    n = candidate.n + live.n
    even = 4 * candidate.n * live.n / n
    return Difference(candidate.mean - live.mean, math.sqrt(squared), n, even)


def welch(candidate: Moments, live: Moments, *, level: float = 0.95) -> Interval | None:
    """Welch's t test, for one look only; degrees of freedom by Satterthwaite."""
    found = difference(candidate, live)
    if found is None:
        return None
    if found.standard_error == 0:
        p = 1.0 if found.value == 0 else 0.0
        return Interval(found.value, found.value, found.value, p)
    parts = [arm.variance / arm.n for arm in (candidate, live)]
    freedom = sum(parts) ** 2 / sum(
        part**2 / (arm.n - 1)
        for part, arm in zip(parts, (candidate, live), strict=True)
    )
    p = 2 * float(special.stdtr(freedom, -abs(found.value / found.standard_error)))
    half = float(special.stdtrit(freedom, (1 + level) / 2)) * found.standard_error
    return Interval(found.value, found.value - half, found.value + half, p)


def newcombe(
    successes: int, n: int, others: int, m: int, *, level: float = 0.95
) -> Interval | None:
    """successes / n − others / m, for one look only.

    Newcombe's hybrid score interval, method 10 (Statistics in Medicine 17, 1998).

    >>> found = newcombe(56, 70, 48, 80)
    >>> round(found.low, 4), round(found.high, 4)
    (0.0524, 0.3339)
    """
    ours, theirs = wilson(successes, n, level=level), wilson(others, m, level=level)
    if ours is None or theirs is None:
        return None
    p, q = successes / n, others / m
    below = math.hypot(p - ours[0], theirs[1] - q)
    above = math.hypot(ours[1] - p, q - theirs[0])
    return Interval(p - q, p - q - below, p - q + above)


def confidence_sequence(
    found: Difference, *, alpha: float = 0.05, tuned_for: int = TUNED_FOR
) -> Interval:
    """Bounds that hold at all looks together with probability 1 − alpha.

    Asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas
    (Annals of Statistics 52, 2024), theorem 2.2: the half width is
    s √(2 (n r² + 1) / (n² r²) × log(√(n r² + 1) / alpha)), s² = n × standard error²,
    n the difference's clock.
    """
    rho2 = _rho_squared(alpha, tuned_for)
    spread = found.clock * rho2 + 1
    inside = 2 * spread / (found.clock * rho2) * math.log(math.sqrt(spread) / alpha)
    half = found.standard_error * math.sqrt(inside)
    return Interval(found.value, found.value - half, found.value + half)


def still_needed(
    found: Difference, *, alpha: float = 0.05, tuned_for: int = TUNED_FOR
) -> int | None:
    """How many more rows until the sequence leaves 0 out, if the difference stays.

    0 where it does already; None where a hundred times as many would not do.

    >>> still_needed(Difference(1.0, 0.1, 1000)), still_needed(Difference(0.0, 1.0, 50))
    (0, None)
    """
    if confidence_excludes_zero(found, 1.0, alpha=alpha, tuned_for=tuned_for):
        return 0
    few, many = 1.0, MOST_TIMES
    if not confidence_excludes_zero(found, many, alpha=alpha, tuned_for=tuned_for):
        return None
    while many - few > 0.01:
        middle = (few + many) / 2
        if confidence_excludes_zero(found, middle, alpha=alpha, tuned_for=tuned_for):
            many = middle
        else:
            few = middle
    return math.ceil((many - 1) * found.n)


def confidence_excludes_zero(
    found: Difference, times: float, *, alpha: float, tuned_for: int
) -> bool:
    """Whether the sequence would leave out 0 with `times` as many rows."""
    error = found.standard_error / math.sqrt(times)
    more = replace(found, standard_error=error, even=found.clock * times)
    reach = confidence_sequence(more, alpha=alpha, tuned_for=tuned_for)
    return reach.low > 0 or reach.high < 0


def one_sided_sequence(
    found: Difference, *, alpha: float = 0.05, tuned_for: int = TUNED_FOR
) -> Interval:
    """Two one-sided bounds, each of which holds at all looks with 1 − alpha.

    The same paper's one-sided sequence: log(1 + √(n r² + 1) / (2 alpha)), r tuned
    for 2 alpha.
    For guardrails: `low` above the margin is a breach, `high` below it is safe.
    """
    rho2 = _rho_squared(2 * alpha, tuned_for)
    spread = found.clock * rho2 + 1
    inside = 2 * spread / (found.clock * rho2)
    inside *= math.log(1 + math.sqrt(spread) / (2 * alpha))
    half = found.standard_error * math.sqrt(inside)
    return Interval(found.value, found.value - half, found.value + half)


def share_arm(successes: int, n: int) -> Moments:
    """An arm of zeros and ones, for sequences: never quite without spread.

    The variance is that of (successes + 1) / (n + 2): five rows without one error do
    not prove that there are none.
    """
    if n == 0:
        return Moments()
    share = (successes + 1) / (n + 2)
    return Moments(n, successes / n, share * (1 - share) * max(n - 1, 1))


def _rho_squared(alpha: float, tuned_for: int) -> float:
    """Makes the bounds narrowest at n = tuned_for (the paper's appendix B.2)."""
    twice = -2 * math.log(alpha)
    return (twice + math.log(twice + 1)) / tuned_for
