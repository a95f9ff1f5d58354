"""`manage.py run`: one run in the foreground, whose exit code a machine can trust."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from mlsystem.orchestrator import pipeline
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


def test_an_accepted_model_is_0_and_waits_for_its_rollout() -> None:
    project_with()
    code, out, err = command("churn", "--budget", "30")
    assert (code, err) == (0, "")
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
    code, out, _ = command("churn", "--budget", "30")
    assert code == 1, out
    assert "NO" in out
    assert Run.objects.get().verdict == "rejected"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), "no project nowhere"),
        (("churn", "--budget", "0"), "budget"),
        (("churn", "--at", "2999-01-01"), "future"),
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


def test_a_broken_project_is_2_and_says_why() -> None:
    project = project_with()
    Dataset.objects.filter(project=project).update(sha256="0" * 64)
    code, out, _ = command("churn", "--budget", "30")
    assert code == 2
    assert "is not what was stored" in out
    assert Run.objects.get().state == "failed"


def test_a_back_test_knows_only_what_was_known_then_and_publishes_nothing() -> None:
    project = make_project(
        time_column="seen_at", primary_metric="roc_auc", costs={}, decision={}
    )
    make_dataset(project, frame=make_frame(1200, seen_at=daily(1200)))
    code, out, err = command("churn", "--at", "2026-05-01", "--budget", "30")
    assert code in {0, 1}, out + err
    run = Run.objects.get()
    known = run.steps.get(name="extract").outputs["counts"]["known"]
    assert known == (datetime(2026, 5, 2, tzinfo=UTC) - START).days * 4
    assert {v.state for v in ModelVersion.objects.all()} == {"archived"}
    assert not Rollout.objects.exists()
    assert Dataset.objects.get().split.looks == 0


def test_a_back_test_without_a_time_is_refused() -> None:
    project_with()
    code, out, _ = command("churn", "--at", "2026-05-01")
    assert code == 2
    assert "no time" in out
