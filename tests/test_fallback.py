"""When the version that should answer cannot, another does, and says why."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from registry.models import ModelVersion, Project
from registry.versions import forget_loaded, load_version
from serving import rollout
from serving.frontend.failures import MOST_IN_A_ROW
from serving.model_server import states
from serving.models import Prediction, PredictionInbox, RolloutEvent
from tests.calls import Rest
from tests.factories import (
    make_canary,
    make_key,
    make_project,
    make_rule,
    make_serving,
    make_version,
)

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]

ROW = {"tenure": 30, "monthly_charges": 100.0}  # live says No, the candidate says Yes
NAN = float("nan")


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    forget_loaded()
    yield
    forget_loaded()


@pytest.fixture
def project() -> Project:
    return make_serving().project


@pytest.fixture
def rest(project: Project) -> Rest:
    return Rest(project, make_key(project))


class Sick:
    """A model that answers every row the same wrong way; `bad` says which rows."""

    fields: list = []

    def __init__(self, well: Any, result: Any, *, bad: Any = None) -> None:
        self.well, self.result, self.bad = well, result, bad
        self.classes_ = well.classes_

    def predict(self, table: Any) -> Any:
        return ["Yes"] * len(self._shares(table))

    def predict_proba(self, table: Any) -> Any:
        return self._shares(table)

    def _shares(self, table: Any) -> Any:
        if isinstance(self.result, BaseException):
            raise self.result
        if callable(self.result):
            return self.result(table.n)
        return [self.result] * table.n


SICK = {
    "raises": (ZeroDivisionError("division by zero"), "raised ZeroDivisionError"),
    "eats memory": (MemoryError("oops"), "raised MemoryError"),
    "NaN": ([NAN, NAN], "probability of nan"),
    "unknown class": ([0.2, 0.3, 0.5], "3 probabilities for 2 classes"),
    "wrong length": (lambda n: [[0.5, 0.5]] * (n + 1), "answered 2 rows of 1"),
    "nonsense": ([7.0, -6.0], "probability of"),
    "a string": (["a", "b"], "raised"),
    "nothing": (lambda n: None, "raised"),
}


def sicken(version: ModelVersion, result: Any) -> None:
    loaded = load_version(version)
    loaded._model = Sick(loaded._model, result)


@pytest.mark.faults
@pytest.mark.parametrize(("result", "words"), SICK.values(), ids=SICK)
def test_a_sick_canary_is_answered_for_by_live_with_the_reason(
    rest: Rest, project: Project, result: Any, words: str
) -> None:
    sicken(make_canary(project).candidate, result)
    body = rest.post("predict", {"input": ROW}).json()
    assert (body["prediction"], body["variant"], body["model"]) == (
        "No",
        "fallback",
        "churn/1",
    )
    assert body["fallback"].startswith("version 2 ")
    assert words in body["fallback"]
    answer = Prediction.objects.get(pk=body["id"])
    assert (answer.role, answer.version.number) == ("fallback", 1)
    assert answer.fallback == body["fallback"]


def test_the_candidates_failure_is_a_row_of_its_own(
    rest: Rest, project: Project
) -> None:
    sicken(make_canary(project).candidate, ZeroDivisionError())
    body = rest.post("predict", {"input": ROW}).json()
    failed = Prediction.objects.get(shadow_of=body["id"])
    assert (failed.role, failed.version.number) == ("canary", 2)
    assert "ZeroDivisionError" in failed.error
    assert failed.output == {}
    assert PredictionInbox.objects.count() == 2


@pytest.mark.faults
@pytest.mark.parametrize(("result", "words"), SICK.values(), ids=SICK)
def test_a_sick_live_is_answered_for_by_the_baseline(
    rest: Rest, project: Project, result: Any, words: str
) -> None:
    row = rollout.of_project(project)
    version = make_version(project, model=make_rule(project, value=40))
    rollout.go_live(rollout=row, version=version, by="a test", revision=1)
    sicken(version, result)
    body = rest.post("predict", {"input": ROW}).json()
    assert (body["model"], body["variant"]) == ("churn/1", "fallback")
    assert words in body["fallback"]


@pytest.mark.parametrize(("state", "model"), [("accepted", 2), ("rejected", 1)])
def test_the_version_before_answers_for_a_broken_one_if_it_may(
    rest: Rest, project: Project, state: str, model: int
) -> None:
    for value in (35, 40):
        row = rollout.of_project(project)
        version = make_version(project, model=make_rule(project, value=value))
        rollout.go_live(
            rollout=row, version=version, by="a test", revision=row.revision
        )
    ModelVersion.objects.filter(number=2).update(state=state)
    ModelVersion.objects.filter(number=3).update(signature="torn")
    states.forget()
    assert rest.post("predict", {"input": ROW}).json()["model"] == f"churn/{model}"


def test_where_nobody_can_answer_it_is_503_and_nothing_is_stored(
    rest: Rest, project: Project
) -> None:
    sicken(rollout.of_project(project).live, ZeroDivisionError())
    response = rest.post("predict", {"input": ROW})
    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert "ZeroDivisionError" in response.json()["detail"]
    assert not Prediction.objects.exists()


def test_a_row_that_breaks_the_canary_harms_no_other_row_of_its_batch(
    rest: Rest, project: Project
) -> None:
    loaded = load_version(make_canary(project).candidate)
    well = loaded._model

    class Picky(Sick):
        def _shares(self, table: Any) -> Any:
            if 13 in table.columns["tenure"].tolist():
                raise ValueError("unlucky")
            return well.predict_proba(table)

    loaded._model = Picky(well, None)
    loaded._model.fields = well.fields
    requests = [{"input": ROW | {"tenure": tenure}} for tenure in (20, 13, 30)]
    answers = rest.post("predict/batch", {"requests": requests}).json()["responses"]
    assert [answer["variant"] for answer in answers] == ["canary", "fallback", "canary"]


def test_failures_in_a_row_turn_the_candidate_off_and_it_stays_off(
    rest: Rest, project: Project
) -> None:
    sicken(make_canary(project).candidate, ZeroDivisionError())
    for _ in range(MOST_IN_A_ROW):
        assert rest.post("predict", {"input": ROW}).json()["variant"] == "fallback"
    for _ in range(3):
        body = rest.post("predict", {"input": ROW}).json()
        assert (body["variant"], body["model"]) == ("live", "churn/1")
    row = rollout.of_project(project)
    assert (row.candidate, row.state) == (None, "idle")
    event = RolloutEvent.objects.first()
    assert (event.action, event.author_name) == ("rollback", "the front-end")
    assert "5 failures in a row" in event.reason


def test_failures_that_are_not_in_a_row_do_not(rest: Rest, project: Project) -> None:
    version = make_canary(project).candidate
    well = load_version(version)._model
    for _ in range(MOST_IN_A_ROW - 1):
        load_version(version)._model = Sick(well, ZeroDivisionError())
        for _ in range(MOST_IN_A_ROW - 1):
            rest.post("predict", {"input": ROW})
        load_version(version)._model = well
        assert rest.post("predict", {"input": ROW}).json()["variant"] == "canary"


def test_tests_do_not_turn_a_candidate_off(rest: Rest, project: Project) -> None:
    sicken(make_canary(project).candidate, ZeroDivisionError())
    for _ in range(MOST_IN_A_ROW + 1):
        rest.post("predict", {"input": ROW, "test": True})
    assert rollout.of_project(project).candidate


def file_of(version: ModelVersion) -> Path:
    return Path(settings.ARTIFACTS_URL.removeprefix("file://")) / version.uri


BREAK = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "corrupt": lambda path: path.write_bytes(path.read_bytes()[:-100] + b"x" * 100),
    "no skops at all": lambda path: path.write_bytes(b"\x80\x04N."),
}


@pytest.mark.faults
@pytest.mark.parametrize("how", BREAK.values(), ids=BREAK)
def test_where_lives_file_is_broken_the_version_before_answers(
    rest: Rest, project: Project, how: Any
) -> None:
    for value in (20, 40):
        row = rollout.of_project(project)
        version = make_version(project, model=make_rule(project, value=value))
        rollout.go_live(
            rollout=row, version=version, by="a test", revision=row.revision
        )
    how(file_of(version))
    forget_loaded()
    states.forget()
    body = rest.post("predict", {"input": ROW}).json()
    assert (body["model"], body["variant"]) == ("churn/2", "fallback")
    assert body["fallback"].startswith("version 3 ")
    file_of(ModelVersion.objects.get(number=2)).unlink()
    forget_loaded()
    states.forget()
    body = rest.post("predict", {"input": ROW}).json()
    assert (body["model"], body["variant"]) == ("churn/1", "fallback")


@pytest.mark.faults
def test_where_the_candidates_file_is_broken_live_answers(
    rest: Rest, project: Project
) -> None:
    file_of(make_canary(project).candidate).unlink()
    forget_loaded()
    body = rest.post("predict", {"input": ROW}).json()
    assert (body["model"], body["variant"]) == ("churn/1", "fallback")
    assert "missing" in body["fallback"]


@pytest.mark.faults
def test_where_every_file_is_broken_it_is_503_until_one_is_back(
    rest: Rest, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(rollout.of_project(project).live)
    data = path.read_bytes()
    path.unlink()
    forget_loaded()
    assert rest.post("predict", {"input": ROW}).status_code == 503
    path.write_bytes(data)
    monkeypatch.setattr(states, "RETRY_BROKEN", 0.0)
    monkeypatch.setattr(states, "CHECK_EVERY", 0.0)
    assert rest.post("predict", {"input": ROW}).json()["variant"] == "live"


def test_a_candidate_of_another_schema_that_refuses_the_input_is_not_the_clients_fault(
    rest: Rest, project: Project
) -> None:
    fields = [*project.fields, {"name": "notes", "kind": "text"}]
    others = [*project.fields, {"name": "notes", "kind": "categorical"}]
    rollout.go_live(
        rollout=rollout.of_project(project),
        version=make_version(project, fields=fields),
        by="a test",
        revision=1,
    )
    rollout.start(
        rollout=rollout.of_project(project),
        candidate=make_version(project, fields=others),
        mode="canary",
        percent=100,
        by="a test",
        revision=2,
    )
    short, long = ROW | {"notes": "x"}, ROW | {"notes": "x" * 2000}
    assert rest.post("predict", {"input": short}).json()["variant"] == "canary"
    body = rest.post("predict", {"input": long}).json()
    assert (body["variant"], body["model"]) == ("fallback", "churn/2")
    assert "refuses the input" in body["fallback"]


def test_an_explanation_that_fails_leaves_the_answer(
    rest: Rest, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest.post("predict", {"input": ROW})
    loaded = load_version(rollout.of_project(project).live)
    monkeypatch.setattr(
        type(loaded._model), "explained", lambda self, rows: 1 / 0, raising=True
    )
    body = rest.post("predict", {"input": ROW, "explain": True}).json()
    assert body["prediction"] == "No"
    assert "explanation" not in body
    assert body["warnings"][0]["field"] == "explain"


def test_a_baseline_written_as_a_function_answers_and_its_bugs_do_not_spread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from registry import definition_store

    def by_tenure(row: dict) -> str:
        return "Yes" if row["tenure"] < 12 else "No"

    monkeypatch.setattr(definition_store, "baseline_function", lambda name: by_tenure)
    project = make_project("coded")
    make_serving(project, function="shop.churn:by_tenure", algorithm="function")
    rest = Rest(project, make_key(project))
    body = rest.post("predict", {"input": ROW, "explain": True}).json()
    assert (body["prediction"], body["variant"]) == ("No", "live")
    assert body["explanation"]["approximate"] is True
    json.dumps(body)
    response = rest.post("predict", {"input": ROW | {"tenure": None}})
    assert response.status_code == 503
    assert "TypeError" in response.json()["detail"]
