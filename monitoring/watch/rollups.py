"""Component 4, the monitor page: the buckets a chart asks for, one query each. Raw
predictions are never read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from monitoring.models import DayBucket, HourBucket
from monitoring.monitor.rollups import Piece, read
from monitoring.watch.asked import Asked, length

Key = TypeVar("Key")


def pieces(
    asked: Asked,
    *parts: str,
    versions: Sequence[int] = (),
    slices: bool = False,
    by: str = "",
) -> list[Piece]:
    """The buckets asked for, the oldest first. `parts`: "inputs", "outcomes", or none
    for the counts alone."""
    by = "hour" if (by or asked.by) == "hour" else "day"
    ids = versions or [one.version.pk for one in asked.shown]
    where: dict[str, Any] = {"version__in": ids, "role__in": asked.roles}
    where |= {"slice__gt": ""} if slices else {"slice": ""}
    rows: Any
    if by == "hour":
        rows = HourBucket.objects.filter(
            **where, hour__gte=asked.start, hour__lt=asked.end
        )
    else:
        rows = DayBucket.objects.filter(
            **where, day__gte=asked.start.date(), day__lt=asked.end.date()
        )
    projects = {asked.project.pk: asked.project}
    return read(rows, *parts, by=by, projects=projects, now=asked.now)


def grouped(
    found: Iterable[Piece], key: Callable[[Piece], Key]
) -> dict[Key, list[Piece]]:
    groups: dict[Key, list[Piece]] = {}
    for piece in found:
        groups.setdefault(key(piece), []).append(piece)
    return groups


def steps(asked: Asked) -> Iterator[datetime]:
    """The start of every bucket of the window."""
    at = asked.start
    while at < asked.end:
        yield at
        at += length(asked.by)
