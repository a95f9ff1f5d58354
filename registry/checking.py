"""Registry: what is wrong with a project, told in sentences, each with its cure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import OperationalError, ProgrammingError

from registry import datasets, definition_store, featurizer, sources
from registry.definition_store import DefinitionBroken
from registry.definitions import Project as Definition
from registry.errors import DomainError, NotFound
from registry.models import Dataset, Project


@dataclass(frozen=True)
class Line:
    """One thing looked at; `wrong` where something has to be done."""

    text: str
    wrong: bool = False


def check(slug: str) -> Iterator[Line]:
    """Look at the module that declares it, at what is in the database, and at whether
    both ways of computing features agree. NotFound where neither is there."""
    definition = None
    try:
        definition = definition_store.find(slug)
    except DefinitionBroken as error:
        yield Line(error.detail, wrong=True)
    project = _record(slug)
    if definition is None and project is None:
        modules = ", ".join(definition_store.modules())
        raise NotFound(f"There is no project {slug}, and no definition in {modules}.")
    if definition is not None:
        yield from _of_definition(definition, project)
    if project is not None:
        yield from _of_project(project)


def _record(slug: str) -> Project | None:
    """A database that nobody has made yet holds no project."""
    try:
        return Project.objects.filter(slug=slug).first()
    except (OperationalError, ProgrammingError):
        return None


def _of_definition(definition: Definition, project: Project | None) -> Iterator[Line]:
    try:
        reading = sources.Reading(definition)
        found = [
            (source.name, reading.rows(source.name)) for source in definition.sources
        ]
        learning = reading.learning() if definition.sources else None
    except DomainError as error:
        yield Line(_told(error), wrong=True)
        return
    for name, rows in found:
        many = f"{len(rows.frame):,} rows of {len(rows.frame.columns)} columns"
        yield Line(f"Source {name}: {many}.")
    if learning is not None:
        missing = definition.target not in learning.frame
        yield Line(
            f"The first source has no column {definition.target}, the target."
            if missing
            else f"{len(learning.frame):,} rows to learn {definition.target} from.",
            wrong=missing,
        )
    if project is None:
        yield Line("Not in the database yet: `manage.py up` puts it there.")
    elif project.definition_hash != definition_store.content_hash(definition):
        yield Line("The code has changed since: `manage.py up` takes it over.")


def _of_project(project: Project) -> Iterator[Line]:
    dataset = project.datasets.first()
    if dataset is None:
        yield Line(
            "It has no dataset yet: upload one, or declare a source.", wrong=True
        )
        return
    for finding in dataset.findings:
        about = f"{finding['column']}: " if finding.get("column") else ""
        wrong = finding.get("level") == "error"
        yield Line(f"Dataset {dataset.number}, {about}{finding['text']}", wrong=wrong)
    yield _parity(project, dataset)


def _parity(project: Project, dataset: Dataset) -> Line:
    """Training and serving compute features by two paths: row by row they agree."""
    try:
        found = featurizer.check_parity(
            project=project,
            features=featurizer.features_spec(project),
            frame=datasets.training_frame(dataset),
        )
    except DomainError as error:
        return Line(_told(error), wrong=True)
    if found.holds:
        return Line(
            f"Features of {found.rows} rows are the same in training and serving."
        )
    one = found.differences[0]
    return Line(
        f"Feature {one.feature} differs in row {one.row}: {one.batch!r} in training, "
        f"{one.realtime!r} in serving.",
        wrong=True,
    )


def _told(error: DomainError) -> str:
    return " ".join([error.detail, *(f"{e.field}: {e.message}" for e in error.errors)])
