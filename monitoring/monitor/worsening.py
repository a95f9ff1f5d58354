"""Component 4, Monitor: is the model surely worse than it was tested, and worse than its
days usually are?

Without days enough to know what is usual, the sealed test alone is the measure; where
the owner has set a limit, that is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Sum as Total

from monitoring.models import Alert, AlertRule, DayBucket, Evaluation
from monitoring.monitor.finding import Finding, lasting
from monitoring.monitor.outcomes import Outcomes
from monitoring.monitor.performance import read_metric
from monitoring.monitor.series import ROLES, Sum, Window, is_mature, read, total
from monitoring.monitor.usual import (
    BACK,
    DAY,
    ENOUGH_DAYS,
    MOST_DAYS,
    SURE,
    Usual,
    usual_days,
)
from registry.catalogue import METRICS, Metric
from registry.models import ModelVersion, Project
from registry.written import number
from serving.models import Rollout

MINIMUM_N = 50
WEEK = timedelta(days=7)
MOST_TRIED = 2 * MOST_DAYS  # days read, if some turn out to say nothing
TOO_FEW_DAYS = "Too few days are known to say how much one differs from another."
OPEN = (Alert.State.FIRING, Alert.State.ACKNOWLEDGED, Alert.State.MUTED)


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A metric over the predictions of a time, against what it may be at worst."""

    lasting: timedelta
    reading: Mapping[str, Any]
    limit: float
    why: str


def performance(rule: AlertRule, version: ModelVersion, now: datetime) -> Finding:
    """The window of predictions whose truth can be in: it ends a horizon ago where
    silence is an answer."""
    project = version.project
    metric = METRICS[project.primary_metric]
    end = now
    if project.silence == Project.Silence.NEGATIVE and project.horizon:
        end = now - project.horizon
    width, found = _wide(version, rule, end=end, now=now)
    reading = read(found, metric.key)
    looks = list(_looks(rule, version, width, reading, end=end, now=now))
    if reading["low"] is None or not looks:
        return Finding(bad=None, message="No truth to judge by yet.", n=found.truths)
    bad = [look for look in looks if _is_worse(metric, look)]
    look = (bad or looks)[0]
    value, low, high = (look.reading[name] for name in ("value", "low", "high"))
    return Finding(
        bad=bool(bad),
        message=f"{metric.label} {number(value)} ({number(low)} to {number(high)}, n = "
        f"{look.reading['n']}) over {_told(look.lasting)}. {look.why}",
        value=value,
        low=low,
        high=high,
        n=look.reading["n"],
        coverage=look.reading["coverage"],
        limit=look.limit,
        detail={
            "metric": metric.key,
            "until": end.isoformat(),
            "hours": look.lasting / timedelta(hours=1),
        },
    )


def _is_worse(metric: Metric, look: Stretch) -> bool:
    """Even at the better end of its interval."""
    low, high = look.reading["low"], look.reading["high"]
    best = high if metric.larger_is_better else low
    if metric.best_at_zero:
        best = 0.0 if low <= 0 <= high else min(low, high, key=abs)
    return metric.gain(best, look.limit) < 0


def _looks(
    rule: AlertRule,
    version: ModelVersion,
    width: timedelta,
    reading: Mapping[str, Any],
    *,
    end: datetime,
    now: datetime,
) -> Iterator[Stretch]:
    """The rule's window; and the last week, in which less shows that lasts."""
    if rule.limit is not None:
        why = f"The limit is {number(rule.limit)}."
        yield Stretch(lasting=width, reading=reading, limit=rule.limit, why=why)
        return
    metric, tested = METRICS[version.project.primary_metric], _tested_bound(version)
    nothing = _no_skill(version, metric)
    opened = rule.alerts.exclude(state=Alert.State.RESOLVED).first()
    level = BACK if opened and opened.state in OPEN else SURE
    since = min(end, opened.opened_at) if opened else end
    for span in (width, WEEK) if width < WEEK else (width,):
        usual = _usual(version, before=since - span, now=now)
        if usual is None:
            if span == width and tested is not None:
                why = f"{_promised(metric, tested)} {TOO_FEW_DAYS}"
                yield Stretch(lasting=width, reading=reading, limit=tested, why=why)
            return
        if span > width:
            week = Window(start=end - span, end=end)
            reading = read(total(version, week, now=now), metric.key)
        limit, why = _allowed(usual, metric, level, span, nothing)
        if tested is not None:  # whichever allows more
            why = f"{why} {_promised(metric, tested)}"
            limit = (min if metric.larger_is_better else max)(limit, tested)
        yield Stretch(lasting=span, reading=reading, limit=limit, why=why)


def _allowed(
    usual: Usual,
    metric: Metric,
    level: float,
    width: timedelta,
    nothing: float | None,
) -> tuple[float, str]:
    """What hardly a stretch as long is beyond; and why. Where that comes too near to
    `nothing`, what takes no skill, the limit is nearer."""
    limit = usual.limit(level=level, lasting=width)
    side = "below" if metric.larger_is_better else "above"
    unit = {DAY: "day", WEEK: "week"}.get(width, f"stretch of {_told(width)}")
    part = f"one {unit} in {'a thousand' if level == SURE else 'ten'}"
    why = (
        f"Its first {usual.days} days lay around {number(usual.middle)}; going by them, "
        f"{part} is {side} {number(limit)}."
    )
    if nothing is not None and metric.gain(usual.middle, nothing) > 0:
        barely = usual.barely(nothing, lasting=width)
        if metric.gain(barely, limit) > 0:
            why = f"{why} {number(nothing)} takes no skill, so the limit is {number(barely)}."
            return barely, why
    return limit, why


def _promised(metric: Metric, tested: float) -> str:
    side = "least" if metric.larger_is_better else "most"
    return f"The sealed test gave at {side} {number(tested)}."


def _told(span: timedelta) -> str:
    return lasting(span / timedelta(hours=1))


def _usual(version: ModelVersion, *, before: datetime, now: datetime) -> Usual | None:
    """The first four weeks of days with truth enough, that ended by then: later ones
    would let a slow decline become usual. In whole weeks: a model that breaks in its
    second one does not make that usual before the week is judged."""
    metric = METRICS[version.project.primary_metric]
    known: list[Mapping[str, Any]] = []
    for found in _days(version, metric.minimum_n, before=before, now=now):
        reading = read_metric(found, metric.key)
        if reading["low"] is not None:
            known.append(reading)
        if len(known) == MOST_DAYS:
            break
    return usual_days(known[: len(known) // ENOUGH_DAYS * ENOUGH_DAYS], metric)


def _days(
    version: ModelVersion, least: int, *, before: datetime, now: datetime
) -> Iterator[Outcomes]:
    """What became of each whole day with as many truths, the first day first: of some,
    because an alert is looked at every few minutes for as long as the version lives."""
    days = DayBucket.objects.filter(
        version=version,
        slice="",
        role__in=ROLES,
        truths__gt=0,
        day__lt=before.astimezone(UTC).date(),
    )
    told = days.values("day").annotate(told=Total("truths")).filter(told__gte=least)
    first = list(told.order_by("day").values_list("day", flat=True)[:MOST_TRIED])
    rows = days.filter(day__in=first).order_by("day").iterator(chunk_size=40)
    for _, buckets in groupby(rows, key=lambda one: one.day):
        merged = Outcomes()
        for bucket in buckets:
            if is_mature(version.project, bucket, now=now):
                merged = merged.merge(Outcomes.unpack(bytes(bucket.outcomes)))
        yield merged


def _wide(
    version: ModelVersion, rule: AlertRule, *, end: datetime, now: datetime
) -> tuple[timedelta, Sum]:
    """The rule's window, widened up to 28 days until there is enough truth."""
    width, found = timedelta(), Sum()
    for hours in (rule.window_hours, 72, 24 * 7, 24 * 28):
        width = timedelta(hours=hours)
        found = total(version, Window(start=end - width, end=end), now=now)
        if found.outcomes.n >= MINIMUM_N:
            break
    return width, found


def _tested_bound(version: ModelVersion) -> float | None:
    """The worse end of the interval that the sealed test gave it."""
    metric = METRICS[version.project.primary_metric]
    return _tested(version, metric).get("low" if metric.larger_is_better else "high")


def _no_skill(version: ModelVersion, metric: Metric) -> float | None:
    """What chance reaches; else the baseline in its sealed test. Not of errors, which
    a bad day multiplies for the baseline too."""
    if metric.chance is not None or not metric.larger_is_better:
        return metric.chance
    rollout = Rollout.objects.select_related("baseline")
    found = rollout.filter(project=version.project).exclude(baseline=version).first()
    return _tested(found.baseline, metric).get("value") if found else None


def _tested(version: ModelVersion, metric: Metric) -> Mapping[str, Any]:
    tested = version.evaluations.filter(kind=Evaluation.Kind.TEST).first()
    return tested.report["metrics"].get(metric.key, {}) if tested else {}
