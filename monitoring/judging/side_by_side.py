"""What two versions did in the same hours, or days: who is compared with whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain

from msgspec.structs import replace

from monitoring.evaluator.moments import Moments
from monitoring.models import DayBucket, HourBucket
from monitoring.monitor.days import hours_since
from monitoring.monitor.fold import hour_of
from monitoring.monitor.rollups import Piece, read
from registry.models import ModelVersion, Project
from serving.models import Prediction

# Metrics that are a mean over rows, and the folded moment that is that mean. Smaller is
# better of every one of them.
MEANS: Mapping[str, str] = {
    "cost": "cost",
    "log_loss": "log_loss",
    "brier": "squared_error",
    "mae": "absolute_error",
}
THIN = 10  # answers an hour: from there on both have some of most hours
Pieces = list[Piece]
Pair = tuple[datetime, Pieces, Pieces]


def pairs(ours: Iterable[Piece], theirs: Iterable[Piece]) -> Iterator[Pair]:
    """The buckets in which both answered, the oldest first.

    Not those in which one was live after the other: one had the morning, the other the
    evening.
    """
    one, other = _by_time(ours), _by_time(theirs)
    for at in sorted(one.keys() & other.keys()):
        if not (_was_live(one[at]) and _was_live(other[at])):
            yield at, one[at], other[at]


def pairs_of_any_traffic(ours: Pieces, theirs: Pieces, *, now: datetime) -> list[Pair]:
    """By the hour; hours of few answers as one with those of their day: of twelve answers
    a day two seldom share an hour. What one scored for itself stays apart."""
    return list(pairs(*_by_day_where_thin(ours, theirs, now=now)))


def rows(pieces: Iterable[Piece]) -> int:
    return sum(piece.n for piece in pieces)


def _by_day_where_thin(*sides: Pieces, now: datetime) -> list[Pieces]:
    """Thin hours at the last one of their day, by which it is told how far the evidence
    is. The hour going on stays by itself: any is thin while it begins."""
    hours, going_on = _by_time(chain(*sides)), hour_of(now)
    over = sorted(at for at in hours if at < going_on)
    thin = [at for at in over if rows(hours[at]) < THIN]
    last = {at.date(): at for at in thin}
    told = {at: last[at.date()] for at in thin}
    return [
        [replace(piece, at=told.get(piece.at, piece.at)) for piece in side]
        for side in sides
    ]


def _by_time(pieces: Iterable[Piece]) -> dict[datetime, Pieces]:
    found: dict[datetime, Pieces] = {}
    for piece in pieces:
        found.setdefault(piece.at, []).append(piece)
    return found


def _was_live(pieces: Pieces) -> bool:
    return any(piece.role == Prediction.Role.LIVE for piece in pieces)


def moments(pieces: Pieces, key: str) -> Moments:
    """A mean over the rows whose truth is known."""
    found = Moments()
    for piece in pieces:
        found = found.merge(piece.outcomes().moments.get(key, Moments()))
    return found


def hours_of(
    version: ModelVersion,
    *,
    project: Project,
    role: str,
    start: datetime,
    now: datetime,
) -> Pieces:
    """From the first one on, as far back as hours are kept."""
    first = max(start, hours_since(project, now=now))
    found = HourBucket.objects.filter(
        version=version,
        role=role,
        slice="",
        hour__gte=first,
        hour__lt=now + timedelta(hours=1),
    )
    return read(found, "outcomes", by="hour", projects={project.pk: project}, now=now)


def old_days_of(
    version: ModelVersion,
    *,
    project: Project,
    role: str,
    start: datetime,
    now: datetime,
) -> Pieces:
    """The days whose hours are gone; the first of them is not whole, and left out. One
    with another they say nothing: one had the noon, the other the night."""
    kept = hours_since(project, now=now)
    if start >= kept:
        return []
    found = DayBucket.objects.filter(
        version=version,
        role=role,
        slice="",
        day__gt=start.date(),
        day__lt=kept.date(),
    )
    return read(found, by="day", projects={project.pk: project}, now=now)
