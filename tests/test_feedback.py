"""The end user's word: truth where it says what is right, a request where it does not."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client

from labelling import feedback
from labelling.models import Example, Feedback, GroundTruth, Match
from registry.clock import now
from registry.models import Project
from serving.frontend.tokens import feedback_token
from serving.models import Prediction
from tests.calls import Rest
from tests.factories import make_key, make_prediction, make_project, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def churn() -> Project:
    return make_project()


@pytest.fixture
def said(churn: Project) -> Prediction:
    """It said "Yes" yesterday."""
    return make_prediction(churn, at=now() - timedelta(days=1))


def with_key(project: Project, **body: Any) -> HttpResponse:
    return Rest(project, make_key(project, "truth")).post("feedback", body)


def with_token(said: Prediction, /, **body: Any) -> HttpResponse:
    token = feedback_token(said.pk)
    body = {"feedback_token": token, "correct": False} | body
    return Rest(said.project).post("feedback", body)


def test_correct_is_truth_of_source_feedback(said: Prediction) -> None:
    answer = with_token(said, correct=True)
    assert answer.status_code == 202
    assert answer.json() == {"truth": True, "label_requested": False}
    truth = GroundTruth.objects.get()
    assert (truth.value, truth.source, truth.key) == ("Yes", "feedback", str(said.pk))
    assert Match.objects.get().value == "Yes"


def test_a_value_is_truth(churn: Project, said: Prediction) -> None:
    answer = with_key(churn, prediction=str(said.pk), correct=False, value="No")
    assert answer.json() == {"truth": True, "label_requested": False}
    assert GroundTruth.objects.get().value == "No"
    assert not Example.objects.exists()


def test_a_bare_wrong_asks_for_a_label_and_is_no_truth(said: Prediction) -> None:
    answer = with_token(said, comment="I never left!")
    assert answer.json() == {"truth": False, "label_requested": True}
    assert not GroundTruth.objects.exists()
    example = Example.objects.select_related("payload").get()
    assert (example.reason, example.prediction_id) == ("reported wrong", said.pk)
    assert example.priority > 0
    assert example.payload.data == said.input
    assert Feedback.objects.get().comment == "I never left!"


def test_whoever_goes_back_to_their_first_opinion_is_believed(
    churn: Project, said: Prediction
) -> None:
    for value in ("Yes", "No", "Yes"):
        with_key(churn, prediction=str(said.pk), correct=value == "Yes", value=value)
        assert Match.objects.get().value == value
    assert list(GroundTruth.objects.order_by("pk").values_list("value", flat=True)) == [
        "Yes",
        "No",
        "Yes",
    ]


def test_the_same_word_twice_is_stored_once(said: Prediction) -> None:
    for correct in (False, True):
        for _ in range(2):
            assert with_token(said, correct=correct).status_code == 202
    assert Feedback.objects.count() == 2
    assert Example.objects.count() == 1
    assert GroundTruth.objects.count() == 1


def test_nobody_fills_the_disk_about_one_prediction(
    said: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "MOST_PER_PREDICTION", 3)
    for word in ("a", "b", "c", "c"):
        assert with_token(said, correct=True, comment=word).status_code == 202
    refused = with_token(said, comment="d")
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert Feedback.objects.count() == 3
    assert not Example.objects.exists()


def test_what_was_learnt_from_a_duplicate_goes_to_its_card(
    churn: Project, said: Prediction
) -> None:
    first = make_prediction(churn, at=now(), input=said.input)
    with_token(first)
    Example.objects.update(priority=0)
    with_token(said)
    card = Example.objects.get(duplicate_of=None)
    assert card.prediction_id == first.pk
    assert card.priority > 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"correct": True, "value": "No"}, "value"),
        ({"correct": False, "value": "Yes"}, "correct"),
        ({"correct": False, "value": "maybe"}, "value"),
        ({"correct": "yes"}, "correct"),
        ({"correct": False, "colour": "red"}, "colour"),
        ({"correct": False, "comment": "x" * 2001}, "comment"),
        ({"correct": False, "prediction": str(uuid4())}, "prediction"),
    ],
)
def test_a_contradiction_is_refused(
    said: Prediction, body: dict[str, Any], field: str
) -> None:
    answer = with_token(said, **body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Feedback.objects.exists()


def test_without_key_or_token_it_is_401_in_every_project(said: Prediction) -> None:
    body = {"prediction": str(said.pk), "correct": True}
    assert Rest(said.project).post("feedback", body).status_code == 401
    assert Rest("nowhere").post("feedback", body).status_code == 401


def test_a_forged_or_strange_token_opens_nothing(said: Prediction) -> None:
    other = make_project("other")
    token = feedback_token(said.pk)
    forged = {"feedback_token": token[:-1] + "x", "correct": True}
    assert Rest(said.project).post("feedback", forged).status_code == 403
    assert Rest("nowhere").post("feedback", forged).status_code == 403
    good = {"feedback_token": token, "correct": True}
    assert Rest(other).post("feedback", good).status_code == 404
    assert Rest("nowhere").post("feedback", good).status_code == 404


def test_an_old_token_is_over(said: Prediction) -> None:
    token = feedback_token(said.pk)
    with time_machine.travel(now() + timedelta(days=91), tick=False):
        body = {"feedback_token": token, "correct": True}
        assert Rest(said.project).post("feedback", body).status_code == 403


def test_a_key_needs_scope_and_project(churn: Project, said: Prediction) -> None:
    body = {"prediction": str(said.pk), "correct": True}
    predicts = Rest(churn, make_key(churn, "predict"))
    assert predicts.post("feedback", body).status_code == 403
    other = make_project("other")
    strange = Rest(churn, make_key(other, "truth", name="other"))
    assert strange.post("feedback", body).status_code == 404
    theirs = make_prediction(other)
    answer = with_key(churn, prediction=str(theirs.pk), correct=True)
    assert answer.status_code == 404
    assert with_key(churn, correct=True).status_code == 400


def test_a_viewer_may_not_say_what_is_true(churn: Project, said: Prediction) -> None:
    rest = Rest(churn)
    rest.client.force_login(make_user("Sam", project=churn, role="viewer"))
    body = {"prediction": str(said.pk), "correct": True}
    assert rest.post("feedback", body).status_code == 403


def test_the_token_counts_alone_whoever_else_the_browser_is(said: Prediction) -> None:
    owner, stranger = Rest(said.project), Rest(said.project)
    owner.client = Client(enforce_csrf_checks=True)
    owner.client.force_login(make_user("Owen", project=said.project, role="owner"))
    stranger.client.force_login(make_user("Sam"))
    other = make_key(make_project("other"), "read", name="other")
    body = {"feedback_token": feedback_token(said.pk), "correct": True}
    for rest in (owner, stranger, Rest(said.project, "wrong"), Rest("churn", other)):
        answer = rest.post("feedback", body)
        assert answer.status_code == 202, answer.content


def test_a_token_lends_nothing_to_whoever_holds_it(said: Prediction) -> None:
    """Nor does a session lend anything to a token: without it CSRF is asked for."""
    rest = Rest(said.project)
    rest.client = Client(enforce_csrf_checks=True)
    rest.client.force_login(make_user("Owen", project=said.project, role="owner"))
    mine, other = str(said.pk), make_prediction(said.project)
    token = feedback_token(said.pk)
    for body, status in (
        ({"prediction": mine}, 403),
        ({"prediction": mine, "feedback_token": ""}, 403),
        ({"prediction": mine, "feedback_token": f"{token}x"}, 403),
        ({"prediction": str(other.pk), "feedback_token": token}, 400),
    ):
        assert rest.post("feedback", body | {"correct": True}).status_code == status
    assert not Feedback.objects.exists()


def test_browsers_may_ask_from_anywhere_without_credentials(said: Prediction) -> None:
    rest = Rest(said.project)
    asked = rest.client.options(
        rest.root + "feedback", headers={"Origin": "https://shop.example"}
    )
    assert asked.status_code == 204
    assert asked["Access-Control-Allow-Origin"] == "*"
    assert "POST" in asked["Access-Control-Allow-Methods"]
    assert "X-Api-Key" not in asked["Access-Control-Allow-Headers"]
    for answer in (with_token(said), with_token(said, correct="?")):
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer
    truth = rest.client.options(rest.root + "truth")
    assert "Access-Control-Allow-Origin" not in truth


def test_where_experts_have_looked_their_word_stands(said: Prediction) -> None:
    with_token(said)
    Example.objects.update(state="labelled", answer="Yes")
    again = with_token(said, comment="really!")
    assert again.json() == {"truth": False, "label_requested": False}
    assert Feedback.objects.count() == 2


def test_a_test_prediction_asks_for_no_label(churn: Project) -> None:
    tried = make_prediction(churn, test=True)
    assert with_token(tried).json() == {"truth": False, "label_requested": False}
    assert not Example.objects.exists()
