"""A report on paper: whole, light and as wide as the paper, however it is printed."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from monitoring.evaluator.distribution import share
from monitoring.models import Evaluation
from tests.browsing import Watched
from tests.full_project import make_full_project

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_chromium]
REPORT = "/p/churn/models/2"
LINE = "[...document.querySelectorAll('.js-line')].map((one) => getComputedStyle(one).stroke)"
# What the printer gets: looked at after the page has prepared itself.
AT_THE_PRINTER = f"""addEventListener("afterprint", () => {{
  window.printed = {{
    lines: {LINE},
    folds: [...document.querySelectorAll("main details.fold")].every((one) => one.open),
    wide: [...document.querySelectorAll(".drawing")].every(
      (one) => one.layout.width === one.clientWidth),
  }};
}});"""


@pytest.fixture
def report(enter: Callable[..., Watched]) -> Callable[..., Page]:
    """Version 2's, every drawing there, though nobody scrolled."""
    make_full_project()

    def open_it(**options: Any) -> Page:
        watched = enter("Owen", **options)
        watched.page.add_init_script(AT_THE_PRINTER)
        watched.open(REPORT)
        drawn = watched.page.locator(".chart[data-state=full]")
        expect(drawn).to_have_count(watched.page.locator(".chart").count())
        return watched.page

    return open_it


@pytest.mark.parametrize("chosen", ["", "dark"], ids=["by the system", "chosen"])
def test_a_dark_screen_prints_dark_on_light_and_stays_dark(
    report: Callable[..., Page], chosen: str
) -> None:
    light = report().evaluate(LINE)
    page = report(color_scheme="light" if chosen else "dark")
    page.evaluate(
        "chosen => { document.documentElement.dataset.theme = chosen; }", chosen
    )
    page.wait_for_function(
        f"light => {LINE}.every((one, i) => one !== light[i])", arg=light
    )
    dark = page.evaluate(LINE)

    page.pdf()

    printed = page.evaluate("window.printed")
    assert printed == {"lines": light, "folds": True, "wide": True}
    page.wait_for_function(f"dark => String({LINE}) === String(dark)", arg=dark)
    assert page.locator("main details.fold[open]").count() == 0
    page.emulate_media(media="print")
    ground, ink = page.evaluate(
        """() => { const { backgroundColor, color } = getComputedStyle(document.documentElement);
          return [backgroundColor, color].map((one) => Number(/\\d+/.exec(one)[0])); }"""
    )
    assert ground > 200 > 100 > ink


def test_a_long_table_is_not_cut_where_it_would_be_scrolled(
    report: Callable[..., Page],
) -> None:
    page = report()
    for evaluation in Evaluation.objects.all():
        evaluation.report["error_distribution"]["per_class"] = [
            {"class": f"class {number}", "support": 9, "predicted": 9}
            | {"precision": share(8, 9), "recall": share(8, 9)}
            for number in range(40)
        ]
        evaluation.save()
    page.reload()
    classes = page.get_by_role("region", name="Classes")
    cut = "one => one.scrollHeight > one.clientHeight"
    assert classes.evaluate(cut)

    page.emulate_media(media="print")

    assert not classes.evaluate(cut)
