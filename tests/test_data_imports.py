"""A file becomes a dataset: what changed is told, what is wrong is told with its place,
and an import that broke off is tried again or forgotten."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from mlsystem import ticks
from registry import differences, imports, intake, jobs, storage, tasks  # noqa: F401
from registry.clock import now
from registry.models import Dataset, Job, Project
from tests.factories import make_dataset, make_frame, sign_in
from tests.full_project import make_project_with_people
from tests.pages import text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.touches_services]


@pytest.fixture
def churn() -> Project:
    return make_project_with_people()


def csv_of(frame: Any, name: str = "march.csv") -> BytesIO:
    file = BytesIO(frame.to_csv(index=False).encode())
    file.name = name
    return file


def upload(client: Client, file: BytesIO, **form: str) -> Any:
    return client.post("/p/churn/data/new", {"file": file, **form}, follow=True)


def test_a_new_dataset_is_imported_and_told_apart_from_the_last(
    churn: Project,
) -> None:
    make_dataset(churn)
    frame = make_frame(200)
    frame["contract"] = "Two year"
    frame["tenure"] += 40

    page = upload(sign_in("Owen"), csv_of(frame), name="March")

    told = text(page)
    assert page.redirect_chain == [("/p/churn/data/2", 302)]
    assert churn.datasets.first().name == "March"
    assert "80 rows more: 120 before, 200 now." in told
    assert "“Two year” in 100\xa0% of the rows, " in told
    assert "Its values are higher" in told


def test_a_dataset_like_the_last_says_so(churn: Project) -> None:
    make_dataset(churn)

    page = upload(sign_in("Owen"), csv_of(make_frame(121)))

    assert "The columns are distributed as before." in text(page)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"tenure": "long"}, "values are not integer (row 1, 2, 3"),
        ({"churn": "Maybe"}, "Classes this project does not know: Maybe"),
        ({"monthly_charges": None}, "Required, yet missing"),
        ({"churn": "Yes"}, "nothing to learn"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(
    churn: Project, changes: dict[str, Any], says: str
) -> None:
    frame = make_frame().astype(object).assign(**changes)

    page = upload(sign_in("Owen"), csv_of(frame), name="My name for it")

    assert page.status_code == 400
    assert says in text(page)
    assert "nothing was imported" in text(page)
    assert 'value="My name for it"' in text(page)
    assert not Dataset.objects.exists()


def test_a_missing_column_and_a_missing_file_are_named(churn: Project) -> None:
    owen = sign_in("Owen")

    lacking = upload(owen, csv_of(make_frame().drop(columns="tenure")))
    nothing = owen.post("/p/churn/data/new", {"name": "x"})

    assert "The table has no column tenure" in text(lacking)
    assert "Choose a file." in text(nothing)
    assert nothing.status_code == 400


def test_a_large_file_is_imported_behind_a_page_that_shows_progress(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    owen = sign_in("Owen")

    waiting = upload(owen, csv_of(make_frame()))
    job = Job.objects.get(task=intake.TASK)
    address = f"/p/churn/data/imports/{job.pk}"
    assert waiting.redirect_chain == [(address, 302)]
    assert "<progress" in text(waiting)
    jobs.work_here(job)

    assert owen.get(address).headers["Location"] == "/p/churn/data/1"


def test_a_large_file_that_is_wrong_says_so_on_its_page(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    owen = sign_in("Owen")
    upload(owen, csv_of(make_frame().astype(object).assign(tenure="long")))
    job = jobs.work_here(Job.objects.get(task=intake.TASK))

    page = text(owen.get(f"/p/churn/data/imports/{job.pk}"))

    assert "values are not integer (row 1, 2, 3" in page
    assert not Dataset.objects.exists()
    assert not is_stored(job)


@pytest.mark.faults
def test_a_refusal_outlives_the_worker_that_found_it(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    owen = sign_in("Owen")
    upload(owen, csv_of(make_frame().astype(object).assign(tenure="long")))
    job, delete = Job.objects.get(task=intake.TASK), storage.delete

    def killed(uri: str) -> None:
        delete(uri)
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(storage, "delete", killed)
        with pytest.raises(SystemExit):
            jobs.work_here(job)
    Job.objects.update(lease_until=now() - timedelta(minutes=1))
    assert jobs.work_here(job).state == "failed"

    told = text(owen.get(f"/p/churn/data/imports/{job.pk}"))
    assert "values are not integer (row 1, 2, 3" in told


def is_stored(job: Job) -> bool:
    """Whether the uploaded file of a job is still there."""
    found = Path(settings.ARTIFACTS_URL.removeprefix("file://")) / job.args["uri"]
    return found.exists()


def test_an_import_can_be_cancelled(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    owen = sign_in("Owen")
    upload(owen, csv_of(make_frame()))
    job = Job.objects.get(task=intake.TASK)

    page = owen.post(f"/p/churn/data/imports/{job.pk}", follow=True)

    assert "nothing was kept" in text(page)
    assert Job.objects.get(pk=job.pk).state == "cancelled"


def die(job: Job) -> None:
    """Its worker is killed in every attempt, the last one too."""
    for _ in range(job.max_attempts):
        assert jobs.claim(job.pk, now=now())
        Job.objects.filter(pk=job.pk).update(lease_until=now() - timedelta(minutes=1))
    assert jobs.claim(job.pk, now=now()) is None


@pytest.mark.faults
def test_an_import_whose_worker_died_is_told_and_tried_again(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    owen = sign_in("Owen")
    upload(owen, csv_of(make_frame()))
    died = Job.objects.get(task=intake.TASK)
    die(died)
    address = f"/p/churn/data/imports/{died.pk}"

    for page in (owen.get("/p/churn/data"), owen.get(address)):
        assert "did not get to its end; nothing was imported." in text(page)
        assert "Its worker died in the last attempt." in text(page)
        assert "Try again" in text(page)
    assert "did not get to its end" not in text(sign_in("Vera").get("/p/churn/data"))
    ticks.clean()
    assert is_stored(died)  # it may be needed

    retried = owen.post(address, {"do": "again"})
    twice = owen.post(address, {"do": "again"}, follow=True)

    assert "tried again already" in text(twice)
    job = Job.objects.exclude(pk=died.pk).get(task=intake.TASK)
    assert retried.headers["Location"].endswith(str(job.pk))
    assert "did not get to its end" not in text(owen.get("/p/churn/data"))
    ticks.clean()
    assert is_stored(job)
    jobs.work_here(job)
    assert Dataset.objects.get().rows == 120
    assert not is_stored(job)


def test_the_file_of_an_import_that_broke_off_is_deleted_after_a_week(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    for _ in range(2):
        upload(sign_in("Owen"), csv_of(make_frame()))
    died, stopped = Job.objects.filter(task=intake.TASK).order_by("created_at")
    die(died)
    jobs.cancel(job=stopped)  # by an operator, who knows nothing of its file

    imports.forget_files(now())
    assert (is_stored(died), is_stored(stopped)) == (True, False)
    imports.forget_files(now() + timedelta(days=8))

    assert not is_stored(died)
    answer = sign_in("Owen").post(
        f"/p/churn/data/imports/{died.pk}", {"do": "again"}, follow=True
    )
    assert "its file is gone" in text(answer)


def test_a_difference_of_one_point_is_no_difference() -> None:
    column = {"name": "x", "kind": "categorical"}
    before = {"n": 100, "missing": 0, "top": [["a", 50], ["b", 50]], "other": 0}
    now = {"n": 100, "missing": 1, "top": [["a", 51], ["b", 49]], "other": 0}

    told = differences.of_datasets(
        rows=(100, 100),
        columns=([column], [column]),
        profiles=({"x": before}, {"x": now}),
    )

    assert [one.text for one in told] == ["As many rows as before: 100."]
