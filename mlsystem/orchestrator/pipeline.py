"""Component 6, Orchestrator: a run is a state machine; whoever finishes a step moves it.

No job waits for another: each step is a job that ends, and `advance` writes the next
one. What a crash interrupts between the two, the tick finds (`advance_all`).
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max

from mlsystem.builder import slots
from registry import jobs
from registry.errors import Conflict, FieldError, InvalidInput
from registry.models import Dataset, Job, Project, Run, Step, User

PIPELINE = ("extract", "featurize", "prepare", "build", "evaluate", "decide")
BUILD = ("featurize", "prepare", "build")
STEP_TASK = "mlsystem.step"
DEFAULT_BUDGET = 120  # seconds of building
LONGEST_BUDGET = 7 * 24 * 3600
UNFINISHED = (Run.State.QUEUED, Run.State.RUNNING)
# A freshly written job may not be visible to a tick on another connection yet.
TICK_PAUSE = timedelta(seconds=2)


class AlreadyRunning(Conflict):
    """One pipeline runs at a time in a project; the answer names the first."""

    title = "A run is going on"


def start(
    *,
    project: Project,
    now: datetime,
    budget: int = DEFAULT_BUDGET,
    kind: str = Run.Kind.PIPELINE,
    params: dict[str, Any] | None = None,
    train: Dataset | None = None,
    validation: Dataset | None = None,
    as_of: datetime | None = None,
    by: User | None = None,
    trigger: str = "button",
) -> Run:
    """Write a run with its steps and send the first; 409 while a pipeline runs."""
    check_budget(budget)
    new = Run(
        project=project,
        kind=kind,
        budget_seconds=budget,
        params=params or {},
        train=train,
        validation=validation,
        as_of=as_of,
        requested_by=by,
        trigger=trigger,
        created_at=now,
    )
    for _ in range(20):  # two at once may choose the same number; the rule is the rest
        try:
            with transaction.atomic():
                _create(new)
                advance(run=new, now=now)
        except IntegrityError:
            if kind == Run.Kind.PIPELINE:
                refuse_second(project)
        else:
            new.refresh_from_db()
            return new
    raise Conflict("Too many runs are being started at once; try again.")


def check_budget(seconds: int) -> None:
    if not 1 <= seconds <= LONGEST_BUDGET:
        raise InvalidInput(
            "This budget cannot be used.",
            errors=[FieldError("budget", f"Write 1 to {LONGEST_BUDGET} seconds.")],
        )


def _create(run: Run) -> None:
    last = Run.objects.filter(project=run.project).aggregate(Max("number"))
    run.pk, run.number = None, (last["number__max"] or 0) + 1
    run.save(force_insert=True)
    names = PIPELINE if run.kind == Run.Kind.PIPELINE else BUILD
    Step.objects.bulk_create(
        Step(run=run, name=name, position=place) for place, name in enumerate(names)
    )


def refuse_second(project: Project) -> None:
    """Raise if a pipeline of this project is unfinished."""
    first = Run.objects.filter(
        project=project, kind=Run.Kind.PIPELINE, state__in=UNFINISHED
    ).first()
    if first is not None:
        raise AlreadyRunning(
            f"Run {first.number} of {project.slug} is not over; wait or cancel it.",
            extra={"id": first.number, "run": first.number},
        )


def advance(*, run: Run, now: datetime) -> None:
    """Take the next step of a run that may; safe to call at any time, by anyone."""
    run = Run.objects.select_related("project").get(pk=run.pk)
    if run.is_over:
        return
    step = run.steps.exclude(state=Step.State.SUCCEEDED).first()
    if step is None:
        _finish(run, Run.State.SUCCEEDED, now=now)
    elif step.state == Step.State.WAITING:
        _begin(run, step, now=now)
    elif step.state == Step.State.RUNNING:
        _look_after(run, step, now=now)


def advance_all(now: datetime) -> int:
    """What the tick does: move every unfinished run whose mover died."""
    unfinished = Run.objects.filter(state__in=UNFINISHED)
    moved = 0
    for run in unfinished.filter(created_at__lte=now - TICK_PAUSE):
        advance(run=run, now=now)
        moved += 1
    return moved


def _begin(run: Run, step: Step, *, now: datetime) -> None:
    with transaction.atomic():
        claimed = Step.objects.filter(pk=step.pk, state=Step.State.WAITING).update(
            state=Step.State.RUNNING, started_at=now, finished_at=None
        )
        if not claimed:
            return
        Run.objects.filter(pk=run.pk, state=Run.State.QUEUED).update(
            state=Run.State.RUNNING, started_at=now
        )
        job = jobs.enqueue(
            task=STEP_TASK,
            args={"step": step.pk},
            lane=Job.Lane.LONG,
            project=run.project,
            by=run.requested_by,
        )
        Step.objects.filter(pk=step.pk).update(job=job)


def _look_after(run: Run, step: Step, *, now: datetime) -> None:
    """A running step's job may have died, or its build may be ready to end."""
    job = step.job
    if job is None or not job.is_over:
        return
    if job.state == Job.State.FAILED:
        fail(step=step, message=job.message or job.error, now=now)
    elif job.state == Job.State.CANCELLED:
        cancel(run=run, now=now)
    elif step.name == "build":
        problem = slots.look_after(step=step, now=now)
        if problem:
            fail(step=step, message=problem, now=now)


def complete(
    *, step: Step, context: jobs.JobContext, outputs: dict[str, Any], now: datetime
) -> None:
    """Write a step's outputs, fenced by its job's token, and go on."""
    with transaction.atomic():
        context.result({"step": step.name})  # raises where the job is no longer ours
        # A retry of the run gives the step another job.
        done = Step.objects.filter(
            pk=step.pk, state=Step.State.RUNNING, job=step.job_id
        ).update(state=Step.State.SUCCEEDED, outputs=outputs, finished_at=now)
        if done:
            if step.name == "build":
                slots.retire_ending(step=step, now=now)
            advance(run=step.run, now=now)


def fail(*, step: Step, message: str, now: datetime) -> None:
    """A step that cannot succeed ends its run."""
    Step.objects.filter(pk=step.pk, state=Step.State.RUNNING).update(
        state=Step.State.FAILED, finished_at=now
    )
    _finish(step.run, Run.State.FAILED, now=now, error=message)


def _finish(run: Run, state: str, *, now: datetime, **changes: Any) -> None:
    Run.objects.filter(pk=run.pk, state__in=UNFINISHED).update(
        state=state, finished_at=now, **changes
    )


def cancel(*, run: Run, now: datetime) -> Run:
    """Stop a run at once; a build keeps the best servable model it has."""
    with transaction.atomic():
        if not Run.objects.filter(pk=run.pk, state__in=UNFINISHED).update(
            state=Run.State.CANCELLED, finished_at=now
        ):
            raise Conflict("This run is already over.")
        for step in run.steps.filter(state=Step.State.RUNNING).select_related("job"):
            if step.job and not step.job.is_over:
                jobs.cancel(job=step.job)
            if step.name == "build":
                slots.stop(step=step, now=now)
        run.steps.exclude(state=Step.State.SUCCEEDED).update(
            state=Step.State.SKIPPED, finished_at=now
        )
    run.refresh_from_db()
    return run


def retry(*, run: Run, now: datetime) -> Run:
    """Go on with a failed or cancelled run from the step that did not succeed."""
    if run.state not in {Run.State.FAILED, Run.State.CANCELLED}:
        raise Conflict(f"Run {run.number} is {run.state}: nothing to retry.")
    try:
        with transaction.atomic():
            Run.objects.filter(pk=run.pk).update(
                state=Run.State.QUEUED,
                error="",
                finished_at=None,
                build_deadline=None,
            )
            run.steps.exclude(state=Step.State.SUCCEEDED).update(
                state=Step.State.WAITING, job=None, finished_at=None
            )
            advance(run=run, now=now)
    except IntegrityError:
        refuse_second(run.project)
        raise
    run.refresh_from_db()
    return run
