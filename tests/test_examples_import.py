"""A file of examples comes in by a job, which tells its bad rows and leaves no file."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError

from labelling import housekeeping, tasks  # noqa: F401  # registers the tasks
from labelling.labeller import intake_jobs
from labelling.models import Example
from registry import audit, jobs, storage
from registry.jobs import work_here
from registry.models import Job, Project
from tests.examples import NOW, as_person, make_mail, page
from tests.refused import shown


@pytest.fixture
def mail(db: None) -> Project:
    return make_mail()


def bring(name: str, data: bytes, **more: str) -> Any:
    file = SimpleUploadedFile(name, data)
    return as_person("Rosa").post(
        "/p/mail/examples/import", {"file": file, "overlap": "1"} | more
    )


def test_a_file_comes_in_by_a_job_that_tells_its_bad_rows(mail: Project) -> None:
    assert bring("mails.csv", b"text,extra\na,1\nb,2\na,1\nc\n").status_code == 302
    job = Job.objects.get(task="labelling.import")
    assert "mails.csv" in page("Rosa", "/import")
    assert work_here(job).state == "succeeded"
    shown = page("Rosa", "/import")
    assert "2 added, 1 were here already, 1 left out" in shown
    assert "row 5: 1 cells; the header has 2." in shown
    again = bring(
        "lines.jsonl",
        b'{"text": "d"}\n{"payload": {"text": "e"}, "overlap": 3}\n',
        overlap="2",
    )
    assert again.status_code == 302
    work_here(Job.objects.filter(task="labelling.import").latest("created_at"))
    assert dict(Example.objects.values_list("payload__data__text", "overlap")) == {
        "a": 1, "b": 1, "d": 2, "e": 3,
    }  # fmt: skip


@pytest.mark.faults
def test_an_import_begins_only_with_its_entry_in_the_trail(
    mail: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: Any) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(audit, "record", full)
    assert bring("mails.csv", b"text\na\n").status_code == 503
    assert not Job.objects.filter(task="labelling.import").exists()


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("mails.xlsx", {}, ".csv, .jsonl or .ndjson"),
        ("mails.csv", {"overlap": "0"}, "whole number from 1 to 20"),
        ("mails.csv", {"overlap": "99"}, "whole number from 1 to 20"),
    ],
)
def test_a_file_that_cannot_come_in_is_refused_at_once(
    mail: Project, name: str, more: dict[str, str], words: str
) -> None:
    answer = bring(name, b"text\na\n", **more)
    assert answer.status_code == 400
    form = shown(answer.content.decode())
    assert words in form.says("overlap" if more else "file")
    assert form.holds("overlap", more.get("overlap", "1"))
    assert not Job.objects.exists()


def test_a_broken_file_fails_its_job_with_the_reason(mail: Project) -> None:
    bring("mails.csv", b"text,text\na,b\n")
    job = Job.objects.get(task="labelling.import")
    for _ in range(job.max_attempts):
        Job.objects.filter(pk=job.pk).update(due_at=NOW)
        job = work_here(job)
    assert job.state == "failed"
    assert "must name every column" in page("Rosa", "/import")


@pytest.mark.faults
@pytest.mark.parametrize("deleted", [False, True])
def test_an_import_whose_worker_dies_at_its_end_tells_what_came_in(
    mail: Project, monkeypatch: pytest.MonkeyPatch, deleted: bool
) -> None:
    bring("mails.csv", b"text\na\nb\n")
    job = Job.objects.get(task="labelling.import")
    path, delete = storage.fetch(**stored(job)), storage.delete

    def killed(uri: str) -> None:
        if deleted:
            delete(uri)
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(storage, "delete", killed)
        with pytest.raises(SystemExit):
            work_here(job)
    Job.objects.filter(pk=job.pk).update(lease_until=NOW)
    job = work_here(job)

    assert job.state == "succeeded"
    assert "2 added" in page("Rosa", "/import")
    assert not path.exists()


def test_the_file_of_an_import_that_failed_or_was_stopped_is_deleted(
    mail: Project,
) -> None:
    for _ in range(3):
        bring("mails.csv", b"text,text\na,b\n")
    waits, failed, stopped = Job.objects.filter(task="labelling.import")
    files = {job: storage.fetch(**stored(job)) for job in (waits, failed, stopped)}
    jobs.cancel(job=stopped)
    Job.objects.filter(pk=failed.pk).update(state="failed", finished_at=NOW)

    housekeeping.clean(NOW)

    there = {job: path.exists() for job, path in files.items()}
    assert there == {waits: True, failed: False, stopped: False}
    assert intake_jobs.forget_files() == 0  # nothing is looked at twice


def stored(job: Job) -> dict[str, str]:
    return {"uri": job.args["uri"], "sha256": job.args["sha256"]}
