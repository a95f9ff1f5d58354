"""Parts of pages that ask for themselves change nothing under somebody's hand: neither
while a question stands open nor while a button is pressed."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from registry import jobs
from registry.models import Job, User
from tests.browsing import Watched
from tests.factories import make_project
from tests.full_project import make_people
from tests.watching import eventually

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_chromium]


def late_news(page: Page, job: Job) -> list[Route]:
    """The part asks, and what it gets stays on its way until the test lets it come."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(
            route
        ) if "hx-request" in route.request.headers else route.continue_()

    page.route("**/operator", keep)
    page.clock.fast_forward(6_000)
    eventually(lambda: page.evaluate("1") and held)
    Job.objects.filter(pk=job.pk).update(message="Half of the rows")
    return held


def let_come(page: Page, held: list[Route]) -> None:
    with page.expect_response("**/operator") as answer:
        held[0].continue_()
    answer.value.finished()


@pytest.fixture
def operator(enter: Callable[..., Watched]) -> tuple[Watched, Job]:
    project = make_project()
    make_people(project)
    job = jobs.enqueue(
        task="serving.score", lane=Job.Lane.LONG, by=None, project=project, args={}
    )
    User.objects.filter(username="Ada").update(is_staff=True)
    watched = enter("Ada")
    watched.page.clock.install()
    watched.open("/operator")
    return watched, job


def test_a_question_is_answered_however_much_is_new_meanwhile(
    operator: tuple[Watched, Job],
) -> None:
    watched, job = operator
    page = watched.page
    held = late_news(page, job)
    page.get_by_role("button", name="Stop").click()
    sure = page.get_by_role("dialog").get_by_role("button", name="Stop")
    expect(sure).to_be_visible()
    let_come(page, held)
    page.clock.fast_forward(6_000)
    page.evaluate("1")
    assert len(held) == 1  # it asks no more until somebody has answered
    page.unroute("**/operator")

    sure.click()

    expect(page.get_by_text("Nothing to do.")).to_be_visible()
    assert Job.objects.get().state == "cancelled"
    assert watched.said + watched.refused() == []


def test_a_button_that_is_pressed_is_not_changed_before_it_is_let_go(
    operator: tuple[Watched, Job],
) -> None:
    watched, job = operator
    page = watched.page
    held = late_news(page, job)
    page.get_by_role("button", name="Stop").hover()
    page.mouse.down()
    let_come(page, held)
    page.mouse.up()
    expect(page.get_by_role("dialog")).to_contain_text("Stop this job?")
    page.unroute("**/operator")  # before it may ask again, or that is held for ever
    page.keyboard.press("Escape")
    page.clock.fast_forward(6_000)
    expect(page.get_by_text("Half of the rows")).to_be_visible()  # with the next look
    assert watched.said + watched.refused() == []


def test_a_menu_that_was_asked_for_keeps_nothing_from_being_renewed(
    operator: tuple[Watched, Job],
) -> None:
    watched, job = operator
    page = watched.page
    stop = page.get_by_role("button", name="Stop")
    stop.hover()
    page.mouse.down(
        button="right"
    )  # and is let go over the menu: the page hears nothing
    Job.objects.filter(pk=job.pk).update(message="Half of the rows")
    page.clock.fast_forward(6_000)

    expect(page.get_by_text("Half of the rows")).to_be_visible()
    assert watched.said + watched.refused() == []
