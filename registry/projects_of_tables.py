"""Registry: a project made of a table that nobody described, with its first dataset."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from django.db import transaction

from registry import datasets, decision, guess, projects
from registry.classes import find_class
from registry.models import Dataset, Project, User
from registry.projects import Settings

if TYPE_CHECKING:
    import pandas as pd


def create_from_table(
    *,
    frame: pd.DataFrame,
    by: User | None = None,
    lineage: dict[str, Any] | None = None,
    slug: str,
    target: str,
    task: str = "",
    exclude: Sequence[str] = (),
    told: Mapping[str, Mapping[str, Any]] | None = None,
    guard: Callable[[], None] | None = None,
    **settings: Unpack[Settings],
) -> tuple[Project, Dataset]:
    """A project with a guessed schema, and its first dataset: both, or nothing."""
    project = of_table(
        slug=slug, frame=frame, target=target, task=task, exclude=exclude, told=told,
        **settings,
    )  # fmt: skip
    return create_with_data(
        project=project, frame=frame, by=by, lineage=lineage, guard=guard
    )


def of_table(
    *,
    slug: str,
    frame: pd.DataFrame,
    target: str,
    task: str = "",
    exclude: Sequence[str] = (),
    told: Mapping[str, Mapping[str, Any]] | None = None,
    kinds: Mapping[str, str] | None = None,
    definition: str = "",
    **settings: Unpack[Settings],
) -> Project:
    """The project that a table makes with its guessed schema: checked, not saved.

    `exclude` are columns that are no inputs, `told` is what is known of fields, `kinds` of
    columns.
    """
    guessed = guess.of_table(
        frame,
        target=target,
        task=task,
        positive=settings.get("positive_class", ""),
        apart=no_inputs(settings, exclude=exclude, told=told or {}),
        told=told,
        kinds=kinds,
    )
    settings.setdefault("fields", guessed.fields)
    settings.setdefault("classes", guessed.classes)
    named = find_class(settings["classes"], guessed.positive_class)
    settings["positive_class"] = named or guessed.positive_class
    if group := settings.get("group_column"):
        settings.setdefault("entity", [group])
    project = Project(
        slug=slug, task=guessed.task, target=target, definition=definition
    )
    whole = decision.spread(settings, classes=settings["classes"])
    projects.make_ready(project, whole, columns=list(frame.columns))
    return project


def no_inputs(
    settings: Mapping[str, Any], *, exclude: Sequence[str], told: Container[str]
) -> list[str]:
    """The columns that no model learns from, but for those of which something is told."""
    apart = [settings.get("time_column", ""), settings.get("group_column", "")]
    apart += [name for name in settings.get("entity", []) if name not in told]
    return [name for name in dict.fromkeys([*apart, *exclude]) if name]


def create_with_data(
    *,
    project: Project,
    frame: pd.DataFrame,
    by: User | None = None,
    lineage: dict[str, Any] | None = None,
    guard: Callable[[], None] | None = None,
) -> tuple[Project, Dataset]:
    """A project that is not saved yet, and its first dataset: both, or nothing. `guard`
    is asked in the transaction that makes them, and raises where nobody wants them any
    more."""
    projects.refuse_taken(project.slug)
    dataset, split = datasets.prepare(project=project, frame=frame, lineage=lineage)
    dataset.name, dataset.created_by = f"{project.name}, first data", by
    with transaction.atomic():
        if guard is not None:
            guard()
        projects.insert(project=project, by=by)
        dataset.project = project
        datasets.write_rows(dataset, split)
    return project, dataset
