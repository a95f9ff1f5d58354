"""The pages of runs: what a run did, what it found, how far it is, what starts one."""

from typing import Any

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from registry.clock import now
from registry.models import Project, Run, Schedule, Trial, User
from tests.factories import make_project
from tests.full_project import make_full_project, make_people, make_run

pytestmark = pytest.mark.django_db


def sign_in(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


def text(response: HttpResponse) -> str:
    return response.content.decode()


@pytest.fixture
def churn() -> Project:
    project = make_project()
    people = make_people(project)
    make_run(project, by=people["Owen"])
    return project


@pytest.fixture
def going_on(churn: Project) -> Run:
    run = Run.objects.get(number=2)
    run.state, run.error, run.started_at = "running", "", now()
    run.save()
    run.steps.create(name="extract", position=0, state="running", started_at=now())
    return run


def poll(client: Client, run: Run, etag: str = "") -> Any:
    headers = {"HX-Request": "true"} | ({"If-None-Match": etag} if etag else {})
    return client.get(f"/p/churn/runs/{run.number}", headers=headers)


def test_a_run_tells_every_step_with_what_it_left_and_found(churn: Project) -> None:
    page = text(sign_in("Vera").get("/p/churn/runs/1"))

    assert "168 rows to train on, 24 to validate, 48 sealed for the test." in page
    assert "New rows: 30 whose truth is known now and 5 that experts labelled" in page
    assert "3 of them only train, because they were chosen" in page
    assert "Left out: 10 repeated." in page
    assert "1 features on 192 rows, judged out of fold." in page
    assert "Left out: paperless" in page
    assert "240 rows." in page  # a finding
    assert "10:00:00 extract is done." in page  # its log, folded
    assert "Version 2 is better, and was accepted." in page
    assert "It waits for traffic." in page


def test_a_run_on_what_was_known_says_that_nothing_is_new(churn: Project) -> None:
    step = Run.objects.get(number=1).steps.get(name="extract")
    step.outputs["counts"] = {"training": 168, "matched": 40}
    step.save()

    page = text(sign_in("Vera").get("/p/churn/runs/1"))

    assert "No row is new: what is known now was learnt from before." in page


def test_a_run_tells_how_many_answers_it_may_not_learn_from_yet(churn: Project) -> None:
    step = Run.objects.get(number=1).steps.get(name="extract")
    step.outputs["counts"] = {"training": 168, "matched": 40, "not mature yet": 40}
    step.save()

    page = text(sign_in("Vera").get("/p/churn/runs/1"))

    assert "Left out: 40 whose time is not over." in page


def test_the_verdict_shows_its_numbers() -> None:
    churn = make_full_project()
    reported = {"value": 40.0, "low": 35.0, "high": 44.0, "n": 48}
    test = {
        role: {"version": number, "metrics": {"cost": reported}}
        for role, number in (("candidate", 2), ("baseline", 1))
    }
    churn.versions.filter(number=2).update(card={"test": test})

    page = text(sign_in("Vera").get("/p/churn/runs/1"))

    assert "Candidate, version 2" in page
    assert "Baseline, version 1" in page
    assert "35 to 44" in page


def test_the_leaderboard_has_the_best_first_and_the_failed_with_their_reason(
    churn: Project,
) -> None:
    run = Run.objects.get(number=1)
    error = "Traceback\nValueError: too few rows"
    Trial.objects.create(
        run=run, number=9, family="linear", state="failed", error=error
    )

    page = text(sign_in("Vera").get("/p/churn/runs/1"))

    assert page.index("trial 1, best") < page.index("trial 2") < page.index("trial 4")
    assert "ValueError: too few rows" in page
    assert "Traceback" not in page


def test_a_run_that_goes_on_is_asked_for_again_until_it_is_over(going_on: Run) -> None:
    vera = sign_in("Vera")

    first = poll(vera, going_on)
    assert "hx-get" in text(first)
    assert "<html" not in text(first)
    etag = first.headers["ETag"]
    assert poll(vera, going_on, etag).status_code == 304

    Trial.objects.create(run=going_on, number=1, family="linear", state="running")
    second = poll(vera, going_on, etag)
    assert second.status_code == 200
    assert second.headers["ETag"] != etag
    assert "training" in text(second)

    Run.objects.filter(pk=going_on.pk).update(state="succeeded")
    last = poll(vera, going_on, second.headers["ETag"])
    assert last.status_code == 200
    assert "hx-get" not in text(last)


def test_the_list_says_which_run_goes_on(going_on: Run) -> None:
    vera = sign_in("Vera")

    page = text(vera.get("/p/churn/runs"))

    assert "Run 2 is going on: extract." in page
    assert 'hx-trigger="every 3s"' in page
    Run.objects.filter(pk=going_on.pk).update(state="succeeded")
    assert "hx-trigger" not in text(vera.get("/p/churn/runs"))


def test_labels_are_counted_for_the_page_and_not_each_time_the_list_asks(
    going_on: Run,
) -> None:
    vera, sql = sign_in("Vera"), 'FROM "labelling_groundtruth"'
    with CaptureQueriesContext(connection) as page:
        first = vera.get("/p/churn/runs")
    with CaptureQueriesContext(connection) as poll:
        vera.get("/p/churn/runs", headers={"HX-Request": "true"})

    assert "0 since the last run" in text(first)
    assert sum(sql in one["sql"] for one in page) == 1
    assert not any(sql in one["sql"] for one in poll)


def test_a_run_is_tried_again_from_the_step_that_stopped(churn: Project) -> None:
    owen = sign_in("Owen")
    assert "Try again" in text(owen.get("/p/churn/runs/2"))

    owen.post("/p/churn/runs/2", {"do": "retry"})

    assert Run.objects.get(number=2).state != "failed"


def test_a_run_may_be_held_to_some_algorithms(churn: Project) -> None:
    form = {"do": "start", "budget": "30", "algorithm": ["linear", "nonsense"]}

    sign_in("Owen").post("/p/churn/runs", form)

    assert Run.objects.get(number=3).params == {"algorithms": ["linear"]}


def test_an_owner_sets_the_schedule(churn: Project) -> None:
    owen = sign_in("Owen")
    form = {"do": "schedule", "cron": "0 3 * * 1", "zone": "Europe/Zurich"}

    told = owen.post(
        "/p/churn/runs", form | {"budget": "60", "enabled": "yes"}, follow=True
    )

    assert "Runs start by themselves." in text(told)
    schedule = Schedule.objects.get()
    assert (schedule.cron, schedule.enabled) == ("0 3 * * 1", True)
    assert schedule.args == {"budget": 60}
    assert "0 3 * * 1 (Europe/Zurich)" in text(sign_in("Vera").get("/p/churn/runs"))

    owen.post("/p/churn/runs", form | {"budget": "60"})
    assert not Schedule.objects.get().enabled


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"cron": "now and then"}, "Write five fields"),
        ({"zone": "Atlantis"}, "Atlantis: no time zone"),
        ({"budget": "9" * 9}, "seconds"),
    ],
)
def test_a_schedule_that_is_none_says_so(
    churn: Project, changed: dict[str, str], words: str
) -> None:
    form = {"do": "schedule", "cron": "0 3 * * 1", "zone": "UTC", "budget": "60"}

    page = text(sign_in("Owen").post("/p/churn/runs", form | changed, follow=True))

    assert words in page
    assert not Schedule.objects.exists()


def test_an_owner_sets_how_far_the_machine_goes(churn: Project) -> None:
    owen = sign_in("Owen")

    sent = {"do": "autopilot", "mode": "propose", "retrain_after": "25"}
    owen.post("/p/churn/runs", sent)
    assert Project.objects.get().retrain_after == 25
    told = owen.post("/p/churn/runs", {"do": "autopilot", "mode": "mad"}, follow=True)

    assert "Choose manual, propose or automatic" in text(told)
    assert Project.objects.get().autopilot == "propose"


def test_an_old_list_is_read_page_by_page(churn: Project) -> None:
    for number in range(3, 40):
        Run.objects.create(
            project=churn, number=number, kind="build", state="failed", budget_seconds=1
        )
    vera = sign_in("Vera")

    first = vera.get("/p/churn/runs")
    second = vera.get(first.context["next"])

    assert "Run 39<" in text(first)
    assert "Run 3<" in text(second)
    assert second.context["next"] is None
