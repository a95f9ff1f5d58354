"""From one project to another by the rail: on a phone, without a script, and at the cost
of one question to the database however many there are."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import expect

from registry.models import Project
from tests.browsing import DESK, PHONE, WIDER, Watched, serious
from tests.factories import make_project, make_user, sign_in

LONG = "Predicted time of arrival of international parcels, customs included"


@pytest.fixture
def churn() -> Project:
    """Ada has three projects; one of the house is not hers."""
    project = make_project(name="Churn")
    make_user("Ada", project=project, role="admin")
    make_user("Ada", project=make_project("parcels", name=LONG), role="viewer")
    make_user("Ada", project=make_project("digits", name="Digits"), role="labeller")
    make_project("flights", name="Flights")
    return project


def queries(client: Client) -> int:
    client.get("/p/churn/runs")
    with CaptureQueriesContext(connection) as asked:
        assert client.get("/p/churn/runs").status_code == 200
    return len(asked)


@pytest.mark.django_db
def test_the_rail_leads_to_ones_own_projects(churn: Project) -> None:
    ada = sign_in("Ada")

    page = ada.get("/p/churn/runs").content.decode()
    rail = page.split('id="switch"')[1].split("</details>")[0]

    assert rail.index("Digits") < rail.index("Predicted time")
    assert 'href="/p/parcels"' in rail
    assert 'href="/p/digits/label"' in rail
    assert "Flights" not in page
    assert "All projects" in rail
    few = queries(ada)
    for number in range(30):
        other = make_project(f"other-{number}", name=f"A {number}")
        make_user("Ada", project=other, role="viewer")
    assert queries(ada) == few
    assert "Predicted time" not in ada.get("/p/churn/runs").content.decode()


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("churn")
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_one_goes_to_another_project_without_a_script(
    enter: Callable[..., Watched], size: dict[str, int]
) -> None:
    watched = enter("Ada", java_script_enabled=False, viewport=size)
    page = watched.page
    watched.open("/p/churn/runs")

    page.locator(".rail summary", has_text="Churn").click()
    expect(page.get_by_role("link", name="All projects", exact=True)).to_be_visible()
    page.get_by_role("link", name=LONG).click()

    page.wait_for_url("**/p/parcels")
    expect(page.locator(".rail summary")).to_contain_text("Predicted time")


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("churn")
def test_the_open_list_is_readable_and_goes_by_keyboard(
    enter: Callable[..., Watched],
) -> None:
    for size in (DESK, PHONE):
        watched = enter("Ada", viewport=size)
        page = watched.page
        watched.open("/p/parcels/runs")
        page.locator(".rail summary").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Churn", exact=True)).to_be_focused()
        assert page.evaluate(WIDER) == ""
        assert serious(page) == []
        page.keyboard.press("Enter")
        page.wait_for_url("**/p/churn")
        assert watched.said + watched.refused() == []
