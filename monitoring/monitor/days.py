"""Component 4, Monitor: days are merged from their hours. An hour says itself that its
day does not hold it yet, so a crash in between leaves no day old."""

from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction

from monitoring.models import DayBucket, HourBucket
from monitoring.monitor.inputs import Inputs
from monitoring.monitor.outcomes import Outcomes
from registry.models import Project

CHUNK = 500  # changed hours looked at in one go


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
    """Hours are held before the day, in the order in which folds hold them."""
    start = datetime.combine(day, time(), tzinfo=UTC)
    hours = list(
        HourBucket.objects.select_for_update(of=("self",))
        .filter(**where, hour__gte=start, hour__lt=start + timedelta(days=1))
        .order_by("hour")
    )
    bucket, _ = DayBucket.objects.select_for_update(of=("self",)).get_or_create(
        **where, day=day, defaults={"project": project}
    )
    _sum(bucket, hours)
    bucket.save()
    merged = [hour.pk for hour in hours]
    HourBucket.objects.filter(pk__in=merged).update(unmerged=False)


def _sum(day: DayBucket, hours: list[HourBucket]) -> None:
    for name in ("n", "errors", "fallbacks", "truths"):
        setattr(day, name, sum(getattr(hour, name) for hour in hours))
    inputs, outcomes = Inputs(), Outcomes()
    for hour in hours:
        inputs = inputs.merge(Inputs.unpack(bytes(hour.inputs)))
        outcomes = outcomes.merge(Outcomes.unpack(bytes(hour.outcomes)))
    day.inputs = inputs.pack() if inputs.n else b""
    day.outcomes = outcomes.pack() if outcomes.n else b""
