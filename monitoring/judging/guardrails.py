"""What a candidate may not cost, whatever its goal metric says: failures and slowness.

A rule is broken where even the lower bound is beyond its limit, and safe where even the
upper bound is inside. In between nobody knows yet: nothing is taken back, nothing grows.
"""

from collections.abc import Iterable
from typing import Any

from monitoring.evaluator.moments import Moments
from monitoring.judging.side_by_side import Pair, Pieces
from monitoring.judging.statistics import one_sided_sequence
from monitoring.judging.strata import Strata
from monitoring.monitor.series import Sum
from registry.written import number

ERROR_MARGIN = 0.01  # more failures than live by this share is a breach
LATENCY_LIMIT = 2.0  # times live's 95th percentile
SLOW_MS = 50.0  # below that, twice as slow is no breach
MEASURED = 100  # answers before a 95th percentile says anything


def guardrails(
    live: Sum, candidate: Sum, together: Iterable[Pair]
) -> list[dict[str, Any]]:
    """`[{"rule", "ok", "safe", "text", "limit"}]`, each with its number: value, low,
    high, n, coverage. `together`: the hours in which both answered."""
    found = [_failures(live, candidate, together), _slowness(live, candidate)]
    return [guard | {"coverage": candidate.coverage} for guard in found]


def are_safe(found: list[dict[str, Any]]) -> bool:
    return all(guard["safe"] for guard in found)


def _failures(live: Sum, candidate: Sum, together: Iterable[Pair]) -> dict[str, Any]:
    """The difference of the shares that failed, hour against hour, by its one-sided
    sequence: on a day with inputs that no version can read, both fail."""
    text = f"{number(candidate.errors)} of {number(candidate.n)} answers failed, "
    text += f"{number(live.errors)} of {number(live.n)} of live's"
    strata = Strata()
    for _, ours, theirs in together:
        strata.add(_failed(ours), _failed(theirs))
    gap = strata.difference_of_shares()
    guard: dict[str, Any] = {"rule": "errors", "limit": ERROR_MARGIN}
    if gap is None:
        unknown = {"value": None, "low": None, "high": None, "n": 0}
        return guard | {"ok": True, "safe": False, "text": f"{text}."} | unknown
    found = one_sided_sequence(gap)
    more = number(round(100 * found.high, 2))
    allowed = number(100 * ERROR_MARGIN)
    text += f": at most {more} points more in the same hours, {allowed} allowed."
    return guard | {
        "ok": found.low <= ERROR_MARGIN,
        "safe": found.high < ERROR_MARGIN,
        "text": text,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": gap.n,
    }


def _failed(pieces: Pieces) -> Moments:
    errors, n = (sum(getattr(p, name) for p in pieces) for name in ("errors", "n"))
    return Moments.of_counts(errors, n)


def _slowness(live: Sum, candidate: Sum) -> dict[str, Any]:
    ours, theirs = (s.inputs.latency_quantile(0.95) for s in (candidate, live))
    n = int(candidate.inputs.latency.sum())
    guard = {"rule": "latency", "value": ours, "low": None, "high": None, "n": n}
    if ours is None or theirs is None:
        text = "No latency of both versions measured yet."
        return guard | {"ok": True, "safe": False, "text": text, "limit": None}
    limit = max(LATENCY_LIMIT * theirs, SLOW_MS)
    measured, slow = n >= MEASURED, ours > limit
    text = f"95 % within {number(ours)} ms, live within {number(theirs)} ms, "
    text += f"{number(limit)} ms allowed."
    return guard | {
        "ok": not (measured and slow),
        "safe": measured and not slow,
        "text": text,
        "limit": limit,
    }
