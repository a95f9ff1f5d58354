"""Component 6, Orchestrator: extract, featurize, prepare, build, evaluate, decide."""

from collections.abc import Callable

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
STEPS: dict[str, Callable[[StepWork], Outputs | None]] = {
    "extract": extract,
    "featurize": featurize,
    "prepare": prepare,
    "build": begin_build,
    "evaluate": evaluate,
    "decide": decide,
}


def do_step(context: jobs.JobContext) -> None:
    """The handler of a step's job; a second try after a crash does no harm."""
    _do(context, None)


def do_end_of_build(context: jobs.JobContext) -> None:
    """The handler of the job that ends a build."""
    _do(context, end_build)


def _do(
    context: jobs.JobContext, function: Callable[[StepWork], Outputs | None] | None
) -> None:
    step = Step.objects.select_related("run__project", "run__train").get(
        pk=context.args["step"]
    )
    if function is None and step.state != Step.State.RUNNING:
        return
    work = StepWork(step=step, context=context)
    try:
        outputs = (function or STEPS[step.name])(work)
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
