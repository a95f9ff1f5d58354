"""Component 4, Monitor: days are merged from their hours, whenever an hour changes."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta

from django.db import transaction

from monitoring.models import DayBucket, HourBucket
from monitoring.monitor.fold import Place
from monitoring.monitor.inputs import Inputs
from monitoring.monitor.outcomes import Outcomes
from registry.models import Project


def merge_days(project: Project, places: Iterable[Place]) -> None:
    """Bring the days of these hours up to date."""
    for version, role, name, day in sorted(
        {(place.version, place.role, place.slice, place.day) for place in places}
    ):
        start = datetime.combine(day, time(), tzinfo=UTC)
        where = {"version_id": version, "role": role, "slice": name}
        with transaction.atomic():
            bucket, _ = DayBucket.objects.select_for_update(of=("self",)).get_or_create(
                **where, day=day, defaults={"project": project}
            )
            hours = HourBucket.objects.filter(
                **where, hour__gte=start, hour__lt=start + timedelta(days=1)
            )
            _sum(bucket, list(hours))
            bucket.save()


def _sum(day: DayBucket, hours: list[HourBucket]) -> None:
    for name in ("n", "errors", "fallbacks", "truths"):
        setattr(day, name, sum(getattr(hour, name) for hour in hours))
    inputs, outcomes = Inputs(), Outcomes()
    for hour in hours:
        inputs = inputs.merge(Inputs.unpack(bytes(hour.inputs)))
        outcomes = outcomes.merge(Outcomes.unpack(bytes(hour.outcomes)))
    day.inputs = inputs.pack() if inputs.n else b""
    day.outcomes = outcomes.pack() if outcomes.n else b""
