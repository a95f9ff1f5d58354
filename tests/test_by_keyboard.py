"""From a run to a rollout and back with the keyboard alone: no mouse, no finger."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils.timezone import now
from playwright.sync_api import Locator, Page, expect

from registry.models import Run
from serving import rollout
from tests.browsing import Watched
from tests.factories import make_dataset, make_frame, make_project, make_version
from tests.full_project import make_people, make_trained

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_chromium]
FAR = 80  # presses of Tab; the longest page has fewer stops


def go_to(page: Page, wanted: Locator) -> None:
    """By Tab, from wherever the focus is."""
    expect(wanted).to_be_visible()
    for _ in range(FAR):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement"):
            return
    pytest.fail(f"Tab never came to {wanted}.")


def skip_to_content(page: Page) -> None:
    """A page that a link led to begins at its top: one Tab, and Enter."""
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    stay_in_content(page)


def stay_in_content(page: Page) -> None:
    """What a form leads to begins there again, for whoever had skipped to it."""
    expect(page.locator("#content")).to_be_focused()


def choose(page: Page, select: Locator, value: str) -> None:
    """By its first letter: the second of a word may come too late to count with it."""
    go_to(page, select)
    page.keyboard.press(value[0])
    expect(select).to_have_value(value)


def test_a_run_becomes_a_canary_goes_live_and_back_by_keyboard_alone(
    enter: Callable[..., Watched],
) -> None:
    project: Any = make_project()
    make_people(project)
    dataset = make_dataset(project, frame=make_frame(240))
    rollout.open_with_baseline(
        project=project, version=make_version(project, dataset=dataset)
    )
    watched = enter("Ada")
    page = watched.page
    button = page.get_by_role("button", name="Start a run", exact=True)

    watched.open("/p/churn/runs")
    skip_to_content(page)
    go_to(page, button)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Run 1")).to_be_visible()
    stay_in_content(page)
    go_to(page, page.get_by_role("button", name="Cancel the run"))
    finish(Run.objects.get(), dataset)
    expect(page.get_by_role("heading", name="The verdict")).to_be_visible()
    expect(page.locator("#run")).to_be_focused()  # its button is gone, its place is not
    go_to(page, page.locator("#run").get_by_role("link", name="Rollout"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Rollout", exact=True)).to_be_visible()
    skip_to_content(page)
    choose(page, page.get_by_label("How"), "canary")
    go_to(page, page.get_by_role("button", name="Start the rollout"))
    page.keyboard.press("Enter")

    expect(page.get_by_role("button", name="Promote version 2")).to_be_visible()
    assert rollout.of_project(project).candidate.number == 2
    stay_in_content(page)
    go_to(page, page.get_by_role("button", name="Promote version 2"))
    page.keyboard.press("Enter")

    expect(page.get_by_text("Promoted: the candidate is live.")).to_be_visible()
    assert rollout.of_project(project).live.number == 2
    stay_in_content(page)
    go_to(page, page.get_by_role("button", name="Back to version 1"))
    page.keyboard.press("Space")

    expect(page.get_by_text("Rolled back.")).to_be_visible()
    stay_in_content(page)
    assert rollout.of_project(project).live.number == 1
    assert watched.said + watched.refused() == []


def finish(run: Run, dataset: Any) -> None:
    """What a worker would find: a version that the gate accepted."""
    make_trained(run.project, run=run, dataset=dataset)
    reason = {"rule": "margin", "passed": True, "text": "Better.", "numbers": {}}
    Run.objects.filter(pk=run.pk).update(
        state="succeeded",
        verdict="accepted",
        reasons=[reason],
        report={"version": 2, "next": "It waits for traffic."},
        started_at=now(),
        finished_at=now(),
    )
