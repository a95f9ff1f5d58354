"""Files of scorings are kept as long as their answers, and what was made on the way goes,
whatever dies or is stopped."""

from datetime import timedelta
from typing import Any

import pytest

from registry import jobs, sending, storage
from registry.clock import now
from registry.datasets import register_dataset
from registry.models import Dataset, Job, Project
from serving import housekeeping, tasks  # noqa: F401  # registers the task
from serving.scorings import files, tables
from tests.calls import Rest
from tests.factories import make_key, make_project, make_rows, make_serving, make_truth
from tests.test_scorings import ROWS, begun, customers, result_of

pytestmark = [pytest.mark.django_db, pytest.mark.touches_services]


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


@pytest.fixture
def dataset(project: Project) -> Dataset:
    frame = customers().assign(churn=make_truth(make_rows(ROWS)))
    return register_dataset(project=project, frame=frame, name="customers")


def test_files_go_when_answers_do(rest: Rest, dataset: Dataset) -> None:
    job = begun(rest, {"dataset": 1})
    jobs.work_here(job)
    job.refresh_from_db()
    place, url = job.result["uri"], f"scorings/{job.pk}"
    assert job.finished_at is not None
    Project.objects.update(retention=timedelta(days=2))

    housekeeping.clean(job.finished_at + timedelta(days=1))
    assert len(result_of(rest, url)) == ROWS
    housekeeping.clean(job.finished_at + timedelta(days=3))

    assert storage.is_gone(place)
    assert rest.get(url).json()["file"] is None
    assert "deleted" in rest.get(f"{url}/file").json()["detail"]


def test_files_of_a_project_that_keeps_them_do_not_hide_those_of_one_that_does_not(
    project: Project,
) -> None:
    short = make_project("short", retention=timedelta(days=1))
    moment = now()

    def scored(project: Project, *, days: int) -> Job:
        return Job.objects.create(
            task=files.TASK,
            project=project,
            state="succeeded",
            due_at=moment,
            finished_at=moment - timedelta(days=days),
            result={"uri": "scorings/file.parquet"},
        )

    kept = [scored(project, days=20) for _ in range(files.FORGOTTEN)]
    over = [scored(short, days=10), scored(project, days=30)]
    assert files.forget(now=moment) == 2
    held = Job.objects.filter(result__has_key="uri")
    assert not held.filter(pk__in=[job.pk for job in over]).exists()
    assert held.count() == len(kept)


def test_a_stopped_scoring_leaves_no_file(
    rest: Rest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begun(rest, {"dataset": 1})
    count = tables.chunks

    def stopped(*given: Any, **more: Any) -> Any:
        for place, piece in enumerate(count(*given, **more)):
            if place == 2:
                rest.post(f"scorings/{job.pk}/cancel")
            yield piece

    monkeypatch.setattr(tables, "chunks", stopped)
    jobs.work_here(job)
    assert job.state == "cancelled"
    kept = [uri for uri, _ in [job.checkpoint["input"], *job.checkpoint["parts"]]]
    assert kept
    assert not any(map(storage.is_gone, kept))

    housekeeping.clean(now())

    assert all(map(storage.is_gone, kept))


def dies_cleaning_up(job: Job, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Its worker is killed when it has deleted one file; a minute goes by."""
    delete = storage.delete

    def once(uri: str) -> None:
        delete(uri)
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(storage, "delete", once)
        with pytest.raises(SystemExit):
            jobs.work_here(job)
    Job.objects.update(lease_until="2020-01-01T00:00:00Z")
    job.refresh_from_db()
    return job


@pytest.mark.faults
def test_a_scoring_whose_worker_dies_while_it_cleans_up_is_done_all_the_same(
    rest: Rest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = dies_cleaning_up(begun(rest, {"dataset": dataset.number}), monkeypatch)

    job = jobs.work_here(job)

    assert (job.state, job.message) == ("succeeded", "240 of 240 rows")
    assert len(result_of(rest, f"scorings/{job.pk}")) == ROWS
    kept = [uri for uri, _ in [job.checkpoint["input"], *job.checkpoint["parts"]]]
    assert all(map(storage.is_gone, kept))


@pytest.mark.faults
def test_a_scoring_that_never_gets_to_its_end_leaves_no_result(
    rest: Rest, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = begun(rest, {"dataset": dataset.number})
    Job.objects.filter(pk=job.pk).update(max_attempts=1)
    result = dies_cleaning_up(job, monkeypatch).result["uri"]
    assert jobs.work_here(job).state == "failed"
    assert not storage.is_gone(result)

    housekeeping.clean(now())

    assert storage.is_gone(result)
