"""Background work that survives: Celery does it, the Job row knows it.

A broker alone forgets work (a queue flushed, a worker killed, a message redelivered),
so a message carries only a job's id. A worker claims the row by one conditional UPDATE,
renews its lease, and every later write says `WHERE token = mine`: who lost the lease
can change nothing any more. The tick sends again what is due and has no live lease.
"""

import logging
import threading
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from celery import current_app
from django.db import IntegrityError, close_old_connections, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Concat

from registry.clock import now as clock_now
from registry.errors import Conflict, DomainError
from registry.models import Job, Project, User
from registry.sending import send

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
HEARTBEAT = 15.0  # seconds; three may fail before the lease ends
UNFINISHED = (Job.State.QUEUED, Job.State.RUNNING)
# Who enqueued may have a clock that is ahead, and a message that comes too early is gone.
SKEW = timedelta(seconds=5)
DIED = "Its worker died in the last attempt."
LOG_LIMIT = 200_000  # characters kept of a job's log


class LostLease(Exception):
    """Another worker took this job over; whatever this one does is void."""


class Cancelled(Exception):
    """Somebody asked this job to stop."""


class Continue(Exception):
    """Raised by a handler at a checkpoint: end here, go on in a new message."""


def enqueue(
    *,
    task: str,
    args: dict[str, Any] | None = None,
    lane: str = Job.Lane.QUICK,
    project: Project | None = None,
    key: str = "",
    by: User | None = None,
    due_at: datetime | None = None,
    max_attempts: int = 3,
) -> Job:
    """Write a job in the caller's transaction and send it after the commit.

    With `key`, an unfinished job of that key is returned instead of a second one.
    """
    now = clock_now()
    if key:
        existing = Job.objects.filter(key=key, state__in=UNFINISHED).first()
        if existing:
            return existing
    job = Job(
        task=task,
        args=args or {},
        lane=lane,
        project=project,
        key=key,
        created_by=by,
        due_at=due_at or now,
        max_attempts=max_attempts,
    )
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:  # somebody wrote the same key just now
        existing = Job.objects.filter(key=key, state__in=UNFINISHED).first()
        if existing is None:
            raise
        return existing
    if job.due_at <= now:
        transaction.on_commit(lambda: send(job, now=clock_now()))
    return job


def claim(job_id: UUID | str, *, now: datetime) -> Job | None:
    """Take the job if it is free. None: it is over, or somebody else has it."""
    free = Q(state=Job.State.QUEUED, due_at__lte=now + SKEW) | Q(
        state=Job.State.RUNNING, lease_until__lt=now
    )
    taken = Job.objects.filter(
        free, pk=job_id, attempt__lt=F("max_attempts"), cancel_requested=False
    ).update(
        state=Job.State.RUNNING,
        attempt=F("attempt") + 1,
        token=F("token") + 1,
        lease_until=now + LEASE,
        heartbeat_at=now,
        started_at=now,
    )
    if taken:
        return Job.objects.select_related("project").get(pk=job_id)
    _bury(job_id, free=free, now=now)
    return None


def _bury(job_id: UUID | str, *, free: Q, now: datetime) -> None:
    """A free job that may not start again is over: cancelled, or out of attempts."""
    dead = Job.objects.filter(free, pk=job_id)
    dead.filter(cancel_requested=True).update(
        state=Job.State.CANCELLED, finished_at=now, lease_until=None
    )
    dead.filter(attempt__gte=F("max_attempts")).update(
        state=Job.State.FAILED,
        finished_at=now,
        lease_until=None,
        error=DIED,
        message=DIED,
    )


class JobContext:
    """What a handler may do with its job; every write is fenced by the token."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.project = job.project
        self.args: dict[str, Any] = job.args
        self.checkpoint: dict[str, Any] = job.checkpoint
        self.token = job.token
        self._lost = threading.Event()
        self._cancelled = threading.Event()

    def _mine(self) -> Any:
        return Job.objects.filter(
            pk=self.job.pk, token=self.token, state=Job.State.RUNNING
        )

    def _write(self, **changes: Any) -> None:
        if not self._mine().update(**changes):
            self._lost.set()
            raise LostLease(str(self.job.pk))

    def guard(self) -> None:
        """Raise if the job is no longer ours, or is to stop; call it between pieces."""
        row = self._mine().values_list("cancel_requested", flat=True).first()
        if row is None:
            self._lost.set()
            raise LostLease(str(self.job.pk))
        if row:
            raise Cancelled(str(self.job.pk))

    def cancelled(self) -> bool:
        return self._cancelled.is_set() or self._lost.is_set()

    def beat(self, *, now: datetime) -> None:
        """Renew the lease; called by the heartbeat thread."""
        if not self._mine().update(heartbeat_at=now, lease_until=now + LEASE):
            self._lost.set()
        elif self._mine().filter(cancel_requested=True).exists():
            self._cancelled.set()

    def progress(self, fraction: float, message: str = "") -> None:
        """Show how far it is: `fraction` from 0 to 1."""
        self._write(progress=min(max(fraction, 0.0), 1.0), message=message[:300])

    def log(self, line: str) -> None:
        if len(self.job.log) < LOG_LIMIT:
            stamped = f"{clock_now():%H:%M:%S} {line}\n"
            self.job.log += stamped
            self._write(log=Concat("log", Value(stamped)))

    def save_checkpoint(self, data: dict[str, Any]) -> None:
        self._write(checkpoint=data)
        self.checkpoint = data

    def result(self, data: dict[str, Any]) -> None:
        self._write(result=data)


Handler = Callable[[JobContext], None]


def work(job_id: UUID | str, handler: Handler) -> Job | None:
    """Claim a job, do it under a heartbeat, and write how it ended."""
    job = claim(job_id, now=clock_now())
    if job is None:
        return None
    context = JobContext(job)
    stop = threading.Event()
    beat = threading.Thread(target=_keep_alive, args=(context, stop), daemon=True)
    beat.start()
    try:
        _run(context, handler)
    finally:
        stop.set()
        beat.join()
    return Job.objects.get(pk=job.pk)


def _run(context: JobContext, handler: Handler) -> None:
    try:
        if context.job.cancel_requested:
            raise Cancelled
        handler(context)
    except LostLease:
        logger.warning("job %s was taken over", context.job.pk)
    except Cancelled:
        _finish(context, Job.State.CANCELLED)
    except Continue:
        _requeue(context)
    except DomainError as error:  # a sentence; where it was said would tell no more
        job = context.job
        logger.warning("job %s (%s) failed: %s", job.pk, job.task, error.detail)
        _fail(context, error)
    except Exception as error:  # the boundary of a job: whatever it was, it is told
        logger.exception("job %s (%s) failed", context.job.pk, context.job.task)
        _fail(context, error)
    else:
        _finish(context, Job.State.SUCCEEDED, progress=1.0)


def _finish(context: JobContext, state: str, **changes: Any) -> None:
    context._mine().update(
        state=state, finished_at=clock_now(), lease_until=None, **changes
    )


def _requeue(context: JobContext) -> None:
    """A checkpoint, not a failure: the attempt is given back."""
    now = clock_now()
    context._mine().update(
        state=Job.State.QUEUED,
        lease_until=None,
        attempt=F("attempt") - 1,
        due_at=now,
        sends=0,
    )
    send(context.job, now=now)


def _fail(context: JobContext, error: Exception) -> None:
    """Out of attempts, or permanent: failed. Else queued again, later each time."""
    job, now = context.job, clock_now()
    text = "".join(traceback.format_exception(error))[-20_000:]
    permanent = getattr(error, "permanent", False) or job.attempt >= job.max_attempts
    if permanent:
        _finish(context, Job.State.FAILED, error=text, message=str(error)[:300])
        return
    context._mine().update(
        state=Job.State.QUEUED,
        lease_until=None,
        error=text,
        message=str(error)[:300],
        due_at=now + timedelta(seconds=5 * 4 ** (job.attempt - 1)),
        sends=0,
        sent_at=None,
    )


def _keep_alive(context: JobContext, stop: threading.Event) -> None:
    while not stop.wait(HEARTBEAT):
        try:
            context.beat(now=clock_now())
        except Exception:  # the boundary of a job: one missed beat is not the end
            logger.exception("heartbeat of job %s failed", context.job.pk)
        finally:
            close_old_connections()
    from django.db import connection

    connection.close()


def work_here(job: Job) -> Job:
    """Do a job in this process, by the same claim, without a broker."""
    current_app.tasks[job.task].run(str(job.pk))
    job.refresh_from_db()
    return job


def cancel(*, job: Job) -> Job:
    """Stop a job: at once if nobody works on it, else at its next guard."""
    if not Job.objects.filter(pk=job.pk, state__in=UNFINISHED).update(
        cancel_requested=True
    ):
        raise Conflict("This job is already over.")
    now = clock_now()
    Job.objects.filter(pk=job.pk, state=Job.State.QUEUED).update(
        state=Job.State.CANCELLED, finished_at=now
    )
    job.refresh_from_db()
    return job
