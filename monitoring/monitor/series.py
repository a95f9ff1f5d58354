"""Component 4, Monitor: every number over time, read from buckets, with its interval.

Where silence means "no", the known truths of an hour that is not mature yet are all of
one kind: such hours are shown, marked, and counted in no total.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import reduce
from itertools import chain
from typing import Any

import numpy as np
from django.db.models import Q

from monitoring.models import DayBucket, HourBucket
from monitoring.monitor.days import hours_since
from monitoring.monitor.histograms import LATENCY
from monitoring.monitor.inputs import Inputs, latency_of
from monitoring.monitor.outcomes import Outcomes
from monitoring.monitor.performance import read_metric
from monitoring.monitor.rollups import mature_until
from registry.catalogue import METRICS
from registry.intervals import wilson
from registry.models import ModelVersion, Project

ROLES = ("live", "canary", "shadow", "baseline")  # a fall-back answered for another
OPERATIONS = (
    "predictions",
    "error_rate",
    "fallback_rate",
    "latency_p50",
    "latency_p95",
)


BUCKETS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


@dataclass
class Sum:
    """Merged buckets; inputs are unpacked by those who read them."""

    n: int = 0
    errors: int = 0
    fallbacks: int = 0
    truths: int = 0
    packed_inputs: list[bytes] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Outcomes)

    def add(
        self, bucket: HourBucket | DayBucket, *, with_outcomes: bool = True
    ) -> None:
        self.n += bucket.n
        self.errors += bucket.errors
        self.fallbacks += bucket.fallbacks
        self.packed_inputs.append(bytes(bucket.inputs))
        if with_outcomes:
            self.truths += bucket.truths
            self.outcomes = self.outcomes.merge(Outcomes.unpack(bytes(bucket.outcomes)))

    def inputs(self) -> Inputs:
        return reduce(Inputs.merge, map(Inputs.unpack, self.packed_inputs), Inputs())

    def latency(self) -> np.ndarray:
        return latency_of(self.packed_inputs)

    @property
    def answers(self) -> int:
        """Who failed answered nobody."""
        return self.n - self.errors

    @property
    def coverage(self) -> float | None:
        """Share of answers whose truth is known."""
        return self.truths / self.answers if self.answers else None


def read(total: Sum, metric: str) -> dict[str, Any]:
    """One number: {"value", "low", "high", "n", "coverage", "reason"?}."""
    if metric in OPERATIONS:
        return OPERATION_READERS[metric](total)
    if not total.outcomes.n:
        return _number(None, n=0, total=total) | {"reason": "No truth is known yet."}
    return read_metric(total.outcomes, metric) | {"coverage": total.coverage}


def _number(
    value: float | None,
    *,
    n: int,
    total: Sum,
    bounds: tuple[float, float] | None = None,
) -> dict[str, Any]:
    low, high = bounds or (None, None)
    return {
        "value": value,
        "low": low,
        "high": high,
        "n": n,
        "coverage": total.coverage,
    }


def _share(
    count: Callable[[Sum], int], *, of: Callable[[Sum], int]
) -> Callable[[Sum], dict[str, Any]]:
    def read_share(total: Sum) -> dict[str, Any]:
        part, n = count(total), of(total)
        if not n:
            return _number(None, n=0, total=total) | {"reason": "No predictions."}
        return _number(part / n, n=n, total=total, bounds=wilson(part, n))

    return read_share


def _latency(q: float) -> Callable[[Sum], dict[str, Any]]:
    def read_latency(total: Sum) -> dict[str, Any]:
        latency = total.latency()
        value = LATENCY.quantile(latency, q)
        return _number(value, n=int(latency.sum()), total=total)

    return read_latency


OPERATION_READERS: dict[str, Callable[[Sum], dict[str, Any]]] = {
    "predictions": lambda total: _number(total.answers, n=total.answers, total=total),
    "error_rate": _share(lambda total: total.errors, of=lambda total: total.n),
    "fallback_rate": _share(
        lambda total: total.fallbacks, of=lambda total: total.answers
    ),
    "latency_p50": _latency(0.5),
    "latency_p95": _latency(0.95),
}


def known_metrics(project: Project) -> list[str]:
    own = [key for key, metric in METRICS.items() if project.task in metric.tasks]
    return [*own, *OPERATIONS]


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which predictions: `start` ≤ at < `end`, whole hours or days, UTC."""

    start: datetime
    end: datetime
    by: str = "hour"
    slice: str = ""
    roles: Sequence[str] = ROLES

    def buckets(self, version: ModelVersion) -> Iterable[HourBucket | DayBucket]:
        where = {"version": version, "role__in": self.roles, "slice": self.slice}
        if self.by == "day":
            return DayBucket.objects.filter(
                **where, day__gte=self.start.date(), day__lt=_last_day(self.end)
            ).order_by("day")
        return HourBucket.objects.filter(
            **where, hour__gte=self.start, hour__lt=self.end
        ).order_by("hour")


def floor(moment: datetime, *, by: str) -> datetime:
    """Where the hour or day of a moment begins."""
    if by == "day":
        return _midnight(moment)
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def ceiling(moment: datetime, *, by: str) -> datetime:
    """The moment, if an hour or day begins with it, else where the next one does."""
    begun = floor(moment, by=by)
    return begun if begun == moment else begun + BUCKETS[by]


def going_on_until(now: datetime, *, by: str) -> datetime:
    """Where the hour or day ends that is going on now."""
    return floor(now, by=by) + BUCKETS[by]


def whole(window: Window, *, project: Project, now: datetime) -> Window:
    """The buckets that a window touches, so that what is counted is what is named.
    Where hours are kept no longer, it is days that are counted."""
    kept = hours_since(project, now=now)
    start, end = window.start, window.end
    return replace(
        window,
        start=floor(start, by="day" if start < kept else window.by),
        end=ceiling(end, by="day" if end < kept else window.by),
    )


def _last_day(end: datetime) -> Any:
    return (
        end.date()
        if end.timetz() == time(tzinfo=UTC)
        else (end + timedelta(days=1)).date()
    )


def starts(bucket: HourBucket | DayBucket) -> datetime:
    if isinstance(bucket, HourBucket):
        return bucket.hour
    return datetime.combine(bucket.day, time(), tzinfo=UTC)


def ends(bucket: HourBucket | DayBucket) -> datetime:
    day = isinstance(bucket, DayBucket)
    return starts(bucket) + (timedelta(days=1) if day else timedelta(hours=1))


def is_mature(
    project: Project, bucket: HourBucket | DayBucket, *, now: datetime
) -> bool:
    """Whether all truths that silence could stand for are in."""
    until = mature_until(project, now=now)
    return until is None or ends(bucket) <= until


def total(version: ModelVersion, window: Window, *, now: datetime) -> Sum:
    """Everything in the window; outcomes of mature hours only.

    Whole days are read as days, which are merged from the same hours; only the ends,
    and the day in which maturity ends, are read hour by hour.
    """
    found = Sum()
    for bucket in _cheapest(version, window, now=now):
        mature = is_mature(version.project, bucket, now=now)
        found.add(bucket, with_outcomes=mature)
    return found


def _cheapest(
    version: ModelVersion, window: Window, *, now: datetime
) -> Iterable[HourBucket | DayBucket]:
    kept = hours_since(version.project, now=now)  # before it there are days alone
    first, last = (
        _midnight(window.start)
        if window.start < kept
        else _next_midnight(window.start),
        _next_midnight(window.end) if window.end < kept else _midnight(window.end),
    )
    few = last - first < timedelta(days=2) and window.start >= kept
    if window.by == "day" or few:
        return window.buckets(version)
    where = {"version": version, "role__in": window.roles, "slice": window.slice}
    days = DayBucket.objects.filter(**where, day__gte=first.date(), day__lt=last.date())
    apart = Q(hour__gte=window.start, hour__lt=first)
    apart |= Q(hour__gte=last, hour__lt=window.end)
    if (horizon := version.project.horizon) is not None:
        cut = _midnight(now - horizon)
        if first <= cut < last:
            days = days.exclude(day=cut.date())
            apart |= Q(hour__gte=cut, hour__lt=cut + timedelta(days=1))
    hours = HourBucket.objects.filter(apart, **where).order_by("hour")
    return chain(days.order_by("day"), hours)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time(), tzinfo=UTC)


def _next_midnight(moment: datetime) -> datetime:
    midnight = _midnight(moment)
    return midnight if midnight == moment else midnight + timedelta(days=1)


def points(
    version: ModelVersion, window: Window, metric: str, *, now: datetime
) -> list[dict[str, Any]]:
    """The metric bucket by bucket: {"at", "value", "low", "high", "n", "coverage",
    "mature"}, the oldest first; buckets without predictions are left out."""
    sums: dict[datetime, Sum] = {}
    mature: dict[datetime, bool] = {}
    for bucket in window.buckets(version):
        at = starts(bucket)
        sums.setdefault(at, Sum()).add(bucket)
        mature[at] = is_mature(version.project, bucket, now=now)
    return [
        {"at": at, **read(found, metric), "mature": mature[at]}
        for at, found in sums.items()
    ]
