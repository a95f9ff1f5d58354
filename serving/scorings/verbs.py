"""Scorings: asked for, found again, and fetched."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from registry import jobs, storage
from registry.actors import Actor
from registry.errors import Conflict, FieldError, Forbidden, InvalidInput, NotFound
from registry.models import Dataset, Job, ModelVersion, Project
from serving import rollout
from serving.model_server import raw

TASK = "serving.score"


def start(
    *,
    project: Project,
    by: Actor,
    dataset: int | None = None,
    source: str = "",
    query: str = "",
    model: int | None = None,
) -> Job:
    """Score a dataset, or a declared source; the version that is live if none is named.

    A query reads whatever its database lets us read, so it takes the right to manage.
    """
    if (dataset is None) == (not source):
        raise _wrong("dataset", "Give either a dataset or a source.")
    if query and not source:
        raise _wrong("query", "A query is asked of a source.")
    if query and not _manages(by):
        raise Forbidden("A query needs an owner, or a key with the scope manage.")
    if dataset is not None:
        _check_dataset(project, dataset)
    check_rights(by)
    args = {"dataset": dataset, "source": source, "query": query}
    return enqueue(project=project, by=by, model=model, args=args)


def enqueue(
    *,
    project: Project,
    by: Actor,
    model: int | None,
    args: Mapping[str, Any],
    key: str = "",
) -> Job:
    """The job of a scoring whose input is named in `args`."""
    number = model if model is not None else rollout.of_project(project).live.number
    version = raw.version_of(project, number)
    if version.state == ModelVersion.State.ARCHIVED:
        raise Conflict(f"{version} is archived: it answers no more.")
    asked = {"model": number, "key": by.key.pk if by.key else None}
    return jobs.enqueue(
        task=TASK,
        args={**args, **asked},
        lane=Job.Lane.LONG,
        project=project,
        by=by.user,
        key=key,
    )


def check_rights(by: Actor) -> None:
    """Scorings write into the log: a person needs to be an owner, a key its scope."""
    if by.key is None and not by.may("owner"):
        raise Forbidden("This needs the role owner, or a key with the scope predict.")


def find(*, project: Project, id: UUID) -> Job:
    job = Job.objects.filter(project=project, task=TASK, pk=id).first()
    if job is None:
        raise NotFound("There is no such scoring.")
    return job


def file_of(job: Job) -> Path:
    """The result, verified; Conflict until it is there."""
    if job.state != Job.State.SUCCEEDED:
        raise Conflict(f"The scoring is {job.state}: there is no file yet.")
    if "uri" not in job.result:
        raise NotFound("Its file was deleted with the answers of its time: score anew.")
    return storage.local_copy(uri=job.result["uri"], sha256=job.result["sha256"])


def _check_dataset(project: Project, number: int) -> None:
    if not Dataset.objects.filter(project=project, number=number).exists():
        raise _wrong("dataset", f"There is no dataset {number}.")


def _manages(by: Actor) -> bool:
    allowed = by.key is None or "manage" in by.key.scopes
    return allowed and by.may("owner")


def _wrong(field: str, message: str) -> InvalidInput:
    return InvalidInput(f"{field}: {message}", errors=[FieldError(field, message)])
