"""A rollout's plan: it grows on the guardrails, holds without answers, and says in each
event what it stood on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError

from monitoring.judging import steps
from monitoring.judging.rollouts import judge, judge_all
from monitoring.judging.steps import progress
from monitoring.models import HourBucket, RolloutDecision
from monitoring.monitor.inputs import fold_inputs
from registry import clock
from registry.models import ModelVersion, Project
from serving import rollout as rollouts
from serving.models import Rollout, RolloutEvent
from tests.calls import Rest
from tests.factories import (
    make_bare_version,
    make_key,
    make_prediction,
    make_project,
    make_user,
    sign_in,
)

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
BEGAN = datetime(2026, 5, 1, 12, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLAN = [
    {"percent": 5, "hours": 24, "min_n": 200},
    {"percent": 50, "hours": 24, "min_n": 2000},
]


@pytest.fixture
def project() -> Project:
    return make_project(silence="unknown")


@pytest.fixture
def canary(project: Project) -> Rollout:
    """5 % by a plan, begun at twenty past noon."""
    with clock.moved_to(BEGAN):
        live, candidate = (make_bare_version(project, n) for n in (1, 2))
        row = rollouts.open_with_baseline(project=project, version=live)
        return rollouts.start(
            rollout=row,
            candidate=candidate,
            mode="canary",
            plan=PLAN,
            by="a test",
            revision=row.revision,
        )


def answers(version: ModelVersion, role: str, n: int, **counted: Any) -> None:
    """Answers of 3 ms in the hour after the rollout's."""
    found = fold_inputs({"features": {}}, [{}] * n, latencies_ms=[3.0] * n)
    HourBucket.objects.create(
        project=version.project,
        version=version,
        role=role,
        hour=BEGAN.replace(minute=0) + HOUR,
        n=n,
        inputs=found.pack(),
        **counted,
    )


def judged(canary: Rollout, *, after: timedelta) -> str:
    with clock.moved_to(BEGAN + after):
        return judge(rollouts.of_project(canary.project), now=clock.now())


def test_a_step_stands_on_guardrails_hours_and_answers_and_says_so(
    canary: Rollout,
) -> None:
    answers(canary.live, "live", 8000, errors=2)
    answers(canary.candidate, "canary", 412)  # type: ignore[arg-type]
    assert judged(canary, after=23 * HOUR) == ""

    assert judged(canary, after=25 * HOUR) == "step"

    event = RolloutEvent.objects.first()
    assert event is not None
    assert (event.author_name, float(event.percent)) == ("the plan", 50)
    assert event.reason.startswith(
        "Guardrails inside their limits after 25 h and 412 answers at 5 %. "
        "0 of 412 answers failed, 2 of 8\u202f000 of live's: at most 0."
    )
    assert (
        "points more in the same hours or days, 1 allowed. 95 % within" in event.reason
    )
    assert event.reason.endswith("No verdict yet: needs 100 more truths.")
    assert event.numbers["answers"] == 412
    assert [guard["safe"] for guard in event.numbers["guardrails"]] == [True, True]
    assert RolloutDecision.objects.get().text == event.reason


def test_a_step_is_written_down_with_all_of_its_answers(
    canary: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "ROWS_COUNTED", 3)
    answers(canary.live, "live", 8000, errors=2)
    answers(canary.candidate, "canary", 412)  # type: ignore[arg-type]
    for n in range(19):
        make_prediction(canary.project, version=canary.live, at=BEGAN, unit=f"u{n}")
    for minutes in range(1, 9):  # of the hour in which the step began
        at = BEGAN + timedelta(minutes=minutes)
        row = {"version": canary.candidate, "role": "canary", "unit": "v"}
        make_prediction(canary.project, at=at, **row)
    Rollout.objects.update(plan=[PLAN[0] | {"min_n": 3}, PLAN[1]])

    assert judged(canary, after=25 * HOUR) == "step"

    event = RolloutEvent.objects.first()
    assert event is not None
    assert "and 420 answers at 5 %" in event.reason
    assert event.numbers["answers"] == 420


@pytest.mark.parametrize(
    ("n", "errors", "least"),
    [
        (0, 0, 0),  # no data decides nothing, whatever the plan asks for
        (150, 0, 0),  # none failed, but so few do not show that none will
        (199, 0, 200),
        (412, 4, 200),  # neither surely too many nor surely few enough
    ],
)
def test_without_enough_answers_it_holds(
    canary: Rollout, n: int, errors: int, least: int
) -> None:
    Rollout.objects.update(plan=[PLAN[0] | {"min_n": least}, PLAN[1]])
    answers(canary.live, "live", 8000)
    if n:
        answers(canary.candidate, "canary", n, errors=errors)  # type: ignore[arg-type]
    assert judged(canary, after=30 * HOUR) == ""
    assert float(rollouts.of_project(canary.project).percent) == 5


def test_answers_from_before_a_step_do_not_count_for_it(canary: Rollout) -> None:
    answers(canary.live, "live", 8000)
    answers(canary.candidate, "canary", 412)  # type: ignore[arg-type]
    judged(canary, after=25 * HOUR)
    assert judged(canary, after=60 * HOUR) == ""
    stepped = BEGAN + 25 * HOUR
    for minutes in (-5, 5, 10):
        make_prediction(
            canary.project,
            version=canary.candidate,
            role="canary",
            at=stepped + timedelta(minutes=minutes),
        )
    found = rollouts.of_project(canary.project)
    step = progress(found, now=stepped + HOUR)
    assert step is not None
    assert (step.answers, step.is_over) == (2, False)


def test_truth_promotes_and_guardrails_alone_do_not(canary: Rollout) -> None:
    Project.objects.update(autopilot="automatic")
    Rollout.objects.update(plan=PLAN[:1])
    answers(canary.live, "live", 8000)
    answers(canary.candidate, "canary", 412)  # type: ignore[arg-type]
    assert judged(canary, after=40 * HOUR) == ""


@pytest.mark.faults
def test_a_rollout_changes_only_with_the_decision_on_record(
    canary: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: Any) -> None:
        raise OperationalError("database or disk is full")

    answers(canary.live, "live", 8000)
    answers(canary.candidate, "canary", 412, errors=60)  # type: ignore[arg-type]
    monkeypatch.setattr(RolloutDecision.objects, "create", full)
    with pytest.raises(OperationalError):
        judged(canary, after=HOUR)
    assert rollouts.of_project(canary.project).candidate == canary.candidate
    assert not RolloutEvent.objects.filter(author_name="the guardrails").exists()


def test_a_breach_is_told_with_its_guardrails(canary: Rollout) -> None:
    answers(canary.live, "live", 8000)
    answers(canary.candidate, "canary", 412, errors=60)  # type: ignore[arg-type]
    assert judged(canary, after=HOUR) == "rollback"
    event = RolloutEvent.objects.first()
    assert event is not None
    assert event.author_name == "the guardrails"
    assert "60 of 412 answers failed" in event.reason
    assert [guard["ok"] for guard in event.numbers["guardrails"]] == [False, True]


@pytest.mark.parametrize("verb", ["hold", "baseline_for_all"])
def test_nothing_grows_until_somebody_resumes_and_the_hours_start_anew(
    canary: Rollout, verb: str
) -> None:
    answers(canary.live, "live", 8000, errors=2)
    answers(canary.candidate, "canary", 412)  # type: ignore[arg-type]
    stop = getattr(rollouts, verb)(
        rollout=canary, by="a test", revision=canary.revision
    )
    assert judged(canary, after=25 * HOUR) == ""

    with clock.moved_to(BEGAN + 25 * HOUR):
        rollouts.resume(rollout=stop, by="a test", revision=stop.revision)

    assert judged(canary, after=26 * HOUR) == ""
    step = progress(rollouts.of_project(canary.project), now=BEGAN + 26 * HOUR)
    assert step is not None
    assert step.lasted == HOUR


def test_a_canary_that_is_held_and_fails_is_rolled_back(canary: Rollout) -> None:
    answers(canary.live, "live", 8000)
    answers(canary.candidate, "canary", 412, errors=60)  # type: ignore[arg-type]
    rollouts.hold(rollout=canary, by="a test", revision=canary.revision)

    judge_all(BEGAN + HOUR)

    assert rollouts.of_project(canary.project).candidate is None
    event = RolloutEvent.objects.first()
    assert event is not None
    assert event.author_name == "the guardrails"


def test_every_number_of_a_comparison_says_its_coverage(
    canary: Rollout, project: Project
) -> None:
    answers(canary.live, "live", 300, truths=30)
    answers(canary.candidate, "canary", 100, truths=10)  # type: ignore[arg-type]
    rest = Rest(project, make_key(project, "read"))
    with clock.moved_to(BEGAN + 2 * HOUR):
        found = rest.get("comparison").json()
    wanted = {"value", "low", "high", "n", "coverage"}
    assert wanted < set(found["difference"])  # and the reason why there is none yet
    assert found["difference"]["coverage"] == 0.1
    assert all(wanted < set(guard) for guard in found["guardrails"])


def test_no_more_rows_are_counted_than_decide(
    canary: Rollout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every minute, and at every view of the page: an hour may hold 90 000."""
    monkeypatch.setattr(steps, "ROWS_COUNTED", 3)
    Rollout.objects.update(plan=[PLAN[0] | {"min_n": 5}, PLAN[1]])
    for minutes in range(1, 9):
        make_prediction(
            canary.project,
            version=canary.candidate,
            role="canary",
            at=BEGAN + timedelta(minutes=minutes),
        )
    step = progress(rollouts.of_project(canary.project), now=BEGAN + HOUR)
    assert step is not None
    assert step.answers == 5  # as many as the plan asks for
    Rollout.objects.update(plan=[PLAN[0] | {"min_n": 2}, PLAN[1]])
    step = progress(rollouts.of_project(canary.project), now=BEGAN + HOUR)
    assert step is not None
    assert step.answers == 3


def test_the_page_says_what_a_step_waits_for(canary: Rollout, project: Project) -> None:
    make_user("Ada", project=project, role="admin")
    Rollout.objects.update(plan=[PLAN[0] | {"min_n": 100}, PLAN[1]])
    answers(canary.live, "live", 8000)
    answers(canary.candidate, "canary", 150)  # type: ignore[arg-type]
    with clock.moved_to(BEGAN + 30 * HOUR):
        page = sign_in("Ada").get("/p/churn/rollout").content.decode()
        found = rollouts.of_project(project)
        rollouts.hold(rollout=found, by="a test", revision=found.revision)
        held = sign_in("Ada").get("/p/churn/rollout").content.decode()
    assert "Grows to 50 % once the guardrails are surely inside" in page
    assert "It waits until somebody resumes; its time then starts anew." in held
    assert "Grows to" not in held
    assert "not sure yet" in page
    assert "No verdict yet: needs 100 more truths." in page
