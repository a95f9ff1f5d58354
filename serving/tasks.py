"""Celery's tasks of this floor: an id in, a handler called."""

from celery import shared_task

from registry import jobs
from serving.scorings import work
from serving.scorings.verbs import TASK


@shared_task(name=TASK)
def score(job_id: str) -> None:
    jobs.work(job_id, work.work)
