"""What lies over a page covers nothing that one looks at: no field that has the focus,
no answer's name."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.bring import csv, newcomer, step, take, target_form
from tests.browsing import DESK, PHONE, Watched
from tests.full_project import make_full_project
from tests.test_create_project import HEADER, deliveries

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_chromium]
Enter = Callable[..., Watched]
# How many pixels of the field that has the focus are behind the bar.
BEHIND = """() => {
  const at = document.activeElement, bar = document.querySelector(".go-on");
  if (!at.matches("input, select") || bar.contains(at)) return 0;
  return Math.max(at.getBoundingClientRect().bottom - bar.getBoundingClientRect().top, 0);
}"""
# How far the guess reaches into the letters of an answer of three lines.
OVER = """() => {
  const answers = document.querySelector(".answers");
  delete answers.dataset.short;
  const answer = answers.querySelector("button");
  answer.dataset.suggested = "";
  answer.innerHTML = `<span class="break"></span><span class="guess">83 %</span>`;
  const name = answer.querySelector(".break"), guess = answer.querySelector(".guess");
  const line = () => name.getBoundingClientRect().height;
  name.textContent = "Word";
  const one = line();
  while (line() < 2.9 * one) name.textContent += " and another word";
  const range = document.createRange();
  range.selectNodeContents(name);
  return guess.getBoundingClientRect().bottom - range.getClientRects()[0].top;
}"""


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_field_with_the_focus_is_not_behind_the_bar(enter: Enter, size: Any) -> None:
    nina = newcomer()
    names = ",".join(f"sensor {number}" for number in range(20))
    lines = [f"{line}{f',{i % 7}' * 20}" for i, line in enumerate(deliveries(60))]
    draft = take(nina, csv(lines, header=f"{HEADER},{names}"))
    step(nina, draft, "target", **target_form())
    watched = enter("Nina", viewport=size, reduced_motion="reduce")
    watched.open(f"/new/{draft.pk}/columns")
    page = watched.page

    behind = []
    for _ in range(60):
        page.keyboard.press("Tab")
        behind.append(page.evaluate(BEHIND))

    assert max(behind) == 0


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_guess_covers_no_letter_of_a_long_name(enter: Enter, size: Any) -> None:
    make_full_project()
    watched = enter("Erin", viewport=size)
    watched.open("/p/churn/label")
    watched.page.locator(".answers button").first.wait_for()

    assert watched.page.evaluate(OVER) <= 0
