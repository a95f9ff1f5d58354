"""Bring your own table: a file becomes a project, a dataset and a live baseline."""

from dataclasses import dataclass
from pathlib import Path

from mlsystem import baselines
from registry import projects, tables
from registry.errors import Conflict, FieldError
from registry.models import Dataset, Project, User
from serving.models import Rollout


@dataclass(frozen=True)
class Brought:
    """What came of a table."""

    project: Project
    dataset: Dataset
    rollout: Rollout


def bring_table(
    *,
    slug: str,
    path: Path,
    target: str,
    task: str = "",
    time: str = "",
    group: str = "",
    by: User | None = None,
) -> Brought:
    """Guess, create, register, and let the baseline answer. Refused: nothing is left."""
    if Project.objects.filter(slug=slug).exists():  # before a large file is read
        raise Conflict(
            f"There is a project {slug} already.",
            errors=[FieldError("slug", "Choose another one.")],
        )
    frame, lineage = tables.read_table(path=path)
    project, dataset = projects.create_from_table(
        slug=slug,
        frame=frame,
        target=target,
        task=task,
        time_column=time,
        group_column=group,
        lineage={"kind": "file", **lineage},
        by=by,
    )
    rollout = baselines.open_if_missing(project=project, by=by)
    return Brought(project, dataset, rollout)
