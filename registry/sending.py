"""Background work: messages to the broker, which may be lost, and are sent again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from celery import current_app
from django.db.models import F, Q

from registry.models import Job

logger = logging.getLogger(__name__)

FIRST_RESEND = timedelta(seconds=60)  # doubling, so a dead broker is not flooded
LONGEST_RESEND = timedelta(minutes=30)


def send(job: Job, *, now: datetime) -> None:
    """Hand the id to the broker; a broker that is down is left to the tick."""
    from kombu.exceptions import OperationalError

    Job.objects.filter(pk=job.pk).update(sent_at=now, sends=F("sends") + 1)
    try:
        current_app.send_task(
            job.task, [str(job.pk)], queue=job.lane, retry=False, ignore_result=True
        )
    except (OperationalError, OSError) as error:
        logger.warning("job %s not sent, the tick will: %s", job.pk, error)


@contextmanager
def without_broker() -> Iterator[None]:
    """For a command, which needs no broker: that none was sent is no news there, and the
    tick sends what the command does not work itself."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def resend_due(*, now: datetime, limit: int = 200) -> int:
    """Send what is due and has no live lease, each row at most once in its pause."""
    waiting = Job.objects.filter(
        Q(state=Job.State.QUEUED, due_at__lte=now)
        | Q(state=Job.State.RUNNING, lease_until__lt=now)
    ).order_by("due_at")[:limit]
    sent = 0
    for job in waiting:
        pause = min(FIRST_RESEND * 2 ** max(job.sends - 1, 0), LONGEST_RESEND)
        if job.sent_at and job.sent_at > now - pause:
            continue
        # Two ticks may run at once: only one of them moves `sent_at`.
        claimed = Job.objects.filter(pk=job.pk, sent_at=job.sent_at).update(sent_at=now)
        if claimed:
            send(job, now=now)
            sent += 1
    return sent
