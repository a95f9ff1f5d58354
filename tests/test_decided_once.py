"""What a run decides is published once, whatever happens to who decides it."""

from typing import Any

import pytest

from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.orchestrator import decide, pipeline
from registry.clock import now
from registry.models import Job, ModelVersion
from serving import rollout as rollouts
from serving.models import Rollout
from tests.factories import make_dataset, make_frame, make_project
from tests.test_orchestrator import only, start, work_all

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
    pytest.mark.usefixtures("few_trials"),
]


@pytest.mark.faults
@pytest.mark.parametrize("trigger", ["rest", "create_project"])
def test_a_candidate_that_was_taken_out_does_not_come_back_with_the_next_try(
    monkeypatch: pytest.MonkeyPatch, trigger: str
) -> None:
    project = make_project(autopilot="automatic")
    make_dataset(project, frame=make_frame(600))

    def killed(**result: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        run = start(project, trigger=trigger)
        work_all(run, until=only("decide"))
        patched.setattr(pipeline, "complete", killed)
        with pytest.raises(SystemExit):
            work_all(run)
    row = rollouts.of_project(project)
    assert row.revision == 2
    rollouts.rollback(rollout=row, by="the guardrails", revision=2)
    if trigger == "create_project":  # it was live; and now is not even the one before
        Rollout.objects.update(previous=None)
    Job.objects.filter(state="running").update(state="queued", lease_until=None)
    run = work_all(run)

    assert (run.state, run.verdict) == ("succeeded", "accepted")
    assert "taken out" in run.report["next"]
    row = rollouts.of_project(project)
    assert (row.candidate, row.live) == (None, row.baseline)


@pytest.mark.faults
def test_a_run_that_is_cancelled_while_it_decides_publishes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = make_project(autopilot="automatic")
    make_dataset(project, frame=make_frame(600))
    run = start(project)
    work_all(run, until=only("decide"))
    outcome = decide._outcome

    def cancelled(*given: Any, **more: Any) -> Any:
        pipeline.cancel(run=run, now=now())
        return outcome(*given, **more)

    monkeypatch.setattr(decide, "_outcome", cancelled)
    run = work_all(run)

    assert (run.state, run.verdict) == ("cancelled", "")
    assert ModelVersion.objects.get(run=run).state == "built"
    assert rollouts.of_project(project).candidate is None
