"""What people see in a browser: nothing sticks out, nothing is blocked, all of it by
keyboard and by finger, in light and dark, on a desk and on a phone."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from registry import people
from registry.models import User
from serving import rollout
from tests import seen
from tests.browsing import Watched, look_around, look_at, too_small
from tests.factories import make_project, make_user
from tests.full_project import make_full_project, make_people
from tests.rollout_page import make_churn

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
]
Enter = Callable[..., Watched]


@pytest.mark.parametrize("paths", [seen.FULL, seen.EMPTY], ids=["full", "empty"])
def test_every_page_fits_is_readable_and_breaks_no_rule(
    enter: Enter, settings: Any, tmp_path: Path, paths: tuple[str, ...]
) -> None:
    sqlite3.connect(tmp_path / "shop.db").execute("CREATE TABLE orders (n)").close()
    settings.SOURCES = {"shop": f"sqlite:///{tmp_path}/shop.db"}
    parts = seen.make_places()

    assert not look(enter("Ada", reduced_motion="reduce"), paths, parts)


def test_the_doors_are_readable_for_everybody(enter: Enter) -> None:
    token = people.invite(user=make_user("Omar")).rsplit("/", 1)[-1]

    assert not look(enter(reduced_motion="reduce"), seen.DOORS, {"token": token})


def test_the_style_guide_keeps_its_own_rules(enter: Enter, settings: Any) -> None:
    make_user("Ada")
    settings.DEBUG = True

    assert not look(enter("Ada", reduced_motion="reduce"), seen.GUIDE)


def test_what_is_refused_is_readable_too(enter: Enter) -> None:
    make_people(make_project())
    watched = enter("Erin", reduced_motion="reduce")
    wrong = look_at(watched, "/p/churn/settings", status=403)

    owner = enter("Owen", reduced_motion="reduce")
    owner.open("/p/churn/settings")
    owner.page.context.clear_cookies(name="csrftoken")
    owner.page.get_by_role("button", name="Save").first.click()
    expect(owner.page.get_by_text("Nothing of it is stored.")).to_be_visible()
    wrong += look_around(owner)

    assert not wrong, "\n".join(wrong)


def look(watched: Watched, paths: tuple[str, ...], parts: Any = None) -> str:
    """What is wrong with these pages, a line each."""
    wrong = [
        found
        for path in paths
        for found in look_at(
            watched, path.format(**parts or {}), status=seen.STATUS.get(path, 200)
        )
    ]
    return "\n".join(wrong + watched.said)


def test_the_manual_runs_under_the_same_policy(enter: Enter) -> None:
    make_user("Ada")
    watched = enter("Ada")

    watched.open("/api/docs")

    expect(watched.page.get_by_role("link", name="predict", exact=True)).to_be_visible()
    assert watched.said + watched.refused() == []


def test_sign_in_needs_no_javascript(enter: Enter) -> None:
    make_people(make_project())
    vera = User.objects.get(username="Vera")
    vera.set_password("correct horse battery staple")
    vera.save()
    page = enter(java_script_enabled=False).page
    root = enter().root

    page.goto(f"{root}/p/churn/models")
    page.get_by_label("Name").fill("Vera")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("No such name and password")
    expect(page.get_by_label("Name")).to_have_value("Vera")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="Models")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_letters_lead_to_any_place(enter: Enter) -> None:
    make_people(make_project())
    watched = enter("Ada")
    page = watched.page
    watched.open("/p/churn/models")

    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="Rollout")).to_be_visible()
    assert too_small(page) == []
    page.keyboard.type("canary")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Rollout", exact=True)).to_be_visible()

    page.get_by_role("button", name="Go to…").click()
    page.keyboard.type("zzz")
    expect(page.get_by_text("Nothing of that name.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert watched.said + watched.refused() == []


@pytest.mark.parametrize(
    ("failure", "told"),
    [("aborted", "No connection."), ("503", "The server answered 503.")],
)
def test_the_palette_says_why_it_is_empty_and_asks_again(
    enter: Enter, failure: str, told: str
) -> None:
    make_people(make_project())
    watched = enter("Ada")
    page = watched.page
    page.route(
        "**/palette?project=*",
        lambda route: (
            route.abort() if failure == "aborted" else route.fulfill(status=503)
        ),
    )
    watched.open("/p/churn")
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Go to")
    expect(dialog).to_contain_text(told)
    page.keyboard.press("Escape")
    page.unroute("**/palette?project=*")
    page.keyboard.press("Control+k")
    expect(dialog.get_by_role("option").first).to_be_visible()
    expect(dialog).not_to_contain_text(told)


def test_a_theme_that_was_chosen_stays(enter: Enter) -> None:
    make_people(make_project())
    watched = enter("Ada")
    page = watched.page
    watched.open("/p/churn")

    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    page.reload()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert watched.said + watched.refused() == []


def test_a_rollout_goes_by_its_slider_and_buttons(
    enter: Enter,
) -> None:
    project = make_full_project()
    watched = enter("Ada")
    page = watched.page
    watched.open("/p/churn/rollout")

    slider = page.get_by_role("slider")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_label("who get version 2, %")).to_have_value("35")
    page.get_by_role("button", name="Set the share").click()
    expect(page.get_by_text("The share is changed.")).to_be_visible()
    assert rollout.of_project(project).percent == 35

    page.get_by_role("button", name="Promote version 2").click()
    expect(page.get_by_text("Promoted: the candidate is live.")).to_be_visible()
    assert rollout.of_project(project).live.number == 2

    page.get_by_role("button", name="Baseline for everyone").click()
    expect(page.get_by_text("Everyone gets the baseline (version 1).")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    page.get_by_role("button", name="Back to version 1").click()
    expect(page.get_by_text("Rolled back.")).to_be_visible()
    assert rollout.of_project(project).live.number == 1
    assert watched.said + watched.refused() == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_share_finer_than_the_slider_is_sent_as_it_stands(
    enter: Enter, scripts: bool
) -> None:
    project = make_churn()
    row = rollout.of_project(project)
    rollout.set_percent(rollout=row, percent=0.2, by="a test", revision=row.revision)
    watched = enter("Ada", java_script_enabled=scripts)
    page = watched.page
    watched.open("/p/churn/rollout")

    share = page.get_by_label("who get version 2, %")
    expect(share).to_have_value("0.2")
    expect(page.get_by_role("slider")).to_have_count(1 if scripts else 0)
    page.get_by_role("button", name="Set the share").click()
    expect(page.get_by_text("The share is changed.")).to_be_visible()
    assert float(rollout.of_project(project).percent) == 0.2

    share.fill("12,5")
    if scripts:
        expect(page.get_by_role("slider")).to_have_value("12.5")
    page.get_by_role("button", name="Set the share").click()
    expect(share).to_have_value("12.5")
    assert float(rollout.of_project(project).percent) == 12.5


def test_the_example_of_costs_follows_the_decision_too(enter: Enter) -> None:
    make_people(make_project())
    watched = enter("Owen")
    page = watched.page
    watched.open("/p/churn/settings/costs")
    example = page.locator(".example")

    page.get_by_label("Act from a probability on").check()
    page.get_by_label("Below it").fill("write a letter")
    page.get_by_label("From it on").fill("ring them up")
    page.get_by_label("From, in %", exact=True).fill("20")
    expect(example).to_contain_text("ring them up")
    page.get_by_label("From, in %", exact=True).fill("40")
    expect(example).to_contain_text("write a letter")
    assert watched.said + watched.refused() == []
