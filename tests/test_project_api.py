"""One project over REST: read, changed, and guarded against edits of two at once."""

import json
from typing import Any

import pytest
from django.test import Client

from registry.models import AuditEntry, Project
from tests.factories import make_key, make_project

pytestmark = pytest.mark.django_db
CHURN = "/api/v1/projects/churn"


@pytest.fixture
def key() -> dict[str, str]:
    return {"X-Api-Key": make_key(make_project(), "read", "manage")}


def read(key: dict[str, str]) -> Any:
    return Client().get(CHURN, headers=key)


def change(key: dict[str, str], tag: str = "", **body: Any) -> Any:
    headers = key | ({"If-Match": tag} if tag else {})
    return Client().patch(
        CHURN, json.dumps(body), content_type="application/json", headers=headers
    )


def test_a_project_is_read_with_its_revision(key: dict[str, str]) -> None:
    response = read(key)

    assert response.headers["ETag"] == '"1"'
    said = response.json()
    assert (said["slug"], said["task"], said["target"]) == ("churn", "binary", "churn")
    assert said["horizon_days"] == 30
    assert [field["name"] for field in said["fields"]][:2] == [
        "tenure",
        "monthly_charges",
    ]


def test_a_change_is_kept_counted_and_written_down(key: dict[str, str]) -> None:
    fields = [*read(key).json()["fields"], {"name": "age", "kind": "integer"}]
    response = change(
        key, name="Leavers", horizon_days=1.5, fields=fields, gate={"margin": 2}
    )

    assert response.status_code == 200, response.content
    assert response.headers["ETag"] == '"2"'
    said = read(key).json()
    assert (said["name"], said["horizon_days"]) == ("Leavers", 1.5)
    assert said["fields"] == fields
    assert said["gate"] == {"margin": 2}
    entry = AuditEntry.objects.get(action="project.update")
    assert entry.detail["changed"] == ["fields", "gate", "horizon", "name"]


def test_the_second_of_two_edits_is_told(key: dict[str, str]) -> None:
    tag = read(key).headers["ETag"]

    assert change(key, tag, name="One").status_code == 200
    assert change(key, tag, name="Two").status_code == 412
    assert read(key).json()["name"] == "One"


def test_a_schema_of_the_input_follows_the_fields(key: dict[str, str]) -> None:
    before = Client().get(f"{CHURN}/schema", headers=key).json()
    change(key, fields=[{"name": "age", "kind": "integer", "required": True}],
           costs={}, primary_metric="roc_auc", decision={})  # fmt: skip
    after = Client().get(f"{CHURN}/schema", headers=key).json()

    assert "tenure" in before["properties"]
    assert after["properties"]["age"]["type"] == "integer"
    assert after["required"] == ["age"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"task": "regression"}, "task"),
        ({"slug": "other"}, "slug"),
        ({"revision": 7}, "revision"),
        ({"fields": [{"name": "a", "kind": "number"}]}, "fields[0].kind"),
        ({"fields": [{"name": "a", "kind": "text", "colour": 1}]}, "fields[0].colour"),
        ({"primary_metric": "fame"}, "primary_metric"),
        ({"positive_class": "Perhaps"}, "positive_class"),
        ({"horizon_days": -1}, "horizon_days"),
        ({"horizon_days": None}, "horizon"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"costs": {"matrix": {"wait": {"Maybe": 1}}}}, "costs.matrix.wait"),
        ({"costs": {"matrix": {"wait": {"Yes": "dear"}}}}, "costs.matrix.wait.Yes"),
        ({"decision": {"kind": "cost"}, "costs": {},
          "primary_metric": "roc_auc"}, "decision"),
        ({"decision": {"kind": "threshold", "threshold": 2}}, "decision.threshold"),
        ({"plan": [{"percent": 5}]}, "plan[0].hours"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_refused_by_field(
    key: dict[str, str], body: dict[str, Any], field: str
) -> None:
    response = change(key, **body)

    assert response.status_code == 400, response.content
    assert field in {error["field"] for error in response.json()["errors"]}
    assert Project.objects.get().revision == 1
