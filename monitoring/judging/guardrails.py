"""What a candidate may not cost, whatever its goal metric says: failures and slowness.

A rule is broken where even the lower bound is beyond its limit, and safe where even the
upper bound is inside. In between nobody knows yet: nothing is taken back, nothing grows.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from monitoring.evaluator.moments import Moments
from monitoring.judging.side_by_side import Pair, Pieces, rows
from monitoring.judging.statistics import Difference, Interval, one_sided_sequence
from monitoring.judging.strata import Strata
from monitoring.monitor.histograms import LATENCY
from monitoring.monitor.series import Sum
from registry.written import number

ERROR_MARGIN = 0.01  # more failures than live by this share is a breach
SLOWEST = 0.05  # of answers, whose least slow one is the 95th percentile
LATENCY_LIMIT = 2.0  # times live's 95th percentile
SLOW_MS = 50.0  # below that, twice as slow is no breach
MEASURED = 100  # answers before a 95th percentile, or who failed, says anything
ENOUGH = 1000  # of live's: beside a hundred, four failures in a hundred never show
CHANCE = 2.0  # standard errors: with one, a tenth of identical versions is taken back


class Alone(NamedTuple):
    ours: Pieces  # all of the candidate's
    theirs: Pieces  # of live, a measure for those that are in no hour of both
    since: str = ""  # in words, if from before the rollout


def guardrails(
    live: Sum, candidate: Sum, together: Sequence[Pair], alone: Alone
) -> list[dict[str, Any]]:
    """`[{"rule", "ok", "safe", "text", "limit"}]`, each with its number: value, low,
    high, n, coverage. `together`: the hours in which both answered."""
    found = [_failures(live, candidate, together, alone), _slowness(live, candidate)]
    return [guard | {"coverage": candidate.coverage} for guard in found]


def are_safe(found: list[dict[str, Any]]) -> bool:
    return all(guard["safe"] for guard in found)


def _failures(
    live: Sum, candidate: Sum, together: Sequence[Pair], alone: Alone
) -> dict[str, Any]:
    """Two differences of the shares that failed, each by its one-sided sequence.

    Hour against hour: on a day with inputs that no version can read, both fail. And the
    candidate's answers in hours that live did not have, which is looser, but what answers
    everyone must not fail unseen. Never of both as one: a scoring of many rows would hide
    what fails beside live. So either may be a breach, and the rest makes nothing safe
    that hours of both do not."""
    met, (rest, since) = _met(together), _rest(together, alone)
    gaps = (met.difference_of_shares(), rest.difference_of_shares())
    hourly, other = (one_sided_sequence(gap) if gap else None for gap in gaps)
    known = [
        (f, gap) for f, gap in zip((hourly, other), gaps, strict=True) if f and gap
    ]
    text = f"{number(candidate.errors)} of {number(candidate.n)} answers failed, "
    text += f"{number(live.errors)} of {number(live.n)} of live's"
    guard: dict[str, Any] = {"rule": "errors", "limit": ERROR_MARGIN}
    if not known:
        unknown = {"value": None, "low": None, "high": None, "n": 0}
        return guard | {"ok": True, "safe": False, "text": f"{text}."} | unknown
    broken = [(f, gap) for f, gap in known if f.low > ERROR_MARGIN]
    told, gap = (broken or known)[0]
    where = _in_words(hourly, other, rest=rest, since=since)
    return guard | {
        "ok": not broken,
        "safe": not broken and told.high < ERROR_MARGIN,
        "text": f"{text}: {where}, {number(100 * ERROR_MARGIN)} allowed.",
        "value": told.value,
        "low": told.low,
        "high": told.high,
        "n": gap.n,
    }


def _met(together: Sequence[Pair]) -> Strata:
    found = Strata()
    for _, ours, theirs in together:
        found.add(_failed(ours), _failed(theirs))
    return found


def _rest(together: Sequence[Pair], alone: Alone) -> tuple[Strata, str]:
    """The candidate's answers in hours that live did not have, beside live's in the hours
    of both: there live met what was asked. Its others may be a scoring of clean rows, so
    that a hundred of both may acquit already, though not convict. And since when live's
    are counted, in words."""
    near, far, ours = Strata(), Strata(), _unmet(alone.ours, together)
    near.add(ours, _failed(_of_both(together)))
    far.add(ours, _failed(alone.theirs))
    is_near = are_measured(together) or _acquits(near)
    return (near, "") if is_near else (far, alone.since)


def _acquits(near: Strata) -> bool:
    """What the candidate fails more may be chance, going by so few of live's."""
    gap = near.difference_of_shares()
    if gap is None or near.live.whole.n < MEASURED:
        return False
    return gap.value - CHANCE * gap.standard_error <= ERROR_MARGIN


def _unmet(ours: Pieces, together: Sequence[Pair]) -> Moments:
    """Without the hours in which both answered."""
    met = [piece for _, pieces, _ in together for piece in pieces]
    errors, n = (
        sum(getattr(p, name) for p in ours) - sum(getattr(p, name) for p in met)
        for name in ("errors", "n")
    )
    return Moments.of_counts(errors, n)


def are_measured(together: Sequence[Pair]) -> bool:
    """Whether live has enough answers in the hours of both to be a measure for others."""
    return rows(_of_both(together)) >= ENOUGH


def _of_both(together: Sequence[Pair]) -> Pieces:
    return [piece for _, _, theirs in together for piece in theirs]


def _in_words(
    hourly: Interval | None, other: Interval | None, *, rest: Strata, since: str
) -> str:
    """What is known of either difference, at most."""
    most = [number(round(100 * f.high, 2)) if f else "" for f in (hourly, other)]
    beside = f"beside {number(rest.live.whole.n)} of live's{since}"
    if not hourly:
        return f"at most {most[1]} points more {beside}"
    text = f"at most {most[0]} points more in the same hours or days"
    return f"{text}, and in others {beside} at most {most[1]}" if other else text


def _failed(pieces: Pieces) -> Moments:
    return Moments.of_counts(sum(piece.errors for piece in pieces), rows(pieces))


def _slowness(live: Sum, candidate: Sum) -> dict[str, Any]:
    latencies = candidate.latency(), live.latency()
    ours, theirs = map(_percentile, latencies)
    n, of_live = (int(counts.sum()) for counts in latencies)
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
    measured = min(n, of_live) >= MEASURED
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


def _percentile(counts: np.ndarray) -> Interval | None:
    """The 95th percentile between two order statistics: how many answers lie below it is
    a share, and its sequence says which ranks it may have. Where that is beyond the
    last, the slowest of a hundred answers is still above it in 99 of 100 cases."""
    n = int(counts.sum())
    if not n:
        return None
    error = math.sqrt(SLOWEST * (1 - SLOWEST) / n)
    ranks = one_sided_sequence(Difference(1 - SLOWEST, error, n))
    found = [
        LATENCY.quantile(counts, min(max(rank, 0.0), 1.0))
        for rank in (ranks.value, ranks.low, ranks.high)
    ]
    return Interval(*(value for value in found if value is not None))
