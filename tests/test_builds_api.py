"""The Model Builder over REST: a hard budget, a live leaderboard, a servable best."""

import json
from typing import Any

import pytest
from django.test import Client

from mlsystem import tasks  # noqa: F401  # registers the tasks
from mlsystem.builder import trials
from registry import jobs
from registry.clock import now
from registry.models import Job, ModelVersion, Project, Run
from tests.factories import make_dataset, make_frame, make_project, make_user

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.touches_services,
    pytest.mark.usefixtures("few_trials"),
]
BUILDS = "/api/v1/projects/churn/builds"
ASKED = {"train": 1, "metric": "log_loss", "max_training_time": 3600}


@pytest.fixture
def owen() -> Client:
    project = make_project()
    make_dataset(project, frame=make_frame(400))
    client = Client()
    client.force_login(make_user("Owen", project=project, role="owner"))
    return client


def post(client: Client, path: str, body: Any = None) -> Any:
    return client.post(path, json.dumps(body or {}), content_type="application/json")


def work_until(stop: Any = lambda: False) -> None:
    """Do the due jobs in this process, as workers would, until `stop`."""
    for _ in range(30):
        due = Job.objects.filter(state=Job.State.QUEUED, due_at__lte=now())
        job = due.order_by("created_at").first()
        if job is None or stop():
            return
        jobs.work_here(job)


def test_a_build_has_a_leaderboard_and_a_servable_best(owen: Client) -> None:
    answer = post(owen, BUILDS, ASKED)
    assert answer.status_code == 202, answer.content
    assert answer.json()["url"] == f"{BUILDS}/{answer.json()['id']}"
    work_until()
    build = owen.get(answer.json()["url"]).json()
    assert (build["status"], build["error"]) == ("succeeded", "")
    scores = [trial["score"] for trial in build["leaderboard"]]
    assert len(scores) == 4
    assert scores == sorted(scores)  # a log loss: the smallest first
    best = build["best"]
    assert best["algorithm"] == build["leaderboard"][0]["algorithm"]
    assert best["score"] == scores[0]
    version = ModelVersion.objects.get(number=best["model"])
    assert (version.state, version.card["refitted"]) == ("built", True)
    assert build["metric"] == "log_loss"


def test_a_build_is_no_pipeline_so_a_run_may_start_beside_it(owen: Client) -> None:
    assert post(owen, BUILDS, ASKED).status_code == 202
    assert post(owen, BUILDS, ASKED).status_code == 202
    assert post(owen, "/api/v1/projects/churn/runs", {}).status_code == 202
    assert Run.objects.filter(state="running").count() == 3
    assert owen.get("/api/v1/projects/churn/runs/1").status_code == 404
    listed = owen.get(BUILDS).json()["results"]
    assert [row["id"] for row in listed] == [2, 1]


def test_only_the_algorithms_asked_for_are_tried(owen: Client) -> None:
    body = ASKED | {"algorithms": ["linear"]}
    url = post(owen, BUILDS, body).json()["url"]
    work_until()
    tried = {trial["algorithm"] for trial in owen.get(url).json()["leaderboard"]}
    assert tried == {"linear"}


def test_a_model_slower_than_asked_is_not_taken(owen: Client) -> None:
    url = post(owen, BUILDS, ASKED | {"max_latency_us": 1}).json()["url"]
    work_until()
    build = owen.get(url).json()
    assert (build["status"], build["best"]) == ("failed", None)
    assert "within 1\xa0µs" in build["error"]


def test_a_cancelled_build_keeps_its_best_model(
    owen: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = post(owen, BUILDS, ASKED).json()["url"]
    told = trials.tell

    def tell_and_cancel(**result: Any) -> None:
        told(**result)
        if result["trial"].number == 2:
            assert post(owen, f"{url}/cancel").status_code == 200

    monkeypatch.setattr(trials, "tell", tell_and_cancel)
    work_until()
    build = owen.get(url).json()
    assert build["status"] == "cancelled"
    assert len(build["leaderboard"]) == 2
    version = ModelVersion.objects.get(number=build["best"]["model"])
    assert (version.state, version.card["refitted"]) == ("built", False)
    assert not Job.objects.filter(state__in=["queued", "running"]).exists()


def test_a_build_cancelled_before_its_first_trial_leaves_nothing(owen: Client) -> None:
    url = post(owen, BUILDS, ASKED).json()["url"]
    post(owen, f"{url}/cancel")
    work_until()
    build = owen.get(url).json()
    assert (build["status"], build["best"]) == ("cancelled", None)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"train": 7}, "train"),
        ({"validation": 7}, "validation"),
        ({"metric": "mae"}, "metric"),
        ({"metric": "beauty"}, "metric"),
        ({"max_training_time": 0}, "max_training_time"),
        ({"algorithms": []}, "algorithms"),
        ({"max_latency_us": "fast"}, "max_latency_us"),
    ],
)
def test_a_bad_request_names_the_field(
    owen: Client, change: dict[str, Any], field: str
) -> None:
    answer = post(owen, BUILDS, ASKED | change)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert not Run.objects.exists()


def test_who_may_build(owen: Client) -> None:
    url = post(owen, BUILDS, ASKED).json()["url"]
    project = Project.objects.get()
    viewer, sam = Client(), Client()
    viewer.force_login(make_user("Vera", project=project, role="viewer"))
    sam.force_login(make_user("Sam"))
    assert viewer.get(url).status_code == 200
    assert post(viewer, BUILDS, ASKED).status_code == 403
    assert post(viewer, f"{url}/cancel").status_code == 403
    assert sam.get(url).status_code == 404
    assert Client().get(url).status_code == 401
    assert owen.get(f"{BUILDS}/99").status_code == 404
    assert owen.delete(url).status_code == 405


def test_a_datasets_own_validation_rows_may_judge(owen: Client) -> None:
    make_dataset(Project.objects.get(), frame=make_frame(200))
    url = post(owen, BUILDS, ASKED | {"validation": 2}).json()["url"]
    work_until()
    build = owen.get(url).json()
    assert (build["status"], build["error"]) == ("succeeded", "")
