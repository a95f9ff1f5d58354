"""Component 6, Orchestrator: a run worked in this process, by the same claims as any
worker's; no broker is needed, and workers may help."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Max, Q, QuerySet

from mlsystem.builder import slots
from mlsystem.orchestrator import pipeline, publish
from registry import jobs
from registry.clock import now
from registry.models import Job, Project, Run, Step

PAUSE = 0.2  # seconds between two looks
QUIET = timedelta(seconds=5)  # without a job: whoever works a run is between two
STALE = timedelta(days=1)  # what was extracted then is not what there is to learn from
COMMANDS = ("command", publish.FIRST_RUN)
Tell = Callable[[Run, list[Step]], None]


def work_through(run: Run, *, tell: Tell) -> Run:
    """Do the run's jobs until it is over, telling how it goes after every look."""
    working: dict[UUID, Future[None]] = {}
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
    moment = now()
    free = Q(state=Job.State.QUEUED, due_at__lte=moment) | Q(
        state=Job.State.RUNNING, lease_until__lt=moment
    )
    return list(_jobs_of(steps).filter(free).order_by("due_at", "created_at"))


def _jobs_of(steps: list[Step]) -> QuerySet[Job]:
    ids = {str(step.job_id) for step in steps if step.job_id}
    for step in steps:
        ids |= {
            *step.inputs.get("slots", []),
            *filter(None, [step.inputs.get("finish")]),
        }
    return Job.objects.filter(pk__in=ids)


def left_behind(project: Project, *, now: datetime) -> Run | None:
    """A run that a command began and nobody works on any more: its process is gone.
    Conflict where somebody may still be at it."""
    run = Run.objects.filter(
        project=project,
        kind=Run.Kind.PIPELINE,
        state__in=pipeline.UNFINISHED,
        trigger__in=COMMANDS,
    ).first()
    if run is None:
        return None
    until = last_sign(run) + QUIET
    leased = _jobs_of(list(run.steps.all())).filter(state=Job.State.RUNNING)
    if lease := leased.aggregate(last=Max("lease_until"))["last"]:
        until = max(until, lease)
    if until > now:
        raise pipeline.AlreadyRunning(
            f"Run {run.number} of {project.slug} is being worked on. If its process is "
            f"gone, the same command takes it over from {until:%H:%M:%S} UTC on.",
            extra={"run": run.number},
        )
    return run


def last_sign(run: Run) -> datetime:
    """When somebody last did something for this run, or will: after an attempt that
    failed the next is due later. The end of a build is due later from the first, and
    tells nothing."""
    steps = run.steps.all()
    of_jobs = _jobs_of(list(steps)).aggregate(
        begun=Max("created_at"),
        due=Max("due_at", filter=Q(attempt__gt=0)),
        sent=Max("sent_at"),
        beat=Max("heartbeat_at"),
        over=Max("finished_at"),
    )
    of_steps = steps.aggregate(begun=Max("started_at"), over=Max("finished_at"))
    signs = [run.created_at, *of_jobs.values(), *of_steps.values()]
    return max(filter(None, signs))


def _work(job: Job) -> None:
    try:
        jobs.work_here(job)
    finally:
        connection.close()  # the thread's own
