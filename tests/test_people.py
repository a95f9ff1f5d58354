"""People: let in by one-time links, given roles, and out at once when they lose them."""

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from mlsystem.ticks import sweep
from registry import keys, people
from registry.errors import Conflict, DomainError, InvalidInput
from registry.models import AuditEntry, Invitation, Membership, Project, User
from registry.web import limits
from tests.factories import make_key, make_project, make_user

pytestmark = pytest.mark.django_db
MEMBERS = "/api/v1/projects/churn/members"
GOOD = "correct horse battery"


def path_of(link: str) -> str:
    return re.sub(r"^https?://[^/]+", "", link)


def make_person(name: str = "Erin", password: str = GOOD) -> User:
    user = make_user(name)
    user.set_password(password)
    user.save()
    return user


def sign_in(name: str, password: str, client: Client | None = None, **more: Any) -> Any:
    return (client or Client()).post(
        "/sign-in", {"username": name, "password": password} | more
    )


def signed_in_as(client: Client) -> str | None:
    number = client.session.get("_auth_user_id")
    return User.objects.get(pk=number).username if number else None


# The first start


def test_an_empty_house_gets_one_admin_with_a_password_told_once() -> None:
    password = people.ensure_first_admin()

    assert password
    assert len(password) >= 16
    assert people.ensure_first_admin() is None

    client = Client()
    assert sign_in("admin", password, client).status_code == 302
    assert client.get("/admin/").status_code == 200


def test_a_project_that_nobody_administers_goes_to_who_runs_the_house() -> None:
    orphan, kept = make_project("orphan"), make_project("kept")
    make_user("Owen", project=orphan, role="owner")
    make_user("Ada", project=kept, role="admin")
    assert people.adopt_orphans() == 0  # nobody is there to take it

    people.create_user(name="Sam", staff=True)

    admins = Membership.objects.filter(role="admin").order_by("pk")
    assert list(admins.values_list("project__slug", "user__username")) == [
        ("kept", "Ada"),
        ("orphan", "Sam"),
    ]
    User.objects.filter(username="Ada").update(is_active=False)  # in /admin
    sweep()
    assert Membership.objects.filter(project=kept, user__username="Sam").exists()


def test_the_admin_shows_roles_and_changes_none(client: Client) -> None:
    churn = make_project()
    owen = make_user("Owen", project=churn, role="admin")
    staff = make_user("Sam")
    User.objects.filter(pk=staff.pk).update(is_staff=True, is_superuser=True)
    client.force_login(User.objects.get(pk=staff.pk))
    place = f"/admin/registry/user/{owen.pk}"
    page = client.get(f"{place}/change/").content.decode()
    assert "memberships-0-role" not in page
    assert "churn" in page
    form = {
        "username": "Owen",
        "email": "owen@example.org",
        "is_active": "on",
        "memberships-TOTAL_FORMS": 1,
        "memberships-INITIAL_FORMS": 1,
        "memberships-0-id": owen.memberships.get().pk,
        "memberships-0-user": owen.pk,
        "memberships-0-role": "viewer",
        "memberships-0-DELETE": "on",
    }
    saved = client.post(f"{place}/change/", form)
    assert saved.status_code == 302, saved.context["errors"]
    assert Membership.objects.get().role == "admin"
    assert User.objects.get(pk=owen.pk).email == "owen@example.org"
    entry = AuditEntry.objects.get(action="person.change")
    assert (entry.actor, entry.target) == (staff, "Owen")
    assert "Email address" in str(entry.detail)
    assert client.post(f"{place}/delete/", {"post": "yes"}).status_code == 403


# Signing in


def test_signing_in_goes_on_to_where_one_was_going() -> None:
    make_person()
    client = Client()

    response = sign_in("Erin", GOOD, client, next="/p/churn?x=1")

    assert response.status_code == 302
    assert response.headers["Location"] == "/p/churn?x=1"
    assert signed_in_as(client) == "Erin"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "///evil.example",
        "javascript:alert(1)",
        "evil.example",
        "\t//evil.example",
        "http:///evil.example",
    ],
)
def test_signing_in_never_leads_to_somebody_elses_house(elsewhere: str) -> None:
    make_person()

    assert sign_in("Erin", GOOD, next=elsewhere).headers["Location"] == "/"


def test_a_failure_does_not_tell_who_exists() -> None:
    make_person()
    User.objects.create(username="Out", is_active=False)
    make_key(make_project())
    service = User.objects.get(is_service=True)

    def shown(name: str) -> str:
        page = sign_in(name, "wrong")
        assert page.status_code == 400
        text = re.sub(r'value="[^"]*"', "", page.content.decode())
        return re.sub(r'"X-CSRFToken": "[^"]*"', "", text)

    assert len({shown(n) for n in ("Erin", "Sam", "Out", service.username)}) == 1


def test_what_was_typed_as_a_name_is_not_written_down() -> None:
    make_person()
    sign_in("my-password-by-mistake", "x")
    sign_in("Erin", "wrong")

    rows = list(AuditEntry.objects.filter(action="sign-in").values())
    assert "by-mistake" not in str(rows)
    assert [row["actor_name"] for row in rows] == ["Erin", "somebody unknown"]


def test_guessing_is_limited_even_with_the_right_password_at_the_end() -> None:
    make_person()
    for _ in range(limits.SIGN_IN.times):
        assert sign_in("Erin", "wrong").status_code == 400

    response = sign_in("Erin", GOOD)

    assert response.status_code == 429
    assert 1 <= int(response.headers["Retry-After"]) <= limits.SIGN_IN.seconds + 1
    assert sign_in("erin", GOOD).status_code == 429  # another spelling is no way round
    other = Client(REMOTE_ADDR="10.9.9.9")
    assert sign_in("Erin", GOOD, other).status_code == 302  # she is not locked out


def test_those_who_get_in_are_not_counted() -> None:
    make_person()

    for _ in range(limits.SIGN_IN.times + 2):
        assert sign_in("Erin", GOOD).status_code == 302


def test_a_session_is_a_new_one_after_signing_in() -> None:
    make_person()
    client = Client()
    session = client.session
    session["x"] = 1
    session.save()
    client.cookies["sessionid"] = before = session.session_key or ""

    sign_in("Erin", GOOD, client)

    assert client.cookies["sessionid"].value != before


def test_signing_out_needs_a_button() -> None:
    client = Client()
    client.force_login(make_user("Erin"))

    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out").headers["Location"] == "/sign-in"
    assert signed_in_as(client) is None


# Passwords


def test_a_new_password_ends_every_other_session_and_open_link() -> None:
    user = make_person()
    here, elsewhere = Client(), Client()
    sign_in("Erin", GOOD, here)
    sign_in("Erin", GOOD, elsewhere)
    link = people.sign_in_link(user=user)

    response = here.post(
        "/password", {"current": GOOD, "password": GOOD + "2", "again": GOOD + "2"}
    )

    assert response.status_code == 302
    assert here.get("/password").status_code == 200
    assert elsewhere.get("/password").status_code == 302
    assert Client().get(path_of(link)).status_code == 404
    assert sign_in("Erin", GOOD).status_code == 400
    assert sign_in("Erin", GOOD + "2").status_code == 302


@pytest.mark.parametrize(
    "changes",
    [
        {"current": "wrong"},
        {"again": "different words here"},
        {"password": "short", "again": "short"},
        {"password": "12345678901", "again": "12345678901"},
        {"password": "password123", "again": "password123"},
    ],
)
def test_a_password_that_will_not_do_says_why(changes: dict[str, str]) -> None:
    make_person()
    client = Client()
    sign_in("Erin", GOOD, client)
    form = {"current": GOOD, "password": GOOD + "2", "again": GOOD + "2"}

    page = client.post("/password", form | changes)

    assert page.status_code == 400
    assert b'role="alert"' in page.content
    assert sign_in("Erin", GOOD).status_code == 302


# Links


def test_an_invitation_sets_a_password_once() -> None:
    user = people.create_user(name="Erin")
    path = path_of(people.invite(user=user))
    client = Client()

    assert client.get(path).status_code == 200
    assert client.get(path).status_code == 200  # looking uses nothing up
    form = {"password": GOOD, "again": GOOD}
    assert client.post(path, form).status_code == 302

    assert signed_in_as(client) == "Erin"
    assert sign_in("Erin", GOOD).status_code == 302
    assert Client().get(path).status_code == 404
    assert Client().post(path, form).status_code == 404


def test_a_weak_password_does_not_use_an_invitation_up() -> None:
    path = path_of(people.invite(user=people.create_user(name="Erin")))

    assert Client().post(path, {"password": "erin", "again": "erin"}).status_code == 400
    assert Client().post(path, {"password": GOOD, "again": GOOD}).status_code == 302


def test_a_sign_in_link_signs_in_once_and_not_for_ever() -> None:
    user = make_user("Erin")
    with time_machine.travel("2024-05-01T12:00:00Z", tick=False) as clock:
        first = path_of(people.sign_in_link(user=user, purpose="demo"))
        second = path_of(people.sign_in_link(user=user))
        client = Client()
        assert client.post(first).status_code == 302
        assert signed_in_as(client) == "Erin"
        assert Client().post(first).status_code == 404
        clock.shift(people.SIGN_IN_LINK_LASTS + timedelta(seconds=1))
        assert Client().post(second).status_code == 404


def test_links_use_the_public_address_and_keep_only_a_digest(settings: Any) -> None:
    settings.PUBLIC_URL = "https://ml.example.org"

    link = people.invite(user=make_user("Erin"))

    assert link.startswith("https://ml.example.org/invitation/")
    assert link.rpartition("/")[2] not in str(Invitation.objects.values().get())


def test_a_link_of_somebody_who_left_is_dead() -> None:
    user = make_user("Erin")
    path = path_of(people.sign_in_link(user=user))
    User.objects.update(is_active=False)

    assert Client().post(path).status_code == 404


def test_guessing_links_is_limited() -> None:
    client = Client(REMOTE_ADDR="10.3.3.3")
    statuses = [
        client.get(f"/invitation/{number}").status_code
        for number in range(limits.INVITATION.times + 1)
    ]

    assert set(statuses[:-1]) == {404}
    assert statuses[-1] == 429


@pytest.mark.django_db(transaction=True)
def test_of_many_who_use_a_link_at_once_one_gets_in() -> None:
    link = people.sign_in_link(user=make_user("Erin"))
    start = threading.Barrier(6)

    def use(_: int) -> bool:
        start.wait()
        try:
            people.use_link(token=link.rpartition("/")[2])
        except people.LinkIsDead:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(use, range(6))) == 1


# Members


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


def test_names_that_differ_by_case_alone_are_one_person() -> None:
    people.create_user(name="Erin")

    with pytest.raises(Conflict):
        people.create_user(name="erin")
    for wrong in ("", "a b", "<b>", "x" * 151):
        with pytest.raises(InvalidInput):
            people.create_user(name=wrong)


# The command


def test_the_command_prints_a_link_and_gives_the_roles() -> None:
    project = make_project()
    out = StringIO()

    call_command("create_user", "Erin", "--role", "churn:labeller", stdout=out)

    assert Client().get(path_of(out.getvalue().strip())).status_code == 200
    assert Membership.objects.get(project=project).role == "labeller"


@pytest.mark.parametrize("role", ["churn", "churn:boss", "nothing:viewer", ":viewer"])
def test_the_command_makes_nobody_when_a_role_is_wrong(role: str) -> None:
    make_project()

    with pytest.raises((CommandError, DomainError)):
        call_command("create_user", "Erin", "--role", role, stdout=StringIO())

    assert not User.objects.exists()
