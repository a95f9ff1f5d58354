"""The owner's screens in a browser: by keyboard, without a script, kept up to date."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from monitoring.models import Alert
from registry.clock import now
from serving.models import Rollout
from tests.browsing import Watched
from tests.full_project import make_full_project

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
]


def heading(watched: Watched) -> Any:
    return watched.page.get_by_role("heading", level=1)


def test_two_versions_are_compared_by_keyboard_alone(
    enter: Callable[..., Watched],
) -> None:
    make_full_project()
    watched = enter("Vera")
    watched.open("/p/churn/models")
    page = watched.page

    page.get_by_role("checkbox", name="Compare version 2").focus()
    page.keyboard.press("Space")
    page.get_by_role("checkbox", name="Compare version 1").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")

    expect(heading(watched)).to_have_text("Version 2 beside version 1")
    expect(page.locator(".chart[data-state=full]").first).to_be_visible()
    assert watched.said + watched.refused() == []


def test_comparing_needs_no_javascript(enter: Callable[..., Watched]) -> None:
    make_full_project()
    watched = enter("Vera", java_script_enabled=False)
    watched.open("/p/churn/models")

    watched.page.get_by_role("checkbox", name="Compare version 2").check()
    watched.page.get_by_role("checkbox", name="Compare version 1").check()
    watched.page.get_by_role("button", name="Compare two").click()

    expect(heading(watched)).to_have_text("Version 2 beside version 1")


def test_the_diagram_follows_what_happens_and_keeps_the_focus(
    enter: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_full_project()
    moment = now()  # or "just now" becomes "1 minute ago" between two looks
    monkeypatch.setattr("monitoring.owner.views.clock_now", lambda: moment)
    watched = enter("Vera")
    watched.open("/p/churn")
    page = watched.page
    monitor = page.locator("#node-monitor")
    expect(monitor).to_contain_text("1 alert firing")
    monitor.focus()

    ask = "htmx.trigger('#loop', 'poll')"
    page.evaluate("document.querySelector('#loop').dataset.seen = 'before'")
    with page.expect_response("**/loop") as same:
        page.evaluate(ask)
    assert same.value.status == 304
    expect(page.locator("#loop[data-seen=before] .node")).to_have_count(9)
    Alert.objects.all().delete()
    changed = lambda one: one.url.endswith("/loop") and one.status == 200  # noqa: E731
    with page.expect_response(changed):  # also of a poll that is due just now
        page.evaluate(ask)

    expect(monitor).to_contain_text("no open alert")
    expect(monitor).to_be_focused()
    assert watched.said + watched.refused() == []


def test_a_report_is_drawn_whole_before_it_is_printed(
    enter: Callable[..., Watched],
) -> None:
    make_full_project()
    watched = enter("Owen")
    watched.open("/p/churn/models/2")
    page = watched.page
    page.evaluate("window.print = () => { window.printed = true; }")

    page.get_by_role("button", name="Print the report").click()
    page.wait_for_function("window.printed === true")

    expect(page.locator(".chart[data-state=loading]")).to_have_count(0)
    expect(page.locator(".chart[data-state=error]")).to_have_count(0)
    assert watched.said + watched.refused() == []


def test_the_owner_sets_a_target_without_javascript(
    enter: Callable[..., Watched],
) -> None:
    make_full_project()
    watched = enter("Owen", java_script_enabled=False)
    watched.open("/p/churn")

    watched.page.get_by_label("Target, USD").fill("45")
    watched.page.get_by_role("button", name="Set", exact=True).click()

    expect(watched.page.get_by_text("The target is set")).to_be_visible()
    expect(watched.page.get_by_label("Target, USD")).to_have_value("45")


def test_enter_in_the_reason_moves_no_rollout(enter: Callable[..., Watched]) -> None:
    make_full_project()
    before = Rollout.objects.values("candidate", "state", "revision").get()
    watched = enter("Ada")
    watched.open("/p/churn/rollout")
    page = watched.page
    acts = page.locator("form", has=page.get_by_role("button", name="Promote"))
    reason = acts.get_by_label("Reason")

    reason.fill("Too many complaints.")
    reason.press("Enter")

    expect(reason).to_have_value("Too many complaints.")
    page.evaluate("fetch(location.href)")  # after whatever Enter may have sent
    assert Rollout.objects.values("candidate", "state", "revision").get() == before
    acts.get_by_role("button", name="Hold").click()
    expect(page.get_by_text("Too many complaints.").first).to_be_visible()
    assert Rollout.objects.get().state == "held"
