"""The labelling screen where cards are few: windows never collide, the page says that
others hold the rest or that all is labelled, and a pause loses nothing."""

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from labelling.models import AnnotatorStat, Example, Lease
from registry.clock import now
from tests.browsing import Watched, serious
from tests.label_bench import (
    STEP,
    Enter,
    arrived,
    item,
    make_mail,
    opened,
    said,
    sent,
)
from tests.watching import eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
]


def test_a_second_window_gets_other_cards(enter: Enter) -> None:
    make_mail()
    watched = opened(enter)
    first = watched.page
    expect(first.locator("[data-card]")).to_have_count(3)
    second = first.context.new_page()
    second.goto(first.url)
    expect(item(second)).to_have_text("Mail 3")
    expect(second.locator("[data-card]")).to_have_count(3)
    for page in (first, second):
        page.keyboard.press("1")
        sent(page)
    assert {(key, state) for key, state, _ in said()} == {
        ("0", "submitted"),
        ("3", "submitted"),
    }
    assert watched.said == []


def test_when_all_is_labelled_the_page_says_so(enter: Enter) -> None:
    make_mail(2)
    page = opened(enter).page
    page.keyboard.press("1")
    expect(item(page)).to_have_text("Mail 1")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="Everything is labelled")).to_be_visible()
    expect(page.locator("[data-bench][data-ready]")).to_be_visible()
    page.keyboard.press("Backspace")
    expect(item(page)).to_have_text("Mail 1")


def test_what_others_hold_comes_back_by_itself(enter: Enter) -> None:
    project = make_mail(1)
    erin = enter("Erin")
    with erin.page.expect_response(STEP):  # the last that her page asks for
        erin.open("/p/mail/label")
    omar = enter("Omar")
    page = omar.page
    page.clock.install()
    omar.open("/p/mail/label")
    expect(page.locator("[data-bench][data-ready]")).to_be_visible()
    waits = page.get_by_role("heading", name="Everything left")
    expect(waits).to_be_visible()
    expect(page.locator("[data-count]")).not_to_have_text("60")  # it counts
    Lease.objects.filter(example__project=project).update(expires_at=now())
    asked = []

    def lose(route: Route) -> None:
        asked.append(route)
        route.abort()

    page.route("**/p/mail/label", lose)
    page.clock.fast_forward(61_000)
    eventually(lambda: page.evaluate("1") and asked)
    expect(waits).to_be_visible()  # no connection is no reason to lose the page
    page.unroute("**/p/mail/label")
    with page.expect_response(STEP):  # the last that it asks for
        page.clock.fast_forward(61_000)
    expect(item(page)).to_have_text("Mail 0")
    expect(page.locator("[data-bench][data-ready]")).to_be_visible()


def fail(enter: Enter, *, by_clock: bool = False) -> tuple[Watched, Any]:
    """Erin fails on ten cards whose answer is known; what her page says then."""
    make_mail(14)
    Example.objects.update(gold="Yes")
    watched = enter("Erin")
    page = watched.page
    if by_clock:
        page.clock.install()
    watched.open("/p/mail/label")
    expect(page.locator("[data-bench][data-ready]")).to_be_visible()
    held: list[Route] = []
    for n in range(11):  # the eleventh is answered before the tenth has come back
        expect(item(page)).to_have_text(f"Mail {n}")
        if n == 9:
            sent(page)
            page.route(STEP, lambda route: held.append(route))
        page.keyboard.press("1")
    expect(item(page)).to_have_text("Mail 11")
    arrived(page, held)
    page.route(STEP, lambda route: route.continue_())
    held[0].continue_()
    paused = page.get_by_role("region", name="You are paused")
    expect(paused).to_contain_text("0 of 10")
    sent(page)
    return watched, paused


def test_a_paused_page_looks_once_a_minute_whatever_came_back(enter: Enter) -> None:
    page = fail(enter, by_clock=True)[0].page
    asked: list[str] = []

    def lose(route: Route) -> None:
        asked.append(route.request.method)
        route.abort()

    page.route(re.compile("/p/mail/label$"), lose)
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 61)
    page.evaluate("fetch(location.href).catch(() => null)")  # after all that it asked
    assert asked == ["HEAD", "GET"]


def test_who_fails_on_known_cards_is_paused_calmly_and_loses_nothing(
    enter: Enter,
) -> None:
    watched, paused = fail(enter)
    page = watched.page
    expect(paused).to_contain_text("Rosa")
    eventually(lambda: not Lease.objects.exists())  # others may have her cards
    expect(page.locator("[data-unsent]")).to_be_hidden()
    expect(page.locator("[data-card]")).to_have_count(0)
    assert len(said()) == 11
    page.keyboard.press("u")
    expect(page.locator("[data-last]")).to_contain_text("paused")
    page.reload()
    expect(paused).to_be_visible()
    assert serious(page) == []
    assert AnnotatorStat.objects.update(paused=False, gold_seen=0, gold_right=0) == 1
    with page.expect_response(STEP):  # the last that it asks for
        page.get_by_role("link", name="Look again").click()
    expect(item(page)).to_have_text("Mail 11")
    expect(page.locator("[data-bench][data-ready]")).to_be_visible()
    assert len(said()) == 11
    assert watched.said + watched.refused() == []
