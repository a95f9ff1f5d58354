"""Celery's tasks of this floor: an id in, a handler called, the run moved on."""

from celery import shared_task

from mlsystem import baselines, bring, ticks  # noqa: F401  # the tick is a task too
from mlsystem.builder import slots
from mlsystem.demo import feed
from mlsystem.orchestrator import pipeline, steps, triggers
from registry import demo_feed, jobs
from registry.clock import now


@shared_task(name=pipeline.STEP_TASK)
def step(job_id: str) -> None:
    steps.after(jobs.work(job_id, steps.do_step))


@shared_task(name=slots.SLOT_TASK)
def slot(job_id: str) -> None:
    job = jobs.work(job_id, steps.do_slot)
    if job is not None and job.is_over:
        slots.after_slot(job=job, now=now())


@shared_task(name=slots.FINISH_TASK)
def finish_build(job_id: str) -> None:
    steps.after(jobs.work(job_id, steps.do_end_of_build))


@shared_task(name=triggers.TASK)
def scheduled_run(job_id: str) -> None:
    jobs.work(job_id, triggers.start_scheduled)


@shared_task(name=baselines.TASK)
def open_with_baseline(job_id: str) -> None:
    jobs.work(job_id, baselines.work)


@shared_task(name=demo_feed.TASK)
def feed_demo(job_id: str) -> None:
    jobs.work(job_id, feed.work)


@shared_task(name=bring.TASK)
def bring_draft(job_id: str) -> None:
    """Make a project of a large table."""
    jobs.work(job_id, bring.do_bring)
