"""Background work of components 1 and 2."""

from datetime import timedelta

from celery import shared_task

from labelling.collector import silence
from labelling.labeller import intake_jobs, refresh
from registry import jobs
from registry.clock import now as clock_now

SLICE = timedelta(seconds=30)  # the quick lane is for jobs under a minute


@shared_task(name="labelling.mature")
def mature(job_id: str) -> None:
    """Turn silence into truth, piece by piece; what is done is in the rows."""
    jobs.work(job_id, _mature)


def _mature(context: jobs.JobContext) -> None:
    now = clock_now()

    def pause() -> None:
        context.guard()
        if clock_now() - now > SLICE:
            raise jobs.Continue

    count = silence.mature(now=now, pause=pause)
    context.result({"matches": count})


@shared_task(name=refresh.TASK)
def rerank(job_id: str) -> None:
    """Put the examples that teach most at the head of a project's queue."""
    jobs.work(job_id, refresh.do_rerank)


@shared_task(name=intake_jobs.TASK)
def import_file(job_id: str) -> None:
    """Examples out of an uploaded file."""
    jobs.work(job_id, intake_jobs.do_import)
