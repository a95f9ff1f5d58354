"""Runs over REST: started by owners, one at a time, cancelled, retried, scheduled."""

from typing import Any

import pytest
from django.test import Client

from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.orchestrator import pipeline
from registry import jobs
from registry.clock import now
from registry.models import Job, Project, Run, Schedule, Step
from tests.factories import make_dataset, make_key, make_project, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]
RUNS = "/api/v1/projects/churn/runs"


@pytest.fixture
def project() -> Project:
    project = make_project()
    make_dataset(project)
    return project


def as_user(name: str, project: Project | None = None, role: str = "") -> Client:
    client = Client()
    client.force_login(make_user(name, project=project, role=role))
    return client


def send(client: Client, method: str, path: str, body: Any = None, **headers: str):
    return client.generic(
        method,
        path,
        "" if body is None else __import__("json").dumps(body),
        content_type="application/json",
        headers=headers,
    )


def test_an_owner_starts_a_run_and_watches_it(project: Project) -> None:
    owen = as_user("Owen", project, "owner")
    answer = send(owen, "POST", RUNS, {"budget": 5})
    assert answer.status_code == 202, answer.content
    run = answer.json()
    assert run["status"] == "running"
    assert run["requested_by"] == "Owen"
    assert run["url"] == f"{RUNS}/{run['id']}"
    names = [step["name"] for step in run["steps"]]
    assert names == ["extract", "featurize", "prepare", "build", "evaluate", "decide"]
    assert send(owen, "GET", run["url"]).json()["id"] == run["id"]
    listed = send(owen, "GET", f"{RUNS}?status=running").json()
    assert [row["id"] for row in listed["results"]] == [run["id"]]


def test_a_run_tells_its_log_in_the_order_of_its_steps(project: Project) -> None:
    run = pipeline.start(project=project, now=now())
    steps = [run.steps.get(name=name) for name in ("featurize", "extract")]
    for step in steps:
        job = jobs.enqueue(task=pipeline.STEP_TASK, project=project)
        Job.objects.filter(pk=job.pk).update(log=f"10:00:00 {step.name}\n")
        Step.objects.filter(pk=step.pk).update(job=job)
    key = make_key(project, "read")
    shown = send(Client(), "GET", f"{RUNS}/{run.number}", **{"X-Api-Key": key}).json()
    assert shown["log"] == "10:00:00 extract\n10:00:00 featurize\n"
    assert shown["log"] == "".join(step["log"] for step in shown["steps"])


def test_a_second_run_is_refused_with_the_first_ones_id(project: Project) -> None:
    owen = as_user("Owen", project, "owner")
    first = send(owen, "POST", RUNS, {}).json()["id"]
    second = send(owen, "POST", RUNS, {})
    assert second.status_code == 409
    assert (second.json()["id"], second.json()["run"]) == (first, first)
    assert Run.objects.count() == 1


def test_the_same_idempotency_key_starts_one_run(project: Project) -> None:
    key = make_key(project, "manage", "read")
    headers = {"X-Api-Key": key, "Idempotency-Key": "nightly-1"}
    first = send(Client(), "POST", RUNS, {"budget": 9}, **headers)
    again = send(Client(), "POST", RUNS, {"budget": 9}, **headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert send(Client(), "POST", RUNS, {"budget": 8}, **headers).status_code == 422


def test_a_cancelled_run_can_be_retried(project: Project) -> None:
    owen = as_user("Owen", project, "owner")
    url = send(owen, "POST", RUNS, {}).json()["url"]
    cancelled = send(owen, "POST", f"{url}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert {s["status"] for s in cancelled.json()["steps"]} == {"skipped"}
    assert send(owen, "POST", f"{url}/cancel").status_code == 409
    again = send(owen, "POST", f"{url}/retry")
    assert (again.status_code, again.json()["status"]) == (202, "running")
    assert send(owen, "POST", f"{url}/retry").status_code == 409
    alive = Job.objects.filter(task="mlsystem.step", cancel_requested=False)
    assert alive.count() == 1


def test_a_retry_while_another_run_goes_on_is_refused(project: Project) -> None:
    owen = as_user("Owen", project, "owner")
    url = send(owen, "POST", RUNS, {}).json()["url"]
    send(owen, "POST", f"{url}/cancel")
    second = send(owen, "POST", RUNS, {}).json()["id"]
    refused = send(owen, "POST", f"{url}/retry")
    assert (refused.status_code, refused.json()["run"]) == (409, second)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"budget": 0}, "budget"),
        ({"budget": "long"}, "budget"),
        ({"bugdet": 5}, "bugdet"),
        ({"params": {"algorithms": ["magic"]}}, "params.algorithms[0]"),
        ({"params": {"dataset": 77}}, "params.dataset"),
        ({"params": {"speed": 1}}, "params.speed"),
    ],
)
def test_a_bad_request_names_the_field(
    project: Project, body: dict[str, Any], field: str
) -> None:
    answer = send(as_user("Owen", project, "owner"), "POST", RUNS, body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Run.objects.exists()


def test_who_may_do_what_with_runs(project: Project) -> None:
    url = send(as_user("Owen", project, "owner"), "POST", RUNS, {}).json()["url"]
    viewer, sam = as_user("Vera", project, "viewer"), as_user("Sam")
    assert send(viewer, "GET", url).status_code == 200
    assert send(viewer, "POST", RUNS, {}).status_code == 403
    assert send(viewer, "POST", f"{url}/cancel").status_code == 403
    assert send(sam, "GET", url).status_code == 404
    assert send(sam, "POST", RUNS, {}).status_code == 404
    assert send(Client(), "GET", url).status_code == 401
    assert send(viewer, "GET", f"{RUNS}/99").status_code == 404
    assert send(viewer, "DELETE", RUNS).status_code == 405
    key = make_key(project, "predict")
    assert send(Client(), "GET", url, **{"X-Api-Key": key}).status_code == 403


def test_a_schedule_is_a_cron_in_a_zone(project: Project) -> None:
    owen = as_user("Owen", project, "owner")
    path = "/api/v1/projects/churn/schedule"
    assert send(owen, "GET", path).json()["enabled"] is False
    body = {"cron": "0 3 * * 1", "zone": "Europe/Berlin", "budget": 60}
    answer = send(owen, "PUT", path, body).json()
    assert (answer["enabled"], answer["budget"]) == (True, 60)
    assert answer["next_at"] is not None
    assert Schedule.objects.get(project=project).args == {"budget": 60}
    wrong = send(owen, "PUT", path, {"cron": "every monday"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "cron")
    off = send(owen, "PUT", path, body | {"enabled": False}).json()
    assert (off["enabled"], off["next_at"]) == (False, None)


def test_a_scheduled_run_starts_once_its_slot_has_come(project: Project) -> None:
    from datetime import timedelta

    from registry import jobs, schedules
    from registry.clock import now

    owen = as_user("Owen", project, "owner")
    send(owen, "PUT", "/api/v1/projects/churn/schedule", {"cron": "0 3 * * *"})
    schedules.start_due(now=now() + timedelta(days=1, hours=1))
    jobs.work_here(Job.objects.get(task="mlsystem.scheduled_run"))
    assert Run.objects.get().trigger == "schedule"


def test_autopilot_has_three_modes(project: Project) -> None:
    owen = as_user("Owen", project, "owner")
    path = "/api/v1/projects/churn/autopilot"
    assert send(owen, "GET", path).json()["mode"] == "manual"
    assert send(owen, "PUT", path, {"mode": "automatic"}).json()["mode"] == "automatic"
    project.refresh_from_db()
    assert project.autopilot == "automatic"
    assert send(owen, "PUT", path, {"mode": "reckless"}).status_code == 400


def test_the_list_of_runs_takes_few_queries(
    project: Project, django_assert_max_num_queries: Any
) -> None:
    owen = as_user("Owen", project, "owner")
    for _ in range(5):
        url = send(owen, "POST", RUNS, {}).json()["url"]
        send(owen, "POST", f"{url}/cancel")
    with django_assert_max_num_queries(8):
        assert len(send(owen, "GET", RUNS).json()["results"]) == 5
