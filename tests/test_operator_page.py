"""The operator's page: who works, what waits and for how long, what can be stopped."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from mlsystem import machine
from registry import jobs
from registry.clock import now
from registry.models import AuditEntry, Job, Project, User
from tests.factories import make_project, make_user
from tests.full_project import make_run

pytestmark = pytest.mark.django_db


def text(response: Any) -> str:
    return " ".join(response.content.decode().split())


@pytest.fixture
def churn() -> Project:
    return make_project()


@pytest.fixture
def ada(churn: Project) -> Client:
    make_user("Ada")
    User.objects.update(is_staff=True)
    client = Client()
    client.force_login(User.objects.get())
    return client


def job(project: Project | None, task: str = "serving.score", **more: Any) -> Job:
    moment = more.pop("due_at", now())
    return Job.objects.create(
        **{"task": task, "lane": "long", "project": project, "due_at": moment} | more
    )


def running(project: Project, **more: Any) -> Job:
    until = now() + timedelta(minutes=1)
    given: dict[str, Any] = {"state": "running", "lease_until": until, "attempt": 1}
    return job(project, **given | more)


def test_a_lane_says_what_waits_works_and_is_lost(churn: Project, ada: Client) -> None:
    job(churn, due_at=now() - timedelta(minutes=3))
    job(churn, due_at=now() + timedelta(hours=1))
    running(churn)
    page = text(ada.get("/operator"))

    assert "1 waiting, the first for 3 min" in page
    assert "1 for later" in page
    assert "busy" in page

    running(churn, lease_until=now() - timedelta(minutes=1))
    assert "1 without a worker" in text(ada.get("/operator"))


def test_a_job_shows_how_far_it_is_and_leads_to_its_run(
    churn: Project, ada: Client
) -> None:
    step = make_run(churn).steps.get(name="build")
    running(
        churn,
        task="mlsystem.slot",
        args={"step": step.pk},
        progress=0.25,
        message="trial 3: linear",
        started_at=now(),
    )

    page = text(ada.get("/operator"))

    assert "Training" in page
    assert 'href="/p/churn/runs/1"' in page
    assert "trial 3: linear" in page
    assert 'value="0.250"' in page


def test_a_job_is_stopped_and_the_trail_says_by_whom(
    churn: Project, ada: Client
) -> None:
    waiting = job(churn)

    page = text(ada.post("/operator", {"job": str(waiting.pk)}, follow=True))

    assert "It is being stopped." in page
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"
    entry = AuditEntry.objects.get(action="job.cancel")
    assert (entry.actor_name, entry.project) == ("Ada", churn)
    again = text(ada.post("/operator", {"job": str(waiting.pk)}, follow=True))
    assert "already over" in again
    assert ada.post("/operator", {"job": "nonsense"}).status_code == 404


def test_a_failure_is_folded_behind_its_last_line(churn: Project, ada: Client) -> None:
    job(
        churn,
        state="failed",
        finished_at=now(),
        error="Traceback (most recent call last):\nValueError: no such column",
    )

    page = text(ada.get("/operator"))

    assert "<summary>ValueError: no such column</summary>" in page


@pytest.mark.faults
def test_without_a_broker_the_page_stands_and_says_so(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.exceptions import ConnectionError as NoBroker

    def refuse(**_: Any) -> Any:
        raise NoBroker

    monkeypatch.setattr("mlsystem.celery.app.control.inspect", refuse)

    assert ada.get("/operator").status_code == 200
    assert "The broker does not answer." in text(ada.get("/operator/workers"))


def test_workers_are_named_with_what_they_did(
    ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Asked:
        def stats(self) -> dict[str, Any]:
            pool = {"processes": [1, 2]}
            total = {"mlsystem.tick": 30, "mlsystem.step": 4}
            return {"long@house": {"pool": pool, "total": total, "uptime": 250}}

    monkeypatch.setattr("mlsystem.celery.app.control.inspect", lambda **_: Asked())

    page = text(ada.get("/operator/workers"))

    assert "long@house" in page
    assert "2 processes, 34 messages, up for 4 min 10 s" in page


def test_storage_and_versions_are_told(ada: Client) -> None:
    page = text(ada.get("/operator"))

    assert "Free on the disk" in page
    assert machine.VERSION in page


def test_the_part_that_polls_answers_304_until_something_happens(
    churn: Project, ada: Client
) -> None:
    first = ada.get("/operator", headers={"HX-Request": "true"})
    asked = {"HX-Request": "true", "If-None-Match": first.headers["ETag"]}

    assert ada.get("/operator", headers=asked).status_code == 304
    jobs.enqueue(task="serving.score", lane="long", project=churn)
    assert ada.get("/operator", headers=asked).status_code == 200


def test_many_jobs_take_no_more_queries(
    churn: Project, ada: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(60):
        job(churn)
    with django_assert_max_num_queries(20):
        ada.get("/operator")
