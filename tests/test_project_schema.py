"""What the schema of one project says of a body is what happens to it: bodies that a
random search does not find, right ones and wrong ones."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from registry.models import Project
from registry.web import openapi
from serving.frontend import inputs
from tests.calls import Rest
from tests.factories import make_key, make_project, make_serving

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]

ROW = {"tenure": 3, "monthly_charges": 100.0}
AT = "2026-05-01T12:00:00Z"
ORDER = {"user": "C1", "metric": "orders", "value": 1, "at": AT}
NOTHING = dict.fromkeys(("reference", "entity", "user", "attributes", "explain", "at"))
BODIES: list[tuple[str, dict[str, Any], bool]] = [
    ("predict", {"input": ROW, "test": None} | NOTHING, True),
    ("predict", {"input": ROW, "user": " "}, False),
    ("predict", {"input": ROW, "reference": " "}, False),
    ("predict", {"input": ROW, "entity": 12}, True),
    ("predict", {"input": ROW, "entity": True}, True),
    ("predict", {"input": ROW, "entity": {"customer": 12}}, True),
    ("predict", {"input": ROW, "entity": {"customer": None}}, False),
    ("predict", {"input": ROW, "entity": {"customer": " "}}, False),
    ("predict", {"input": ROW, "entity": {"shop": 12}}, False),
    ("predict", {"input": ROW, "entity": ["C1"]}, False),
    ("predict", {"input": ROW, "entity": " "}, False),
    ("outcomes", ORDER | {"prediction": None}, True),
    ("outcomes", ORDER | {"user": " "}, False),
    ("outcomes", ORDER | {"metric": " "}, False),
    ("examples", {"payload": ROW} | dict.fromkeys(("key", "overlap", "gold")), True),
    ("examples", {"payload": ROW, "priority": None}, True),
    ("examples", {"payload": ROW, "key": " "}, False),
    ("truth", {"reference": " ", "value": "Yes"}, False),
    ("truth", {"reference": "a", "value": "No", "entity": None}, True),
    ("truth", {"entity": 12, "value": "Yes"}, True),
    ("truth", {"entity": {"customer": 12}, "value": "Yes"}, True),
    ("truth", {"entity": {"shop": 12}, "value": "Yes"}, False),
    ("truth", {"reference": "a", "value": "maybe"}, False),
    ("truth", {"reference": "a", "value": 1}, False),
    ("truth", {"reference": "a", "value": None}, False),
]


def says(project: Project, path: str) -> Draft202012Validator:
    """What the project's schema says of the bodies of a POST."""
    whole = openapi.of_project(project, fields=inputs.fields_now(project))
    post = whole["paths"][f"/api/v1/projects/{project.slug}/{path}"]["post"]
    body = post["requestBody"]["content"]["application/json"]["schema"]
    return Draft202012Validator(body | {"components": whole["components"]})


@pytest.mark.parametrize(("path", "body", "right"), BODIES)
def test_what_the_schema_allows_is_taken_and_nothing_else(
    path: str, body: dict[str, Any], right: bool
) -> None:
    project = make_serving().project
    rest = Rest(project, make_key(project, "predict", "truth", "label"))
    answer = rest.post(path, body)
    assert (answer.status_code < 300) == right, answer.content
    assert says(project, path).is_valid(body) == right


@pytest.mark.parametrize(
    ("entity", "right"),
    [
        ({"carrier": "UA", "flight": 1545}, True),
        ({"carrier": "UA", "flight": "1545"}, True),
        ({"carrier": "UA"}, False),
        ({"carrier": "UA", "flight": ""}, False),
        ("UA", False),
    ],
)
def test_an_entity_of_several_columns_is_an_object_of_them(
    entity: Any, right: bool
) -> None:
    project = make_serving(
        make_project("flights", entity=["carrier", "flight"])
    ).project
    rest = Rest(project, make_key(project, "predict", "truth"))
    for path, body in (("predict", {"input": ROW}), ("truth", {"value": "Yes"})):
        asked = body | {"entity": entity}
        answer = rest.post(path, asked)
        assert (answer.status_code < 300) == right, answer.content
        assert says(project, path).is_valid(asked) == right


@pytest.mark.parametrize(
    ("changes", "value", "right"),
    [
        ({"classes": ["0", "1"]}, 1, True),
        ({"classes": ["0", "1"]}, True, True),
        ({"classes": ["0", "1"]}, 2, False),
        ({"classes": ["False", "True"]}, True, True),
        ({"classes": ["False", "True"]}, 0, True),
        ({"classes": ["No", "Yes"]}, True, False),
        ({"classes": ["a", "b"], "task": "multilabel"}, ["a", "b"], True),
        ({"classes": ["a", "b"], "task": "multilabel"}, [], True),
        ({"classes": ["a", "b"], "task": "multilabel"}, ["c"], False),
        ({"classes": ["a", "b"], "task": "multilabel"}, "a", False),
        ({"classes": [], "task": "regression"}, 2.5, True),
        ({"classes": [], "task": "regression"}, True, False),
    ],
)
def test_a_truth_is_a_class_or_what_equals_one(
    changes: dict[str, Any], value: Any, right: bool
) -> None:
    plain = {"task": "multiclass", "positive_class": "", "silence": "unknown"}
    project = make_project("leads", **plain | {"costs": {}, "decision": {}} | changes)
    body = {"reference": "a", "value": value}
    answer = Rest(project, make_key(project, "truth")).post("truth", body)
    assert (answer.status_code < 300) == right, answer.content
    assert says(project, "truth").is_valid(body) == right


def test_the_rollout_of_a_project_without_a_model_is_a_conflict_as_written() -> None:
    project = make_project()
    answer = Rest(project, make_key(project, "read")).get("rollout")
    assert answer.status_code == 409
    whole = openapi.whole()["paths"]["/api/v1/projects/{project}/rollout"]
    assert "409" in whole["get"]["responses"]
