"""Data over REST: a table comes in whole or not at all, and its test truth stays."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client

from registry import definition_sync, intake, jobs
from registry import tasks as _tasks  # noqa: F401  # registers the jobs
from registry.models import Dataset, Event, Job, Project
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


@pytest.mark.faults
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


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"nmae": "March"}, "nmae"),
        ({"name": "x" * 300}, "name"),
        ({"name": ["March", "April"]}, "name"),
        ({"file": None, "table": csv_of()}, "table"),
    ],
)
def test_a_form_takes_what_the_schema_says_and_no_more(
    churn: Project, form: dict[str, Any], field: str
) -> None:
    sent = {
        name: SimpleUploadedFile("march.csv", part) if isinstance(part, bytes) else part
        for name, part in ({"file": csv_of()} | form).items()
        if part is not None
    }
    headers = {"X-Api-Key": make_key(churn, "manage")}
    answer = Client().post("/api/v1/projects/churn/datasets", sent, headers=headers)
    assert answer.status_code == 400, answer.content
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert not churn.datasets.exists()


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl"])
def test_json_lines_have_two_names(churn: Project, kind: str) -> None:
    lines = make_frame().to_json(orient="records", lines=True).encode()
    answer = call(churn, "datasets", "manage", data=lines, kind=kind)
    assert answer.status_code == 201, answer.content
    assert answer.json()["rows"] == len(make_frame())


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


def test_what_others_add_meanwhile_is_counted_to_nobody_else(churn: Project) -> None:
    about = {"known_at": "2026-01-01T10:00:00Z", "key": {"customer": "C1"}}
    sent = [about | {"stream": "calls", "id": f"c-{i}"} for i in range(3)]
    others = [
        Event(
            project=churn,
            stream="calls",
            event_id=name,
            key="C1",
            known_at=datetime(2026, 1, 1, tzinfo=UTC),
        )
        for name in ("c-2", "d-1", "d-2", "d-3", "d-4")
    ]

    def meanwhile(execute: Any, sql: str, *rest: Any) -> Any:
        if others and sql.startswith("INSERT INTO") and "registry_event" in sql:
            added, others[:] = list(others), []
            Event.objects.bulk_create(added)
        return execute(sql, *rest)

    with connection.execute_wrapper(meanwhile):
        answer = call(
            churn, "events", "truth", data={"events": sent}, kind="application/json"
        )
    assert answer.json() == {"accepted": 2, "duplicates": 1}
    assert Event.objects.count() == 7


def test_many_events_come_in_by_pieces_and_a_retry_brings_the_rest(
    churn: Project,
) -> None:
    about = {"known_at": "2026-01-01T10:00:00Z", "key": {"customer": "C1"}}
    sent = [about | {"stream": "calls", "id": f"c-{i}"} for i in range(1_100)]
    key = {"X-Api-Key": make_key(churn, "truth"), "Idempotency-Key": "e1"}
    sizes: list[int] = []

    def break_the_second(execute: Any, sql: str, rows: Any, *rest: Any) -> Any:
        if sql.startswith("INSERT INTO") and "registry_event" in sql:
            sizes.append(len(rows))
            if len(sizes) == 2:
                raise OperationalError("database is locked")
        return execute(sql, rows, *rest)

    def post() -> Any:
        return Client(raise_request_exception=False).post(
            "/api/v1/projects/churn/events",
            {"events": sent},
            content_type="application/json",
            headers=key,
        )

    with connection.execute_wrapper(break_the_second):
        assert post().status_code == 503
        assert Event.objects.count() == 500
        again = post()
    assert again.status_code == 202
    assert again.json() == {"accepted": 600, "duplicates": 500}
    assert Event.objects.count() == 1_100
    assert max(sizes) == 500
    assert post().json() == again.json()  # answered once


def test_features_without_a_look_up_are_missing_not_an_error(churn: Project) -> None:
    body = {"entities": ["C1"]}
    answer = call(churn, "features", "predict", data=body, kind="application/json")
    assert answer.status_code == 200, answer.content
    assert set(answer.json()["features"][0]) == {f["name"] for f in churn.fields}
    wrong = {"entities": [["C1"]]}
    answer = call(churn, "features", "predict", data=wrong, kind="application/json")
    assert answer.json()["errors"][0]["field"] == "entities[0]"
