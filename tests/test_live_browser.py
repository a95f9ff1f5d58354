"""In a browser: a run fills up before one's eyes, and a rollout goes by its controls."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import expect

from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.orchestrator.foreground import work_through
from registry.models import Project, Run
from serving import rollout
from tests.browsing import Watched
from tests.factories import make_dataset, make_frame, make_project
from tests.full_project import make_full_project, make_people

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_chromium]
LONG = 300_000  # milliseconds that a run may take on a busy machine


@pytest.fixture
def churn() -> Project:
    project = make_project()
    make_people(project)
    make_dataset(project, frame=make_frame(500))
    return project


def work_on(run: Run) -> threading.Thread:
    """A worker beside the web server, as in a real house."""

    def work() -> None:
        try:
            work_through(run, tell=lambda _run, _steps: None)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.usefixtures("few_trials")
def test_a_run_fills_up_until_it_is_over(
    enter: Callable[..., Watched], churn: Project
) -> None:
    watched = enter("Owen")
    page = watched.page
    watched.open("/p/churn/runs")
    page.get_by_label("Seconds to build in").first.fill("600")
    page.get_by_role("button", name="Start a run").click()
    expect(page.get_by_role("heading", name="Run 1")).to_be_visible()
    page.evaluate("window.loadedOnce = true")

    worker = work_on(Run.objects.get())
    try:
        folded = page.locator("#log-extract")
        while folded.get_attribute("open", timeout=LONG) is None:
            folded.locator("summary").click()  # may meet it while it is renewed
        steps = page.locator(".steps > li")
        expect(steps.nth(2)).to_have_attribute("data-state", "succeeded", timeout=LONG)
        expect(folded).to_have_attribute("open", "")  # nothing folds up meanwhile
        expect(page.locator("#board tbody")).to_contain_text("trial 1", timeout=LONG)
        expect(page.get_by_role("heading", name="The verdict")).to_be_visible(
            timeout=LONG
        )
    finally:
        worker.join()
    expect(page.locator("#run[hx-get]")).to_have_count(0, timeout=LONG)
    assert page.evaluate("window.loadedOnce")  # all of it in one page
    assert watched.said + watched.refused() == []


def test_a_run_that_nothing_happens_to_is_answered_without_a_body(
    enter: Callable[..., Watched], churn: Project
) -> None:
    Run.objects.create(
        project=churn, number=1, kind="pipeline", state="queued", budget_seconds=60
    )
    watched = enter("Vera")
    answers: list[int] = []
    watched.page.on(
        "response",
        lambda answer: (
            answers.append(answer.status) if "/runs/1" in answer.url else None
        ),
    )
    watched.open("/p/churn/runs/1")

    for _ in range(2):
        with watched.page.expect_response("**/runs/1"):
            pass

    assert answers[0] == 200
    assert set(answers[1:]) == {304}
    assert watched.said + watched.refused() == []


@pytest.mark.faults
@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("failure", ["no connection", "503"])
def test_a_lost_connection_is_told_once_until_it_is_back(
    enter: Callable[..., Watched], churn: Project, failure: str, changed: bool
) -> None:
    Run.objects.create(
        project=churn, number=1, kind="pipeline", state="queued", budget_seconds=60
    )
    page = enter("Vera").page
    page.clock.install()
    page.goto(f"{enter().root}/p/churn/runs/1")
    lost = page.get_by_text("Connection lost, trying again.")

    def break_it(route: Any) -> None:
        route.abort() if failure == "no connection" else route.fulfill(status=503)

    page.route("**/runs/1", break_it)
    for _ in range(3):
        with page.expect_request("**/runs/1"):
            page.clock.fast_forward(2_000)
        expect(lost).to_have_count(1)
    page.clock.fast_forward(15_000)
    expect(page.locator("#toasts > *")).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.unroute("**/runs/1")
    if changed:
        Run.objects.update(state="failed", error="It broke.")  # and asks no more
    page.clock.fast_forward(2_000)

    expect(lost).to_have_count(0)


def test_where_the_session_is_over_what_is_typed_stays(
    enter: Callable[..., Watched],
) -> None:
    make_full_project()
    page = enter("Ada").page
    page.clock.install()
    page.goto(f"{enter().root}/p/churn/rollout")
    reason = page.get_by_label("Reason, for the history").first
    reason.fill("The night was quiet.")
    page.context.clear_cookies()
    page.clock.fast_forward(6_000)
    told = page.get_by_role("status").filter(has_text="You are signed out.")
    expect(told).to_have_count(1)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for _ in range(3):
        page.clock.fast_forward(6_000)
    expect(told).to_have_count(1)
    expect(reason).to_have_value("The night was quiet.")
    assert not [url for url in asked if "?seen=" in url]


@pytest.mark.faults
def test_what_is_lost_on_its_way_is_said_by_what_it_was(
    enter: Callable[..., Watched],
) -> None:
    make_full_project()
    watched = enter("Ada")
    page = watched.page
    told = page.get_by_role("alert")

    watched.open("/p/churn/try")
    page.route("**/p/churn/**", lambda route: route.abort())
    page.get_by_role("button", name="Predict").click()
    expect(told).to_have_text("No connection. What you sent was not stored; try again.")
    page.unroute("**/p/churn/**")

    watched.open("/p/churn/rollout")
    page.route("**/p/churn/**", lambda route: route.abort())
    page.get_by_label("User or entity").fill("ann")
    expect(told).to_have_text("No connection. Try again.")


def test_a_rollout_is_aimed_asked_and_taken_back(
    enter: Callable[..., Watched],
) -> None:
    project = make_full_project()
    watched = enter("Ada")
    page = watched.page
    watched.open("/p/churn/rollout")

    page.get_by_role("slider").focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#percent")).to_have_value("35")
    page.get_by_role("button", name="Set the share").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#percent")).to_have_value("30")

    page.get_by_text("Edit the targets").click()
    page.get_by_label("Attribute", exact=True).first.fill("plan")
    page.get_by_label("Is one of").first.fill("gold")
    page.get_by_role("button", name="Save the targets").click()
    expect(page.get_by_text("The targets are changed.")).to_be_visible()
    page.wait_for_load_state()
    page.get_by_label("User or entity").fill("ann")
    page.get_by_label("Attributes").fill("plan=gold")
    expect(page.locator("#who")).to_contain_text("Target 1 speaks of it.")
    expect(page.locator("#who")).to_contain_text("version 2")

    page.get_by_label("Reason, for the history").fill("It was promised.")
    page.get_by_role("button", name="Promote version 2").click()
    expect(page.locator(".history li").first).to_contain_text("It was promised.")
    assert rollout.of_project(project).live.number == 2
    expect(page.get_by_text("lets that one answer again")).to_be_visible()
    page.get_by_role("button", name="Back to version 1").click()
    expect(page.get_by_text("Rolled back.")).to_be_visible()
    assert rollout.of_project(project).live.number == 1
    assert watched.said + watched.refused() == []


def test_of_two_tabs_the_second_is_told_what_the_first_did(
    enter: Callable[..., Watched],
) -> None:
    project: Any = make_full_project()
    first, second = enter("Ada"), enter("Ada")
    first.open("/p/churn/rollout")
    second.open("/p/churn/rollout")

    first.page.get_by_role("button", name="Hold").click()
    expect(first.page.get_by_text("Held: the share stays")).to_be_visible()
    reason = second.page.get_by_label("Reason, for the history")
    reason.fill("It is time.")
    second.page.get_by_role("button", name="Promote version 2").click()

    told = second.page.get_by_role("alert")
    expect(told).to_contain_text("Version 2 was held at 30 % (Ada, ")
    expect(told).to_be_focused()
    expect(reason).to_have_value("It is time.")
    assert rollout.of_project(project).live.number == 1
    second.page.get_by_role("button", name="Promote version 2").click()
    expect(second.page.locator(".history li").first).to_contain_text("It is time.")
    assert rollout.of_project(project).live.number == 2


def test_trying_it_answers_beside_the_form(enter: Callable[..., Watched]) -> None:
    make_full_project()
    watched = enter("Vera")
    page = watched.page
    watched.open("/p/churn/try")

    page.get_by_label("tenure").fill("3")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator("#tried .answer")).to_have_text("Yes")
    expect(page.locator("#text-1")).to_contain_text('"tenure": 3')
    page.locator("summary", has_text="JavaScript").click()
    expect(page.locator("#text-3")).to_be_visible()
    page.get_by_label("monthly_charges").fill("")
    page.get_by_role("button", name="Predict").click()
    expect(page.get_by_role("alert")).to_contain_text("monthly_charges")
    missing = page.get_by_label("monthly_charges")
    expect(missing).to_be_focused()
    expect(missing).to_have_attribute("aria-invalid", "true")
    expect(missing).to_have_accessible_description("This field is required.")
    expect(page.get_by_label("tenure")).to_have_value("3")
    assert watched.said + watched.refused() == []


def test_a_row_of_the_log_goes_to_an_expert(enter: Callable[..., Watched]) -> None:
    project = make_full_project()
    before = project.examples.count()
    watched = enter("Owen")
    page = watched.page
    watched.open("/p/churn/predictions?entity=C1")  # of others one waits already

    page.get_by_role("button", name="Label this prediction").click()

    expect(page.get_by_text("It waits in the labelling queue")).to_be_visible()
    assert page.url.endswith("?entity=C1")
    assert project.examples.count() == before + 1
    assert watched.said + watched.refused() == []


def test_the_forms_need_no_javascript(enter: Callable[..., Watched]) -> None:
    project = make_full_project()
    watched = enter("Ada", java_script_enabled=False)
    page = watched.page

    watched.open("/p/churn/try")
    page.get_by_label("tenure").fill("3")
    page.get_by_role("button", name="Predict").click()
    expect(page.locator(".answer")).to_have_text("Yes")

    watched.open("/p/churn/rollout")
    page.get_by_label("Share of users").fill("30.5")
    page.get_by_role("button", name="Set the share").click()
    expect(page.get_by_text("The share is changed.")).to_be_visible()
    assert float(rollout.of_project(project).percent) == 30.5
    page.get_by_label("User or entity").fill("ann")
    page.get_by_role("button", name="Tell").click()
    expect(page.get_by_text("No target speaks of it.")).to_be_visible()
    page.get_by_role("link", name="Rollout").first.click()

    watched.open("/p/churn/runs")
    page.get_by_role("button", name="Start a run").click()
    expect(page.get_by_role("link", name="Load again")).to_be_visible()
