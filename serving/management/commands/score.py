"""`manage.py score PROJECT FILE --out FILE`: many rows by the model that is live."""

import hashlib
import os
import secrets
import shutil
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from registry import jobs
from registry.actors import COMMAND_LINE
from registry.commands import HouseCommand
from registry.errors import DomainError
from registry.models import Job, Project
from registry.spreadsheets import harmless
from registry.tables import read_table
from serving import rollout, tasks  # noqa: F401  # registers the task
from serving.scorings import tables, verbs

PAUSE = 0.5  # seconds between looks at a job that a worker took


class Command(HouseCommand):
    help = (
        "Scores a CSV, Parquet or JSON Lines file; every row is logged and watched like "
        "other predictions. Stopped half-way, the same command goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", metavar="PROJECT")
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--out", type=Path, required=True, help="where to write it")
        parser.add_argument("--model", type=int, help="its number; default: live")

    def handle(self, *args: Any, **options: Any) -> str:
        out: Path = options["out"]
        if out.suffix not in _FORMATS:
            raise CommandError(
                f"--out: write a name that ends in {', '.join(_FORMATS)}."
            )
        if not out.parent.is_dir():
            raise CommandError(f"--out: there is no folder {out.parent}.")
        try:
            with _draft(out) as draft:
                job = self._done(self._job(options))
                _write(job, draft, form=out.suffix)
        except DomainError as error:
            raise CommandError(error.detail) from error
        except OSError as error:
            raise CommandError(_told(error)) from error
        rows, wrong = job.result["rows"], job.result["errors"]
        return (
            f"{rows:,} rows by {options['project']}/{job.result['model']}, "
            f"{wrong:,} of them could not be answered (column error): {out}"
        )

    def _job(self, options: dict[str, Any]) -> Job:
        """This file's job by this model: a new one, or the one that was stopped."""
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project {options['project']}.")
        path: Path = options["file"]
        if not path.is_file():
            raise CommandError(f"There is no file {path}.")
        model = options["model"]
        if model is None:
            model = rollout.of_project(project).live.number
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        key = f"score:{project.pk}:{model}:{digest[:40]}"
        job = Job.objects.filter(key=key, state__in=jobs.UNFINISHED).first()
        if job is not None:
            self.stderr.write("Going on where it stopped.")
            return job
        frame, _ = read_table(path=path)
        stored = tables.keep(project, frame)
        return verbs.enqueue(
            project=project,
            by=COMMAND_LINE,
            model=model,
            args={"input": [stored.uri, stored.sha256]},
            key=key,
        )

    def _done(self, job: Job) -> Job:
        """Work it here by the same claim as any worker; one may have been faster."""
        told = ""
        while not job.is_over:
            job = jobs.work_here(job)
            if job.message != told and not job.is_over:
                told = job.message
                self.stderr.write(told)
            if not job.is_over:
                time.sleep(PAUSE)
        if job.state != Job.State.SUCCEEDED:
            raise CommandError(f"The scoring {job.state}. {job.message}")
        return job


@contextmanager
def _draft(out: Path) -> Iterator[Path]:
    """A file that becomes `out`, or what that links to, when it is whole. It is there
    before the first row is scored: what cannot be written would be logged for nothing.
    Who may read the file before may read it after, and nobody else meanwhile."""
    out = Path(os.path.realpath(out))  # a link in circles is none, and no error
    if out.is_dir():
        raise CommandError(f"--out: {out} is a folder.")
    if out.exists() and not out.is_file():  # a device would become a file of rows
        raise CommandError(f"--out: {out} is no file.")
    draft = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600 if out.exists() else 0o666, exist_ok=False)
    try:
        yield draft
        if out.exists():
            shutil.copymode(out, draft)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def _write(job: Job, draft: Path, *, form: str) -> None:
    """The result in a format; the rows are in the log, so nobody should score anew."""
    result = verbs.file_of(job)
    try:
        _FORMATS[form](result, draft)
    except OSError as error:
        kept = f"/api/v1/projects/{job.project}/scorings/{job.pk}/file"
        raise CommandError(f"{_told(error)}. All is scored: {kept} has it.") from error


def _csv(result: Path, draft: Path) -> None:
    import pandas as pd

    frame = pd.read_parquet(result)
    for name in frame.select_dtypes(["object", "string"]):
        frame[name] = frame[name].map(harmless)
    frame.to_csv(draft, index=False)


def _jsonl(result: Path, draft: Path) -> None:
    import pandas as pd

    frame = pd.read_parquet(result)
    frame.to_json(draft, orient="records", lines=True, date_format="iso")


_FORMATS: dict[str, Callable[[Path, Path], Any]] = {
    ".parquet": shutil.copyfile,
    ".csv": _csv,
    ".jsonl": _jsonl,
}


def _told(error: OSError) -> str:
    return f"{error.strerror or error}: {error.filename or ''}"
