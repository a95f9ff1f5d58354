"""The house over REST: the projects one may see, whether all is well, and figures."""

import shutil

import pytest
from django.conf import settings
from django.test import Client

from mlsystem import baselines
from mlsystem.api import operations
from registry.models import Membership, Project, User
from registry.versions import forget_loaded
from serving.models import Rollout
from tests.calls import Rest
from tests.factories import (
    make_dataset,
    make_frame,
    make_key,
    make_prediction,
    make_project,
    make_user,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]
NEW = {
    "slug": "parcels",
    "task": "binary",
    "target": "late",
    "classes": ["no", "yes"],
    "positive_class": "yes",
    "fields": [{"name": "distance", "kind": "numeric"}],
}


def as_user(user: User) -> Rest:
    rest = Rest()
    rest.client = Client()
    rest.client.force_login(user)
    return rest


def live_project(slug: str) -> Project:
    project = make_project(slug)
    make_dataset(project, frame=make_frame(150))
    baselines.open_if_missing(project=project)
    return project


@pytest.mark.parametrize("place", ["/healthz", "/v2/health/live", "/v2/health/ready"])
def test_a_probe_with_a_wrong_key_is_answered(place: str) -> None:
    assert Rest(None, "wrong").get(place).status_code == 200


def test_readiness_is_told_despite_a_wrong_key() -> None:
    answer = Rest(None, "wrong").get("/readyz")
    assert answer.status_code in {200, 503}
    assert set(answer.json()) == {"ready"}


def test_one_sees_the_projects_one_has_a_role_in() -> None:
    live_project("churn")
    other = make_project("other")
    owen = make_user("Owen", project=Project.objects.get(slug="churn"), role="owner")
    row = as_user(owen).get("projects").json()["results"]
    assert [(p["slug"], p["role"], p["live"]) for p in row] == [("churn", "owner", 1)]
    assert as_user(make_user("Sam")).get("projects").json()["results"] == []
    assert Rest().get("projects").status_code == 401
    key = make_key(other, "read")
    seen = Rest(None, key).get("projects").json()["results"]
    assert [(p["slug"], p["live"], p["rollout"]) for p in seen] == [
        ("other", None, None)
    ]


def test_whoever_may_create_projects_becomes_admin_of_theirs() -> None:
    ada = make_user("Ada")
    assert as_user(ada).post("projects", NEW).status_code == 403
    ada.may_create_projects = True
    ada.save()
    answer = as_user(ada).post("projects", NEW)
    assert answer.status_code == 201, answer.content
    assert answer.json()["primary_metric"] == "roc_auc"
    assert Membership.objects.get().role == "admin"
    again = as_user(ada).post("projects", NEW)
    assert (again.status_code, again.json()["errors"][0]["field"]) == (409, "slug")


def test_no_key_creates_a_project() -> None:
    key = make_key(make_project(), "manage", "read")
    assert Rest(None, key).post("projects", NEW).status_code == 403


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "Not A Slug"}, "slug"),
        ({"task": "spans"}, "task"),
        ({"positive_class": "maybe"}, "positive_class"),
        ({"fields": [{"name": "late", "kind": "numeric"}]}, "fields"),
        ({"owner": "Ada"}, "owner"),
    ],
)
def test_a_project_that_cannot_be_is_told_by_field(
    change: dict[str, object], field: str
) -> None:
    ada = make_user("Ada")
    ada.is_staff = True
    ada.save()
    answer = as_user(ada).post("projects", NEW | change)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith(field)
    assert not Project.objects.exists()


def test_ready_says_yes_or_no_and_the_details_only_to_people(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operations, "_broker", lambda: True)
    answer = Rest().get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    monkeypatch.setattr(operations, "_broker", lambda: False)
    answer = Rest().get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})
    told = as_user(make_user("Owen")).get("/readyz").json()
    assert told == {
        "ready": False,
        "database": True,
        "broker": False,
        "models": True,
        "disk": True,
    }


@pytest.mark.faults
def test_a_full_disk_is_not_ready_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "_broker", lambda: True)
    usage = shutil.disk_usage(settings.DATA_DIR)._replace(free=50 * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert Rest().get("/readyz").status_code == 503
    told = as_user(make_user("Owen")).get("/readyz").json()
    assert (told["ready"], told["disk"], told["database"]) == (False, False, True)


def test_a_live_model_that_cannot_be_loaded_is_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(operations, "_broker", lambda: True)
    live = Rollout.objects.get(project=live_project("churn")).live
    assert Rest().get("/readyz").status_code == 200
    type(live).objects.filter(pk=live.pk).update(signature="0" * 64)
    forget_loaded()
    answer = Rest().get("/readyz")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_a_key_sees_the_figures_of_its_own_project() -> None:
    churn, other = live_project("churn"), live_project("other")
    version = Rollout.objects.get(project=churn).live
    make_prediction(churn, version=version)
    key = make_key(churn, "read")
    answer = Rest(None, key).get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    text = answer.content.decode()
    assert 'mlsystem_model_version{project="churn",role="live"} 1.0' in text
    assert 'mlsystem_rollout_percent{project="churn"} 0.0' in text
    assert "other" not in text
    assert Rest(None, make_key(other, "predict")).get("/metrics").status_code == 403
    assert Rest().get("/metrics").status_code == 401


def test_staff_sees_the_figures_of_the_whole_house() -> None:
    live_project("churn")
    live_project("other")
    ada = make_user("Ada")
    ada.is_staff = True
    ada.save()
    text = as_user(ada).get("/metrics").content.decode()
    assert 'project="churn"' in text
    assert 'project="other"' in text
    assert (
        as_user(make_user("Sam")).get("/metrics").content.decode().count("churn") == 0
    )
