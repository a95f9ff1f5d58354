"""Signing in by a password: nobody is led elsewhere, learns who exists, or guesses for
long; a new password ends every other session."""

import re

import pytest
from django.test import Client

from registry import people
from registry.models import AuditEntry, User
from registry.web import limits
from tests.entering import GOOD, make_person, path_of, sign_in, signed_in_as
from tests.factories import make_key, make_project, make_user

pytestmark = pytest.mark.django_db


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


@pytest.mark.usefixtures("still")  # no window of five minutes ends meanwhile
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
