"""The labelling screen without a connection, with a browser that keeps nothing, before a
server that hangs: no answer is lost, none is stored twice."""

import pytest
from playwright.sync_api import Page, Route, expect

from labelling.labeller import guidelines
from registry.actors import Actor
from registry.clock import now
from tests.browsing import PHONE
from tests.factories import make_user
from tests.label_bench import (
    STEP,
    Enter,
    arrived,
    item,
    make_mail,
    opened,
    said,
    sent,
    swipe,
)
from tests.watching import eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
]


def test_without_a_connection_answers_are_kept_and_sent_later(enter: Enter) -> None:
    make_mail()
    watched = opened(enter)
    page = watched.page
    expect(page.locator("[data-card]")).to_have_count(3)
    page.route(STEP, lambda route: route.abort())
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(page.locator("[data-unsent]")).to_have_text("2 unsent")
    page.keyboard.press("u")  # what is not sent yet is taken back right here
    expect(item(page)).to_have_text("Mail 1")
    page.keyboard.press("1")
    assert said() == []

    page.reload()
    expect(item(page)).to_have_text("Mail 2")  # not those that were answered
    expect(page.locator("[data-unsent]")).to_have_text("2 unsent")
    page.unroute(STEP)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    sent(page)
    assert said() == [("0", "submitted", "No"), ("1", "submitted", "No")]
    expect(page.locator("[data-unsent]")).to_be_hidden()


# No room for a key more, from here on.
FULL = """() => {
  const put = Storage.prototype.setItem;
  Storage.prototype.setItem = function (...given) {
    if (this === localStorage) throw new DOMException("full", "QuotaExceededError");
    put.apply(this, given);
  };
}"""


@pytest.mark.faults
def test_with_a_full_disk_answers_are_kept_in_the_window_and_sent(enter: Enter) -> None:
    make_mail()
    watched = opened(enter)
    page = watched.page
    stays = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    expect(page.locator("[data-card]")).to_have_count(3)
    page.route(STEP, lambda route: route.abort())
    page.evaluate(FULL)
    page.keyboard.press("1")
    page.keyboard.press("2")
    expect(page.locator("[data-unsent]")).to_have_text("2 unsent")
    assert page.evaluate(stays)  # the browser asks before it leaves the page
    page.unroute(STEP)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    eventually(lambda: not page.evaluate(stays))
    expect(page.locator("[data-unsent]")).to_be_hidden()
    assert said() == [("0", "submitted", "No"), ("1", "submitted", "Yes")]


NO_ROOM = """Storage.prototype.setItem = () => {
  throw new DOMException("full", "QuotaExceededError");
}"""
FORBIDDEN = """for (const place of ["localStorage", "sessionStorage"])
  Object.defineProperty(window, place, { get() {
    throw new DOMException("no", "SecurityError");
  } });"""


@pytest.mark.parametrize("trouble", [NO_ROOM, FORBIDDEN], ids=["full", "forbidden"])
def test_where_a_browser_keeps_nothing_people_label_as_ever(
    enter: Enter, trouble: str
) -> None:
    project = make_mail()
    rosa = Actor(user=make_user("Rosa"), role="reviewer")
    guidelines.write(project=project, text="Ads are spam.", after=0, by=rosa, now=now())
    watched = enter("Erin")
    page = watched.page
    page.add_init_script(trouble)
    watched.open("/p/mail/label")
    expect(page.locator("[data-bench][data-ready]")).to_be_visible()

    page.keyboard.press("g")
    expect(page.get_by_role("dialog")).to_contain_text("Ads are spam.")
    page.keyboard.press("g")
    expect(page.locator("[data-fresh]")).to_have_count(0)
    page.keyboard.press("e")
    beside = page.locator("[data-card]:not([hidden]) .beside")
    expect(beside).to_have_attribute("open", "")
    page.keyboard.press("2")
    expect(item(page)).to_have_text("Mail 1")
    eventually(lambda: said() == [("0", "submitted", "Yes")])
    expect(page.get_by_text("1 in this sitting")).to_be_visible()
    assert watched.said + watched.refused() == []


@pytest.mark.faults
def test_what_is_kept_is_sent_though_the_disk_is_full_by_then(enter: Enter) -> None:
    make_mail()
    watched = opened(enter)
    page = watched.page
    expect(page.locator("[data-card]")).to_have_count(3)
    page.route(STEP, lambda route: route.abort())
    page.keyboard.press("1")
    expect(page.locator("[data-unsent]")).to_have_text("1 unsent")
    page.add_init_script(f"({FULL})()")
    page.reload()
    expect(item(page)).to_have_text("Mail 1")
    expect(page.locator("[data-unsent]")).to_have_text("1 unsent")
    page.unroute(STEP)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("[data-unsent]")).to_be_hidden()
    assert said() == [("0", "submitted", "No")]


@pytest.mark.faults
def test_an_answer_whose_receipt_got_lost_is_stored_once(enter: Enter) -> None:
    make_mail()
    page = opened(enter).page
    lose_first(page, "do=answer")
    page.keyboard.press("2")
    expect(page.locator("[data-unsent]")).to_have_text("1 unsent")
    page.unroute(STEP)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    sent(page)
    assert said() == [("0", "submitted", "Yes")]


def lose_first(page: Page, deed: str) -> None:
    """The server does it, and its answer never arrives; nor do later tries arrive,
    until `page.unroute(STEP)`."""
    lost = []

    def lose(route: Route) -> None:
        if deed in (route.request.post_data or ""):
            if not lost:
                lost.append(route.fetch())
            route.abort()
        else:
            route.continue_()

    page.route(STEP, lose)


@pytest.mark.faults
@pytest.mark.parametrize("reloaded", [False, True])
def test_undo_of_an_answer_whose_receipt_got_lost_takes_back_what_is_stored(
    enter: Enter, reloaded: bool
) -> None:
    make_mail()
    page = opened(enter).page
    lose_first(page, "do=answer")
    page.keyboard.press("2")
    expect(page.locator("[data-unsent]")).to_have_text("1 unsent")
    page.unroute(STEP)
    if reloaded:
        page.reload()
        expect(page.locator("[data-bench][data-ready]")).to_be_visible()
    page.keyboard.press("u")
    expect(page.locator("[data-card]:not([hidden]) .was")).to_contain_text("Yes")
    page.keyboard.press("1")
    sent(page)
    assert said() == [("0", "undone", "Yes"), ("0", "submitted", "No")]


@pytest.mark.faults
def test_an_undo_whose_answer_got_lost_is_done_once(enter: Enter) -> None:
    make_mail()
    page = opened(enter).page
    lose_first(page, "do=undo")
    for n in range(2):
        expect(item(page)).to_have_text(f"Mail {n}")
        page.keyboard.press("2")
    sent(page)
    page.keyboard.press("u")
    page.keyboard.press("1")  # meant for the card that does not come
    expect(page.locator("[data-last]")).to_contain_text("Press u again")
    page.unroute(STEP)
    expect(item(page)).to_have_text("Mail 2")
    page.keyboard.press("u")
    expect(item(page)).to_have_text("Mail 1")
    page.keyboard.press("1")
    sent(page)
    assert said() == [
        ("0", "submitted", "Yes"), ("1", "undone", "Yes"), ("1", "submitted", "No"),
    ]  # fmt: skip


def test_who_answers_on_instead_gets_the_card_whose_way_back_was_lost(
    enter: Enter,
) -> None:
    make_mail()
    page = opened(enter).page
    lose_first(page, "do=undo")
    for n in range(2):
        expect(item(page)).to_have_text(f"Mail {n}")
        page.keyboard.press("2")
    sent(page)
    page.keyboard.press("u")
    expect(page.locator("[data-last]")).to_contain_text("Press u again")
    page.unroute(STEP)
    expect(item(page)).to_have_text("Mail 2")
    page.keyboard.press("2")
    expect(item(page)).to_have_text("Mail 3")
    expect(page.locator("[data-card] .was")).to_have_count(1)  # it waits its turn
    sent(page)
    page.keyboard.press("u")
    expect(item(page)).to_have_text("Mail 2")
    page.keyboard.press("1")
    sent(page)
    assert said() == [
        ("0", "submitted", "Yes"), ("1", "undone", "Yes"),
        ("2", "undone", "Yes"), ("2", "submitted", "No"),
    ]  # fmt: skip


# The patience with an undo ends when the test says so; with an answer as ever.
PATIENT = """const ever = AbortSignal.timeout.bind(AbortSignal);
window.patience = new AbortController();
AbortSignal.timeout = (limit) => limit < 10000 ? patience.signal : ever(limit);"""


def test_a_server_that_hangs_freezes_nothing(enter: Enter) -> None:
    make_mail()
    watched = enter("Erin", viewport=PHONE, has_touch=True)
    page = watched.page
    hanging: list[Route] = []

    def hang(route: Route) -> None:
        """From the first undo on nothing is answered."""
        if hanging or "do=undo" in (route.request.post_data or ""):
            hanging.append(route)
        else:
            route.continue_()

    page.route(STEP, hang)
    page.add_init_script(PATIENT)
    watched.open("/p/mail/label")
    expect(page.locator("[data-bench][data-ready]")).to_be_visible()
    expect(page.locator("[data-card]")).to_have_count(3)
    page.keyboard.press("1")
    sent(page)
    shown = item(page).inner_text().strip()
    page.keyboard.press("u")
    arrived(page, hanging)
    swipe(page)  # while keys wait for the card that comes back
    page.evaluate("patience.abort()")
    expect(page.locator("[data-last]")).to_contain_text("does not answer")
    expect(item(page)).to_have_text(shown)
    page.keyboard.press("2")
    expect(item(page)).not_to_have_text(shown)
    following = item(page).inner_text().strip()
    swipe(page)
    expect(item(page)).not_to_have_text(following)
