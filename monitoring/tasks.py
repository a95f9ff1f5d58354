"""Jobs of this floor: ids in, load, call."""

from celery import shared_task

from monitoring.monitor import alerts, folding
from registry import jobs
from registry.clock import now


@shared_task(name="monitoring.fold")
def fold(job_id: str) -> None:
    jobs.work(job_id, folding.fold_job)


@shared_task(name="monitoring.alerts")
def evaluate_alerts(job_id: str) -> None:
    def look(context: jobs.JobContext) -> None:
        assert context.project is not None
        changed = alerts.evaluate_rules(context.project, now=now())
        context.result({"changed": [str(alert) for alert in changed]})

    jobs.work(job_id, look)
