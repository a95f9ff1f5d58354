"""Recurring jobs as rows: a slot is claimed by moving `next_at` with one UPDATE."""

from datetime import UTC, datetime

from cronsim import CronSim, CronSimError
from django.db import transaction

from registry import moments
from registry.errors import FieldError, InvalidInput
from registry.jobs import enqueue
from registry.models import Project, Schedule

FIELDS = 5  # minute, hour, day, month, weekday


def next_slot(*, cron: str, zone: str, after: datetime) -> datetime:
    """The first moment after `after` that `cron` names, in `zone`; UTC.

    >>> next_slot(cron="0 3 * * *", zone="UTC", after=datetime(2026, 1, 1, 4, tzinfo=UTC))
    datetime.datetime(2026, 1, 2, 3, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        local = after.astimezone(moments.zone(zone))
    except ValueError as error:
        raise InvalidInput(
            "Unknown time zone.", errors=[FieldError("zone", str(error))]
        ) from error
    try:
        if len(cron.split()) != FIELDS:
            raise CronSimError(cron)  # a sixth would be seconds
        return next(CronSim(cron, local)).astimezone(UTC)
    except (CronSimError, StopIteration) as error:
        raise InvalidInput(
            "This is no cron expression.",
            errors=[FieldError("cron", "Write five fields, as in 0 3 * * 1.")],
        ) from error


def set_schedule(
    *,
    project: Project | None,
    task: str,
    cron: str,
    zone: str,
    lane: str,
    now: datetime,
    enabled: bool = True,
    args: dict[str, object] | None = None,
) -> Schedule:
    """Create or change the one schedule of a project and task."""
    schedule, _ = Schedule.objects.update_or_create(
        project=project,
        task=task,
        defaults={
            "cron": cron,
            "zone": zone,
            "lane": lane,
            "enabled": enabled,
            "args": args or {},
            "next_at": next_slot(cron=cron, zone=zone, after=now),
        },
    )
    return schedule


def start_due(*, now: datetime) -> int:
    """Enqueue what is due, once: two schedulers at the same second do no harm. Slots
    missed while everything was off are one job, not many."""
    started = 0
    for schedule in Schedule.objects.filter(enabled=True, next_at__lte=now):
        slot = schedule.next_at
        following = next_slot(cron=schedule.cron, zone=schedule.zone, after=now)
        mine = Schedule.objects.filter(pk=schedule.pk, next_at=slot)
        with transaction.atomic():  # a slot that is taken and not started would be lost
            if not mine.update(next_at=following):
                continue
            enqueue(
                task=schedule.task,
                args=schedule.args,
                lane=schedule.lane,
                project=schedule.project,
                key=f"schedule:{schedule.pk}",
            )
        started += 1
    return started
