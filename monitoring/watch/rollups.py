"""Component 4, the monitor page: buckets as charts read them, one query a chart and only
the parts it needs. Raw predictions are never read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar

from django.db.models import QuerySet

from monitoring.models import DayBucket, HourBucket
from monitoring.monitor.inputs import Inputs
from monitoring.monitor.outcomes import Outcomes
from monitoring.watch.asked import Asked, length
from registry.models import Project

Key = TypeVar("Key")
COUNTS = ("version_id", "role", "slice", "n", "errors", "fallbacks", "truths")


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One hour or day of one version in one role and slice."""

    version: int
    role: str
    slice: str
    at: datetime
    n: int
    errors: int
    fallbacks: int
    truths: int
    mature: bool  # all truth that silence stands for is in
    inputs_blob: bytes = b""
    outcomes_blob: bytes = b""

    def inputs(self) -> Inputs:
        return Inputs.unpack(self.inputs_blob)

    def outcomes(self) -> Outcomes:
        """Nothing where truth is still arriving: what is known of it is of one kind."""
        return Outcomes.unpack(self.outcomes_blob) if self.mature else Outcomes()


def pieces(
    asked: Asked,
    *parts: str,
    versions: Sequence[int] = (),
    slices: bool = False,
    by: str = "",
) -> list[Piece]:
    """The buckets asked for, the oldest first. `parts`: "inputs", "outcomes", or none
    for the counts alone."""
    by = by or asked.by
    ids = versions or [one.version.pk for one in asked.shown]
    where: dict[str, Any] = {"version__in": ids, "role__in": asked.roles}
    where |= {"slice__gt": ""} if slices else {"slice": ""}
    rows: QuerySet[Any]
    if by == "hour":
        place = "hour"
        rows = HourBucket.objects.filter(
            **where, hour__gte=asked.start, hour__lt=asked.end
        )
    else:
        place = "day"
        rows = DayBucket.objects.filter(
            **where, day__gte=asked.start.date(), day__lt=asked.end.date()
        )
    names = (*COUNTS, place, *parts)
    found = rows.order_by(place, "pk").values_list(*names)
    return [_piece(asked, dict(zip(names, row, strict=True)), place) for row in found]


def _piece(asked: Asked, row: dict[str, Any], place: str) -> Piece:
    at = row[place]
    if place == "day":
        at = datetime.combine(at, time(), tzinfo=UTC)
    width = timedelta(hours=1) if place == "hour" else timedelta(days=1)
    return Piece(
        version=row["version_id"],
        role=row["role"],
        slice=row["slice"],
        at=at,
        n=row["n"],
        errors=row["errors"],
        fallbacks=row["fallbacks"],
        truths=row["truths"],
        mature=at + width <= mature_until(asked.project, now=asked.now),
        inputs_blob=bytes(row.get("inputs", b"")),
        outcomes_blob=bytes(row.get("outcomes", b"")),
    )


def mature_until(project: Project, *, now: datetime) -> datetime:
    """Predictions before it have all the truth they will ever have by silence."""
    if project.silence != Project.Silence.NEGATIVE or project.horizon is None:
        return now + timedelta(weeks=1)
    return now - project.horizon


def grouped(
    found: Iterable[Piece], key: Callable[[Piece], Key]
) -> dict[Key, list[Piece]]:
    groups: dict[Key, list[Piece]] = {}
    for piece in found:
        groups.setdefault(key(piece), []).append(piece)
    return groups


def outcomes_of(found: Iterable[Piece]) -> Outcomes:
    merged = Outcomes()
    for piece in found:
        merged = merged.merge(piece.outcomes())
    return merged


def inputs_of(found: Iterable[Piece]) -> Inputs:
    merged = Inputs()
    for piece in found:
        merged = merged.merge(piece.inputs())
    return merged


def steps(asked: Asked) -> Iterator[datetime]:
    """The start of every bucket of the window."""
    at = asked.start
    while at < asked.end:
        yield at
        at += length(asked.by)
