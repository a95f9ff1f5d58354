"""Model versions over REST: card and lineage; who approves, rejects and archives."""

from typing import Any

import pytest
from django.test import Client

from mlsystem import baselines
from mlsystem.orchestrator import approval
from registry.actors import Actor
from registry.keys import create_key, find
from registry.models import AuditEntry, ModelVersion, Project, Run, User
from serving.models import Rollout
from tests.calls import Rest
from tests.factories import (
    make_dataset,
    make_frame,
    make_key,
    make_project,
    make_user,
    make_version,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


@pytest.fixture
def project() -> Project:
    project = make_project(gate={"approval": True})
    make_dataset(project, frame=make_frame(200))
    baselines.open_if_missing(project=project)
    return project


def signed_in(name: str, project: Project, role: str = "") -> Rest:
    user = make_user(name, project=project if role else None, role=role)
    rest = Rest(project.slug)
    rest.client = Client()
    rest.client.force_login(user)
    return rest


def waiting_version(project: Project, *, of: str = "Owen") -> ModelVersion:
    """A version that passed the gate of a run that `of` started."""
    owner = make_user(of, project=project, role="owner")
    run = Run.objects.create(
        project=project,
        number=1,
        kind="pipeline",
        state="succeeded",
        budget_seconds=30,
        verdict="waiting_approval",
        requested_by=owner,
    )
    reason = {"rule": "better than baseline", "passed": True, "text": "Better."}
    version = make_version(
        project, kind="trained", state="waiting_approval", run=run, by=owner
    )
    version.reasons = [reason | {"numbers": {"gain": 1.0}}]
    version.save()
    return version


def test_the_baseline_is_listed_with_its_role_and_its_test_metric(
    project: Project,
) -> None:
    rest = Rest(project.slug, make_key(project, "read"))
    row = rest.get("models").json()["results"][0]
    assert (row["number"], row["kind"]) == (1, "baseline")
    assert row["roles"] == ["live", "baseline"]
    assert row["metric"] == "cost"
    assert row["test"]["low"] <= row["test"]["value"] <= row["test"]["high"]
    assert rest.get("models?state=rejected").json()["results"] == []
    assert rest.get("models?state=lovely").status_code == 400


def test_a_version_tells_where_it_comes_from(project: Project) -> None:
    rest = Rest(project.slug, make_key(project, "read"))
    found = rest.get("models/1").json()
    assert found["lineage"]["dataset"] == 1
    assert found["lineage"]["data_sha256"] == project.datasets.get().sha256
    assert "scikit-learn" in found["lineage"]["environment"]
    assert found["metrics"]["roc_auc"]["value"] == 0.5
    assert "metrics" not in found["report"]
    assert found["report"]["error_distribution"]["confusion"]
    assert [field["name"] for field in found["fields"]][:2] == [
        "tenure",
        "monthly_charges",
    ]
    assert rest.get("models/99").status_code == 404


def test_a_second_person_approves(project: Project) -> None:
    version = waiting_version(project)
    path = f"models/{version.number}/approve"
    own = signed_in("Owen", project).post(path)
    assert own.status_code == 403
    assert "second person" in own.json()["detail"]
    answer = signed_in("Ada", project, "admin").post(path, {"reason": "Looks right."})
    assert answer.status_code == 200, answer.content
    found = answer.json()
    assert (found["state"], found["decided_by"]) == ("accepted", "Ada")
    assert found["reasons"][-1]["text"] == "Approved by Ada: Looks right."
    assert Run.objects.get().verdict == "accepted"
    entry = AuditEntry.objects.get(action="model.approve")
    assert (entry.actor_name, entry.target) == ("Ada", "churn/2")
    assert signed_in("Ada", project).post(path).status_code == 409


def test_ones_own_key_is_no_second_person(project: Project) -> None:
    version = waiting_version(project, of="Ada")
    path = f"models/{version.number}/approve"
    ada, owen = (
        User.objects.get(username="Ada"),
        make_user("Owen", project=project, role="owner"),
    )
    hers = create_key(project=project, scopes=["manage"], name="hers", by=ada)[1]
    made_by_hers = create_key(
        project=project, scopes=["manage"], name="again", by=find(hers).user
    )[1]
    as_owen = create_key(
        project=project, scopes=["manage"], name="his", user=owen, by=ada
    )[1]
    for plain in (hers, made_by_hers, as_owen):
        refused = Rest(project.slug, plain).post(path)
        assert refused.status_code == 403, refused.content
        assert "made the key" in refused.json()["detail"]
    rosa = make_user("Rosa", project=project, role="owner")
    another = create_key(project=project, scopes=["manage"], name="other", by=rosa)[1]
    assert Rest(project.slug, another).post(path).status_code == 200


@pytest.mark.parametrize("acts_for", ["a service user", "Owen"])
def test_who_made_the_key_that_started_a_run_does_not_approve_it(
    project: Project, acts_for: str
) -> None:
    version = waiting_version(project)
    ada = make_user("Ada", project=project, role="admin")
    user = User.objects.get(username="Owen") if acts_for == "Owen" else None
    key, _ = create_key(
        project=project, scopes=["manage"], name="ci", user=user, by=ada
    )
    for name in ("read", "predict"):  # such a key starts no run
        create_key(project=project, scopes=[name], name=name, user=key.user,
                   by=make_user("Rosa"))  # fmt: skip
    Run.objects.update(requested_by=key.user)
    ModelVersion.objects.filter(pk=version.pk).update(created_by=key.user)
    path = f"models/{version.number}/approve"
    assert signed_in("Ada", project, "admin").post(path).status_code == 403
    assert signed_in("Rosa", project, "owner").post(path).status_code == 200


def test_an_approved_version_follows_the_autopilot(project: Project) -> None:
    project.autopilot = "automatic"
    project.save()
    version = waiting_version(project)
    signed_in("Ada", project, "admin").post(f"models/{version.number}/approve")
    rollout = Rollout.objects.get()
    assert (rollout.candidate, rollout.mode) == (version, "canary")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {"plan": [{"percent": 25, "hours": 1}, {"percent": 5, "hours": 1}]},
            "plan[1]",
        ),
        ({"fields": [{"name": "age", "kind": "integer", "required": True}]}, "age"),
    ],
)
def test_what_cannot_roll_out_is_accepted_and_waits_with_the_reason(
    project: Project, change: dict[str, Any], why: str
) -> None:
    version = waiting_version(project)
    Project.objects.update(autopilot="automatic", plan=change.get("plan", []))
    if fields := change.get("fields"):
        version.fields = fields
        version.save()
    ada = signed_in("Ada", project, "admin")
    answer = ada.post(f"models/{version.number}/approve")
    assert (answer.status_code, answer.json()["state"]) == (200, "accepted")
    told = Run.objects.get().report["next"]
    assert told.startswith("Accepted, waiting for rollout: ")
    assert why in told
    assert Rollout.objects.get().candidate is None


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("built", "start a run"),
        ("rejected", "gate"),
        ("accepted", "nothing waits"),
        ("archived", "nothing waits"),
    ],
)
def test_what_does_not_wait_cannot_be_approved(
    project: Project, state: str, says: str
) -> None:
    version = make_version(project, kind="trained", state=state)
    ada = signed_in("Ada", project, "admin")
    answer = ada.post(f"models/{version.number}/approve")
    assert answer.status_code == 409
    assert says in answer.json()["detail"]


def test_a_person_may_reject_what_the_gate_let_through(project: Project) -> None:
    version = waiting_version(project)
    owen = signed_in("Owen", project)
    found = owen.post(f"models/{version.number}/reject", {"reason": "Too new."}).json()
    assert found["state"] == "rejected"
    assert found["reasons"][-1]["text"] == "Rejected by Owen: Too new."
    assert Run.objects.get().verdict == "rejected"


@pytest.mark.parametrize("verb", ["reject", "archive"])
def test_what_serves_can_be_neither_rejected_nor_archived(
    project: Project, verb: str
) -> None:
    answer = signed_in("Ada", project, "admin").post(f"models/1/{verb}")
    assert answer.status_code == 409
    assert "live and baseline" in answer.json()["detail"]
    assert ModelVersion.objects.get(number=1).state == "accepted"


def test_an_archived_version_stays_to_be_seen(project: Project) -> None:
    version = make_version(project, kind="trained", state="rejected")
    ada = signed_in("Ada", project, "admin")
    assert ada.post(f"models/{version.number}/archive").json()["state"] == "archived"
    assert ada.get(f"models/{version.number}").json()["state"] == "archived"
    assert ada.post(f"models/{version.number}/archive").status_code == 409


def test_who_decides_on_what_they_read_earlier_keeps_what_was_decided_since(
    project: Project,
) -> None:
    number = waiting_version(project).number
    old, new = (ModelVersion.objects.get(number=number) for _ in range(2))
    ada = Actor(user=make_user("Ada", project=project, role="admin"))
    approval.reject(version=new, by=ada, reason="Too new.")
    approval.archive(version=old, by=ada, reason="Done.")
    told = [one["text"] for one in ModelVersion.objects.get(number=number).reasons]
    assert told == ["Better.", "Rejected by Ada: Too new.", "Archived by Ada: Done."]


@pytest.mark.parametrize("verb", ["approve", "reject", "archive"])
def test_who_may_decide(project: Project, verb: str) -> None:
    path = f"models/{waiting_version(project).number}/{verb}"
    assert signed_in("Vera", project, "viewer").post(path).status_code == 403
    assert signed_in("Sam", project).post(path).status_code == 404
    assert Rest(project.slug).post(path).status_code == 401
    key = make_key(project, "read", name="watcher")
    assert Rest(project.slug, key).post(path).status_code == 403
    wrong = signed_in("Ada", project, "admin").post(path, {"because": "no"})
    assert wrong.status_code == 400
    assert ModelVersion.objects.get(number=2).state == "waiting_approval"


def test_the_list_takes_few_queries_a_version(
    project: Project, django_assert_max_num_queries: Any
) -> None:
    for _ in range(4):
        make_version(project, kind="trained", state="rejected")
    rest = Rest(project.slug, make_key(project, "read"))
    rest.get("models")
    with django_assert_max_num_queries(12):
        assert len(rest.get("models").json()["results"]) == 5
