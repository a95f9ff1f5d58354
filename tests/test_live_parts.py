"""Parts of pages that ask for themselves: silent while nothing is new, and nobody who
goes by keyboard loses their place when something is."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from labelling.labeller import intake_jobs
from mlsystem import bring  # noqa: F401  # registers the tasks
from monitoring.models import Glance
from registry import drafts, intake, jobs
from registry.clock import now
from registry.models import Draft, Job, Project, Run, User
from serving import rollout
from serving.models import Rollout
from tests.browsing import Watched
from tests.factories import (
    make_canary,
    make_dataset,
    make_project,
    make_serving,
    make_version,
    sign_in,
)
from tests.full_project import make_people
from tests.test_alert_pages import make_alert

WAITS = 20_000  # milliseconds in which a part asks again, on a busy machine


def going_on(task: str, project: Project | None = None, **args: str) -> Job:
    job = jobs.enqueue(
        task=task, lane=Job.Lane.LONG, by=None, project=project, args=args
    )
    Job.objects.filter(pk=job.pk).update(message="The first rows")
    return job


def a_draft() -> tuple[str, Job]:
    job = going_on(drafts.TASK)
    ada = User.objects.get(username="Ada")
    return f"/new/{Draft.objects.create(user=ada, name='late.csv', job=job).pk}", job


def an_import() -> tuple[str, Job]:
    job = going_on(intake.TASK, Project.objects.get(), name="march.csv")
    return f"/p/churn/data/imports/{job.pk}", job


def examples() -> tuple[str, Job]:
    project = Project.objects.get()
    bad = [{"row": 3, "message": "It has no text."}]
    done = going_on(intake_jobs.TASK, project, name="first.csv")
    done.state, done.finished_at = "succeeded", now()
    done.result = {"created": 1, "duplicates": 0, "failed": 1, "errors": bad}
    done.save()
    return "/p/churn/examples/import", going_on(
        intake_jobs.TASK, project, name="second.csv"
    )


def a_first_run() -> tuple[str, Job]:
    project = Project.objects.get()
    run = Run.objects.create(
        project=project, number=1, kind="pipeline", state="running", budget_seconds=60
    )
    job = going_on("mlsystem.step", project)
    run.steps.create(name="extract", position=0, state="running", job=job)
    return "/p/churn/start", job


# What goes on, and where in it somebody's keyboard is.
PARTS: dict[str, tuple[Callable[[], tuple[str, Job]], str]] = {
    "a draft that is read": (a_draft, "Forget this table…"),
    "a dataset that is imported": (an_import, "Cancel"),
    "examples that are imported": (examples, "Rows that were left out"),
    "a first run": (a_first_run, "Watch it closely"),
}
parts = pytest.mark.parametrize(
    ("begin", "words"), PARTS.values(), ids=[name.replace(" ", "-") for name in PARTS]
)


@pytest.fixture
def churn() -> Project:
    project = make_project()
    make_people(project)
    User.objects.filter(username="Ada").update(may_create_projects=True)
    make_dataset(project)
    return project


def asked(client: Client, address: str, etag: str = "") -> Any:
    headers = {"HX-Request": "true"} | ({"If-None-Match": etag} if etag else {})
    return client.get(address, headers=headers)


@pytest.mark.django_db
@pytest.mark.usefixtures("churn")
@parts
def test_a_part_answers_304_until_something_is_new(
    begin: Callable[[], tuple[str, Job]], words: str
) -> None:
    address, job = begin()
    ada = sign_in("Ada")
    first = asked(ada, address)
    assert words in first.content.decode()

    same = asked(ada, address, first.headers["ETag"])
    Job.objects.filter(pk=job.pk).update(progress=0.5, message="Half of the rows")
    other = asked(ada, address, first.headers["ETag"])

    assert (same.status_code, same.content) == (304, b"")
    assert other.status_code == 200
    assert "Half of the rows" in other.content.decode()


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("churn")
@parts
def test_who_is_on_a_button_stays_there(
    enter: Callable[..., Watched], begin: Callable[[], tuple[str, Job]], words: str
) -> None:
    address, job = begin()
    watched = enter("Ada")
    watched.open(address)
    page = watched.page
    held = page.locator("main").get_by_text(words, exact=True)
    held.focus()
    expect(held).to_be_focused()

    Job.objects.filter(pk=job.pk).update(progress=0.5, message="Half of the rows")

    expect(page.get_by_text("Half of the rows")).to_be_visible(timeout=WAITS)
    expect(held).to_be_focused()
    assert watched.said + watched.refused() == []


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
def test_the_start_page_knows_by_itself_that_the_run_is_over(
    enter: Callable[..., Watched], churn: Project
) -> None:
    address, _ = a_first_run()
    served = make_serving(churn)
    watched = enter("Ada")
    watched.open(address)
    page = watched.page
    expect(page.get_by_text("Now let it learn")).to_be_visible()
    link = page.get_by_role("link", name="Watch it closely")
    link.focus()

    run = Run.objects.get()
    own = make_version(churn, kind="trained", name="tree of decisions", run=run)
    Rollout.objects.filter(pk=served.pk).update(live=own)
    Run.objects.update(state="succeeded", verdict="accepted")

    expect(page.get_by_text("A model of your own is live")).to_be_visible(timeout=WAITS)
    expect(page.locator("#learn")).to_have_attribute("data-state", "done")
    expect(page.get_by_role("link", name="the run", exact=True)).to_be_focused()
    assert page.locator("h1").count() == 1
    assert watched.said + watched.refused() == []


# What others do, and the tick, while a page is open


@pytest.mark.django_db
def test_the_rollout_page_asks_for_news_alone(churn: Project) -> None:
    row = make_serving(churn)
    ada, address = sign_in("Ada"), f"/p/churn/rollout?seen={row.revision}"
    first = asked(ada, address)

    same = asked(ada, address, first.headers["ETag"])
    make_canary(churn, percent=30)
    other = asked(ada, address, first.headers["ETag"])

    assert (same.status_code, same.content) == (304, b"")
    assert other.status_code == 200
    assert "is another than this page shows" in other.content.decode()
    assert "30" in other.content.decode()
    assert "<form" not in other.content.decode()
    assert asked(ada, "/p/churn/rollout?seen=x").status_code == 200


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
def test_what_is_typed_stays_when_the_tick_rolls_back(
    enter: Callable[..., Watched], churn: Project
) -> None:
    make_serving(churn)
    row = make_canary(churn, percent=30)
    watched = enter("Ada")
    watched.open("/p/churn/rollout")
    page = watched.page
    reason = page.get_by_label("Reason, for the history").first
    reason.fill("It is time.")

    rollout.rollback(
        rollout=row, by="the plan", revision=row.revision, reason="Errors."
    )

    told = page.locator("#news")
    expect(told).to_contain_text("is another than this page shows", timeout=WAITS)
    expect(told).to_contain_text("Errors.")
    expect(reason).to_have_value("It is time.")
    expect(reason).to_be_focused()
    told.get_by_role("link", name="Show it as it is now").click()
    expect(
        page.get_by_role("heading", name="Version 1 answers everyone")
    ).to_be_visible()
    expect(told).to_be_hidden()
    assert watched.said + watched.refused() == []


@pytest.mark.django_db
def test_the_alerts_page_asks_for_what_is_open_alone(churn: Project) -> None:
    alert = make_alert(churn)
    ada = sign_in("Ada")
    ada.get("/p/churn/alerts")
    seen = Glance.objects.get().at
    first = asked(ada, "/p/churn/alerts")
    assert "I look after it" in first.content.decode()
    assert "What is watched" not in first.content.decode()

    same = asked(ada, "/p/churn/alerts", first.headers["ETag"])
    alert.message = "It costs even more."
    alert.save()
    other = asked(ada, "/p/churn/alerts", first.headers["ETag"])

    assert (same.status_code, same.content) == (304, b"")
    assert "It costs even more." in other.content.decode()
    assert Glance.objects.get().at == seen  # who only leaves it open does not look


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
def test_an_alert_that_fires_is_seen_without_a_reload(
    enter: Callable[..., Watched], churn: Project
) -> None:
    first = make_alert(churn)
    watched = enter("Ada")
    watched.open("/p/churn/alerts")
    page = watched.page
    button = page.get_by_role("button", name="Mute for a day")
    button.focus()

    make_alert(churn, "failures")

    expect(page.get_by_text("2 need you now.")).to_be_visible(timeout=WAITS)
    expect(page.locator("article.alert")).to_have_count(2)
    expect(page.locator(f"#alert-{first.pk}-mute")).to_be_focused()
    assert page.locator("h1").count() == 1
    assert watched.said + watched.refused() == []


@pytest.mark.needs_chromium
@pytest.mark.django_db(transaction=True)
def test_who_hears_the_page_hears_of_an_alert_and_stays_where_they_are(
    enter: Callable[..., Watched], churn: Project
) -> None:
    make_alert(churn)
    watched = enter("Ada")
    watched.open("/p/churn/alerts")
    page = watched.page
    told = page.locator("main").get_by_role("status")
    expect(told).to_have_text("1 needs you now.")
    told.evaluate("(one) => { window.told = one; }")
    link = page.locator("main").get_by_role("link", name="Monitor")
    link.focus()

    make_alert(churn, "failures")

    expect(told).to_have_text("2 need you now.", timeout=WAITS)
    # A new element is read out by no screen reader; new words in a known one are.
    assert page.evaluate("window.told.isConnected")
    expect(link).to_be_focused()
    assert watched.said + watched.refused() == []


@pytest.mark.django_db
def test_the_last_alert_that_ends_meanwhile_is_one_click_away(churn: Project) -> None:
    alert = make_alert(churn)
    ada = sign_in("Ada")
    first = asked(ada, "/p/churn/alerts")

    alert.state, alert.resolved_at = "resolved", now()
    alert.save()
    part = asked(ada, "/p/churn/alerts", first.headers["ETag"]).content.decode()

    assert "Nothing is open" in part
    assert "What was wrong is over." in part
    assert "below" not in part
    assert '<a class="button primary" href="/p/churn/alerts">Show it</a>' in part
    page = ada.get("/p/churn/alerts").content.decode()
    assert "stands below" in page
    assert "Alerts that are over" in page
    assert "Show it" not in page


@pytest.mark.django_db
def test_an_alert_that_came_and_went_between_two_looks_is_told(churn: Project) -> None:
    ada = sign_in("Ada")
    first = asked(ada, "/p/churn/alerts")
    assert "Nothing has been wrong so far." in first.content.decode()

    make_alert(churn, state="resolved", resolved_at=now())
    other = asked(ada, "/p/churn/alerts", first.headers["ETag"])

    assert other.status_code == 200
    assert "What was wrong is over." in other.content.decode()
