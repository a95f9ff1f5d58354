"""What people see in a browser: nothing sticks out, nothing is blocked, all of it by
keyboard, in light and dark, on a desk and on a phone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from labelling.models import Annotation
from registry.models import Project, User
from serving import rollout
from tests.factories import make_project, make_user
from tests.full_project import make_full_project

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
]
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
PAGES = (
    *("/", "/password", "/operator", "/nothing-here"),
    *("/p/churn", "/p/churn/label", "/p/churn/examples", "/p/churn/data"),
    *("/p/churn/models", "/p/churn/models/1", "/p/churn/models/2", "/p/churn/models/3"),
    *("/p/churn/runs", "/p/churn/runs/1", "/p/churn/runs/2", "/p/churn/rollout"),
    *("/p/churn/monitor", "/p/churn/alerts", "/p/churn/predictions", "/p/churn/try"),
    *("/p/churn/features", "/p/churn/settings"),
)
EMPTY_PAGES = tuple(
    f"/p/empty{place}"
    for place in (
        *("", "/label", "/examples", "/data", "/models", "/runs", "/rollout"),
        *("/monitor", "/alerts", "/predictions", "/try", "/features", "/settings"),
    )
)
# Written into the page before its own scripts.
LISTEN = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.refused.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""
WIDER = """() => {
  const page = document.documentElement;
  if (page.scrollWidth <= page.clientWidth) return "";
  const out = [...document.querySelectorAll("main *, .rail *")].filter(
    (one) => one.getBoundingClientRect().right > page.clientWidth + 1);
  return `${page.scrollWidth} > ${page.clientWidth}: ` +
    out.slice(0, 3).map((one) => one.outerHTML.slice(0, 90)).join(" | ");
}"""
MISSING = {"/nothing-here": 404, "/invitation/nonsense": 404}
LONG = "A-name-without-any-place-to-break-it-" * 3


class Watched:
    """A page, and everything that went wrong on it."""

    def __init__(self, page: Page, root: str) -> None:
        self.page, self.root = page, root
        self.said: list[str] = []
        page.add_init_script(LISTEN)
        page.on("pageerror", lambda error: self.said.append(f"{page.url}: {error}"))
        page.on("console", self._console)

    def _console(self, message: Any) -> None:
        # The status of the page itself is in the console too, as a failed load.
        if message.type == "error" and "status of 404" not in message.text:
            self.said.append(f"{self.page.url}: {message.text}")

    def open(self, path: str) -> int:
        answer = self.page.goto(self.root + path)
        return answer.status if answer else 0

    def refused(self) -> list[str]:
        found: list[str] = self.page.evaluate("window.refused")
        return [f"{self.page.url}: {one}" for one in found]


@pytest.fixture
def enter(
    browser: Browser, live_server: Any, settings: Any
) -> Iterator[Callable[..., Watched]]:
    """`enter("Ada")`: a browser in which somebody is signed in."""
    contexts = []

    def make(name: str = "", **options: Any) -> Watched:
        context = browser.new_context(**({"viewport": DESK} | options))
        contexts.append(context)
        if name:
            client = Client()
            client.force_login(User.objects.get(username=name))
            cookie = client.cookies[settings.SESSION_COOKIE_NAME]
            context.add_cookies(
                [{"name": cookie.key, "value": cookie.value, "url": live_server.url}]
            )
        page = context.new_page()
        page.set_default_timeout(15_000)
        return Watched(page, live_server.url)

    yield make
    for context in contexts:
        context.close()


def make_places() -> Project:
    """A full project, and an empty one with a name that does not break."""
    full = make_full_project()
    make_project("empty", name=LONG)
    User.objects.filter(username="Ada").update(is_staff=True, is_superuser=True)
    make_user("Ada", project=Project.objects.get(slug="empty"), role="admin")
    return full


def serious(page: Page) -> list[str]:
    """What axe calls serious or critical, with the element and the reason."""
    return [
        f"{page.url}: {found['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for found in Axe().run(page).response["violations"]
        if found["impact"] in {"serious", "critical"}
        for node in found["nodes"][:3]
    ]


def look_at(watched: Watched, path: str) -> list[str]:
    """One page on a desk and on a phone, in light and in dark."""
    page, wrong = watched.page, list[str]()
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(DESK)
    status = watched.open(path)
    if status != MISSING.get(path, 200):
        wrong.append(f"{path}: {status}")
    for size in (DESK, PHONE):
        page.set_viewport_size(size)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            if wider := page.evaluate(WIDER):
                wrong.append(f"{path} at {size['width']}: {wider}")
            if (size is DESK) == (scheme == "light"):  # each size, each scheme once
                wrong += serious(page)
    return wrong + watched.refused()


@pytest.mark.parametrize("paths", [PAGES, EMPTY_PAGES], ids=["full", "empty"])
def test_every_page_fits_is_readable_and_breaks_no_rule(
    enter: Callable[..., Watched], paths: tuple[str, ...]
) -> None:
    project = make_places()
    answered = project.predictions.exclude(explanation=None).first()
    more = (f"/p/churn/predictions/{answered.pk}",) if paths is PAGES else ()
    watched = enter("Ada", reduced_motion="reduce")

    wrong = [found for path in (*paths, *more) for found in look_at(watched, path)]

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
        for found in look_at(watched, path)
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


def shown(page: Page) -> str:
    return page.locator("input[name=example]").get_attribute("value") or ""


def said(name: str) -> list[Any]:
    rows = Annotation.objects.filter(user__username=name).order_by("id")
    return list(rows.values_list("example_id", "state", "value"))


def test_labelling_goes_by_keyboard_alone(enter: Callable[..., Watched]) -> None:
    make_full_project()
    watched = enter("Rosa")
    page = watched.page
    watched.open("/p/churn/label")

    first = shown(page)
    page.keyboard.press("2")
    expect(page.locator("input[name=example]")).not_to_have_value(first)
    assert said("Rosa") == [(int(first), "submitted", "Yes")]

    page.keyboard.press("u")
    expect(page.locator("input[name=example]")).to_have_value(first)
    assert said("Rosa")[0][:2] == (int(first), "undone")

    page.keyboard.press("Space")
    expect(page.locator("input[name=example]")).not_to_have_value(first)
    assert said("Rosa")[-1][:2] == (int(first), "skipped")

    second = shown(page)
    page.keyboard.press("0")
    expect(page.locator("input[name=example]")).not_to_have_value(second)
    assert said("Rosa")[-1][:2] == (int(second), "submitted")
    assert said("Rosa")[-1][2] is None
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
