"""Component 6, Orchestrator: extract, featurize, prepare, build, evaluate, decide."""

from collections.abc import Callable

from mlsystem.builder import slots
from mlsystem.builder.build import Slot
from mlsystem.orchestrator import pipeline
from mlsystem.orchestrator.build import begin_build, end_build
from mlsystem.orchestrator.decide import decide
from mlsystem.orchestrator.evaluate import evaluate
from mlsystem.orchestrator.extract import extract
from mlsystem.orchestrator.featurize import featurize
from mlsystem.orchestrator.prepare import prepare
from mlsystem.orchestrator.work import Outputs, StepRefused, StepWork
from registry import jobs
from registry.clock import now as clock_now
from registry.errors import DomainError
from registry.models import Job, Step

# Outputs end a step; None leaves it running, for other jobs to end.
Function = Callable[[StepWork], Outputs | None]
STEPS: dict[str, Function] = {
    "extract": extract,
    "featurize": featurize,
    "prepare": prepare,
    "build": begin_build,
    "evaluate": evaluate,
    "decide": decide,
}


def do_step(context: jobs.JobContext) -> None:
    """The handler of a step's job; a second try after a crash does no harm."""
    step = _step(context)
    if step.state == Step.State.RUNNING:
        _do(step, context, STEPS[step.name])


def do_slot(context: jobs.JobContext) -> None:
    """The handler of a slot's job; the last slot ends the build."""
    slots.work_slot(context, ending=_end_in_slot)


def do_end_of_build(context: jobs.JobContext) -> None:
    """The handler of the job that ends a build where no slot lived to do it."""
    _do(_step(context), context, end_build)


def _end_in_slot(context: jobs.JobContext, slot: Slot) -> None:
    try:
        _do(_step(context), context, lambda work: end_build(work, slot))
    except StepRefused as refused:  # the ending's own job will say so for the run
        context.log(refused.detail)


def _step(context: jobs.JobContext) -> Step:
    return Step.objects.select_related("run__project", "run__train").get(
        pk=context.args["step"]
    )


def _do(step: Step, context: jobs.JobContext, function: Function) -> None:
    work = StepWork(step=step, context=context)
    try:
        outputs = function(work)
    except DomainError as error:
        if getattr(error, "permanent", error.status < 500):
            raise StepRefused(error.detail, errors=error.errors) from error
        raise
    Step.objects.filter(pk=step.pk).update(findings=work.findings)
    if outputs is not None:
        pipeline.complete(step=step, context=context, outputs=outputs, now=clock_now())


def after(job: Job | None) -> None:
    """Whoever ends a step's job moves its run, also when the job failed."""
    if job is None or not job.is_over:
        return
    step = Step.objects.filter(pk=job.args["step"]).select_related("run").first()
    if step is not None:
        pipeline.advance(run=step.run, now=clock_now())
