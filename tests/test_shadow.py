"""Shadows are asked after the answer, never delay one, and lose nothing silently."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from registry.models import Project
from registry.versions import forget_loaded, load_version
from serving import rollout
from serving.frontend import shadows
from serving.frontend.failures import MOST_IN_A_ROW
from serving.models import Prediction, PredictionInbox
from tests.calls import Rest
from tests.factories import make_canary, make_key, make_serving, make_version

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]

ROW = {"tenure": 30, "monthly_charges": 100.0}  # live says No, the shadow says Yes
LONG = 60.0  # seconds that nobody waits for, but on a busy machine


@pytest.fixture
def project() -> Iterator[Project]:
    forget_loaded()
    project = make_serving().project
    make_canary(project, mode="shadow")
    yield project
    assert shadows.drained(LONG)
    forget_loaded()


@pytest.fixture
def rest(project: Project) -> Rest:
    return Rest(project, make_key(project))


def slow_down(project: Project, wait: Any) -> None:
    """Make the shadow wait before every answer."""
    loaded = load_version(rollout.of_project(project).candidate)
    answer = loaded.answer

    def slowly(rows: Any, **given: Any) -> Any:
        wait()
        return answer(rows, **given)

    loaded.answer = slowly  # type: ignore[method-assign]


def test_live_answers_and_the_shadow_is_stored_beside_it(
    rest: Rest, project: Project
) -> None:
    body = rest.post("predict", {"input": ROW, "user": "ann", "explain": True}).json()
    assert (body["prediction"], body["variant"], body["model"]) == (
        "No",
        "live",
        "churn/1",
    )
    assert shadows.drained(LONG)
    answer = Prediction.objects.get(pk=body["id"])
    shadow = Prediction.objects.get(role="shadow")
    assert shadow.shadow_of == answer.pk
    assert (shadow.version.number, shadow.output["prediction"]) == (2, "Yes")
    assert (shadow.at, shadow.unit, shadow.input) == (answer.at, "ann", answer.input)
    assert PredictionInbox.objects.count() == 2


def test_a_slow_shadow_delays_nobody(rest: Rest, project: Project) -> None:
    gate = threading.Event()
    slow_down(project, lambda: gate.wait(LONG))
    for _ in range(5):
        assert rest.post("predict", {"input": ROW}).status_code == 200
    assert not Prediction.objects.filter(role="shadow").exists()
    gate.set()
    assert shadows.drained(LONG)
    assert Prediction.objects.filter(role="shadow").count() == 5


def test_what_does_not_fit_is_dropped_and_counted(
    rest: Rest, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "MOST_WAITING", 3)
    gate = threading.Event()
    slow_down(project, lambda: gate.wait(LONG))
    before = shadows.counts(project.pk)
    requests = [{"input": ROW}] * 10
    answers = rest.post("predict/batch", {"requests": requests}).json()["responses"]
    assert len(answers) == 10
    gate.set()
    assert shadows.drained(LONG)
    after = shadows.counts(project.pk)
    assert after["dropped"] - before["dropped"] == 7
    assert after["stored"] - before["stored"] == 3
    assert Prediction.objects.filter(role="shadow").count() == 3


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside another"])
def test_a_failing_shadow_is_stored_as_an_error_and_goes_off(
    rest: Rest, project: Project, beside: bool
) -> None:
    if beside:
        rollout.of_project(project).shadows.add(make_version(project))

    def fail() -> None:
        from registry.answering import ModelFailure

        raise ModelFailure("raised ZeroDivisionError: division by zero")

    slow_down(project, fail)
    for _ in range(MOST_IN_A_ROW):
        body = rest.post("predict", {"input": ROW}).json()
        assert (body["variant"], "fallback" in body) == ("live", False)
    assert shadows.drained(LONG)
    failed = Prediction.objects.filter(role="shadow").exclude(error="")
    assert failed.count() == MOST_IN_A_ROW
    assert all("ZeroDivisionError" in row.error for row in failed)
    assert rollout.of_project(project).candidate is None


def test_a_test_casts_no_shadow(rest: Rest) -> None:
    rest.post("predict", {"input": ROW, "test": True})
    assert shadows.drained(LONG)
    assert not Prediction.objects.filter(role="shadow").exists()


def test_a_paused_shadow_is_not_asked(rest: Rest, project: Project) -> None:
    row = rollout.of_project(project)
    rollout.pause(rollout=row, by="a test", revision=row.revision)
    rest.post("predict", {"input": ROW})
    assert shadows.drained(LONG)
    assert not Prediction.objects.filter(role="shadow").exists()
