"""A prediction over REST: what is answered, and what is stored before it."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from registry import keys
from registry.actors import COMMAND_LINE
from registry.models import Project
from serving.frontend import front
from serving.frontend.tokens import prediction_of
from serving.model_server import states
from serving.models import Prediction, PredictionInbox
from tests.calls import Rest
from tests.factories import (
    make_canary,
    make_key,
    make_project,
    make_serving,
    make_user,
    make_version,
)

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]

ROW = {
    "tenure": 3,
    "monthly_charges": 100.0,
    "contract": "One year",
    "paperless": True,
}


@pytest.fixture
def project() -> Project:
    return make_serving().project


@pytest.fixture
def rest(project: Project) -> Rest:
    return Rest(project, make_key(project))


def test_an_answer_has_the_contracts_fields_and_no_null(rest: Rest) -> None:
    response = rest.post("predict", {"input": ROW})
    assert response.status_code == 200, response.content
    body = response.json()
    assert set(body) == {
        "id", "prediction", "score", "probabilities", "decision", "model", "variant",
        "feedback_token", "latency_ms",
    }  # fmt: skip
    assert body["prediction"] == "Yes"
    assert body["score"] == body["probabilities"]["Yes"]
    assert body["model"] == "churn/1"
    assert body["variant"] == "live"
    assert set(body["decision"]) == {"action", "reason"}
    assert uuid.UUID(body["id"]).version == 7
    assert prediction_of(body["feedback_token"]) == uuid.UUID(body["id"])
    assert prediction_of(body["feedback_token"] + "x") is None


def test_what_was_answered_is_stored_with_everything_that_led_to_it(rest: Rest) -> None:
    asked = {
        "input": ROW,
        "entity": "C12",
        "reference": "order-7",
        "user": "ann",
        "at": "2026-03-01T12:00:00+01:00",
        "explain": True,
    }
    body = rest.post("predict", asked).json()
    row = Prediction.objects.get(pk=body["id"])
    assert (row.reference, row.entity, row.unit) == ("order-7", "C12", "ann")
    assert row.at == datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert row.input == ROW
    assert row.output["prediction"] == body["prediction"]
    assert row.score == body["score"]
    assert row.decision == body["decision"]
    assert row.explanation == body["explanation"]
    assert row.role == "live"
    assert row.key_id
    assert PredictionInbox.objects.filter(prediction_id=row.pk).count() == 1


def test_the_explanation_adds_up(rest: Rest) -> None:
    told = rest.post("predict", {"input": ROW, "explain": True}).json()["explanation"]
    parts = sum(part["contribution"] for part in told["contributions"])
    assert told["base"] + parts == pytest.approx(told["total"], abs=1e-9)
    assert (told["unit"], told["of"], told["approximate"]) == ("log-odds", "Yes", False)


def test_unknown_fields_and_unseen_categories_are_warnings(rest: Rest) -> None:
    row = ROW | {"contract": "Lifetime", "tenur": 3}
    body = rest.post("predict", {"input": row}).json()
    told = {warning["field"]: warning["message"] for warning in body["warnings"]}
    assert "never seen" in told["contract"]
    assert "Did you mean tenure?" in told["tenur"]


def test_a_strict_project_refuses_unknown_fields(rest: Rest, project: Project) -> None:
    Project.objects.update(strict_inputs=True)
    response = rest.post("predict", {"input": ROW | {"x": 1}})
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "input.x"


def test_a_missing_optional_field_and_null_are_the_same(rest: Rest) -> None:
    without = {k: v for k, v in ROW.items() if k != "contract"}
    first = rest.post("predict", {"input": without}).json()
    second = rest.post("predict", {"input": ROW | {"contract": None}}).json()
    assert first["score"] == second["score"]


def test_the_entity_may_stand_among_the_inputs(rest: Rest) -> None:
    body = rest.post("predict", {"input": ROW | {"customer": "C9"}}).json()
    assert "warnings" not in body
    assert Prediction.objects.get(pk=body["id"]).entity == "C9"


def test_before_the_first_model_predict_is_a_conflict() -> None:
    project = make_project("empty")
    response = Rest(project, make_key(project)).post("predict", {"input": ROW})
    assert response.status_code == 409
    assert "no model yet" in response.json()["detail"]


def test_a_test_is_answered_alike_and_counted_nowhere(rest: Rest) -> None:
    body = rest.post("predict", {"input": ROW, "test": True}).json()
    assert body["prediction"] == "Yes"
    assert Prediction.objects.get(pk=body["id"]).test
    assert not PredictionInbox.objects.exists()


def test_a_retry_with_the_same_idempotency_key_is_one_prediction(rest: Rest) -> None:
    first = rest.post("predict", {"input": ROW}, Idempotency_Key="a").json()
    again = rest.post("predict", {"input": ROW}, Idempotency_Key="a").json()
    assert first == again
    assert Prediction.objects.count() == 1
    other = rest.post("predict", {"input": ROW, "user": "b"}, Idempotency_Key="a")
    assert other.status_code == 422


def test_who_may_predict(project: Project) -> None:
    asked = {"input": ROW}
    assert Rest(project).post("predict", asked).status_code == 401
    assert Rest(project, "mls_x").post("predict", asked).status_code == 401
    reader = Rest(project, make_key(project, "read"))
    assert reader.post("predict", asked).status_code == 403
    stranger = Rest(project, make_key(make_project("other")))
    assert stranger.post("predict", asked).status_code == 404
    assert Rest(project, make_key(project)).client.get(
        f"/api/v1/projects/{project}/predict"
    ).status_code in {401, 405}


@pytest.mark.parametrize(
    ("role", "asked", "status"),
    [
        ("viewer", {"input": ROW}, 403),
        ("viewer", {"input": ROW, "test": True}, 200),
        ("viewer", {"input": ROW, "test": "yes"}, 403),
        ("owner", {"input": ROW}, 200),
        ("labeller", {"input": ROW, "test": True}, 403),
    ],
)
def test_who_looks_may_only_try(
    project: Project, role: str, asked: dict, status: int
) -> None:
    rest = Rest(project)
    rest.client.force_login(make_user("Erin", project=project, role=role))
    assert rest.post("predict", asked).status_code == status


def test_both_spellings_of_the_address_answer(rest: Rest) -> None:
    assert rest.post("predict/", {"input": ROW}).status_code == 200


def test_a_canary_answers_its_users_and_says_so(rest: Rest, project: Project) -> None:
    make_canary(project)
    body = rest.post("predict", {"input": ROW | {"tenure": 30}}).json()
    assert (body["variant"], body["model"], body["prediction"]) == (
        "canary",
        "churn/2",
        "Yes",
    )


def test_a_project_of_one_field_takes_the_bare_value() -> None:
    field = {"name": "tenure", "kind": "integer", "required": True}
    project = make_serving(make_project("one", fields=[field], costs={}, decision={}))
    rest = Rest(project.project, make_key(project.project))
    body = rest.post("predict", {"input": 3}).json()
    assert body["prediction"] == "Yes"
    assert "decision" not in body


def test_a_regression_answers_a_number_in_the_targets_unit() -> None:
    from registry.estimators.baselines import make_baseline

    project = make_project(
        "flights", task="regression", classes=[], positive_class="", unit="minutes",
        costs={}, decision={},
    )  # fmt: skip
    model = make_baseline(
        kind="group_mean",
        params={"keys": ["contract"]},
        task="regression",
        fields=project.fields,
    ).fit([ROW] * 4, [1.0, 2.0, 3.0, 4.0])
    make_serving(project, model=model, kind="baseline")
    rest = Rest(project, make_key(project))
    body = rest.post("predict", {"input": ROW, "explain": True}).json()
    assert body["prediction"] == pytest.approx(2.5)
    assert not {"score", "probabilities", "decision"} & set(body)
    assert body["explanation"]["unit"] == "minutes"
    assert Prediction.objects.get(pk=body["id"]).score == pytest.approx(2.5)


def test_a_replay_may_bring_its_own_clock(project: Project) -> None:
    then = datetime(2026, 1, 2, 3, tzinfo=UTC)
    status, body = front.answer(
        project=project, request={"input": ROW}, actor=COMMAND_LINE, now=then
    )
    assert status == 200
    row = Prediction.objects.get(pk=body["id"])
    assert row.at == row.received_at == then
    assert uuid.UUID(body["id"]).int >> 80 == int(then.timestamp() * 1000)


def test_an_error_is_told_to_a_replay_without_raising(project: Project) -> None:
    status, body = front.answer(
        project=project,
        request={"input": {}},
        actor=COMMAND_LINE,
        now=datetime.now(UTC),
    )
    assert status == 400
    assert body["errors"][0]["field"] == "input.monthly_charges"


def test_a_prediction_costs_few_queries_and_never_more(
    rest: Rest,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(3):
        make_version(project, name=f"another {number}")
    monkeypatch.setattr(keys, "REMEMBERED", 600.0)
    monkeypatch.setattr(states, "CHECK_EVERY", 600.0)
    asked = {"input": ROW, "explain": True, "entity": "C1"}
    rest.post("predict", {"input": ROW})
    with django_assert_max_num_queries(5):  # who asks, two inserts, one transaction
        rest.post("predict", asked)
    keys.forget()
    states.expire(project.pk)
    with django_assert_max_num_queries(7):  # once a second: the key, the rollout
        rest.post("predict", asked)
