"""A table of one's own in a browser: from upload over a run to an answer by curl; by
keyboard alone, without a script, on a phone, readable in both themes."""

import json
import re
import shlex
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Page, expect

from mlsystem import bring, tasks  # noqa: F401  # registers the tasks
from mlsystem.orchestrator.foreground import work_through
from registry import drafts, jobs
from registry import tasks as registry_tasks  # noqa: F401
from registry.models import Draft, Job, Project, Run, User
from serving.models import Rollout
from tests.browsing import PHONE, Watched, look_around
from tests.test_create_project import deliveries, write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.needs_chromium]
LONG = 300_000  # milliseconds that a run may take on a busy machine
Enter = Callable[..., Watched]


@pytest.fixture
def nina() -> User:
    """Somebody new, who may create projects."""
    return User.objects.create(username="Nina", may_create_projects=True)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return write(tmp_path / "late-orders.csv", deliveries(1500))


@pytest.fixture
def working() -> Iterator[Callable[[Run], None]]:
    """A worker beside the web server, as in a real house."""
    threads: list[threading.Thread] = []

    def work(run: Run) -> None:
        try:
            work_through(run, tell=lambda _run, _steps: None)
        finally:
            connections.close_all()

    def start(run: Run) -> None:
        threads.append(threading.Thread(target=work, args=(run,)))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()


def go_on(page: Page, place: str) -> None:
    page.get_by_role("button", name="Go on").click()
    page.wait_for_url(f"**/{place}")


def upload(page: Page, table: Path) -> None:
    page.get_by_label("Your file").set_input_files(table)
    page.get_by_role("button", name="Read the table").click()
    page.wait_for_url("**/target")


@pytest.mark.usefixtures("few_trials", "nina")
def test_a_table_becomes_a_model_and_a_line_to_paste(
    enter: Enter, table: Path, working: Callable[[Run], None]
) -> None:
    watched = enter("Nina", permissions=["clipboard-read", "clipboard-write"])
    page = watched.page
    watched.open("/new")

    upload(page, table)
    expect(page.get_by_label("Column to predict")).to_have_value("late")
    go_on(page, "columns")
    expect(page.get_by_label("Use order_id")).not_to_be_checked()
    go_on(page, "value")
    page.get_by_label("It depends on what is done").check()
    page.get_by_label("Action 1", exact=True).fill("send")
    page.get_by_label("Cost of action 1 where it was yes").fill("30")
    page.get_by_label("Action 2", exact=True).fill("call")
    page.get_by_label("Cost of action 2 where it was yes").fill("15")
    page.get_by_label("Cost of action 2 where it was no").fill("15")
    expect(page.get_by_text("Where yes is at least 50 % likely: call.")).to_be_visible()
    go_on(page, "baseline")
    page.get_by_label("A rule that you know").check()
    page.get_by_label("Column", exact=True).select_option("distance")
    page.get_by_label("Comparison").select_option(">")
    page.get_by_label("Value", exact=True).fill("16")
    page.get_by_role("button", name="Make the project").click(timeout=LONG)
    page.wait_for_url("**/start")
    expect(page.get_by_text("The baseline, “distance > 16”")).to_be_visible()

    page.get_by_label("10 minutes").check()  # of which it needs a few seconds
    page.get_by_role("button", name="Start a run").click()
    expect(page.get_by_role("link", name="Watch it closely")).to_be_visible()
    working(Run.objects.get())
    again = page.get_by_role("button", name="Start another run")
    expect(again).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Put a key into it").click()
    expect(page.get_by_text("it is shown this once.")).to_be_visible()
    page.wait_for_load_state()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()

    line = page.evaluate("navigator.clipboard.readText()")
    answer = json.loads(subprocess.check_output(shlex.split(line.replace("\\\n", ""))))
    live = Rollout.objects.get().live
    assert answer["model"] == f"late-orders/{live.number}"
    assert answer["decision"]["action"] in {"send", "call"}
    back_and_forth(watched, Project.objects.get())
    assert watched.said + watched.refused() == []


def back_and_forth(watched: Watched, project: Project) -> None:
    """The rule comes back as a canary of the model that beat it, goes live, and goes."""
    page = watched.page

    def live() -> int:
        return Rollout.objects.get(project=project).live.number

    run = Run.objects.get()
    assert live() == 2, [(r["text"], r["passed"]) for r in run.reasons]
    watched.open(f"/p/{project.slug}/rollout")
    page.get_by_label("Candidate", exact=True).select_option("1")
    page.get_by_label("First share, %").fill("10")
    page.get_by_role("button", name="Start the rollout").click()
    page.get_by_role("slider").focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Set the share").click()
    expect(page.locator("#percent")).to_have_value("25")
    page.get_by_role("button", name="Promote version 1").click()
    expect(page.get_by_text("Promoted: the candidate is live.")).to_be_visible()
    assert live() == 1
    page.get_by_role("button", name="Back to version 2").click()
    expect(page.get_by_text("Rolled back.")).to_be_visible()
    assert live() == 2


def tab_to(page: Page, name: str, *, role: str | None = None) -> None:
    """Press Tab until the focus is on what is named so."""
    wanted = page.get_by_role(role, name=name, exact=True) if role else None  # type: ignore[arg-type]
    target = wanted or page.get_by_label(name, exact=True)
    for _ in range(80):
        if target.first.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"No way to {name!r} by Tab.")


@pytest.mark.usefixtures("nina")
def test_all_of_it_goes_by_keyboard(enter: Enter, table: Path) -> None:
    watched = enter("Nina")
    page = watched.page
    watched.open("/new")
    page.get_by_label("Your file").set_input_files(table)  # the system's own dialogue

    tab_to(page, "Read the table", role="button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/target")
    tab_to(page, "Name of the project")
    page.keyboard.press("Control+a")
    page.keyboard.type("By keyboard")
    page.keyboard.press("Enter")
    page.wait_for_url("**/columns")
    tab_to(page, "Use hour")
    page.keyboard.press("Space")
    tab_to(page, "Go on", role="button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/value")
    tab_to(page, "Days until the truth is known")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    page.wait_for_url("**/baseline")
    tab_to(page, "Make the project", role="button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/start")

    project = Project.objects.get(slug="by-keyboard")
    assert [f["name"] for f in project.fields] == ["distance", "weather"]
    assert project.horizon is not None
    assert project.horizon.days == 3
    assert watched.said + watched.refused() == []


@pytest.mark.usefixtures("nina")
@pytest.mark.parametrize(
    ("target", "costly"),
    [("late", "It depends on what is done"), ("distance", "Being off costs money")],
)
def test_who_knows_no_costs_is_asked_for_no_currency(
    enter: Enter, table: Path, target: str, costly: str
) -> None:
    page = enter("Nina", java_script_enabled=False).page
    page.goto(f"{enter().root}/new")
    upload(page, table)
    page.get_by_label("Column to predict").select_option(target)
    go_on(page, "columns")
    go_on(page, "value")
    currency = page.get_by_label("Currency")

    expect(page.get_by_label("I do not know")).to_be_checked()
    expect(currency).to_be_hidden()
    page.get_by_label(costly).check()
    expect(currency).to_be_visible()
    currency.fill("EUR")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert").first).to_be_visible()  # no cost is given yet
    expect(currency).to_have_value("EUR")
    expect(currency).to_be_visible()


@pytest.mark.usefixtures("nina")
def test_it_needs_no_script_and_fits_a_phone(enter: Enter, table: Path) -> None:
    page = enter("Nina", java_script_enabled=False, viewport=PHONE).page
    root = enter().root
    page.goto(f"{root}/new")

    upload(page, table)
    page.get_by_label("Short name in addresses").fill("No Script!")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("Use small letters")
    expect(page.get_by_label("Short name in addresses")).to_have_value("No Script!")
    page.get_by_label("Short name in addresses").fill("no-script")
    go_on(page, "columns")
    go_on(page, "value")
    go_on(page, "baseline")
    page.get_by_role("button", name="Make the project").click()

    expect(page.get_by_role("heading", name="It answers")).to_be_visible()
    page.get_by_role("button", name="Ask it now").click()
    expect(page.get_by_text("Answered as a test: it counts nowhere.")).to_be_visible()


@pytest.mark.usefixtures("nina")
def test_a_file_that_cannot_be_read_says_so_without_leaving_the_page(
    enter: Enter, table: Path, tmp_path: Path
) -> None:
    watched = enter("Nina")
    page = watched.page
    watched.open("/new")
    bad = tmp_path / "bad.csv"
    bad.write_bytes("name,late\nJosé,yes\n".encode("latin-1"))

    page.get_by_label("Your file").set_input_files(bad)
    page.get_by_role("button", name="Read the table").click()
    expect(page.get_by_role("alert")).to_contain_text("Save the file as UTF-8")
    assert page.url == f"{watched.root}/new"
    upload(page, table)  # the same page takes another file

    assert Draft.objects.get().name == "late-orders.csv"
    assert [said for said in watched.said if "status of 400" not in said] == []
    assert watched.refused() == []


@pytest.mark.usefixtures("nina")
def test_a_refusal_is_told_too_after_the_skip_link_was_used(
    enter: Enter, tmp_path: Path
) -> None:
    watched = enter("Nina")
    page = watched.page
    watched.open("/new")
    bad = tmp_path / "bad.csv"
    bad.write_bytes("name,late\nJosé,yes\n".encode("latin-1"))

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/new#content")
    page.get_by_label("Your file").set_input_files(bad)
    page.get_by_role("button", name="Read the table").click()

    expect(page.get_by_role("alert")).to_contain_text("Save the file as UTF-8")


@pytest.mark.usefixtures("nina")
def test_a_large_table_moves_on_by_itself_when_it_is_read_and_made(
    enter: Enter, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "AT_ONCE", 100)
    monkeypatch.setattr(bring, "AT_ONCE", 100)
    watched = enter("Nina")
    page = watched.page
    watched.open("/new")
    page.get_by_label("Your file").set_input_files(table)
    page.get_by_role("button", name="Read the table").click()

    expect(page.get_by_role("progressbar", name="Reading the table")).to_be_visible()
    jobs.work_here(Job.objects.get(task=drafts.TASK))
    page.wait_for_url("**/target")
    go_on(page, "columns")
    page.get_by_role("button", name="Skip the rest").click()
    expect(page.get_by_role("progressbar", name="Making the project")).to_be_visible()
    jobs.work_here(Job.objects.get(task=bring.TASK))

    page.wait_for_url("**/p/late-orders/start")
    assert watched.said + watched.refused() == []


@pytest.mark.usefixtures("nina")
def test_every_step_fits_and_is_readable(enter: Enter, tmp_path: Path) -> None:
    name = "A column with a name as long as people make them and then some"
    lines = [f"{line},word {i % 7} of many" for i, line in enumerate(deliveries(300))]
    table = write(
        tmp_path / "late-orders.csv",
        lines,
        f"order_id,distance,weather,hour,late,{name}",
    )
    watched = enter("Nina", reduced_motion="reduce")
    page, wrong = watched.page, list[str]()
    watched.open("/new")
    upload(page, table)
    page.get_by_label("Column to predict").select_option("late")

    def look() -> None:
        wrong.extend(look_around(watched))

    look()
    page.get_by_text("When and who").click()
    look()
    go_on(page, "columns")
    look()
    go_on(page, "value")
    page.get_by_label("It depends on what is done").check()
    look()
    page.get_by_label("I do not know").check()
    go_on(page, "baseline")
    page.get_by_label("A rule that you know").check()
    look()
    page.get_by_role("button", name="Make the project").click()
    page.get_by_role("alert").wait_for()  # the rule has no value yet
    look()
    page.get_by_label(re.compile("in all rows")).check()
    page.get_by_role("button", name="Make the project").click()
    page.wait_for_url("**/start")
    look()
    page.get_by_role("link", name="Look at the data").click()
    look()

    wrong += [s for s in watched.said if "status of 400" not in s] + watched.refused()
    assert not wrong, "\n".join(wrong)


@pytest.mark.usefixtures("nina")
def test_leaving_and_coming_back_finds_what_was_said(enter: Enter, table: Path) -> None:
    watched = enter("Nina")
    page: Any = watched.page
    watched.open("/new")
    upload(page, table)
    page.get_by_label("Name of the project").fill("Said once")
    go_on(page, "columns")
    page.get_by_label("Use hour").uncheck()
    go_on(page, "value")

    page.go_back()
    expect(page.get_by_label("Use hour")).not_to_be_checked()
    watched.open("/new")
    page.get_by_role("link", name="late-orders.csv").click()
    page.wait_for_url("**/value")
    page.get_by_role("link", name="What to predict").click()
    expect(page.get_by_label("Name of the project")).to_have_value("Said once")


def test_a_table_is_not_forgotten_before_one_has_said_so(
    enter: Enter, nina: User
) -> None:
    Draft.objects.create(user=nina, name="late-orders.csv", state="broken")
    watched = enter("Nina", java_script_enabled=False)
    page = watched.page
    watched.open("/new")

    page.get_by_label("Forget late-orders.csv").click()
    assert Draft.objects.exists()
    page.get_by_role("button", name="Forget it").click()

    expect(page.get_by_text("late-orders.csv is forgotten.")).to_be_visible()
    assert not Draft.objects.exists()
