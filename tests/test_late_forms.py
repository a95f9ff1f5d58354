"""A form whose session or token is over: it is told that nothing is stored, how to go on,
and what was typed."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from registry.models import Project
from tests.factories import make_project, make_user

pytestmark = pytest.mark.django_db
PAGE = "/p/churn/settings"
FROM = {"Referer": f"http://testserver{PAGE}?tab=2"}


@pytest.fixture
def owen() -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_user("Owen", project=make_project(), role="owner"))
    client.get(PAGE)  # the cookie of the token
    return client


def text(response: Any) -> str:
    return response.content.decode()


def test_a_form_with_an_old_token_leads_back_and_shows_what_was_typed(
    owen: Client,
) -> None:
    old = "x" * 32
    form = {"csrfmiddlewaretoken": old, "revision": "1", "unit": " "}
    form |= {"description": "Who <leaves>,\nand when."}
    page = owen.post(PAGE, form, headers=FROM)
    assert page.status_code == 403
    assert "Nothing of it is stored." in text(page)
    assert f'href="{PAGE}?tab=2">Load the page again' in text(page)
    assert "Who &lt;leaves&gt;,\nand when.</pre>" in text(page)
    assert old not in text(page)
    assert Project.objects.get().description == ""


def test_a_token_that_is_over_with_its_session_leads_to_the_sign_in(
    owen: Client,
) -> None:
    owen.cookies.pop("sessionid")
    page = owen.post(PAGE, {"description": "Who leaves."}, headers=FROM)
    assert page.status_code == 403
    there = "/sign-in?next=%2Fp%2Fchurn%2Fsettings%3Ftab%3D2"
    assert f'href="{there}">Sign in, and back to the page' in text(page)
    assert ">Who leaves.</pre>" in text(page)


def test_a_password_is_never_shown_again(owen: Client) -> None:
    page = owen.post("/password", {"current": "my old secret"})
    assert page.status_code == 403
    assert "old secret" not in text(page)


def test_in_the_background_it_is_told_in_words(owen: Client) -> None:
    answer = owen.post(PAGE, {"name": "x"}, headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert "Load the page again." in answer.json()["detail"]


@pytest.mark.parametrize(
    "referer", ["http://evil.example/p/churn", "http://testserver//evil.example/x", ""]
)
def test_it_leads_to_no_other_house(owen: Client, referer: str) -> None:
    page = owen.post(PAGE, {"name": "x"}, headers={"Referer": referer})
    assert page.status_code == 403
    assert 'href="http' not in text(page)
    assert 'href="//' not in text(page)


def test_after_the_session_is_over_a_form_shows_what_was_typed_and_the_way_back() -> (
    None
):
    make_project()
    page = Client().post(PAGE, {"description": "Who leaves."}, headers=FROM)
    assert page.status_code == 403
    there = "/sign-in?next=%2Fp%2Fchurn%2Fsettings%3Ftab%3D2"
    assert f'href="{there}">Sign in, and back to the page' in text(page)
    assert ">Who leaves.</pre>" in text(page)


def test_a_fragment_whose_session_is_over_leads_to_the_sign_in_that_says_so() -> None:
    make_project()
    client = Client()
    sent = FROM | {"HX-Request": "true", "HX-Current-URL": f"http://testserver{PAGE}"}
    answer = client.post(PAGE, {"description": "x"}, headers=sent)
    assert answer.status_code == 401
    there = answer.headers["HX-Redirect"]
    assert there == f"/sign-in?{urlencode({'next': PAGE})}"
    assert "what you sent is not stored" in text(client.get(there))
    assert "what you sent is not stored" not in text(client.get(there))


def test_what_a_script_sends_again_and_again_piles_up_no_messages() -> None:
    make_project()
    client = Client()
    for _ in range(3):
        sent = client.post(
            "/p/churn/label/step", {"do": "more"}, headers={"Sec-Fetch-Mode": "cors"}
        )
        assert sent.status_code == 302
    assert "not stored" not in text(client.get("/sign-in"))
