"""Deny by default: roles, scopes, strangers, and what nobody thought about."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client

from registry.actors import INCLUDES, LEAST_ROLE
from registry.catalogue import ROLES, SCOPES
from registry.models import AuditEntry, Membership, Project, User
from registry.web.access import allow
from tests.factories import make_key, make_project, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.web_urls")]
SOURCES = "/api/v1/projects/churn/sources"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def create(client: Client, **extra: Any) -> int:
    body = {"name": "x"}
    return client.post(
        SOURCES, body, content_type="application/json", **extra
    ).status_code


def test_the_contracts_table_of_roles() -> None:
    assert {
        "viewer": {"viewer"},
        "labeller": {"labeller"},
        "reviewer": {"labeller", "reviewer"},
        "owner": {"viewer", "labeller", "reviewer", "owner"},
        "admin": set(ROLES),
    } == INCLUDES
    assert set(LEAST_ROLE) == set(SCOPES)


def test_without_a_key_or_session_there_is_no_answer(client: Client) -> None:
    response = client.get(SOURCES)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_stranger_cannot_tell_a_project_from_a_missing_one() -> None:
    make_project()
    sam = signed_in(make_user("Sam"))

    mine, missing = sam.get(SOURCES), sam.get(SOURCES.replace("churn", "nothing"))

    assert mine.status_code == missing.status_code == 404
    assert mine.json() == missing.json()


def test_a_key_of_another_project_is_a_stranger() -> None:
    make_project()
    other = make_key(make_project("flights"), "manage", "read")

    assert Client().get(SOURCES, headers={"X-Api-Key": other}).status_code == 404


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_what_its_row_says(role: str) -> None:
    client = signed_in(make_user("Erin", project=make_project(), role=role))

    assert client.get(SOURCES).status_code == (
        200 if role in {"viewer", "owner", "admin"} else 403
    )
    assert create(client) == (201 if role in {"owner", "admin"} else 403)


@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_opens_its_own_alone(scope: str) -> None:
    key = {"X-Api-Key": make_key(make_project(), scope)}

    assert Client().get(SOURCES, headers=key).status_code == (
        200 if scope == "read" else 403
    )
    assert create(Client(), headers=key) == (201 if scope == "manage" else 403)


def test_a_key_may_only_what_its_user_may() -> None:
    from registry.keys import create_key

    project = make_project()
    erin = make_user("Erin", project=project, role="viewer")
    _, plain = create_key(
        project=project, scopes=["read", "manage"], name="hers", user=erin
    )

    assert Client().get(SOURCES, headers={"X-Api-Key": plain}).status_code == 200
    assert create(Client(), headers={"X-Api-Key": plain}) == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Api-Key": "{}"},
        {"X-ApiKey": "{}"},
        {"Authorization": "Bearer {}"},
        {"Authorization": "bearer {}"},
    ],
)
def test_a_key_is_read_from_each_of_its_headers(headers: dict[str, str]) -> None:
    plain = make_key(make_project(), "read")
    sent = {name: value.format(plain) for name, value in headers.items()}

    assert Client().get(SOURCES, headers=sent).status_code == 200


def test_a_key_in_the_address_is_nothing() -> None:
    plain = make_key(make_project(), "read")

    assert Client().get(f"{SOURCES}?api_key={plain}").status_code == 401


def test_two_different_keys_are_refused() -> None:
    project = make_project()
    one, two = make_key(project, "read"), make_key(project, "read")

    sent = {"X-Api-Key": one, "Authorization": f"Bearer {two}"}

    assert Client().get(SOURCES, headers=sent).status_code == 401


def test_a_wrong_key_is_not_rescued_by_a_session() -> None:
    client = signed_in(make_user("Owen", project=make_project(), role="owner"))

    assert client.get(SOURCES, headers={"X-Api-Key": "mls_wrong"}).status_code == 401


def test_a_refused_attempt_is_written_down() -> None:
    project = make_project()
    erin = make_user("Erin", project=project, role="viewer")

    create(signed_in(erin))

    entry = AuditEntry.objects.get(allowed=False)
    assert (entry.actor, entry.project, entry.action) == (erin, project, "denied")
    assert entry.target == f"POST {SOURCES}"
    assert entry.address == "127.0.0.1"


def test_what_is_written_down_stays_as_it_is() -> None:
    project = make_project()
    erin = make_user("Erin", project=project, role="viewer")
    create(signed_in(erin))
    entry = AuditEntry.objects.get()

    for change in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(allowed=True),
    ):
        with pytest.raises(TypeError, match="never"):
            change()
    erin.delete()
    project.delete()
    entry.refresh_from_db()
    assert (entry.actor_name, entry.project_slug) == ("Erin", "churn")
    assert entry.actor is entry.project is None


def test_rights_are_read_anew_with_every_request() -> None:
    project = make_project()
    erin = make_user("Erin", project=project, role="owner")
    client = signed_in(erin)
    assert create(client) == 201

    Membership.objects.filter(user=erin).update(role="viewer")
    assert create(client) == 403
    Membership.objects.filter(user=erin).delete()
    assert client.get(SOURCES).status_code == 404


def test_who_is_no_longer_active_is_out() -> None:
    project = make_project()
    client = signed_in(make_user("Erin", project=project, role="owner"))
    User.objects.update(is_active=False)

    assert client.get(SOURCES).status_code == 401


def test_a_service_user_has_no_session() -> None:
    make_key(make_project(), "read")
    service = User.objects.get(is_service=True)

    assert signed_in(service).get(SOURCES).status_code == 401


def test_what_nobody_said_a_word_about_is_closed() -> None:
    ada = signed_in(make_user("Ada", project=make_project(), role="admin"))

    assert ada.get("/forgotten-page").status_code == 404
    assert ada.get("/api/v1/projects/churn/forgotten").status_code == 404


def test_the_system_check_names_what_was_forgotten() -> None:
    told = {(error.id, error.msg.split(":")[0]) for error in run_checks()}

    assert ("registry.E001", "/forgotten-page") in told
    assert ("registry.E001", "/api/v1/projects/<slug") in told
    assert ("registry.E001", "/sign-in") in told


def test_a_rule_that_names_nobody_we_know_is_an_error() -> None:
    for words in ((), ("read",), ("boss", "read"), ("viewer", "fly")):
        with pytest.raises(ValueError, match="name roles"):
            allow(*words)


# Pages


def test_a_page_sends_nobody_to_the_door_and_back() -> None:
    make_project()

    response = Client().get("/p/churn/page?tab=2")

    assert response.status_code == 302
    assert response.headers["Location"] == "/sign-in?next=%2Fp%2Fchurn%2Fpage%3Ftab%3D2"


def test_a_fragment_sends_the_whole_page_to_the_door() -> None:
    make_project()

    response = Client().get(
        "/p/churn/page",
        headers={
            "HX-Request": "true",
            "HX-Current-URL": "http://testserver/p/churn/page?tab=2",
        },
    )

    assert response.status_code == 401
    assert response.headers["HX-Redirect"].endswith(
        "next=%2Fp%2Fchurn%2Fpage%3Ftab%3D2"
    )


@pytest.mark.parametrize(
    ("role", "read", "write"),
    [("", 404, 404), ("labeller", 403, 403), ("viewer", 200, 403), ("owner", 200, 200)],
)
def test_a_page_asks_for_its_role(role: str, read: int, write: int) -> None:
    project: Project | None = make_project()
    client = signed_in(make_user("Erin", project=project if role else None, role=role))

    assert client.get("/p/churn/page").status_code == read
    assert client.post("/p/churn/page").status_code == write


def test_a_page_has_no_other_methods_and_is_kept_by_no_cache() -> None:
    client = signed_in(make_user("Owen", project=make_project(), role="owner"))

    response = client.get("/p/churn/page")

    assert response.content == b"churn for Owen"
    assert response.headers["Cache-Control"] == "no-store"
    assert client.delete("/p/churn/page").status_code == 405
    assert client.head("/p/churn/page").status_code == 200
