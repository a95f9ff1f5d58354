"""Component 7, Model Builder: K slot jobs share a build's Trial rows until its deadline.

Each slot asks for a trial, trains it in a child and tells the row how it went; more
workers are more slots. The last slot to stop ends the build in its own warm child. The
job that ends it otherwise is written with the first slot: whoever sees that all slots
are over pulls it forward, and where nobody lives to see it the tick finds it due.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.db import transaction

from mlsystem.builder import trials
from mlsystem.builder.build import Slot
from mlsystem.builder.lengths import Lengths
from mlsystem.builder.plan import BuildError, Plan
from registry import jobs, sending, storage
from registry.clock import now as clock_now
from registry.models import Job, Run, Step

SLOT_TASK = "mlsystem.slot"
FINISH_TASK = "mlsystem.finish_build"
MOST_SLOTS = 2  # the long lane has two children
SHORT_BUILD = 15  # seconds
# Where all slots died, the build is ended this long after its deadline.
GRACE = timedelta(seconds=5)
Ending = Callable[[jobs.JobContext, Slot], None]
LONGEST_MESSAGE = 18 * 60  # seconds; then the slot goes on in a new message


def slots_by_default(budget: float) -> int:
    """One thread a slot, slots = cores: more of either only slows all of them. A short
    build has one: two children that start at once would still be starting at its end."""
    if budget < SHORT_BUILD:
        return 1
    return max(1, min(MOST_SLOTS, os.cpu_count() or 1))


def begin(
    *,
    step: Step,
    plan: dict[str, Any],
    files: dict[str, Any],
    windows: dict[str, Any] | None = None,
    count: int,
    begun_by: str,
    now: datetime,
) -> None:
    """Set the absolute deadline and write the slots' jobs and the ending's.

    `files` maps the plan's `train` and `validation` to stored artefacts; `windows`
    holds what other lengths are computed from: {"spec", "seen", "kinds"}.
    """
    run = step.run
    deadline = now + timedelta(seconds=run.budget_seconds)
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(build_deadline=deadline)
        trials.give_up(run=run, why="Its slot ended.")  # of an earlier try
        found = [
            jobs.enqueue(
                task=SLOT_TASK,
                args={"step": step.pk, "slot": slot},
                lane=Job.Lane.LONG,
                project=run.project,
                by=run.requested_by,
            )
            for slot in range(count)
        ]
        ending = jobs.enqueue(
            task=FINISH_TASK,
            args={"step": step.pk},
            lane=Job.Lane.LONG,
            project=run.project,
            by=run.requested_by,
            due_at=deadline + GRACE,
        )
        Step.objects.filter(pk=step.pk).update(
            inputs={
                "plan": plan,
                "files": files,
                "windows": windows or {},
                "slots": [str(job.pk) for job in found],
                "finish": str(ending.pk),
                "begun_by": begun_by,
            }
        )


def work_slot(context: jobs.JobContext, *, ending: Ending) -> None:
    """The handler of a slot's job: trials until time, patience or somebody ends it.

    `ending` is called in the slot that stops last, with its child still warm.
    """
    step = _step(context)
    run = step.run
    if run.build_deadline is None or str(context.job.pk) not in step.inputs["slots"]:
        return  # a retry of the run wrote other slots
    deadline = run.build_deadline.timestamp()
    with (
        TemporaryDirectory(prefix="mlsystem-slot-") as folder,
        Slot(
            plan=local_plan(step),
            workdir=Path(folder),
            deadline=deadline,
            poll=context.cancelled,
            columns=Lengths(step),
        ) as slot,
    ):
        _work(context, run, slot, began=time.monotonic())
        context.result({"stopped": slot.stopped or "enough trials"})
        if _is_last(context, step):
            ending(context, slot)


def _is_last(context: jobs.JobContext, step: Step) -> bool:
    """Whether every other slot has stopped, and nobody else ends the build.

    The right to end it is taken by putting off the ending's job, until after our lease:
    if we die over it, that job does it. After a death a slot leaves it to that job.
    """
    others = _unfinished(step.inputs["slots"]).exclude(pk=context.job.pk)
    working = [
        result for result in others.values_list("result", flat=True) if not result
    ]
    if working or context.job.attempt > 1:
        return False
    due_at = (step.run.build_deadline or clock_now()) + GRACE
    ours = Job.objects.filter(
        pk=step.inputs["finish"], state=Job.State.QUEUED, due_at=due_at
    )
    return bool(ours.update(due_at=due_at + jobs.LEASE))


def _work(context: jobs.JobContext, run: Run, slot: Slot, *, began: float) -> None:
    while True:
        context.guard()
        if time.monotonic() - began > LONGEST_MESSAGE:
            raise jobs.Continue
        asked = trials.take_over(context=context, run=run) or trials.ask(
            context=context, run=run, slot=slot
        )
        if asked is None:
            return
        trial, spec = asked
        context.progress(_elapsed(run), f"trial {trial.number}: {trial.family}")
        try:
            result = slot.run(spec)
        except BuildError as error:  # the data, not the trial: no other would do better
            trials.give_up(run=run, why=str(error))
            return
        context.guard()
        trials.tell(context=context, trial=trial, result=result)
        context.log(
            f"trial {trial.number}: {result.name or trial.family}: "
            f"{result.error or result.score}"
        )


def _elapsed(run: Run) -> float:
    assert run.build_deadline is not None
    left = (run.build_deadline - clock_now()).total_seconds()
    return 1.0 - max(left, 0.0) / run.budget_seconds


def after_slot(*, job: Job, now: datetime) -> None:
    """Whoever ends last pulls the ending forward."""
    step = Step.objects.filter(pk=job.args["step"]).select_related("run").first()
    if step is not None and step.state == Step.State.RUNNING:
        look_after(step=step, now=now)


def look_after(*, step: Step, now: datetime) -> str:
    """End the build as soon as no slot works; the answer says why it never will."""
    if _unfinished(step.inputs.get("slots", [])).exists():
        return ""
    ending = Job.objects.filter(pk=step.inputs.get("finish")).first()
    if ending is None:
        return "The job that ends the build is gone."
    _pull_forward(step, now=now)
    if ending.state in {Job.State.FAILED, Job.State.CANCELLED}:
        return ending.message or ending.error or "The build was cancelled."
    return ""


def stop(*, step: Step, now: datetime) -> None:
    """Cancel the slots; the ending stays, to keep the best model there is."""
    for job in _unfinished(step.inputs.get("slots", [])):
        jobs.cancel(job=job)
    trials.give_up(run=step.run, why="Cancelled.")
    _pull_forward(step, now=now)


def retire_ending(*, step: Step, now: datetime) -> None:
    """The build has ended; the job that was to end it need not run."""
    Job.objects.filter(pk=step.inputs.get("finish"), state=Job.State.QUEUED).update(
        state=Job.State.CANCELLED, finished_at=now
    )


def _pull_forward(step: Step, *, now: datetime) -> None:
    """Make the ending due; of many who try, one sends it."""
    ending = Job.objects.filter(
        pk=step.inputs.get("finish"), state=Job.State.QUEUED, due_at__gt=now
    )
    for job in ending:
        if ending.update(due_at=now):
            transaction.on_commit(lambda job=job: sending.send(job, now=now))  # type: ignore[misc]


def _unfinished(ids: Sequence[str]) -> Any:
    return Job.objects.filter(pk__in=ids, state__in=jobs.UNFINISHED)


def _step(context: jobs.JobContext) -> Step:
    return Step.objects.select_related("run__project").get(pk=context.args["step"])


def local_plan(step: Step) -> Plan:
    """The plan with its tables on this machine, verified."""
    paths = {
        name: str(storage.local_copy(uri=file["uri"], sha256=file["sha256"]))
        for name, file in step.inputs["files"].items()
    }
    return replace(Plan(train="", **step.inputs["plan"]), **paths)  # type: ignore[arg-type]
