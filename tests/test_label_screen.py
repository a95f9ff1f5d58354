"""The labelling screen in a browser: one key an answer, the next card at once, nothing
lost without a connection, undo also after a reload, two windows that never collide."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from labelling.labeller import guidelines
from labelling.labeller.intake import import_examples
from labelling.models import Annotation, Example, Flag, Lease
from registry.actors import Actor
from registry.clock import now
from registry.models import Project
from tests.browsing import PHONE, WIDER, Watched, serious
from tests.factories import make_project, make_user
from tests.watching import eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
]
Enter = Callable[..., Watched]
STEP = re.compile("/label/step$")


def make_mail(count: int = 20, **changes: Any) -> Project:
    """Mails in order, with a column beside them, and Erin, Omar and Rosa."""
    given: dict[str, Any] = {
        "target": "spam",
        "fields": [
            {"name": "text", "kind": "text"},
            {"name": "sender", "kind": "categorical"},
        ],
        "costs": {},
        "decision": {},
    }
    project = make_project("mail", **(given | changes))
    for name, role in {
        "Erin": "labeller",
        "Omar": "labeller",
        "Rosa": "reviewer",
    }.items():
        make_user(name, project=project, role=role)
    items = [
        {"payload": {"text": f"Mail {n}", "sender": f"s{n}@example.org"}, "key": str(n)}
        for n in range(count)
    ]
    import_examples(project=project, items=enumerate(items), now=now())
    for n in range(count):
        Example.objects.filter(key=str(n)).update(shuffle=n)
    return project


def opened(enter: Enter, name: str = "Erin", **options: Any) -> Watched:
    watched = enter(name, **options)
    watched.open("/p/mail/label")
    expect(watched.page.locator("[data-bench][data-ready]")).to_be_visible()
    return watched


def item(page: Page) -> Any:
    return page.locator("[data-card]:not([hidden]) .item")


def said(name: str = "Erin") -> list[tuple[str, str, Any]]:
    rows = Annotation.objects.filter(user__username=name).order_by("id")
    return list(rows.values_list("example__key", "state", "value"))


def sent(page: Page) -> None:
    """Wait until all that was said is stored."""
    kept = "Object.keys(localStorage).filter((key) => /^label:mail:/.test(key)).length"
    eventually(lambda: page.evaluate(kept) == 0, within=15)


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


def test_fast_fingers_lose_nothing(enter: Enter) -> None:
    make_mail(30)
    watched = opened(enter)
    page = watched.page
    for n in range(12):
        expect(item(page)).to_have_text(f"Mail {n}")
        page.keyboard.press("1")
    page.keyboard.press("u")
    page.keyboard.press("2")  # typed before the card is back: for the card that comes
    sent(page)
    expect(item(page)).to_have_text("Mail 12")
    answers = [(key, value) for key, state, value in said() if state == "submitted"]
    assert sorted(answers, key=lambda one: int(one[0])) == [
        *((str(n), "No") for n in range(11)),
        ("11", "Yes"),
    ]
    assert watched.said == []


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


def test_an_answer_whose_receipt_got_lost_is_stored_once(enter: Enter) -> None:
    make_mail()
    watched = opened(enter)
    page = watched.page
    lost = []

    def lose(route: Route) -> None:
        if "do=answer" in (route.request.post_data or "") and not lost:
            lost.append(route.fetch())
            route.abort()
        else:
            route.continue_()

    page.route(STEP, lose)
    page.keyboard.press("2")
    expect(page.locator("[data-unsent]")).to_have_text("1 unsent")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    sent(page)
    assert said() == [("0", "submitted", "Yes")]


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


def test_when_all_is_labelled_the_page_says_so(enter: Enter) -> None:
    make_mail(2)
    page = opened(enter).page
    page.keyboard.press("1")
    expect(item(page)).to_have_text("Mail 1")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", name="Everything is labelled")).to_be_visible()
    page.keyboard.press("Backspace")
    expect(item(page)).to_have_text("Mail 1")


def test_what_others_hold_comes_back_by_itself(enter: Enter) -> None:
    project = make_mail(1)
    opened(enter)
    page = opened(enter, "Omar").page
    expect(page.get_by_role("heading", name="Everything left")).to_be_visible()
    Lease.objects.filter(example__project=project).update(expires_at=now())
    page.evaluate("document.querySelector('[data-wait]').dataset.wait = '0'")
    page.reload()
    expect(item(page)).to_have_text("Mail 0")


def test_it_works_without_a_script(enter: Enter) -> None:
    make_mail()
    page = enter("Erin", java_script_enabled=False).page
    page.goto(enter().root + "/p/mail/label")
    page.get_by_role("button", name="Yes").click()
    expect(item(page)).to_have_text("Mail 1")
    page.get_by_role("button", name="Cannot tell").click()
    page.get_by_role("button", name="Skip").click()
    expect(item(page)).to_have_text("Mail 3")
    page.get_by_role("button", name="Undo").click()
    expect(item(page)).to_have_text("Mail 2")
    assert [(key, state) for key, state, _ in said()] == [
        ("0", "submitted"), ("1", "submitted"), ("2", "undone"),
    ]  # fmt: skip


def test_on_a_phone_by_touch_and_swipe(enter: Enter) -> None:
    make_mail()
    watched = opened(enter, viewport=PHONE, has_touch=True, is_mobile=True)
    page = watched.page
    page.get_by_role("button", name="Yes").tap()
    expect(item(page)).to_have_text("Mail 1")
    small = page.evaluate(
        "[...document.querySelectorAll('.bench :is(button, summary, a)')]"
        ".filter((one) => one.offsetHeight && one.offsetHeight < 44)"
        ".map((one) => one.outerHTML.slice(0, 80))"
    )
    assert small == []
    page.evaluate(
        """() => {
          const item = document.querySelector("[data-card]:not([hidden]) .item");
          const at = (x, type) => item.dispatchEvent(new PointerEvent(type, {
            bubbles: true, pointerType: "touch", clientX: x, clientY: 300 }));
          at(100, "pointerdown"); at(160, "pointermove"); at(260, "pointermove");
          at(260, "pointerup");
        }"""
    )
    expect(item(page)).to_have_text("Mail 2")
    sent(page)
    assert [value for *_, value in said()] == ["Yes", "Yes"]
    assert watched.said == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_long_strange_texts_fit_and_are_readable(enter: Enter, scheme: str) -> None:
    classes = [f"A class with a long name, number {n}" for n in range(12)]
    project = make_mail(1, task="multiclass", classes=classes, positive_class="")
    text = "مرحبا 🙂 " + "Wort-ohne-Ende" * 40 + "\nline " * 200
    row = Example.objects.get(project=project).payload
    row.data["text"] = text
    row.save()
    watched = opened(enter, color_scheme=scheme, viewport=PHONE)
    page = watched.page
    assert page.evaluate(WIDER) == ""
    assert serious(page) == []
    page.keyboard.press("Space")
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1440, "height": 900})
    assert page.evaluate(WIDER) == ""
    # The answers are on the screen whatever the item's length.
    expect(page.get_by_role("button", name="number 0")).to_be_in_viewport()
    assert watched.said + watched.refused() == []
