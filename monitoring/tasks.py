"""Jobs of this floor: ids in, load, call."""

from celery import shared_task

from monitoring.monitor import alerts, folding, keeping
from monitoring.owner import standing
from registry import jobs
from registry.clock import now


@shared_task(name="monitoring.fold")
def fold(job_id: str) -> None:
    def work(context: jobs.JobContext) -> None:
        folding.fold_job(context)
        assert context.project is not None
        standing.store(context.project, now=now())

    jobs.work(job_id, work)


@shared_task(name="monitoring.alerts")
def evaluate_alerts(job_id: str) -> None:
    def look(context: jobs.JobContext) -> None:
        assert context.project is not None
        moment = now()
        changed = alerts.evaluate_rules(context.project, now=moment)
        standing.store(context.project, now=moment)
        context.result({"changed": [str(alert) for alert in changed]})

    jobs.work(job_id, look)


@shared_task(name=keeping.TASK)
def keep(job_id: str) -> None:
    jobs.work(job_id, keeping.keep_job)
