"""What is around every page: its places, the way to them by letters, undo, the theme."""

import pytest
from django.test import Client

from registry.models import Project
from registry.web import places
from tests.factories import make_project, make_user, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def churn() -> Project:
    project = make_project(name="Customer churn")
    for name, role in (("Ada", "admin"), ("Erin", "labeller"), ("Vera", "viewer")):
        make_user(name, project=project, role=role)
    make_user("Sam")
    return project


def links(client: Client, path: str) -> list[str]:
    page = client.get(path).content.decode()
    return [part.split('"')[0] for part in page.split('href="')[1:] if part[0] == "/"]


@pytest.mark.usefixtures("churn")
def test_the_palette_leads_where_a_person_may_go() -> None:
    ada = links(sign_in("Ada"), "/palette?project=churn")
    erin = links(sign_in("Erin"), "/palette?project=churn")
    sam = links(sign_in("Sam"), "/palette?project=churn")

    assert {"/p/churn/rollout", "/p/churn/settings", "/password"} <= set(ada)
    assert {path for path in erin if path.startswith("/p/")} == {
        "/p/churn/label",
        "/p/churn/examples",
    }
    assert not [path for path in sam if path.startswith("/p/")]


@pytest.mark.usefixtures("churn")
def test_every_place_that_is_offered_can_be_opened() -> None:
    for name in ("Ada", "Erin", "Vera"):
        client = sign_in(name)
        for path in links(client, "/palette?project=churn"):
            if path.startswith("/static"):
                continue
            assert client.get(path).status_code == 200, (name, path)


def test_places_have_icons_of_their_own() -> None:
    with open("static/icons/sprite.svg", encoding="utf-8") as file:
        sprite = file.read()

    for place in (*places.LOOP, *places.MORE, *places.HOUSE):
        assert f'id="{place.drawn}"' in sprite, place


def test_the_style_guide_is_for_whoever_builds_pages(settings: object) -> None:
    make_user("Ada")
    assert sign_in("Ada").get("/styleguide").status_code == 404

    settings.DEBUG = True
    page = sign_in("Ada").get("/styleguide").content.decode()

    assert '<form method="post" action="/styleguide">' in page  # its Undo
    assert ">Undo<" in page


@pytest.mark.usefixtures("churn")
def test_a_page_starts_in_the_theme_that_was_chosen() -> None:
    ada = sign_in("Ada")
    assert "data-theme=" not in ada.get("/").content.decode()

    ada.cookies["theme"] = "dark"
    assert '<html lang="en" data-theme="dark">' in ada.get("/").content.decode()
    ada.cookies["theme"] = '"><script>'
    assert "data-theme=" not in ada.get("/").content.decode()
