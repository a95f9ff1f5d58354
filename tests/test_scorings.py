"""Many rows in the background: Parquet out, logged once, whatever dies in between."""

import io
from typing import Any

import pandas as pd
import pytest

from registry import jobs, sending, storage
from registry.datasets import register_dataset
from registry.models import Dataset, Job, Project
from serving import housekeeping, rollout, tasks  # noqa: F401  # registers the task
from serving.models import Prediction, PredictionInbox
from serving.scorings import tables, work
from tests.calls import Rest
from tests.factories import (
    make_key,
    make_project,
    make_rows,
    make_rule,
    make_serving,
    make_truth,
    make_user,
    make_version,
)

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]
ROWS = 240


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending.current_app, "send_task", lambda *a, **k: None)
    monkeypatch.setattr(tables, "CHUNK", 50)


@pytest.fixture
def project() -> Project:
    return make_serving().project


@pytest.fixture
def rest(project: Project) -> Rest:
    return Rest(project, make_key(project))


def customers(n: int = ROWS) -> pd.DataFrame:
    frame = pd.DataFrame(make_rows(n))
    frame["customer"] = [f"C{i}" for i in range(n)]
    return frame


@pytest.fixture
def dataset(project: Project) -> Dataset:
    frame = customers()
    frame["churn"] = make_truth(make_rows(ROWS))
    return register_dataset(project=project, frame=frame, name="customers")


def result_of(rest: Rest, url: str) -> pd.DataFrame:
    answer = rest.get(f"{url}/file")
    assert answer.status_code == 200
    data = b"".join(answer.streaming_content)
    return pd.read_parquet(io.BytesIO(data))


def begun(rest: Rest, body: dict[str, Any]) -> Job:
    response = rest.post("scorings", body)
    assert response.status_code == 202, response.content
    return Job.objects.get(pk=response.json()["id"])


def test_a_dataset_is_scored_logged_and_fetched(rest: Rest, dataset: Dataset) -> None:
    response = rest.post("scorings", {"dataset": dataset.number})
    assert response.status_code == 202
    told = response.json()
    assert (told["status"], told["model"], told["file"]) == ("queued", 1, None)
    assert rest.get(f"{told['url']}/file").status_code == 409
    jobs.work_here(Job.objects.get(pk=told["id"]))
    told = rest.get(told["url"]).json()
    assert (told["status"], told["rows"], told["errors"]) == ("succeeded", ROWS, 0)
    result = result_of(rest, told["url"])
    assert len(result) == ROWS
    assert result["row"].tolist() == list(range(1, ROWS + 1))
    assert result["error"].isna().all()
    assert "churn" not in result.columns
    stored = {str(row.pk): row for row in Prediction.objects.all()}
    assert len(stored) == PredictionInbox.objects.count() == ROWS
    for row in result.to_dict("records"):
        kept = stored[row["id"]]
        assert kept.entity == row["entity"]
        assert kept.output["prediction"] == row["prediction"]
        assert kept.score == row["score"] == row["probability:Yes"]
        assert kept.decision["action"] == row["decision"]
        assert (kept.source, kept.role) == ("scoring", "live")


def test_a_scoring_answers_what_predict_answers(rest: Rest, dataset: Dataset) -> None:
    jobs.work_here(begun(rest, {"dataset": dataset.number}))
    for kept in Prediction.objects.order_by("id")[:20]:
        body = rest.post("predict", {"input": kept.input, "test": True}).json()
        assert body["prediction"] == kept.output["prediction"]
        assert body["score"] == pytest.approx(kept.score, abs=1e-12)
        assert body["decision"] == kept.decision


def test_another_version_is_scored_by_its_number(
    rest: Rest, project: Project, dataset: Dataset
) -> None:
    make_version(project, model=make_rule(project, value=100))
    job = jobs.work_here(begun(rest, {"dataset": dataset.number, "model": 2}))
    assert set(Prediction.objects.values_list("version__number", flat=True)) == {2}
    assert job.result["model"] == 2


def test_a_scoring_keeps_its_model_when_another_goes_live(
    rest: Rest, project: Project, dataset: Dataset
) -> None:
    job = begun(rest, {"dataset": dataset.number})
    row = rollout.of_project(project)
    rollout.go_live(rollout=row, version=make_version(project), by="a test", revision=1)
    assert jobs.work_here(job).result["model"] == 1


class Died(Exception):
    """The worker is gone."""


@pytest.mark.faults
@pytest.mark.parametrize("where", ["put_part", "put_together"])
def test_after_a_crash_it_goes_on_and_nothing_is_logged_twice(
    rest: Rest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    job = begun(rest, {"dataset": dataset.number})
    well, calls = getattr(tables, where), []

    def once(*given: Any) -> Any:
        calls.append(1)
        if len(calls) == (3 if where == "put_part" else 1):
            raise Died
        return well(*given)

    monkeypatch.setattr(tables, where, once)
    jobs.work_here(job)
    job.refresh_from_db()
    assert job.state == "queued"  # and again, by whoever comes
    done = {"put_part": 100, "put_together": ROWS}[where]
    assert job.checkpoint["done"] == done
    Job.objects.update(due_at=job.created_at)
    job = jobs.work_here(job)
    assert (job.state, job.result["rows"]) == ("succeeded", ROWS)
    assert Prediction.objects.count() == PredictionInbox.objects.count() == ROWS
    parts = job.checkpoint["parts"]
    with pytest.raises(storage.ArtifactError):  # cleaned up behind itself
        storage.local_copy(uri=parts[0][0], sha256=parts[0][1])


def test_a_long_scoring_takes_turns(
    rest: Rest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LONGEST_TURN", -1.0)
    job = begun(rest, {"dataset": dataset.number})
    turns = 0
    while not job.is_over:
        job = jobs.work_here(job)
        turns += 1
    assert (job.state, turns, job.attempt) == ("succeeded", 5, 1)
    assert Prediction.objects.count() == ROWS


def test_a_scoring_that_is_stopped_stops(
    rest: Rest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begun(rest, {"dataset": dataset.number})
    score = work._score

    def stopped(*given: Any, **more: Any) -> Any:
        rest.post(f"scorings/{job.pk}/cancel")
        return score(*given, **more)

    monkeypatch.setattr(work, "_score", stopped)
    assert jobs.work_here(job).state == "cancelled"
    assert Prediction.objects.count() == 50
    assert rest.get(f"scorings/{job.pk}").json()["status"] == "cancelled"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "dataset"),
        ({"dataset": 1, "source": "customers"}, 400, "dataset"),
        ({"dataset": 99}, 400, "dataset"),
        ({"dataset": "1"}, 400, "dataset"),
        ({"dataset": 1, "query": "select 1"}, 400, "query"),
        ({"dataset": 1, "x": 1}, 400, "x"),
        ({"dataset": 1, "model": 99}, 404, None),
        ({"source": "customers", "query": "select 1"}, 403, None),
    ],
)
def test_what_cannot_be_scored_says_why(
    rest: Rest, dataset: Dataset, body: dict, status: int, field: str | None
) -> None:
    response = rest.post("scorings", body)
    assert response.status_code == status, response.content
    if field:
        assert field in {error["field"] for error in response.json()["errors"]}
    assert not Job.objects.filter(task="serving.score").exists()


def test_a_source_that_is_not_declared_fails_at_once(rest: Rest) -> None:
    job = jobs.work_here(begun(rest, {"source": "warehouse"}))
    assert (job.state, job.attempt) == ("failed", 1)
    assert "no source 'warehouse'" in job.message


def test_scorings_of_others_are_not_there(rest: Rest, dataset: Dataset) -> None:
    job = begun(rest, {"dataset": dataset.number})
    other = make_serving(make_project("other")).project
    stranger = Rest(other, make_key(other))
    for path in (f"scorings/{job.pk}", f"scorings/{job.pk}/file"):
        assert stranger.get(path).status_code == 404
    assert stranger.post(f"scorings/{job.pk}/cancel").status_code == 404


def test_viewers_do_not_score(project: Project, dataset: Dataset) -> None:
    rest = Rest(project)
    rest.client.force_login(make_user("Erin", project=project, role="viewer"))
    response = rest.post("scorings", {"dataset": dataset.number})
    assert response.status_code == 403
