"""Component 4, Monitor: days are merged from their hours. An hour says itself that its
day does not hold it yet, so a crash in between leaves no day old.

Hours are kept 90 days. A day whose hours were let go is closed: an hour that comes later
still is added to it, once, and goes at once.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.db.models import F, QuerySet

from monitoring.models import DayBucket, HourBucket
from monitoring.monitor.inputs import Inputs
from monitoring.monitor.outcomes import Outcomes
from registry.models import Project

CHUNK = 500  # changed hours looked at in one go
HOURS_KEPT = timedelta(days=90)
LATE = timedelta(days=7)  # truth after its horizon


def merge_days(project: Project) -> bool:
    """Bring the days of up to 500 changed hours up to date; False: there were none."""
    changed = HourBucket.objects.filter(project=project, unmerged=True)
    places = changed.order_by("hour").values_list("version_id", "role", "slice", "hour")
    days = {(v, role, name, hour.date()) for v, role, name, hour in places[:CHUNK]}
    for version, role, name, day in sorted(days):
        _merge(project, day, version_id=version, role=role, slice=name)
    return bool(days)


@transaction.atomic
def _merge(project: Project, day: date, **where: int | str) -> None:
    """Hours are held before the day."""
    hours = list(_hours_of(day, **where))
    bucket, _ = DayBucket.objects.select_for_update(of=("self",)).get_or_create(
        **where, day=day, defaults={"project": project}
    )
    merged = HourBucket.objects.filter(pk__in=[hour.pk for hour in hours])
    if bucket.closed:
        _sum(bucket, [bucket, *hours])
        bucket.save()
        merged.delete()
        return
    _sum(bucket, hours)
    bucket.save()
    merged.update(unmerged=False)


def hours_since(project: Project, *, now: datetime) -> datetime:
    """The midnight from which on hours are there: longer than 90 days where truth may
    take longer."""
    kept = max(HOURS_KEPT, (project.horizon or timedelta()) + LATE)
    return datetime.combine((now - kept).astimezone(UTC).date(), time(), tzinfo=UTC)


def old_hours(project: Project, *, now: datetime) -> QuerySet[HourBucket]:
    """What may go: old, and in its day with all that is known of it."""
    old = HourBucket.objects.filter(
        project=project, hour__lt=hours_since(project, now=now)
    )
    return old.filter(unmerged=False, dirty=F("cleaned"))


def let_go(project: Project, *, now: datetime) -> int:
    """Delete the hours of old days, some hundred at once, and close these days. Returns
    how many hours went."""
    places = old_hours(project, now=now).order_by("hour").values_list(
        "version_id", "role", "slice", "hour"
    )  # fmt: skip
    old = {(v, role, name, hour.date()) for v, role, name, hour in places[:CHUNK]}
    return sum(
        _close(day, version_id=version, role=role, slice=name)
        for version, role, name, day in sorted(old)
    )


@transaction.atomic
def _close(day: date, **where: int | str) -> int:
    hours = list(_hours_of(day, **where))
    if any(hour.unmerged or hour.dirty != hour.cleaned for hour in hours):
        return 0  # something came meanwhile: it is merged first
    DayBucket.objects.filter(**where, day=day).update(closed=True)
    HourBucket.objects.filter(pk__in=[hour.pk for hour in hours]).delete()
    return len(hours)


def closed_days(
    places: Iterable[tuple[int, str, str, datetime]],
) -> set[tuple[int, str, str, date]]:
    """Which of the days that these hours lie in are closed: version, role, slice, day."""
    wanted = {(v, role, name, hour.date()) for v, role, name, hour in places}
    if not wanted:
        return set()
    versions, roles, slices, days = (set(part) for part in zip(*wanted, strict=True))
    found = DayBucket.objects.filter(
        version__in=versions,
        role__in=roles,
        slice__in=slices,
        day__in=days,
        closed=True,
    )
    return wanted & set(found.values_list("version_id", "role", "slice", "day"))


def _hours_of(day: date, **where: int | str) -> QuerySet[HourBucket]:
    """Held until the commit, in the order in which folds hold them."""
    start = datetime.combine(day, time(), tzinfo=UTC)
    return (
        HourBucket.objects.select_for_update(of=("self",))
        .filter(**where, hour__gte=start, hour__lt=start + timedelta(days=1))
        .order_by("hour")
    )


def _sum(day: DayBucket, parts: Sequence[HourBucket | DayBucket]) -> None:
    for name in ("n", "errors", "fallbacks", "truths"):
        setattr(day, name, sum(getattr(part, name) for part in parts))
    inputs, outcomes = Inputs(), Outcomes()
    for part in parts:
        inputs = inputs.merge(Inputs.unpack(bytes(part.inputs)))
        outcomes = outcomes.merge(Outcomes.unpack(bytes(part.outcomes)))
    day.inputs = inputs.pack() if inputs.n else b""
    day.outcomes = outcomes.pack() if outcomes.n else b""
