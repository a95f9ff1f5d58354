"""One project over REST: read, changed, and guarded against edits of two at once."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from labelling.collector.truth import Label, record_labels, record_truth
from labelling.models import Match
from registry.clock import now
from registry.models import AuditEntry, Project
from tests.calls import Rest
from tests.factories import (
    make_dataset,
    make_frame,
    make_key,
    make_prediction,
    make_project,
    make_serving,
    make_user,
)

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


def test_what_the_score_means_is_fixed_by_the_first_data() -> None:
    project = make_project()
    key = {"X-Api-Key": make_key(project, "read", "manage")}
    assert change(key, positive_class="No").status_code == 200
    assert change(key, positive_class="Yes").status_code == 200
    make_serving(project)
    response = change(key, positive_class="No")

    assert response.status_code == 409, response.content
    assert response.json()["errors"] == [
        {"field": "positive_class", "message": "Make a new project."}
    ]
    assert read(key).json()["positive_class"] == "Yes"
    assert change(key, positive_class="Yes", name="Leavers").status_code == 200


def test_a_card_names_columns_that_the_data_has() -> None:
    project = make_project()
    key = {"X-Api-Key": make_key(project, "read", "manage")}
    assert change(key, card=["remarks"]).status_code == 200  # comes with the examples
    make_dataset(project, frame=make_frame(remarks="late"))

    refused = change(key, card=["contract", "nope"])
    assert refused.status_code == 400, refused.content
    (error,) = refused.json()["errors"]
    assert (error["field"], error["message"][:5]) == ("card", "nope:")
    assert change(key, card=["remarks", "contract", "customer"]).status_code == 200


def test_whose_word_counts_is_set_and_written_down(key: dict[str, str]) -> None:
    order = ["outcome", "expert"]
    assert change(key, truth_precedence=order).status_code == 200

    assert read(key).json()["truth_precedence"] == order
    entry = AuditEntry.objects.get(action="project.update")
    assert entry.detail["changed"] == ["truth_precedence"]
    project = Project.objects.get()
    row = make_prediction(project)
    label = Label(
        kind="prediction", key=str(row.pk), value="No", author=make_user("Erin")
    )
    record_labels(project=project, labels=[label], now=now())
    said = {"prediction": str(row.pk), "value": "Yes"}
    record_truth(project=project, items=[said], actor=None, now=now())
    assert Match.objects.get().source == "outcome"


def test_a_control_share_is_set_and_answered_by_the_baseline(
    key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("serving.model_server.states.CHECK_EVERY", 0.0)
    project = make_serving(Project.objects.get()).project
    shop = Rest(project, make_key(project, name="asks"))
    asked = {"input": {"monthly_charges": 20.0}, "user": "ann"}
    assert shop.post("predict", asked).json()["variant"] == "live"

    changed = change(key, control_share=99.99)

    assert (changed.status_code, changed.json()["control_share"]) == (200, 99.99)
    assert shop.post("predict", asked).json()["variant"] == "baseline"
    entry = AuditEntry.objects.get(action="project.update")
    assert entry.detail["changed"] == ["control_share"]
    assert entry.detail["control_share"] == "from 0 % to 99.99 %"
    change(key, control_share=99.99)
    assert AuditEntry.objects.first().detail["changed"] == []  # as it was


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
        ({"horizon_days": None}, "horizon_days"),
        ({"horizon_days": 0}, "horizon_days"),
        ({"retention_days": 0.5}, "retention_days"),
        ({"fields": [{"name": "a", "kind": "numeric", "minimum": 2,
                      "maximum": 1}]}, "fields[0].minimum"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"costs": {"matrix": {"wait": {"Maybe": 1}}}}, "costs.matrix.wait"),
        ({"costs": {"matrix": {"wait": {"Yes": "dear"}}}}, "costs.matrix.wait.Yes"),
        ({"decision": {"kind": "cost"}, "costs": {},
          "primary_metric": "roc_auc"}, "decision"),
        ({"decision": {"kind": "threshold", "threshold": 2}}, "decision.threshold"),
        ({"plan": [{"percent": 5}]}, "plan[0].hours"),
        ({"plan": [{"percent": 5, "hours": 0}]}, "plan[0].hours"),
        ({"plan": [{"percent": 0, "hours": 1}]}, "plan[0].percent"),
        ({"plan": [{"percent": 0.125, "hours": 1}]}, "plan[0].percent"),
        ({"plan": [{"percent": 25, "hours": 1},
                   {"percent": 5, "hours": 1}]}, "plan[1].percent"),
        ({"truth_precedence": ["rumour"]}, "truth_precedence[0]"),
        ({"truth_precedence": ["import", "import"]}, "truth_precedence"),
        ({"control_share": 101}, "control_share"),
        ({"control_share": -1}, "control_share"),
        ({"control_share": 0.125}, "control_share"),
        ({"gate": {"slices": ["nope"]}}, "gate.slices"),
        ({"gate": {"slices": ["contract", "contract"]}}, "gate.slices"),
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


@pytest.mark.parametrize(
    "stored",
    [
        {"card": ["a column that the newest data lost"]},
        {"gate": {"slices": ["a field that was an input"]}},
        {"plan": [{"percent": 50, "hours": 1}, {"percent": 5, "hours": 1}]},
        {"retention": timedelta(hours=1)},
        {"retention": timedelta(days=7)},  # shorter than the horizon
        {"zone": "Europe/Nowhere"},
    ],
)
def test_what_was_stored_before_a_rule_does_not_lock_the_other_settings(
    key: dict[str, str], stored: dict[str, Any]
) -> None:
    Project.objects.update(**stored)
    make_dataset(Project.objects.get(), frame=make_frame(60))
    changed = change(key, read(key)["ETag"], description="hello")
    assert (changed.status_code, changed.json()["description"]) == (200, "hello")


def test_what_a_change_makes_wrong_is_told_where_it_is_wrong(
    key: dict[str, str],
) -> None:
    Project.objects.update(card=["lost"], gate={"slices": ["contract"]})
    fields = [f for f in read(key).json()["fields"] if f["name"] == "tenure"]
    refused = change(key, read(key)["ETag"], fields=fields)
    assert refused.status_code == 400
    told = {error["field"] for error in refused.json()["errors"]}
    assert told == {"gate.slices", "costs.matrix.wait.Yes"}
