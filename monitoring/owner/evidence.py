"""Is the live version better than the baseline, and since when is that sure?"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from monitoring.judging.side_by_side import MEANS, Pair, moments, pairs
from monitoring.judging.statistics import Interval, confidence_sequence
from monitoring.judging.strata import Strata
from monitoring.monitor.outcomes import Outcomes
from monitoring.monitor.performance import read_metric
from monitoring.monitor.rollups import outcomes_of
from monitoring.monitor.series import ROLES
from monitoring.owner.days import History
from monitoring.verdicts.terms import Gain
from registry.catalogue import METRICS, Metric
from registry.models import ModelVersion

MINIMUM_N = 30  # truths of either side before they are compared


def production_gain(
    history: History, *, live: int, baseline: int, metric: Metric
) -> Gain | None:
    """Over the days on which both answered, day against day, so that both met the same
    times; an interval that stays right however often one looks where the goal is a
    mean."""
    if live == baseline:
        return None
    together = list(
        pairs(history.of(live, roles=ROLES), history.of(baseline, roles=ROLES))
    )
    if metric.key in MEANS:
        return _by_means(together, key=MEANS[metric.key])
    if metric.best_at_zero:
        return None
    ours = outcomes_of(piece for _, pieces, _ in together for piece in pieces)
    theirs = outcomes_of(piece for _, _, pieces in together for piece in pieces)
    return _by_intervals(ours, theirs, metric=metric)


def control_gain(
    history: History, *, live: int, baseline: int, metric: Metric
) -> Gain | None:
    """Against the control share: those who get the baseline while the model is live."""
    days = [
        each
        for each in history.days
        if (each.version, each.role) == (baseline, "baseline") or each.version == live
    ]
    return production_gain(History(days), live=live, baseline=baseline, metric=metric)


def gain_on_test(live: ModelVersion, baseline: ModelVersion) -> Gain | None:
    """What the gate measured on the sealed test, if it was against this baseline."""
    if baseline.created_at > live.created_at:
        return None
    for reason in live.reasons:
        if reason.get("rule") == "better than baseline":
            return _of_numbers(reason.get("numbers") or {}, live)
    return None


def _of_numbers(numbers: Mapping[str, Any], version: ModelVersion) -> Gain | None:
    if numbers.get("gain") is None:
        return None
    gain = Gain(
        value=numbers["gain"],
        low=numbers.get("low"),
        high=numbers.get("high"),
        n=int(numbers.get("n") or 0),
        since=version.created_at.date(),
    )
    return gain if numbers.get("metric") == version.project.primary_metric else None


def _by_means(together: Sequence[Pair], *, key: str) -> Gain | None:
    """Smaller is better of every mean there is: the gain is theirs − ours."""
    strata, last, since = Strata(), None, None
    for at, ours, theirs in together:
        strata.add(moments(theirs, key), moments(ours, key))
        gap = strata.difference()
        if strata.known < MINIMUM_N or gap is None:
            continue
        found = confidence_sequence(gap)
        side = _side(found)
        if side != (_side(last[0]) if last else 0) or not side:
            since = at.date() if side else None
        last = (found, gap.n)
    if last is None:
        return None
    found, n = last
    return Gain(value=found.value, low=found.low, high=found.high, n=n, since=since)


def _side(found: Interval) -> int:
    return 1 if found.low > 0 else -1 if found.high < 0 else 0


def _by_intervals(ours: Outcomes, theirs: Outcomes, *, metric: Metric) -> Gain | None:
    if metric.key not in METRICS or not ours.n or not theirs.n:
        return None
    found = [read_metric(side, metric.key) for side in (ours, theirs)]
    return gain_by_intervals(*found, metric=metric)


def gain_by_intervals(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], *, metric: Metric
) -> Gain | None:
    """Donner & Zou's MOVER: the interval of a difference from those of both sides, as
    if they were independent; on the same rows it is wider than it need be."""
    if any(part.get("value") is None for part in (ours, theirs)):
        return None
    gain = metric.gain(ours["value"], theirs["value"])
    n = int(ours.get("n") or 0) + int(theirs.get("n") or 0)
    if metric.best_at_zero or any(
        part.get("low") is None or part.get("high") is None for part in (ours, theirs)
    ):
        return Gain(value=gain, n=n)
    more, less = (ours, theirs) if metric.larger_is_better else (theirs, ours)
    below = math.hypot(more["value"] - more["low"], less["high"] - less["value"])
    above = math.hypot(more["high"] - more["value"], less["value"] - less["low"])
    return Gain(value=gain, low=gain - below, high=gain + above, n=n)
