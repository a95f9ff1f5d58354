"""The labelling screen without a script, on a phone, and with long, strange texts."""

import pytest
from playwright.sync_api import expect

from labelling.models import Example
from tests.browsing import PHONE, WIDER, serious
from tests.label_bench import Enter, item, make_mail, opened, said, sent, swipe

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
]


def test_it_works_without_a_script(enter: Enter) -> None:
    make_mail()
    page = enter("Erin", java_script_enabled=False).page
    page.goto(enter().root + "/p/mail/label")
    page.get_by_role("button", name="Yes").click()
    expect(item(page)).to_have_text("Mail 1")
    page.get_by_role("button", name="Cannot tell").click()
    expect(item(page)).to_have_text("Mail 2")
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
    expect(page.locator("[data-last]")).to_have_text("Last: Yes")
    seen = """() => {
      const box = document.querySelector("[data-undo] button").getBoundingClientRect();
      const there = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      return Boolean(there?.closest("[data-undo]"));
    }"""
    assert page.evaluate(seen)  # without scrolling, and over nothing
    small = page.evaluate(
        "[...document.querySelectorAll('.bench :is(button, summary, a)')]"
        ".filter((one) => one.offsetHeight && one.offsetHeight < 44)"
        ".map((one) => one.outerHTML.slice(0, 80))"
    )
    assert small == []
    swipe(page)
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
    # The first words and the answers are on the screen whatever the item's length.
    expect(page.get_by_role("button", name="number 0")).to_be_in_viewport()
    above = """() => {
      const item = document.querySelector(".item");
      item.scrollTop = 0;
      const [box, words] = [item, item.firstElementChild].map((one) => one.getBoundingClientRect());
      return box.top - words.top;
    }"""
    assert page.evaluate(above) <= 0  # what lies above can never be scrolled to
    assert watched.said + watched.refused() == []
