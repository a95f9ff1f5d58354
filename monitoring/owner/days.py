"""What versions did day by day, read from rollups: one query, however many projects."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from monitoring.models import DayBucket
from monitoring.monitor.outcomes import Outcomes
from registry.models import Project

SHADOW, LIVE = "shadow", "live"


@dataclass(frozen=True, kw_only=True)
class Day:
    """One version in one role on one day. `outcomes` are unpacked when asked for."""

    version: int
    role: str
    day: date
    n: int
    errors: int
    fallbacks: int
    truths: int
    blob: bytes
    mature: bool

    def outcomes(self, *, whole: bool) -> Outcomes:
        """`whole`: with histograms; else the means over rows alone, ten times quicker."""
        if not self.mature:
            return Outcomes()
        return Outcomes.unpack(self.blob) if whole else Outcomes.means_of(self.blob)


@dataclass(frozen=True)
class History:
    """The days of one project, the oldest first."""

    days: list[Day] = field(default_factory=list)

    def of(self, *versions: int | None, roles: Iterable[str] = ()) -> Iterator[Day]:
        wanted = set(roles)
        for each in self.days:
            if each.version in versions and (not wanted or each.role in wanted):
                yield each

    def answered(self) -> Iterator[Day]:
        """What somebody got: shadows answered nobody."""
        return (each for each in self.days if each.role != SHADOW)

    def first_of(self, version: int) -> date | None:
        return next((each.day for each in self.of(version)), None)


def merged(days: Iterable[Day], *, whole: bool) -> Outcomes:
    found = Outcomes()
    for each in days:
        found = found.merge(each.outcomes(whole=whole))
    return found


def histories(
    projects: Iterable[Project], *, since: date, now: datetime
) -> dict[int, History]:
    """The days of every project from `since` on, by the project's key."""
    by_key = {project.pk: project for project in projects}
    found = {key: History() for key in by_key}
    rows = DayBucket.objects.filter(
        project__in=list(by_key), slice="", day__gte=since
    ).order_by("day", "pk")
    names = ("version_id", "role", "day", "n", "errors", "fallbacks", "truths")
    for key, blob, *rest in rows.values_list("project_id", "outcomes", *names):
        version, role, day, n, errors, fallbacks, truths = rest
        found[key].days.append(
            Day(
                version=version,
                role=role,
                day=day,
                n=n,
                errors=errors,
                fallbacks=fallbacks,
                truths=truths,
                blob=bytes(blob),
                mature=_is_mature(by_key[key], day, now=now),
            )
        )
    return found


def _is_mature(project: Project, day: date, *, now: datetime) -> bool:
    """Whether everything that silence could stand for is in."""
    if project.silence != Project.Silence.NEGATIVE or project.horizon is None:
        return True
    return day < mature_until(project, now=now)


def mature_until(project: Project, *, now: datetime) -> date:
    """The first day that is not mature."""
    if project.silence != Project.Silence.NEGATIVE or project.horizon is None:
        return now.date() + timedelta(days=1)
    return (now - project.horizon).date()
