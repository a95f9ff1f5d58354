"""Truth over REST: one or a list, early or corrected, listed by what became of it."""

from typing import Any
from uuid import uuid4

import pytest

from labelling.models import GroundTruth, Match
from registry.models import Project
from tests.calls import Rest
from tests.factories import make_key, make_prediction, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def churn() -> Project:
    return make_project()


@pytest.fixture
def rest(churn: Project) -> Rest:
    return Rest(churn, make_key(churn, "truth"))


def test_one_truth_is_stored_and_joined(churn: Project, rest: Rest) -> None:
    prediction = make_prediction(churn)
    answer = rest.post("truth", {"prediction": str(prediction.pk), "value": "No"})
    assert answer.status_code == 202
    assert answer.json() == {
        "accepted": 1, "duplicates": 0, "waiting": 0, "errors": [],
    }  # fmt: skip
    assert Match.objects.get().value == "No"
    assert GroundTruth.objects.get().api_key_id == churn.keys.get().pk


def test_a_list_answers_with_counts_and_errors_in_their_places(rest: Rest) -> None:
    items: list[Any] = [
        {"reference": "order 1", "value": "Yes"},
        {"reference": "order 1", "value": "Yes"},
        {"reference": "order 2", "value": "maybe"},
        {"value": "Yes"},
        "what?",
    ]
    answer = rest.post("truth", items)
    assert answer.status_code == 202
    said = answer.json()
    assert (said["accepted"], said["duplicates"], said["waiting"]) == (1, 1, 1)
    assert [error["index"] for error in said["errors"]] == [2, 3, 4]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"value": "Yes"}, "prediction"),
        ({"reference": "a"}, "value"),
        ({"reference": "a", "value": "maybe"}, "value"),
        ({"reference": "a", "value": "Yes", "source": "expert"}, "source"),
        ({"reference": "a", "value": "Yes", "colour": "red"}, "colour"),
        ({"reference": "a", "value": "Yes", "at": "2026-01-01T00:00:00Z"}, "at"),
        ({"reference": "a", "value": "Yes", "observed_at": "2099-01-01T00:00:00Z"},
         "observed_at"),
        ({"reference": "a", "value": "Yes", "observed_at": "0001-01-01T00:00:00Z"},
         "observed_at"),
        ({"entity": {"customer": {"a": 1}}, "value": "Yes"}, "entity"),
        ({"entity": " ", "value": "Yes"}, "entity"),
        ({"reference": " ", "value": "Yes"}, "reference"),
        ("Yes", "body"),
    ],
)  # fmt: skip
def test_a_single_bad_truth_is_refused_by_name(
    rest: Rest, body: Any, field: str
) -> None:
    answer = rest.post("truth", body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not GroundTruth.objects.exists()


@pytest.mark.parametrize("value", [True, 1, "true", "TRUE", "1.0"])
def test_truth_is_the_class_however_it_is_spelt(value: Any) -> None:
    project = make_project(
        "leads", classes=["False", "True"], positive_class="True", costs={}
    )
    rest = Rest("leads", make_key(project, "truth"))
    assert rest.post("truth", {"entity": "C1", "value": value}).status_code == 202
    assert GroundTruth.objects.get().value == "True"


def test_a_retry_with_its_idempotency_key_gives_the_same_answer(rest: Rest) -> None:
    body = {"reference": "a", "value": "Yes"}
    first = rest.post("truth", body, Idempotency_Key="t1")
    again = rest.post("truth", body, Idempotency_Key="t1")
    assert again.json() == first.json()
    assert again.json()["accepted"] == 1
    other = rest.post("truth", body | {"value": "No"}, Idempotency_Key="t1")
    assert other.status_code == 422


def test_truth_is_listed_by_its_state(churn: Project, rest: Rest) -> None:
    prediction = make_prediction(churn)
    rest.post("truth", {"reference": "unknown", "value": "Yes"})
    rest.post("truth", {"prediction": str(prediction.pk), "value": "No"})
    (waiting,) = rest.get("truth?state=waiting").json()["results"]
    assert (waiting["key_kind"], waiting["key"]) == ("reference", "unknown")
    assert (waiting["value"], waiting["source"]) == ("Yes", "outcome")
    (matched,) = rest.get("truth?state=matched").json()["results"]
    assert matched["key"] == str(prediction.pk)
    assert len(rest.get("truth").json()["results"]) == 2
    assert rest.get("truth?state=lost").status_code == 400


def test_truth_takes_its_scope_and_its_project(churn: Project) -> None:
    body = {"prediction": str(uuid4()), "value": "Yes"}
    assert Rest(churn).post("truth", body).status_code == 401
    predicts = Rest(churn, make_key(churn, "predict"))
    assert predicts.post("truth", body).status_code == 403
    other = make_project("other")
    strange = Rest(churn, make_key(other, "truth", name="other"))
    assert strange.post("truth", body).status_code == 404
    rest = Rest(churn)
    rest.client.force_login(make_user("Rae", project=churn, role="reviewer"))
    assert rest.get("truth").status_code == 403
    assert rest.client.delete(rest.root + "truth").status_code in {403, 405}
