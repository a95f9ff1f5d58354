"""What the house's pulse asks of this floor."""

from datetime import datetime, timedelta

from labelling.collector import silence, waiting
from labelling.labeller import intake_jobs, leases, refresh
from registry.jobs import enqueue

# A prediction is looked at by several ticks, so a slow commit is not overlooked.
YOUNG, YOUNGISH = timedelta(minutes=1), timedelta(minutes=10)


def tick(now: datetime) -> None:
    """Every ten seconds: cards nobody answered go back, stale queues are ranked, truths
    that came early look for their predictions. Bounded, and by indexes alone."""
    leases.reclaim(now=now)
    refresh.request_due(now)
    waiting.match_waiting(now=now)
    waiting.match_recent(now=now, age=YOUNG)


def sweep(now: datetime) -> None:
    """Every minute: forget what is over, and let silence speak where it is due."""
    leases.forget_ended(now=now)
    waiting.match_recent(now=now, age=YOUNGISH)
    waiting.expire(now=now)
    if silence.is_due(now=now):
        enqueue(task="labelling.mature", key="labelling.mature")


def clean(now: datetime) -> None:
    """Every ten minutes, as the long lane has time: files of imports that ended badly."""
    del now
    intake_jobs.forget_files()
