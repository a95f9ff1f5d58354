"""Scorings: their files hold what the log holds, so they are kept no longer than it."""

from datetime import datetime, timedelta

from django.db.models import F, Q, Value

from registry import storage
from registry.models import Job
from serving.scorings.verbs import TASK

KEPT = timedelta(days=29)  # a job is remembered for 30
FORGOTTEN = 50  # scorings at once


def forget(*, now: datetime) -> int:
    """Delete the results of old scorings, and what failed or stopped ones left behind.
    Returns of how many."""
    return _results(now) + _leftovers()


def _results(now: datetime) -> int:
    over = Q(finished_at__lt=now - KEPT)
    over |= Q(finished_at__lt=Value(now) - F("project__retention"))  # null: never
    done = Job.objects.filter(
        over, task=TASK, state=Job.State.SUCCEEDED, result__has_key="uri"
    )
    gone = list(done.order_by("finished_at")[:FORGOTTEN])
    for job in gone:
        storage.delete(job.result.pop("uri"))
        job.save(update_fields=["result"])
    return len(gone)


def _leftovers() -> int:
    """The table that was kept, the parts that were made of it, and what was put together
    of them by whoever died before the end."""
    over = Job.objects.filter(
        Q(checkpoint__has_key="input")
        | Q(checkpoint__has_key="parts")
        | Q(args__has_key="input")
        | Q(result__has_key="uri"),
        task=TASK,
        state__in=(Job.State.FAILED, Job.State.CANCELLED),
    )
    stopped = list(over[:FORGOTTEN])
    for job in stopped:
        kept = [job.checkpoint.pop("input", None), job.args.pop("input", None)]
        parts = job.checkpoint.pop("parts", [])
        uris = {uri for uri, _ in filter(None, [*kept, *parts])}
        for uri in uris | {job.result.pop("uri", "")} - {""}:
            storage.delete(uri)
        job.save(update_fields=["args", "checkpoint", "result"])
    return len(stopped)
