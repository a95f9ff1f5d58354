"""What people see in a browser: nothing sticks out, nothing is blocked, all of it by
keyboard, in light and dark, on a desk and on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from registry.models import Project, User
from serving import rollout
from tests.browsing import Watched, look_at
from tests.factories import make_project, make_user
from tests.full_project import make_full_project

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
]
PAGES = (
    *("/", "/password", "/operator", "/nothing-here"),
    *("/p/churn", "/p/churn/label", "/p/churn/examples", "/p/churn/data"),
    *("/p/churn/models", "/p/churn/models/1", "/p/churn/models/2", "/p/churn/models/3"),
    *("/p/churn/models?compare=1,2", "/p/churn/mistakes/1", "/?q=churn"),
    *("/p/churn/runs", "/p/churn/runs/1", "/p/churn/runs/2", "/p/churn/rollout"),
    *("/p/churn/monitor", "/p/churn/alerts", "/p/churn/predictions", "/p/churn/try"),
    *("/p/churn/features", "/p/churn/data/schema", "/p/churn/data/new"),
    *("/p/churn/data/1/rows", "/p/churn/start", "/p/churn/settings"),
    *("/p/churn/settings/costs", "/p/churn/settings/gate", "/p/churn/settings/members"),
    *("/p/churn/settings/keys", "/p/churn/settings/audit", "/new"),
)
EMPTY_PAGES = tuple(
    f"/p/empty{place}"
    for place in (
        *("", "/label", "/examples", "/data", "/models", "/runs", "/rollout"),
        *("/monitor", "/alerts", "/predictions", "/try", "/features", "/settings"),
        *("/start", "/data/schema", "/data/new", "/settings/keys", "/settings/audit"),
    )
)
MISSING = {"/nothing-here": 404, "/invitation/nonsense": 404}
LONG = "A-name-without-any-place-to-break-it-" * 3


def make_places() -> Project:
    """A full project, and an empty one with a name that does not break."""
    full = make_full_project()
    make_project("empty", name=LONG)
    User.objects.filter(username="Ada").update(is_staff=True, is_superuser=True)
    make_user("Ada", project=Project.objects.get(slug="empty"), role="admin")
    return full


@pytest.mark.parametrize("paths", [PAGES, EMPTY_PAGES], ids=["full", "empty"])
def test_every_page_fits_is_readable_and_breaks_no_rule(
    enter: Callable[..., Watched], paths: tuple[str, ...]
) -> None:
    project = make_places()
    answered = project.predictions.exclude(explanation=None).first()
    more = (f"/p/churn/predictions/{answered.pk}",) if paths is PAGES else ()
    watched = enter("Ada", reduced_motion="reduce")

    wrong = [
        found
        for path in (*paths, *more)
        for found in look_at(watched, path, status=MISSING.get(path, 200))
    ]

    wrong += watched.said
    assert not wrong, "\n".join(wrong)


def test_the_doors_are_readable_for_everybody(enter: Callable[..., Watched]) -> None:
    from registry import people

    make_places()
    watched = enter(reduced_motion="reduce")
    token = people.invite(user=make_user("Omar")).rsplit("/", 1)[-1]

    wrong = [
        found
        for path in ("/sign-in", f"/invitation/{token}", "/invitation/nonsense")
        for found in look_at(watched, path, status=MISSING.get(path, 200))
    ]

    wrong += watched.said
    assert not wrong, "\n".join(wrong)


def test_the_manual_runs_under_the_same_policy(enter: Callable[..., Watched]) -> None:
    make_places()
    watched = enter("Ada")

    watched.open("/api/docs")

    expect(watched.page.get_by_role("link", name="predict", exact=True)).to_be_visible()
    assert watched.said + watched.refused() == []


def test_sign_in_needs_no_javascript(enter: Callable[..., Watched]) -> None:
    make_places()
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


def test_letters_lead_to_any_place(enter: Callable[..., Watched]) -> None:
    make_places()
    watched = enter("Ada")
    page = watched.page
    watched.open("/p/churn/models")

    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="Rollout")).to_be_visible()
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


def test_a_theme_that_was_chosen_stays(enter: Callable[..., Watched]) -> None:
    make_places()
    watched = enter("Ada")
    page = watched.page
    watched.open("/p/churn")

    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    page.reload()

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert watched.said + watched.refused() == []


def test_a_rollout_goes_by_its_slider_and_buttons(
    enter: Callable[..., Watched],
) -> None:
    project = make_full_project()
    watched = enter("Ada")
    page = watched.page
    watched.open("/p/churn/rollout")

    slider = page.get_by_role("slider")
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#share")).to_have_text("35")
    page.get_by_role("button", name="Set the share").click()
    expect(page.get_by_text("The share is changed.")).to_be_visible()
    assert rollout.of_project(project).percent == 35

    page.get_by_role("button", name="Promote version 2").click()
    expect(page.get_by_text("Promoted: the candidate is live.")).to_be_visible()
    assert rollout.of_project(project).live.number == 2

    page.get_by_role("button", name="Baseline for everyone").click()
    expect(page.get_by_text("Everyone gets the baseline (version 1).")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Back to version 1").click()
    expect(page.get_by_text("Rolled back.")).to_be_visible()
    assert rollout.of_project(project).live.number == 1
    assert watched.said + watched.refused() == []
