"""A worker is killed in the middle of its work: nothing is lost or done twice, and the
run finishes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection

from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.orchestrator import pipeline
from mlsystem.orchestrator.foreground import work_through
from registry.clock import now
from registry.models import Job, ModelVersion, Project, Run
from serving.models import Rollout
from tests.factories import make_dataset, make_frame, make_project
from tests.processes import start_python

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
    pytest.mark.usefixtures("few_trials"),
]
# A worker that does what is due, and hangs at the worst moment of the step named: its
# work is done, and nothing of it is written yet (a trial), or all but the step (a step).
WORKER = """
import sys, time
from mlsystem import tasks
from mlsystem.builder import trials
from mlsystem.orchestrator import steps
from registry import jobs
from registry.clock import now
from registry.models import Job

def hang(**ignored):
    print("there", flush=True)
    time.sleep(60)

where, trials.MOST_TRIALS = sys.argv[1], 4
if where == "trial":
    trials.tell = hang
else:
    function = steps.STEPS[where]
    steps.STEPS[where] = lambda work: (function(work), hang())
end = time.time() + 600
while time.time() < end:
    dead = Job.objects.filter(state="running", lease_until__lt=now())
    due = Job.objects.filter(state="queued", due_at__lte=now())
    for job in (dead | due).order_by("created_at")[:1]:
        jobs.work_here(job)
    time.sleep(0.05)
"""


def kill_in(where: str) -> None:
    worker = start_python(WORKER, where)
    assert worker.stdout is not None
    said = ""
    try:
        while "there" not in (line := worker.stdout.readline()):
            said += line
            assert line, f"the worker ended before {where}: {said}"
    finally:
        worker.kill()
        worker.communicate()
    let_leases_run_out()


def let_leases_run_out() -> None:
    """What a minute does."""
    past = now() - timedelta(seconds=1)
    Job.objects.filter(state="running").update(lease_until=past)


@pytest.fixture
def project() -> Project:
    project = make_project(autopilot="automatic")
    make_dataset(project, frame=make_frame(500))
    return project


@pytest.mark.faults
def test_a_run_survives_the_death_of_its_workers(project: Project) -> None:
    run = pipeline.start(
        project=project, budget=900, params={"slots": 1}, trigger="rest", now=now()
    )
    for where in ("trial", "evaluate", "decide"):
        kill_in(where)
    run = work_through(run, tell=lambda _run, _steps: None)
    assert (run.state, run.verdict, run.error) == ("succeeded", "accepted", "")
    version = ModelVersion.objects.get(kind="trained")
    assert version.state == "accepted"
    assert Rollout.objects.get().candidate == version
    assert project.rollout_events.filter(action="start").count() == 1
    assert version.evaluations.count() == 1
    assert set(run.trials.values_list("state", flat=True)) == {"finished"}
    assert run.trials.get(number=1).outcome["retried"]
    assert Job.objects.filter(attempt=2, state="succeeded").count() == 3


@pytest.mark.faults
def test_a_dead_foreground_leaves_a_run_that_workers_finish(project: Project) -> None:
    path = "import sys; from django.core.management import call_command\n"
    child = start_python(path + "call_command('run', 'churn', '--budget', '900')")
    assert child.stdout is not None
    try:
        while "prepare done" not in (line := child.stdout.readline()):
            assert line, "the command ended by itself"
    finally:
        child.kill()
        child.communicate()
    let_leases_run_out()
    run = work_through(Run.objects.get(), tell=lambda _run, _steps: None)
    assert (run.state, run.verdict) == ("succeeded", "accepted")
    assert ModelVersion.objects.filter(kind="trained").count() == 1


def test_of_many_who_start_a_run_at_once_one_does(project: Project) -> None:
    def press(_: int) -> str:
        try:
            return str(pipeline.start(project=project, now=now()).number)
        except pipeline.AlreadyRunning as refused:
            return f"refused for {refused.extra['run']}"
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(press, range(20)))
    assert sorted(answers) == ["1", *["refused for 1"] * 19]
    assert Job.objects.filter(task=pipeline.STEP_TASK).count() == 1
