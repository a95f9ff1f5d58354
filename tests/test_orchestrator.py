"""A run goes from data to a verdict by six jobs that anybody may work."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from labelling.collector.truth import record_truth
from labelling.models import GroundTruth, Match
from mlsystem import baselines, tasks  # noqa: F401  # registers the tasks
from mlsystem.builder import trials
from mlsystem.orchestrator import featurize, pipeline, triggers
from monitoring.models import Alert, AlertRule
from registry import jobs
from registry.clock import now
from registry.models import Dataset, Job, ModelVersion, Project, Run, Step
from serving import rollout as rollouts
from serving.models import Rollout
from tests.factories import (
    make_dataset,
    make_frame,
    make_prediction,
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
    given = {"budget": 120, "params": {"slots": 1}, "now": now(), "trigger": "rest"}
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


def answer_customers(project: Project, n: int, **changes: Any) -> list[Any]:
    """Predictions of new customers, each with its truth: who calls, leaves."""
    version = baselines.open_if_missing(project=project).live
    moment = now() - timedelta(days=40)
    made = []
    for i in range(n):
        prediction = make_prediction(
            project,
            version=version,
            entity=f"N{i}",
            at=moment + timedelta(minutes=i),
            input={"tenure": i % 60, "monthly_charges": 200.0 + i, "paperless": True},
            **changes,
        )
        Match.objects.create(
            project=project,
            prediction_id=prediction.pk,
            value="Yes" if i % 3 == 0 else "No",
            by_silence=True,
            source="silence",
            observed_at=moment + timedelta(days=30),
            predicted_at=prediction.at,
        )
        made.append(prediction)
    return made


def extracted(project: Project) -> tuple[Run, dict[str, Any]]:
    run = work_all(start(project), until=only("featurize"))
    outputs = run.steps.get(name="extract").outputs
    pipeline.cancel(run=run, now=now())
    return run, outputs


def test_production_rows_with_mature_truth_become_a_new_dataset(
    project: Project,
) -> None:
    answer_customers(project, 60)
    answer_customers(project, 0)
    _, outputs = extracted(project)
    assert (outputs["dataset"], outputs["counts"]["from production"]) == (2, 60)
    dataset = Dataset.objects.get(number=2)
    assert (dataset.rows, dataset.lineage["root"]) == (660, 1)
    counts, before = dataset.split.counts, Dataset.objects.get(number=1).split.counts
    assert all(counts[part] > before[part] for part in counts)  # by the hash rule
    _, again = extracted(project)
    assert again["dataset"] == 2  # nothing new


def test_a_corrected_truth_corrects_the_row(project: Project) -> None:
    made = answer_customers(project, 40)
    assert extracted(project)[1]["dataset"] == 2
    Match.objects.filter(prediction_id=made[0].pk).update(value="No")
    _, outputs = extracted(project)
    assert (outputs["dataset"], Dataset.objects.get(number=3).rows) == (3, 640)


def test_what_keeps_a_production_row_out_is_counted(project: Project) -> None:
    made = answer_customers(project, 10)
    later = made[0].at + timedelta(days=1)
    again = make_prediction(project, entity="N0", input=made[0].input, at=later)
    first = Match.objects.get(prediction_id=made[0].pk)
    Match.objects.create(
        project=project,
        prediction_id=again.pk,
        value="Yes",
        by_silence=True,
        source="silence",
        observed_at=first.observed_at,
        predicted_at=again.at,
    )
    truth = GroundTruth.objects.create(
        project=project,
        key_kind="entity",
        key="N1",
        value="No",
        source="outcome",
        observed_at=now(),
        received_at=now(),
        altered_by_us=True,
    )
    Match.objects.filter(prediction_id=made[1].pk).update(truth=truth)
    tried = make_prediction(project, entity="N99", test=True)
    Match.objects.create(
        project=project,
        prediction_id=tried.pk,
        value="No",
        by_silence=True,
        source="silence",
        observed_at=now(),
        predicted_at=tried.at,
    )
    counts = extracted(project)[1]["counts"]
    assert counts["from production"] == 9
    assert (counts["repeated"], counts["altered by us"]) == (1, 1)
    assert counts["matched"] == 11  # a try-out is no prediction at all


def test_where_silence_means_no_nothing_is_learnt_before_its_time_is_over(
    project: Project,
) -> None:
    answer_customers(project, 60)
    told = []
    for number in range(20):  # who leaves says so at once, who stays cannot yet
        prediction = make_prediction(
            project,
            version=project.rollout.live,
            entity=f"early {number}",
            at=now() - timedelta(days=29, minutes=number),
            input={"tenure": 5, "monthly_charges": 300.0 + number, "paperless": True},
        )
        told.append({"prediction": str(prediction.pk), "value": "Yes"})
    record_truth(project=project, items=told, actor=None, now=now())
    counts = extracted(project)[1]["counts"]
    assert (counts["from production"], counts["not mature yet"]) == (60, 20)
    Project.objects.update(silence="unknown")  # a yes is no likelier to be heard
    project.refresh_from_db()
    counts = extracted(project)[1]["counts"]
    assert (counts["from production"], counts["not mature yet"]) == (80, 0)


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
