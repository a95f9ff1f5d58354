"""Members of a project: given roles, and out at once when they lose them."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from registry import keys, people
from registry.errors import Conflict
from registry.models import AuditEntry, Membership, Project, User
from tests.entering import path_of
from tests.factories import make_key, make_project, make_user

pytestmark = pytest.mark.django_db
MEMBERS = "/api/v1/projects/churn/members"


def admin(project: Project, name: str = "Ada") -> Client:
    client = Client()
    client.force_login(make_user(name, project=project, role="admin"))
    return client


def send(
    client: Client, method: str, path: str = "", once: str = "", **body: Any
) -> Any:
    return client.generic(
        method,
        MEMBERS + path,
        json.dumps(body),
        content_type="application/json",
        headers={"Idempotency-Key": once} if once else None,
    )


def test_members_are_added_changed_and_removed_over_rest() -> None:
    ada = admin(make_project())
    make_user("Omar")

    added = send(ada, "POST", user="Omar", role="labeller")
    assert added.status_code == 201
    assert added.json()["invitation"] is None
    assert send(ada, "PATCH", "/Omar", role="reviewer").json()["role"] == "reviewer"
    listed = ada.get(MEMBERS).json()["results"]
    assert [(row["user"], row["role"]) for row in listed] == [
        ("Ada", "admin"),
        ("Omar", "reviewer"),
    ]
    assert send(ada, "DELETE", "/Omar").status_code == 204
    assert send(ada, "DELETE", "/Omar").status_code == 404
    actions = AuditEntry.objects.values_list("action", flat=True).order_by("id")
    assert list(actions) == ["member.add", "member.role", "member.remove"]


def test_service_users_are_no_members_to_be_seen_or_touched() -> None:
    project = make_project()
    ada = admin(project)
    make_key(project, "manage")
    service = User.objects.get(is_service=True)

    assert len(ada.get(MEMBERS).json()["results"]) == 1
    for method in ("PATCH", "DELETE"):
        assert send(ada, method, f"/{service}", role="viewer").status_code == 404
    assert send(ada, "POST", user=service.username, role="admin").status_code == 400


def test_the_last_admin_stays_one() -> None:
    project = make_project()
    ada = admin(project)
    make_key(project, "manage")  # its service user is an admin, but nobody

    assert send(ada, "PATCH", "/Ada", role="owner").status_code == 409
    assert send(ada, "DELETE", "/Ada").status_code == 409

    make_user("Owen", project=project, role="admin")
    assert send(ada, "DELETE", "/Ada").status_code == 204


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_remove_each_other_leave_one() -> None:
    project = make_project()
    both = [make_user(name, project=project, role="admin") for name in ("Ada", "Owen")]
    start = threading.Barrier(2)

    def remove(user: User) -> bool:
        start.wait()
        try:
            people.remove_member(project=project, user=user)
        except Conflict:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(remove, both)) == 1
    assert Membership.objects.filter(role="admin").count() == 1


def test_who_loses_rights_has_to_sign_in_again_who_gains_some_does_not() -> None:
    project = make_project()
    erin = make_user("Erin", project=project, role="viewer")
    client = Client()
    client.force_login(erin)

    people.set_role(project=project, user=erin, role="owner")
    assert client.get("/password").status_code == 200
    people.set_role(project=project, user=erin, role="reviewer")
    assert client.get("/password").status_code == 302
    client.force_login(erin)
    people.remove_member(project=project, user=erin)
    assert client.get("/password").status_code == 302


def test_who_leaves_takes_their_keys_of_this_project_along() -> None:
    project, other = make_project(), make_project("flights")
    erin = make_user("Erin", project=project, role="labeller")
    make_user("Erin", project=other, role="labeller")
    plain = [
        keys.create_key(project=where, scopes=["label"], name="k", user=erin)[1]
        for where in (project, other)
    ]
    assert all(keys.find(key) for key in plain)

    people.remove_member(project=project, user=erin)

    assert keys.find(plain[0]) is None
    assert keys.find(plain[1])


def test_only_staff_make_people_and_a_retry_shows_the_same_link() -> None:
    project = make_project()
    ada = admin(project)
    new = {"user": "Erin", "role": "labeller", "invite": True}
    assert send(ada, "POST", once="a", **new).status_code == 403

    User.objects.filter(username="Ada").update(is_staff=True)
    first = send(ada, "POST", once="a", **new)
    again = send(ada, "POST", once="a", **new)

    assert first.status_code == 201
    assert again.json() == first.json()
    assert Client().get(path_of(first.json()["invitation"])).status_code == 200
    assert User.objects.filter(username="Erin").count() == 1
    assert send(ada, "POST", once="b", **new).status_code == 409


def test_a_staff_members_key_makes_nobody() -> None:
    project = make_project()
    ada = make_user("Ada", project=project, role="admin")
    User.objects.update(is_staff=True)
    _, plain = keys.create_key(project=project, scopes=["manage"], name="k", user=ada)

    response = Client().post(
        MEMBERS,
        {"user": "Erin", "role": "viewer", "invite": True},
        content_type="application/json",
        headers={"X-Api-Key": plain},
    )

    assert response.status_code == 403
    assert not User.objects.filter(username="Erin").exists()
