"""A project that keeps its answers for 30 days, and the sweep that forgets them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from labelling.collector.truth import record_truth
from monitoring import housekeeping
from monitoring.monitor import keeping
from registry import clock, jobs
from registry.jobs import JobContext
from registry.models import Job, Project
from serving.models import Prediction, PredictionInbox
from tests.factories import make_prediction, make_project, make_version

NOW = datetime(2026, 9, 1, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, YOUNG = NOW - 31 * DAY, NOW - 29 * DAY


def make_churn() -> Project:
    """Keeps its answers for 30 days; truth may take 5."""
    project = make_project(
        silence="unknown", horizon=5 * DAY, retention=30 * DAY, entity=[]
    )
    make_version(project)
    return project


def answered(project: Project, at: datetime, **changes: Any) -> Prediction:
    output = {
        "prediction": "Yes",
        "score": 0.7,
        "probabilities": {"No": 0.3, "Yes": 0.7},
    }
    version = project.versions.get(number=1)
    row = make_prediction(project, at=at, version=version, output=output, **changes)
    PredictionInbox.objects.create(prediction_id=row.pk, project=project)
    return row


def say(project: Project, row: Prediction, value: str, now: datetime) -> None:
    item = {"prediction": str(row.pk), "value": value}
    record_truth(project=project, items=[item], actor=None, now=now)


def keep(now: datetime = NOW) -> dict[str, Any]:
    """What the minute's sweep asks for, done."""
    with clock.moved_to(now):
        housekeeping.sweep(now)
        job = Job.objects.filter(task=keeping.TASK, state="queued").first()
        if job is None:
            return {}
        claimed = jobs.claim(job.pk, now=now)
        assert claimed is not None
        context = JobContext(claimed)
        keeping.keep_job(context)
        Job.objects.filter(pk=job.pk).update(state="succeeded", created_at=now)
        return Job.objects.get(pk=job.pk).result
