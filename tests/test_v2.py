"""The Open Inference Protocol V2, as tritonclient and MLServer's clients speak it."""

import json
from typing import Any

import pytest

from registry.models import Project
from serving.models import Prediction
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

MODEL = "/v2/models/churn"


@pytest.fixture
def project() -> Project:
    return make_serving().project


@pytest.fixture
def rest(project: Project) -> Rest:
    return Rest(project, make_key(project))


def tensor(name: str, datatype: str, data: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "datatype": datatype,
        "shape": [len(data), 1],
        "data": data,
        **more,
    }


TENURE = tensor("tenure", "INT64", [3, 30])
CHARGES = tensor("monthly_charges", "FP64", [100.0, 20.0])


def by_name(body: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in body["outputs"]}


def test_health_is_public_and_the_rest_is_not(rest: Rest) -> None:
    anybody = Rest()
    assert anybody.get("/v2/health/live").json() == {"live": True}
    assert anybody.get("/v2/health/ready").json() == {"ready": True}
    for path in ("/v2", MODEL, f"{MODEL}/ready", f"{MODEL}/versions/1"):
        refused = anybody.get(path)
        assert refused.status_code == 401
        assert set(refused.json()) == {"error"}
        assert rest.get(path).status_code == 200
    assert rest.get("/v2").json()["name"] == "mlsystem"


def test_metadata_names_one_tensor_a_feature(rest: Rest, project: Project) -> None:
    make_version(project)
    about = rest.get(MODEL).json()
    assert (about["name"], about["versions"]) == ("churn", ["1", "2"])
    assert about["inputs"] == [
        {"name": "tenure", "datatype": "INT64", "shape": [-1, 1]},
        {"name": "monthly_charges", "datatype": "FP64", "shape": [-1, 1]},
        {"name": "contract", "datatype": "BYTES", "shape": [-1, 1]},
        {"name": "paperless", "datatype": "BOOL", "shape": [-1, 1]},
    ]
    assert {each["name"] for each in about["outputs"]} >= {"prediction", "score"}


def test_infer_goes_through_the_front_end_and_is_stored(rest: Rest) -> None:
    response = rest.post(f"{MODEL}/infer", {"id": "7", "inputs": [TENURE, CHARGES]})
    assert response.status_code == 200, response.content
    body = response.json()
    assert (body["model_name"], body["model_version"], body["id"]) == (
        "churn",
        "1",
        "7",
    )
    found = by_name(body)
    assert found["prediction"]["data"] == ["Yes", "No"]
    assert found["prediction"]["datatype"] == "BYTES"
    assert found["prediction"]["shape"] == [2, 1]
    assert found["probabilities"]["shape"] == [2, 2]
    classes = json.loads(found["probabilities"]["parameters"]["classes"])
    at = classes.index("Yes")
    assert found["probabilities"]["data"][at] == found["score"]["data"][0]
    ids = {str(row.pk) for row in Prediction.objects.all()}
    assert set(found["id"]["data"]) == ids


@pytest.mark.parametrize(("place", "stored"), [("", 2), ("/versions/1", 0)])
def test_a_retry_with_its_key_is_answered_again_and_stored_once(
    rest: Rest, place: str, stored: int
) -> None:
    body = {"inputs": [TENURE, CHARGES]}
    once = {"Idempotency-Key": "k"}
    first, again = (rest.post(f"{MODEL}{place}/infer", body, **once) for _ in range(2))
    assert first.status_code == 200, first.content
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Prediction.objects.count() == stored
    other = rest.post(f"{MODEL}{place}/infer", {"inputs": []}, **once)
    assert (other.status_code, set(other.json())) == (422, {"error"})


def test_the_parameter_user_sticks_to_its_variant(rest: Rest, project: Project) -> None:
    make_canary(project, percent=50)
    routes = set()
    for user in ("ann", "bob", "eve", "joe", "kim", "lou"):
        parameters = {"parameters": {"user": user, "anything": 1}}
        for _ in range(2):
            rest.post(f"{MODEL}/infer", {**parameters, "inputs": [TENURE, CHARGES]})
        roles = set(Prediction.objects.filter(unit=user).values_list("role", flat=True))
        assert len(roles) == 1
        routes |= roles
    assert routes == {"live", "canary"}


def test_the_version_that_answered_is_said(rest: Rest, project: Project) -> None:
    make_canary(project)  # for everyone
    body = rest.post(f"{MODEL}/infer", {"inputs": [TENURE, CHARGES]}).json()
    assert body["model_version"] == "2"
    assert by_name(body)["model"]["data"] == ["churn/2", "churn/2"]


def test_rows_that_two_versions_answered_say_each_its_own(
    rest: Rest, project: Project
) -> None:
    make_canary(project, percent=50)
    many = [tensor("tenure", "INT64", [3] * 40)]
    many += [tensor("monthly_charges", "FP64", [100.0] * 40)]
    body = rest.post(f"{MODEL}/infer", {"inputs": many}).json()
    said = by_name(body)["model"]["data"]
    assert set(said) == {"churn/1", "churn/2"}
    assert "model_version" not in body  # it is one for all, or none
    by_id = {str(row.pk): f"churn/{row.version.number}"
             for row in Prediction.objects.select_related("version")}  # fmt: skip
    assert said == [by_id[each] for each in by_name(body)["id"]["data"]]
    some = {"inputs": [TENURE, CHARGES], "outputs": [{"name": "model"}]}
    assert set(by_name(rest.post(f"{MODEL}/infer", some).json())) == {"model"}


def test_a_version_is_raw_and_not_stored(rest: Rest, project: Project) -> None:
    make_version(project, model=make_rule(project, value=100))
    body = rest.post(f"{MODEL}/versions/2/infer", {"inputs": [TENURE, CHARGES]}).json()
    assert body["model_version"] == "2"
    assert by_name(body)["prediction"]["data"] == ["Yes", "Yes"]
    assert "id" not in by_name(body)
    assert not Prediction.objects.exists()
    assert rest.get(f"{MODEL}/versions/2/ready").json()["ready"] is True


def test_json_whatever_the_content_type_says(rest: Rest) -> None:
    body = json.dumps({"inputs": [TENURE, CHARGES]})
    for kind in ("", "application/octet-stream", "text/plain"):
        response = rest.client.post(
            f"{MODEL}/infer", body, content_type=kind, headers=rest.headers
        )
        assert response.status_code == 200, response.content


def test_only_the_outputs_asked_for_come_back(rest: Rest) -> None:
    wanted = [{"name": "score", "parameters": {"binary_data": False}}]
    asked = {"inputs": [TENURE, CHARGES], "outputs": wanted}
    body = rest.post(f"{MODEL}/infer", asked).json()
    assert set(by_name(body)) == {"score"}
    unknown = {"inputs": [TENURE, CHARGES], "outputs": [{"name": "logits"}]}
    refused = rest.post(f"{MODEL}/infer", unknown)
    assert refused.status_code == 400
    assert Prediction.objects.count() == 2  # nothing was stored for the second


@pytest.mark.parametrize(
    "inputs",
    [
        [tensor("tenure", "FP32", [3.0, 30.0]), CHARGES],
        [TENURE | {"data": [[3], [30]]}, CHARGES],
        [TENURE | {"shape": [2]}, CHARGES],
        [TENURE, CHARGES, tensor("paperless", "INT8", [1, 0])],
        [TENURE, CHARGES, tensor("contract", "BYTES", ["One year", None])],
        [TENURE, CHARGES, tensor("contract", "INT32", [1, 2])],
        [TENURE, CHARGES, tensor("unknown", "BYTES", ["a", "b"])],
    ],
    ids=["floats", "nested", "flat", "0 and 1", "missing", "numbers", "unknown"],
)
def test_tensors_come_in_many_spellings(rest: Rest, inputs: list) -> None:
    response = rest.post(f"{MODEL}/infer", {"inputs": inputs})
    assert response.status_code == 200, response.content
    assert by_name(response.json())["prediction"]["data"] == ["Yes", "No"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"inputs": {}}, "inputs"),
        ({"inputs": [7]}, "inputs[0]"),
        ({"inputs": [{"name": "tenure"}]}, "datatype"),
        ({"inputs": [TENURE | {"datatype": "STRING"}]}, "datatype"),
        ({"inputs": [TENURE | {"datatype": []}]}, "datatype"),
        ({"inputs": [TENURE | {"datatype": {}}]}, "datatype"),
        ({"inputs": [TENURE | {"name": ["a"]}]}, "name"),
        ({"inputs": [TENURE, CHARGES], "outputs": [{"name": []}]}, "outputs[0].name"),
        ({"inputs": [TENURE, CHARGES], "outputs": [{"name": {}}]}, "outputs[0].name"),
        ({"inputs": [TENURE | {"shape": [1, 2]}]}, "shape"),
        ({"inputs": [TENURE | {"shape": [True, 1]}]}, "shape"),
        ({"inputs": [TENURE | {"shape": [0, 1], "data": []}]}, "shape"),
        ({"inputs": [TENURE | {"data": [3]}]}, "1 values"),
        ({"inputs": [TENURE | {"data": "x"}]}, "0 values"),
        ({"inputs": [TENURE | {"data": [3, "a"]}]}, "no INT64"),
        ({"inputs": [TENURE | {"data": [3, 1.5]}]}, "no INT64"),
        ({"inputs": [TENURE, TENURE, CHARGES]}, "twice"),
        ({"inputs": [tensor("tenure", "INT64", [3]), CHARGES]}, "same number"),
        ({"inputs": [TENURE]}, "row 0: input.monthly_charges"),
        ({"inputs": [TENURE, CHARGES], "parameters": []}, "parameters"),
        ({"inputs": [TENURE, CHARGES], "parameters": {"user": 7}}, "user"),
        ({"inputs": [TENURE, CHARGES], "outputs": "all"}, "outputs"),
        (
            {"inputs": [TENURE | {"parameters": {"binary_data_size": 8}}, CHARGES]},
            "binary_data=False",
        ),
        ([], "object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("path", ["", "/versions/1"])
def test_a_wrong_body_is_400_with_an_error_and_nothing_is_stored(
    rest: Rest, body: Any, words: str, path: str
) -> None:
    response = rest.post(f"{MODEL}{path}/infer", json.dumps(body).encode())
    told = response.json()
    if path and words in {"parameters", "user"}:
        return  # the raw model has no front-end that would read them
    assert response.status_code == 400, told
    assert set(told) == {"error"}
    assert (
        words.replace("row 0: input", "inputs[0]" if path else "row 0: input")
        in (told["error"])
    )
    assert not Prediction.objects.exists()


def test_one_bad_row_leaves_no_row_in_the_log(rest: Rest) -> None:
    tenure = tensor("tenure", "INT64", [3, -5])
    response = rest.post(f"{MODEL}/infer", {"inputs": [tenure, CHARGES]})
    assert response.status_code == 400
    assert "row 1: input.tenure" in response.json()["error"]
    assert not Prediction.objects.exists()


def test_binary_bodies_are_refused_with_the_cure(rest: Rest) -> None:
    response = rest.post(
        f"{MODEL}/infer",
        b'{"inputs": []}\x00\x01',
        Inference_Header_Content_Length="14",
    )
    assert response.status_code == 400
    assert "binary_data=False" in response.json()["error"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2/models/nobody", 404),
        ("/v2/models/churn/versions/99", 404),
        ("/v2/models/churn/config", 404),
        ("/v2/repository/index", 404),
        ("/v2/models/churn/infer", 405),
    ],
)
def test_every_other_address_is_an_error_in_the_protocols_words(
    rest: Rest, path: str, status: int
) -> None:
    response = rest.get(path)
    assert response.status_code == status
    assert set(response.json()) == {"error"}


def test_without_a_model_it_is_not_ready() -> None:
    project = make_project("empty")
    rest = Rest(project, make_key(project))
    assert rest.get("/v2/models/empty/ready").status_code == 409
