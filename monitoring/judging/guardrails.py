"""What a candidate may not cost, whatever its goal metric says: failures and slowness.

A rule is broken where even the lower bound is beyond its limit, and safe where even the
upper bound is inside. In between nobody knows yet: nothing is taken back, nothing grows.
"""

import math
from collections.abc import Sequence
from typing import Any

from monitoring.evaluator.moments import Moments
from monitoring.judging.side_by_side import Pair, Pieces
from monitoring.judging.statistics import Difference, Interval, one_sided_sequence
from monitoring.judging.strata import Strata
from monitoring.monitor.inputs import Inputs
from monitoring.monitor.series import Sum
from registry.written import number

ERROR_MARGIN = 0.01  # more failures than live by this share is a breach
SLOWEST = 0.05  # of answers, whose least slow one is the 95th percentile
LATENCY_LIMIT = 2.0  # times live's 95th percentile
SLOW_MS = 50.0  # below that, twice as slow is no breach
MEASURED = 100  # answers before a 95th percentile says anything
Sides = tuple[Pieces, Pieces]


def guardrails(
    live: Sum, candidate: Sum, together: Sequence[Pair], alone: Sides
) -> list[dict[str, Any]]:
    """`[{"rule", "ok", "safe", "text", "limit"}]`, each with its number: value, low,
    high, n, coverage. `together`: the hours in which both answered;
    `alone`: all of the candidate's, and those of live that stand beside the rest."""
    found = [_failures(live, candidate, together, alone), _slowness(live, candidate)]
    return [guard | {"coverage": candidate.coverage} for guard in found]


def are_safe(found: list[dict[str, Any]]) -> bool:
    return all(guard["safe"] for guard in found)


def _failures(
    live: Sum, candidate: Sum, together: Sequence[Pair], alone: Sides
) -> dict[str, Any]:
    """The difference of the shares that failed, hour against hour, by its one-sided
    sequence: on a day with inputs that no version can read, both fail. The candidate's
    answers in hours that live did not have stand beside all of live's: that is looser,
    but what answers everyone must not fail unseen."""
    text = f"{number(candidate.errors)} of {number(candidate.n)} answers failed, "
    text += f"{number(live.errors)} of {number(live.n)} of live's"
    strata = Strata()
    for _, ours, theirs in together:
        strata.add(_failed(ours), _failed(theirs))
    unmet, of_live = _unmet(alone[0], together), _failed(alone[1])
    strata.add(unmet, of_live)
    gap = strata.difference_of_shares()
    guard: dict[str, Any] = {"rule": "errors", "limit": ERROR_MARGIN}
    if gap is None:
        unknown = {"value": None, "low": None, "high": None, "n": 0}
        return guard | {"ok": True, "safe": False, "text": f"{text}."} | unknown
    found = one_sided_sequence(gap)
    more = number(round(100 * found.high, 2))
    allowed = number(100 * ERROR_MARGIN)
    where = "in the same hours or days"
    if unmet.n and of_live.n:
        where += f", and in others beside {number(of_live.n)} of live's"
    text += f": at most {more} points more {where}, {allowed} allowed."
    return guard | {
        "ok": found.low <= ERROR_MARGIN,
        "safe": found.high < ERROR_MARGIN,
        "text": text,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": gap.n,
    }


def _unmet(ours: Pieces, together: Sequence[Pair]) -> Moments:
    """Without the hours in which both answered."""
    met = [piece for _, pieces, _ in together for piece in pieces]
    errors, n = (
        sum(getattr(p, name) for p in ours) - sum(getattr(p, name) for p in met)
        for name in ("errors", "n")
    )
    return Moments.of_counts(errors, n)


def _failed(pieces: Pieces) -> Moments:
    errors, n = (sum(getattr(p, name) for p in pieces) for name in ("errors", "n"))
    return Moments.of_counts(errors, n)


def _slowness(live: Sum, candidate: Sum) -> dict[str, Any]:
    ours, theirs = _percentile(candidate.inputs), _percentile(live.inputs)
    n = int(candidate.inputs.latency.sum())
    guard: dict[str, Any] = {"rule": "latency", "n": n}
    if ours is None or theirs is None:
        text = "No latency of both versions measured yet."
        unknown = {"value": None, "low": None, "high": None, "limit": None}
        return guard | {"ok": True, "safe": False, "text": text} | unknown
    limit = _limit(theirs.value)
    text = (
        f"95 % within {number(ours.value)} ms, live within {number(theirs.value)} ms, "
    )
    text += f"{number(limit)} ms allowed."
    measured = min(n, int(live.inputs.latency.sum())) >= MEASURED
    return guard | {
        "ok": not (measured and ours.low > _limit(theirs.high)),
        "safe": measured and ours.high <= _limit(theirs.low),
        "text": text,
        "value": ours.value,
        "low": ours.low,
        "high": ours.high,
        "limit": limit,
    }


def _limit(live: float) -> float:
    return max(LATENCY_LIMIT * live, SLOW_MS)


def _percentile(inputs: Inputs) -> Interval | None:
    """The 95th percentile between two order statistics: how many answers lie below it is
    a share, and its sequence says which ranks it may have. Where that is beyond the
    last, the slowest of a hundred answers is still above it in 99 of 100 cases."""
    n = int(inputs.latency.sum())
    if not n:
        return None
    error = math.sqrt(SLOWEST * (1 - SLOWEST) / n)
    ranks = one_sided_sequence(Difference(1 - SLOWEST, error, n))
    found = [
        inputs.latency_quantile(min(max(rank, 0.0), 1.0))
        for rank in (ranks.value, ranks.low, ranks.high)
    ]
    return Interval(*(value for value in found if value is not None))
