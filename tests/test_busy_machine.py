"""While builds hold the long lane, the quick one alone keeps what the house promises:
guardrails, alerts, silence, and a baseline for what was just uploaded."""

from datetime import timedelta
from itertools import count
from time import monotonic
from typing import Any

import pytest

from labelling.models import Match
from mlsystem import baselines, ticks
from mlsystem.celery import QUICK, app
from monitoring.models import Alert
from registry import definition_sync, jobs
from registry.clock import now
from registry.models import Job, Project
from serving import rollout as rollouts
from serving.models import PredictionInbox, Rollout, RolloutEvent
from tests.factories import (
    make_canary,
    make_dataset,
    make_prediction,
    make_project,
    make_serving,
)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.touches_services,
    pytest.mark.usefixtures("still"),  # answers of one hour are one bucket
]
HORIZON = timedelta(days=30)
LONGEST_QUICK = 60.0  # seconds that a job of the quick lane may take


@pytest.fixture(autouse=True)
def _first_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of this process: those of other tests were not a moment ago."""
    monkeypatch.setattr(ticks, "_began", float("-inf"))


def a_minute_without_the_long_lane() -> None:
    """What beat sends to the quick lane, and the jobs that wait there."""
    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        if entry["options"]["queue"] == QUICK:
            app.tasks[entry["task"]].run()
            waiting = Job.objects.filter(lane=QUICK, state="queued")
            for job in waiting.filter(due_at__lte=now()):
                assert jobs.work_here(job).state == "succeeded", job.error


def answered(row: Rollout, *, role: str, n: int, every: int = 0) -> None:
    """Answers just given, of which each so-manieth failed, not folded yet."""
    version = row.candidate if role == "canary" else row.live
    assert version is not None
    for i in range(n):
        error = "It said NaN." if every and i % every == 0 else ""
        found = make_prediction(
            row.project,
            version=version,
            role=role,
            error=error,
            fallback="version 2 said NaN" if role == "fallback" else "",
        )
        PredictionInbox.objects.create(prediction_id=found.pk, project=row.project)


def test_a_canary_that_fails_too_often_is_stopped() -> None:
    row = make_canary(make_serving(make_project(silence="unknown")).project)
    answered(row, role="live", n=200)
    answered(row, role="canary", n=200, every=4)

    a_minute_without_the_long_lane()

    assert rollouts.of_project(row.project).candidate is None
    event = RolloutEvent.objects.first()
    assert event is not None
    assert event.author_name == "the guardrails"
    assert "50 of 200 answers failed, 0 of 200 of live's" in event.reason


def test_an_alert_rule_is_looked_at() -> None:
    row = make_serving(make_project(silence="unknown"))
    answered(row, role="fallback", n=60)

    a_minute_without_the_long_lane()

    alert = Alert.objects.get()
    assert alert.state == "pending"
    assert alert.message == "60 of 60 answers came from a fall-back."


def test_silence_becomes_truth_when_its_time_is_over() -> None:
    row = make_serving()
    asked = now() - HORIZON - timedelta(hours=1)
    found = make_prediction(row.project, version=row.live, at=asked, entity="C1")

    a_minute_without_the_long_lane()

    assert Match.objects.get().prediction_id == found.pk


@pytest.fixture
def uploaded() -> Project:
    project = make_project()
    make_dataset(project)
    return project


def test_an_uploaded_table_has_its_baseline_at_once(uploaded: Project) -> None:
    a_minute_without_the_long_lane()

    assert rollouts.of_project(uploaded).live.kind == "baseline"


@pytest.mark.parametrize("limit", ["QUICK_CELLS", "QUICK_BYTES"])
def test_the_baseline_of_a_huge_table_holds_up_no_guardrail(
    uploaded: Project, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines, limit, 100)

    a_minute_without_the_long_lane()

    assert not Rollout.objects.filter(project=uploaded).exists()
    assert Job.objects.get(task=baselines.TASK).lane == "long"


def test_a_job_that_alone_knows_of_a_file_is_remembered_until_the_file_is_gone() -> (
    None
):
    project = make_project()

    def over(name: str, *, days: int, state: str = "succeeded", **given: Any) -> None:
        ended = now() - timedelta(days=days)
        job = jobs.enqueue(task=name, project=project, key=name)
        Job.objects.filter(pk=job.pk).update(state=state, finished_at=ended, **given)

    over("done", days=31)
    over("young", days=29)
    over("scored", days=31, result={"uri": "scorings/1.csv"})
    over("stopped", days=31, state="failed", args={"uri": "uploads/1.csv"})
    over("parts", days=31, state="cancelled", checkpoint={"parts": [["a", "b"]]})
    over("imported", days=31, args={"uri": "uploads/2.csv"})  # its file went with it
    over("long ago", days=61, state="failed", args={"uri": "uploads/3.csv"})

    ticks.sweep()

    names = set(Job.objects.filter(finished_at__isnull=False).values_list("task"))
    assert names == {("young",), ("scored",), ("stopped",), ("parts",)}


@pytest.mark.parametrize("lane", ["tick", "sweep"])
def test_a_pulse_outlives_the_slow_folds_it_waits_behind(lane: str) -> None:
    options = app.conf.beat_schedule[lane]["options"]

    assert options["expires"] > 2 * LONGEST_QUICK


def test_ticks_that_waited_together_are_done_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[Any] = []
    monkeypatch.setattr(definition_sync, "notice", looks.append)
    began = monotonic()

    for later in (0.0, 0.1, 0.2, 9.9):
        monkeypatch.setattr(ticks, "monotonic", lambda moment=began + later: moment)
        ticks.tick()

    assert len(looks) == 2


@pytest.mark.faults
def test_a_tick_that_fails_keeps_no_other_from_its_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seconds = count(monotonic(), 10.0)
    monkeypatch.setattr(ticks, "monotonic", lambda: next(seconds))

    def killed(moment: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(definition_sync, "notice", killed)
        with pytest.raises(KeyboardInterrupt):
            ticks.tick()
    make_dataset(make_project())
    ticks.tick()

    assert Job.objects.filter(task=baselines.TASK).exists()
