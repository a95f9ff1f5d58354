"""A run goes from data to a verdict by six jobs that anybody may work."""

import pytest

from mlsystem import baselines, tasks  # noqa: F401  # registers the tasks
from mlsystem.orchestrator import pipeline
from registry import jobs
from registry.clock import now
from registry.models import Job, ModelVersion, Run
from tests.factories import make_dataset, make_frame, make_project, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
    pytest.mark.usefixtures("few_trials"),
]


def work_all(run: Run) -> Run:
    """Do every job of a run in this process, as workers would."""
    for _ in range(40):
        unfinished = Job.objects.filter(
            project=run.project, state=Job.State.QUEUED, due_at__lte=now()
        )
        job = unfinished.order_by("created_at").first()
        if job is None:
            break
        jobs.work_here(job)
    run.refresh_from_db()
    return run


def start(project, **changes) -> Run:
    given = {"budget": 30, "params": {"slots": 1}, "now": now(), "trigger": "rest"}
    return pipeline.start(project=project, **(given | changes))


def test_a_run_builds_judges_and_accepts_a_better_model() -> None:
    project = make_project()
    make_dataset(project, frame=make_frame(600))
    run = work_all(start(project, by=make_user("Owen")))
    assert (run.state, run.error) == ("succeeded", "")
    assert [step.state for step in run.steps.all()] == ["succeeded"] * 6
    assert run.verdict == "accepted", run.reasons
    version = ModelVersion.objects.get(run=run)
    assert version.state == "accepted"
    print(version.card, run.reasons)
