"""One version, raw, by our own words: not routed, nothing stored; and its file."""

import pytest

from registry.models import Project
from serving.models import Prediction
from tests.calls import Rest
from tests.factories import make_key, make_serving, make_version
from tests.test_v2 import tensor

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


@pytest.fixture
def project() -> Project:
    return make_serving().project


@pytest.fixture
def rest(project: Project) -> Rest:
    return Rest(project, make_key(project))


def test_a_version_answers_raw_inputs_over_rest(rest: Rest, project: Project) -> None:
    rows = [{"tenure": 3, "monthly_charges": 100.0}, {"monthly_charges": 1.0}]
    body = rest.post("models/1/predict", {"inputs": rows}).json()
    first, second = body["outputs"]
    assert first["prediction"] == "Yes"
    assert set(first) == {"prediction", "score", "probabilities", "decision"}
    assert second["prediction"] == "No"
    assert not Prediction.objects.exists()


def test_a_raw_input_that_is_not_known_is_told_or_refused(
    rest: Rest, project: Project
) -> None:
    rows = [{"monthly_charges": 1.0, "colour": "red"}, {"monthly_charges": 1.0}]
    colour = tensor("colour", "BYTES", ["red"])
    tensors = [tensor("monthly_charges", "FP64", [1.0]), colour]
    infer = "/v2/models/churn/versions/1/infer"
    first, second = rest.post("models/1/predict", {"inputs": rows}).json()["outputs"]
    assert [warning["field"] for warning in first["warnings"]] == ["colour"]
    assert "warnings" not in second
    assert rest.post(infer, {"inputs": tensors}).status_code == 200

    Project.objects.update(strict_inputs=True)
    refused = rest.post("models/1/predict", {"inputs": rows})
    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    assert error["field"] == "inputs[0].colour"
    assert rest.post(infer, {"inputs": tensors}).status_code == 400


def test_wrong_raw_inputs_are_named_by_row_and_field(rest: Rest) -> None:
    rows = [{"monthly_charges": 1.0}, {"tenure": "x"}]
    response = rest.post("models/1/predict", {"inputs": rows})
    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == {
        "inputs[1].tenure",
        "inputs[1].monthly_charges",
    }


def test_an_archived_version_answers_no_more(rest: Rest, project: Project) -> None:
    make_version(project, state="archived")
    rows = {"inputs": [{"monthly_charges": 1.0}]}
    assert rest.post("models/2/predict", rows).status_code == 409


def test_the_model_file_comes_with_its_hash(project: Project) -> None:
    import hashlib

    rest = Rest(project, make_key(project, "read"))
    answer = rest.get("models/1/artifact?format=skops")
    assert answer.status_code == 200
    digest = hashlib.sha256(answer.content).hexdigest()
    assert answer.headers["X-Content-SHA256"] == digest
    assert answer.headers["ETag"] == f'"{digest}"'
    assert "attachment" in answer.headers["Content-Disposition"]
    assert rest.get("models/1/artifact").content == answer.content
    for query, status in (("onnx", 404), ("pickle", 400)):
        refused = rest.get(f"models/1/artifact?format={query}")
        assert refused.status_code == status
        assert refused.json()["detail"]
    assert Rest(project, make_key(project)).get("models/1/artifact").status_code == 403
