"""The labelling screen in a browser: one key an answer, the next card at once, undo
also after a reload."""

from typing import Any

import pytest
from playwright.sync_api import Route, expect

from labelling.labeller import guidelines
from labelling.models import Annotation, Example, Flag, Lease
from registry.actors import Actor
from registry.clock import now
from tests.factories import make_user
from tests.label_bench import (
    STEP,
    Enter,
    arrived,
    hold,
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


def test_ten_by_keyboard_undo_and_reload(enter: Enter) -> None:
    make_mail()
    watched = opened(enter)
    page = watched.page
    for n in range(10):
        expect(item(page)).to_have_text(f"Mail {n}")
        page.keyboard.press("2" if n % 2 else "1")
    expect(item(page)).to_have_text("Mail 10")
    sent(page)
    assert said() == [(str(n), "submitted", ["No", "Yes"][n % 2]) for n in range(10)]
    assert Lease.objects.count() == 3  # the one seen, two behind it
    expect(page.locator("[data-mine-shown]")).to_have_text("10")

    page.reload()
    expect(item(page)).to_have_text("Mail 10")
    for n in (9, 8, 7):
        page.keyboard.press("u")
        expect(item(page)).to_have_text(f"Mail {n}")
    expect(page.locator("[data-card]:not([hidden]) .was")).to_contain_text("Yes")
    page.keyboard.press("1")
    expect(item(page)).to_have_text("Mail 8")
    sent(page)
    assert said()[7:] == [
        ("7", "undone", "Yes"),
        ("8", "undone", "No"),
        ("9", "undone", "Yes"),
        ("7", "submitted", "No"),
    ]
    assert watched.said + watched.refused() == []


def test_a_key_before_the_second_card_has_come_changes_no_order(enter: Enter) -> None:
    make_mail()
    watched = enter("Erin")
    page = watched.page
    late: list[tuple[Route, Any]] = []

    def hold(route: Route) -> None:
        if "more" in (route.request.post_data or ""):
            late.append((route, route.fetch()))
        else:
            route.continue_()

    page.route(STEP, hold)
    watched.open("/p/mail/label")
    eventually(lambda: page.evaluate("1") and late)
    page.keyboard.press("1")
    sent(page)
    [(route, answer)] = late
    route.fulfill(response=answer)
    for n in (1, 2, 3):
        expect(item(page)).to_have_text(f"Mail {n}")
        page.keyboard.press("1")
    sent(page)
    assert [key for key, *_ in said()] == ["0", "1", "2", "3"]
    assert watched.said == []


def test_fast_fingers_lose_nothing(enter: Enter) -> None:
    make_mail(30)
    watched = opened(enter)
    page = watched.page
    for n in range(12):
        expect(item(page)).to_have_text(f"Mail {n}")
        page.keyboard.press("1")
    page.keyboard.press("u")
    page.keyboard.press("2")  # typed before the card is back: for the card that comes
    expect(page.locator("[data-last]")).to_have_text("Last: Yes")
    sent(page)
    expect(item(page)).to_have_text("Mail 12")
    answers = [(key, value) for key, state, value in said() if state == "submitted"]
    assert sorted(answers, key=lambda one: int(one[0])) == [
        *((str(n), "No") for n in range(11)),
        ("11", "Yes"),
    ]
    assert watched.said == []


def test_skip_cannot_tell_context_flag_and_guideline(enter: Enter) -> None:
    project = make_mail()
    rosa = Actor(user=make_user("Rosa"), role="reviewer")
    guidelines.write(project=project, text="Ads are spam.", after=0, by=rosa, now=now())
    watched = opened(enter)
    page = watched.page
    page.keyboard.press("g")
    expect(page.get_by_role("dialog")).to_contain_text("Ads are spam.")
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(page.locator("[data-card]:not([hidden]) .beside")).to_contain_text(
        "s0@example.org"
    )
    page.keyboard.press("f")
    page.get_by_label("What should they know?").fill("Is this one a joke?")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-last]")).to_contain_text("Flagged")
    page.keyboard.press("Space")
    page.keyboard.press("2")
    expect(item(page)).to_have_text("Mail 1")
    page.keyboard.press("Space")
    page.keyboard.press("Space")
    page.keyboard.press("c")
    expect(item(page)).to_have_text("Mail 3")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("cannot tell")
    page.keyboard.press("Escape")
    sent(page)
    assert [(key, state) for key, state, _ in said()] == [
        ("0", "skipped"), ("1", "skipped"), ("2", "submitted"),
    ]  # fmt: skip
    first, _, third = Annotation.objects.order_by("id")
    assert first.comment == "Something is missing to decide"
    assert (third.cannot_tell, third.guideline_version) == (True, 1)
    assert Flag.objects.get().comment == "Is this one a joke?"
    assert watched.said + watched.refused() == []


def test_enter_accepts_what_the_model_suggests(enter: Enter) -> None:
    make_mail()
    Example.objects.update(predicted="Yes", score=0.83)
    page = opened(enter).page
    expect(page.locator("[data-card]:not([hidden]) [data-suggested]")).to_contain_text(
        "83"
    )
    page.keyboard.press("Enter")
    sent(page)
    row = Annotation.objects.get()
    assert (row.value, row.suggestion) == ("Yes", {"value": "Yes", "probability": 0.83})


def test_a_suggestion_moves_no_answer(enter: Enter) -> None:
    """Nor does it break a name: the answers of the next card stand where these do."""
    names = ["none", "Precautionary Landing", "Aborted Take-off", "Other", "Shut Down"]
    make_mail(task="multiclass", classes=names, positive_class="")
    Example.objects.filter(key="0").update(predicted=names[1], score=0.52)
    page = opened(enter).page
    card = page.locator("[data-card]:not([hidden])")
    places = "all => all.map((one) => JSON.stringify(one.getBoundingClientRect()))"
    expect(card.locator("[data-suggested]")).to_contain_text("52")
    before = card.locator(".answers button").evaluate_all(places)
    page.keyboard.press("1")
    expect(item(page)).to_have_text("Mail 1")
    expect(card.locator("[data-suggested]")).to_have_count(0)
    assert card.locator(".answers button").evaluate_all(places) == before


def test_a_number_is_typed(enter: Enter) -> None:
    make_mail(task="regression", classes=[], positive_class="", target="price")
    watched = opened(enter)
    page = watched.page
    page.keyboard.type("12,5")
    page.keyboard.press("Enter")
    expect(item(page)).to_have_text("Mail 1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Write a number, as 12.5.")
    page.keyboard.type("-3")
    page.keyboard.press("Enter")
    expect(item(page)).to_have_text("Mail 2")
    page.keyboard.press("c")
    sent(page)
    assert [value for *_, value in said()] == [12.5, -3.0, None]
    assert watched.said == []


def test_a_number_typed_while_a_card_comes_back_is_typed_into_it(enter: Enter) -> None:
    make_mail(task="regression", classes=[], positive_class="", target="price")
    Example.objects.update(predicted="7")
    watched = opened(enter)
    page = watched.page
    undone = hold(page, "do=undo")
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    expect(item(page)).to_have_text("Mail 1")
    sent(page)
    page.keyboard.press("u")
    arrived(page, undone)
    for key in ("1", "9", "Backspace", "2", "Enter", "3"):
        page.keyboard.press(key)
    undone[0].continue_()
    expect(page.locator("[data-card]:not([hidden]) [data-number]")).to_have_value("3")
    page.keyboard.type(".5")
    page.keyboard.press("Enter")
    sent(page)
    assert said() == [
        ("0", "undone", 5.0), ("0", "submitted", 12.0), ("1", "submitted", 3.5),
    ]  # fmt: skip
    assert watched.said == []


def test_several_classes_are_toggled_and_saved(enter: Enter) -> None:
    classes = [f"class {n}" for n in range(12)]
    make_mail(task="multilabel", classes=classes, positive_class="")
    page = opened(enter).page
    for key in ("1", "2", "1", "Shift+Digit2", "Enter"):
        page.keyboard.press(key)
    expect(item(page)).to_have_text("Mail 1")
    page.keyboard.press("Enter")  # none of them is an answer
    sent(page)
    assert [value for *_, value in said()] == [["class 1", "class 11"], []]


def test_a_held_key_answers_once_and_takes_nothing_back(enter: Enter) -> None:
    make_mail(task="regression", classes=[], positive_class="", target="price")
    Example.objects.update(predicted="7")
    watched = opened(enter)
    page = watched.page
    keys = page.keyboard
    keys.type("5")
    for _ in range(3):
        keys.down("Enter")
    keys.up("Enter")
    expect(item(page)).to_have_text("Mail 1")
    keys.type("99")
    for _ in range(4):
        keys.down("Backspace")
    keys.up("Backspace")
    expect(page.locator("[data-card]:not([hidden]) [data-number]")).to_have_value("")
    expect(item(page)).to_have_text("Mail 1")
    expect(page.locator("[data-last]")).to_have_text("Last: 5")
    sent(page)
    assert said() == [("0", "submitted", 5.0)]
    assert watched.said == []


def test_space_presses_what_has_the_focus(enter: Enter) -> None:
    classes = [f"class {n}" for n in range(21)]  # the last has no key
    make_mail(task="multilabel", classes=classes, positive_class="")
    watched = opened(enter)
    page = watched.page
    last = page.get_by_role("checkbox", name="class 20")
    last.focus()
    page.keyboard.press("Space")
    expect(last).to_be_checked()
    page.keyboard.press("Enter")
    expect(item(page)).to_have_text("Mail 1")
    page.keyboard.press("Space")
    reasons = page.get_by_role("dialog", name="Skip, because…")
    expect(reasons).to_be_focused()
    reasons.get_by_role("button", name="Something is missing").focus()
    page.keyboard.press("Space")
    expect(item(page)).to_have_text("Mail 2")
    page.keyboard.press("Space")
    page.keyboard.press("Space")  # again: no reason
    expect(item(page)).to_have_text("Mail 3")
    sent(page)
    assert said()[0] == ("0", "submitted", ["class 20"])
    reasons_told = Annotation.objects.filter(state="skipped").order_by("id")
    assert [row.comment for row in reasons_told] == [
        "Something is missing to decide", "",
    ]  # fmt: skip
    assert watched.said == []


def test_who_skips_in_own_words_needs_no_keyboard_to_send_them(enter: Enter) -> None:
    make_mail()
    watched = opened(enter)
    page = watched.page
    page.get_by_role("button", name="Skip").click()
    own = page.get_by_role("button", name="Skip with these words")
    own.click()
    words = page.get_by_label("In your own words")
    expect(words).to_be_focused()  # none are there yet
    words.fill("It is in Welsh.")
    own.click()
    expect(item(page)).to_have_text("Mail 1")
    sent(page)
    assert Annotation.objects.get().comment == "It is in Welsh."
    assert watched.said == []
