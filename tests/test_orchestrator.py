"""A run goes from data to a verdict by six jobs that anybody may work."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mlsystem import baselines, tasks  # noqa: F401  # registers the tasks
from mlsystem.builder import trials
from mlsystem.orchestrator import featurize, pipeline, triggers
from monitoring.models import Alert, AlertRule
from registry import jobs
from registry.clock import now
from registry.models import Job, ModelVersion, Project, Run, Step
from serving import rollout as rollouts
from serving.models import Rollout
from tests.factories import (
    make_dataset,
    make_frame,
    make_project,
    make_user,
)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
    pytest.mark.usefixtures("few_trials"),
]


@pytest.fixture
def project() -> Project:
    project = make_project()
    make_dataset(project, frame=make_frame(600))
    return project


def start(project: Project, **changes: Any) -> Run:
    # They end after a few trials; the budget is for a machine that is busy.
    given = {"budget": 900, "params": {"slots": 1}, "now": now(), "trigger": "rest"}
    return pipeline.start(project=project, **(given | changes))


def work_all(run: Run, *, until: Callable[[], bool] = lambda: False) -> Run:
    """Do every due job of a run in this process, as workers would."""
    for _ in range(40):
        due = Job.objects.filter(
            project=run.project, state=Job.State.QUEUED, due_at__lte=now()
        )
        job = due.order_by("created_at").first()
        if job is None or until():
            break
        jobs.work_here(job)
    run.refresh_from_db()
    return run


def only(step: str) -> Callable[[], bool]:
    """Stop as soon as this step of the newest run is about to begin."""

    def reached() -> bool:
        newest = Run.objects.order_by("-id")[:1]
        begun = Step.objects.filter(name=step, run=newest)
        return begun.exclude(state=Step.State.WAITING).exists()

    return reached


def states(run: Run) -> list[str]:
    return [step.state for step in run.steps.all()]


def test_a_run_builds_judges_and_accepts_a_better_model(project: Project) -> None:
    run = work_all(start(project, by=make_user("Owen")))
    assert (run.state, run.error) == ("succeeded", "")
    assert states(run) == ["succeeded"] * 6
    assert run.verdict == "accepted"
    assert {reason["rule"] for reason in run.reasons} == {
        "enough rows",
        "better than baseline",
        "same answers",
        "accepts live's requests",
    }
    version = ModelVersion.objects.get(run=run)
    assert (version.state, version.reasons) == ("accepted", run.reasons)
    assert version.card["refitted"] is True
    assert version.card["data"]["dataset"] == 1
    test = version.card["test"]
    for part in ("candidate", "baseline"):
        cost = test[part]["metrics"]["cost"]
        assert cost["low"] <= cost["value"] <= cost["high"]
    assert test["candidate"]["metrics"]["cost"]["value"] < cost["value"]
    assert version.card["slices"]
    assert version.dataset.split.looks == 2  # the baseline, then the run


def test_a_run_waits_for_its_rollout_unless_autopilot_starts_it(
    project: Project,
) -> None:
    run = work_all(start(project))
    assert run.report["next"] == "Accepted, waiting for rollout."
    rollout = Rollout.objects.get(project=project)
    assert (rollout.candidate, rollout.live) == (None, rollout.baseline)


def test_automatic_starts_a_canary_by_the_projects_plan() -> None:
    plan = [{"percent": 10, "hours": 1, "min_n": 50}]
    project = make_project(autopilot="automatic", plan=plan)
    make_dataset(project, frame=make_frame(600))
    run = work_all(start(project))
    rollout = Rollout.objects.get(project=project)
    assert rollout.candidate == ModelVersion.objects.get(run=run)
    assert (rollout.mode, rollout.percent) == ("canary", 10)
    assert run.report["next"] == "A canary has begun with 10 %."
    event = project.rollout_events.first()
    assert (event.action, event.author_name) == ("start", "the orchestrator")


def test_a_version_accepted_while_another_rolls_out_waits(project: Project) -> None:
    project.autopilot = "automatic"
    project.save()
    first = work_all(start(project))
    second = work_all(start(project))
    assert first.report["next"].startswith("A canary")
    assert second.verdict == "rejected" or "waiting" in second.report["next"]
    assert Rollout.objects.get().candidate == ModelVersion.objects.get(run=first)


def test_a_model_no_better_than_live_is_rejected(project: Project) -> None:
    run = work_all(start(project))
    version = ModelVersion.objects.get(run=run)
    rollout = Rollout.objects.get()
    rollouts.go_live(
        rollout=rollout, version=version, by=None, revision=rollout.revision
    )
    again = work_all(start(project))
    assert again.verdict == "rejected"
    failed = [reason for reason in again.reasons if not reason["passed"]]
    assert [reason["rule"] for reason in failed] == ["better than live"]
    assert ModelVersion.objects.get(run=again).state == "rejected"


def test_where_a_second_person_approves_the_version_waits(project: Project) -> None:
    project.gate = {"approval": True}
    project.autopilot = "automatic"
    project.save()
    run = work_all(start(project))
    assert (run.state, run.verdict) == ("succeeded", "waiting_approval")
    assert ModelVersion.objects.get(run=run).state == "waiting_approval"
    assert Rollout.objects.get().candidate is None


def test_nothing_to_learn_from_ends_the_run_with_the_reason() -> None:
    project = make_project()
    run = work_all(start(project))
    assert (run.state, states(run)[0]) == ("failed", "failed")
    assert "upload one first" in run.error


def test_a_finding_is_kept_and_the_column_left_out(project: Project) -> None:
    frame = make_frame(600)
    make_dataset(project, frame=frame.assign(paperless=True))
    run = work_all(start(project), until=only("build"))
    prepared = run.steps.get(name="prepare")
    assert prepared.outputs["dropped"] == ["paperless"]
    assert [f["rule"] for f in prepared.findings if f["drop"]] == ["constant"]
    assert project.fields == make_project("other").fields  # clients go on sending it


def test_features_of_the_same_data_are_computed_once(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []
    compute = featurize.featurizer.compute_frame
    monkeypatch.setattr(
        featurize.featurizer,
        "compute_frame",
        lambda **given: computed.append(given) or compute(**given),
    )
    for expected in (1, 1):
        run = work_all(start(project), until=only("prepare"))
        assert len(computed) == expected
        pipeline.cancel(run=run, now=now())
    make_dataset(project, frame=make_frame(500))
    work_all(start(project), until=only("prepare"))
    assert len(computed) == 2


def test_a_failed_step_is_retried_from_where_it_failed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell = trials.tell
    monkeypatch.setattr(trials, "tell", lambda **_: 1 / 0)
    run = work_all(start(project))
    slot = Job.objects.filter(task="mlsystem.slot").get()
    assert (slot.state, slot.attempt) == ("queued", 1)  # tried again in 5 s
    Job.objects.filter(pk=slot.pk).update(max_attempts=2, due_at=now())
    run = work_all(run)
    assert run.state == "failed"
    assert run.error
    assert states(run) == ["succeeded"] * 3 + ["failed"] + ["waiting"] * 2
    monkeypatch.setattr(trials, "tell", tell)
    started = run.steps.get(name="extract").started_at
    run = work_all(pipeline.retry(run=run, now=now()))
    assert (run.state, run.verdict) == ("succeeded", "accepted")
    assert run.steps.get(name="extract").started_at == started


@pytest.mark.faults
def test_the_tick_moves_a_run_whose_mover_died(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = start(project)
    advance = pipeline.advance
    monkeypatch.setattr(pipeline, "advance", lambda **_: None)
    jobs.work_here(Job.objects.get(task="mlsystem.step"))
    monkeypatch.setattr(pipeline, "advance", advance)
    assert states(run)[:2] == ["succeeded", "waiting"]
    pipeline.advance_all(now() + timedelta(seconds=10))
    assert states(run)[:2] == ["succeeded", "running"]
    pipeline.advance_all(now() + timedelta(seconds=20))
    assert Job.objects.filter(task="mlsystem.step", state="queued").count() == 1


@pytest.mark.faults
def test_a_build_whose_slots_all_died_is_ended_with_what_there_is(
    project: Project,
) -> None:
    run = work_all(start(project), until=only("build"))
    work_all(run, until=lambda: Job.objects.filter(task="mlsystem.slot").exists())
    slot = Job.objects.get(task="mlsystem.slot")

    def die(**result: Any) -> None:
        tell(**result)
        if result["trial"].number == 2:
            raise SystemExit  # as if killed: nothing is written any more

    tell, trials.tell = trials.tell, die
    try:
        with pytest.raises(SystemExit):
            jobs.work_here(slot)
    finally:
        trials.tell = tell
    Job.objects.filter(pk=slot.pk).update(
        max_attempts=1, lease_until=now() - timedelta(seconds=1)
    )
    assert jobs.work_here(slot).state == "failed"
    pipeline.advance_all(now() + timedelta(seconds=10))
    Job.objects.filter(state="queued").update(due_at=now())
    run = work_all(run)
    assert (run.state, run.verdict) == ("succeeded", "accepted")
    assert run.trials.filter(state="finished").count() == 2


@pytest.mark.faults
def test_a_trial_that_its_worker_left_is_done_once_more(project: Project) -> None:
    run = work_all(start(project), until=only("build"))
    work_all(run, until=lambda: Job.objects.filter(task="mlsystem.slot").exists())
    slot = Job.objects.get(task="mlsystem.slot")

    def die(**result: Any) -> None:
        raise SystemExit

    tell, trials.tell = trials.tell, die
    try:
        with pytest.raises(SystemExit):
            jobs.work_here(slot)
    finally:
        trials.tell = tell
    assert list(run.trials.values_list("number", "state")) == [(1, "running")]
    Job.objects.filter(pk=slot.pk).update(lease_until=now() - timedelta(seconds=1))
    run = work_all(jobs.work_here(slot) and run)
    first = run.trials.get(number=1)
    assert (first.state, first.token, first.outcome["retried"]) == ("finished", 2, True)
    assert run.state == "succeeded"


def test_an_alert_that_says_retrain_starts_one_run(project: Project) -> None:
    project.autopilot = "propose"
    project.save()
    rule = AlertRule.objects.create(project=project, kind="performance", retrain=True)
    moment = now()
    Alert.objects.create(
        rule=rule,
        project=project,
        state="firing",
        message="worse",
        opened_at=moment,
        updated_at=moment,
    )
    assert triggers.answer_alerts(moment) == 1
    assert triggers.answer_alerts(moment + timedelta(minutes=5)) == 0
    assert Run.objects.get().trigger == "alert"


def test_a_project_with_data_gets_its_baseline_by_the_tick(project: Project) -> None:
    assert baselines.open_missing(now()) == 1
    assert baselines.open_missing(now()) == 1
    jobs.work_here(Job.objects.get(task=baselines.TASK))
    assert Rollout.objects.get(project=project).live.kind == "baseline"
    assert baselines.open_missing(now()) == 0
