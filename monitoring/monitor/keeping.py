"""Component 4, Monitor: what is kept, and for how long.

Answers go when the project's retention is over, a few hundred in one commit: each floor
deletes its own, and their hours' outcomes are frozen in the same commit, so that no late
truth is counted from what is left. Hours go after 90 days; days stay for ever.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from labelling import retention
from monitoring.models import HourBucket
from monitoring.monitor import days
from monitoring.monitor.fold import hour_of
from registry.clock import now as clock_now
from registry.identifiers import first_uuid7
from registry.jobs import Continue, JobContext, enqueue
from registry.models import Job, Project
from serving import predictions
from serving.models import Prediction

TASK = "monitoring.keep"
EVERY = timedelta(hours=1)
CHUNK = 500  # rows a transaction: SQLite has one writer
SILENCE_COUNTS = timedelta(days=1)  # after its horizon, at the latest
SLICE = timedelta(seconds=10)  # of the quick lane, where guardrails wait too


def request_due(now: datetime) -> None:
    """A job for every project that holds something too old; at most one an hour."""
    lately = Job.objects.filter(task=TASK, created_at__gt=now - EVERY)
    for project in Project.objects.exclude(pk__in=lately.values("project")):
        if is_due(project, now=now):
            enqueue(task=TASK, project=project, key=f"keep:{project.pk}")


def is_due(project: Project, *, now: datetime) -> bool:
    """By two looks at an index."""
    if days.old_hours(project, now=now).exists():
        return True
    return _too_old(project, now=now).exists()


def _too_old(project: Project, *, now: datetime) -> QuerySet[Prediction]:
    """Answers whose retention is over, the oldest first; none whose card somebody has
    before them, nor any of a moment so late that its silence has not counted yet: these
    stay a horizon longer at most, because a client may write any moment."""
    if project.retention is None:
        return Prediction.objects.none()
    rows = predictions.before(project, now - project.retention)
    rows = rows.exclude(pk__in=retention.in_hand(project, now=now))
    if project.silence == "negative" and project.horizon is not None:
        more = project.horizon + SILENCE_COUNTS
        latest = first_uuid7(now - project.retention - more)
        rows = rows.exclude(at__gte=now - more, pk__gte=latest)
    return rows


def keep_job(context: JobContext) -> None:
    assert context.project is not None
    end = clock_now() + SLICE

    def pause() -> None:
        context.guard()
        if clock_now() > end:
            raise Continue

    forgotten = forget_answers(context.project, now=clock_now(), pause=pause)
    let_go = forget_hours(context.project, now=clock_now(), pause=pause)
    context.result({"answers": forgotten, "hours": let_go})


def forget_answers(
    project: Project, *, now: datetime, pause: Callable[[], None] = lambda: None
) -> int:
    """Delete what is older than the retention. What is done is in the rows: whoever
    goes on after a crash finds the rest. Returns how many answers went."""
    count = 0
    while gone := _forget_some(project, now=now):
        count += gone
        pause()
    return count


@transaction.atomic
def _forget_some(project: Project, *, now: datetime) -> int:
    rows = list(_too_old(project, now=now).only("id", "version", "role", "at")[:CHUNK])
    ids = [row.pk for row in rows]
    if not ids:
        return 0
    # In the order in which folds and labellers hold them, or two would wait for each
    # other for ever: the inbox, cards, the project where its truth is decided, hours.
    predictions.forget(project=project, ids=ids)
    retention.forget(project=project, ids=ids, now=now)
    _freeze({(row.version_id, row.role, hour_of(row.at)) for row in rows})
    return len(ids)


def _freeze(hours: Collection[tuple[int, str, datetime]]) -> None:
    """The hours of every slice, in the order in which folds hold them."""
    versions, roles, moments = (set(part) for part in zip(*hours, strict=True))
    held = (
        HourBucket.objects.select_for_update(of=("self",))
        .filter(version__in=versions, role__in=roles, hour__in=moments)
        .only("version", "role", "slice", "hour")
        .order_by("version_id", "role", "slice", "hour")
    )
    wanted = [b.pk for b in held if (b.version_id, b.role, b.hour) in hours]
    HourBucket.objects.filter(pk__in=wanted).update(frozen=True)


def forget_hours(
    project: Project, *, now: datetime, pause: Callable[[], None] = lambda: None
) -> int:
    count = 0
    while gone := days.let_go(project, now=now):
        count += gone
        pause()
    return count
