"""Data over REST: a table comes in whole or not at all, and its test truth stays."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from registry import definition_sync, intake, jobs
from registry import tasks as _tasks  # noqa: F401  # registers the jobs
from registry.models import Dataset, Job, Project
from tests.factories import make_dataset, make_frame, make_key, make_project

pytestmark = pytest.mark.django_db


@pytest.fixture
def churn() -> Project:
    return make_project()


def call(project: Project, path: str, *scopes: str, **given: Any) -> Any:
    headers = {"X-Api-Key": make_key(project, *scopes)}
    address = f"/api/v1/projects/{project.slug}/{path}"
    client = Client(raise_request_exception=False)
    if "file" in given:
        return client.post(address, {"file": given["file"]}, headers=headers)
    if "data" in given:
        return client.post(
            address, given["data"], content_type=given["kind"], headers=headers
        )
    return client.get(address, headers=headers)


def csv_of(**columns: Any) -> bytes:
    return make_frame(**columns).to_csv(index=False).encode()


def test_a_table_is_uploaded_by_form_or_as_the_bare_body(churn: Project) -> None:
    file = SimpleUploadedFile("customers.csv", csv_of(), "text/csv")
    first = call(churn, "datasets", "manage", file=file)
    assert first.status_code == 201, first.content
    second = call(churn, "datasets", "manage", data=csv_of(), kind="text/csv")
    assert second.status_code == 201, second.content
    said = first.json()
    assert (said["id"], said["rows"], sum(said["parts"].values())) == (1, 120, 120)
    listed = call(churn, "datasets", "read").json()["results"]
    assert [row["id"] for row in listed] == [2, 1]


def test_a_broken_table_names_its_rows_and_imports_nothing(churn: Project) -> None:
    broken = csv_of().decode() + "this,row,has,far,too,many,cells,in,it\n"
    answer = call(churn, "datasets", "manage", data=broken, kind="text/csv")
    assert answer.status_code == 400
    assert "Row 121 has 9 values" in answer.content.decode()
    assert not Dataset.objects.exists()


def test_the_target_of_test_rows_is_in_no_download(churn: Project) -> None:
    import pandas as pd

    dataset = make_dataset(churn)
    answer = call(churn, "datasets/1/download", "manage")
    table = pd.read_parquet(io.BytesIO(b"".join(answer.streaming_content)))
    known = dataset.split.counts["training"] + dataset.split.counts["validation"]
    assert table["churn"].notna().sum() <= known


def test_rows_come_page_by_page_and_those_of_the_test_part_without_target(
    churn: Project,
) -> None:
    dataset = make_dataset(churn)
    seen, path = [], "datasets/1/rows?limit=50"
    while path:
        page = call(churn, path, "manage").json()
        seen += page["results"]
        path = (page["next"] or "").partition("/churn/")[2]
    assert [row["row"] for row in seen] == list(range(120))
    assert seen[7]["values"]["customer"] == "C8"
    tested = [row for row in seen if row["part"] == "test"]
    assert len(tested) == dataset.split.counts["test"] > 0
    assert all("churn" not in row["values"] for row in tested)
    assert all(row["values"]["churn"] for row in seen if row["part"] != "test")

    only = call(churn, "datasets/1/rows?part=validation", "manage").json()["results"]
    assert only == [row for row in seen if row["part"] == "validation"]
    assert call(churn, "datasets/1/rows?part=all", "manage").status_code == 400


def test_a_large_file_is_taken_in_and_imported_by_a_job(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    taken = call(churn, "datasets", "manage", data=csv_of(), kind="text/csv")
    assert taken.status_code == 202, taken.content
    assert taken.json()["status"] == "queued"
    assert not Dataset.objects.exists()

    jobs.work_here(Job.objects.get())
    done = call(churn, f"imports/{taken.json()['id']}", "manage").json()
    assert (done["status"], done["dataset"], done["errors"]) == ("succeeded", 1, [])
    assert Dataset.objects.get().name == "upload.csv"


def test_a_large_file_that_is_broken_says_what_is_wrong(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    wrong = csv_of(tenure="many")
    taken = call(churn, "datasets", "manage", data=wrong, kind="text/csv").json()
    jobs.work_here(Job.objects.get())
    done = call(churn, f"imports/{taken['id']}", "manage").json()
    assert (done["status"], done["dataset"]) == ("failed", None)
    assert done["errors"][0]["field"] == "tenure"


def test_an_import_is_stopped_before_it_begins(
    churn: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "AT_ONCE", 100)
    taken = call(churn, "datasets", "manage", data=csv_of(), kind="text/csv").json()
    path = f"imports/{taken['id']}/cancel"
    body: dict[str, Any] = {"data": {}, "kind": "application/json"}
    assert call(churn, path, "manage", **body).json()["status"] == "cancelled"
    assert call(churn, path, "manage", **body).status_code == 409


def test_a_source_is_listed_and_read_anew_by_a_job() -> None:
    project, _ = definition_sync.install(slug="churn")
    listed = call(project, "sources", "read").json()["results"]
    assert [source["is_learnt"] for source in listed] == [True]
    body = {"source": listed[0]["name"], "name": "anew"}
    asked: dict[str, Any] = {"data": body, "kind": "application/json"}
    taken = call(project, "datasets", "manage", **asked)
    assert taken.status_code == 202, taken.content

    jobs.work_here(Job.objects.get(task=intake.TASK))
    done = call(project, f"imports/{taken.json()['id']}", "manage").json()
    assert (done["status"], done["dataset"]) == ("succeeded", 2)
    assert project.datasets.get(number=2).name == "anew"

    asked["data"] = {"source": "elsewhere"}
    assert call(project, "datasets", "manage", **asked).status_code == 404


def test_an_event_counts_once(churn: Project) -> None:
    event = {
        "stream": "calls",
        "id": "c-1",
        "key": {"customer": "C1"},
        "known_at": "2026-01-01T10:00:00Z",
        "value": 3,
    }
    body = {"events": [event, event]}
    answers = [
        call(churn, "events", "truth", data=body, kind="application/json").json()
        for _ in range(2)
    ]
    assert answers[0] == {"accepted": 1, "duplicates": 1}
    assert answers[1] == {"accepted": 0, "duplicates": 2}


def test_features_without_a_look_up_are_missing_not_an_error(churn: Project) -> None:
    body = {"entities": ["C1"]}
    answer = call(churn, "features", "predict", data=body, kind="application/json")
    assert answer.status_code == 200, answer.content
    assert set(answer.json()["features"][0]) == {f["name"] for f in churn.fields}
    wrong = {"entities": [["C1"]]}
    answer = call(churn, "features", "predict", data=wrong, kind="application/json")
    assert answer.json()["errors"][0]["field"] == "entities[0]"
