"""Charts as people meet them: drawn under the policy, in both themes, read as a table."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from tests.browsing import PHONE, Watched, serious
from tests.factories import make_project, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
    pytest.mark.urls("tests.gallery"),
]
Enter = Callable[..., Watched]
DRAWN = ".chart[data-state=full] .drawing .main-svg"
LINE = ".chart[id=line] .scatterlayer path.js-line"


@pytest.fixture
def vera(enter: Enter) -> Watched:
    make_user("Vera", project=make_project(), role="viewer")
    return enter("Vera")


def see(watched: Watched, *names: str, more: str = "") -> Page:
    """The gallery with these charts alone, all of them drawn."""
    watched.open(f"/p/churn/gallery?only={','.join(names)}{more}")
    for name in names:
        frame = watched.page.locator(f"#{name}")
        frame.scroll_into_view_if_needed()
        expect(frame).to_have_attribute("data-state", "full")
    return watched.page


def stroke(page: Page) -> str:
    found: str = page.locator(LINE).first.evaluate(
        "one => getComputedStyle(one).stroke"
    )
    return found


def test_every_kind_is_drawn_and_nothing_is_refused(vera: Watched) -> None:
    kinds = ("line", "bars", "histogram", "scatter", "forest", "heatmap")
    page = see(vera, *kinds)

    for kind in kinds:
        drawn = page.locator(f"#{kind} .main-svg").first.bounding_box()
        assert drawn
        assert drawn["width"] > 300
        assert drawn["height"] > 200
        said = page.locator(f"#{kind} figcaption").inner_text()
        label = page.locator(f"#{kind} [role=img]").get_attribute("aria-label")
        assert (label or "").startswith(said)
    assert serious(page) == []
    assert vera.said + vera.refused() == []


def test_an_empty_chart_says_so_and_a_broken_one_can_be_tried_again(
    vera: Watched,
) -> None:
    page = vera.page
    vera.open("/p/churn/gallery?only=empty")
    expect(page.locator("#empty")).to_contain_text("No predictions in March.")

    page.route("**/gallery/line", lambda route: route.fulfill(status=503, body="{}"))
    vera.open("/p/churn/gallery?only=line")
    expect(page.locator("#line")).to_contain_text("The server answered 503.")
    page.unroute("**/gallery/line")
    page.get_by_role("button", name="Try again").click()

    expect(page.locator(DRAWN).first).to_be_visible()
    assert vera.refused() == []


@pytest.mark.parametrize("by", ["the button", "the next poll"])
def test_a_chart_that_could_not_be_asked_for_comes_back_though_nothing_is_new(
    vera: Watched, by: str
) -> None:
    page = vera.page
    page.clock.install()
    line = see(vera, "line", more="&poll=60").locator("#line")

    page.route("**/gallery/line", lambda route: route.fulfill(status=503, body="{}"))
    page.clock.fast_forward(60_000)
    expect(line).to_contain_text("The server answered 503.")
    page.unroute("**/gallery/line")
    with page.expect_response("**/gallery/line") as answer:
        if by == "the button":
            page.get_by_role("button", name="Try again").click()
        else:
            page.clock.fast_forward(60_000)

    assert answer.value.status == 304
    expect(line).to_have_attribute("data-state", "full")
    expect(line.get_by_text("503")).to_be_hidden()


def test_an_empty_chart_that_comes_back_says_what_it_said(vera: Watched) -> None:
    page = vera.page
    page.clock.install()
    vera.open("/p/churn/gallery?only=empty&poll=60")
    empty = page.locator("#empty")
    expect(empty).to_contain_text("No predictions in March.")

    page.route("**/gallery/empty", lambda route: route.abort())
    page.clock.fast_forward(60_000)
    expect(empty).to_contain_text("No connection.")
    page.unroute("**/gallery/empty")
    page.clock.fast_forward(60_000)

    expect(empty).to_contain_text("No predictions in March.")


def test_where_the_session_is_over_a_chart_stays_and_leads_to_the_sign_in(
    vera: Watched,
) -> None:
    page = vera.page
    page.clock.install()
    see(vera, "line", more="&poll=60")

    page.context.clear_cookies()
    page.clock.fast_forward(60_000)

    told = page.get_by_role("status").filter(has_text="You are signed out.")
    expect(told).to_have_count(1)
    expect(page.locator("#line")).to_have_attribute("data-state", "full")
    told.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "next=/p/churn/gallery" in page.url.replace("%2F", "/")
    assert vera.said == []


def test_the_words_of_marks_that_are_near_do_not_lie_over_each_other(
    vera: Watched,
) -> None:
    words = see(vera, "line").locator("#line .shapelayer text")

    expect(words.filter(has_text="Version 7 live")).to_be_visible()
    expect(words.filter(has_text="The campaign starts")).to_be_hidden()
    expect(words.filter(has_text="truth still arriving")).to_be_visible()


def test_colours_follow_the_theme(vera: Watched) -> None:
    page = see(vera, "line")
    light = stroke(page)

    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        f"old => getComputedStyle(document.querySelector('{LINE}')).stroke != old",
        arg=light,
    )
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.wait_for_function(
        f"old => getComputedStyle(document.querySelector('{LINE}')).stroke == old",
        arg=light,
    )


def test_the_table_opens_by_keyboard_and_leads_to_the_rows(vera: Watched) -> None:
    page = see(vera, "line")

    page.locator("#line summary").focus()
    page.keyboard.press("Enter")

    table = page.locator("#line table")
    expect(table.locator("tbody tr")).to_have_count(8)
    expect(table.locator("tbody tr").nth(2)).to_contain_text("—")
    day = table.get_by_role("link", name="2026-03-01")
    expect(day).to_have_attribute("href", "/p/churn/predictions?day=2026-03-01")
    assert serious(page) == []


def test_zooming_one_chart_zooms_the_others(vera: Watched) -> None:
    page = see(vera, "line", "heatmap")
    whole = page.evaluate(
        "document.querySelector('#heatmap .drawing').layout.xaxis.range"
    )
    box = page.locator("#line .nsewdrag").first.bounding_box()
    assert box

    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(
        box["x"] + box["width"] * 0.6, box["y"] + box["height"] / 2, steps=5
    )
    page.mouse.up()

    page.wait_for_function(
        """whole => {
          const seen = document.querySelector('#heatmap .drawing').layout.xaxis.range;
          return seen[0] > whole[0] && seen[1] < whole[1];
        }""",
        arg=whole,
    )


def test_a_click_on_a_point_leads_to_its_rows(vera: Watched) -> None:
    page = see(vera, "line")
    point: Any = page.locator("#line .points path").nth(2).bounding_box()

    def clicked() -> bool:
        page.mouse.move(point["x"] - 5, point["y"] + 3)
        page.mouse.move(point["x"] + 3, point["y"] + 3, steps=3)
        expect(page.locator("#line .hoverlayer")).to_contain_text("Version 7")
        page.mouse.down()
        page.mouse.up()
        with suppress(TimeoutError):
            page.wait_for_url("**/p/churn/predictions?day=*", timeout=20_000)
        return "/p/churn/predictions?day=" in page.url

    # A click that meets a chart while it is drawn anew, for a new width, is lost.
    assert any(clicked() for _ in range(5))


def test_nothing_jumps_and_a_phone_is_wide_enough(vera: Watched) -> None:
    page = vera.page
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    vera.open("/p/churn/gallery?only=line")
    frame = page.locator("#line")
    before = frame.bounding_box()
    expect(frame).to_have_attribute("data-state", "full")
    after = frame.bounding_box()

    assert before
    assert after
    assert before["height"] == after["height"]
    assert page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )
