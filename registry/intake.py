"""Registry: tables on their way in: read, guessed where nobody described them, stored
whole or not at all. Large files and sources come in by a job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import transaction
from django.db.models import F

from registry import (
    audit,
    datasets,
    definition_store,
    guess,
    jobs,
    sources,
    storage,
    tables,
)
from registry.actors import Actor
from registry.errors import Conflict, DomainError, FieldError, NotFound
from registry.models import Dataset, Job, Project, Split, User

if TYPE_CHECKING:
    import pandas as pd

TASK = "registry.import_dataset"
AT_ONCE = 32 * 2**20  # bytes of a file that a request waits for


@dataclass(frozen=True)
class Prepared:
    """A dataset whose files are stored; `commit` makes it exist."""

    dataset: Dataset
    split: Split
    fields: list[dict[str, Any]] | None  # guessed, where the project had none


class ImportRefused(DomainError):
    """The table itself is wrong: trying again does not help."""

    permanent = True


def prepare(
    *, project: Project, frame: pd.DataFrame, name: str, lineage: dict[str, Any]
) -> Prepared:
    """Everything slow, outside of any transaction."""
    fields = None
    if not project.fields:
        fields = project.fields = _guessed(project, frame)
    dataset, split = datasets.prepare(project=project, frame=frame, lineage=lineage)
    dataset.name = name[:120]
    return Prepared(dataset, split, fields)


def commit(prepared: Prepared, *, by: Actor | User | None) -> Dataset:
    """The rows of a prepared dataset, in the caller's transaction if there is one."""
    dataset, project = prepared.dataset, prepared.dataset.project
    with transaction.atomic():
        if prepared.fields is not None:
            empty = Project.objects.filter(pk=project.pk, fields=[])
            if not empty.update(fields=prepared.fields, revision=F("revision") + 1):
                raise Conflict("Somebody described this project's fields just now.")
        dataset.created_by = by.user if isinstance(by, Actor) else by
        datasets.write_rows(dataset, prepared.split)
        audit.record(
            project=project, actor=by, action="dataset.import", target=str(dataset)
        )
    return dataset


def _guessed(project: Project, frame: pd.DataFrame) -> list[dict[str, Any]]:
    apart = [project.time_column, project.group_column, *project.entity]
    return guess.of_table(
        frame,
        target=project.target,
        task=project.task,
        positive=project.positive_class,
        apart=[name for name in dict.fromkeys(apart) if name],
    ).fields


def keep_file(*, project: Project, path: Path) -> storage.Stored:
    """Store an uploaded file until its job has read it; slow, so outside of any
    transaction."""
    return storage.put_file(path=f"uploads/{project.slug}/{uuid4().hex}", local=path)


def later_from_file(
    *,
    project: Project,
    staged: storage.Stored,
    name: str,
    title: str,
    by: User | None,
) -> Job:
    """Import a file that was kept, in the background."""
    return jobs.enqueue(
        task=TASK,
        lane=Job.Lane.LONG,
        project=project,
        by=by,
        args={
            "uri": staged.uri,
            "sha256": staged.sha256,
            "file": name,
            "name": title or name,
        },
    )


def later_from_source(
    *, project: Project, source: str, title: str, by: User | None
) -> Job:
    """Read a declared source anew in the background."""
    definition = definition_store.definition_of(project)
    learnt = [s.name for s in definition.sources[:1]] if definition else []
    if source not in learnt:
        told = f"it learns from {learnt[0]}" if learnt else "it declares none"
        raise NotFound(f"{project.slug} does not learn from a source {source}: {told}.")
    return jobs.enqueue(
        task=TASK,
        lane=Job.Lane.LONG,
        project=project,
        by=by,
        key=f"{TASK}:{project.pk}:{source}",
        args={"source": source, "name": title or source},
    )


def stop(*, job: Job) -> Job:
    """Cancel an import; a file that nobody will read any more is let go."""
    job = jobs.cancel(job=job)
    uri = job.args.get("uri")
    if uri and job.state == Job.State.CANCELLED:
        transaction.on_commit(lambda: storage.delete(uri))
    return job


def do_import(context: jobs.JobContext) -> None:
    """The handler: a second attempt finds what the first one committed."""
    project, job = context.project, context.job
    assert project is not None
    if "detail" in job.result:  # refused, by a try that died before it had let go
        _let_go(context.args)
        errors = [FieldError(**one) for one in job.result["errors"]]
        raise ImportRefused(job.result["detail"], errors=errors)
    done = Dataset.objects.filter(project=project, lineage__job=str(job.pk)).first()
    if done is None:
        try:
            done = _import(context, project)
        except DomainError as error:
            if error.status >= 500:
                raise
            told = [vars(one) for one in error.errors]
            context.result({"detail": error.detail, "errors": told})
            _let_go(context.args)  # nobody reads what is wrong a second time
            raise ImportRefused(error.detail, errors=error.errors) from error
        except jobs.Cancelled:
            _let_go(context.args)
            raise
    context.result({"dataset": done.number})
    _let_go(context.args)


def _let_go(args: dict[str, Any]) -> None:
    if uri := args.get("uri"):
        storage.delete(uri)


def _import(context: jobs.JobContext, project: Project) -> Dataset:
    frame, lineage = _read(context, project)
    context.progress(0.5, f"{len(frame)} rows read")
    context.guard()
    prepared = prepare(
        project=project,
        frame=frame,
        name=context.args["name"],
        lineage={**lineage, "job": str(context.job.pk)},
    )
    with transaction.atomic():
        context.guard()  # who lost the lease commits nothing
        return commit(prepared, by=context.job.created_by)


def _read(
    context: jobs.JobContext, project: Project
) -> tuple[pd.DataFrame, dict[str, Any]]:
    args = context.args
    if "uri" in args:
        path = storage.local_copy(uri=args["uri"], sha256=args["sha256"])
        frame, read = tables.read_table(path=path, name=args["file"])
        return frame, {"upload": args["file"], "sha256": args["sha256"], **read}
    definition = definition_store.definition_of(project)
    if definition is None:
        raise NotFound(f"The definition of {project.slug} is not loaded here.")
    rows = sources.learning_rows(definition)
    return rows.frame, {**rows.lineage, "definition": definition.module}
