"""What versions did day by day, read from rollups: one query, however many projects."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from monitoring.models import DayBucket
from monitoring.monitor.rollups import Piece, mature_until, read
from registry.models import Project

SHADOW, LIVE = "shadow", "live"


@dataclass(frozen=True)
class History:
    """The days of one project, the oldest first."""

    days: list[Piece] = field(default_factory=list)

    def of(self, *versions: int | None, roles: Iterable[str] = ()) -> Iterator[Piece]:
        wanted = set(roles)
        for each in self.days:
            if each.version in versions and (not wanted or each.role in wanted):
                yield each

    def answered(self) -> Iterator[Piece]:
        """What somebody got: shadows answered nobody."""
        return (each for each in self.days if each.role != SHADOW)


def histories(
    projects: Iterable[Project], *, since: date, now: datetime
) -> dict[int, History]:
    """The days of every project from `since` on, by the project's key."""
    by_key = {project.pk: project for project in projects}
    found = {key: History() for key in by_key}
    rows = DayBucket.objects.filter(project__in=list(by_key), slice="", day__gte=since)
    for piece in read(rows, "outcomes", by="day", projects=by_key, now=now):
        found[piece.project].days.append(piece)
    return found


def first_open_day(project: Project, *, now: datetime) -> date:
    """The first day that is not mature; tomorrow, where silence says nothing."""
    return (mature_until(project, now=now) or now + timedelta(days=1)).date()
