"""The monitor page in a browser: what is chosen stands in the address, a brushed span
counts for every chart, a slider prices another threshold."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from monitoring.models import Alert, DayBucket, HourBucket
from registry.models import Project
from tests.browsing import Watched
from tests.full_project import make_full_project

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.needs_chromium,
]


@pytest.fixture
def owen(enter: Callable[..., Watched]) -> Watched:
    make_full_project()
    Project.objects.update(silence="unknown")
    return enter("Owen")


def near(page: Page, name: str) -> Locator:
    """A chart of the page, drawn or empty."""
    figure = page.locator(f"#{name}")
    figure.scroll_into_view_if_needed()
    expect(figure).not_to_have_attribute("data-state", "loading")
    return figure


def test_every_chart_is_there_and_nothing_is_refused(owen: Watched) -> None:
    owen.open("/p/churn/monitor")
    figures = owen.page.locator("figure[data-chart]")

    for place in range(figures.count()):
        name = figures.nth(place).get_attribute("id") or ""
        state = near(owen.page, name).get_attribute("data-state")
        assert state in {"full", "empty"}, name
    owen.page.set_viewport_size({"width": 900, "height": 900})
    owen.page.emulate_media(color_scheme="dark")
    owen.page.wait_for_function(
        """() => [...document.querySelectorAll('.drawing')].every(
          (one) => !one.layout || one.layout.width === one.clientWidth)"""
    )
    assert owen.said + owen.refused() == []


def test_a_column_leads_to_its_own_drift(owen: Watched) -> None:
    page = owen.page
    owen.open("/p/churn/data")

    page.get_by_role("link", name="Drift of contract").click()

    expect(page.get_by_label("Input compared")).to_have_value("contract")
    expect(page.locator("#feature")).to_be_in_viewport()


def test_a_choice_stands_in_the_address_and_back_undoes_it(owen: Watched) -> None:
    page = owen.page
    owen.open("/p/churn/monitor")

    page.get_by_role("link", name="7 days").click()
    page.wait_for_url("**period=7d**")
    page.get_by_label("By", exact=True).select_option("hour")
    page.wait_for_url("**bucket=hour**")
    assert "period=7d" in page.url
    expect(page.get_by_role("link", name="7 days")).to_have_attribute(
        "aria-current", "true"
    )
    page.go_back()
    expect(page.get_by_label("By", exact=True)).to_have_value("day")


def test_a_brushed_span_counts_for_all_and_is_kept_over_a_reload(
    owen: Watched,
) -> None:
    page = owen.page
    owen.open("/p/churn/monitor?period=7d")
    near(page, "mistakes")
    near(page, "traffic")
    box = page.locator("#traffic .nsewdrag").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + 20, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + 60, steps=4)
    with page.expect_response("**/charts/mistakes?*from=*"):
        page.mouse.up()

    expect(page.locator("#brushed")).to_contain_text("Only ")
    expect(page.locator("#mistakes")).to_have_attribute("data-state", "empty")
    assert "from=" in page.url
    page.get_by_role("button", name="Show the whole period").click()
    expect(page.locator("#brushed")).to_be_hidden()
    expect(page.locator("#mistakes")).to_have_attribute("data-state", "full")
    assert "from=" not in page.url


def test_the_slider_prices_another_threshold(owen: Watched) -> None:
    page = owen.page
    owen.open("/p/churn/monitor")
    near(page, "threshold")
    words = page.locator("#threshold-words")
    expect(words).to_contain_text("USD a prediction")
    before = words.inner_text()

    slider = page.get_by_role("slider")
    slider.focus()
    page.keyboard.press("End")

    score = page.locator("#threshold-at").inner_text()
    expect(slider).to_have_attribute("aria-valuetext", score)  # not which step it is
    expect(words).not_to_have_text(before)
    expect(words).to_contain_text("0 % of predictions are acted on")
    needle = "document.querySelector('#threshold .drawing').layout.shapes[0].x0"
    page.wait_for_function(f"{needle} > 0.5")
    page.keyboard.press("Home")
    expect(words).to_contain_text("Costs 60 USD a prediction")  # an offer to everybody


def test_a_note_is_written_without_a_script(
    owen: Watched, enter: Callable[..., Watched]
) -> None:
    plain = enter("Owen", java_script_enabled=False)
    plain.page.goto(f"{owen.root}/p/churn/monitor?period=7d")

    plain.page.get_by_label("Your own words on what happened").fill("New prices")
    plain.page.get_by_role("button", name="Write it down").click()

    expect(plain.page.get_by_text("New prices").first).to_be_visible()
    assert plain.page.url.endswith("?period=7d")


def test_what_is_above_the_charts_goes_on_with_them(owen: Watched) -> None:
    page = owen.page
    page.clock.install()
    owen.open("/p/churn/monitor?period=7d")
    told = page.locator("main .verdict")
    expect(told).to_have_text("An alert fires and needs somebody: performance.")
    told.evaluate("(one) => { window.told = one; }")
    link = page.locator("main").get_by_role("link", name="Alerts")
    link.focus()
    before = page.locator(".stat .value").first.inner_text()

    Alert.objects.update(state="resolved")
    HourBucket.objects.update(n=4321)
    DayBucket.objects.update(n=4321)
    page.clock.fast_forward(60_000)

    expect(told).to_contain_text("Nothing is wrong, as far as it is known: ")
    expect(told).to_have_role("status")
    assert page.evaluate("window.told.isConnected")
    answers = page.locator(".stat", has_text="Answers of this period").locator(".value")
    expect(answers).not_to_have_text(before)
    expect(told).to_contain_text(f"{answers.inner_text()} answers of version 1")
    expect(page.locator(".stat")).to_have_count(4)
    expect(link).to_be_focused()
    assert owen.said + owen.refused() == []


def test_a_chart_that_nobody_came_near_is_not_asked_for(owen: Watched) -> None:
    page, asked = owen.page, list[str]()
    page.clock.install()
    page.on("request", lambda request: asked.append(request.url))
    owen.open("/p/churn/monitor")
    near(page, "metric")

    for _ in range(2):
        with page.expect_response("**/charts/metric"):
            page.clock.fast_forward(60_000)

    assert [one for one in asked if "/charts/metric" in one]
    assert not [one for one in asked if "/charts/traffic" in one]
    near(page, "traffic")
    expect(page.locator("#traffic")).to_have_attribute("data-state", "full")
