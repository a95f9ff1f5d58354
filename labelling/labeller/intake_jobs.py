"""Component 2, Data Labeller: an uploaded file comes in by a job: progress, bad rows by
their place, and a worker that dies is followed by one that goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db import transaction

from labelling.labeller import files
from labelling.labeller.drafts import MOST_ANSWERS, BadExample
from labelling.labeller.intake import CHUNK, import_examples
from registry import audit, imports, storage
from registry.actors import Actor
from registry.clock import now as clock_now
from registry.errors import FieldError, InvalidInput
from registry.jobs import JobContext, enqueue
from registry.models import Job, Project
from registry.web.uploads import Upload

TASK = "labelling.import"
KINDS = {".csv": "csv", ".jsonl": "lines", ".ndjson": "lines"}
SHOWN = 5
MOST_TOLD = 50  # bad rows named in the job's result
Numbered = Iterator[tuple[int, Any]]


def start(*, project: Project, upload: Upload, overlap: int, by: Actor) -> Job:
    """Store the file, and a job that reads it."""
    kind = KINDS.get(Path(upload.name).suffix.lower())
    if kind is None:
        raise _wrong("file", "Choose a .csv, .jsonl or .ndjson file.")
    if not 1 <= overlap <= MOST_ANSWERS:
        raise _wrong("overlap", f"Write a whole number from 1 to {MOST_ANSWERS}.")
    stored = storage.put_file(
        path=f"imports/{project.slug}/{uuid4().hex}", local=upload.path
    )
    with transaction.atomic():
        job = enqueue(
            task=TASK,
            lane=Job.Lane.LONG,
            project=project,
            by=by.user,
            args={
                "uri": stored.uri,
                "sha256": stored.sha256,
                "name": upload.name[:120],
                "kind": kind,
                "overlap": overlap,
            },
        )
        audit.record(
            project=project, actor=by, action="examples.import", target=job.args["name"]
        )
    return job


def recent(project: Project) -> list[Job]:
    rows = Job.objects.filter(project=project, task=TASK).order_by("-created_at")
    return list(rows.select_related("created_by")[:SHOWN])


def do_import(context: JobContext) -> None:
    """Row by row. A second attempt meets what the first stored as duplicates."""
    project, args = context.project, context.args
    assert project is not None
    if context.job.result:  # all is in; an earlier try died before the file was gone
        storage.delete(args["uri"])
        return
    path = storage.local_copy(uri=args["uri"], sha256=args["sha256"])
    read: Numbered = (
        files.read_lines(path, bare=True)
        if args["kind"] == "lines"
        else files.read_csv(path, project=project)
    )
    total = _lines(path)
    taken = import_examples(
        project=project,
        items=_told(read, context, total=total, overlap=args["overlap"]),
        now=clock_now(),
    )
    first = 1 if args["kind"] == "lines" else 2  # the header is line 1
    context.result(
        {
            "created": taken.created,
            "duplicates": taken.duplicates,
            "failed": taken.failed,
            "errors": [
                {"row": bad["index"] + first, "message": bad["message"]}
                for bad in taken.errors[:MOST_TOLD]
            ],
        }
    )
    storage.delete(args["uri"])


def forget_files() -> int:
    """Delete the files of imports that failed or were cancelled, however that came: by
    a person, or with a worker that died. Returns how many there were."""
    states = (Job.State.FAILED, Job.State.CANCELLED)
    return imports.forget(Job.objects.filter(task=TASK, state__in=states))


def _told(
    items: Numbered, context: JobContext, *, total: int, overlap: int
) -> Numbered:
    """The items, with the progress told and the job's lease guarded on the way."""
    for count, (index, item) in enumerate(items, start=1):
        if count % CHUNK == 0:
            context.guard()
            context.progress(
                count / max(total, count), f"{count} of about {total} rows"
            )
        if isinstance(item, BadExample) or overlap == 1:
            yield index, item
        else:
            yield index, {"overlap": overlap, **item}


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(2**20), b""))


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", errors=[FieldError(field, message)])
