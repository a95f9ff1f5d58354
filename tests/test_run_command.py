"""`manage.py run`: one run in the foreground, whose exit code a machine can trust."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from kombu.exceptions import OperationalError

from mlsystem.orchestrator import pipeline
from registry import clock, jobs, sending
from registry.clock import now
from registry.models import Dataset, Job, ModelVersion, Project, Run
from serving.models import Rollout
from tests.factories import make_dataset, make_frame, make_project

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
    pytest.mark.usefixtures("few_trials"),
]
START = datetime(2026, 1, 1, tzinfo=UTC)
LONG = "3600"  # seconds, for builds that end by the number of their trials


def command(*arguments: str) -> tuple[int, str, str]:
    """Exit code, what was printed, and what went wrong."""
    out, err = StringIO(), StringIO()
    try:
        call_command("run", *arguments, stdout=out, stderr=err)
    except SystemExit as leaving:
        return int(leaving.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def project_with(n: int = 600, **columns: object) -> Project:
    project = make_project()
    make_dataset(project, frame=make_frame(n, **columns))
    return project


def daily(n: int) -> list[datetime]:
    return [START + timedelta(hours=6 * i) for i in range(n)]


def test_an_accepted_model_is_0_and_waits_for_its_rollout(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("no broker")  # as where nothing is up

    monkeypatch.setattr(sending.current_app, "send_task", refuse)
    project_with()
    code, out, err = command("churn", "--budget", LONG)
    assert (code, err) == (0, "")
    assert caplog.messages == []  # cron mails what is said there
    steps = [line for line in out.splitlines() if line.endswith("…")]
    assert [line.split()[1] for line in steps] == list(pipeline.PIPELINE)
    assert "Accepted, waiting for rollout." in out
    assert "less than the baseline" in out
    rollout = Rollout.objects.get()
    assert rollout.live == rollout.baseline
    assert not Job.objects.filter(state__in=["queued", "running"]).exists()


def test_a_model_no_better_is_1_with_the_reasons() -> None:
    import random

    dice = random.Random(3)
    project_with(200, churn=[dice.choice(["Yes", "No"]) for _ in range(200)])
    code, out, _ = command("churn", "--budget", LONG)
    assert code == 1, out
    assert "NO" in out
    assert Run.objects.get().verdict == "rejected"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), "no project nowhere"),
        (("churn", "--budget", "0"), "budget"),
        (("churn", "--at", "2199-01-01"), "future"),
        (("churn",), "no dataset"),
    ],
)
def test_every_other_end_is_2(arguments: tuple[str, ...], says: str) -> None:
    make_project()
    code, out, err = command(*arguments)
    assert code == 2
    assert says in out + err


def test_a_run_that_goes_on_elsewhere_is_2() -> None:
    pipeline.start(project=project_with(), now=now())
    code, _, err = command("churn")
    assert code == 2
    assert "Run 1 of churn is not over" in err


def left(project: Project, *, ago: timedelta, **changes: Any) -> Run:
    """A run whose process was killed in its first step so long ago."""
    moment = now() - ago
    with clock.moved_to(moment):
        run = pipeline.start(project=project, now=moment, trigger="command", **changes)
        job = run.steps.get(name="extract").job
        assert job is not None
        assert jobs.claim(job.pk, now=moment)
        for row in (job, run):  # the database's clock was not moved
            type(row).objects.filter(pk=row.pk).update(created_at=moment)
    return run


@pytest.mark.faults
def test_a_killed_run_goes_on_where_the_next_command_finds_it() -> None:
    project = project_with()
    left(project, ago=timedelta(minutes=2), budget=int(LONG))
    code, out, err = command("churn", "--budget", LONG)
    assert (code, err) == (0, ""), out
    assert "Run 1 was left half-done by a process that is gone: it goes on here." in out
    run = Run.objects.get()
    assert (run.state, run.steps.get(name="extract").job.attempt) == ("succeeded", 2)


def test_a_run_that_somebody_may_still_work_on_is_left_alone() -> None:
    left(project_with(), ago=timedelta(seconds=20))
    code, _, err = command("churn")
    assert code == 2
    assert "Run 1 of churn is being worked on" in err
    assert "takes it over from" in err
    assert Run.objects.get().state == "running"


@pytest.mark.faults
@pytest.mark.parametrize(
    ("ago", "asked"),
    [
        (timedelta(days=7), {}),  # what it extracted is a week old
        (timedelta(minutes=2), {"as_of": START}),
        (timedelta(minutes=2), {"budget": 300}),
    ],
)
def test_a_killed_run_of_other_data_is_ended_and_a_new_one_begins(
    ago: timedelta, asked: dict[str, Any]
) -> None:
    project = make_project()  # without data: the new one fails at once
    left(project, ago=ago, **asked)
    code, out, _ = command("churn")
    assert code == 2
    assert "Run 1 was left half-done" in out
    assert "it is cancelled, a new one begins." in out
    assert [run.state for run in Run.objects.order_by("number")] == [
        "cancelled",
        "failed",
    ]


@pytest.mark.parametrize("arguments", [(), ("--at", "2026-05-01")])
def test_a_run_whose_step_failed_and_waits_for_its_next_attempt_is_left_alone(
    arguments: tuple[str, ...],
) -> None:
    run = left(make_project(), ago=timedelta(seconds=6))
    Job.objects.update(
        state="queued", lease_until=None, due_at=now() + timedelta(seconds=14)
    )
    code, _, err = command("churn", *arguments)
    assert code == 2
    assert "Run 1 of churn is" in err
    run.refresh_from_db()
    assert run.state == "running"


def test_the_end_of_a_build_that_is_due_later_is_no_sign_of_life() -> None:
    run = left(make_project(), ago=timedelta(minutes=2))
    ending = jobs.enqueue(
        task="mlsystem.finish_build", due_at=now() + timedelta(minutes=10)
    )
    long_ago = now() - timedelta(minutes=2)
    Job.objects.filter(pk=ending.pk).update(created_at=long_ago)
    run.steps.filter(name="build").update(inputs={"finish": str(ending.pk)})
    code, out, _ = command("churn")
    assert code == 2  # without data
    assert "it goes on here." in out


def test_a_run_asked_for_otherwise_is_not_ended_before_a_lease_is_over() -> None:
    left(make_project(), ago=timedelta(seconds=30), as_of=START)
    Job.objects.update(state="queued", lease_until=None)
    code, _, err = command("churn")
    assert code == 2
    assert "Run 1 of churn is not over; wait or cancel it." in err
    assert Run.objects.get().state == "running"


def test_an_old_run_that_was_just_retried_goes_on_and_is_not_ended() -> None:
    run = left(make_project(), ago=timedelta(days=2))  # without data: it fails at once
    moment = now() - timedelta(minutes=5)  # no worker has been free since
    with clock.moved_to(moment):
        pipeline.cancel(run=run, now=moment)
        pipeline.retry(run=run, now=moment)
    Job.objects.filter(state="queued").update(created_at=moment)
    code, out, _ = command("churn")
    assert code == 2
    assert "Run 1 was left half-done by a process that is gone: it goes on here." in out
    assert Run.objects.get().state == "failed"


def test_a_broken_project_is_2_and_says_why() -> None:
    project = project_with()
    Dataset.objects.filter(project=project).update(sha256="0" * 64)
    code, out, _ = command("churn", "--budget", LONG)
    assert code == 2
    assert "is not what was stored" in out
    assert Run.objects.get().state == "failed"


def test_a_back_test_knows_only_what_was_known_then_and_publishes_nothing() -> None:
    project = make_project(
        time_column="seen_at", primary_metric="roc_auc", costs={}, decision={}
    )
    make_dataset(project, frame=make_frame(1200, seen_at=daily(1200)))
    code, out, err = command("churn", "--at", "2026-05-01", "--budget", LONG)
    assert code in {0, 1}, out + err
    run = Run.objects.get()
    known = run.steps.get(name="extract").outputs["counts"]["known"]
    last = datetime(2026, 5, 2, tzinfo=UTC) - timedelta(days=30)  # truth took a month
    assert known == (last - START).days * 4
    assert {v.state for v in ModelVersion.objects.all()} == {"archived"}
    assert not Rollout.objects.exists()
    assert Dataset.objects.get().split.looks == 0


def test_a_back_test_without_a_time_is_refused() -> None:
    project_with()
    code, out, _ = command("churn", "--at", "2026-05-01")
    assert code == 2
    assert "no time" in out
