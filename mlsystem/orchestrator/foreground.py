"""Component 6, Orchestrator: a run worked in this process, by the same claims as any
worker's; no broker is needed, and workers may help."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

from django.db import connection
from django.db.models import Q

from mlsystem.builder import slots
from mlsystem.orchestrator import pipeline
from registry import jobs
from registry.clock import now
from registry.models import Job, Run, Step

PAUSE = 0.2  # seconds between two looks
Tell = Callable[[Run, list[Step]], None]


def work_through(run: Run, *, tell: Tell) -> Run:
    """Do the run's jobs until it is over, telling how it goes after every look."""
    working: dict[UUID, Future[None]] = {}
    # That no broker takes the jobs is no news here: this process takes them.
    logging.getLogger(jobs.__name__).setLevel(logging.ERROR)
    workers = slots.slots_by_default(run.budget_seconds)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        try:
            while not _look(run, working, pool, tell=tell):
                time.sleep(PAUSE)
        except KeyboardInterrupt:
            pipeline.cancel(run=run, now=now())
            raise
    run.refresh_from_db()
    return run


def _look(
    run: Run, working: dict[UUID, Future[None]], pool: ThreadPoolExecutor, *, tell: Tell
) -> bool:
    """Start what is due, tell, and answer whether the run is over."""
    for job_id, future in list(working.items()):
        if future.done():
            del working[job_id]
            future.result()  # what broke outside of the job's own boundary
    run.refresh_from_db()
    steps = list(run.steps.select_related("job"))
    tell(run, steps)
    if run.is_over:
        return not working
    due = claimable(steps)
    for job in due:
        if job.pk not in working:
            working[job.pk] = pool.submit(_work, job)
    if not due and not working:
        pipeline.advance(run=run, now=now())
    return False


def claimable(steps: list[Step]) -> list[Job]:
    """The jobs of these steps that nobody works on, and whose time has come."""
    ids = {str(step.job_id) for step in steps if step.job_id}
    for step in steps:
        ids |= {
            *step.inputs.get("slots", []),
            *filter(None, [step.inputs.get("finish")]),
        }
    moment = now()
    free = Q(state=Job.State.QUEUED, due_at__lte=moment) | Q(
        state=Job.State.RUNNING, lease_until__lt=moment
    )
    return list(Job.objects.filter(free, pk__in=ids).order_by("due_at", "created_at"))


def _work(job: Job) -> None:
    try:
        jobs.work_here(job)
    finally:
        connection.close()  # the thread's own
