"""Application metrics come in once each, for a user or a prediction."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from labelling.models import Outcome
from registry.clock import now
from registry.models import Project
from tests.calls import Rest
from tests.factories import make_key, make_project

pytestmark = pytest.mark.django_db
AT = "2026-05-01T12:00:00Z"
ORDER = {"user": "C1", "metric": "orders", "value": 1, "at": AT}


@pytest.fixture
def churn() -> Project:
    return make_project()


@pytest.fixture
def rest(churn: Project) -> Rest:
    return Rest(churn, make_key(churn, "truth"))


def test_an_outcome_of_a_user_or_a_prediction_is_stored(rest: Rest) -> None:
    of_prediction = {"prediction": str(uuid4())} | {
        name: ORDER[name] for name in ("metric", "value", "at")
    }
    for body in (ORDER, of_prediction):
        answer = rest.post("outcomes", body)
        assert answer.status_code == 202
        assert answer.json() == {"accepted": 1, "duplicates": 0, "errors": []}
    assert Outcome.objects.filter(unit="C1", value=1.0).count() == 1


def test_an_order_is_not_sold_twice(rest: Rest) -> None:
    later = ORDER | {"at": "2026-05-01T12:00:01Z"}
    answer = rest.post("outcomes", [ORDER, ORDER, later])
    assert answer.json() == {"accepted": 2, "duplicates": 1, "errors": []}
    assert rest.post("outcomes", ORDER).json()["duplicates"] == 1


def test_a_bad_one_in_a_list_is_an_error_in_its_place(rest: Rest) -> None:
    answer = rest.post("outcomes", [ORDER, ORDER | {"metric": ""}])
    assert answer.status_code == 202
    assert [error["index"] for error in answer.json()["errors"]] == [1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"user": None}, "user"),
        ({"prediction": str(uuid4())}, "user"),
        ({"user": None, "prediction": "7"}, "prediction"),
        ({"user": "x" * 201}, "user"),
        ({"user": " "}, "user"),
        ({"metric": None}, "metric"),
        ({"metric": " "}, "metric"),
        ({"metric": "x" * 61}, "metric"),
        ({"value": "1"}, "value"),
        ({"value": True}, "value"),
        ({"at": None}, "at"),
        ({"at": "2026-05-01T12:00:00"}, "at"),
        ({"at": (now() + timedelta(days=1)).isoformat()}, "at"),
        ({"at": "9999-12-31T23:59:59Z"}, "at"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_outcome_is_refused_by_name(
    rest: Rest, change: dict[str, Any], field: str
) -> None:
    answer = rest.post("outcomes", ORDER | change)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Outcome.objects.exists()


def test_it_takes_the_scope_truth(churn: Project) -> None:
    assert Rest(churn).post("outcomes", ORDER).status_code == 401
    reads = Rest(churn, make_key(churn, "read"))
    assert reads.post("outcomes", ORDER).status_code == 403
