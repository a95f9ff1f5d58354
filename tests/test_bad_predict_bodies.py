"""One table of bodies that are wrong: each is a 4xx that names the place and the cure,
nothing is stored, and nothing is ever a 500."""

from typing import Any

import pytest

from registry.models import Project
from serving.models import Prediction
from tests.calls import Rest
from tests.factories import make_key, make_serving

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]

ROW = {"tenure": 3, "monthly_charges": 100.0}


@pytest.fixture
def project() -> Project:
    return make_serving().project


@pytest.fixture
def rest(project: Project) -> Rest:
    return Rest(project, make_key(project))


# body, field, words
REQUESTS: list[tuple[Any, str, str]] = [
    ({}, "input", "entity"),
    ({"input": None}, "input", "entity"),
    ({"input": {}}, "input.monthly_charges", "required"),
    ({"input": []}, "input", "object"),
    ({"input": 7}, "input", "object"),
    ({"input": "x"}, "input", "object"),
    ({"input": ROW | {"tenure": "3"}}, "input.tenure", "whole number"),
    ({"input": ROW | {"tenure": 3.5}}, "input.tenure", "whole number"),
    ({"input": ROW | {"tenure": True}}, "input.tenure", "whole number"),
    ({"input": ROW | {"tenure": 2**60}}, "input.tenure", "whole number"),
    ({"input": ROW | {"tenure": -1}}, "input.tenure", "at least 0"),
    ({"input": ROW | {"tenure": [3]}}, "input.tenure", "whole number"),
    ({"input": ROW | {"monthly_charges": "a"}}, "input.monthly_charges", "number"),
    ({"input": ROW | {"monthly_charges": None}}, "input.monthly_charges", "required"),
    ({"input": ROW | {"paperless": "yes"}}, "input.paperless", "true or false"),
    ({"input": ROW | {"contract": 1}}, "input.contract", "string"),
    ({"input": ROW | {"contract": "x" * 2000}}, "input.contract", "characters"),
    ({"input": ROW, "inputs": ROW}, "inputs", "Unknown field"),
    ({"input": ROW, "entity": ""}, "entity", "string"),
    ({"input": ROW, "entity": []}, "entity", "string"),
    ({"input": ROW, "entity": {}}, "entity", "customer"),
    ({"input": ROW, "entity": " "}, "entity", "empty"),
    ({"input": ROW, "entity": {"customer": " "}}, "entity.customer", "empty"),
    ({"input": ROW, "entity": {"shop": 1}}, "entity", "customer"),
    ({"input": ROW, "entity": {"customer": {"a": 1}}}, "entity.customer", "string"),
    ({"input": ROW, "entity": "x" * 301}, "entity", "300"),
    ({"entity": "C1"}, "input", "send an input"),
    ({"input": ROW, "reference": 7}, "reference", "string"),
    ({"input": ROW, "reference": "x" * 201}, "reference", "200"),
    ({"input": ROW, "reference": ""}, "reference", "string"),
    ({"input": ROW, "reference": " "}, "reference", "string"),
    ({"input": ROW, "user": {"id": 1}}, "user", "string"),
    ({"input": ROW, "user": " "}, "user", "string"),
    ({"input": ROW, "attributes": ["DE"]}, "attributes", "object"),
    ({"input": ROW, "attributes": {"c": {"d": 1}}}, "attributes", "c: write"),
    (
        {"input": ROW, "attributes": {str(n): n for n in range(51)}},
        "attributes",
        "at most 50",
    ),
    ({"input": ROW, "explain": "yes"}, "explain", "true or false"),
    ({"input": ROW, "test": 1}, "test", "true or false"),
    ({"input": ROW, "at": "yesterday"}, "at", "offset"),
    ({"input": ROW, "at": "2026-01-01T12:00:00"}, "at", "offset"),
    ({"input": ROW, "at": "2026-02-30T12:00:00Z"}, "at", "offset"),
    ({"input": ROW, "at": "9999-12-31T23:59:59-12:00"}, "at", "write a time"),
    ({"input": ROW, "at": "0001-01-01T00:00:00Z"}, "at", "between"),
    ({"input": ROW, "at": 1767225600}, "at", "offset"),
]


@pytest.mark.parametrize(("body", "field", "words"), REQUESTS)
def test_a_wrong_request_is_400_with_field_and_cure(
    rest: Rest, body: Any, field: str, words: str
) -> None:
    response = rest.post("predict", body)
    problem = response.json()
    assert response.status_code == 400, problem
    assert response.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail", "errors"} <= set(problem)
    told = {error["field"]: error["message"] for error in problem["errors"]}
    assert words.lower() in told[field].lower()
    assert not Prediction.objects.exists()


@pytest.mark.parametrize(("body", "field", "words"), REQUESTS)
def test_in_a_batch_it_is_an_error_in_its_place(
    rest: Rest, body: Any, field: str, words: str
) -> None:
    good = {"input": ROW}
    response = rest.post("predict/batch", {"requests": [good, body, good]})
    assert response.status_code == 200
    first, bad, last = response.json()["responses"]
    assert first["prediction"] == last["prediction"] == "Yes"
    assert bad["error"]["status"] == 400
    assert field in {error["field"] for error in bad["error"]["errors"]}
    assert Prediction.objects.count() == 2


def test_everything_wrong_is_told_at_once(rest: Rest) -> None:
    body = {"input": {"tenure": "a", "paperless": 3}}
    told = rest.post("predict", body).json()["errors"]
    assert {error["field"] for error in told} == {
        "input.tenure",
        "input.paperless",
        "input.monthly_charges",
    }


TEXTS = [
    (b"", 400),
    (b"{", 400),
    (b"null", 400),
    (b"[]", 400),
    (b'"input"', 400),
    (b'{"input": NaN}', 400),
    (b'{"input": {"tenure": 1e999}}', 400),
    (b'{"input": {"tenure": 1, "tenure": 2}}', 400),
    (b'{"input": {"contract": "\\u0000"}}', 400),
    (b'{"input": {"contract": "\\ud800"}}', 400),
    (b'{"input": "\xff"}', 400),
    (b'{"input": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    (b'{"input": {"tenure": 99999999999999999999999}}', 400),
    (b'{"input": "' + b"x" * (10 * 2**20) + b'"}', 413),
]


@pytest.mark.parametrize("path", ["predict", "predict/batch", "models/1/predict"])
@pytest.mark.parametrize(("text", "status"), TEXTS, ids=range(len(TEXTS)))
def test_what_is_no_strict_json_is_refused(
    rest: Rest, path: str, text: bytes, status: int
) -> None:
    response = rest.post(path, text)
    assert response.status_code == status
    assert response.json()["detail"]
    assert not Prediction.objects.exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"requests": {}}, 400),
        ({"requests": None}, 400),
        ({"requests": [], "test": True}, 400),
        ({"requests": [0] * 10_001}, 413),
    ],
    ids=["empty", "object", "null", "unknown", "too many"],
)
def test_a_batch_that_is_none_is_refused(rest: Rest, body: Any, status: int) -> None:
    assert rest.post("predict/batch", body).status_code == status


def test_another_content_type_is_415_and_another_method_405(rest: Rest) -> None:
    url = rest.root + "predict"
    sent = rest.client.post(
        url, "a=1", "application/x-www-form-urlencoded", headers=rest.headers
    )
    assert sent.status_code == 415
    assert (
        rest.client.put(url, "{}", "application/json", headers=rest.headers).status_code
        == 405
    )
