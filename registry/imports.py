"""Registry: imports that did not get to their end: told to the owner, tried again with
the file that was sent, and forgotten with it after a week."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from registry import intake, jobs, storage
from registry.errors import Conflict
from registry.models import Job, Project, User

KEPT = timedelta(days=7)
SHOWN = 5
FORGOTTEN = 50  # files in one go
# What was read and found wrong says so in its result, and is not tried a second time.
REFUSED = Q(result__has_key="detail")


def broken(project: Project, *, now: datetime) -> list[Job]:
    """Imports of a file or a source that broke off lately, the newest first; none that
    was tried again, or that a newer dataset has made up for."""
    found = _broken(project=project, finished_at__gt=now - KEPT).exclude(
        args__has_key="again"
    )
    if newest := project.datasets.first():
        found = found.filter(created_at__gt=newest.created_at)
    return list(found.order_by("-created_at")[:SHOWN])


def _broken(**narrower: object) -> QuerySet[Job]:
    failed = Job.objects.filter(task=intake.TASK, state=Job.State.FAILED, **narrower)
    return failed.exclude(REFUSED)


def may_retry(job: Job) -> bool:
    """Whether what it read is still there to be read."""
    over = job.state == Job.State.FAILED and "detail" not in job.result
    return over and ("uri" in job.args or "source" in job.args)


def again(*, job: Job, by: User | None) -> Job:
    """A new job for what one broke off at; the file goes over to it."""
    gone = Conflict("This import was tried again already, or its file is gone.")
    if not may_retry(job) or "again" in job.args:
        raise gone
    rest = {name: value for name, value in job.args.items() if name != "uri"}
    with transaction.atomic():
        mine = _broken(pk=job.pk, args=job.args)
        if not mine.update(args=rest | {"again": True}):
            raise gone
        return jobs.enqueue(
            task=intake.TASK,
            lane=Job.Lane.LONG,
            project=job.project,
            by=by,
            key=job.key,
            args=job.args,
        )


def forget_files(now: datetime) -> int:
    """What a sweep does: delete the files of imports that were stopped or refused, and
    after a week of those that broke off. Returns how many there were."""
    over = Job.objects.filter(task=intake.TASK).filter(
        Q(state=Job.State.CANCELLED)
        | Q(state=Job.State.FAILED) & (REFUSED | Q(finished_at__lt=now - KEPT))
    )
    return forget(over)


def forget(over: QuerySet[Job]) -> int:
    """Delete the files that these jobs kept and nobody will read any more."""
    gone = 0
    for job in over.filter(args__has_key="uri")[:FORGOTTEN]:
        rest = {name: value for name, value in job.args.items() if name != "uri"}
        if Job.objects.filter(pk=job.pk, args=job.args).update(args=rest):
            storage.delete(job.args["uri"])
            gone += 1
    return gone
